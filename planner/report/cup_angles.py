"""How a cup stands: the radiographic angles of its opening."""

import numpy as np

from planner.geometry.frames import POSTERIOR, SUPERIOR, unit
from planner.model.implant import Implant


def cup_angles_deg(implant: Implant) -> tuple[float, float] | None:
    """Give a cup's radiographic inclination and anteversion.

    Parameters
    ----------
    implant : Implant
        A cup.

    Returns
    -------
    (float, float) or None
        Degrees. Inclination: between the body's long axis and the cup's axis as both show on the coronal plane.
        Anteversion: between the cup's axis and the coronal plane, positive where the mouth faces forwards. None where
        the opening or the side is not known.

    Notes
    -----
    The radiographic definitions of Murray 1993, doi 10.1302/0301-620X.75B2.8444942. The planes are the scan's, as the
    patient lay, not those of the pelvis: a tilted pelvis changes both.
    """
    if implant.sphere is None or implant.sphere.opening_lps is None or implant.side is None:
        return None
    opening = unit(np.asarray(implant.sphere.opening_lps, dtype=np.float64))
    outwards = opening[0] if implant.side == "left" else -opening[0]
    inclination = np.degrees(np.arctan2(outwards, -(opening @ SUPERIOR)))
    return float(inclination), float(np.degrees(np.arcsin(np.clip(-(opening @ POSTERIOR), -1.0, 1.0))))
