"""Settings of the watch views: from where a leak is seen as it comes."""

from pydantic import Field

from planner.config.gantry import GantryLimits
from planner.config.settings import Settings


class WatchConfig(Settings):
    """When a view counts as one that shows a leak, and which of several is chosen."""

    drop_ml: float = Field(
        default=0.2,
        gt=0.0,
        le=2.0,
        description="Cement that has leaked when it must be seen. Ours: 7 mm across as a ball.",
    )
    way_mm: float = Field(
        default=2.0,
        gt=0.0,
        description="So far beyond the breach, outwards, free space is looked for; further off the cement runs in "
        "bone, as in a vein. Ours: the wall of a breach is 0 to 1.3 mm thick on the simulated tuning cases.",
    )
    step_deg: float = Field(default=5.0, gt=0.0, le=30.0, description="Between the C-arm views tried. Ours.")
    slant_deg: float = Field(
        default=45.0,
        gt=0.0,
        lt=90.0,
        description="Most between the beam and the wall: at 45 degrees a drop stands out by 0.71 of its height. Ours.",
    )
    metal_mm: float = Field(
        default=0.5, ge=0.0, description="A ray with more metal in it is not clear of metal. Ours: a grazed edge."
    )
    filling_mm: float = Field(
        default=1.0,
        ge=0.0,
        description="A ray with more of a filled gap in it is not clear of the filling. Ours: one seventh of the drop.",
    )
    least_clear_share: float = Field(
        default=0.5,
        gt=0.0,
        le=1.0,
        description="So much of the drop must stand clear of metal and of filled gaps. Ours: 0.1 mL of the 0.2.",
    )
    least_scanned_share: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="So much of the way of the drop's rays must lie in the CT: what is not scanned may hide it. Ours.",
    )
    least_conspicuity: float = Field(
        default=1.0,
        ge=0.0,
        description="Least contrast of the drop over the spread of what surrounds it (Kundel and Revesz 1976, lesion "
        "conspicuity). The limit is ours.",
    )
    surround_mm: float = Field(
        default=6.0, gt=0.0, description="Width of the surroundings that the drop is told from, at the drop. Ours."
    )
    pixel_mm: float = Field(
        default=1.2, gt=0.0, le=3.0, description="Pixels of the pictures looked at, at the drop: six across it. Ours."
    )
    pictures: int = Field(
        default=16,
        ge=1,
        le=100,
        description="Of the views that are clear, so many of the easiest are drawn at most. Ours.",
    )
    gantry: GantryLimits = Field(
        default_factory=GantryLimits, description="How far the C-arm turns; in a plan the same as `fluoroscopy.gantry`."
    )
