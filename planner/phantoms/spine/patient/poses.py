"""Where each vertebra stands: bodies and discs piled up, bent, turned and collapsed as the patient says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.config.phantoms.spine.altered import CollapsedFracture, JunctionalFracture, Laminectomy
from planner.config.phantoms.spine.morphometry import LEVELS, Level
from planner.config.phantoms.spine.patient import SpinePatient
from planner.geometry.frames import Array, point_tuple
from planner.geometry.rigid import rotation_about
from planner.phantoms.spine.patient.shapes import Collapse, scaled_figures, shape_of
from planner.phantoms.spine.patient.vertebrae import BodyForm, Vertebra, VertebraShape

_JUNCTION_BULGE_MM = 1.5
_BENT_SHARE = 0.8
"""How much of a collapsed body's wedge the spine above follows; the discs take up the rest. By eye."""


@dataclass(frozen=True)
class Pose:
    """Turn, tilt and lean of a body, degrees."""

    turn_deg: float
    tilt_deg: float
    lean_deg: float


def vertebrae_of(patient: SpinePatient) -> tuple[Vertebra, ...]:
    """Give every shown vertebra from the top down, S1 as a bare body, the middle one at the origin.

    Parameters
    ----------
    patient : SpinePatient
        Whose.

    Returns
    -------
    tuple of Vertebra
    """
    collapses = _collapses(patient)
    opened = {name for a in patient.altered if isinstance(a, Laminectomy) for name in a.levels}
    shapes = [_shape(patient, name, collapses.get(name), laminectomy=name in opened) for name in patient.levels]
    poses = _poses(patient, collapses)
    piled = [Vertebra(patient.levels[-1], shapes[-1], (0.0, 0.0, 0.0), *_angles(poses[-1]))]
    for i in range(len(poses) - 2, -1, -1):
        name, below = patient.levels[i], piled[0]
        collapse = collapses.get(patient.levels[i + 1], Collapse())
        height = _disc_mm(patient, name)
        piled.insert(
            0, _on_top(Vertebra(name, shapes[i], (0.0, 0.0, 0.0), *_angles(poses[i])), below, collapse, height)
        )
    anchor = np.array(piled[_middle(patient)].centre_lps)
    return tuple(replace(v, centre_lps=point_tuple(np.array(v.centre_lps) - anchor)) for v in piled)


def _angles(pose: Pose) -> tuple[float, float, float]:
    return pose.turn_deg, pose.tilt_deg, pose.lean_deg


