"""Settings of what is as bright as metal and is no orthopaedic implant."""

from pydantic import Field

from planner.config.settings import Settings


class AsideConfig(Settings):
    """What is told as external, lead, stent, port, tooth, contrast, calcification or clip.

    All of it is ours: from the objects' sizes, set so wide that a piece of an implant stays one. Judged on simulated
    scans with wires and markers on the skin, and on scenes of the tests.
    """

    skin_mm: float = Field(
        default=6.0, gt=0, description="A piece that reaches no deeper than this under the skin lies on it: external."
    )
    external_ml: float = Field(
        default=5.0, gt=0, description="Where all pieces are larger, the skin is not looked for: that takes a second."
    )
    bone_hu: float = Field(default=300.0, description="Bone next to a piece; above muscle and contrast in vessels.")
    round_mm: tuple[float, float] = Field(default=(2.0, 5.0), description="How far from a piece its surroundings lie.")
    most_bone_share: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="Share of its surroundings that may be bone or streak where it counts as lying in soft tissue.",
    )
    lead_radius_mm: float = Field(default=1.6, gt=0, description="Leads are 1.5 to 3 mm across, and bloom.")
    lead_length_mm: float = Field(default=60.0, gt=0, description="Least length of a lead along its course.")
    stent_wall_mm: float = Field(default=1.2, gt=0, description="Largest ball in a stent's mesh, with its bloom.")
    stent_radius_mm: tuple[float, float] = Field(default=(2.0, 20.0), description="Coronary to aortic stents.")
    stent_core_share: float = Field(
        default=0.03, ge=0, lt=1, description="Metal in the inner half of a stent's radius."
    )
    port_depth_mm: float = Field(default=30.0, gt=0, description="Ports and stimulators lie this near to the skin.")
    port_extent_mm: tuple[float, float] = Field(
        default=(12.0, 75.0), description="Longest side of a port's chamber or a stimulator."
    )
    port_ball_mm: float = Field(default=2.5, gt=0, description="A port or stimulator holds a ball of this radius.")
    tooth_extent_mm: float = Field(default=22.0, gt=0, description="A crown with its bridge neighbours, or less.")
    enamel_hu: tuple[float, float] = Field(
        default=(1500.0, 2700.0), description="Enamel and dentine, above cortical bone of the spine."
    )
    enamel_share: float = Field(default=0.2, gt=0, lt=1, description="Share of it round a filling.")
    least_teeth: int = Field(default=3, ge=1, description="Fillings are told where so many lie on one level.")
    jaw_height_mm: float = Field(default=40.0, gt=0, description="Height of both rows of teeth.")
    contrast_hu: float = Field(
        default=2700.0, description="What is nowhere brighter is contrast agent or calcified, where HU are not clipped."
    )
    contrast_ml: float = Field(default=1.0, gt=0, description="Calcifications are smaller, pools of contrast larger.")
    clip_mm3: float = Field(default=4.0, gt=0, description="Smallest clip that is told; smaller is noise.")
