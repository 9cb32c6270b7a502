"""What the operator wants of the needles: own targets, regions to keep out of or to come in through, needles that stay.

All places are positions in the CT, DICOM LPS, mm.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from planner.config.settings import Settings
from planner.model.record import Made, PointLps


class BallRegion(Settings):
    """All within a distance of a point."""

    kind: Literal["ball"] = "ball"
    centre_lps: PointLps = Field(description="Its middle.")
    radius_mm: float = Field(gt=0, description="Its radius.")


class BoxRegion(Settings):
    """All between two corners."""

    kind: Literal["box"] = "box"
    low_lps: PointLps = Field(description="The corner furthest right, front and down in the patient.")
    high_lps: PointLps = Field(description="The corner furthest left, back and up.")

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if any(high <= low for low, high in zip(self.low_lps, self.high_lps, strict=True)):
            raise ValueError("high_lps must be greater than low_lps along each of x (left), y (back), z (up)")
        return self


Region = Annotated[BallRegion | BoxRegion, Field(discriminator="kind")]


class WishedTarget(Settings):
    """A place that needles are wanted to, whether or not a gap was told there."""

    point_lps: PointLps = Field(description="Where.")
    radius_mm: float = Field(
        default=2.0,
        gt=0,
        le=15.0,
        description="Tips may come to lie so far from it; ours: as wide as the narrow gaps that are aimed at.",
    )
    implant_id: str | None = Field(
        default=None, description="The implant beside which it lies, as an earlier plan names it; None: the nearest."
    )


class LockedNeedle(Settings):
    """A needle that stays as a person chose it: it is judged, and never moved."""

    entry_lps: PointLps = Field(description="Any point of it outside of the bone: the skin, say.")
    target_lps: PointLps = Field(description="Its tip.")
    needle: str = Field(default="15G", description="A name of the catalogue.")
    made: Made = Field(
        default="edited",
        description="Who placed it: a person, or (automatic) the program, where a person locks what was proposed.",
    )


class WishesConfig(Settings):
    """The operator's wishes; none by default."""

    targets: tuple[WishedTarget, ...] = Field(default=(), description="Targets picked by hand.")
    keep_out: tuple[Region, ...] = Field(
        default=(), description="No needle may cross these, besides what is forbidden already."
    )
    enter_through: tuple[Region, ...] = Field(
        default=(),
        description="Needles must go through the skin in one of these (where it is not in view, leave the CT there); "
        "none: anywhere.",
    )
    locked: tuple[LockedNeedle, ...] = Field(default=(), description="Needles that stay as they are.")
