"""What the learned reader of stems and cups is trained on: as the program sees them, and true to the gaps drawn."""

import argparse
import importlib.util
import sys
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from planner.config.phantoms.scan import IdealScan
from planner.config.plan_config import PlanConfig
from planner.geometry.frames import PointsLps
from planner.geometry.grid import Grid
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Mask, Volume
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, Difference
from planner.phantoms.solids.raster import contains
from planner.phantoms.tissues import CANCELLOUS, CORTICAL, FIBROUS, MUSCLE, SCLEROTIC, TITANIUM
from planner.phantoms.truth.facts import TrueGap, TrueImplant, Truth
from planner.segment.gaps.hip_look import look_at
from planner.segment.implants.hips import HipPart
from planner.segment.reading import network
from planner.segment.reading.hips import SHOWN_MM, features_of, read_hip

PROJECT = Path(__file__).resolve().parents[2]
# The benchmarks are scripts, not a package: they find each other in their own folder.
sys.path.insert(0, str(PROJECT / "benchmarks"))

import hip_reader_samples  # noqa: E402
from accuracy_cases import TABLE, load_cases  # noqa: E402
from hip_reader_cases import FIRST_SEED, table_hips, training_hip  # noqa: E402
from hip_reader_drawings import drawn_map  # noqa: E402
from hip_reader_samples import (  # noqa: E402
    DEPTHS_MM,
    TARGETS,
    HipSample,
    chosen_hips,
    measured_samples,
    on_cells,
    read_samples,
    sample_of,
    true_part,
    write_samples,
)
from hip_reader_variation import Amounts, bone_ends_mm, changed, grafted, varied  # noqa: E402
from reader_weights import HIP_AT_FIRST, HIP_KINDS, fresh_layers  # noqa: E402

UNCHANGED = Amounts(**{f.name: (0.0, 0.0) if isinstance(f.default, tuple) else 0 for f in fields(Amounts)})
RADIUS, LENGTH, GAP_MM = 6.0, 40.0, 2.5
TOP, BOTTOM = 8.0, -8.0
SHAFT = Cylinder((0, 0, LENGTH / 2), (0, 0, -LENGTH / 2), RADIUS)
GAP = Difference(Cylinder((0, 0, TOP), (0, 0, BOTTOM), RADIUS + GAP_MM), SHAFT)
GAP_MM3 = np.pi * ((RADIUS + GAP_MM) ** 2 - RADIUS**2) * (TOP - BOTTOM)


# --- the patients ---


def test_a_number_is_one_patient() -> None:
    assert training_hip(7) == training_hip(7)
    assert training_hip(7).recipe_json() != training_hip(8).recipe_json()


def test_the_patients_are_those_that_the_weights_were_trained_on() -> None:
    case = training_hip(4)
    assert (case.site, case.seed, case.name) == ("hip", 30004, "h0004")
    assert case.draw == {"defects": ["whole line", "osteolysis"]}
    assert (case.scan.kvp, case.scan.artefacts, case.scan.kernel) == (140.0, True, "bone")
    assert training_hip(1).draw == {"defects": ["line", "cup osteolysis", "rim"], "cemented": True}
    assert case.scan.tube_mas == pytest.approx(364.9075)
    assert (case.field["slice_mm"], case.clipped) == (2.0, False)
    assert training_hip(6).draw == {"loose": False}


def test_nobody_is_trained_on_who_is_held_out() -> None:
    held_out = {case.seed for case in load_cases() if case.group == "held-out"}
    chosen = table_hips([TABLE])
    assert [case.name for case in chosen] == [f"hip-t{n:02d}" for n in range(1, 10)]
    assert held_out.isdisjoint(case.seed for case in chosen)
    assert max(case.seed for case in load_cases()) < FIRST_SEED


def test_cases_are_those_that_were_named_each_once() -> None:
    named = argparse.Namespace(cases=[range(0, 3), range(2, 4)], tables=[])
    assert [case.name for case in chosen_hips(named)] == ["h0000", "h0001", "h0002", "h0003"]


# --- a scanned stem ---


