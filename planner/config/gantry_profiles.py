"""Kinds of C-arm: how far each turns, and how it is built."""

from collections.abc import Mapping
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from planner.config.gantry import GantryLimits
from planner.config.settings import Settings

GantryName = Literal["floor_stand", "biplane_frontal", "biplane_lateral", "mobile_from_left", "mobile_from_right"]


class GantryProfile(Settings):
    """One kind of C-arm."""

    limits: GantryLimits = Field(description="Console angles that it reaches.")
    source_detector_min_mm: float = Field(gt=0.0, description="Source to detector, the detector drawn in.")
    source_detector_max_mm: float = Field(gt=0.0, description="Source to detector, the detector drawn out.")
    source_detector_mm: float = Field(gt=0.0, description="The distance that pictures are taken at.")
    source_isocentre_mm: float = Field(gt=0.0, description="Source to isocentre.")
    panel_rows: int = Field(ge=1, description="Pixels down the panel.")
    panel_columns: int = Field(ge=1, description="Pixels across the panel.")
    panel_pixel_mm: float = Field(gt=0.0, description="Pixel pitch of the panel.")
    binning: int = Field(ge=1, description="Panel pixels along the edge of a picture's pixel; ours, for speed.")
    source: str = Field(description="Where the figures are from.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.source_isocentre_mm >= self.source_detector_min_mm or not self.allows(self.source_detector_mm):
            raise ValueError("a C-arm's detector must lie beyond the isocentre and within its range")
        return self

    def allows(self, source_detector_mm: float) -> bool:
        """Say whether the detector can be so far from the source, mm; the ends count."""
        return self.source_detector_min_mm <= source_detector_mm <= self.source_detector_max_mm

    @property
    def geometry(self) -> dict[str, float | int]:
        """The distances and the picture's pixels, as the settings of fluoroscopy name them."""
        return {
            "source_detector_mm": self.source_detector_mm,
            "source_isocentre_mm": self.source_isocentre_mm,
            "pixel_mm": self.panel_pixel_mm * self.binning,
            "rows": self.panel_rows // self.binning,
            "columns": self.panel_columns // self.binning,
        }


_NO_SOURCE = "Usual figures, no source."
_PUBLIC_MOBILE = (
    "Orbital 40 and 110 degrees, distances and panel: the mobile C-arm of DeepDRR (public code, arcadelab/deepdrr), "
    "whose authors advise 45 degrees of angulation at most. Range of distances: 968 mm is an Arcadis Varic's (its "
    "function tests), 1120 mm a usual figure without source. That the longer way leads under the table, where the "
    "detector comes towards the C-arm's base, and the shorter one over the patient: usual, no source."
)


def _mobile(primary_min_deg: float, primary_max_deg: float) -> GantryProfile:
    return GantryProfile(
        limits=GantryLimits(
            primary_min_deg=primary_min_deg,
            primary_max_deg=primary_max_deg,
            secondary_min_deg=-45,
            secondary_max_deg=45,
        ),
        source_detector_min_mm=968.0,
        source_detector_max_mm=1120.0,
        source_detector_mm=1020.0,
        source_isocentre_mm=530.0,
        panel_rows=1536,
        panel_columns=1536,
        panel_pixel_mm=0.194,
        binning=3,
        source=_PUBLIC_MOBILE,
    )


GANTRY_PROFILES: Mapping[GantryName, GantryProfile] = {
    "floor_stand": GantryProfile(
        limits=GantryLimits(),
        source_detector_min_mm=890.0,
        source_detector_max_mm=1190.0,
        source_detector_mm=1000.0,
        source_isocentre_mm=720.0,
        panel_rows=1536,
        panel_columns=1536,
        panel_pixel_mm=0.2,
        binning=3,
        source="Angles and range of the detector: a vendor's geometry in public code. A square panel of 31 cm: FDA "
        "510(k) K181403. Source to isocentre, pixel pitch and the distance of pictures: usual figures, no source.",
    ),
    "biplane_frontal": GantryProfile(
        limits=GantryLimits(primary_min_deg=-100, primary_max_deg=100, secondary_min_deg=-45, secondary_max_deg=45),
        source_detector_min_mm=900.0,
        source_detector_max_mm=1200.0,
        source_detector_mm=1100.0,
        source_isocentre_mm=785.0,
        panel_rows=1920,
        panel_columns=2480,
        panel_pixel_mm=0.154,
        binning=4,
        source=_NO_SOURCE,
    ),
    "biplane_lateral": GantryProfile(
        limits=GantryLimits(primary_min_deg=27, primary_max_deg=115, secondary_min_deg=-45, secondary_max_deg=45),
        source_detector_min_mm=900.0,
        source_detector_max_mm=1200.0,
        source_detector_mm=1100.0,
        source_isocentre_mm=785.0,
        panel_rows=1920,
        panel_columns=2480,
        panel_pixel_mm=0.154,
        binning=4,
        source=_NO_SOURCE + " The detector is on the table's left.",
    ),
    "mobile_from_left": _mobile(-40, 110),
    "mobile_from_right": _mobile(-110, 40),
}
"""By name. The planes of a biplane system also keep clear of each other, and a mobile C-arm can be driven to the other
side: neither is known here. Left and right are the table's, of someone lying head first and supine."""


def with_profile(settings: object) -> object:
    """Fill in what a named C-arm says and the user did not.

    Parameters
    ----------
    settings : object
        Settings of fluoroscopy as they came in: `gantry_profile` names the C-arm, and each setting beside it holds in
        its stead.

    Returns
    -------
    object
        The settings, filled in; as they were where no known C-arm is named.
    """
    if not isinstance(settings, Mapping) or settings.get("gantry_profile") not in get_args(GantryName):
        return settings
    profile = GANTRY_PROFILES[settings["gantry_profile"]]
    own = settings.get("gantry", {})
    limits = profile.limits.model_dump() | dict(own) if isinstance(own, Mapping) else own
    return {**profile.geometry, **settings, "gantry": limits}
