"""Views lined up by a vertebra: endplates as lines, the process midway between pedicles, one pedicle on the other."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.carm import pixel_lps, pose, project
from planner.fluoro.vertebra_views import endplate_frontal_view, true_lateral_view
from planner.geometry.frames import detector_direction, points_lps, unit
from planner.geometry.rigid import rotation_about
from planner.model.view_landmark import VertebraMarks

FLUORO = FluoroConfig()
CENTRE = np.array([4.0, -6.0, 210.0])


def vertebra(*, turn_deg=0.0, tilt_deg=0.0, lean_deg=0.0, wedge_deg=0.0, scoliotic_mm=0.0):
    """A vertebra turned about the body's axis, then tilted forwards and to the left; its process may stand aside."""
    turned = (
        rotation_about([0, 1, 0], lean_deg) @ rotation_about([1, 0, 0], tilt_deg) @ rotation_about([0, 0, 1], turn_deg)
    )
    upper = rotation_about([1, 0, 0], wedge_deg) @ np.array([0.0, 0.0, 1.0])

    def place(*offset):
        return points_lps(CENTRE + turned @ np.array(offset))

    return VertebraMarks(
        bone="vertebra-2", level=None, centre_lps=points_lps(CENTRE), upper_normal_lps=turned @ upper,
        lower_normal_lps=turned @ np.array([0.0, 0.0, -1.0]),
        wall_normal_lps=turned @ unit([0.0, 1.0, 0.1]), left_pedicle_lps=place(16.0, 24.0, 5.0),
        right_pedicle_lps=place(-16.0, 24.0, 5.0), spinous_lps=place(scoliotic_mm, 64.0, -9.0),
    ), turned  # fmt: skip


CASES = [{}, {"turn_deg": 12.0}, {"tilt_deg": 20.0}, {"turn_deg": -9.0, "tilt_deg": -14.0, "lean_deg": 8.0}]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("side", ["anterior", "posterior"])
def test_the_frontal_view_runs_along_the_endplates_in_the_midline(case, side):
    marks, turned = vertebra(**case)
    carm = endplate_frontal_view(marks, config=FLUORO, detector_side=side)
    assert carm is not None
    towards = detector_direction(carm.primary_deg, carm.secondary_deg)
    front = -turned[:, 1]
    np.testing.assert_allclose(towards, front if side == "anterior" else -front, atol=1e-9)
    assert carm.isocentre_lps == pytest.approx(CENTRE)
    left, right, tip = project(carm, [marks.left_pedicle_lps, marks.right_pedicle_lps, marks.spinous_lps])
    # across the vertebra as it stands in the picture, which leans with it
    aside = (tip - (left + right) / 2) @ unit(left - right)
    assert aside == pytest.approx(0.0, abs=0.5), "midway, in pixels"
    assert (left[1] > right[1]) == (side == "anterior"), "the patient's left is at the right, seen from the front"


def test_a_vertebra_that_is_turned_and_tilted_gives_the_angles_of_the_console():
    """Turned to the left about its axis by 12 degrees its front looks to the left: LAO; leaning forwards: caudal."""
    marks, _ = vertebra(turn_deg=12.0)
    carm = endplate_frontal_view(marks, config=FLUORO)
    assert (carm.primary_deg, carm.secondary_deg) == (pytest.approx(12.0), pytest.approx(0.0, abs=1e-9))
    marks, turned = vertebra(tilt_deg=20.0)
    carm = endplate_frontal_view(marks, config=FLUORO)
    assert carm.secondary_deg == pytest.approx(np.degrees(np.arcsin(-turned[2, 1])))
    assert carm.secondary_deg == pytest.approx(-20.0)
    behind = endplate_frontal_view(marks, config=FLUORO, detector_side="posterior")
    assert (abs(behind.primary_deg), behind.secondary_deg) == (pytest.approx(180.0), pytest.approx(20.0))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_true_lateral_lays_one_pedicle_on_the_other(case, side):
    marks, turned = vertebra(**case)
    carm = true_lateral_view(marks, config=FLUORO, detector_side=side)
    assert carm is not None
    towards = detector_direction(carm.primary_deg, carm.secondary_deg)
    np.testing.assert_allclose(towards, turned[:, 0] if side == "left" else -turned[:, 0], atol=1e-9)
    left, right = project(carm, [marks.left_pedicle_lps, marks.right_pedicle_lps])
    np.testing.assert_allclose(left, right, atol=1e-6)
    ends = [CENTRE + turned @ np.array([x, 0.0, 0.0]) for x in (-20.0, 20.0)]
    assert np.linalg.norm(np.diff(project(carm, ends), axis=0)) > 1.0, "beside the isocentre the cone parts things"