def _volume(*, loose: bool) -> Volume:
    """A rod along z in a bone; round its middle a gap with a rim."""
    bone, marrow = (Cylinder((0, 0, 26), (0, 0, -26), r) for r in (16.0, 13.5))
    parts = [Part("bone", bone, CORTICAL), Part("marrow", marrow, CANCELLOUS)]
    if loose:
        rim = Cylinder((0, 0, TOP), (0, 0, BOTTOM), RADIUS + GAP_MM + 1.0)
        parts += [Part("rim", rim, SCLEROTIC), Part("gap", GAP, FIBROUS)]
    matrix = np.diag([0.8, 0.8, 1.0, 1.0])[:, [2, 1, 0, 3]]
    shape = np.array([56, 48, 48])
    matrix[:3, 3] = -matrix[:3, :3] @ ((shape - 1) / 2)
    grid = Grid(tuple(int(n) for n in shape), matrix)
    return ideal_scan(Scene((*parts, Part("stem", SHAFT, TITANIUM)), MUSCLE), grid, IdealScan(seed=5, subsamples=2))


def _inside(volume: Volume, solid: Cylinder) -> Mask:
    points = np.asarray(volume.grid.to_lps(np.argwhere(np.ones(volume.grid.shape, dtype=bool))))
    return Mask(volume.grid, contains(solid, PointsLps(points)).reshape(volume.grid.shape))


def _part(volume: Volume) -> HipPart:
    head, tip = (0.0, 0.0, LENGTH / 2), (0.0, 0.0, -LENGTH / 2)
    axis = ImplantAxis(head_lps=head, tip_lps=tip, diameter_mm=12.0, core_diameter_mm=None, length_mm=LENGTH)
    record = Implant(
        id="stem-left", kind="femoral_stem", volume_ml=None, centroid_lps=(0.0, 0.0, 0.0), axis=axis, bulls_eye=None,
        side="left", level=None, material="unknown", loosening=None,
    )  # fmt: skip
    return HipPart(record, _inside(volume, SHAFT), None, None, None, is_cut=False)


def _bone(volume: Volume) -> Mask:
    return _inside(volume, Cylinder((0, 0, 26), (0, 0, -26), 16.0))


def _truth() -> Truth:
    bone, body = Cylinder((0, 0, 26), (0, 0, -26), 16.0), Cylinder((0, 0, 60), (0, 0, -60), 90.0)
    implants = (
        TrueImplant("head", "femoral_head", SHAFT, centre_lps=(0.0, 0.0, 0.0)),
        TrueImplant("other", "femoral_stem", SHAFT, head_lps=(90.0, 0.0, 20.0), tip_lps=(90.0, 0.0, -20.0)),
        TrueImplant("stem", "femoral_stem", SHAFT, head_lps=(0.0, 0.0, 20.0), tip_lps=(0.0, 0.0, -20.0)),
    )
    gaps = (
        TrueGap("gap-1", "stem", "periprosthetic_gap", GAP_MM, GAP),
        TrueGap("gap-2", "other", "periprosthetic_gap", GAP_MM, SHAFT),
    )
    axes = tuple(np.arange(-20.0, 21.0) for _ in range(3))
    return Truth(implants, gaps, bone, body, (), Scene((), MUSCLE), axes)


@pytest.fixture(scope="module")
def scanned() -> Volume:
    return _volume(loose=True)


@pytest.fixture(scope="module")
def loose(scanned: Volume) -> HipSample:
    return sample_of(scanned, _part(scanned), _bone(scanned), None, mantles=(), implant="stem", gaps=[GAP])


@pytest.fixture(scope="module")
def firm() -> HipSample:
    volume = _volume(loose=False)
    return sample_of(volume, _part(volume), _bone(volume), None, mantles=(), implant="stem", gaps=[])


def test_training_sees_a_stem_as_the_program_does(loose: HipSample, scanned: Volume) -> None:
    found = look_at(
        scanned, _part(scanned), bone=_bone(scanned), metal=_inside(scanned, SHAFT), mantles=(), trust=None,
        config=PlanConfig().hip_gaps,
    )  # fmt: skip
    assert read_hip(loose.view).chance == pytest.approx(found.reading.chance, abs=1e-6)
    assert loose.view.metal_mm == pytest.approx(found.interface.metal_mm)


