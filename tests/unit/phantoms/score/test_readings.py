"""Pedicles, landmarks, cortex and fractured levels against true ones."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from planner.geometry.frames import PointsLps
from planner.model.bones import Landmark, Pedicle
from planner.phantoms.score.known_case import KnownCase, known_case
from planner.phantoms.score.readings import (
    FoundFracture,
    grade_of,
    score_cortex,
    score_fractures,
    score_landmarks,
    score_pedicles,
)
from planner.phantoms.truth.document import AnatomyTruth, LandmarkTruth, PedicleTruth, TruthDocument

TRUE = [
    PedicleTruth(
        bone="vertebra-1", level="L1", side=side, centre=(x, 10.0, 5.0), inward=(0.0, -1.0, 0.0), width_mm=8.0,
        height_mm=13.0,
    )
    for side, x in (("left", 12.0), ("right", -12.0))
]  # fmt: skip
AXIS = np.arange(-30.0, 31.0)
TIPS = [LandmarkTruth(name="spinous process", bone=f"vertebra-{n}", point=(0.0, 50.0, 30.0 * n)) for n in (1, 2)]


def _pedicle(
    side: str, x: float, y: float, *, way: tuple[float, float, float] = (0.0, -1.0, 0.0), width: float | None = 8.4
) -> Pedicle:
    assert side in ("left", "right")
    return Pedicle(
        "vertebra-7",
        "left" if side == "left" else "right",
        PointsLps(np.array([x, y, 6.0])),
        PointsLps(np.array(way)),
        width,
        None,
    )


def test_a_pedicle_is_held_against_its_own_side() -> None:
    turned = (np.sin(np.radians(10.0)), -np.cos(np.radians(10.0)), 0.0)
    left, right = score_pedicles(TRUE, [_pedicle("right", -12.0, 13.0), _pedicle("left", 14.0, 10.0, way=turned)])
    assert (left.is_found, left.side, right.side) == (True, "left", "right")
    assert (left.width_error_mm, left.height_error_mm) == (pytest.approx(0.4), None)
    assert left.off_axis_mm == pytest.approx(np.hypot(2.0, 1.0))
    assert left.axis_error_deg == pytest.approx(10.0)
    # 3 mm along the axis are no error: an isthmus is as narrow there.
    assert right.off_axis_mm == pytest.approx(1.0)


def test_far_off_or_on_the_other_side_is_not_found() -> None:
    left, right = score_pedicles(TRUE, [_pedicle("right", 12.0, 10.0), _pedicle("left", 12.0, 24.0)])
    assert (left.is_found, left.width_error_mm, left.off_axis_mm, left.axis_error_deg) == (False, None, None, None)
    assert right.is_found is False


def test_a_width_that_was_not_measured_has_no_error() -> None:
    left, _ = score_pedicles(TRUE, [_pedicle("left", 12.0, 10.0, width=None)])
    assert (left.is_found, left.width_error_mm) == (True, None)


def test_landmarks_are_paired_by_place_and_the_rest_is_false() -> None:
    tips = [(0.0, 50.0, 33.0), (3.0, 50.0, 56.0), (0.0, 50.0, 90.0)]
    found = [Landmark("spinous process", "vertebra-9", PointsLps(np.array(p))) for p in tips]
    scores, false = score_landmarks(TIPS, found)
    assert [s.error_mm for s in scores] == pytest.approx([3.0, 5.0])
    assert false == 1
    scores, false = score_landmarks(TIPS, [Landmark("trochanter tip", "femur-left", PointsLps(np.array(tips[0])))])
    assert [s.error_mm for s in scores] == [None, None]
    assert false == 1
    assert score_landmarks(TIPS, [])[1] == 0


@dataclass(frozen=True)
class _Read:
    points_lps: PointsLps
    outward_lps: npt.NDArray[np.float64]
    thickness_mm: npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def known() -> KnownCase:
    """Two vertebrae, one above the other; metal at x = 20; the cortex is known along x, 2 mm thick."""
    z, _, x = np.meshgrid(AXIS, AXIS, AXIS, indexing="ij")
    bones = np.select([(z > 2) & (np.abs(x) < 15), (z < -2) & (np.abs(x) < 15)], [1, 2], 0).astype(np.uint8)
    nothing = np.zeros(bones.shape, np.uint8)
    along = np.arange(-28.0, 19.0, 2.0)
    points = np.stack([along, np.zeros(len(along)), np.zeros(len(along))], axis=1)
    arrays = {
        "x": AXIS, "y": AXIS, "z": AXIS, "label": nothing, "breach": nothing, "metal": x >= 20, "env": bones > 0,
        "body": bones >= 0, "forbidden": nothing > 0, "bones": bones, "discs": nothing, "cortex_points": points,
        "cortex_outward": np.tile([0.0, 0.0, 1.0], (len(points), 1)), "cortex_mm": np.full(len(points), 2.0),
        "cortex_bone": np.ones(len(points), np.uint8),
    }  # fmt: skip
    anatomy = AnatomyTruth.model_validate({
        "bones": [{"name": f"vertebra-{n}", "kind": "vertebra", "level": f"L{n}", "code": n} for n in (1, 2)],
        "fractures": [
            {"bone": "vertebra-1", "level": "L1", "front_loss": 0.3, "middle_loss": 0.1, "back_loss": 0.0,
             "is_cleft": True}
        ],
    })  # fmt: skip
    return known_case(TruthDocument(implants=(), gaps=(), breaches=(), anatomy=anatomy), arrays)


def test_thickness_is_read_apart_near_metal_and_away(known: KnownCase) -> None:
    assert known.cortex is not None
    points = known.cortex.points_lps
    near = points[:, 0] >= 15.0
    read = _Read(PointsLps(np.add(points, (0.0, 0.5, 0.0))), known.cortex.outward_lps, np.where(near, 2.6, 1.9))
    away, close = score_cortex(known, read, in_view=points[:, 0] > -20.0)
    assert (away.places, away.measured, close.places, close.measured) == (17, 17, 2, 2)
    assert (away.error_mm, away.bias_mm) == (pytest.approx(0.1), pytest.approx(-0.1))
    assert (close.error_mm, close.error_p90_mm) == (pytest.approx(0.6), pytest.approx(0.6))


@pytest.mark.parametrize("what", ["elsewhere", "other way", "unknown", "nothing"])
def test_a_place_that_was_not_read_is_not_measured(known: KnownCase, what: str) -> None:
    assert known.cortex is not None
    points, outward = known.cortex.points_lps, known.cortex.outward_lps
    thick = np.full(len(points), 2.0)
    read = {
        "elsewhere": _Read(PointsLps(np.add(points, (0.0, 5.0, 0.0))), outward, thick),
        "other way": _Read(PointsLps(points), -outward, thick),
        "unknown": _Read(PointsLps(points), outward, np.full(len(points), np.nan)),
        "nothing": _Read(PointsLps(points[:0]), outward[:0], thick[:0]),
    }[what]
    away, _ = score_cortex(known, read, in_view=np.ones(len(points), bool))
    assert away.places > 0
    assert (away.measured, away.error_mm, away.error_p90_mm, away.bias_mm) == (0, None, None, None)


@pytest.mark.parametrize(("loss", "grade"), [(0.0, 0), (0.19, 0), (0.21, 1), (0.3, 2), (0.41, 3)])
def test_grades_follow_the_loss(loss: float, grade: int) -> None:
    assert grade_of(loss) == grade


def test_a_fracture_is_that_of_the_vertebra_it_lies_at(known: KnownCase) -> None:
    truth = known.document.anatomy
    assert truth is not None
    right = score_fractures(truth, [FoundFracture((3.0, 0.0, 15.0), 0.22)], known, in_view=truth.fractures)
    (own,) = right.fractures
    assert (own.level, own.grade, own.is_found, own.found_grade, right.false) == ("L1", 2, True, 1, 0)
    wrong = score_fractures(truth, [FoundFracture((3.0, 0.0, -15.0), None)], known, in_view=truth.fractures)
    (missed,) = wrong.fractures
    assert (missed.is_found, missed.found_grade, missed.found_loss, wrong.false) == (False, None, None, 1)
    nowhere = score_fractures(truth, [FoundFracture((300.0, 0.0, 0.0), 0.5)], known, in_view=())
    assert (nowhere.fractures, nowhere.false) == ((), 1)
