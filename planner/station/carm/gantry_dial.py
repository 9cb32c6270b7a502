"""What is dialled at a C-arm, how far it turns, and what a hand that drags the picture does to it."""

from dataclasses import dataclass

import numpy as np

from planner.config.gantry import GantryLimits
from planner.fluoro.carm import pose
from planner.fluoro.console import console_angles_deg, patient_angles_deg
from planner.geometry.frames import detector_direction
from planner.model.carm import CArm
from planner.model.plan import PatientPosition
from planner.report.words import POSITIONS

_DIGITS = 6
"""Turned to and fro, a round angle is round no more, and would miss a limit that is reached."""
_DIRECTIONS = (("left", "right"), ("back", "front"), ("head", "feet"))
"""Of the patient, along LPS axes and against them."""
_HALF_TURN_DEG, _STEEPEST_DEG = 180.0, 90.0
TURN_OVER_WIDTH_DEG = 180.0
"""What a drag across the whole picture turns. Ours, by feel."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Angles as they are set.

    Parameters
    ----------
    primary_deg, secondary_deg : float
        Primary in -180..180, LAO positive; secondary in -90..90, cranial positive.
    at_console : bool
        Whether these are the console's, of a C-arm that takes every patient to lie head first and supine; False: the
        patient's own, for nobody said how the patient lies.
    """

    primary_deg: float
    secondary_deg: float
    at_console: bool

    @property
    def words(self) -> str:
        """As they are spoken: "RAO 20 CRAN 5"."""
        return f"{primary_words(self.primary_deg)} {secondary_words(self.secondary_deg)}"


def primary_words(deg: float) -> str:
    """Write a primary angle as it is spoken: "RAO 20"; whole degrees."""
    whole = round(deg)
    return f"{'LAO' if whole >= 0 or whole == -_HALF_TURN_DEG else 'RAO'} {abs(whole)}"


def secondary_words(deg: float) -> str:
    """Write a secondary angle as it is spoken: "CRAN 5"; whole degrees."""
    whole = round(deg)
    return f"{'CRAN' if whole >= 0 else 'CAUD'} {abs(whole)}"


def dial_of(carm: CArm, position: PatientPosition | None) -> Dial:
    """Say what is to be dialled for a view.

    Parameters
    ----------
    carm : CArm
        The view.
    position : str or None
        How the patient lies; None where nobody said.

    Returns
    -------
    Dial
    """
    if position is None:
        return Dial(carm.primary_deg, carm.secondary_deg, at_console=False)
    primary, secondary = console_angles_deg(carm.primary_deg, carm.secondary_deg, position)
    return Dial(round(primary, _DIGITS), round(secondary, _DIGITS), at_console=True)


def dial_words(carm: CArm, position: PatientPosition | None) -> str:
    """Say where the detector stands, and what is dialled for it.

    Parameters
    ----------
    carm : CArm
        The view.
    position : str or None
        How the patient lies; None where nobody said.

    Returns
    -------
    str
        A line for each. Where nobody said how the patient lies, the detector stands in front of the patient or behind,
        and nothing is said of the console.
    """
    own = Dial(carm.primary_deg, carm.secondary_deg, at_console=False)
    if position is None:
        stands = _stands(own, "HFS", above="in front of the patient", below="behind the patient")
        return f"{stands}\nAngles in the patient: nobody said how the patient will lie."
    dial = dial_of(carm, position)
    stands = _stands(dial, position, above="above the table", below="below the table")
    patient = "" if own.words == dial.words else f" (in the patient {own.words})"
    return f"{stands}\nPatient {POSITIONS[position]}; console left at head first, supine: {dial.words}{patient}."


def _stands(dial: Dial, position: PatientPosition, *, above: str, below: str) -> str:
    """Say where the detector stands, from angles in the table's axes."""
    primary, secondary = round(dial.primary_deg), round(dial.secondary_deg)
    turn, tilt = abs(primary), abs(secondary)
    side = _towards(np.copysign(_HALF_TURN_DEG / 2.0, primary), 0.0, position)
    if turn == _HALF_TURN_DEG / 2.0:
        words = f"at the patient's {side}"
    else:
        words = above if turn < _HALF_TURN_DEG / 2.0 else below
        off = min(turn, round(_HALF_TURN_DEG) - turn)
        words += f", {off}° to the patient's {side}" if off else ""
    end = _towards(0.0, np.copysign(_STEEPEST_DEG, secondary), position)
    return f"Detector {words}{f', {tilt}° to the {end}' if tilt else ''}."


