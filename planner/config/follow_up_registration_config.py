"""Settings of how bones and implants of an earlier CT are found again on a later one."""

from pydantic import Field

from planner.config.settings import Settings


class FollowUpRegistrationConfig(Settings):
    """How two CTs of one patient are laid on each other, and when that is refused."""

    coarse_mm: float = Field(
        default=3.0, ge=1.0, le=6.0, description="Edge of the voxels on which starts are compared. Ours."
    )
    start_reach_mm: float = Field(
        default=12.0,
        gt=0,
        description="An implant's landmark agrees with a start where its fellow lies so near: it may have moved 5 mm, "
        "its bone turned against the others. Ours.",
    )
    starts_tried: int = Field(default=4, ge=1, le=20, description="So many of the best starts are refined. Ours.")
    edge_mm: float = Field(default=1.0, ge=0.5, le=2.0, description="Voxels of a bone when it is registered. Ours.")
    blur_mm: float = Field(
        default=1.0,
        ge=0.3,
        le=3.0,
        description="Both CTs are blurred by this (standard deviation), so that kernels and slices differ less. Ours.",
    )
    metal_margin_mm: float = Field(
        default=3.0, ge=0.0, le=10.0, description="So far round metal of either CT nothing is compared. Ours."
    )
    bone_margin_mm: float = Field(
        default=2.5, ge=0.0, le=6.0, description="So far beyond its outline a bone's edge is compared. Ours."
    )
    least_hu: float = Field(default=-150.0, description="CT values are cut to fat ...")
    greatest_hu: float = Field(default=1300.0, description="... and cortex; cement and metal are brighter.")
    outlier_sd: float = Field(
        default=3.5, ge=2.0, le=8.0, description="What differs by more robust deviations is left out: cement. Ours."
    )
    most_outliers: float = Field(
        default=0.25,
        ge=0.0,
        le=0.6,
        description="No larger share of a bone is left out. Tuned on simulated pairs: cement fills less of a body.",
    )
    least_correlation: float = Field(
        default=0.95,
        ge=0.5,
        le=1.0,
        description="Least correlation of the two CTs over a bone, outliers left out. Tuned on simulated pairs.",
    )
    least_overlap: float = Field(
        default=0.5, ge=0.1, le=1.0, description="Least share of a bone that both CTs must show. Ours."
    )
    most_bone_turn_deg: float = Field(
        default=12.0, gt=0, description="A bone turns no further against its neighbours' motion. Ours."
    )
    most_bone_shift_mm: float = Field(
        default=12.0, gt=0, description="Nor is it shifted further: half a vertebra's height. Ours."
    )
    metal_low_hu: float = Field(
        default=1600.0,
        description="Edges of metal are read above this: opacified cement reads 1000-2500 HU, mostly below, and had "
        "turned screws that were registered with it.",
    )
    metal_high_hu: float = Field(default=3000.0, description="... and below this, where most scanners' HU end (3071).")
    implant_margin_mm: float = Field(
        default=3.0, ge=1.0, le=8.0, description="So far round an implant its edge is compared. Ours."
    )
    least_metal_correlation: float = Field(
        default=0.9, ge=0.5, le=1.0, description="Of the two CTs' metal over an implant. Tuned on simulated pairs."
    )
    most_implant_shift_mm: float = Field(
        default=15.0, gt=0, description="An implant that seems to have moved further is another one. Ours."
    )
    slice_share: float = Field(
        default=0.08,
        ge=0.0,
        le=0.5,
        description="Standard error of a registered place, as share of the slice distance. Tuned on 20 simulated pairs "
        "with slices of 0.8-2 mm.",
    )
    floor_mm: float = Field(
        default=0.05, ge=0.0, description="Least standard error of a registered place. Tuned on the same pairs."
    )
    limit_sd: float = Field(
        default=2.6, ge=1.0, le=6.0, description="A motion is told beyond so many standard errors: 99 of 100. Normal."
    )
    least_told_mm: float = Field(
        default=0.3, ge=0.0, description="No motion of less is told: what the benchmark holds motions to. Ours."
    )
    least_told_deg: float = Field(default=0.3, ge=0.0, description="Likewise of turns.")