def test_the_truth_s_volume_and_walls_are_in_the_targets(loose: HipSample) -> None:
    assert loose.true("volume_mm3").sum() == pytest.approx(GAP_MM3, rel=0.08)
    whole = loose.true("lucent") == 1.0
    # from where the metal's edge was read, which blur moves by some tenths of a millimetre
    assert np.median((loose.true("outer_mm") - loose.true("inner_mm"))[whole]) == pytest.approx(GAP_MM, abs=0.26)
    assert np.median(loose.true("inner_mm")[whole]) == pytest.approx(0.0, abs=0.5)
    assert not loose.true("outer_mm")[loose.true("lucent") == 0.0].any()
    along = loose.view.fan.along_mm[::2]
    assert not loose.true("lucent")[(along < 10.0) | (along > 30.0)].any()
    assert loose.true("lucent")[(along > 14.0) & (along < 26.0)].all()


def test_round_a_firm_stem_nothing_is_true(firm: HipSample) -> None:
    assert firm.true("in_bone").mean() > 0.5
    for name in ("lucent", "outer_mm", "inner_mm", "volume_mm3"):
        assert not firm.true(name).any()


def test_a_gap_that_begins_far_away_is_none_of_the_implant_s(scanned: Volume) -> None:
    far = Difference(Cylinder((0, 0, TOP), (0, 0, BOTTOM), RADIUS + 6.0), Cylinder((0, 0, 30), (0, 0, -30), RADIUS + 3))
    sample = sample_of(scanned, _part(scanned), _bone(scanned), None, mantles=(), implant="stem", gaps=[far])
    assert not sample.true("lucent").any()
    assert not sample.true("volume_mm3").any()


def test_a_part_is_the_nearest_of_its_kind_or_none(scanned: Volume) -> None:
    part, truth = _part(scanned), _truth()
    found = true_part(part, truth)
    assert found is not None
    assert found.id == "stem"
    assert true_part(part, replace(truth, implants=truth.implants[:2])) is None, "90 mm away is the other hip"


def test_parts_that_are_told_and_true_make_samples(scanned: Volume, loose: HipSample, monkeypatch) -> None:
    part = _part(scanned)
    head = replace(part, record=part.record.model_copy(update={"kind": "femoral_head", "id": "head-left"}))
    told = SimpleNamespace(
        known=(part,), metal=SimpleNamespace(mask=part.metal), hips=(head, part), parts=()
    )  # fmt: skip
    monkeypatch.setattr(hip_reader_samples, "tell_implants", lambda *_, **__: told)
    monkeypatch.setattr(hip_reader_samples, "survey", lambda *_, **__: SimpleNamespace(bone=_bone(scanned)))
    monkeypatch.setattr(hip_reader_samples, "trust_map", lambda *_, **__: None)
    (sample,) = measured_samples(scanned, _truth())
    assert sample.implant == "stem"
    assert np.array_equal(sample.targets, loose.targets)
    assert measured_samples(scanned, replace(_truth(), implants=())) == ()


def test_files_give_back_what_the_networks_are_shown(loose: HipSample, firm: HipSample, tmp_path: Path) -> None:
    write_samples(tmp_path / "h.npz", [loose, firm])
    back = read_samples(tmp_path / "h.npz")
    for before, after in zip((loose, firm), back, strict=True):
        assert after.implant == before.implant
        assert features_of(after.view) == pytest.approx(features_of(before.view), abs=0.01)  # 1 HU is 0.0033
        assert np.array_equal(after.targets, before.targets)
    assert [p.name for p in tmp_path.iterdir()] == ["h.npz"]


def test_profiles_of_pairs_are_those_of_the_view(loose: HipSample) -> None:
    features = features_of(loose.view)[..., : len(SHOWN_MM)]
    assert np.clip(loose.profiles[..., hip_reader_samples.SHOWN_AT], -800, 2500) / 300 == pytest.approx(
        features, abs=1e-4
    )
    assert np.array_equal(on_cells(loose.targets, 2 * len(loose.targets) - 1)[::2, ::2], loose.targets)


# --- variations ---


