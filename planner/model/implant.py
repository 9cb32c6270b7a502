"""Implants: what was found, where it runs, how loose it is."""

from typing import Literal

from planner.model.carm import BullsEye
from planner.model.record import NotNegative, PointLps, Record

ImplantKind = Literal[
    "pedicle_screw",
    "rod",
    "femoral_stem",
    "femoral_head",
    "acetabular_cup",
    "cup_screw",
    "nail",
    "cage",
    "plate",
    "cement",
    "unknown",
]
Side = Literal["left", "right"]
Material = Literal["titanium", "cobalt_chrome_or_steel", "pmma", "unknown"]
Loosening = Literal["none", "possible", "probable", "definite"]


class ImplantAxis(Record):
    """The straight axis of an implant."""

    head_lps: PointLps
    """Where the shaft meets the tulip; of a stem, the shoulder."""
    tip_lps: PointLps
    """The end of the metal."""
    diameter_mm: NotNegative | None
    """Outer diameter, over the thread."""
    core_diameter_mm: NotNegative | None
    """Diameter of the core under the thread."""
    length_mm: NotNegative
    """From head to tip."""


class LooseningCriterion(Record):
    """One measured criterion of loosening."""

    name: str
    measured: float | None
    limit: float
    unit: str


class Implant(Record):
    """One implant, or one separate part of it."""

    id: str
    kind: ImplantKind
    volume_ml: NotNegative | None
    centroid_lps: PointLps
    axis: ImplantAxis | None
    bulls_eye: BullsEye | None
    """The view along the axis."""
    side: Side | None
    level: str | None
    """Vertebral level ("L4"); None where it cannot be told."""
    material: Material
    loosening: Loosening | None
    loosening_criteria: tuple[LooseningCriterion, ...] = ()
