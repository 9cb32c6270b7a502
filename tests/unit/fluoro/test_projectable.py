"""Cement put into a CT that was made ready before."""

import numpy as np
import pytest

from planner.errors import GeometryError
from planner.fluoro.projectable import make_projectable, with_cement
from planner.fluoro.projector import project_volume
from planner.fluoro.views import view_at
from planner.geometry.grid import Grid
from planner.model.volume import Mask
from tests.unit.pipeline.fluoroscopy.conftest import CONFIG, SHAPE, grid, plan, scene  # noqa: F401

VIEW = view_at((0.0, 0.0, 100.0), primary_deg=25.0, secondary_deg=-10.0, config=CONFIG)


def ball(where=None):
    where = where or grid()
    points = np.asarray(where.to_lps(np.moveaxis(np.indices(where.shape), 0, -1)))
    return Mask(where, np.linalg.norm(points - [12.0, 4.0, 105.0], axis=-1) < 9.0)


def test_it_is_the_picture_of_a_ct_made_ready_with_the_cement(scene):  # noqa: F811
    added = project_volume(with_cement(scene.projectable, ball()), VIEW).by_material
    anew = make_projectable(scene.volume, metal=scene.metal, cement=ball(), config=CONFIG)
    for material, lengths in project_volume(anew, VIEW).by_material.items():
        np.testing.assert_allclose(added[material], lengths, atol=1e-3)
    assert added["cement"].max() > 5.0


def test_metal_stays_metal(scene):  # noqa: F811
    before = project_volume(scene.projectable, VIEW).metal_mm
    assert np.any(ball().voxels & scene.metal.voxels)
    after = project_volume(with_cement(scene.projectable, ball()), VIEW).metal_mm
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_nothing_to_add_leaves_it_as_it_is(scene):  # noqa: F811
    assert with_cement(scene.projectable, Mask(grid(), np.zeros(SHAPE, bool))) is scene.projectable


def test_cement_of_another_grid_is_refused(scene):  # noqa: F811
    other = Grid(SHAPE, np.diag([2.0, 2.0, 2.0, 1.0]), "1.2.3.4")
    with pytest.raises(GeometryError):
        with_cement(scene.projectable, ball(other))
