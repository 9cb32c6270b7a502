"""What surgery and fractures have changed in a spine, and what may fool a reader of it."""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from planner.config.phantoms.spine.morphometry import LEVELS, Level
from planner.config.settings import Settings
from planner.model.implant import Side

Share = Annotated[float, Field(ge=0.0, le=0.85)]


class Laminectomy(Settings):
    """Laminae and spinous process are gone; scar and fat lie there."""

    kind: Literal["laminectomy"] = "laminectomy"
    levels: tuple[Level, ...] = Field(min_length=1, description="Which vertebrae.")
    fat_share: float = Field(default=0.4, ge=0, le=1, description="Of the scar's depth that is fat again. By eye.")


class FusionMass(Settings):
    """Grafted bone that bridges from transverse process to transverse process, over the facets."""

    kind: Literal["fusion_mass"] = "fusion_mass"
    levels: tuple[Level, ...] = Field(min_length=2, description="Bridged vertebrae, neighbours, from the top down.")
    sides: tuple[Side, ...] = Field(default=("right", "left"), min_length=1, description="On which sides.")
    radius_mm: float = Field(default=6.5, ge=3, le=12, description="Middle radius of the mass. By eye.")
    seed: int = Field(default=1, ge=0, description="Of its lumps.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        places = [LEVELS.index(name) for name in self.levels]
        if any(b != a + 1 for a, b in pairwise(places)):
            raise ValueError(f"a fusion mass bridges neighbours from the top down, not {', '.join(self.levels)}")
        return self


class CollapsedFracture(Settings):
    """A body that has lost height, with or without a cleft in it; the spine bends over it."""

    kind: Literal["collapsed_fracture"] = "collapsed_fracture"
    level: Level
    front_loss: Share = Field(default=0.45, description="Of the height in front; Genant grade 3 is over 0.40.")
    middle_loss: Share = Field(default=0.5, description="Of the height in the middle.")
    back_loss: Annotated[float, Field(ge=0.0, le=0.4)] = Field(default=0.08, description="Of the height behind.")
    bulge_mm: float = Field(default=2.0, ge=0, le=6, description="How far the wall stands out half way up. By eye.")
    cleft: Literal["gas", "fluid"] | None = Field(
        default=None, description="What fills the cleft; None: there is none."
    )
    cleft_mm: tuple[float, float, float] = Field(
        default=(22.0, 15.0, 4.0), description="Width, depth and height of the cleft, an ellipsoid. By eye."
    )
    cleft_shift_mm: tuple[float, float] = Field(
        default=(2.5, -2.0), description="Shift of the cleft from the middle of the body, to the left and to the back."
    )


class FractureLine(Settings):
    """A fresh fracture plane through a body, open by a little."""

    kind: Literal["fracture_line"] = "fracture_line"
    level: Level
    width_mm: float = Field(default=1.2, ge=0.3, le=4, description="How far it gapes.")
    height_share: float = Field(
        default=0.3, ge=-0.7, le=0.7, description="Where: 1 is the upper endplate, 0 the middle."
    )
    tilt_deg: float = Field(default=12.0, ge=-40, le=40, description="Lean of the plane: positive rises to the left.")
    depth_share: float = Field(
        default=0.7, gt=0.1, le=1.0, description="How much of the depth it opens, from the front."
    )


class JunctionalFracture(Settings):
    """A fracture of the vertebra that the construct ends at, or of the next one above: it bends forwards there."""

    kind: Literal["junctional_fracture"] = "junctional_fracture"
    level: Level
    front_loss: Share = Field(default=0.55, description="Of the height in front.")
    middle_loss: Share = Field(default=0.45, description="Of the height in the middle.")
    line_mm: float = Field(default=1.5, ge=0.3, le=4, description="Gape of the fracture line beneath the endplate.")
    arch_line: bool = Field(default=True, description="Whether the line runs on through both pedicles.")


Alteration = Annotated[
    Laminectomy | FusionMass | CollapsedFracture | FractureLine | JunctionalFracture, Field(discriminator="kind")
]
"""What differs from sound anatomy."""


class DiscGas(Settings):
    """Vacuum gas in the disc below a level."""

    kind: Literal["disc_gas"] = "disc_gas"
    level: Level
    width_mm: float = Field(default=18.0, gt=2, lt=50, description="Of the widest sliver. By eye.")
    height_mm: float = Field(default=1.6, gt=0.4, lt=6, description="Of the widest sliver. By eye.")


class BasivertebralVein(Settings):
    """The venous channel from the back wall into the body: a dark Y that is no fracture."""

    kind: Literal["basivertebral_vein"] = "basivertebral_vein"
    level: Level
    width_mm: float = Field(default=2.6, gt=0.5, lt=6, description="Of the trunk at the back wall. By eye.")


class SegmentalVessels(Settings):
    """Segmental artery and vein round the waist of the body, on both sides."""

    kind: Literal["segmental_vessels"] = "segmental_vessels"
    level: Level


class BoneIsland(Settings):
    """A dense spot in cancellous bone."""

    kind: Literal["bone_island"] = "bone_island"
    level: Level
    place: tuple[float, float, float] = Field(
        default=(0.4, -0.3, 0.1), description="In shares of the body's half width, half depth and half height."
    )
    diameter_mm: float = Field(default=7.0, gt=1, lt=20, description="Of its middle size. By eye.")


class MarrowFat(Settings):
    """Lobules of fatty marrow: dark and round, with no implant near."""

    kind: Literal["marrow_fat"] = "marrow_fat"
    level: Level
    count: int = Field(default=6, ge=1, le=40, description="How many.")
    diameter_mm: float = Field(default=5.0, gt=1, lt=14, description="Of the largest; the least is half of it.")
    seed: int = Field(default=3, ge=0, description="Of their places.")


class BowelGas(Settings):
    """More gas in the bowel than there always is."""

    kind: Literal["bowel_gas"] = "bowel_gas"
    size: float = Field(default=1.3, gt=0.2, lt=2.0, description="Over the usual size.")


class AorticContrast(Settings):
    """An arterial phase: aorta and its branches are bright."""

    kind: Literal["aortic_contrast"] = "aortic_contrast"
    hu: float = Field(default=280.0, ge=80, le=600, description="Arterial phases read 200-400 HU (no source).")


class BowelContrast(Settings):
    """Oral contrast in the bowel."""

    kind: Literal["bowel_contrast"] = "bowel_contrast"


class EcgLead(Settings):
    """An electrode with its wire on the skin."""

    kind: Literal["ecg_lead"] = "ecg_lead"
    side: Side = "left"
    on: Literal["front", "back"] = Field(
        default="front", description="Which skin it lies on; fields of view about the spine show the back's only."
    )
    up_mm: float = Field(default=10.0, ge=-200, le=200, description="Height over the middle body, LPS z.")


Decoy = Annotated[
    DiscGas
    | BasivertebralVein
    | SegmentalVessels
    | BoneIsland
    | MarrowFat
    | BowelGas
    | AorticContrast
    | BowelContrast
    | EcgLead,
    Field(discriminator="kind"),
]
"""What may be taken for a gap, a fracture or metal, and is none."""