def test_both_plates_of_a_wedged_body_are_as_far_from_being_lines():
    marks, _ = vertebra(wedge_deg=16.0)
    for carm in (endplate_frontal_view(marks, config=FLUORO), true_lateral_view(marks, config=FLUORO)):
        towards = detector_direction(carm.primary_deg, carm.secondary_deg)
        off = [np.degrees(np.arcsin(abs(towards @ n))) for n in (marks.upper_normal_lps, marks.lower_normal_lps)]
        assert off[0] == pytest.approx(off[1], abs=1e-6)
    assert off[0] == pytest.approx(0.0, abs=1e-6), "the wedge opens to the front: from the side both are lines"


def test_where_the_process_stands_aside_the_frontal_view_follows_it_and_the_lateral_one_the_wall():
    marks, _ = vertebra(scoliotic_mm=5.0)
    turned_deg = np.degrees(np.arctan2(5.0, 40.0))
    # from the middle between the pedicles the tip is 5 mm to the left in 40 mm: the detector, in front, goes right
    assert endplate_frontal_view(marks, config=FLUORO).primary_deg == pytest.approx(-turned_deg)
    assert true_lateral_view(marks, config=FLUORO).primary_deg == pytest.approx(90.0)
    for missing in ({"spinous_lps": None}, {"left_pedicle_lps": None}):
        assert endplate_frontal_view(replace(marks, **missing), config=FLUORO).primary_deg == pytest.approx(
            0.0, abs=1e-9
        )
    without_wall = replace(marks, wall_normal_lps=None)
    assert true_lateral_view(without_wall, config=FLUORO).primary_deg == pytest.approx(90.0 - turned_deg)


def test_pedicles_measured_one_further_forward_turn_neither_view():
    marks, _ = vertebra()
    uneven = replace(
        marks,
        left_pedicle_lps=points_lps(marks.left_pedicle_lps - [0.0, 3.0, 0.0]),
        right_pedicle_lps=points_lps(marks.right_pedicle_lps + np.array([0.0, 3.0, 0.0])),
    )
    assert endplate_frontal_view(uneven, config=FLUORO).primary_deg == pytest.approx(0.0, abs=1e-9)
    assert true_lateral_view(uneven, config=FLUORO).primary_deg == pytest.approx(90.0)


@pytest.mark.parametrize("missing", ["upper_normal_lps", "lower_normal_lps"])
def test_without_an_endplate_there_is_neither_view(missing):
    marks, _ = vertebra()
    marks = replace(marks, **{missing: None})
    assert endplate_frontal_view(marks, config=FLUORO) is None
    assert true_lateral_view(marks, config=FLUORO) is None


@pytest.mark.parametrize("missing", ["left_pedicle_lps", "right_pedicle_lps"])
def test_without_a_pedicle_there_is_no_true_lateral_and_without_a_wall_too_no_frontal_view(missing):
    marks, _ = vertebra()
    marks = replace(marks, **{missing: None})
    assert true_lateral_view(marks, config=FLUORO) is None
    assert endplate_frontal_view(marks, config=FLUORO) is not None
    assert endplate_frontal_view(replace(marks, wall_normal_lps=None), config=FLUORO) is None


def test_without_wall_and_process_nothing_tells_how_a_vertebra_is_turned():
    marks, _ = vertebra()
    bare = replace(marks, wall_normal_lps=None, spinous_lps=None)
    assert endplate_frontal_view(bare, config=FLUORO) is None
    assert true_lateral_view(bare, config=FLUORO) is None


def test_marks_that_lie_along_the_bodys_axis_tell_no_direction():
    marks, turned = vertebra()
    above = points_lps((marks.left_pedicle_lps + marks.right_pedicle_lps) / 2 + 30.0 * turned[:, 2])
    odd = replace(marks, spinous_lps=above, wall_normal_lps=turned @ unit([0.0, 0.1, 1.0]))
    assert endplate_frontal_view(odd, config=FLUORO) is None
    assert true_lateral_view(odd, config=FLUORO) is None


def test_the_beam_of_the_middle_of_the_picture_runs_through_the_isocentre():
    marks, _ = vertebra(turn_deg=7.0, tilt_deg=9.0)
    carm = true_lateral_view(marks, config=FLUORO)
    middle = pixel_lps(carm, [(carm.rows - 1) / 2, (carm.columns - 1) / 2])
    way = unit(middle - pose(carm).source_lps)
    to_isocentre = unit(np.array(carm.isocentre_lps) - pose(carm).source_lps)
    np.testing.assert_allclose(way, to_isocentre, atol=1e-12)
    np.testing.assert_allclose(carm.isocentre_lps, (marks.left_pedicle_lps + marks.right_pedicle_lps) / 2)
