"""Settings of how a corrected gap mask is held against the CT and measured."""

from pydantic import Field

from planner.config.settings import Settings


class GivenGapConfig(Settings):
    """When a mask of gaps fits a CT, and how its voxels become gaps. All are ours, set on the project's phantoms."""

    coarsest_mm: float = Field(
        default=3.5, gt=0, description="Coarser masks are refused: halos are 1 to 3 mm wide. Ours."
    )
    least_inside: float = Field(default=0.95, gt=0, le=1, description="Least share of the mask that lies in the scan.")
    most_ml: float = Field(
        default=300.0, gt=0, description="A larger mask is none of gaps: bones or implants were taken for them. Ours."
    )
    air_hu: float = Field(default=-400.0, description="Below it there is gas, or no patient. Ours.")
    most_in_air: float = Field(
        default=0.5, gt=0, le=1, description="Greatest share of the mask in gas; a gap may hold some. Ours."
    )
    near_metal_mm: float = Field(
        default=3.0, gt=0, description="A space that begins this near to an implant belongs to it. Ours."
    )
    least_in_bone: float = Field(
        default=0.5, gt=0, le=1, description="Least share in bone of a space that touches no implant. Ours."
    )
    sliver_share: float = Field(
        default=0.05, ge=0, lt=1, description="A smaller share of a space near another implant stays with the space."
    )
    least_ml: float = Field(default=0.02, ge=0, description="Smaller new spaces are slips of the brush. Ours.")
    around_metal_mm: float = Field(
        default=8.0, gt=0, description="How far round metal gaps are likely, where a mask's place is judged. Ours."
    )
    moved_mm: float = Field(default=15.0, gt=0, description="How far a mask is moved to see whether it fits better.")
    better_by: float = Field(
        default=0.25,
        gt=0,
        le=1,
        description="Masks that fit better by this when mirrored are refused; scores run from 0 (soft tissue) over "
        "0.5 (bone) and 0.7 (bone near metal) to 1 (gaps that were measured). Ours.",
    )
    better_by_moved: float = Field(
        default=0.13, gt=0, le=1, description="The same when moved. Ours; 3 mm across the screws scored 0.16 too low."
    )
    least_covered: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="A mask is called moved or mirrored only where it would cover so much of the measured gaps, or "
        "where it lies off all metal as it is. Ours.",
    )
    edge_sd_mm: float = Field(
        default=0.3, gt=0, description="Standard deviation of a drawn border's place, beside its half voxel. Ours."
    )
