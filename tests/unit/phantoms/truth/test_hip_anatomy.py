"""The true anatomy of hips: bones, trochanters, legs."""

from functools import cache

import numpy as np
import pytest

from planner.config.phantoms.hip.phantom import HipPhantom
from planner.phantoms.hip.build import BuiltHip
from planner.phantoms.hip.design import design_hip
from planner.phantoms.hip.standard import design_standard_hip
from planner.phantoms.solids.raster import contains, grid_over, rasterise
from planner.phantoms.truth.anatomy import TrueAnatomy, TrueLandmark
from planner.phantoms.truth.legs import left_longer_mm

RECIPE = HipPhantom()


@cache
def anatomy() -> TrueAnatomy:
    found = design_hip(RECIPE).truth.anatomy
    assert found is not None
    return found


@cache
def marks() -> dict[tuple[str, str | None], TrueLandmark]:
    return {(m.name, m.side): m for m in anatomy().landmarks}


def test_the_replaced_bones_are_all_bone_of_that_side() -> None:
    hip = BuiltHip(RECIPE)
    low, high = hip.stem.whole.bounds_lps
    grid = grid_over((low - 12.0, high + 25.0), 2.0)
    own = np.zeros(grid.shape, dtype=bool)
    for bone in (b for b in anatomy().bones if b.side == RECIPE.side):
        own |= rasterise(bone.solid, grid)
    assert np.array_equal(own, rasterise(hip.env, grid))


def test_both_sides_are_told_and_lie_there() -> None:
    sides = {(b.kind, b.side) for b in anatomy().bones}
    assert sides == {(kind, side) for kind in ("pelvis", "femur") for side in ("left", "right")} | {("sacrum", None)}
    for bone in anatomy().bones:
        if bone.kind == "femur":
            low, high = bone.solid.bounds_lps
            assert bool((low + high)[0] > 0.0) is (bone.side == "left")
    assert {m.side for m in anatomy().landmarks} == {"left", "right"}


@pytest.mark.parametrize("side", ["left", "right"])
def test_trochanters_lie_on_their_femur(side: str) -> None:
    femur = anatomy().bone(f"femur-{side}")
    greater, lesser = (np.array(marks()[name, side].point_lps) for name in ("trochanter tip", "lesser trochanter"))
    sign = 1.0 if side == "left" else -1.0
    centre = next(h.centre_lps for h in anatomy().hips if h.side == side)
    # The greater one lateral of the head and about level with it; the lesser one below, behind and medial of that.
    assert sign * (greater - centre)[0] > 25.0
    assert abs((greater - centre)[2]) < 30.0
    assert (greater - lesser)[2] > 25.0
    assert sign * (greater - lesser)[0] > 10.0
    assert contains(femur.solid, np.stack([greater, lesser])).all()
    above = greater + np.array([0.0, 0.0, 3.0])
    assert not contains(femur.solid, above[None]).any()


def test_legs_and_offsets_are_told() -> None:
    hips = {h.side: h for h in anatomy().hips}
    assert hips[RECIPE.side].offset_mm == pytest.approx(RECIPE.patient.offset_mm, abs=0.01)
    longer = left_longer_mm(tuple(hips.values()))
    assert longer is not None
    assert abs(longer) < 10.0
    for hip in hips.values():
        assert hip.ischium_lps[2] < hip.centre_lps[2] - 45.0


def test_the_standard_hip_has_one_side() -> None:
    found = design_standard_hip().truth.anatomy
    assert found is not None
    assert [b.name for b in found.bones] == ["pelvis-left", "femur-left"]
    assert found.hips == ()
    by_name = {m.name: np.array(m.point_lps) for m in found.landmarks}
    assert by_name["trochanter tip"][2] > by_name["lesser trochanter"][2] + 40.0
    assert by_name["trochanter tip"][0] > by_name["lesser trochanter"][0] + 20.0