def _hu_at(sample: HipSample, offset_mm: float) -> np.ndarray:
    shape = len(sample.targets), sample.targets.shape[1], 2, 2
    full = np.asarray(sample.view.profiles)[..., int(np.argmin(np.abs(SHOWN_MM - offset_mm)))]
    even = full if len(full) % 2 == 0 else np.concatenate([full, full[-1:]])
    return even.reshape(shape[0], 2, shape[1], 2).mean(axis=(1, 3))


def test_without_change_a_view_stays(loose: HipSample) -> None:
    again = changed(loose, np.random.default_rng(1), UNCHANGED)
    assert features_of(again.view) == pytest.approx(features_of(loose.view), abs=1e-4)
    assert np.array_equal(again.targets, loose.targets)


def test_maps_are_turned_and_mirrored_together(loose: HipSample) -> None:
    share = loose.true("lucent").copy()
    share[:, 9:] = 0.0
    targets = loose.targets.copy()
    targets[..., 0] = share
    profiles = np.where(share[..., None] > 0, 40.0, 200.0) * np.ones(len(DEPTHS_MM))
    view = replace(loose.view, profiles=on_cells(profiles[..., : len(SHOWN_MM)], len(loose.view.in_bone)))
    half = replace(loose, view=view, targets=targets, profiles=profiles.astype(np.float32))
    seen = set()
    for seed in range(8):
        features, true = varied(half, [], np.random.default_rng(seed), UNCHANGED)
        dark = features[..., 6] < 0.4
        assert np.array_equal(dark, true[..., TARGETS.index("lucent")] > 0)
        seen.add(tuple(dark[len(dark) // 2]))
    assert len(seen) > 2


def test_an_edge_read_too_far_out_moves_profiles_and_truth_alike(loose: HipSample) -> None:
    moved = Amounts(**{**{f.name: getattr(UNCHANGED, f.name) for f in fields(Amounts)}, "shift_share": 1.0})
    steps = set()
    for seed in range(12):
        view = changed(loose, np.random.default_rng(seed), moved)
        off = float(np.median(view.view.metal_mm - loose.view.metal_mm))
        steps.add(round(off / 0.25))
        lucent = loose.true("lucent") == 1.0
        assert (loose.true("outer_mm") - view.true("outer_mm"))[lucent] == pytest.approx(off, abs=0.02)
        assert (loose.true("inner_mm") - view.true("inner_mm"))[lucent] == pytest.approx(off, abs=0.02)
        assert view.true("metal_mm") - loose.true("metal_mm") == pytest.approx(off, abs=0.2)
        assert not view.true("outer_mm")[loose.true("lucent") == 0].any()
        assert _hu_at(view, 1.0)[12] == pytest.approx(_hu_at(loose, 1.0 + round(off / 0.25) * 0.25)[12], abs=1.0)
    assert steps == {-1, 0, 1}


def test_denser_bone_begins_at_the_true_wall(loose: HipSample) -> None:
    denser = Amounts(**{
        **{f.name: getattr(UNCHANGED, f.name) for f in fields(Amounts)}, "bone_share": 1.0, "bone_hu": 400.0,
    })  # fmt: skip
    view = changed(loose, np.random.default_rng(3), denser)
    told = view.view.cancellous_hu - loose.view.cancellous_hu
    assert abs(told) > 50.0
    lucent = loose.true("lucent") == 1.0
    assert (_hu_at(view, 6.0) - _hu_at(loose, 6.0))[lucent] == pytest.approx(told, rel=0.02), "all of it beyond"
    assert np.abs((_hu_at(view, 0.75) - _hu_at(loose, 0.75))[lucent]).max() < 0.1 * abs(told), "none in the gap"


def test_artefacts_foretold_may_be_missing(loose: HipSample) -> None:
    told = replace(loose, view=replace(loose.view, pattern_hu=np.full_like(loose.view.pattern_hu, 50.0)))
    never = replace(UNCHANGED, no_pattern_share=1.0)
    assert not changed(told, np.random.default_rng(1), never).view.pattern_hu.any()
    assert (changed(told, np.random.default_rng(1), UNCHANGED).view.pattern_hu == 50.0).all()


def test_another_s_gap_darkens_bone_and_is_true_there(loose: HipSample, firm: HipSample) -> None:
    amounts = replace(UNCHANGED, graft_hu=40.0)
    for seed in range(6):
        sample = grafted(firm, loose, np.random.default_rng(seed), amounts)
        lucent = sample.true("lucent") > 0
        if not lucent.any():
            continue
        added = sample.profiles - firm.profiles
        at = int(np.searchsorted(DEPTHS_MM, 1.25))
        assert (added[..., at][sample.true("lucent") == 1.0] < -10.0).mean() > 0.9
        assert np.abs(added[:, :, -4:]).max() < 5.0, "nothing 11 mm away"
        wall = sample.true("outer_mm")[lucent]
        assert np.all(wall <= bone_ends_mm(firm.view)[lucent]), "never through the bone's outline"
        assert sample.true("volume_mm3")[lucent].min() > 0
        assert not sample.true("volume_mm3")[~lucent].any()
        return
    pytest.fail("no seed laid a gap")


def test_without_bone_no_gap_is_laid(loose: HipSample, firm: HipSample) -> None:
    targets = firm.targets.copy()
    targets[..., TARGETS.index("in_bone")] = 0.0
    bare = replace(firm, targets=targets)
    assert all(grafted(bare, loose, np.random.default_rng(seed)) is bare for seed in range(4))


def test_bone_ends_where_its_outline_does(firm: HipSample) -> None:
    middle = (firm.view.fan.along_mm[::2] > 10) & (firm.view.fan.along_mm < 30)[::2]
    # the bone's surface lies 10 mm off the stem's, the last depth asked is 10 mm
    assert np.median(bone_ends_mm(firm.view)[middle]) in (8.0, 12.0)
    bare = replace(firm.view, bone=np.zeros_like(firm.view.bone))
    assert np.all(bone_ends_mm(bare) == 0.5)


# --- weights, and training where JAX is installed ---


def test_fresh_weights_are_a_network_of_the_same_layers(firm: HipSample) -> None:
    fresh = fresh_layers(np.random.default_rng(1), kinds=HIP_KINDS, at_first=HIP_AT_FIRST)
    used = network.networks("hip")[0].layers
    assert {name: [a.shape for a in both] for name, both in fresh.items()} == {
        name: [a.shape for a in both] for name, both in used.items()
    }
    said = network.Network(fresh).read(features_of(firm.view))
    assert 0.05 < float(said.chance.mean()) < 0.5
    assert np.abs(said.inner_mm).max() < 1.0


@pytest.mark.skipif(
    importlib.util.find_spec("jax") is None or importlib.util.find_spec("optax") is None,
    reason="JAX and optax come with the extra `train`, which is not installed",
)
def test_jax_and_the_program_read_alike_and_a_wrong_reading_costs_more(loose: HipSample, firm: HipSample) -> None:
    import reader_training as training
    from reader_losses import hip_loss
    from reader_recipes import CUPS, HIPS, STEMS

    fresh = fresh_layers(np.random.default_rng(3), kinds=HIP_KINDS, at_first=HIP_AT_FIRST)
    for layers in (fresh, network.networks("hip")[0].layers):
        assert training.disagreement(layers, features_of(loose.view)) < training.AGREES_WITHIN
    features, right = features_of(loose.view)[None, :20], loose.targets[None, :20]
    weight, _ = fresh["out"]

    def cost(logit: float, inner_mm: float = 0.0) -> float:
        told = {**fresh, "out": (0.0 * weight, np.array([logit, 2.2, 0.0, inner_mm], dtype=np.float32))}
        return float(hip_loss(told, features, right)[0])

    assert cost(0.0) < min(cost(-6.0), cost(6.0)), "some of the cells are lucent"
    assert cost(0.0) < cost(0.0, inner_mm=1.4), "the gap begins at the metal"

    cups = [drawn_map(np.random.default_rng(seed), is_cup=True) for seed in range(CUPS + 1)]
    samples = [loose, firm, *cups]
    batches = list(HIPS.batches(samples, np.random.default_rng(1)))
    assert len(batches) == HIPS.steps(samples) == 2
    assert {len(features) for features, _ in batches} == {STEMS, CUPS}
    assert all(np.isfinite(m).all() and m.shape[1] % 4 == 0 for both in batches for m in both)
