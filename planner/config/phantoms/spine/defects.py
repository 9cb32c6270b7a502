"""What goes wrong round a screw: halos of several forms, holes in the wall, breaks."""

from typing import Annotated, Literal

from pydantic import Field

from planner.config.settings import Settings

Along = Annotated[float, Field(ge=0.0, le=150.0)]
Width = Annotated[float, Field(gt=0.0, le=8.0)]
Turn = Annotated[float, Field(ge=-360.0, le=360.0)]


class _Halo(Settings):
    """What every halo has. A rim over 1 mm on CT means a loose screw (PMC3940783); over 2 mm in other books."""

    start_mm: Along = Field(default=18.0, description="Distance from the screw's head at which the halo begins.")
    rim_mm: float = Field(
        default=1.0, ge=0.0, le=4.0, description='Sclerotic rim, the second line of the "double halo"; 0 for none.'
    )


class EvenHalo(_Halo):
    """The same width all round, and beyond the tip."""

    kind: Literal["even"] = "even"
    width_mm: Width = Field(default=2.0, description="From the thread's crest to the bone.")


class OneSidedHalo(_Halo):
    """The screw lies against one wall of a hole that is too wide."""

    kind: Literal["one_sided"] = "one_sided"
    width_mm: Width = Field(default=3.0, description="On the wide side; none on the other.")
    toward_deg: Turn = Field(default=0.0, description="The wide side, seen from behind: 0 cranial, 90 to the left.")


class TipHalo(_Halo):
    """Round the last part of the screw only, and beyond its tip."""

    kind: Literal["tip"] = "tip"
    width_mm: Width = Field(default=2.5, description="From the thread's crest to the bone.")
    length_mm: float = Field(default=12.0, gt=1.0, le=60.0, description="How far it reaches back from the tip.")


class WiperHalo(_Halo):
    """The wind-screen wiper: the screw has swung about a pivot, so that the hole widens to both ends."""

    kind: Literal["wiper"] = "wiper"
    pivot_mm: Along = Field(default=26.0, description="Distance of the pivot from the head; mostly in the pedicle.")
    width_mm: Width = Field(default=3.5, description="At the tip, in the plane of the swing.")
    swing_deg: Turn | None = Field(
        default=0.0,
        description="Of the swing's plane, seen from behind: 0 up and down, 90 sideways; None: all round.",
    )


Halo = Annotated[EvenHalo | OneSidedHalo | TipHalo | WiperHalo, Field(discriminator="kind")]
"""A lucent space round a screw."""


class WallDefect(Settings):
    """A hole in the cortex beside a halo, or a place where it is worn thin; a lucent channel leads to it."""

    at_mm: Along = Field(description="Distance from the screw's head.")
    toward_deg: Turn = Field(description="Which way, seen from behind: 0 cranial, 90 to the left.")
    diameter_mm: float = Field(default=5.0, gt=1.0, le=15.0, description="Of the channel.")
    wall_mm: float = Field(default=0.0, ge=0.0, le=3.0, description="Bone that is left; 0 for a hole.")


class ScrewBreak(Settings):
    """A screw in two pieces; the inner one lies out of line."""

    at_mm: Along = Field(description="Distance of the break from the head; fatigue breaks lie at the pedicle's entry.")
    apart_mm: float = Field(default=1.0, ge=0.3, le=15.0, description="Between the pieces, along the axis.")
    offset_mm: float = Field(default=1.5, ge=0.0, le=10.0, description="Of the inner piece, across the axis.")
    toward_deg: Turn = Field(default=0.0, description="Which way, seen from behind: 0 cranial, 90 to the left.")
