"""Settings of ways that are not straight: a needle steered by its bevel, a curved cannula through a straight needle."""

from pydantic import Field

from planner.config.settings import Settings


class BendLimits(Settings):
    """How far, and how sharply, the last part of a way may bend."""

    radius_mm: float = Field(gt=5.0, description="Of the arc.")
    most_turn_deg: float = Field(gt=0, le=90, description="Greatest turn from the straight part to the tip.")
    most_arc_mm: float = Field(gt=0, description="Longest arc.")
    diameter_mm: float | None = Field(
        default=None, gt=0, description="Outer diameter of what bends; None: the needle's own."
    )


class CurvedConfig(Settings):
    """Bent ways; neither is tried unless allowed, and both only to targets that no straight needle reaches.

    A bevelled needle drifts away from its bevel's opening: 22 G by 9-10 mm over 80 mm of gel, a radius of some 350 mm
    (Rand 2016, doi 10.5812/aapm.36607), thicker ones less. Nobody measured 13-15 G in bone: those limits are ours,
    2 mm over 50. Curved cannulae are patented with radii of 10 to 40 mm; which one is at hand, the operator must say.
    """

    steering: bool = Field(default=False, description="Allow steering by the bevel.")
    cannula: bool = Field(default=False, description="Allow a coaxial curved cannula.")
    steer: BendLimits = Field(
        default=BendLimits(radius_mm=600.0, most_turn_deg=5.0, most_arc_mm=50.0),
        description="Of a needle that is steered. Ours: see above.",
    )
    curve: BendLimits = Field(
        default=BendLimits(radius_mm=25.0, most_turn_deg=70.0, most_arc_mm=30.0, diameter_mm=1.65),
        description="Of a curved cannula; a 16G one passes an 11G needle. Editable: makers differ.",
    )
    starts: int = Field(default=80, ge=1, description="Ends of straight parts tried, spread over the bone by the gap.")
    planes: int = Field(default=12, ge=3, description="Directions of the bend tried round the needle.")
