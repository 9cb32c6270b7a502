"""A needle that leaves one bone and enters another is told by the cortex that it meets again."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy
from planner.model.volume import Mask, Volume
from planner.needles.second_bone import meets_second_cortex, untold_bone_mm
from planner.safety.fields import BoxedMask, distance_fields

GRID = Grid((30, 90, 30), np.array([[0, 0, 0.8, 0], [0, 0.8, 0, 0], [0.8, 0, 0, 0], [0, 0, 0, 1.0]]))
ENTRY, AIM = np.array([[12.0, 4.0, 12.0]]), np.array([[12.0, 40.0, 12.0]])


def _refused(layers: dict[tuple[float, float], float], *, gap_y: float | None = None, metal_x: float = 60.0) -> bool:
    """Judge one needle along y through slabs of bone: {(from, to) mm: HU}, muscle elsewhere."""
    y = np.arange(90) * 0.8
    profile = np.full(90, 140.0)
    for (start, stop), value in layers.items():
        profile[(y >= start) & (y < stop)] = value
    hu = np.broadcast_to(profile[None, :, None], GRID.shape).astype(np.float32)
    metal = np.zeros(GRID.shape, bool)
    metal[:, :, min(29, round(metal_x / 0.8)) :] = metal_x < 24
    bone = np.ones(GRID.shape, bool)
    config = NeedleConfig()
    anatomy = Anatomy(Volume(GRID, hu), Mask(GRID, metal), Mask(GRID, bone), (), ())
    gap = np.empty((0, 3)) if gap_y is None else np.array([[12.0, gap_y, 12.0]])
    fields = distance_fields(anatomy, config=config)
    said = meets_second_cortex(anatomy, fields, bone_lps=ENTRY, aim_lps=AIM, gap_points_lps=gap, config=config)
    return bool(said[0])


def test_one_cortex_and_cancellous_bone_is_one_bone() -> None:
    assert not _refused({(4, 6): 1000})


@pytest.mark.parametrize("joint_hu", [55.0, -95.0, 140.0])
def test_a_second_cortex_behind_a_joint_is_another_bone(joint_hu: float) -> None:
    assert _refused({(4, 6): 1000, (12, 13): 900, (13, 15): joint_hu, (15, 17): 900})


def test_the_gap_has_a_bright_rim_of_its_own() -> None:
    layers = {(4.0, 6.0): 1000.0, (36.0, 38.0): 700.0}
    assert _refused(layers)
    assert not _refused(layers, gap_y=38.5)


def test_a_long_run_in_cortex_may_hide_a_joint() -> None:
    assert _refused({(4, 14): 900})


def test_brightness_beside_metal_is_its_blooming() -> None:
    layers = {(4.0, 6.0): 1000.0, (20.0, 22.0): 900.0}
    assert _refused(layers, metal_x=16.0)
    assert not _refused(layers, metal_x=12.8)


def test_no_needle_no_answer() -> None:
    anatomy = Anatomy(
        Volume(GRID, np.zeros(GRID.shape, np.float32)),
        Mask(GRID, np.zeros(GRID.shape, bool)),
        Mask(GRID, np.ones(GRID.shape, bool)),
        (),
        (),
    )
    config = NeedleConfig()
    none = np.empty((0, 3))
    fields = distance_fields(anatomy, config=config)
    assert meets_second_cortex(
        anatomy, fields, bone_lps=none, aim_lps=none, gap_points_lps=none, config=config
    ).shape == (0,)


def _dips(profile: dict[tuple[float, float], float], *, dips: bool) -> bool:
    y = np.arange(90) * 0.8
    values = np.full(90, 200.0)
    for (start, stop), value in profile.items():
        values[(y >= start) & (y < stop)] = value
    hu = np.broadcast_to(values[None, :, None], GRID.shape).astype(np.float32)
    config = NeedleConfig()
    bone = np.ones(GRID.shape, bool)
    anatomy = Anatomy(Volume(GRID, hu), Mask(GRID, np.zeros(GRID.shape, bool)), Mask(GRID, bone), (), ())
    fields = distance_fields(anatomy, config=config)
    none = np.empty((0, 3))
    said = meets_second_cortex(
        anatomy, fields, bone_lps=ENTRY, aim_lps=AIM, gap_points_lps=none, config=config, dips=dips
    )
    return bool(said[0])


@pytest.mark.parametrize(("low_hu", "refused"), [(450.0, True), (480.0, False)])
def test_a_shallow_dip_in_the_cortex_is_a_narrow_joint_through_a_pedicle_only(low_hu: float, refused: bool) -> None:
    layers = {(4.0, 6.0): 500.0, (6.0, 7.0): low_hu, (7.0, 9.0): 510.0}
    assert _dips(layers, dips=True) == refused
    assert not _dips(layers, dips=False)


def test_a_dip_between_dim_places_is_the_bones_own_texture() -> None:
    assert not _dips({(10.0, 12.0): 290.0, (12.0, 14.0): 150.0, (14.0, 16.0): 290.0}, dips=True)


def test_a_needle_says_how_far_it_runs_in_bone_of_nobodys() -> None:
    config = NeedleConfig()
    bone = np.ones(GRID.shape, bool)
    mask = Mask(GRID, np.zeros(GRID.shape, bool))
    anatomy = Anatomy(Volume(GRID, np.zeros(GRID.shape, np.float32)), mask, Mask(GRID, bone), (), ())
    fields = distance_fields(anatomy, config=config)
    assert np.isnan(untold_bone_mm(fields, ENTRY, AIM)).all()
    own = np.zeros((30, 80, 30), bool)
    own[:, 5:] = True  # from row 15 on, 12 mm
    told = replace(fields, own_bone=BoxedMask(own, (0, 10, 0)))
    assert untold_bone_mm(told, ENTRY, AIM)[0] == pytest.approx(8.0, abs=0.6)
    assert untold_bone_mm(told, ENTRY + np.array([[0.0, 12.0, 0.0]]), AIM)[0] == 0.0
