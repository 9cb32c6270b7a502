"""The level of a shaft's own metal, beside another metal and joined to it."""

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple
from planner.geometry.grid import Grid
from planner.model.implant import Implant, ImplantAxis
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder
from planner.phantoms.tissues import COBALT_CHROME, MUSCLE, TITANIUM
from planner.segment.implants.metal import find_metal
from planner.segment.implants.own_level import own_level_hu, points_inside

THIN = ((10.0, 12.0, 6.0), (10.0, 12.0, 30.0))
TITANIUM_HU, HEAVY_HU = 4350.0, 10100.0


def _rod(ends, course=()) -> Implant:
    length = float(np.linalg.norm(np.subtract(*ends)))
    axis = ImplantAxis(head_lps=ends[0], tip_lps=ends[1], diameter_mm=5.5, core_diameter_mm=None, length_mm=length)
    return Implant(
        id="rod-1", kind="rod", volume_ml=None, centroid_lps=point_tuple(np.mean(ends, axis=0)), axis=axis,
        bulls_eye=None, side=None, level=None, material="unknown", loosening=None, course_lps=course,
    )  # fmt: skip


def _level(thick_x_mm: float, *, clipped: float | None = None) -> tuple[float, float]:
    """Level of a thin titanium rod, and of all metal; the rest is a thick rod of cobalt-chrome."""
    thick = Cylinder((thick_x_mm, 12.0, 4.0), (thick_x_mm, 12.0, 32.0), 5.0)
    parts = (Part("thick", thick, COBALT_CHROME), Part("thin", Cylinder(*THIN, 2.75), TITANIUM))
    matrix = np.array([[0, 0, 0.8, 0.0], [0, 0.8, 0, 0.0], [1.0, 0, 0, 0.0], [0, 0, 0, 1.0]])
    settings = IdealScan(seed=3, subsamples=3, hu_clipped_at=clipped)
    volume = ideal_scan(Scene(parts, MUSCLE), Grid((36, 30, 50), matrix), settings)
    metal = find_metal(volume, ImplantConfig())
    return own_level_hu(_rod(THIN), metal=metal, volume=volume), metal.level_hu


@pytest.mark.parametrize("thick_x_mm", [28.0, 16.5])
def test_titanium_keeps_its_own_level_beside_and_against_heavier_metal(thick_x_mm):
    own, of_all = _level(thick_x_mm)
    assert own == pytest.approx(TITANIUM_HU, rel=0.06)
    assert of_all == pytest.approx(HEAVY_HU, rel=0.06)


def test_a_clipped_scan_has_one_level():
    own, of_all = _level(16.5, clipped=3071.0)
    assert own == of_all


def test_where_no_piece_is_the_level_is_that_of_all_metal():
    matrix = np.diag([1.0, 1.0, 1.0, 1.0])
    empty = ideal_scan(Scene((), MUSCLE), Grid((36, 30, 30), matrix), IdealScan(seed=3, subsamples=1))
    metal = find_metal(empty, ImplantConfig())
    assert own_level_hu(_rod(THIN), metal=metal, volume=empty) == metal.level_hu


def test_a_bent_rod_is_read_along_its_course():
    course = ((0.0, 0.0, 20.0), (0.0, 10.0, 10.0), (0.0, 0.0, 0.0))
    points = points_inside(_rod(((0.0, 0.0, 20.0), (0.0, 0.0, 0.0)), course))
    assert points[:, 1].max() == pytest.approx(10.0, abs=0.3)
    assert points_inside(_rod(THIN))[:, 1] == pytest.approx(12.0)


def test_a_shaft_without_an_axis_is_refused():
    with pytest.raises(ValueError, match="no axis"):
        points_inside(_rod(THIN).model_copy(update={"axis": None}))
