"""Settings of the search for gas and fluid round spinal implants."""

from pydantic import Field

from planner.config.candidacy_config import PocketConfig


class SpinePocketConfig(PocketConfig):
    """What gas and fluid near spinal implants are told of."""

    reach_mm: float = Field(
        default=30.0, gt=0, description="From metal; farther off lie other levels, ribs and, aside, the colon. Ours."
    )
    bloom_mm: float = Field(
        default=3.0, ge=0, description="So near to metal undershoot reads as gas, though its core does not. Ours."
    )
    least_trust: float = Field(
        default=0.6, ge=0, le=1, description="Below, streaks look like gas. Tuned on the spines, with `streak_share`."
    )
    streak_hu: float = Field(
        default=300.0, description="No soft tissue reads so much: bright streaks do, beside dark ones. Ours."
    )
    streak_share: float = Field(
        default=0.015,
        gt=0,
        lt=1,
        description="Where so much of the soft tissue round a dark spot, in its slices, is bright streaks, the spot "
        "is a dark one. Tuned on the spines of the accuracy table's tuning half: gas 0 to 0.007, streaks 0.02 to 0.14.",
    )
    streak_reach_mm: tuple[float, float] = Field(
        default=(12.0, 25.0),
        description="Round the spot; so far, where too little soft tissue lies so near. Tuned likewise.",
    )
    fewest_soft: int = Field(
        default=200, ge=1, description="Voxels of soft tissue; fewer tell of no streaks, and no gas is told. Ours."
    )
    least_gas_ml: float = Field(default=0.05, ge=0, description="Smaller bubbles are noise. Ours.")
    most_gas_ml: float = Field(default=15.0, gt=0, description="More in one piece is lung or bowel. Ours.")
    lung_mm: float = Field(
        default=4.0, ge=0, description="So near to lung or bowel gas is theirs: their wall and the blur. Ours."
    )
    joined_mm: float = Field(
        default=4.0,
        gt=0,
        description="Gas so near to two vertebrae at once lies in the disc or facet joint between them: half a disc. "
        "Ours.",
    )
    joined_share: float = Field(default=0.5, gt=0, le=1, description="So much of a piece must lie so. Ours.")
    least_read_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Where less of what lies round the metal can be read, it is said. Ours.",
    )
