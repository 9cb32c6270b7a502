"""Needle holes: how long they are, when they count, where they open."""

import math

import numpy as np
import pytest

from planner.config.needle_hole_config import NeedleHoleConfig
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.carm import NeedleView
from planner.model.gap import Gap, GapWidth, Interval
from planner.model.needle import Clearances, Needle, NeedleSet, Trajectory
from planner.model.volume import Mask, Volume
from planner.safety.needle_holes import escape_share, find_needle_holes, hole_channel, planned_trajectories


def grid_of(spacing=(0.6, 0.5, 0.5), turn_deg=0.0):
    """A box of 40 mm round the origin, turned about the head axis."""
    c, s = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    axes = np.array([[0, 0, 1], [-s, c, 0], [c, s, 0]]).T * spacing
    shape = tuple(int(40 / edge) for edge in spacing)
    matrix = np.eye(4)
    matrix[:3, :3] = axes
    matrix[:3, 3] = -axes @ (np.array(shape) - 1) / 2
    return Grid(shape, matrix)


def anatomy_of(wall_mm, *, width_mm=2.0, grid=None, canal_from_mm=None, second_gap=False, canal_before_mm=None):
    """Bone left of the plane x = 0; in it a slit-like gap ``wall_mm`` deep, parallel to the plane."""
    grid = grid or grid_of()
    x, y, z = np.moveaxis(np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))), -1, 0)
    gaps = [(-x > wall_mm) & (-x < wall_mm + width_mm) & (np.hypot(y, z) < 12.0)]
    if second_gap:
        gaps.append((-x > 1.0) & (-x < 2.0))
    canal = None
    if canal_from_mm is not None:
        canal = Mask(grid, x > canal_from_mm)
    if canal_before_mm is not None:
        canal = Mask(grid, (-x > canal_before_mm) & (-x < wall_mm) & (np.abs(y) > 3.0))
    return Anatomy(
        ct=Volume(grid, np.zeros(grid.shape, np.float32)),
        metal=Mask(grid, np.zeros(grid.shape, bool)),
        bone=Mask(grid, x < 0.0),
        gaps=tuple(GapSpace(f"gap-{n}", None, Mask(grid, mask)) for n, mask in enumerate(gaps, start=1)),
        implants=(),
        canal=canal,
    )


def needle_of(tip, entry, *, bore_mm=1.83, name="trajectory-1", rank=1):
    return Trajectory(
        id=name, approach="femoral", gap_id="gap-1", implant_id=None, rank=rank, entry_skin_lps=None,
        entry_bone_lps=entry, aim_lps=tip, target_lps=tip, path_lps=(entry, tip), slides_along_implant=False,
        depth_from_skin_mm=None, depth_in_bone_mm=1.0,
        needle=Needle(gauge="x", outer_diameter_mm=bore_mm, length_mm=150.0),
        clearance_mm=Clearances(metal=None, canal=None, nearest_breach=None), crosses=(), cortical_crossings=1,
        entry_angle_deg=None, reachable_ml=None, skin_landmark=None,
        bulls_eye=NeedleView(
            primary_deg=0.0, secondary_deg=0.0, console_primary_deg=0.0, console_secondary_deg=0.0,
            within_gantry_limits=True,
        ),
        score=0.5, score_terms={},
    )  # fmt: skip


def gap_of(*, width_mm=2.0, volume_ml=0.9):
    return Gap(
        id="gap-1", implant_id=None, level=None, kind="osteolysis", zones=(),
        volume_ml=None if volume_ml is None else Interval(estimate=volume_ml, low=volume_ml, high=volume_ml),
        expected_fill_ml=None,
        width_mm=None if width_mm is None else GapWidth(median=width_mm, p95=width_mm, max=width_mm),
        interface_fraction=None, centroid_lps=(0.0, 0.0, 0.0), trust=None,
    )  # fmt: skip


def straight(wall_mm, angle_deg=0.0, **more):
    """A needle that meets the bone at the origin, so many degrees off the surface's normal, tip 1 mm in the gap."""
    a = math.radians(angle_deg)
    inward = np.array([-math.cos(a), math.sin(a), 0.0])
    tip = tuple(float(v) for v in inward * (wall_mm + 1.0) / math.cos(a))
    return needle_of(tip, (0.0, 0.0, 0.0), **more)


@pytest.mark.parametrize("grid", [grid_of(), grid_of((1.0, 0.7, 0.7)), grid_of((0.8, 0.5, 0.5), turn_deg=23.0)])
@pytest.mark.parametrize("wall_mm", [3.0, 7.35, 11.0])
def test_a_hole_is_as_long_as_the_bone_before_the_gap(grid, wall_mm):
    # a thin bore: the mouth of a wide one is wider than the gap's edge is exact on a grid
    channel = hole_channel(anatomy_of(wall_mm, grid=grid), _only(grid, wall_mm), straight(wall_mm, bore_mm=0.1))
    assert channel is not None
    # a mask's edge lies within half a voxel of the true one
    assert channel.wall_mm == pytest.approx(wall_mm, abs=grid.spacing_mm[2])
    assert channel.outer_lps == pytest.approx([0.0, 0.0, 0.0], abs=0.51 * grid.spacing_mm[2])
    assert channel.outward_lps == pytest.approx([1.0, 0.0, 0.0])


def _only(grid, wall_mm):
    return anatomy_of(wall_mm, grid=grid).gaps[0]


