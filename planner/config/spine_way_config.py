"""Settings of the ways to the spine: along a screw, beside it, and past the pedicle."""

from pydantic import Field

from planner.config.settings import Settings


class SpineWayConfig(Settings):
    """Settings of the spine's families of ways."""

    contact_from_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="Along the screw: first contact with the shaft, from the head; see the last.",
    )
    contact_to_share: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="Last contact ('touching the screw's middle', Cianfoni 2018; width is ours).",
    )
    contact_step_mm: float = Field(default=2.5, gt=0, description="Spacing of the contacts tried along the shaft.")
    turn_step_deg: float = Field(
        default=12.0, gt=0, le=90, description="Spacing of the contacts tried round the shaft."
    )
    slide_step_deg: float = Field(default=1.6, gt=0, le=15, description="Spacing of the directions at a contact.")
    lined_within_mm: float = Field(
        default=1.0,
        ge=0,
        description="A sliding needle lies in a gap that is so near to its axis: its own radius; ours.",
    )
    lined_dropout_mm: float = Field(
        default=4.0,
        ge=0,
        description="Longest stretch of a slide without gap: noise breaks a thin rim; ours, tuned on none.",
    )
    shortest_slide_mm: float = Field(default=4.0, gt=0, description="A shorter slide reaches no more; no source.")
    short_of_end_mm: float = Field(
        default=1.5,
        ge=0,
        description="A sliding tip stops so far before the gap's end, whose place is uncertain; ours.",
    )
    beside_step_deg: float = Field(default=1.6, gt=0, le=15, description="Spacing of the directions through a pedicle.")
    behind_isthmus_mm: float = Field(
        default=3.0, ge=0, description="Through the pedicle leads a bone entry so far behind its isthmus; no source."
    )
    medial_wall_margin_mm: float = Field(
        default=0.0,
        description="Before the body's posterior wall a needle's surface stays so far lateral of the canal's side "
        "(common practice: never across the medial wall); the canal's own margin comes on top.",
    )
    foramen_margin_mm: float = Field(
        default=1.0,
        description="Free space to a nerve's foramen outside of bone: a voxel and more of a usual CT; ours. The safe "
        "zone of transforaminal ways (Kambin) is not used.",
    )
    disc_margin_mm: float = Field(
        default=0.5,
        description="Free space to a disc, but for targets in one: half a voxel of a usual CT, by which its outline "
        "may err; ours.",
    )
    thoracic_pedicle_mm: float = Field(
        default=6.4,
        gt=0,
        description="Width of a pedicle with a rib, unmeasured: middle of T4 4.5 and T12 8.3 (PMC4857161).",
    )
    lumbar_pedicle_mm: float = Field(
        default=11.0, gt=0, description="The same without a rib: middle of T12 8.3 and L5 13.6 (PMC4857161)."
    )
    thoracic_pedicle_height_mm: float = Field(
        default=9.5,
        gt=0,
        description="Height of a pedicle with a rib, unmeasured: middle of T1 7.2 and T12 11.7 "
        "(doi 10.5137/1019-5149.JTN.26848-19.2).",
    )
    lumbar_pedicle_height_mm: float = Field(
        default=13.7,
        gt=0,
        description="The same without a rib: middle of L5 13.2 (Cook 2021) and the least of L1-L5, 14.2 "
        "(Amonoo-Kuofi 1995), both of women: a way through a pedicle is not taken for wider than it is.",
    )
    rib_near_mm: float = Field(
        default=20.0,
        gt=0,
        description="A rib so near to the isthmus makes a vertebra thoracic; ours: its head and neck.",
    )
    hugging_mm: float = Field(
        default=6.0,
        gt=0,
        description="Juxtapedicular is a needle so close beside the lateral wall; further: posterolateral.",
    )
    lateral_ideal_deg: float = Field(
        default=28.0,
        gt=0,
        lt=90,
        description="Past the pedicle: middle angle from the sagittal plane (secondary: 20-35).",
    )
    lateral_spread_deg: float = Field(
        default=38.0,
        gt=0,
        lt=90,
        description="Half angle of the directions round it; the limits of the whole search hold.",
    )
    least_lateral_deg: float = Field(
        default=5.0,
        ge=0,
        lt=90,
        description="Past the pedicle: least angle from the sagittal plane towards the needle's side.",
    )
    joint_dip_hu: float = Field(
        default=40.0,
        gt=0,
        description="Through a pedicle: greatest fall and rise of the CT between two bright places of the way, where "
        "neither metal nor the gap is near. A facet's joint narrower than the blur shows no more than that. Ours: on "
        "nine tuning cases it refuses 32 of 52 ways through a facet and 51 of 571 good ones.",
    )
    joint_rims_hu: float = Field(
        default=300.0, description="Bright is what passes the brightest cancellous bone; a joint's rims are blurred."
    )
    untold_bone_mm: float = Field(
        default=2.0,
        ge=0,
        description="Through a pedicle: longest way in bone that was not told to be the vertebra's own; half of it may "
        "be the seam of the labels. Ours: with the dip it leaves 8 or fewer of 52 ways through a facet; see `least`.",
    )
    iliac_entry_mm: float = Field(
        default=25.0,
        gt=0,
        description="Along the ilium: farthest bone entry from the screw's head, at its spine; no source.",
    )
    iliac_from_canal_mm: float = Field(
        default=25.0,
        gt=0,
        description="A screw that comes no nearer to the canal lies in no pedicle; bones told apart decide before.",
    )


SPINE = SpineWayConfig()
"""The defaults."""
