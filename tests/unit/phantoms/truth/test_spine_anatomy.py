"""The true anatomy of drawn spines: whole, apart, on its side, and broken as it was designed."""

from functools import cache

import numpy as np
import pytest

from planner.config.phantoms.spine.altered import (
    CollapsedFracture,
    FractureLine,
    FusionMass,
    JunctionalFracture,
    Laminectomy,
)
from planner.config.phantoms.spine.morphometry import Level
from planner.config.phantoms.spine.patient import SpinePatient
from planner.geometry.grid import Grid
from planner.phantoms.scene import Scene
from planner.phantoms.solids.raster import grid_over, rasterise
from planner.phantoms.spine.patient.column import Column, column_of
from planner.phantoms.spine.patient.vertebrae import LUMBAR, Vertebra, canal, disc
from planner.phantoms.truth.anatomy import TrueAnatomy, TruePedicle
from planner.phantoms.truth.isthmus import isthmus
from planner.phantoms.truth.spine_anatomy import anatomy_of_column, anatomy_of_vertebrae

LOW: tuple[Level, ...] = ("L4", "L5", "S1")
HIGH: tuple[Level, ...] = ("T9", "T10", "T11")
PATIENTS = {
    "low": SpinePatient(levels=LOW, altered=(FusionMass(levels=("L4", "L5")), Laminectomy(levels=("L5",)))),
    "high": SpinePatient(region="thoracic", levels=HIGH),
    "broken": SpinePatient(
        levels=("L1", "L2", "L3", "L4"),
        altered=(
            CollapsedFracture(level="L2", front_loss=0.35, middle_loss=0.3, back_loss=0.1, cleft="gas"),
            FractureLine(level="L4"),
        ),
    ),
}


@cache
def built(name: str) -> tuple[Column, TrueAnatomy]:
    patient = PATIENTS[name]
    column = column_of(patient)
    return column, anatomy_of_column(patient, column, scene=Scene(column.parts))


def _grid(column: Column) -> Grid:
    bodies = [v.body(inside=False).bounds_lps for v in column.vertebrae]
    low, high = np.min([b[0] for b in bodies], axis=0), np.max([b[1] for b in bodies], axis=0)
    return grid_over((low - 15.0, high + np.array([15.0, 45.0, 15.0])), 1.6)


@pytest.mark.parametrize("name", ["low", "high"])
def test_the_bones_together_are_all_bone(name: str) -> None:
    column, anatomy = built(name)
    grid = _grid(column)
    assert np.array_equal(anatomy.bone_codes(grid) > 0, rasterise(column.bone, grid))


@pytest.mark.parametrize("name", ["low", "high"])
def test_every_inside_lies_in_its_bone_and_none_in_the_canal(name: str) -> None:
    column, anatomy = built(name)
    grid = _grid(column)
    assert anatomy.canal is not None
    hollow = rasterise(anatomy.canal, grid)
    for bone in anatomy.bones:
        whole = rasterise(bone.solid, grid)
        assert not (rasterise(bone.inside, grid) & ~whole).any()
        assert not (whole & hollow).any()


def test_kinds_levels_and_names_are_told() -> None:
    _, low = built("low")
    assert {b.name: (b.kind, b.level) for b in low.bones} == {
        "ilium-left": ("ilium", None),
        "ilium-right": ("ilium", None),
        "sacrum": ("sacrum", "S1"),
        "fusion-mass-1": ("other", None),
        "vertebra-1": ("vertebra", "L4"),
        "vertebra-2": ("vertebra", "L5"),
    }
    assert [(d.above, d.below) for d in low.discs] == [("vertebra-1", "vertebra-2"), ("vertebra-2", "sacrum")]
    assert [s.name for s in low.foramina] == ["sacral foramina"]
    _, high = built("high")
    assert [(b.level, b.side) for b in high.bones if b.kind == "rib"] == [
        (level, side) for level in HIGH for side in ("left", "right")
    ]


def test_left_is_left() -> None:
    for name, kind in (("low", "ilium"), ("high", "rib")):
        for bone in (b for b in built(name)[1].bones if b.kind == kind):
            low, high = bone.solid.bounds_lps
            assert bool((low + high)[0] > 0.0) is (bone.side == "left")
        for pedicle in built(name)[1].pedicles:
            assert (pedicle.centre_lps[0] > 0.0) is (pedicle.side == "left")


