"""What may fool a reader of a hip CT though nothing is wrong: the decoys of the hip phantom."""

from typing import Annotated, Literal

from pydantic import Field

from planner.config.settings import Settings


class BowelGas(Settings):
    """Gas in the sigmoid, at the front of the loop as the patient lies on the back."""

    kind: Literal["bowel gas"] = "bowel gas"
    radius_mm: float = Field(default=12.0, ge=4, le=25, description="Of the loop (by eye).")


class BowelContrast(Settings):
    """Contrast medium in the loop of bowel."""

    kind: Literal["bowel contrast"] = "bowel contrast"
    hu: float = Field(default=350.0, ge=100, le=1500, description="No source.")


class VesselContrast(Settings):
    """Contrast medium in the femoral vessels."""

    kind: Literal["vessel contrast"] = "vessel contrast"
    artery_hu: float = Field(default=280.0, ge=60, le=600, description="Of the artery (no source).")
    vein_hu: float = Field(default=110.0, ge=40, le=400, description="Of the vein (no source).")


class BladderContrast(Settings):
    """Contrast medium that has reached the bladder."""

    kind: Literal["bladder contrast"] = "bladder contrast"
    hu: float = Field(default=500.0, ge=50, le=2000, description="No source.")


class BoneIsland(Settings):
    """A spot of compact bone in cancellous bone."""

    kind: Literal["bone island"] = "bone island"
    where: Literal["greater trochanter", "metaphysis", "ischium", "ilium"] = "greater trochanter"
    radius_mm: float = Field(default=4.0, ge=1, le=8, description="By eye.")


class NutrientCanal(Settings):
    """The canal of the nutrient artery through the shaft's cortex: a thin oblique line that is no fracture."""

    kind: Literal["nutrient canal"] = "nutrient canal"
    below_mm: float = Field(default=95.0, ge=40, le=160, description="Its outer mouth, below the lesser trochanter.")
    diameter_mm: float = Field(default=1.6, ge=0.6, le=3, description="By eye.")
    up_mm: float = Field(default=22.0, ge=8, le=45, description="How far it climbs on its way inwards (by eye).")


class VascularChannels(Settings):
    """Fine channels of vessels in the cortex of the metaphysis and the ilium."""

    kind: Literal["vascular channels"] = "vascular channels"
    diameter_mm: float = Field(default=1.1, ge=0.4, le=2.5, description="By eye.")


class MarrowFat(Settings):
    """Fatty marrow without trabeculae in the greater trochanter: as dark as fat, and no lysis."""

    kind: Literal["marrow fat"] = "marrow fat"
    radius_mm: float = Field(default=8.0, ge=3, le=11, description="By eye.")


class HeterotopicOssification(Settings):
    """Bone in the soft tissue between trochanter and pelvis."""

    kind: Literal["heterotopic ossification"] = "heterotopic ossification"
    brooker: Literal[1, 2, 3] = Field(
        default=2, description="1 islands; 2 spurs over 1 cm apart; 3 less than 1 cm apart."
    )


class ArterialCalcification(Settings):
    """Plaques in the wall of the femoral artery."""

    kind: Literal["arterial calcification"] = "arterial calcification"
    plaques: int = Field(default=4, ge=1, le=8, description="How many.")


class EcgLead(Settings):
    """A wire with its electrode on the skin of the groin."""

    kind: Literal["ECG lead"] = "ECG lead"
    wire_mm: float = Field(default=1.2, ge=0.4, le=3, description="Diameter of the wire (by eye).")


HipDecoy = Annotated[
    BowelGas
    | BowelContrast
    | VesselContrast
    | BladderContrast
    | BoneIsland
    | NutrientCanal
    | VascularChannels
    | MarrowFat
    | HeterotopicOssification
    | ArterialCalcification
    | EcgLead,
    Field(discriminator="kind"),
]
"""Any decoy of the hip phantom."""
