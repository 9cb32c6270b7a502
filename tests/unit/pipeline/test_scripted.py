"""A volume from a script becomes a scan, also where its grid is sheared."""

import numpy as np
import pytest

from planner.errors import GeometryError, NoImplantError
from planner.geometry.grid import Grid
from planner.model.carm import CArm
from planner.model.volume import Volume
from planner.pipeline.fluoroscopy.pictures import render_view
from planner.pipeline.scripted import estimate_volumes, plan, scan_of


def volume(lean):
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, 0.7], [lean * 1.25, 0.8, 0], [1.25, 0, 0]]
    grid = Grid((40, 60, 64), matrix)
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    inside = np.linalg.norm((points - grid.centre_lps)[..., :2], axis=-1) < 18
    return Volume(grid, np.where(inside, 40, -1000).astype(np.int16))


def test_a_rectangular_volume_is_taken_as_it_is():
    given = volume(0.0)
    scan = scan_of(given)
    assert scan.volume is given and scan.findings == () and scan.stored is None


def test_a_sheared_volume_is_brought_upright():
    given = volume(0.3)
    scan = scan_of(given)
    assert scan.volume.grid.is_rectangular and [f.code for f in scan.findings] == ["gantry-tilt"]
    assert scan.series.shape_zyx == (40, 60, 64) and scan.series.spacing_mm == pytest.approx((1.25, 0.8, 0.7))
    assert scan.own_slices.grid.is_same(given.grid)
    for run in (plan, estimate_volumes):
        with pytest.raises(NoImplantError):  # and not for its shear
            run(given)


def test_a_shear_that_nothing_makes_is_refused():
    for run in (plan, estimate_volumes):
        with pytest.raises(GeometryError, match="more than any gantry tilts"):
            run(volume(0.7))


def test_a_view_of_a_sheared_volume_is_that_of_the_upright_one():
    given = volume(0.3)
    points = np.asarray(given.grid.to_lps(np.moveaxis(np.indices(given.grid.shape), 0, -1)))
    rod = np.linalg.norm((points - given.grid.centre_lps)[..., [0, 2]], axis=-1) < 4
    given = Volume(given.grid, np.where(rod, 3000, given.hu).astype(np.int16))
    carm = CArm(
        isocentre_lps=tuple(float(v) for v in given.grid.centre_lps),
        primary_deg=0,
        secondary_deg=0,
        source_detector_mm=1000,
        source_isocentre_mm=600,
        pixel_mm=1.5,
        rows=40,
        columns=40,
    )
    seen, again = (render_view(ct, carm).attenuation for ct in (given, scan_of(given).volume))
    assert np.array_equal(seen, again) and np.ptp(seen) > 1
