"""What lies on a cut or near it."""

import numpy as np
import pytest

from planner.report.reslice import axial, sagittal
from planner.station.reslice.crossings import breaches_on, holes_on, mark_on, needle_on, pieces_on, ways_shown
from tests.unit.station.slice_plans import needle, plan_of, scan_of

CUT = axial((0.0, 0.0, 0.0), 50.0)


def test_a_line_through_a_cut_is_near_it_for_a_while():
    far, near, beyond = pieces_on(CUT, [(-30.0, 0.0, -10.0), (30.0, 0.0, 10.0)], near_mm=2.0)
    assert (far.is_near, near.is_near, beyond.is_near) == (False, True, False)
    assert np.allclose(near.across_down_mm, [(-6.0, 0.0), (6.0, 0.0)])
    assert np.allclose(far.across_down_mm[-1], near.across_down_mm[0])
    assert np.allclose(beyond.across_down_mm[-1], (30.0, 0.0))


def test_a_bent_line_in_the_cut_is_one_piece():
    (piece,) = pieces_on(CUT, [(0, 0, 0), (10, 0, 0), (10, 20, 1.0)])
    assert piece.is_near and np.allclose(piece.across_down_mm, [(0, 0), (10, 0), (10, 20)])


def test_a_line_beside_the_cut_is_faint():
    (piece,) = pieces_on(CUT, [(0, 0, 5.0), (10, 0, 5.0)])
    assert not piece.is_near


def test_a_needle_leaves_a_hole_where_it_passes_steeply():
    assert np.allclose(holes_on(CUT, [(0, 0, -10), (10, 0, 30.0)]), [(2.5, 0.0)])
    assert len(holes_on(CUT, [(-30, 0, -1), (30, 0, 1.0)])) == 0, "it lies along the cut"
    assert len(holes_on(CUT, [(0, 0, 5), (0, 0, 30.0)])) == 0, "it ends before the cut"


def test_points_far_from_a_cut_are_not_marked():
    mark = mark_on(CUT, "tip", (3.0, -4.0, 2.0))
    assert (mark.across_down_mm, mark.off_mm, mark.is_near) == ((3.0, -4.0), 2.0, True)
    assert not mark_on(CUT, "tip", (3.0, -4.0, 5.0)).is_near
    assert mark_on(CUT, "tip", (3.0, -4.0, 20.0)) is None


def test_a_needles_ends_are_marked_where_they_are_known():
    cut = axial((10.0, 5.0, 6.0), 50.0)
    known = needle_on(cut, needle(1).path_lps, diameter_mm=1.83, way=needle(1))
    assert [mark.name for mark in known.marks] == ["skin", "bone", "tip"] and known.id == "trajectory-1"
    unseen = needle(2, skin=None)
    assert [m.name for m in needle_on(cut, unseen.path_lps, diameter_mm=1.83, way=unseen).marks] == ["bone", "tip"]
    own = needle_on(cut, [(0, 0, 6.0), (9, 0, 6.0)], diameter_mm=2.1)
    assert own.id is None and [mark.name for mark in own.marks] == ["tip"] and not own.is_locked


def test_the_first_needle_of_each_goal_is_drawn_and_the_locked_ones():
    plan = plan_of(scan_of(), needle(1), needle(2), needle(3, locked=True))

    def ids(**wanted):
        return [way.id for way in ways_shown(plan, **wanted)]

    assert ids(chosen=None, hidden=frozenset()) == ["trajectory-1", "trajectory-3"]
    assert ids(chosen="trajectory-2", hidden=frozenset()) == ["trajectory-2"]
    assert ids(chosen=None, hidden=frozenset({"trajectory-1"})) == ["trajectory-3"]
    assert ids(chosen="trajectory-2", hidden=frozenset({"gap-1"})) == []


def test_breaches_near_the_cut_are_marked_unless_hidden():
    plan = plan_of(scan_of())
    (mark,) = breaches_on(axial((0.0, 0.0, 7.0), 50.0), plan)
    assert mark.name == "breach-1" and mark.is_near and mark.across_down_mm == pytest.approx((20.0, -4.0))
    assert breaches_on(sagittal((0.0, 0.0, 0.0), 50.0), plan) == ()
    assert breaches_on(axial((0.0, 0.0, 7.0), 50.0), plan, hidden=frozenset({"gap-1"})) == ()
