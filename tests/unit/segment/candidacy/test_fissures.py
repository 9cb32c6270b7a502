"""Thin lines through the wall of a femur."""

from dataclasses import replace

import pytest

from planner.segment.candidacy.fissures import find_fissures, fissure_findings
from tests.unit.segment.candidacy.femur_tube import FemurTube

_LINE = (30.0, 62.0, 176.0, 184.0)


def test_a_line_along_the_shaft_is_found_where_it_runs() -> None:
    (line,) = find_fissures(FemurTube(lost=(_LINE,), softened=0.6).wall())
    assert line.length_mm == pytest.approx(34.0, abs=6.0)
    assert line.width_mm < 5.0
    assert line.below_mm == pytest.approx(46.0, abs=2.0)
    # medial, of a left femur
    assert line.points_lps[:, 0].mean() == pytest.approx(85.0, abs=1.5)
    (said,) = fissure_findings((line,))
    assert said.code == "femoral-fissure"
    assert said.measured == pytest.approx(line.length_mm, abs=0.06)


def test_a_line_where_the_unrolled_wall_begins_is_found_once() -> None:
    lost = ((30.0, 62.0, 356.0, 360.0), (30.0, 62.0, 0.0, 4.0))
    assert len(find_fissures(FemurTube(lost=lost, softened=0.6).wall())) == 1


def test_a_whole_wall_has_none() -> None:
    assert find_fissures(FemurTube().wall()) == ()


def test_a_round_hole_is_no_fissure() -> None:
    assert find_fissures(FemurTube(lost=((40.0, 50.0, 160.0, 198.0),)).wall()) == ()


def test_a_short_canal_and_a_faint_line_are_left_out() -> None:
    assert find_fissures(FemurTube(lost=((40.0, 46.0, 176.0, 184.0),), softened=0.6).wall()) == ()
    assert find_fissures(FemurTube(lost=(_LINE,), softened=0.15).wall()) == ()


def test_where_artefacts_leave_little_trust_no_line_is_believed() -> None:
    wall = FemurTube(lost=(_LINE,), softened=0.6).wall()
    assert find_fissures(replace(wall, trust=wall.trust * 0.5)) == ()
