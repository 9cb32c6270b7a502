"""Gaps counted in voxels, from what was measured there."""

import numpy as np
import pytest

from planner.config.given_gap_config import GivenGapConfig
from planner.geometry.grid import Grid
from planner.model.gap import Gap, GapWidth, Interval, ZoneVolume
from planner.segment.gaps.given_spaces import Drawn, measure_space

SHAPE = (20, 24, 28)
GRID = Grid(SHAPE, np.array([[0, 0, 0.5, 0], [0, 0.5, 0, 0], [1.0, 0, 0, 0], [0, 0, 0, 1]]))
VOXEL_ML = 0.25e-3


def box(low, high):
    out = np.zeros(SHAPE, dtype=bool)
    out[5:15, 6:18, low:high] = True
    return out


OWN = box(4, 14)
MEASURED_ML = 1.2 * OWN.sum() * VOXEL_ML
GAP = Gap(
    id="gap-3", implant_id="stem-left", level=None, kind="periprosthetic_gap",
    zones=(ZoneVolume(zone="gruen-2", volume_ml=MEASURED_ML),),
    volume_ml=Interval(estimate=MEASURED_ML, low=0.8 * MEASURED_ML, high=1.5 * MEASURED_ML),
    expected_fill_ml=Interval(estimate=0.5 * MEASURED_ML, low=0.1 * MEASURED_ML, high=0.6 * MEASURED_ML),
    width_mm=GapWidth(median=2.0, p95=3.0, max=4.0), interface_fraction=0.4, centroid_lps=(0.0, 0.0, 0.0), trust=0.7,
)  # fmt: skip


def measured(given, own=OWN, gap=GAP, *, resampled=False, zones=None):
    return measure_space(
        Drawn(GRID, given, own, resampled), gap, implant_id="cage-1", level="L4", kind="cage_interface",
        zones=zones, trust=0.5, config=GivenGapConfig(),
    )  # fmt: skip


def test_an_unedited_gap_keeps_its_record():
    assert measured(OWN) is GAP
    assert not Drawn(GRID, OWN, OWN, is_resampled=False).is_edited


def test_borders_that_moved_by_resampling_are_no_edit_but_on_the_same_grid_they_are():
    shifted = np.roll(OWN, 1, axis=2)
    assert measured(shifted, resampled=True) is GAP
    assert measured(shifted) is not GAP
    assert measured(box(4, 9), resampled=True) is not GAP


def test_what_was_kept_counts_as_it_was_measured():
    half = measured(box(4, 9))
    assert half.volume_ml.estimate == pytest.approx(MEASURED_ML / 2)
    assert 0.3 * MEASURED_ML < half.volume_ml.low < 0.4 * MEASURED_ML  # the cut border has an error of its own
    assert (half.implant_id, half.kind, half.level, half.trust) == ("stem-left", "periprosthetic_gap", None, 0.7)
    assert half.expected_fill_ml is None  # what was simulated of the gap as it was does not hold for it


def test_what_was_added_counts_in_whole_voxels_and_widens_the_interval():
    more = measured(box(4, 20))
    added_ml = 6 * 120 * VOXEL_ML
    assert more.volume_ml.estimate == pytest.approx(MEASURED_ML + added_ml)
    assert more.volume_ml.high - more.volume_ml.estimate > GAP.volume_ml.high - GAP.volume_ml.estimate
    assert more.volume_ml.low < more.volume_ml.estimate


def test_voxels_tell_no_width_and_no_share_of_the_interface():
    edited = measured(box(4, 20))
    assert edited.width_mm is None and edited.interface_fraction is None


def test_zones_add_up_to_the_volume():
    middle = float(GRID.to_lps((0, 0, 8.5))[0])
    gap = measured(
        box(4, 20), zones=lambda points: tuple("gruen-2" if x < middle else "gruen-10" for x in points[:, 0])
    )
    assert [zone.zone for zone in gap.zones] == ["gruen-2", "gruen-10"]
    assert sum(zone.volume_ml for zone in gap.zones) == pytest.approx(gap.volume_ml.estimate)
    assert gap.zones[0].volume_ml == pytest.approx(MEASURED_ML / 2)


def test_a_new_gap_has_its_voxels_and_the_place_it_was_told():
    new = measured(OWN, np.zeros(SHAPE, dtype=bool), None)
    assert new.volume_ml.estimate == pytest.approx(OWN.sum() * VOXEL_ML)
    assert (new.implant_id, new.level, new.kind, new.trust, new.zones) == ("cage-1", "L4", "cage_interface", 0.5, ())
    assert new.centroid_lps == pytest.approx(tuple(GRID.to_lps(np.argwhere(OWN).mean(axis=0))))
    assert new.expected_fill_ml is None


def test_the_area_of_a_sphere_is_told_from_its_voxels():
    fine = Grid((40, 40, 40), np.diag([0.5, 0.5, 0.5, 1.0]))
    ball = np.linalg.norm(np.moveaxis(np.indices((40, 40, 40)), 0, -1) - 19.5, axis=-1) < 16
    drawn = Drawn(fine, ball, np.zeros_like(ball), is_resampled=False)
    assert drawn.moved_area_mm2 == pytest.approx(4 * np.pi * 8.0**2, rel=0.05)
    assert Drawn(fine, ball, ball, is_resampled=False).moved_area_mm2 == 0.0
