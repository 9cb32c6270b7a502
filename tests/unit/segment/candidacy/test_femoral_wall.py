"""The unrolled wall of a femur."""

from dataclasses import replace

import numpy as np
import pytest

from planner.errors import GeometryError
from planner.model.volume import Mask
from planner.segment.candidacy.femoral_wall import femoral_wall
from tests.unit.segment.candidacy.femur_tube import LESSER, OUTER_MM, FemurTube


def test_a_whole_wall_reads_as_its_cortex_all_the_way_round() -> None:
    wall = FemurTube().wall()
    assert wall.is_readable.all()
    assert wall.dense_hu == pytest.approx(1200.0, abs=20.0)
    assert np.percentile(wall.peak_hu, 2) > 1000.0
    assert np.median(wall.radius_mm) == pytest.approx(OUTER_MM, abs=0.6)
    assert wall.below_mm[0] == pytest.approx(-5.0, abs=1.5)
    assert wall.below_mm[-1] == pytest.approx(118.0, abs=3.0)


def test_a_window_shows_at_its_own_height_and_angle() -> None:
    # behind, of a left femur: 60 to 120 degrees from lateral towards posterior
    wall = FemurTube(lost=((30.0, 50.0, 60.0, 120.0),)).wall()
    dark = wall.peak_hu < 300.0
    rows, turns = np.nonzero(dark)
    assert wall.below_mm[rows].mean() == pytest.approx(39.5, abs=1.5)
    assert wall.angle_deg[turns].mean() == pytest.approx(90.0, abs=4.0)


def test_where_metal_lies_at_the_surface_nothing_can_be_read() -> None:
    tube = FemurTube(stem_mm=14.5)
    wall = tube.wall()
    assert not wall.is_readable[wall.below_mm < 86.0].any()
    assert wall.is_readable[wall.below_mm > 96.0].all()
    short = FemurTube(length_mm=100, stem_mm=14.5)
    axis, metal = short.axis_lps, short.metal
    assert femoral_wall(short.envelope, ct=short.ct, metal=metal, axis_lps=axis, lesser_lps=LESSER) is None


def test_a_femur_of_no_side_and_one_out_of_view_give_none() -> None:
    tube = FemurTube()
    kwargs = {"ct": tube.ct, "metal": tube.metal, "axis_lps": tube.axis_lps}
    assert femoral_wall(replace(tube.envelope, side=None), lesser_lps=LESSER, **kwargs) is None
    assert femoral_wall(tube.envelope, lesser_lps=LESSER - [0.0, 0.0, 300.0], **kwargs) is None


def test_masks_of_another_grid_are_refused() -> None:
    tube, other = FemurTube(), FemurTube(length_mm=60)
    metal = Mask(other.grid, np.zeros(other.grid.shape, dtype=bool))
    with pytest.raises(GeometryError):
        femoral_wall(tube.envelope, ct=tube.ct, metal=metal, axis_lps=tube.axis_lps, lesser_lps=LESSER)
