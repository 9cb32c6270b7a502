"""How far a C-arm turns."""

from typing import Self

from pydantic import Field, model_validator

from planner.config.settings import Settings


class GantryLimits(Settings):
    """Angles at the console that the gantry reaches; defaults of a floor stand (public vendor geometry)."""

    primary_min_deg: float = Field(
        default=-117.0, ge=-180.0, le=180.0, description="Furthest right anterior oblique; a vendor's floor stand."
    )
    primary_max_deg: float = Field(
        default=105.0, ge=-180.0, le=180.0, description="Furthest left anterior oblique; same stand."
    )
    secondary_min_deg: float = Field(default=-45.0, ge=-90.0, le=90.0, description="Furthest caudal; same stand.")
    secondary_max_deg: float = Field(default=50.0, ge=-90.0, le=90.0, description="Furthest cranial; same stand.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.primary_min_deg >= self.primary_max_deg or self.secondary_min_deg >= self.secondary_max_deg:
            raise ValueError("a gantry's least angle must lie below its greatest")
        return self

    def reaches(self, primary_deg: float, secondary_deg: float) -> bool:
        """Say whether the gantry can be turned to two console angles, degrees; the ends count as reached."""
        return (
            self.primary_min_deg <= primary_deg <= self.primary_max_deg
            and self.secondary_min_deg <= secondary_deg <= self.secondary_max_deg
        )
