"""The recipe of a hip phantom: a patient, the replacement, and what has gone wrong with it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from planner.config.phantoms.hip.defects import (
    Fissure,
    Hole,
    ImplantDecoy,
    LucentLine,
    Osteolysis,
    Toggle,
    WornWall,
)
from planner.config.phantoms.hip.implants import Cup, Head, Stem
from planner.config.phantoms.hip.patient import HipPatient
from planner.config.phantoms.hip.patient import Side as Side
from planner.config.phantoms.scan import AnyScan, ScanSettings
from planner.config.settings import Settings


class HipField(Settings):
    """Which part of the patient is stored, and how finely."""

    width_mm: float = Field(default=200.0, ge=60.0, le=500.0, description="From side to side, round the replacement.")
    depth_mm: float = Field(default=196.0, ge=60.0, le=500.0, description="From front to back, round the replacement.")
    margin_mm: float = Field(default=26.0, ge=5.0, le=200.0, description="Above and below the metal.")
    pixel_mm: float = Field(default=0.8, ge=0.2, le=2.0, description="Within a slice; hip CT 0.7-0.9 mm.")
    slice_mm: float = Field(default=1.25, ge=0.3, le=5.0, description="From slice to slice.")
    truth_mm: float = Field(default=0.8, ge=0.3, le=1.5, description="Voxels of the truth, over the same field.")


class HipPhantom(Settings):
    """A replaced hip: every line, cavity, hole, break and decoy is named, and nothing else is there."""

    kind: Literal["hip"] = "hip"
    patient: HipPatient = Field(default_factory=HipPatient, description="Bone and soft tissue; also the side.")
    stem: Stem = Field(default_factory=Stem, description="In the femur.")
    head: Head = Field(default_factory=Head, description="Between the two.")
    cup: Cup = Field(default_factory=Cup, description="In the pelvis.")
    lines: tuple[LucentLine, ...] = Field(default=(), description="Lucent lines round stem and cup.")
    toggle: Toggle | None = Field(default=None, description="A stem that swings.")
    lesions: tuple[Osteolysis, ...] = Field(default=(), description="Cavities.")
    holes: tuple[Hole, ...] = Field(default=(), description="Holes through the wall.")
    worn: tuple[WornWall, ...] = Field(default=(), description="Walls worn thin.")
    fissures: tuple[Fissure, ...] = Field(default=(), description="Cracks from the stem outwards.")
    rim_mm: float = Field(default=0.0, ge=0.0, le=3.0, description="Dense bone round lines and cavities; 0: none.")
    to_joint: bool = Field(
        default=False, description="Lines of the stem run out at the neck's cut, or end in bone below it."
    )
    decoys: tuple[ImplantDecoy, ...] = Field(default=(), description="What a firm stem shows too.")
    scan: AnyScan = Field(
        default_factory=lambda: ScanSettings(hu_clipped_at=3071.0), description="How it is scanned by default."
    )
    field: HipField = Field(default_factory=HipField, description="What is stored.")
    seed: int = Field(default=0, ge=0, description="Turns the textures.")

    @property
    def side(self) -> Side:
        """Which hip."""
        return self.patient.side

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if any(line.interface == "stem" for line in self.lines) and self.stem.mantle is None:
            raise ValueError("a line between stem and cement needs cement: give the stem a mantle")
        for interface in ("bone", "stem"):
            zones = [z for line in self.lines if line.interface == interface for z in line.zones]
            twice = next((z for z in zones if zones.count(z) > 1), None)
            if twice is not None:
                raise ValueError(f"two lines run in {twice}")
            if {"gruen-4", "gruen-11"} <= set(zones):
                raise ValueError("gruen-4 and gruen-11 are one space under the tip: name one of them")
        placed = [*(h.zone for h in self.holes), *(w.zone for w in self.worn), *(f.zone for f in self.fissures)]
        under_tip = [zone for zone in placed if zone in ("gruen-4", "gruen-11")]
        if under_tip:
            raise ValueError(f"no hole, bay or fissure can be placed under the tip ({under_tip[0]})")
        if self.head.diameter_mm > self.cup.diameter_mm - (12.0 if self.cup.fixation == "press-fit" else 10.0):
            raise ValueError(
                f"a head of {self.head.diameter_mm:g} mm has no room in a cup of {self.cup.diameter_mm:g} mm"
            )
        return self
