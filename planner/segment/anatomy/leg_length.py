"""Leg length and lateral offset of both hips, measured as on an upright radiograph of the pelvis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array, PointsLps, points_lps
from planner.model.bones import Bone, Landmark, LandmarkName
from planner.model.finding import Finding
from planner.model.implant import Side
from planner.segment.anatomy.joint_space import HipJoint

_CAP_MM = 2.0
_LEAST_ISCHIUM_MM, _MOST_ISCHIUM_MM = 30.0, 110.0
"""The tuberosity lies 50 to 80 mm below the hip's centre; what lies beyond is a cut or another bone. Ours."""
_LEAST_LINE_MM = 60.0
"""Between both tuberosities; nearer together they are no pair. Ours."""
_TOLD_MM = 10.0
_SOURCE = "less than 10 mm is generally held acceptable (doi 10.1186/s12891-023-06774-3)"


@dataclass(frozen=True, slots=True, eq=False)
class HipMeasures:
    """One hip against the line between both ischial tuberosities.

    Parameters
    ----------
    side : {"left", "right"}
        The patient's side.
    below_line_mm : float
        How far the femur's landmark lies below the line, in the coronal plane; negative above.
    offset_mm : float or None
        From the head's centre to the shaft's axis, at right angles to it; None where the shaft is not known.
    """

    side: Side
    below_line_mm: float
    offset_mm: float | None


@dataclass(frozen=True, slots=True, eq=False)
class LegLength:
    """Both hips.

    Parameters
    ----------
    landmark : LandmarkName
        What was measured: the lesser trochanters, or the tips of the greater ones.
    left, right : HipMeasures
        Each side.
    """

    landmark: LandmarkName
    left: HipMeasures
    right: HipMeasures

    @property
    def left_longer_mm(self) -> float:
        """How much longer the left leg is, as far as the hip makes it so; negative where the right one is."""
        return self.left.below_line_mm - self.right.below_line_mm

    @property
    def left_offset_more_mm(self) -> float | None:
        """How much more offset the left hip has; None where one is not known."""
        a, b = self.left.offset_mm, self.right.offset_mm
        return None if a is None or b is None else a - b


def leg_length(*, joints: Sequence[HipJoint], bones: Sequence[Bone], landmarks: Sequence[Landmark]) -> LegLength | None:
    """Compare both legs where both hips are in view.

    Parameters
    ----------
    joints : sequence of HipJoint
        Of both sides.
    bones : sequence of Bone
        The pelvis of both sides among them; they may lie on different grids.
    landmarks : sequence of Landmark
        Of both femora.

    Returns
    -------
    LegLength or None
        None where a side, its tuberosity or its trochanters are not in view. Adduction or flexion of one leg shifts the
        figure: a hip that lies turned is not a short leg.

    Notes
    -----
    As on radiographs: the distance from the line between both ischial tuberosities to the lesser trochanter, in the
    coronal plane; the tips of the greater trochanters where a lesser one is not in view on both sides. On radiographs
    the line between the teardrops is the better one (Meermans 2011, doi 10.1007/s11999-010-1588-x), but cups and their
    artefacts take the teardrop away; on CT the tuberosities' places do not depend on how the beam falls.
    """
    by_side = {joint.side: joint for joint in joints}
    if len(by_side) < 2:
        return None
    lowest = {side: tuberosity_of(bones, joint) for side, joint in by_side.items()}
    left, right = lowest["left"], lowest["right"]
    if left is None or right is None or left[0] - right[0] < _LEAST_LINE_MM:
        return None
    names: tuple[LandmarkName, ...] = ("lesser trochanter", "trochanter tip")
    for name in names:
        marks = {mark.side: mark.point_lps for mark in landmarks if mark.name == name and mark.side in by_side}
        if len(marks) == 2:
            one, two = (
                HipMeasures(side, _below(marks[side], left, right), offset_mm(by_side[side]))
                for side in ("left", "right")
            )
            return LegLength(name, one, two)
    return None


def offset_mm(joint: HipJoint) -> float | None:
    """Measure the lateral offset: from the head's centre to the shaft's axis, mm.

    Parameters
    ----------
    joint : HipJoint
        The joint.

    Returns
    -------
    float or None
        None where the shaft is not known.
    """
    if joint.axis_lps is None:
        return None
    away = np.asarray(joint.head_lps - joint.axis_lps[0])
    down = joint.down_lps
    return float(np.linalg.norm(away - (away @ down) * down))


def tuberosity_of(bones: Sequence[Bone], joint: HipJoint) -> PointsLps | None:
    """Find the lowest place of the ischium.

    Parameters
    ----------
    bones : sequence of Bone
        The pelvis of this side among them.
    joint : HipJoint
        The joint of this side.

    Returns
    -------
    PointsLps, shape (3,), or None
        The middle of the lowest 2 mm of the pelvis behind the joint; None where the picture ends there.
    """
    pelvis = next((b for b in bones if b.name == f"pelvis-{joint.side}"), None)
    if pelvis is None:
        return None
    grid = pelvis.mask.grid
    cells = np.argwhere(pelvis.mask.voxels)
    points = np.asarray(grid.to_lps(cells))
    # the lower branch of the pubis lies in front
    behind = points[:, 1] > joint.head_lps[1] - 5.0
    cells, points = cells[behind], points[behind]
    if not len(cells) or cells[:, 0].min() < 2:
        return None
    low = float(points[:, 2].min())
    if not _LEAST_ISCHIUM_MM < joint.head_lps[2] - low < _MOST_ISCHIUM_MM:
        return None
    return points_lps(points[points[:, 2] < low + _CAP_MM - grid.spacing_mm[0] / 2].mean(axis=0))


def findings_of(measured: LegLength | None) -> tuple[Finding, ...]:
    """Say what both hips compare to.

    Parameters
    ----------
    measured : LegLength or None
        Both hips; None gives nothing.

    Returns
    -------
    tuple of Finding
    """
    if measured is None:
        return ()
    longer = measured.left_longer_mm
    side = "left" if longer > 0 else "right"
    more = measured.left_offset_more_mm
    offset = "" if more is None else f"; offset left minus right {more:+.0f} mm"
    return (
        Finding(
            code="leg-length",
            severity="caution" if abs(longer) >= _TOLD_MM else "info",
            message=f"The {side} leg is {abs(longer):.0f} mm longer at the hip, by the {measured.landmark}s against "
            f"the ischial tuberosities{offset}. Turned or bent hips shift this figure.",
            measured=round(abs(longer), 1),
            limit=_TOLD_MM,
            unit="mm",
            source=_SOURCE,
        ),
    )


def _below(point_lps: PointsLps, left_lps: PointsLps, right_lps: PointsLps) -> float:
    """Give how far a point lies below a line, in the coronal plane, mm."""
    line: Array = np.asarray(left_lps - right_lps)[[0, 2]]
    line = line / np.linalg.norm(line)
    away = np.asarray(point_lps - right_lps)[[0, 2]]
    return float(line[1] * away[0] - line[0] * away[1])
