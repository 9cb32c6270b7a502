"""Between the patient's angles and those at a console that takes every patient to lie head first and supine."""

from typing import Literal

import numpy as np

from planner.config.gantry import GantryLimits
from planner.geometry.frames import Array, detector_direction, positioner_angles_deg
from planner.model.plan import PatientPosition

# Columns: the patient's left, posterior and head in table axes (x to the left of someone lying head first and supine,
# y down, z towards the table's head end). DICOM PS3.17 FFF.1.2.2.2.
_TABLE_FROM_PATIENT: dict[PatientPosition, Array] = {
    "HFS": np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    "HFP": np.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]),
    "HFDR": np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "HFDL": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "FFS": np.array([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]),
    "FFP": np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]),
    "FFDR": np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]),
    "FFDL": np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]),
}


def console_angles_deg(primary_deg: float, secondary_deg: float, position: PatientPosition) -> tuple[float, float]:
    """Turn the patient's angles into those at the console of a C-arm that takes every patient to lie HFS.

    Parameters
    ----------
    primary_deg, secondary_deg : float
        DICOM positioner angles, in the patient's own axes.
    position : str
        How the patient lies.

    Returns
    -------
    primary_deg, secondary_deg : float
        Angles in the table's axes; primary in -180..180.

    Notes
    -----
    The direction is turned from patient to table axes by DICOM PS3.17 FFF.1.2.2.2. Prone, head first, this is the
    primary angle -+ 180 and the same secondary angle.
    """
    return positioner_angles_deg(_TABLE_FROM_PATIENT[position] @ detector_direction(primary_deg, secondary_deg))


def patient_angles_deg(
    console_primary_deg: float, console_secondary_deg: float, position: PatientPosition
) -> tuple[float, float]:
    """Turn angles at the console of a C-arm that takes every patient to lie HFS into the patient's own.

    Parameters
    ----------
    console_primary_deg, console_secondary_deg : float
        Angles in the table's axes.
    position : str
        How the patient lies.

    Returns
    -------
    primary_deg, secondary_deg : float
        DICOM positioner angles, in the patient's own axes; primary in -180..180.

    Notes
    -----
    The inverse of `console_angles_deg`. The same view may go by two names: a straight cranial or caudal beam has no
    primary angle (it is given as 0), and 180 is -180.
    """
    at_table = detector_direction(console_primary_deg, console_secondary_deg)
    return positioner_angles_deg(_TABLE_FROM_PATIENT[position].T @ at_table)


def reachable_side(position: PatientPosition | None, gantry: GantryLimits) -> Literal["left", "right"]:
    """Say at which side of the patient the detector of a lateral view stands.

    Parameters
    ----------
    position : str or None
        How the patient lies; None where nobody said.
    gantry : GantryLimits
        How far the C-arm turns.

    Returns
    -------
    {"left", "right"}
        The left one, unless the gantry reaches only the other.
    """
    if position is None:
        return "left"
    left, right = (gantry.reaches(*console_angles_deg(primary, 0.0, position)) for primary in (90.0, -90.0))
    return "right" if right and not left else "left"


def frontal_side(position: PatientPosition | None, gantry: GantryLimits) -> Literal["anterior", "posterior"]:
    """Say at which side of the patient the detector of a frontal view stands.

    Parameters
    ----------
    position : str or None
        How the patient lies; None where nobody said.
    gantry : GantryLimits
        How far the C-arm turns.

    Returns
    -------
    {"anterior", "posterior"}
        The posterior one for a patient who lies prone, else the anterior one; unless the gantry reaches only the other.
    """
    if position is None:
        return "anterior"
    front, back = (gantry.reaches(*console_angles_deg(primary, 0.0, position)) for primary in (0.0, 180.0))
    if front == back:
        return "posterior" if position.endswith("P") else "anterior"
    return "posterior" if back else "anterior"