def _middle(patient: SpinePatient) -> int:
    bony = [i for i, name in enumerate(patient.levels) if name != "S1"]
    return bony[len(bony) // 2]


def _collapses(patient: SpinePatient) -> Mapping[Level, Collapse]:
    out: dict[Level, Collapse] = {}
    for change in patient.altered:
        if isinstance(change, CollapsedFracture):
            out[change.level] = Collapse(change.front_loss, change.middle_loss, change.back_loss, change.bulge_mm)
        elif isinstance(change, JunctionalFracture):
            out[change.level] = Collapse(change.front_loss, change.middle_loss, 0.05, _JUNCTION_BULGE_MM)
    return out


def _shape(patient: SpinePatient, name: Level, collapse: Collapse | None, *, laminectomy: bool) -> VertebraShape:
    if name == "S1":
        return _sacral_body(patient)
    figures = scaled_figures(patient.figures_of(name), patient.size)
    return shape_of(
        figures, cortex_mm=patient.cortex_mm, endplate_mm=patient.endplate_mm, collapse=collapse,
        laminectomy=laminectomy,
    )  # fmt: skip


def _sacral_body(patient: SpinePatient) -> VertebraShape:
    """Give the first sacral body alone; the rest of the sacrum is built round it. Sizes by eye."""
    s = patient.size
    half_depth = 15.8 * s
    radius, offset = 7.2 * s, 5.0 * s
    form = BodyForm((15.0 * s, 13.5 * s, 12.0 * s), (14.0 * s, 13.0 * s, 12.0 * s), 0.1, 1.2, 1.0)
    return VertebraShape(
        body_mm=(24.0 * s, half_depth, 13.0 * s), waist=0.1, struts=(), plates=(), spinous=(),
        canal_mm=(half_depth + 0.4 + radius, radius, offset), cortex_mm=patient.cortex_mm,
        endplate_mm=patient.endplate_mm, form=form,
    )  # fmt: skip


def _disc_mm(patient: SpinePatient, name: Level) -> float:
    return patient.figures_of(name).disc_mm * patient.size


def _poses(patient: SpinePatient, collapses: Mapping[Level, Collapse]) -> list[Pose]:
    """Add up the segments' angles from the bottom, then set the middle vertebra upright."""
    tilts = [0.0]
    for i in range(len(patient.levels) - 2, -1, -1):
        below = patient.levels[i + 1]
        tilts.insert(0, tilts[0] - patient.lordosis_deg[i] + _wedge_deg(patient, below, collapses.get(below)))
    upright = tilts[_middle(patient)]
    turns, leans = _sideways(patient)
    return [Pose(turn, tilt - upright, lean) for turn, tilt, lean in zip(turns, tilts, leans, strict=True)]


def _wedge_deg(patient: SpinePatient, name: Level, collapse: Collapse | None) -> float:
    if collapse is None or name == "S1":
        return 0.0
    figures = patient.figures_of(name)
    lost = figures.front_height_mm * collapse.front - figures.back_height_mm * collapse.back
    return float(np.degrees(np.arctan2(lost, figures.body_depth_mm))) * _BENT_SHARE


def _sideways(patient: SpinePatient) -> tuple[list[float], list[float]]:
    count = len(patient.levels)
    # Nobody is straight: a mirrored result must never fit.
    turns = list(patient.turns_deg or (((-1.0) ** i) * 1.2 + 0.8 for i in range(count)))
    leans = list(patient.leans_deg or (1.6 * float(np.sin(0.9 * i + 0.5)) for i in range(count)))
    curve = patient.scoliosis
    if curve is not None:
        side = 1.0 if curve.convex == "left" else -1.0
        apex = LEVELS.index(curve.apex)
        for i, name in enumerate(patient.levels):
            if name == "S1":
                continue  # the pelvis lies level on the table
            away = float(np.clip((LEVELS.index(name) - apex) / curve.reach, -2.0, 2.0))
            # A half wave of lean to the ends of the curve, and back to nought beyond them; turned most at the apex.
            leans[i] += side * curve.cobb_deg / 2.0 * float(np.sin(np.pi / 2.0 * away))
            turns[i] += side * curve.rotation_deg * max(0.0, float(np.cos(np.pi / 2.0 * away)))
    return turns, leans


def _on_top(upper: Vertebra, lower: Vertebra, collapse: Collapse, disc_mm: float) -> Vertebra:
    """Put a vertebra on the one below, with a disc between; over a collapsed body it bends about the back wall."""
    below, above = lower.shape.form, upper.shape.form
    assert below is not None and above is not None
    half_depth = lower.shape.body_mm[1]
    wedge = _wedge_of(lower, collapse)
    axes = rotation_about((1, 0, 0), -wedge) @ upper.axes
    axis = lower.axes[:, 2] + axes[:, 2]
    axis /= np.linalg.norm(axis)
    # The lower half of a body still has the height that the upper half had.
    whole = below.upper_mm if collapse == Collapse() else below.lower_mm
    at = np.array(lower.centre_lps)
    centre = (
        at + lower.axes @ np.array([0.0, 0.0, whole[1]]) + disc_mm * axis + axes @ np.array([0, 0, above.lower_mm[1]])
    )
    hinge = at + lower.axes @ np.array([0.0, half_depth, whole[2]])
    bent: Array = hinge + rotation_about((1, 0, 0), wedge) @ (centre - hinge)
    bent = bent - lower.axes[:, 2] * collapse.back * 2.0 * whole[2]
    return replace(upper, centre_lps=point_tuple(bent))


def _wedge_of(lower: Vertebra, collapse: Collapse) -> float:
    form = lower.shape.form
    if form is None or lower.level == "S1":
        return 0.0
    lost = 2.0 * (form.lower_mm[0] * collapse.front - form.lower_mm[2] * collapse.back)
    return float(np.degrees(np.arctan2(lost, 2.0 * lower.shape.body_mm[1]))) * _BENT_SHARE


def canal_knots(vertebra: Vertebra) -> Sequence[float]:
    """Give the heights in a vertebra's own coordinates at which the canal's line bends."""
    form = vertebra.shape.form
    half = vertebra.shape.body_mm[2] if form is None else form.lower_mm[2]
    return (0.8 * half, -0.8 * half)
