"""The settings of what is wrong round a phantom's hip replacement: lines, cavities, holes, fissures.

Zones of the stem are Gruen's (Clin Orthop 1979, 141:17), those of the cup DeLee and Charnley's (Clin Orthop 1976,
121:20). Sizes have no source where none is given.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from planner.config.settings import Settings

GruenZone = Literal[
    "gruen-1", "gruen-2", "gruen-3", "gruen-4", "gruen-5", "gruen-6", "gruen-7",
    "gruen-8", "gruen-9", "gruen-10", "gruen-11", "gruen-12", "gruen-13", "gruen-14",
]  # fmt: skip
CharnleyZone = Literal["charnley-1", "charnley-2", "charnley-3"]
Zone = GruenZone | CharnleyZone
ImplantDecoy = Literal["pedestal", "spot welds", "stress shielding", "neck osteophyte"]


class LucentLine(Settings):
    """A line along the implant, over whole zones; zones that touch make one space, others several."""

    zones: tuple[Zone, ...] = Field(min_length=1, description="All of the stem, or all of the cup.")
    width_mm: float = Field(
        ge=0.3, le=8.0, description="At right angles to the implant. Over 2 mm a stem counts as probably loose."
    )
    interface: Literal["bone", "stem"] = Field(
        default="bone", description="Against the bone, or between stem and cement (debonding)."
    )

    @model_validator(mode="after")
    def _zones_of_one_implant(self) -> Self:
        if len({z.split("-")[0] for z in self.zones}) > 1:
            raise ValueError("a line runs round the stem (gruen) or the cup (charnley), not both")
        if len(set(self.zones)) < len(self.zones):
            raise ValueError("a line names each of its zones once")
        if self.interface == "stem" and self.zones[0].startswith("charnley"):
            raise ValueError("a cup has no line between stem and cement")
        return self


class Toggle(Settings):
    """A stem that swings in its bed like a wind-screen wiper: wide at shoulder and tip, narrow at the pivot."""

    shoulder_mm: float = Field(default=2.0, ge=0.0, le=6.0, description="Width at the shoulder.")
    tip_mm: float = Field(default=3.5, ge=0.0, le=8.0, description="Width at the tip.")
    pivot_mm: float = Field(default=0.7, ge=0.0, le=3.0, description="Width at the pivot; 0: bone holds there.")
    pivot_share: float = Field(default=0.35, ge=0.1, le=0.8, description="Share of the length at which it turns.")
    sideways: float = Field(
        default=0.4, ge=0.1, le=1.0, description="Width in front and behind against that in the frontal plane."
    )

    @model_validator(mode="after")
    def _widens_from_the_pivot(self) -> Self:
        if max(self.shoulder_mm, self.tip_mm) <= self.pivot_mm:
            raise ValueError("a stem that swings has a wider line at shoulder or tip than at the pivot")
        return self


class Osteolysis(Settings):
    """A cavity in the bone beside the implant."""

    zone: Zone = Field(description="In the middle of which it lies.")
    depth_mm: float = Field(default=7.0, ge=2.0, le=25.0, description="From the implant outwards.")
    height_mm: float = Field(default=18.0, ge=4.0, le=60.0, description="Along the implant.")
    breadth_mm: float = Field(default=12.0, ge=4.0, le=40.0, description="Round the implant.")
    scalloped: bool = Field(default=True, description="With bays eaten into the bone, or a smooth ellipsoid.")


class Hole(Settings):
    """A hole through the wall, from the implant outwards."""

    zone: Zone = Field(description="In the middle of which it lies; none under the tip.")
    diameter_mm: float = Field(default=5.0, ge=1.0, le=20.0, description="Of the hole.")


class WornWall(Settings):
    """A bay that wears the wall thin from within, as at the calcar."""

    zone: GruenZone = Field(default="gruen-7", description="In the middle of which it lies; none under the tip.")
    left_mm: float = Field(default=0.5, gt=0.1, le=3.0, description="What is left of the wall.")
    breadth_mm: float = Field(default=8.0, ge=3.0, le=25.0, description="Of the bay.")


class Fissure(Settings):
    """A crack of the femur along the stem, from the implant through the cortex; others are the patient's fractures."""

    zone: GruenZone = Field(description="Side and level of its middle; none under the tip.")
    length_mm: float = Field(default=35.0, ge=8.0, le=120.0, description="Along the femur.")
    width_mm: float = Field(default=0.8, ge=0.3, le=4.0, description="Of the crack.")
    slant_deg: float = Field(default=12.0, ge=-60.0, le=60.0, description="Between crack and stem, seen from outside.")


GRUEN_ALL: tuple[GruenZone, ...] = (
    "gruen-1", "gruen-2", "gruen-3", "gruen-4", "gruen-5", "gruen-6", "gruen-7",
    "gruen-8", "gruen-9", "gruen-10", "gruen-12", "gruen-13", "gruen-14",
)  # fmt: skip
"""All round a stem: 4 and 11 are one space under the tip."""
