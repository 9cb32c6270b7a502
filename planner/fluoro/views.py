"""Views of the patient: which way the C-arm looks."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from planner.config.fluoro_config import FluoroConfig
from planner.errors import GeometryError
from planner.geometry.frames import point_tuple, positioner_angles_deg, unit
from planner.model.breach import Breach
from planner.model.carm import CArm
from planner.model.needle import NeedleWay


def view_at(isocentre_lps: npt.ArrayLike, *, primary_deg: float, secondary_deg: float, config: FluoroConfig) -> CArm:
    """Set up a C-arm by its angles.

    Parameters
    ----------
    isocentre_lps : array_like, shape (3,)
        What stays in the middle of the image.
    primary_deg, secondary_deg : float
        DICOM positioner angles, in the patient's axes.
    config : FluoroConfig
        Distances, detector, and how the console turns the image.

    Returns
    -------
    CArm
    """
    return CArm(
        isocentre_lps=point_tuple(isocentre_lps),
        primary_deg=primary_deg,
        secondary_deg=secondary_deg,
        source_detector_mm=config.source_detector_mm,
        source_isocentre_mm=config.source_isocentre_mm,
        pixel_mm=config.pixel_mm,
        rows=config.rows,
        columns=config.columns,
        image_rotation_deg=config.image_rotation_deg,
        image_flip=config.image_flip,
    )


def ap_view(
    isocentre_lps: npt.ArrayLike,
    *,
    config: FluoroConfig,
    detector_side: Literal["anterior", "posterior"] = "anterior",
) -> CArm:
    """Set up the frontal view.

    Parameters
    ----------
    isocentre_lps : array_like, shape (3,)
        What stays in the middle of the image.
    config : FluoroConfig
        Distances and detector.
    detector_side : {"anterior", "posterior"}
        Where the detector is; posterior for a patient treated prone with the detector above.

    Returns
    -------
    CArm
    """
    primary = 0.0 if detector_side == "anterior" else 180.0
    return view_at(isocentre_lps, primary_deg=primary, secondary_deg=0.0, config=config)


def lateral_view(
    isocentre_lps: npt.ArrayLike, *, config: FluoroConfig, detector_side: Literal["left", "right"] = "left"
) -> CArm:
    """Set up the lateral view.

    Parameters
    ----------
    isocentre_lps : array_like, shape (3,)
        What stays in the middle of the image.
    config : FluoroConfig
        Distances and detector.
    detector_side : {"left", "right"}
        The patient's side at which the detector is.

    Returns
    -------
    CArm
    """
    primary = 90.0 if detector_side == "left" else -90.0
    return view_at(isocentre_lps, primary_deg=primary, secondary_deg=0.0, config=config)


def axis_view(hub_lps: npt.ArrayLike, tip_lps: npt.ArrayLike, *, config: FluoroConfig) -> CArm:
    """Set up the bull's-eye view of an axis: the beam runs along it, hub and tip fall on one point.

    Parameters
    ----------
    hub_lps, tip_lps : array_like, shape (3,)
        The end on the detector's side (the needle's hub, the screw's head) and the other one, LPS mm.
    config : FluoroConfig
        Distances and detector.

    Returns
    -------
    CArm
        Its isocentre is the middle of the axis.

    Raises
    ------
    GeometryError
        If hub and tip are one point.
    """
    hub, tip = np.asarray(hub_lps, dtype=np.float64), np.asarray(tip_lps, dtype=np.float64)
    if not np.linalg.norm(hub - tip) > 0.0:
        raise GeometryError("an axis whose two ends are one point has no bull's-eye view; give two points")
    primary, secondary = positioner_angles_deg(unit(hub - tip))
    return view_at((hub + tip) / 2.0, primary_deg=primary, secondary_deg=secondary, config=config)


def trajectory_view(trajectory: NeedleWay, *, config: FluoroConfig) -> CArm:
    """Set up a needle's bull's-eye view, along its straight part.

    Parameters
    ----------
    trajectory : NeedleWay
        The needle's way; where it slides along a screw, only the part before that is looked along.
    config : FluoroConfig
        Distances and detector.

    Returns
    -------
    CArm
    """
    return axis_view(trajectory.path_lps[0], trajectory.aim_lps, config=config)


def watch_view(breach: Breach, *, config: FluoroConfig) -> CArm | None:
    """Set up the view in which a leak through a breach shows in profile.

    Parameters
    ----------
    breach : Breach
        The breach.
    config : FluoroConfig
        Distances and detector.

    Returns
    -------
    CArm or None
        None where no such view was found for the breach.
    """
    if breach.watch_view is None:
        return None
    angles = breach.watch_view
    return view_at(
        breach.centroid_lps, primary_deg=angles.primary_deg, secondary_deg=angles.secondary_deg, config=config
    )
