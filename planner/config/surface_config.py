"""Settings of the surfaces that a planning station draws."""

from pydantic import Field

from planner.config.settings import Settings


class SurfaceConfig(Settings):
    """How finely structures are drawn in 3D. Only for the eye: nothing is measured on these surfaces."""

    structure_triangles: int = Field(
        default=6000,
        ge=100,
        description="Most triangles of one implant, gap, breach or the canal. Ours, tuned on the synthetic thoracic "
        "and lumbar spines and the hip: screws' threads and gaps' edges look as they do without any reduction.",
    )
    bone_triangles: int = Field(
        default=40000,
        ge=100,
        description="Most triangles of all bone together. Ours, tuned on the same three: two cores that draw without a "
        "graphics card turn the scene fluently.",
    )
    needle_sides: int = Field(default=12, ge=3, description="Of a needle's tube. Ours.")
    ball_diameters: float = Field(
        default=1.6,
        gt=1.0,
        description="Width of the ball at a needle's tip, in needle diameters. Ours: seen, not in the way.",
    )
    skin_ring_mm: float = Field(
        default=9.0, gt=0.0, description="Width of the disc at a needle's skin entry. Ours: a marker on the skin."
    )
    bone_ring_mm: float = Field(default=5.0, gt=0.0, description="Width of the disc at a needle's bone entry. Ours.")
