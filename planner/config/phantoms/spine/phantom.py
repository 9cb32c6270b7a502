"""The recipe of a spine phantom: a patient, his hardware, and what has gone wrong with it."""

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import Field, model_validator

from planner.config.phantoms.scan import AnyScan, ScanSettings
from planner.config.phantoms.spine.hardware import BoneCement, Cage, CrossLink, Rod, Screw
from planner.config.phantoms.spine.patient import SpinePatient
from planner.config.settings import Settings

SpineKind = Literal["lumbar", "thoracic"]


class FieldOfView(Settings):
    """Which part of the patient is stored, and how finely."""

    width_mm: float = Field(
        default=176.0, ge=40.0, le=500.0, description="From right to left, the spine in the middle."
    )
    front_mm: float = Field(
        default=52.0, ge=0.0, le=300.0, description="In front of the foremost metal; the back reaches beyond the skin."
    )
    margin_mm: float = Field(default=20.0, ge=0.0, le=200.0, description="Above and below the metal.")
    pixel_mm: float = Field(default=0.7, ge=0.2, le=2.0, description="Within a slice; spine CT 0.3-0.9 mm.")
    slice_mm: float = Field(default=1.0, ge=0.3, le=5.0, description="From slice to slice.")
    truth_mm: float = Field(
        default=0.65, ge=0.3, le=1.5, description="Voxels of the truth, round the metal and back to the skin."
    )
    truth_margin_mm: float = Field(default=20.0, ge=5.0, le=60.0, description="Of the truth round the metal.")


class SpinePhantom(Settings):
    """An instrumented spine: every screw, halo, break and decoy is named, and nothing else is there."""

    kind: SpineKind = Field(default="lumbar", description="Which part of the spine.")
    patient: SpinePatient = Field(default_factory=SpinePatient, description="The bones and what lies round them.")
    screws: tuple[Screw, ...] = Field(default=(), description="Pedicle, sacral and iliac screws.")
    rods: tuple[Rod, ...] = Field(default=(), description="At most one a side, through the tulips of that side.")
    cross_links: tuple[CrossLink, ...] = Field(default=(), description="Between the two rods.")
    cages: tuple[Cage, ...] = Field(default=(), description="Between two vertebral bodies.")
    cements: tuple[BoneCement, ...] = Field(default=(), description="Cement of earlier vertebroplasties.")
    scan: AnyScan = Field(default_factory=ScanSettings, description="How it is scanned by default.")
    field: FieldOfView = Field(default_factory=FieldOfView, description="What is stored.")
    seed: int = Field(default=0, ge=0, description="Turns the textures.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        levels = frozenset[str](self.patient.levels)
        _require_levels("a screw", (s.level for s in self.screws), levels)
        _require_levels("a cage", (level for c in self.cages for level in (c.upper, c.lower)), levels)
        _require_levels("cement", (c.level for c in self.cements), levels)
        ids = [s.id for s in self.screws]
        twice = next((i for i in ids if ids.count(i) > 1), None)
        if twice is not None:
            raise ValueError(f"there are two screws {twice}")
        self._require_rods()
        return self

    def _require_rods(self) -> None:
        for rod in self.rods:
            here = {s.level for s in self.screws if s.side == rod.side}
            if len([s for s in self.screws if s.side == rod.side]) < 2:
                raise ValueError(f"the {rod.side} rod needs two screws or more on its side")
            if missing := set(rod.out_of) - here:
                raise ValueError(f"the {rod.side} rod cannot be out of a screw at {min(missing)}: there is none")
        sides = [r.side for r in self.rods]
        if len(set(sides)) < len(sides):
            raise ValueError(f"there are two rods on the {sides[0]}")
        if self.cross_links and len(sides) < 2:
            raise ValueError("a cross-link needs a rod on each side")


def _require_levels(what: str, wanted: Iterable[str], there: frozenset[str]) -> None:
    for level in wanted:
        if level not in there:
            raise ValueError(f"{what} is at {level}, which this patient does not have ({', '.join(sorted(there))})")
