"""Settings of the pedicles' measurement."""

from pydantic import Field

from planner.config.settings import Settings


class PedicleConfig(Settings):
    """How pedicles are found beside the canal and measured on the CT."""

    bone_share: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="Share of bone just beside the canal's wall, before its middle, at which a pedicle stands there "
        "and not a foramen. Ours.",
    )
    least_height_mm: float = Field(
        default=4.0,
        gt=0,
        description="Lower stretches of bone beside the canal are spurs; T4 pedicles are 8 high. Ours.",
    )
    least_apart_mm: float = Field(
        default=13.0, gt=0, description="Pedicles of neighbours stand a thoracic body's height apart at least. Ours."
    )
    furthest_apart_mm: float = Field(
        default=50.0, gt=0, description="And at most so far: a lumbar body with its disc is some 40 mm high. Ours."
    )
    widest_mm: float = Field(
        default=24.0, gt=0, description="L5's widest pedicles are 18-20 mm wide (morphometry, PMC4857161 and others)."
    )
    least_wall_hu: float = Field(
        default=180.0, description="The cortex's peak must read so much: thin cortex, over muscle at 60. Ours."
    )
    metal_near_mm: float = Field(
        default=1.6,
        ge=0,
        description="A wall this near to metal cannot be read for its bloom: as the bone step's bloom. Ours.",
    )
    least_readable: float = Field(
        default=0.6, gt=0, le=1, description="Share of the rays to one side that must show a wall. Ours."
    )
    border_share: float = Field(
        default=0.6,
        gt=0,
        lt=1,
        description="A cortex's outer border is where the CT has risen by this share from soft tissue to its peak: "
        "half of it for a thick one; a cortex as thin as the blur reads too low, and half its peak lies outside of it. "
        "Tuned on the spine phantoms' tuning half: 0.5 gave 0.24 mm too much width, 0.6 gave 0.01.",
    )
    unlike_mm: float = Field(
        default=3.0,
        gt=0,
        description="Where one pedicle of a vertebra seems wider than the other by this and by half, a rib was taken "
        "for it: its width is not told. Ours.",
    )
