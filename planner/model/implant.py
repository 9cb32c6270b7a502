"""Implants: what was found, where it runs, how loose it is."""

from typing import Final, Literal

from planner.model.carm import BullsEye
from planner.model.record import NotNegative, PointLps, Record, VectorLps

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
HIP_KINDS: Final[frozenset[ImplantKind]] = frozenset(
    ("femoral_stem", "femoral_head", "acetabular_cup", "cup_screw", "nail")
)
SPINE_KINDS: Final[frozenset[ImplantKind]] = frozenset(("pedicle_screw", "rod", "cage"))
"""What tells a hip or a spine; plates, cement and what is not known lie anywhere."""
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


class ImplantSphere(Record):
    """The sphere of a head, or of the outside of a cup."""

    centre_lps: PointLps
    diameter_mm: NotNegative
    opening_lps: VectorLps | None
    """Out of a cup's mouth, along its axis; None for a head."""


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
    sphere: ImplantSphere | None = None
    """Of a head or a cup; None where it was not fitted. Plans of before 0.7 do not have it."""
    course_lps: tuple[PointLps, ...] = ()
    """Of a rod: points along its middle from its upper end to its lower one, at most 5 mm apart; empty for the rest."""
    metal_length_mm: NotNegative | None = None
    """Of a rod: from one end of its metal to the other along its bends. Its course and its axis' length end where its
    whole section does, a rounded end's radius short of that. None for the rest, and in plans of before 0.8."""
    neck_lps: PointLps | None = None
    """Of a stem: the middle of its neck just beneath the head; its axis begins at the shoulder. None where it is not
    seen, for the rest, and in plans of before 0.8."""
    is_cut: bool | None = None
    """Whether it runs out of the scan, so that an end, a length or a volume is only that of what is seen; None where
    nobody looked."""
