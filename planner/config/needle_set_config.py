"""Settings of needles that work together, and of what is prepared for them."""

from pydantic import Field

from planner.config.settings import Settings


class NeedleSetConfig(Settings):
    """When needles may work together, and which of their sets is proposed."""

    apart_mm: float = Field(
        default=2.0, ge=0, description="Free space between two needles, skin to tip; the aiming error. Ours."
    )
    hub_diameter_mm: float = Field(
        default=30.0,
        ge=0,
        description="Hubs' axes stay so far apart: the winged Luer hub with its syringe, and room for fingertips; the "
        "wider handle of a bone needle is taken off, or turned, once it stands. Vendors differ; ours, no source.",
    )
    hub_length_mm: float = Field(
        default=40.0, gt=0, description="Length of a hub with the syringe's cone, beyond the needle's length; ours."
    )
    femur_holes_mm: float = Field(
        default=10.0,
        ge=0,
        description="Holes of needles in one femur lie so far apart, along and round it: three needles' diameters, "
        "about the spacing of a plate's screws; several holes on one level weaken a shaft. Ours.",
    )
    worth_another: float = Field(
        default=0.05, ge=0, le=1, description="Share of the gaps that a larger set must reach in addition; ours."
    )
    worth_a_vent_mm: float = Field(
        default=5.0,
        gt=0,
        description="Or else so much nearer must its tips be to the farthest place of the gaps, so that tissue and air "
        "find a way out: a third of `reach_mm`; ours.",
    )
    alike: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="Sets of one size whose reach differs by less than this share of the gaps are alike: then score "
        "and venting choose. Ours: reach is a rule of thumb, and a needle that is safer, or leaks later, is worth "
        "more than the last tenth that a ball about its tip holds.",
    )
    vent_weight: float = Field(
        default=0.2,
        ge=0,
        description="What venting counts against the mean score of alike sets: a farthest place `reach_mm` nearer to a "
        "tip is worth this much. Ours.",
    )
    in_the_way_weight: float = Field(
        default=0.5,
        ge=0,
        description="What a needle that cannot stand beside another implant's counts less in the score of alike sets: "
        "more than needles of one gap differ by. Ours: else one is injected after the other.",
    )
    most_looked_at: int = Field(
        default=24,
        ge=5,
        description="Of more needles to one implant the first-ranked so many are put together: 55 455 sets of up to "
        "five, all of which are looked at. Ours, for speed.",
    )
    proposed_share: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="Proposed is the smallest set that reaches this share of what the best one reaches; ours: each "
        "needle more is a hole more in bone (a fissure by a needle: de Smidt 2026).",
    )
    soon_ml: float = Field(
        default=0.5, gt=0, description="Leaks that differ by less are as late: half of a 1 mL syringe. Ours."
    )
    one_mix_ml: float = Field(
        default=20.0,
        gt=0,
        description="What one kit of cement yields, by which the report counts kits: 20 g of powder and 9 g of liquid "
        "(instructions for use, KYPHON HV-R, M708348B154E) are some 23 mL by their densities (PMMA 1.19, barium "
        "sulfate 4.5, monomer 0.94 g/mL), and a part stays in the mixer: that share is ours, and vendors differ. More "
        "than one mix calls for a word, too: no safe volume for a session is known, but leaks grow with it (Chen 2025, "
        "doi 10.12307/2025.427).",
    )
    least_useful_ml: float = Field(
        default=0.1,
        ge=0,
        description="Proposed needles that inject less before one has to stop are told to be of no use: less than a "
        "syringe's tenth of a mL cannot be dosed. Ours.",
    )
    leak_weight: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="Share of the score that the simulated injection decides: what the needle has in its gap when one "
        "stops for a leak, against the best needle of that gap. Enough to part needles that are alike; ours.",
    )
