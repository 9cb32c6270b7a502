"""Needles into an intact body: from both sides where both pedicles are told, and never as needles to a gap."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.errors import GeometryError
from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Bone, Pedicle
from planner.model.volume import Mask, Volume
from planner.needles.prophylactic import search_level
from planner.safety.fields import distance_fields

LEFT = Pedicle("vertebra-1", "left", points_lps([14.0, 12.0, 0.0]), points_lps([-0.2, -0.98, 0.0]))
RIGHT = Pedicle("vertebra-1", "right", points_lps([-14.0, 12.0, 0.0]), points_lps([0.2, -0.98, 0.0]))


@pytest.fixture(scope="module")
def intact(vertebra, scene):
    """The small vertebra without its screw, as a level beside a construct is."""
    config = NeedleConfig(targets_per_gap=6, direction_step_deg=6.0, refine_best=10, per_gap=2)
    none = Mask(vertebra.grid, np.zeros(vertebra.grid.shape, dtype=bool))
    hu = np.where(vertebra.metal.voxels, 300.0, vertebra.ct.hu).astype(np.float32)
    bare = replace(vertebra, metal=none, gaps=(), implants=(), ct=Volume(vertebra.grid, hu))
    return replace(scene, anatomy=bare, fields=distance_fields(bare, config=config), config=config)


@pytest.fixture(scope="module")
def space(vertebra):
    x, y, z = np.moveaxis(np.asarray(vertebra.grid.to_lps(np.moveaxis(np.indices(vertebra.grid.shape), 0, -1))), -1, 0)
    return Mask(vertebra.grid, (np.abs(x) < 11) & (y < -8) & (y > -18) & (np.abs(z) < 8))


def test_both_sides_are_searched_and_ranked(intact, space):
    found = search_level(intact, "prophylactic-1", space, (LEFT, RIGHT))
    assert {way.side for way in found.ways} == {"left", "right"}
    assert [way.rank for way in found.ways] == list(range(1, len(found.ways) + 1))
    assert [way.score for way in found.ways] == sorted((way.score for way in found.ways), reverse=True)
    for way in found.ways:
        assert way.target_id == "prophylactic-1" and not hasattr(way, "gap_id")
        assert way.approach in ("transpedicular", "extrapedicular") and not way.slides_along_implant
        cell = np.rint(np.asarray(space.grid.to_index(np.array([way.target_lps])))[0]).astype(int)
        assert space.voxels[tuple(cell)]
        assert (way.entry_bone_lps[0] > 0) == (way.side == "left")
        assert way.clearance_mm.canal is not None and way.clearance_mm.canal >= intact.config.canal_margin_mm


def test_a_side_whose_pedicle_is_not_told_is_not_tried(intact, space):
    found = search_level(intact, "prophylactic-1", space, (LEFT,))
    assert {way.side for way in found.ways} == {"left"}
    assert found.refused["the right pedicle was not told"] == 1


def test_without_a_canal_or_room_there_is_no_needle(intact, space, vertebra):
    blind = replace(intact, anatomy=replace(intact.anatomy, canal=None))
    assert search_level(blind, "p", space, (LEFT,)).refused == {"spinal canal not known": 1}
    empty = Mask(vertebra.grid, np.zeros(vertebra.grid.shape, dtype=bool))
    assert search_level(intact, "p", empty, (LEFT,)).ways == ()


def test_a_space_on_another_grid_is_refused(intact):
    other = Grid((4, 4, 4), np.eye(4))
    with pytest.raises(GeometryError):
        search_level(intact, "p", Mask(other, np.ones((4, 4, 4), dtype=bool)), (LEFT,))


def test_the_pedicles_width_and_its_bones_name_count(intact, space):
    config = intact.config.model_copy(update={"approaches": ("transpedicular",)})
    wanted = replace(intact, config=config)
    wide = replace(LEFT, width_mm=12.0, height_mm=14.0)
    found = search_level(wanted, "prophylactic-1", space, (wide,)).ways
    assert found
    assert {way.passage.bone for way in found} == {"vertebra-1"}
    assert {way.passage.side for way in found} == {"left"}
    assert {way.passage.width_mm for way in found} == {12.0}
    slim = replace(LEFT, width_mm=0.4, height_mm=0.4)
    assert search_level(wanted, "prophylactic-1", space, (slim,)).ways == ()


def test_a_rib_beside_the_pedicle_makes_it_a_thoracic_one(intact, space, vertebra):
    x, y, z = np.moveaxis(np.asarray(vertebra.grid.to_lps(np.moveaxis(np.indices(vertebra.grid.shape), 0, -1))), -1, 0)
    rib = Bone("rib-1", "rib", Mask(vertebra.grid, (x > 27) & (x < 50) & (np.hypot(y - 12, z) < 4)), side="left")
    own = Bone("vertebra-1", "vertebra", vertebra.bone)
    config = intact.config.model_copy(update={"approaches": ("extrapedicular",)})
    ribbed = replace(intact, config=config, anatomy=replace(intact.anatomy, bones=(own, rib)))
    bare = replace(intact, config=config)
    between = {way.family for way in search_level(ribbed, "prophylactic-1", space, (LEFT,)).ways}
    past = {way.family for way in search_level(bare, "prophylactic-1", space, (LEFT,)).ways}
    assert between == {"between pedicle and rib head"}
    assert past and "between pedicle and rib head" not in past
