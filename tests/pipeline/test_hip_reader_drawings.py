"""Maps of stems and cups that are drawn without a scanner: what they show is what is said to be true of them."""

import sys
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parents[2]
# The benchmarks are scripts, not a package: they find each other in their own folder.
sys.path.insert(0, str(PROJECT / "benchmarks"))

from hip_reader_drawings import drawn_map  # noqa: E402
from hip_reader_maps import between, cells_mm3, field  # noqa: E402
from hip_reader_samples import DEPTHS_MM  # noqa: E402
from hip_reader_variation import shown  # noqa: E402
from reader_weights import HIP_KINDS  # noqa: E402


@pytest.mark.parametrize("is_cup", [False, True])
def test_what_is_drawn_is_true(is_cup: bool) -> None:
    dark = bright = 0
    for seed in range(12):
        sample = drawn_map(np.random.default_rng(seed), is_cup=is_cup)
        features, targets = shown(sample)
        assert features.shape == (*targets.shape[:2], HIP_KINDS)
        assert np.isfinite(features).all()
        assert np.isfinite(targets).all()
        assert sample.view.is_cup == is_cup
        lucent, width = sample.true("lucent") > 0, sample.true("outer_mm")
        assert not lucent[sample.true("in_bone") == 0].any()
        assert np.all(width[lucent] > 0.3)
        assert np.all((sample.true("volume_mm3") > 0) == lucent)
        wide = lucent & (width > 3.0)
        near = sample.profiles[..., int(np.searchsorted(DEPTHS_MM, 1.75))]
        dark += int((near[wide] < 250.0).sum())
        bright += int((near[wide] >= 250.0).sum())
    assert dark > 10 * bright, "in a gap it is dark"


def test_some_are_firm_and_some_loose() -> None:
    loose = [drawn_map(np.random.default_rng(seed), is_cup=True).true("lucent").any() for seed in range(12)]
    assert 0 < sum(loose) < 12


def test_a_seed_is_one_map() -> None:
    one, again = (drawn_map(np.random.default_rng(4), is_cup=False) for _ in range(2))
    assert np.array_equal(one.profiles, again.profiles)
    assert np.array_equal(one.targets, again.targets)


def test_a_cup_s_rays_run_from_the_mouth_to_the_pole_and_cover_its_shell() -> None:
    fan = drawn_map(np.random.default_rng(1), is_cup=True).view.fan
    assert np.all(np.diff(fan.polar_rad) < 0)
    cap = 2 * np.pi * (1.0 - np.cos(np.radians(88.0)))
    assert 72 * fan.weight.sum() == pytest.approx(cap, rel=0.01)


def test_a_layer_has_its_thickness() -> None:
    inner, outer = np.zeros((1, 1)), np.full((1, 1), 2.0)
    assert between(inner, outer).sum() * 0.25 == pytest.approx(2.0)
    assert not between(outer, inner).any()


def test_volumes_between_two_walls() -> None:
    sample = drawn_map(np.random.default_rng(2), is_cup=False)
    shape = sample.true("lucent").shape
    volume = cells_mm3(sample.targets, np.zeros(shape), np.full(shape, 2.0))
    metal, shaft = sample.true("metal_mm").astype(np.float64), sample.true("is_tip")[:, 0] == 0
    beyond = metal + 2.0 / sample.true("cosine")
    expected = (beyond**2 - metal**2) / 2 * sample.true("weight")
    assert volume[shaft] == pytest.approx(expected[shaft], rel=1e-3)
    beyond, tip = metal + 2.0 / sample.true("cosine"), sample.true("is_tip")[:, 0] == 1
    assert volume[tip] == pytest.approx(((beyond**3 - metal**3) / 3 * sample.true("weight"))[tip], rel=1e-3)


def test_patches_are_as_large_as_was_asked_and_go_on_round_the_implant() -> None:
    patches = field((40, 36), (4, 4), 30.0, np.random.default_rng(1))
    assert patches.std() == pytest.approx(30.0)
    assert np.abs(patches[:, 0] - patches[:, -1]).mean() < 0.5 * np.abs(patches[:, 0] - patches[:, 18]).mean()
