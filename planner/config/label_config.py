"""Settings of how anatomy labels made elsewhere are held against the CT."""

from pydantic import Field

from planner.config.settings import Settings


class LabelConfig(Settings):
    """When labels fit a CT, and when they name what was found in it.

    "The public CTs" are one of the lumbar spine with TPTBox's labels and one from T11 to the femora with
    TotalSegmentator's.
    """

    least_inside: float = Field(
        default=0.95, gt=0, le=1, description="Least share of the labelled voxels that lies in the scan. Ours."
    )
    coarsest_mm: float = Field(
        default=6.0, gt=0, description="Coarser labels are refused; TotalSegmentator's fastest model works at 6 mm."
    )
    fine_mm: float = Field(default=3.5, gt=0, description="Labels coarser than this are told of. Ours.")
    bone_hu: float = Field(
        default=150.0,
        description="Reading from which on a voxel counts as bone-like when labels are compared with the CT. On the "
        "public CTs half of the labelled voxels of vertebrae read more.",
    )
    metal_hu: float = Field(
        default=1800.0, description="Brighter voxels are metal and not compared; cortex is below. Ours."
    )
    compared_mm: float = Field(default=2.4, gt=0, description="Edge of the voxels that are compared. Ours.")
    least_contrast: float = Field(
        default=0.12,
        ge=0,
        le=1,
        description="Least difference of the bone-like shares within labelled bones and in a shell about them. Ours.",
    )
    better_by: float = Field(
        default=0.06,
        ge=0,
        le=1,
        description="Mirrored or moved labels whose difference is greater by this show that the given ones are wrong. "
        "Ours.",
    )
    moved_mm: float = Field(default=12.0, gt=0, description="How far labels are moved for that comparison. Ours.")
    shifted_mm: float = Field(
        default=30.0, gt=0, description="How far misplaced labels are moved to say by how much they are off. Ours."
    )
    fitting: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="Only labels that stand out by so much when mirrored are called mirrored; good ones of two CTs did "
        "by 0.56 and 0.69. Ours.",
    )
    alike: float = Field(
        default=0.03, ge=0, le=1, description="Differences closer than this say nothing of which way fits. Ours."
    )
    air_hu: float = Field(default=-400.0, description="Below it there is gas, not bone. Ours.")
    most_in_air: float = Field(default=0.05, ge=0, le=1, description="Share of labelled bone that may lie there. Ours.")
    near_mm: float = Field(
        default=5.0,
        gt=0,
        description="A point of an implant belongs to the nearest label within this: labels leave metal out. Ours.",
    )
    agreeing: float = Field(
        default=0.7,
        gt=0.5,
        le=1,
        description="Share of an implant's axis, or of a bone's labelled voxels, that one level must have. Ours.",
    )
    outlined: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Labelled bones of which the plan's own outline holds less are taken from the labels. Ours.",
    )
