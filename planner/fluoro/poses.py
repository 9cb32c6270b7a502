"""From the places of a C-arm's parts back to its angles, as a navigated or calibrated C-arm reports them."""

import numpy as np
import numpy.typing as npt

from planner.config.fluoro_config import FluoroConfig
from planner.errors import GeometryError
from planner.fluoro.views import view_at
from planner.geometry.frames import positioner_angles_deg
from planner.model.carm import CArm


def carm_between(source_lps: npt.ArrayLike, detector_lps: npt.ArrayLike, *, config: FluoroConfig) -> CArm:
    """Give the C-arm whose focal spot and detector are at two places.

    Parameters
    ----------
    source_lps, detector_lps : array_like, shape (3,)
        The focal spot and the middle of the detector, LPS mm: the central ray runs from one to the other.
    config : FluoroConfig
        Source to isocentre, and the detector; source to detector is what lies between the two places.

    Returns
    -------
    CArm
        Its isocentre lies on the central ray, as far from the source as the settings say; `pose` gives the two places
        back. How the detector is turned about the central ray is not known from them: up is towards the head, and
        where the beam runs straight along the patient, as with a primary angle of 0.

    Raises
    ------
    GeometryError
        If a place is not finite, or the isocentre would not lie between source and detector.

    Notes
    -----
    DICOM PS3.3 C.8.7.5.1.2, read backwards.
    """
    source, detector = (np.asarray(place, dtype=np.float64) for place in (source_lps, detector_lps))
    run = detector - source
    distance_mm = float(np.linalg.norm(run))
    # Not-a-number compares as false, and is refused as well.
    if not config.source_isocentre_mm < distance_mm < np.inf:
        raise GeometryError(
            f"a detector {distance_mm:g} mm from the source does not lie beyond the isocentre, which is "
            f"{config.source_isocentre_mm:g} mm from it; give two other places, or another source_isocentre_mm"
        )
    primary_deg, secondary_deg = positioner_angles_deg(run)
    isocentre = source + run * (config.source_isocentre_mm / distance_mm)
    carm = view_at(isocentre, primary_deg=primary_deg, secondary_deg=secondary_deg, config=config)
    return carm.model_copy(update={"source_detector_mm": distance_mm})
