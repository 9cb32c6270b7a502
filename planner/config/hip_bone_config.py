"""Settings of the bones of the hip: telling femur from pelvis, the joint, the trochanters, and the safety zones."""

from pydantic import Field

from planner.config.settings import Settings


class HipBoneConfig(Settings):
    """How femur and pelvis are told apart, and what is measured on them.

    "Tuned on the hips" means: on nine simulated replaced hips with metal artefacts, and looked at on two real ones.
    """

    liner_and_shell_mm: float = Field(
        default=9.0, gt=0, description="From head to outside of cup, where only one was found: 6 of liner, 3 of shell."
    )
    bloom_mm: float = Field(
        default=1.6,
        ge=0,
        description="How far metal's blur reads as bone round head and neck. Ours, tuned on the hips.",
    )
    capsule_off_mm: float = Field(
        default=6.0, gt=0, description="From a natural head to its capsule: cartilage, fluid, synovia. Ours."
    )
    capsule_root_mm: float = Field(
        default=18.0,
        gt=0,
        description="Half the width of the capsule at the neck's root: the neck's and a little. Ours.",
    )
    capsule_share: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="So far down the neck the capsule runs: behind it leaves the neck's outer third bare (anatomy).",
    )
    enclosing_rays: int = Field(
        default=13,
        ge=1,
        le=16,
        description="Of 16 rays across the neck so many must meet bone for metal to lie in the femur. Tuned on the "
        "hips.",
    )
    enclosing_reach_mm: float = Field(
        default=32.0, gt=0, description="How far these rays look: the metaphysis is up to 60 mm wide. Ours."
    )
    least_piece_ml: float = Field(
        default=0.5, ge=0, description="Smaller pieces of neither bone are left out: vessels, fragments, noise. Ours."
    )
    compact_hu: float = Field(
        default=400.0, description="Thin bone reads more somewhere; filled vessels of 200-350 HU do not. Ours."
    )
    compact_share: float = Field(
        default=0.1, ge=0, le=1, description="Share of a thin loose piece that must be compact for it to be bone. Ours."
    )
    rim_over_core_hu: float = Field(
        default=40.0,
        ge=0,
        description="So much denser than its inside is a bone's rim; a filled bladder's is not. Ours, tuned on the "
        "hips.",
    )
    lesser_stands_out_mm: float = Field(
        default=2.5,
        gt=0,
        description="So far a lesser trochanter stands out from the shaft's opened outline. Ours, tuned on the hips.",
    )
    smallest_head_mm: float = Field(
        default=36.0,
        gt=0,
        description="Natural heads measure 38 to 58 mm across; a small one, less its cartilage. Ours.",
    )
    largest_head_mm: float = Field(default=62.0, gt=0, description="As the smallest.")
    least_head_seen: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of a natural head's sphere that must be seen; two real heads showed 0.71 and 0.74, wrong "
        "spheres up to 0.46. Ours.",
    )
    coarsest_mm: float = Field(
        default=2.6,
        gt=0,
        description="In thicker slices a natural joint's gap, 3 to 5 mm, does not show, and no head is fitted (a 3 "
        "mm CT gave a sphere 4 mm too small). Ours.",
    )
    other_hip_edge_mm: float = Field(
        default=1.2, gt=0, description="Edge of the voxels on which the hip of the other side is looked at. Ours."
    )
    gap_hu: float = Field(
        default=150.0, description="Between a natural head and its socket less than this is cartilage and fluid. Ours."
    )
    widest_gap_mm: float = Field(default=6.0, gt=0, description="A natural joint's gap is 3 to 5 mm wide. Ours.")


class HipZoneConfig(Settings):
    """Where vessels and nerves may run about a hip, where nothing shows them.

    Places are mm from the head's centre at the joint and above it, from the shaft's axis below its upper end, between
    both from one to the other; lateral, behind and above are positive. All are outer limits: what they leave is free.
    """

    bundle_lateral_mm: float = Field(
        default=18.0,
        description="The femoral nerve, the bundle's most lateral part, runs up to so far lateral of the head's "
        "centre: lateral of the joint in 56 to 61 %, 23.6 mm (SD 5.4) from it (Mehta 2018, Journal of Orthopaedic "
        "Surgery and Research). The limit is ours.",
    )
    bundle_before_mm: float = Field(
        default=-28.0,
        description="Nearest to the joint runs the vein, 17.5 mm (SD 4.4; Mehta 2018) before it, that is before head "
        "or rim, some 25 mm from the centre; two SD and half its width are taken off, and 3 mm more. Ours.",
    )
    shaft_medial_mm: float = Field(
        default=-8.0,
        description="Along the shaft all is barred that lies further medial: the deep femoral artery comes to 13.8 mm "
        "of the medial cortex, in the femur's coronal plane (CT angiographies of 44 patients, profunda femoris "
        "against a sliding hip screw's plate). Half a shaft is 13 mm. Ours.",
    )
    shaft_bundle_lateral_mm: float = Field(
        default=4.0,
        description="Before the shaft the vessels stay medial of it down to mid thigh (CT angiography, Injury 2016: "
        "the superficial artery begins in front and crosses medially some 24 cm above the adductor tubercle). Ours.",
    )
    sciatic_behind_mm: float = Field(
        default=20.0,
        description="The sciatic nerve runs 14 mm (SD 5) behind the socket's hind edge (Suzuki 2022, HIP "
        "International), which lies 20 to 30 mm behind the centre; behind the shaft it lies against the femur's hind "
        "half. Ours.",
    )
    sciatic_lateral_mm: float = Field(
        default=25.0,
        description="At the joint it runs 48.3 mm (SD 2.6) from the greater trochanter (263 MRIs, doi "
        "10.1186/s13018-016-0365-2), whose hind edge is 60 mm from the head's centre; two SD, its width, a margin. "
        "Ours.",
    )
    shaft_sciatic_lateral_mm: float = Field(
        default=16.0,
        description="At the lesser trochanter it runs 4.0 mm (SD 7.7) lateral of the femur's medial border, 4 cm lower "
        "7.8 mm (SD 5.8) medial of it (Ericksen 2002, Anesthesia and Analgesia 95:1071); 15 mm from border to axis. "
        "Ours.",
    )
    pelvis_medial_mm: float = Field(
        default=-24.0,
        description="Bladder, bowel, iliac and obturator vessels lie within the pelvis, so far medial of the centre "
        "and more: beyond the socket's floor. Ours.",
    )
    above_centre_mm: float = Field(
        default=45.0,
        ge=0,
        description="From this height up the sciatic nerve and the gluteal vessels leave the pelvis through the notch: "
        "behind the centre all medial tissue is barred. Ours.",
    )
