"""Settings of how gaps on two CTs are compared."""

from pydantic import Field

from planner.config.settings import Settings


class WidthChangeConfig(Settings):
    """How a gap's wall is read again on the later CT, and which change is one.

    "Synthetic" means: tuned on gaps round a bar in textured bone, built by hand in the unit tests.
    """

    reach_mm: float = Field(
        default=3.5, gt=0, description="How far from the earlier wall the later one is looked for. Ours."
    )
    step_mm: float = Field(default=0.1, gt=0, description="Distance of samples on a ray. Ours.")
    bloom_mm: float = Field(
        default=1.4,
        ge=0,
        description="So near to metal nothing is read: the blur of 6000 HU leaves 40 HU of it 2.5 standard deviations "
        "away, of a usual kernel's 0.55 mm. A narrower gap's change is told by the two maps alone (synthetic).",
    )
    smooth_mm: float = Field(
        default=1.0, gt=0, description="Neighbouring rays are averaged over it first; as the halos' own."
    )
    fibrous_hu: float = Field(default=40.0, description="Interface tissue in a gap (0..100 HU, no source).")
    least_rise_hu: float = Field(default=40.0, gt=0, description="Less is no wall; as the halos' own.")
    least_width_mm: float = Field(
        default=0.5, gt=0, description="A narrower gap of the later CT alone is none: below a fine voxel. Ours."
    )
    near_mm: float = Field(
        default=0.75, gt=0, description="The earlier wall must be found again so near to where it was measured. Ours."
    )
    least_patch_mm2: float = Field(
        default=20.0, ge=0, description="A smaller patch tells neither growth nor a new gap; as the halos' own."
    )
    least_read_share: float = Field(
        default=0.1, ge=0, le=1, description="Of the gap's surface, below which its growth is not told. Ours."
    )
    patch_mm2: float = Field(
        default=9.0, gt=0, description="Rays within such an area err alike: the averaging's own width. Ours."
    )
    slice_sd: float = Field(
        default=0.08, ge=0, description="Error that sampling makes, as a share of the widest spacing. Judged."
    )
    reader_sd_mm: float = Field(
        default=0.08, ge=0, description="What the reader errs by besides: two kernels' blur (synthetic)."
    )
    least_offset_share: float = Field(
        default=0.3, ge=0, le=1, description="Of a registration's error, even where a gap lies all round. Ours."
    )
    limit_sds: float = Field(default=2.0, gt=0, description="The limit, in standard errors: 95 % of none stay below.")
    local_limits: float = Field(
        default=2.0,
        ge=1,
        description="A part of the gap grew, on one side say, where a patch of twice the least size grew by so many "
        "limits (synthetic).",
    )
