"""Settings of the search for new cement on a later CT."""

from pydantic import Field

from planner.config.settings import Settings


class DeliveredCementConfig(Settings):
    """What counts as new cement, and how much of a voxel it fills.

    "Tuned on scenes" means: on simulated pairs of small scenes (tests/unit/follow/cement_scene.py) and of phantoms, to
    no single case; nobody's patients were at hand.
    """

    metal_hu: float = Field(
        default=2500.0,
        gt=0,
        description="Brighter is metal: cement reads 1300 to 2200 HU (zirconia or barium), titanium 3000 and more.",
    )
    seed_hu: float = Field(
        default=500.0,
        gt=0,
        description="New cement is looked for where the later CT is so much brighter: a third of what cement adds to "
        "marrow, and more than a cortex adds that is registered half a voxel off. Tuned on scenes.",
    )
    assumed_hu: float = Field(
        default=1500.0,
        gt=0,
        description="What thin films, that show nowhere what pure cement reads, are taken to be: PMMA with 10 % barium "
        "or zirconia reads some 1500 HU. Ours.",
    )
    interior_mm: float = Field(
        default=1.3, gt=0, description="Pure cement lies so deep below its half height: twice a usual blur. Ours."
    )
    local_mm: float = Field(
        default=4.0,
        gt=0,
        description="Cement's own HU is read over this width (a Gaussian's deviation): beams harden. Tuned on scenes.",
    )
    local_weight: float = Field(
        default=0.02,
        ge=0,
        description="Where so small a share of the neighbourhood is pure cement, half of its HU is the whole's. Ours.",
    )
    least_share: float = Field(
        default=0.06, ge=0, lt=1, description="A smaller share is noise: 4 deviations of 20 HU. Tuned on scenes."
    )
    grown_mm: float = Field(
        default=2.0,
        ge=0,
        description="So far round cement that fills half a voxel, what is brighter counts: its edge's blur ends there.",
    )
    least_piece_ml: float = Field(
        default=0.02,
        ge=0,
        description="Smaller pieces are noise or a cortex that is registered badly. Tuned on scenes.",
    )
    bloom_mm: float = Field(
        default=2.0, gt=0, description="So far metal brightens what lies beside it, on usual kernels. Tuned on scenes."
    )
    bloom_bin_mm: float = Field(default=0.2, gt=0, description="Step of the bloom's profile over distance. Ours.")
    bloom_far_mm: float = Field(
        default=5.0,
        gt=0,
        description="The bloom is read where no new cement lies so near: cement's own blur and any film between. Ours.",
    )
    least_profile_voxels: int = Field(
        default=300, ge=1, description="The bloom is read off at least so many voxels beside metal. Ours."
    )
    hidden_above_hu: float = Field(
        default=500.0,
        gt=0,
        description="Where bloom adds more, cement is not told: a tenth of a voxel's error in the metal's edge would "
        "be a tenth of cement. Tuned on scenes.",
    )
    untrusted_hu: float = Field(
        default=400.0,
        gt=0,
        description="Nor where the trust map expects such an error: a quarter of cement's HU. Ours.",
    )
    bone_reach_mm: float = Field(
        default=6.0, ge=0, description="So far round a bone tissue moves with it: cement that leaks lies there. Ours."
    )
    blur_mm: float = Field(
        default=0.6,
        ge=0,
        description="Blur (a Gaussian's deviation) of a usual scan read on the working grid; what a full gap looks "
        "like. Tuned on scenes.",
    )
    gap_hu: float = Field(
        default=40.0, description="Fibrous tissue in a gap, where the earlier CT does not let it be read (0..100 HU)."
    )
    least_read_share: float = Field(
        default=0.15, gt=0, le=1, description="Of a gap, to tell its filling at all; the rest is taken alike. Ours."
    )
    hu_spread: float = Field(
        default=0.04,
        ge=0,
        lt=1,
        description="Of cement's HU (90 %), an error that all volumes share. Tuned on scenes.",
    )
    assumed_hu_spread: float = Field(
        default=0.2, ge=0, lt=1, description="The same where it was assumed: brands read 1200 to 1900 HU. Ours."
    )
    edge_mm: float = Field(
        default=0.05,
        ge=0,
        description="Of cement's surface (90 %), how far it may lie elsewhere; in a gap its wall. Tuned on scenes.",
    )
    hidden_spread: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="How far what is hidden may be emptier or fuller than what lies beside it, as a share of the way "
        "to none and to all (90 %). Ours.",
    )
    skin_mm: float = Field(
        default=1.2,
        ge=0,
        description="Cement must reach so far beyond the bone's surface to count as leaked: the envelope errs by about "
        "a voxel. Tuned on scenes.",
    )
    least_leak_ml: float = Field(
        default=0.05, ge=0, description="Smaller leaks are within the envelope's error. Tuned on scenes."
    )
    compartment_share: float = Field(
        default=0.25, gt=0, le=1, description="Of a leak, that names it by the compartment it lies in. Ours."
    )
    breach_mm: float = Field(
        default=6.0, gt=0, description="A leak left by a predicted breach so near: a wide breach's radius. Ours."
    )
    least_residual_ml: float = Field(
        default=0.1, ge=0, description="What is left of a gap and smaller is not worth a needle; as least gaps. Ours."
    )
