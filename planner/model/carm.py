"""C-arm angles and poses."""

from typing import Literal

from planner.model.record import PointLps, Record, Share


class BullsEye(Record):
    """The C-arm view in which the beam runs along an axis, for a patient head first and supine."""

    primary_deg: float
    """Positioner primary angle, left anterior oblique positive."""
    secondary_deg: float
    """Positioner secondary angle, cranial positive."""


class NeedleView(BullsEye):
    """A needle's bull's-eye view, and what to dial at the console."""

    console_primary_deg: float
    """Primary angle for the treatment position."""
    console_secondary_deg: float
    """Secondary angle for the treatment position."""
    within_gantry_limits: bool
    """Whether the gantry reaches the console's angles."""


class WatchView(BullsEye):
    """The view in which a leak shows in profile, clear of metal and of the filling of its gap and of all others."""

    console_primary_deg: float | None = None
    """Primary angle for the treatment position. Older plans do not have it."""
    console_secondary_deg: float | None = None
    """Secondary angle for the treatment position."""
    slant_deg: float | None = None
    """Between the beam and the wall: 0 shows the leak wholly in profile. Older plans do not have it."""
    contrast: Share | None = None
    """Share of the straight beam (no scatter) that a leaked drop takes away, 0.2 mL unless the settings say otherwise:
    the mean over those pixels of its shadow that are clear of metal and of filled gaps. None where not computed."""


class CArm(Record):
    """A C-arm in the patient."""

    isocentre_lps: PointLps
    primary_deg: float
    secondary_deg: float
    source_detector_mm: float
    source_isocentre_mm: float
    pixel_mm: float
    """Pixel pitch on the detector."""
    rows: int
    columns: int
    image_rotation_deg: float = 0.0
    """How far the console turns the image, clockwise as it is seen."""
    image_flip: Literal["none", "left_right", "top_bottom"] = "none"
    """How the console mirrors the image, after turning it."""
