"""The C-arm in the patient: poses from angles, and projection."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.errors import GeometryError
from planner.geometry.frames import Array, PointsLps, detector_direction, points_lps
from planner.model.carm import CArm

_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))
_AS_IN_CUTS = str.maketrans("HF", "SI")
_SECOND_LETTER = 0.38
"""Least share of a second direction that gets its own letter: 22.5 degrees, half way to the diagonal."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where the parts of a C-arm are.

    Parameters
    ----------
    source_lps : ndarray, shape (3,)
        The focal spot.
    centre_lps : ndarray, shape (3,)
        The middle of the detector.
    right_lps, down_lps, towards_detector_lps : ndarray, shape (3,)
        Unit vectors: along a detector row and a column as the image is shown, and from source to detector.
    """

    source_lps: PointsLps
    centre_lps: PointsLps
    right_lps: PointsLps
    down_lps: PointsLps
    towards_detector_lps: PointsLps


def pose(carm: CArm) -> Pose:
    """Give the places and axes of a C-arm's parts.

    Parameters
    ----------
    carm : CArm
        The C-arm.

    Returns
    -------
    Pose

    Raises
    ------
    GeometryError
        If the isocentre does not lie between source and detector.

    Notes
    -----
    The image is shown as DICOM has it for projection X-ray: the viewer looks from the detector towards the source, head
    up, until the console turns or mirrors it. In an AP view (primary 0) the patient's left is at the image's right;
    with the detector at the patient's left (primary 90) anterior is at the image's left; with the detector behind (180)
    the patient's left is at the left.
    """
    if not 0.0 < carm.source_isocentre_mm < carm.source_detector_mm or carm.pixel_mm <= 0.0:
        raise GeometryError(
            f"a C-arm with the source {carm.source_isocentre_mm:g} mm from the isocentre, {carm.source_detector_mm:g} "
            f"mm from the detector and pixels of {carm.pixel_mm:g} mm cannot be; give distances that rise"
        )
    if min(carm.rows, carm.columns) < 1:
        raise GeometryError(f"a detector of {carm.rows} x {carm.columns} pixels shows nothing; give at least 1 x 1")
    towards = detector_direction(carm.primary_deg, carm.secondary_deg)
    # The directions in which the detector moves when one angle grows: defined for a straight cranial beam, too.
    primary, secondary = np.radians(carm.primary_deg), np.radians(carm.secondary_deg)
    right = points_lps([np.cos(primary), np.sin(primary), 0.0])
    up = points_lps([-np.sin(primary) * np.sin(secondary), np.cos(primary) * np.sin(secondary), np.cos(secondary)])
    right, down = _on_the_console(carm, right, PointsLps(-up))
    isocentre = points_lps(carm.isocentre_lps)
    return Pose(
        source_lps=PointsLps(isocentre - carm.source_isocentre_mm * towards),
        centre_lps=PointsLps(isocentre + (carm.source_detector_mm - carm.source_isocentre_mm) * towards),
        right_lps=right,
        down_lps=down,
        towards_detector_lps=towards,
    )


def _on_the_console(carm: CArm, right: PointsLps, down: PointsLps) -> tuple[PointsLps, PointsLps]:
    """Turn and mirror the image's axes: no pixel is resampled, and what is drawn over the image goes along."""
    turn = np.radians(carm.image_rotation_deg)
    turned_right = np.cos(turn) * right - np.sin(turn) * down
    turned_down = np.sin(turn) * right + np.cos(turn) * down
    if carm.image_flip == "left_right":
        turned_right = -turned_right
    elif carm.image_flip == "top_bottom":
        turned_down = -turned_down
    return PointsLps(turned_right), PointsLps(turned_down)


def project(carm: CArm, points: npt.ArrayLike) -> Array:
    """Say on which pixel each point falls.

    Parameters
    ----------
    carm : CArm
        The C-arm.
    points : array_like, shape (..., 3)
        LPS positions, mm.

    Returns
    -------
    ndarray, shape (..., 2)
        (row, column), with fractions; a pixel's centre is the integer, and points beside the detector give pixels
        beside it. NaN for a point beside or behind the source, which casts no shadow.
    """
    stand = pose(carm)
    offset = np.asarray(points, dtype=np.float64) - stand.source_lps
    depth = offset @ stand.towards_detector_lps
    scale = np.full(depth.shape, np.nan)
    np.divide(carm.source_detector_mm / carm.pixel_mm, depth, out=scale, where=depth > 0.0)
    row = offset @ stand.down_lps * scale + (carm.rows - 1) / 2
    column = offset @ stand.right_lps * scale + (carm.columns - 1) / 2
    return np.stack([row, column], axis=-1)


def magnification(carm: CArm, points: npt.ArrayLike) -> Array:
    """Give how much larger than life things at a place are cast onto the detector.

    Parameters
    ----------
    carm : CArm
        The C-arm.
    points : array_like, shape (..., 3)
        LPS positions in front of the source, mm.

    Returns
    -------
    ndarray, shape (...)
    """
    stand = pose(carm)
    depth = (np.asarray(points, dtype=np.float64) - stand.source_lps) @ stand.towards_detector_lps
    return np.asarray(carm.source_detector_mm / depth)


def pixel_lps(carm: CArm, pixels: npt.ArrayLike) -> PointsLps:
    """Give where pixels are in the patient; the ray to a pixel runs there from the source.

    Parameters
    ----------
    carm : CArm
        The C-arm.
    pixels : array_like, shape (..., 2)
        (row, column), fractions allowed.

    Returns
    -------
    PointsLps, shape (..., 3)
        Positions on the detector.
    """
    stand = pose(carm)
    at = np.asarray(pixels, dtype=np.float64)
    down_mm = (at[..., :1] - (carm.rows - 1) / 2) * carm.pixel_mm
    right_mm = (at[..., 1:] - (carm.columns - 1) / 2) * carm.pixel_mm
    return PointsLps(stand.centre_lps + down_mm * stand.down_lps + right_mm * stand.right_lps)


def orientation_letters(carm: CArm) -> dict[str, str]:
    """Name the patient's direction at each edge of the image.

    Parameters
    ----------
    carm : CArm
        The C-arm.

    Returns
    -------
    dict of str
        Under left, right, top and bottom: L, R, A, P, H, F as in DICOM; a second letter where the edge lies well
        between two directions.
    """
    stand = pose(carm)
    edges = {"right": stand.right_lps, "left": -stand.right_lps, "bottom": stand.down_lps, "top": -stand.down_lps}
    return {edge: _letters(direction) for edge, direction in edges.items()}


def edge_letters(carm: CArm) -> dict[str, str]:
    """Name the patient's direction at each edge of the image as a reader of CT does.

    Parameters
    ----------
    carm : CArm
        The C-arm.

    Returns
    -------
    dict of str
        As `orientation_letters`, with S and I for DICOM's H and F: the letters of the cuts beside the picture.
    """
    return {edge: letters.translate(_AS_IN_CUTS) for edge, letters in orientation_letters(carm).items()}


def _letters(direction: Array) -> str:
    order = np.argsort(-np.abs(direction), kind="stable")
    named = [axis for axis in order[:2] if abs(direction[axis]) >= _SECOND_LETTER]
    return "".join(_LETTERS[axis][0 if direction[axis] > 0 else 1] for axis in named)
