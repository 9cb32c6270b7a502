"""What the networks of stems and cups are shown, and what they say, on made-up surroundings."""

from dataclasses import replace

import numpy as np
import pytest

from planner.segment.reading.hips import BONE_MM, PATTERN_MM, SHOWN_MM, HipView, features_of, read_hip
from planner.segment.unwrap import make_fan

ANGLES, GAP_MM = 72, 2.0
HU, BONE, PATTERN = len(SHOWN_MM), len(SHOWN_MM) + len(BONE_MM), len(SHOWN_MM) + len(BONE_MM) + len(PATTERN_MM)
NAMES = (
    "cosine", "sigma", "in_bone", "is_tip", "is_cup", "is_in_cement", "is_clipped", "slice", "metal", "along", "polar",
    "cancellous",
)  # fmt: skip


def view_of_a_stem(*, gap: bool = True, length_mm: float = 90.0) -> HipView:
    """A stem of radius 6 mm in bone of 200 HU; a gap 2 mm wide with a rim, half way round, in its middle third."""
    fan = make_fan((0, 0, 0), (0, 0, -length_mm), 4.8, start_mm=3.0, step_mm=1.0, angles=ANGLES)
    rows = len(fan.along_mm)
    shape = rows, ANGLES
    lucent = np.zeros(shape, dtype=bool)
    lucent[rows // 3 : 2 * rows // 3, : ANGLES // 2] = gap
    wall = np.where(lucent, GAP_MM, 0.0)[..., None]
    hu = np.where(SHOWN_MM < 0.0, 2500.0, np.where(wall > SHOWN_MM, 40.0, 200.0))
    hu = np.where((lucent[..., None]) & (wall <= SHOWN_MM) & (wall + 1.0 > SHOWN_MM), 600.0, hu)
    return HipView(
        fan=fan, profiles=hu, bone=np.ones((*shape, len(BONE_MM))), pattern_hu=np.zeros((*shape, len(PATTERN_MM))),
        metal_mm=np.full(shape, 6.0), cosine=np.ones(shape), sigma_mm=np.full(shape, 0.5),
        in_bone=np.ones(shape, dtype=bool), cancellous_hu=200.0, slice_mm=1.5, is_cup=False, is_in_cement=False,
        is_clipped=False,
    )  # fmt: skip


def known(features: np.ndarray, name: str) -> np.ndarray:
    return features[..., PATTERN + NAMES.index(name)]


@pytest.mark.parametrize("length_mm", [90.0, 91.0])
def test_features_are_those_of_pairs_of_cells(length_mm):
    view = view_of_a_stem(length_mm=length_mm)
    rows = len(view.fan.along_mm)
    features = features_of(view)
    assert features.dtype == np.float32
    assert features.shape == ((rows + 1) // 2, ANGLES // 2, PATTERN + len(NAMES))
    assert np.abs(features).max() < 10.0, "scaled to about 1"


def test_hu_are_cut_before_they_are_averaged():
    view = view_of_a_stem(gap=False)
    profiles = np.array(view.profiles)
    profiles[0, 0], profiles[0, 1], profiles[1, :2] = 30000.0, -3000.0, 200.0
    features = features_of(replace(view, profiles=profiles))
    assert features[0, 0, :HU] == pytest.approx((4000.0 - 800.0 + 400.0) / 4 / 300.0)
    profiles[:2, :2] = 30000.0
    assert features_of(replace(view, profiles=profiles))[0, 0, :HU] == pytest.approx(2500.0 / 300.0)


def test_what_is_known_of_cells_is_shown():
    view = view_of_a_stem()
    metal = np.array(view.metal_mm)
    metal[0, 0] = 12.0
    in_bone = np.array(view.in_bone)
    in_bone[0, 0] = False
    pattern = np.full(view.pattern_hu.shape, -900.0)
    features = features_of(replace(view, metal_mm=metal, in_bone=in_bone, pattern_hu=pattern))
    assert known(features, "metal")[0, 0] == pytest.approx(np.sqrt((144 + 3 * 36) / 4) / 20 - 0.6), "by area"
    assert known(features, "in_bone")[0, 0] == pytest.approx(0.75)
    assert known(features, "sigma") == pytest.approx(0.0)
    assert known(features, "cancellous") == pytest.approx(1.0)
    assert features[..., HU:BONE] == pytest.approx(1.0)
    assert features[..., BONE:PATTERN] == pytest.approx(-5.0), "cut at 500 HU"
    tip = view.fan.is_tip[::2]
    assert (known(features, "is_tip")[tip] == 1.0).all()
    assert known(features, "along")[0] == pytest.approx((view.fan.along_mm[0] + view.fan.along_mm[1]) / 200)
    assert known(features, "polar")[0] == pytest.approx(0.0, abs=1e-6)
    assert known(features, "polar")[-1].min() > 0.9, "the last rays run along the axis"


@pytest.mark.parametrize("name", ["is_cup", "is_in_cement", "is_clipped"])
def test_what_the_implant_is_is_shown_everywhere(name):
    view = view_of_a_stem()
    assert not known(features_of(view), name).any()
    assert (known(features_of(replace(view, **{name: True})), name) == 1.0).all()


def test_a_steep_ray_counts_as_no_steeper_than_was_trained():
    view = view_of_a_stem()
    assert known(features_of(replace(view, cosine=np.full(view.cosine.shape, 0.1))), "cosine") == pytest.approx(0.3)


def test_a_reading_lies_on_the_view_s_cells():
    view = view_of_a_stem(length_mm=91.0)
    reading = read_hip(view)
    for values in (reading.chance, reading.width_mm, reading.spread_mm, reading.inner_mm):
        assert values.shape == view.in_bone.shape
    assert np.all((reading.chance >= 0) & (reading.chance <= 1))
    assert np.all(reading.width_mm >= 0) and np.all(reading.spread_mm > 0)
    assert np.abs(reading.inner_mm).max() <= 1.5


def test_a_dark_line_is_likelier_than_plain_bone():
    view = view_of_a_stem()
    chance, plain = read_hip(view).chance, read_hip(view_of_a_stem(gap=False)).chance
    rows = len(chance)
    line = slice(rows // 3 + 4, 2 * rows // 3 - 4), slice(4, ANGLES // 2 - 4)
    assert np.median(chance[line]) > 0.5
    assert np.median(plain[line]) < 0.5
    assert np.median(chance[line]) > np.median(plain[line]) + 0.3


def test_what_begins_at_another_angle_reads_alike():
    view = view_of_a_stem()
    rolled = replace(view, profiles=np.roll(view.profiles, 8, axis=1))
    here, there = read_hip(view), read_hip(rolled)
    assert np.roll(here.chance, 8, axis=1) == pytest.approx(there.chance, abs=1e-4)
    assert np.roll(here.width_mm, 8, axis=1) == pytest.approx(there.width_mm, abs=1e-3)
    assert np.roll(here.inner_mm, 8, axis=1) == pytest.approx(there.inner_mm, abs=1e-3)


def test_off_bone_nothing_is_read():
    view = view_of_a_stem()
    in_bone = np.array(view.in_bone)
    in_bone[:, ::3] = False
    chance = read_hip(replace(view, in_bone=in_bone)).chance
    assert not chance[~in_bone].any()
    assert chance[in_bone].max() > 0
    assert not read_hip(replace(view, in_bone=np.zeros_like(in_bone))).chance.any()
