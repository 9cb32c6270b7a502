"""Clefts of fractured bodies: fluid and gas; and what is none."""

import numpy as np
import pytest

from planner.model.volume import Mask
from planner.segment.candidacy.fractures import measure_heights
from planner.segment.gaps.fracture_clefts import SpineGap, measure_clefts
from tests.unit.segment.candidacy.spine_blocks import SpineBlocks

HALF = (11.0, 8.0, 2.0)


def _spine(*, front: float = 15.0, inside_hu: float | None = 15.0, band_hu: float = 380.0) -> tuple[SpineBlocks, float]:
    made = SpineBlocks([(24.0, 24.0), (front, 22.0), (25.0, 25.0)])
    centre = (2.5, 0.0, made.bottoms[1])
    if band_hu:
        made.fill(made.ellipsoid(centre, (14.0, 11.0, 4.2)), band_hu)
    share = made.ellipsoid(centre, HALF)
    if inside_hu is not None:
        made.fill(share, inside_hu)
    return made, float(share.sum()) * made.grid.voxel_volume_mm3 / 1000.0


def _clefts(made: SpineBlocks, *, taken: tuple[Mask, ...] = ()) -> tuple[SpineGap, ...]:
    volume = made.volume()
    levels = measure_heights(made.spine, made.grid)
    return measure_clefts(volume, volume, spine=made.spine, levels=levels, metal=made.empty(), taken=taken)


@pytest.mark.parametrize("inside_hu", [15.0, -800.0])
def test_a_cleft_is_measured(inside_hu: float) -> None:
    made, true_ml = _spine(inside_hu=inside_hu)
    (gap,) = _clefts(made)
    record = gap.record
    assert record.kind == "fracture_level" and record.implant_id is None and record.level == "L2"
    assert record.volume_ml is not None and record.volume_ml.estimate == pytest.approx(true_ml, rel=0.2)
    assert record.volume_ml.low <= true_ml <= record.volume_ml.high
    assert record.width_mm is not None and record.width_mm.max == pytest.approx(4.0, abs=0.7)
    assert record.centroid_lps == pytest.approx((2.5, 0.0, made.bottoms[1]), abs=0.5)
    assert gap.is_gas == (inside_hu < -500.0)
    truth = made.ellipsoid((2.5, 0.0, made.bottoms[1]), HALF) > 0.5
    both = np.count_nonzero(truth & gap.mask.voxels)
    assert 2 * both / (truth.sum() + gap.mask.voxels.sum()) > 0.85


def test_a_fractured_body_without_a_cleft_has_none() -> None:
    made, _ = _spine(inside_hu=None)
    assert _clefts(made) == ()


def test_a_dark_sheet_without_condensed_bone_is_no_cleft() -> None:
    made, _ = _spine(band_hu=0.0)
    assert _clefts(made) == ()


def test_a_body_that_kept_its_height_is_passed_over() -> None:
    made, _ = _spine(front=23.0)
    assert _clefts(made) == ()


def test_a_round_spot_is_no_cleft() -> None:
    made, _ = _spine(inside_hu=None, band_hu=0.0)
    centre = (2.5, 0.0, made.bottoms[1])
    made.fill(made.ellipsoid(centre, (6.0, 6.0, 6.0)), 380.0)
    made.fill(made.ellipsoid(centre, (4.2, 4.2, 4.2)), -60.0)
    assert _clefts(made) == ()


def test_what_another_gap_has_taken_is_no_cleft() -> None:
    made, _ = _spine()
    own = made.ellipsoid((2.5, 0.0, made.bottoms[1]), (13.0, 10.0, 3.5)) > 0
    assert _clefts(made, taken=(Mask(made.grid, own),)) == ()
