"""Metal that hangs on to shafts and is none of theirs."""

import numpy as np

from planner.geometry.grid import Grid
from planner.segment.implants.shaft import Shaft
from planner.segment.implants.shafts import Edge
from planner.segment.implants.strays import joined_without_rod, strays

GRID = Grid((80, 80, 80), np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])


def _box(low, high):
    axes = [np.arange(a, b, dtype=np.float64) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _shaft(kind, head, tip):
    return Shaft(
        id="", kind=kind, head_lps=np.array(head), tip_lps=np.array(tip), outer_mm=6.0, core_mm=None, sigma_mm=0.5,
        plateau_hu=8000.0, edge=Edge(4000.0, 0.0), has_tulip=True, side=None, piece=1,
    )  # fmt: skip


SCREWS = [_shaft("pedicle_screw", (10.0, 30.0, z), (10.0, 5.0, z)) for z in (20.0, 40.0)]


def test_each_lump_beyond_the_shafts_is_one():
    points = np.concatenate([_box((0, 0, 0), (8, 8, 8)), _box((20, 20, 20), (27, 27, 27))])
    far = np.where(points[:, 0] > 10, 5.0, np.where(points[:, 2] > 3, 4.0, 1.0))
    lumps = strays(points, far, GRID)
    assert [int(lump.sum()) for lump in lumps] == [8 * 8 * 4, 7**3]
    assert not (lumps[0] & lumps[1]).any()


def test_a_little_bloom_and_metal_near_its_shaft_is_no_stray():
    points = _box((0, 0, 0), (8, 8, 8))
    assert strays(points, np.full(len(points), 2.9), GRID) == ()
    assert strays(points, np.where(points[:, 2] > 5, 4.0, 1.0), GRID) == ()


def test_tulips_joined_behind_are_joined():
    bar = _box((7, 35, 15), (13, 41, 45))
    assert joined_without_rod(bar, SCREWS, 1.0) == {0, 1}


def test_a_told_rod_or_shafts_that_touch_join_nothing():
    bar = _box((7, 35, 15), (13, 41, 45))
    rod = _shaft("rod", (10.0, 38.0, 45.0), (10.0, 38.0, 15.0))
    assert joined_without_rod(bar, [*SCREWS, rod], 1.0) == frozenset()
    assert joined_without_rod(_box((7, 0, 15), (13, 4, 45)), [SCREWS[0]], 1.0) == frozenset()
    assert joined_without_rod(_box((9, 10, 20), (11, 12, 22)), SCREWS, 1.0) == frozenset()
