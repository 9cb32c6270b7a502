"""Settings of what a view shows: which landmarks make a line, what metal hides, which views are tried."""

from typing import Self

from pydantic import Field, model_validator

from planner.config.settings import Settings


class HidingConfig(Settings):
    """How much metal hides an edge: where its contrast falls below what an observer sees in the picture's noise."""

    patient_water_mm: float = Field(
        default=200.0,
        ge=0.0,
        description="Water that hardens the beam as a trunk does from front to back. Usual.",
    )
    edge_bone_mm: float = Field(
        default=4.0,
        gt=0.0,
        description="Cortical bone that a beam meets along an edge: a wall of 0.7 mm seen 10 degrees off its own plane "
        "(0.7 / sin 10 = 4.0); a wall of 1 mm round a pedicle of 6 mm radius gives more (6.6). Ours.",
    )
    edge_mm2: float = Field(
        default=18.0,
        gt=0.0,
        description="An edge that is looked for, on the detector: a line of 1 x 5 mm, magnified 1.9 times. Ours.",
    )
    quanta_per_mm2: float = Field(
        default=400.0,
        gt=0.0,
        description="Quanta that the detector uses in one frame beside the metal: 20 nGy (usual, no source) at some 30 "
        "per nGy (RQA5 of IEC 62220-1), of which it uses two thirds.",
    )
    frames: float = Field(
        default=3.5,
        gt=0.0,
        description="Frames over which the eye averages noise (Wilson, Xue and Aufrichtig, Perception of fluoroscopy "
        "last-image hold: 3.5 at 30 frames a second).",
    )
    scatter_to_primary: float = Field(
        default=1.0,
        ge=0.0,
        description="Scatter and glare behind metal, as a share of the primary beam beside it. No source: ours.",
    )
    least_cnr: float = Field(
        default=5.0, gt=0.0, description="Contrast over noise that an observer needs (Rose 1948: 5)."
    )


class VisibilityConfig(Settings):
    """What of a target and of the landmarks round it a view shows."""

    profile_deg: float = Field(
        default=10.0,
        gt=0.0,
        lt=45.0,
        description="A wall makes a line where the beam runs along it within this: one of 0.7 mm is then 4 mm long for "
        "the beam (`edge_bone_mm`), six times what it is face on. Ours.",
    )
    least_profile_share: float = Field(
        default=0.5, gt=0.0, le=1.0, description="A landmark of which less makes a line is not in profile. Ours."
    )
    visible_share: float = Field(
        default=0.8, gt=0.0, le=1.0, description="From this share on a thing counts as visible. Ours."
    )
    hidden_share: float = Field(
        default=0.2, ge=0.0, lt=1.0, description="Of a thing that is not beside the picture: less seen is hidden. Ours."
    )
    most_unknown_share: float = Field(
        default=0.1,
        ge=0.0,
        lt=1.0,
        description="Where more of a thing's rays run where metal goes on beyond the CT, nothing is said of it. Ours.",
    )
    hiding: HidingConfig = Field(default_factory=HidingConfig, description="How much metal hides an edge.")

    target_points: int = Field(
        default=400, ge=20, le=5000, description="Points that stand for a target: shares to some 2 %."
    )
    map_points: int = Field(
        default=150, ge=20, le=5000, description="The same in each cell of the angle map: shares to some 4 %."
    )
    map_step_deg: float = Field(default=5.0, ge=1.0, le=30.0, description="Between the angle map's cells.")

    near_deg: float = Field(
        default=20.0,
        gt=0.0,
        le=90.0,
        description="A better view is looked for so far from the wanted one: beyond, it is another view. Ours.",
    )
    near_step_deg: float = Field(default=2.5, gt=0.0, le=15.0, description="Between the views tried there.")
    least_gain_share: float = Field(
        default=0.05, ge=0.0, le=1.0, description="A better view shows at least so much more of the target. Ours."
    )
    tie_share: float = Field(
        default=0.02, ge=0.0, le=1.0, description="Views that differ by less show the same: the points' own error."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.hidden_share >= self.visible_share:
            raise ValueError("what counts as hidden must be seen less than what counts as visible")
        return self