def _towards(primary_deg: float, secondary_deg: float, position: PatientPosition) -> str:
    """Name the patient's direction that a straight angle at the console looks from."""
    towards = detector_direction(*patient_angles_deg(primary_deg, secondary_deg, position))
    axis = int(np.argmax(np.abs(towards)))
    return _DIRECTIONS[axis][0 if towards[axis] > 0.0 else 1]


def turned_to(carm: CArm, primary_deg: float, secondary_deg: float, position: PatientPosition | None) -> CArm:
    """Turn a C-arm to angles that are dialled.

    Parameters
    ----------
    carm : CArm
        The C-arm; its isocentre and distances stay.
    primary_deg, secondary_deg : float
        At the console where the position is known, else the patient's own.
    position : str or None
        How the patient lies.

    Returns
    -------
    CArm
        With the patient's own angles.
    """
    angles = primary_deg, secondary_deg
    if position is not None:
        angles = patient_angles_deg(primary_deg, secondary_deg, position)
    return carm.model_copy(
        update={"primary_deg": round(angles[0], _DIGITS), "secondary_deg": round(angles[1], _DIGITS)}
    )


def is_reached(carm: CArm, position: PatientPosition | None, gantry: GantryLimits) -> bool | None:
    """Say whether the gantry can be turned to a view.

    Parameters
    ----------
    carm : CArm
        The view.
    position : str or None
        How the patient lies.
    gantry : GantryLimits
        How far the C-arm turns.

    Returns
    -------
    bool or None
        None where nobody said how the patient lies.
    """
    dial = dial_of(carm, position)
    return gantry.reaches(dial.primary_deg, dial.secondary_deg) if dial.at_console else None


def held_to_reach(carm: CArm, position: PatientPosition | None, gantry: GantryLimits) -> CArm:
    """Turn a view that the gantry does not reach to the nearest angles that it does.

    Parameters
    ----------
    carm : CArm
        The view.
    position : str or None
        How the patient lies.
    gantry : GantryLimits
        How far the C-arm turns.

    Returns
    -------
    CArm
        The view itself where it is reached, or where it is not known what is.
    """
    dial = dial_of(carm, position)
    if not dial.at_console or gantry.reaches(dial.primary_deg, dial.secondary_deg):
        return carm
    primary = _nearest(dial.primary_deg, gantry.primary_min_deg, gantry.primary_max_deg)
    secondary = min(max(dial.secondary_deg, gantry.secondary_min_deg), gantry.secondary_max_deg)
    return turned_to(carm, primary, secondary, position)


def dragged(carm: CArm, right: float, down: float) -> CArm:
    """Turn a C-arm as a hand turns what it has taken hold of in the picture, on the side of the detector.

    Parameters
    ----------
    carm : CArm
        The C-arm.
    right, down : float
        How far the hand went in the picture as it is shown, as shares of its width.

    Returns
    -------
    CArm
        To the right and left its primary angle turns, up and down the secondary one.
    """
    shown = pose(carm)
    plain = pose(carm.model_copy(update={"image_rotation_deg": 0.0, "image_flip": "none"}))
    pulled = right * np.asarray(shown.right_lps) + down * np.asarray(shown.down_lps)
    primary = carm.primary_deg - TURN_OVER_WIDTH_DEG * float(pulled @ plain.right_lps)
    secondary = carm.secondary_deg + TURN_OVER_WIDTH_DEG * float(pulled @ plain.down_lps)
    return carm.model_copy(
        update={
            "primary_deg": _in_turn(primary),
            "secondary_deg": min(max(secondary, -_STEEPEST_DEG), _STEEPEST_DEG),
        }
    )


def _in_turn(deg: float) -> float:
    return (deg + _HALF_TURN_DEG) % (2.0 * _HALF_TURN_DEG) - _HALF_TURN_DEG


def _nearest(deg: float, low: float, high: float) -> float:
    """Give the nearest angle within limits, the way round that is shorter."""
    if low <= deg <= high:
        return deg
    return min((low, high), key=lambda limit: abs(_in_turn(deg - limit)))
