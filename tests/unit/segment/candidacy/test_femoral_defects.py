"""What is missing of a femur's wall, and the class that it is like."""

from dataclasses import replace

import numpy as np
import pytest

from planner.model.volume import Mask
from planner.segment.candidacy.femoral_defects import femoral_defect, femoral_findings
from planner.segment.candidacy.femoral_wall import FemoralWall, femoral_wall
from tests.unit.segment.candidacy.femur_tube import LESSER, FemurTube


def test_a_whole_femur_is_like_type_one_and_says_nothing() -> None:
    found = femoral_defect(FemurTube().wall())
    assert found.likeness == "I"
    assert found.lost_mm == 0.0
    assert found.intact_mm == pytest.approx(found.view_mm)
    assert femoral_findings(found) == ()


def test_half_a_metaphysis_lost_over_a_whole_shaft_is_like_type_three_a() -> None:
    found = femoral_defect(FemurTube(lost=((-5.0, 25.0, 90.0, 270.0),)).wall())
    assert found.likeness == "IIIA"
    assert found.lost_mm == pytest.approx(28.0, abs=3.0)
    assert np.nanmax(found.lost_share) == pytest.approx(0.5, abs=0.05)
    codes = [f.code for f in femoral_findings(found)]
    assert codes == ["femoral-segmental-defect", "femoral-defect"]
    # medial, of a left femur
    assert found.where_lps[0] < 95.0


def test_a_fifth_of_the_metaphysis_lost_is_like_type_two() -> None:
    found = femoral_defect(FemurTube(lost=((-5.0, 25.0, 100.0, 172.0),)).wall())
    assert found.likeness == "II"
    assert [f.severity for f in femoral_findings(found)] == ["caution"]


def test_less_than_four_centimetres_of_whole_shaft_is_no_candidate() -> None:
    found = femoral_defect(FemurTube(lost=((-5.0, 90.0, 90.0, 270.0),)).wall())
    assert found.likeness == "IIIB"
    assert found.intact_mm == pytest.approx(28.0, abs=3.0)
    assert "femoral-defect-no-candidate" in [f.code for f in femoral_findings(found)]


def test_no_whole_shaft_at_all_is_like_type_four() -> None:
    assert femoral_defect(FemurTube(lost=((-5.0, 130.0, 90.0, 270.0),)).wall()).likeness == "IV"


def test_a_view_that_ends_early_gives_no_class_worse_than_it_can_show() -> None:
    # 20 mm of shaft are in view: what comes below may be whole
    found = femoral_defect(FemurTube(length_mm=66, lost=((-5.0, 25.0, 90.0, 270.0),)).wall())
    assert found.view_mm < 40.0
    assert found.likeness is None
    assert "femoral-defect-no-candidate" not in [f.code for f in femoral_findings(found)]


def test_a_small_hole_is_no_defect() -> None:
    assert femoral_defect(FemurTube(lost=((40.0, 44.0, 80.0, 95.0),)).wall()).is_lost.sum() == 0


def test_where_little_can_be_read_no_length_and_no_class_are_given() -> None:
    wall = FemurTube(lost=((-5.0, 90.0, 90.0, 270.0),)).wall()
    blind = replace(wall, is_readable=wall.is_readable & (wall.angle_deg < 90.0))
    found = femoral_defect(blind)
    assert found.lost_mm is None
    assert found.intact_mm is None
    assert found.likeness is None
    assert [f.code for f in femoral_findings(found)] == ["femoral-wall-not-readable"]


def _shaft_read_in_part(wall: FemoralWall) -> FemoralWall:
    """Hide 42 % of the circumference at each height of the shaft."""
    shaft = (wall.below_mm >= 30.0)[:, None]
    return replace(wall, is_readable=wall.is_readable & ~(shaft & (wall.angle_deg < 151.0)))


def test_a_shaft_that_is_read_in_part_is_not_taken_for_a_lost_one() -> None:
    lost_above = femoral_defect(_shaft_read_in_part(FemurTube(lost=((-5.0, 25.0, 90.0, 270.0),)).wall()))
    assert lost_above.metaphysis_lost_share == pytest.approx(0.5, abs=0.05)
    assert (lost_above.intact_mm, lost_above.likeness) == (None, None)
    codes = {f.code: f for f in femoral_findings(lost_above)}
    assert "femoral-defect-no-candidate" not in codes
    assert "could not be told" in codes["femoral-class-not-told"].message
    whole = femoral_defect(_shaft_read_in_part(FemurTube().wall()))
    assert (whole.intact_mm, whole.likeness) == (None, None)
    assert femoral_findings(whole) == ()


def test_a_shaft_that_is_read_in_part_and_lost_there_is_no_candidate() -> None:
    # from 151 degrees on the wall is read, and most of that is gone at every height
    found = femoral_defect(_shaft_read_in_part(FemurTube(lost=((-5.0, 130.0, 100.0, 300.0),)).wall()))
    assert found.likeness == "IV"
    assert "femoral-defect-no-candidate" in [f.code for f in femoral_findings(found)]


def test_forty_millimetres_that_were_read_suffice_whatever_lies_below() -> None:
    wall = FemurTube(lost=((-5.0, 25.0, 90.0, 270.0),)).wall()
    found = femoral_defect(replace(wall, is_readable=wall.is_readable & (wall.below_mm < 70.0)[:, None]))
    assert found.likeness == "IIIA"
    assert found.intact_mm == pytest.approx(44.0, abs=3.0)


def test_a_lost_wall_is_told_though_the_envelope_did_not_close_over_it() -> None:
    tube = FemurTube(lost=((-5.0, 25.0, 90.0, 270.0), (40.0, 70.0, 90.0, 270.0)))
    dense = tube.ct.hu > 600.0
    canal = FemurTube(stem_mm=10.0).metal.voxels
    open_envelope = replace(tube.envelope, mask=Mask(tube.grid, tube.envelope.mask.voxels & (dense | canal)))
    wall = femoral_wall(open_envelope, ct=tube.ct, metal=tube.metal, axis_lps=tube.axis_lps, lesser_lps=LESSER)
    assert wall is not None
    found = femoral_defect(wall)
    assert found.lost_mm == pytest.approx(30.0, abs=4.0)
    assert found.likeness == "IIIA"
