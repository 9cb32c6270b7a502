"""Settings of prophylactic targets: where cement would go in an intact level, and when none is offered."""

from pydantic import Field

from planner.config.settings import Settings


class ProphylaxisConfig(Settings):
    """Where in an intact body beside a construct cement is aimed at.

    Nothing is offered unless `SpineTargetConfig.prophylactic_levels` asks for it.
    """

    along_mm: float = Field(
        default=60.0,
        gt=0,
        description="Where it is asked for, the anatomy is told so far above and below spinal metal, if the scan goes "
        "so far: the rest of a screw's own body, a disc and a whole lumbar body. Ours.",
    )
    width_share: float = Field(
        default=0.6, gt=0, lt=1, description="Of half a body's width, to both sides of its midline. Ours."
    )
    height_share: float = Field(
        default=0.6, gt=0, lt=1, description="Of a body's height, about its middle: endplates are spared. Ours."
    )
    front_share: float = Field(
        default=0.8, gt=0, lt=1, description="Of half a body's depth, before its middle: short of the front wall. Ours."
    )
    from_surface_mm: float = Field(
        default=4.0, gt=0, description="Below the bone's surface; as `MarrowConfig.from_surface_mm`."
    )
    from_metal_mm: float = Field(
        default=3.0, ge=0, description="From metal that reaches into the level: beyond a halo. Ours."
    )
    least_ml: float = Field(
        default=1.0,
        gt=0,
        description="Less room is no target: some 1 mL goes to a thoracic level (doi 10.1302/2046-3758.59.2000580).",
    )
    wall_rise_hu: float = Field(
        default=80.0,
        gt=0,
        description="A wall rises so far above what lies outside of it: thin cortex, blurred, reads 140 and more over "
        "muscle at 60. Ours.",
    )
    least_walls_share: float = Field(
        default=0.7,
        gt=0,
        le=1,
        description="Of front and sides so much wall must be seen, or nothing is offered. Ours.",
    )
