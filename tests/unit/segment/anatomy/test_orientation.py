import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Bone, Pedicle
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.body import Body
from planner.segment.anatomy.canal import Canal
from planner.segment.anatomy.orientation import check_orientation, pedicle_places

GRID = Grid((70, 70, 60), np.array([[0, 0, 1.5, -44], [0, 1.5, 0, -52], [1.5, 0, 0, -52], [0, 0, 0, 1.0]]))
POINTS = GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1).astype(float))
LEVELS_MM = (-34.0, 0.0, 34.0)


def canal() -> Canal:
    line = np.column_stack([np.zeros(101), np.zeros(101), np.arange(-50.0, 51.0)])
    return Canal(points_lps(line), np.full((101, 48), 8.0), np.ones((101, 48), dtype=bool), 1.2)


def body_of(z: float) -> np.ndarray:
    x, y = POINTS[..., 0], POINTS[..., 1]
    spinous = (np.abs(x) < 3) & (y > 10) & (y < 30)
    return ((np.hypot(x, y + 28) < 19) | spinous) & (np.abs(POINTS[..., 2] - z) < 13)


def spine() -> tuple[np.ndarray, tuple[Bone, ...]]:
    bones = tuple(Bone(f"vertebra-{n}", "vertebra", Mask(GRID, body_of(z))) for n, z in enumerate(LEVELS_MM))
    return np.logical_or.reduce([b.mask.voxels for b in bones]), bones


def pedicles(up_mm: float) -> tuple[Pedicle, ...]:
    return tuple(
        Pedicle(f"vertebra-{n}", side, points_lps((x, -2.0, z + up_mm)), points_lps((0.0, -1.0, 0.0)))
        for n, z in enumerate(LEVELS_MM)
        for side, x in (("left", 12.0), ("right", -12.0))
    )


def test_a_spine_that_stands_as_the_header_says_gives_nothing():
    bone, bones = spine()
    found = check_orientation(canal=canal(), bone=Mask(GRID, bone), vertebrae=bones, pedicles=pedicles(5.0))
    assert found == ()


def test_bodies_behind_the_canal_contradict_the_header():
    bone, _ = spine()
    turned = np.abs(POINTS[..., 1]) < 1e9
    turned = bone[:, np.clip(np.rint((-POINTS[0, :, 0, 1] + 52) / 1.5).astype(int), 0, 69), :] & turned
    (found,) = check_orientation(canal=canal(), bone=Mask(GRID, turned))
    assert found.code == "orientation-front-back"
    assert found.measured > found.limit
    assert "left and right" in found.message


def test_little_bone_tells_nothing():
    assert check_orientation(canal=canal(), bone=Mask(GRID, np.zeros(GRID.shape, dtype=bool))) == ()


def test_pedicles_on_the_lower_half_contradict_the_header():
    _, bones = spine()
    assert pedicle_places(canal(), bones, pedicles(5.0)) == pytest.approx(0.7, abs=0.06)
    (found,) = check_orientation(canal=canal(), vertebrae=bones, pedicles=pedicles(-5.0))
    assert found.code == "orientation-head-foot"


def test_too_few_pedicles_tell_nothing():
    _, bones = spine()
    assert check_orientation(canal=canal(), vertebrae=bones, pedicles=pedicles(-5.0)[:3]) == ()
    assert check_orientation(canal=canal(), pedicles=pedicles(-5.0)) == ()


def on_a_table(*, behind: bool, table: bool = True) -> tuple[Volume, Body]:
    inside = np.hypot(POINTS[..., 0], POINTS[..., 1]) < 35
    shell = np.abs(POINTS[..., 1] - (42.0 if behind else -42.0)) < 2.0
    hu = np.where(inside, 50, np.where(shell & table, -200, -1000)).astype(np.int16)
    nothing = Mask(GRID, np.zeros(GRID.shape, dtype=bool))
    return Volume(GRID, hu), Body(Mask(GRID, inside), Mask(GRID, ~inside), nothing)


@pytest.mark.parametrize(("position", "behind"), [("HFS", True), ("FFP", False), ("HFDL", False)])
def test_a_table_where_it_is_said_to_be_or_may_be_gives_nothing(position, behind):
    volume, body = on_a_table(behind=behind)
    assert check_orientation(volume=volume, body=body, position=position) == ()


@pytest.mark.parametrize(("position", "behind"), [("HFS", False), ("HFP", True)])
def test_a_table_on_the_other_side_contradicts_the_header(position, behind):
    volume, body = on_a_table(behind=behind)
    (found,) = check_orientation(volume=volume, body=body, position=position)
    assert found.code == "orientation-table"


def test_no_table_and_no_told_position_tell_nothing():
    volume, body = on_a_table(behind=False, table=False)
    assert check_orientation(volume=volume, body=body, position="HFS") == ()
    volume, body = on_a_table(behind=False)
    assert check_orientation(volume=volume, body=body) == ()
