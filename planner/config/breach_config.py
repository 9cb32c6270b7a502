"""Settings of the search for breaches."""

from pydantic import Field

from planner.config.gantry import GantryLimits
from planner.config.settings import Settings


class BreachConfig(Settings):
    """What counts as a hole in a gap's wall, and from where it is watched."""

    thin_mm: float = Field(
        default=0.5, ge=0, description="A wall of at most this thickness will not hold cement; no source, our limit."
    )
    open_mm: float = Field(
        default=0.25, ge=0, description="A wall thinner than this is taken as missing: half a voxel of a usual CT."
    )
    wall_bone_hu: float = Field(
        default=150.0, description="Above it the wall holds bone: between soft tissue and cortex (250-2000), for blur."
    )
    search_mm: float = Field(
        default=3.0, gt=0, description="Walls are measured where the outside is nearer than this; no source."
    )
    min_open_mm2: float = Field(
        default=8.0,
        ge=0,
        description="Least area of an open patch: 2 mm across, and the edge voxels; tuned on one simulated case.",
    )
    min_thin_mm2: float = Field(
        default=12.0, ge=0, description="Least area of a thin patch; tuned on one simulated thoracic case."
    )
    neighbour_mm: float = Field(
        default=4.0, gt=0, description="A compartment this near to the patch, outwards, names the leak; no source."
    )
    tract_mm: float = Field(
        default=4.0, ge=0, description="Within this of the shaft's head end, along it, a hole is the screw's own tract."
    )
    include_screw_tract: bool = Field(default=False, description="Whether the screw's own tract is listed too.")
    watch_step_deg: float = Field(default=5.0, gt=0, le=30, description="Spacing of the C-arm views tried.")
    watch_clear_mm: float = Field(
        default=2.0,
        ge=0,
        description="Metal nearer to the beam through a leak hides it: a drop of 0.2 mL is 3.6 mm in radius.",
    )
    watch_slant_deg: float = Field(
        default=30.0, gt=0, lt=90, description="Greatest angle between beam and wall at which a leak is in profile."
    )
    gantry: GantryLimits = Field(
        default_factory=GantryLimits, description="How far the C-arm turns; in a plan the same as `fluoroscopy.gantry`."
    )
