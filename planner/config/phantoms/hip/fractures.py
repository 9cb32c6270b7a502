"""Fracture lines of the hip phantom's bones."""

from typing import Annotated, Literal

from pydantic import Field

from planner.config.settings import Settings


class ShaftFissure(Settings):
    """A fissure of the femoral shaft near the stem (Vancouver B1 where the stem holds, C well below it)."""

    kind: Literal["shaft fissure"] = "shaft fissure"
    below_mm: float = Field(default=85.0, ge=20, le=180, description="Its middle, below the lesser trochanter.")
    length_mm: float = Field(default=40.0, ge=8, le=90, description="Along the shaft.")
    width_mm: float = Field(default=0.8, ge=0.3, le=4, description="Of the cleft.")
    obliquity_deg: float = Field(default=20.0, ge=0, le=90, description="To the shaft's axis; 90: across it.")
    wall: Literal["lateral", "medial", "anterior", "posterior", "all"] = Field(
        default="lateral", description="Which wall it splits; `all` is a complete fracture."
    )


class TrochantericNonUnion(Settings):
    """A greater trochanter that has not healed (Vancouver A-G): a wide line with dense borders."""

    kind: Literal["trochanteric non-union"] = "trochanteric non-union"
    width_mm: float = Field(default=2.5, ge=0.5, le=8, description="Of the line.")
    rim_mm: float = Field(default=1.2, ge=0, le=3, description="Of the dense borders; 0 for a fresh fracture.")


class LesserTrochanterFracture(Settings):
    """A line that parts the lesser trochanter from the shaft (Vancouver A-L)."""

    kind: Literal["lesser trochanter fracture"] = "lesser trochanter fracture"
    width_mm: float = Field(default=1.5, ge=0.3, le=6, description="Of the line.")


class RamusFracture(Settings):
    """An insufficiency fracture of the superior pubic ramus."""

    kind: Literal["ramus fracture"] = "ramus fracture"
    width_mm: float = Field(default=1.5, ge=0.3, le=6, description="Of the line.")


HipFracture = Annotated[
    ShaftFissure | TrochantericNonUnion | LesserTrochanterFracture | RamusFracture, Field(discriminator="kind")
]
"""Any fracture of the hip phantom's bones."""
