"""Settings of the files that a plan is written to. None of them changes what is planned."""

from typing import Literal

from pydantic import Field

from planner.config.settings import Settings

SurfaceFormat = Literal["stl", "obj", "glb"]


class OutputConfig(Settings):
    """Which files, and how fine."""

    surfaces: tuple[SurfaceFormat, ...] = Field(
        default=("stl", "obj", "glb"),
        description="Formats of the surfaces of implants, gaps and bones: stl and obj hold one structure a file in LPS "
        "mm, glb all together in metres with Y up. Empty for no surfaces.",
    )
    surface_deviation_mm: float = Field(
        default=0.15,
        ge=0.0,
        description="No place of a written surface lies farther from the one that was taken from the voxels, nor the "
        "other way round; 0 takes out no triangle. Ours: a fifth of a usual voxel; on the synthetic lumbar spine a "
        "quarter to two fifths of the triangles are left at that.",
    )