@pytest.mark.parametrize("angle_deg", [20.0, 40.0])
def test_an_oblique_hole_is_longer_and_a_wide_one_meets_the_gap_with_its_side(angle_deg):
    case = anatomy_of(8.0)
    slim = hole_channel(case, case.gaps[0], straight(8.0, angle_deg, bore_mm=0.1))
    wide = hole_channel(case, case.gaps[0], straight(8.0, angle_deg, bore_mm=3.2))
    a = math.radians(angle_deg)
    assert slim is not None and slim.wall_mm == pytest.approx(8.0 / math.cos(a), abs=0.4)
    assert wide is not None and slim.wall_mm - wide.wall_mm == pytest.approx(1.6 * math.tan(a), abs=0.35)


def test_a_needle_that_misses_the_gap_has_no_hole_into_it():
    case = anatomy_of(8.0)
    beside = needle_of((-9.0, 16.0, 0.0), (0.0, 16.0, 0.0))
    short = needle_of((-5.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert hole_channel(case, case.gaps[0], beside) is None
    assert hole_channel(case, case.gaps[0], short) is None
    assert find_needle_holes(case, (gap_of(),), (beside, short), config=NeedleHoleConfig()) == ((), ())


def test_what_lies_in_another_gap_is_no_wall():
    case = anatomy_of(8.0, second_gap=True)
    channel = hole_channel(case, case.gaps[0], straight(8.0, bore_mm=0.1))
    assert channel is not None and channel.wall_mm == pytest.approx(7.0, abs=0.4)


def test_share_by_resistances():
    # 1 mL, 2 mm wide: a disc of 12.62 mm radius; r = 1 mm: 6 ln(12.62) / 8 = 1.901; 128 * 5 / 16 = 40
    assert escape_share(wall_mm=5.0, bore_mm=2.0, width_mm=2.0, volume_ml=1.0) == pytest.approx(1.901 / 41.901, 1e-3)
    assert escape_share(wall_mm=0.0, bore_mm=2.0, width_mm=2.0, volume_ml=1.0) == 1.0
    # nothing but the hole to go to
    assert escape_share(wall_mm=5.0, bore_mm=3.0, width_mm=2.0, volume_ml=0.001) == 1.0
    long, narrow, wide_gap = (
        escape_share(wall_mm=length, bore_mm=bore, width_mm=width, volume_ml=1.0)
        for length, bore, width in ((10.0, 2.0, 2.0), (5.0, 1.5, 2.0), (5.0, 2.0, 3.0))
    )
    assert max(long, narrow, wide_gap) < 1.901 / 41.901


def test_a_short_wide_hole_counts_and_a_long_narrow_one_does_not():
    config, near, deep = NeedleHoleConfig(), anatomy_of(3.0), anatomy_of(14.0)
    found, said = find_needle_holes(near, (gap_of(),), (straight(3.0, bore_mm=3.2),), config=config)
    assert [(h.trajectory_id, h.gap_id, h.diameter_mm) for h in found] == [("trajectory-1", "gap-1", 3.2)]
    assert found[0].wall_mm == pytest.approx(3.0, abs=0.3) and found[0].leak_after_ml is None
    assert said == ()
    assert find_needle_holes(deep, (gap_of(),), (straight(14.0, bore_mm=1.65),), config=config) == ((), ())


def test_a_gap_without_measured_width_is_as_wide_as_its_voxels():
    """The same slit, its width read from the mask: long and short holes are told apart as with the measured width."""
    config = NeedleHoleConfig()
    for wall_mm, bore_mm in ((3.0, 3.2), (14.0, 1.65)):
        case, needle = anatomy_of(wall_mm), straight(wall_mm, bore_mm=bore_mm)
        known, unknown = (
            find_needle_holes(case, (gap,), (needle,), config=config)[0]
            for gap in (gap_of(), gap_of(width_mm=None, volume_ml=None))
        )
        assert known == unknown


def test_it_leaks_when_cement_gets_to_its_mouth():
    asked = []

    def arrival(gap_id, place):
        asked.append((gap_id, place))
        return 0.7

    case, needle = anatomy_of(3.0), straight(3.0, bore_mm=3.2)
    holes, _ = find_needle_holes(case, (gap_of(),), (needle,), config=NeedleHoleConfig(), arrival=arrival)
    assert holes[0].leak_after_ml == 0.7
    assert asked[0][0] == "gap-1" and asked[0][1] == pytest.approx((-3.0, 0.0, 0.0), abs=0.3)
    never, _ = find_needle_holes(
        case, (gap_of(),), (needle,), config=NeedleHoleConfig(), arrival=lambda gap_id, place: None
    )
    assert never[0].leak_after_ml is None


def test_a_hole_towards_the_canal_is_said_unless_bone_lies_between_or_it_is_far():
    config, needle = NeedleHoleConfig(), straight(3.0, bore_mm=3.2)
    _, said = find_needle_holes(anatomy_of(3.0, canal_from_mm=2.0), (gap_of(),), (needle,), config=config)
    assert [f.code for f in said] == ["needle-hole-towards-canal"]
    assert said[0].severity == "warning" and said[0].measured == pytest.approx(2.0, abs=0.6)
    for case in (anatomy_of(3.0, canal_from_mm=6.0), anatomy_of(3.0, canal_before_mm=1.0), anatomy_of(3.0)):
        assert find_needle_holes(case, (gap_of(),), (needle,), config=config)[1] == ()


def test_the_first_of_each_gap_and_those_of_sets_are_planned():
    needles = [straight(3.0, name=f"trajectory-{n}", rank=n) for n in (1, 2, 3)]
    together = NeedleSet(
        gap_ids=("gap-1",), trajectory_ids=("trajectory-3",), covered_ml=None, covered_fraction=None, cement_ml=None
    )
    assert [t.id for t in planned_trajectories(needles, (together,))] == ["trajectory-1", "trajectory-3"]
    assert [t.id for t in planned_trajectories(needles, ())] == ["trajectory-1"]