def test_a_disc_lies_between_its_bodies_and_outside_of_them() -> None:
    column, anatomy = built("high")
    grid = _grid(column)
    codes = anatomy.bone_codes(grid)
    for space in anatomy.discs:
        voxels = rasterise(space.solid, grid)
        assert voxels.sum() * grid.voxel_volume_mm3 > 1000.0
        bodies = [
            column.vertebra(anatomy.bone(name).level or "").body(inside=False) for name in (space.above, space.below)
        ]
        assert not any((voxels & rasterise(body, grid)).any() for body in bodies)
        heights = [
            np.asarray(grid.to_lps(np.argwhere(codes == _code(anatomy, n))))[:, 2].mean()
            for n in (space.above, space.below)
        ]
        assert heights[1] < np.asarray(grid.to_lps(np.argwhere(voxels)))[:, 2].mean()


def _code(anatomy: TrueAnatomy, name: str) -> int:
    return [b.name for b in anatomy.bones].index(name) + 1


def _measured(pedicle: TruePedicle, anatomy: TrueAnatomy, up: np.ndarray) -> tuple[float, float]:
    """Width and height of the solid about the isthmus, 2 mm of it."""
    middle, way = np.array(pedicle.centre_lps), np.array(pedicle.inward_lps)
    back, front = middle - way, middle + way
    found = isthmus(
        anatomy.bone(pedicle.bone).solid,
        (back[0], back[1], back[2]),
        (front[0], front[1], front[2]),
        (up[0], up[1], up[2]),
    )
    return found.width_mm, found.height_mm


@pytest.mark.parametrize("name", ["high", "broken"])
def test_pedicles_are_as_wide_and_high_as_told(name: str) -> None:
    column, anatomy = built(name)
    assert len(anatomy.pedicles) == 2 * len(column.vertebrae)
    for pedicle in anatomy.pedicles:
        width, height = _measured(pedicle, anatomy, column.vertebra(pedicle.level).axes[:, 2])
        assert width == pytest.approx(pedicle.width_mm, abs=0.25)
        assert height == pytest.approx(pedicle.height_mm, abs=0.25)


def test_spinous_processes_end_at_the_back_and_only_where_they_are() -> None:
    column, anatomy = built("low")
    (mark,) = anatomy.landmarks
    assert mark.bone == "vertebra-1"
    vertebra = column.vertebra("L4")
    reach = max(p[0][1] + p[1][1] for p in vertebra.shape.spinous)
    local = vertebra.axes.T @ (np.array(mark.point_lps) - vertebra.centre_lps)
    assert abs(local[0]) < 1.0
    assert local[1] == pytest.approx(reach, abs=4.0)


def test_losses_of_height_are_those_that_were_designed() -> None:
    _, anatomy = built("broken")
    collapsed, lined = anatomy.fractures
    assert (collapsed.bone, collapsed.level, collapsed.is_cleft) == ("vertebra-2", "L2", True)
    losses = (collapsed.front_loss, collapsed.middle_loss, collapsed.back_loss)
    assert losses == pytest.approx((0.35, 0.3, 0.1))
    assert (lined.level, lined.is_cleft) == ("L4", True)
    assert (lined.front_loss, lined.middle_loss, lined.back_loss) == (0.0, 0.0, 0.0)
    assert built("low")[1].fractures == ()


def test_a_junctional_fracture_is_told() -> None:
    patient = SpinePatient(levels=("L1", "L2", "L3"), altered=(JunctionalFracture(level="L1"),))
    column = column_of(patient)
    (told,) = anatomy_of_column(patient, column, scene=Scene(column.parts)).fractures
    assert (told.level, told.is_cleft) == ("L1", True)
    assert told.front_loss > told.back_loss > 0.0


def test_shapes_that_do_not_know_their_pedicles_are_measured() -> None:
    pair = (Vertebra("L3", LUMBAR, (0.0, 0.0, 36.0)), Vertebra("L4", LUMBAR, (0.0, 0.0, 0.0)))
    hollow = canal(pair)
    anatomy = anatomy_of_vertebrae(pair, hollow, [disc(*pair)], ribs=False, scene=Scene(()))
    assert [(p.level, p.side) for p in anatomy.pedicles] == [
        (level, side) for level in ("L3", "L4") for side in ("left", "right")
    ]
    for pedicle in anatomy.pedicles:
        # Two struts, one above the other: 5.6 to 6.2 mm of radius, 3.6 mm apart.
        assert 11.0 < pedicle.width_mm < 12.4
        assert pedicle.height_mm == pytest.approx(pedicle.width_mm + 3.6, abs=0.3)
    assert len(anatomy.landmarks) == 2
    assert anatomy.fractures == ()
