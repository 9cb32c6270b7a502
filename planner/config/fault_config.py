"""Settings of the search for faults of the hardware."""

from pydantic import Field

from planner.config.settings import Settings


class FaultConfig(Settings):
    """What counts as a fault of an implant.

    "Tuned on spines" means: on the accuracy table's tuning half, with metal artefacts, and on some more of its phantoms
    without; nobody's fractures were at hand.
    """

    longest_gap_mm: float = Field(
        default=15.0,
        gt=0,
        description="Pieces of one shaft stand at most so far apart: less than a disc and two endplates, ours.",
    )
    most_aside_mm: float = Field(
        default=6.0, gt=0, description="And at most so far out of line, about a screw's diameter; ours."
    )
    most_bend_deg: float = Field(default=20.0, gt=0, lt=90, description="And at most so much bent; ours.")
    notch_share: float = Field(
        default=0.55,
        gt=0,
        lt=1,
        description="A shaft is parted where its cross-section falls below this share of what it has on both sides; "
        "fenestrations take less than a third. Tuned on spines.",
    )
    flank_mm: float = Field(
        default=4.0,
        gt=0,
        description="Whole shaft that must follow a notch on both sides: more than one turn of thread.",
    )
    step_mm: float = Field(
        default=1.3,
        gt=0,
        description="A straight shaft whose middle jumps aside by this much is in two pieces though no gap shows; "
        "whole screws show up to 0.5, in a severe artefact of cobalt-chrome 0.9. Tuned on spines.",
    )
    thinnest_rod_mm: float = Field(
        default=3.0, gt=0, description="Rods are made from 3.2 mm across; a thinner one is a streak's root."
    )
    off_rod_mm: float = Field(
        default=4.0,
        gt=0,
        description="A rod so much farther from a screw's head than from its fellows' lies out of the tulip: more than "
        "half of a rod's diameter. Ours.",
    )
    rod_in_reach_mm: float = Field(
        default=40.0, gt=0, description="Rods farther off were never in that tulip: the other side's begin there. Ours."
    )
    proud_mm: float = Field(
        default=5.5,
        gt=0,
        description="A head that stands so much farther behind the canal's middle than its opposite number has backed "
        "out, or was left proud; whole constructs show up to 4.8, screws pulled out by 7 mm from 7.0 on (tuned on "
        "spines). What backed out by less is not told.",
    )
    proud_of_all_mm: float = Field(
        default=2.0, gt=0, description="And so much farther than the median of all of them. Tuned on spines."
    )
    same_level_mm: float = Field(
        default=10.0, gt=0, description="Screws that pass the canal's middle within this height share a vertebra. Ours."
    )
    outside_mm: float = Field(
        default=2.0,
        gt=0,
        description="A thread that stands so far out of its bone is told: grade C by Gertzbein and Robbins begins "
        "there; less drowns in the outline of bone (up to 1.6 mm on spines).",
    )
    least_outside_mm2: float = Field(
        default=20.0,
        gt=0,
        description="So much of the thread must stand out, by over 1 mm: the outline's errors show up to 7 mm2, screws "
        "through a wall from 40 on. Tuned on spines.",
    )
    most_outside_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="If more of the screws than this seem to stand out, the outline of bone is wrong, not they; steel "
        "on a clipped scan. Ours.",
    )
    in_canal_mm: float = Field(
        default=1.6,
        gt=0,
        description="The same in the canal, whose wall a screw hides on its own side: a true 3.0 mm reads 2.0, a true "
        "1.7 mm 3.3, and screws that only break the pedicle's wall up to 1.3. Tuned on spines.",
    )
    in_own_wall_mm: float = Field(
        default=1.0,
        ge=0,
        description="So far within the wall of its own side, as it is seen beside the screw, it must stand at least: "
        "canals are not quite even, and the opposite wall alone errs by 3 mm. Tuned on spines.",
    )
    deep_in_canal_mm: float = Field(
        default=4.45,
        gt=0,
        description="From here on a warning; below, within the error, a caution: 24 screws of twelve tuning and "
        "development spines that break no more than 0.3 mm into the canal read 1.2 mm deep (0.5 to 2.5), one at 3.0 mm "
        "read 4.5, and one in real bone at about 1.2 mm 4.4. At 3.0 that one was a false warning.",
    )
    stem_notch_share: float = Field(default=0.5, gt=0, lt=1, description="The same as `notch_share`, of stems. Ours.")
    stem_dip_share: float = Field(
        default=0.8,
        gt=0,
        lt=1,
        description="A stem is cracked where the HU within it fall below this share of what they are on both sides: "
        "whole ones show 0.88 and more with artefacts, a crack of 1 mm in slices of 2 mm 0.56. Tuned on seven hips.",
    )
    eccentric_mm: float = Field(
        default=3.0,
        gt=0,
        description="A head's centre so far from the cup's is told: 1 mm of error of each, and liners that are offset "
        "by design. Ours.",
    )
