"""The truth of a case as a document: what ``truth.json`` holds, and how it is read back."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from planner.errors import InputError
from planner.model.bones import BoneKind, LandmarkName
from planner.model.breach import BreachSeverity, LeakType
from planner.model.gap import GapKind, GapWidth
from planner.model.implant import ImplantKind, Loosening, Material, Side
from planner.model.record import NotNegative, PointLps, Share, VectorLps

TRUTH_FILE = "truth.json"
Code = Annotated[int, Field(ge=1, le=255)]
"""A value in one of the arrays of ``truth.npz``."""


class TruthRecord(BaseModel):
    """A frozen piece of a case's truth.

    Cases of other makers know less, and other things beside: what is missing is None, what is not known here is left
    out.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, use_attribute_docstrings=True)


class ImplantTruth(TruthRecord):
    """An implant as it was built."""

    id: str
    kind: ImplantKind
    head: PointLps | None = None
    tip: PointLps | None = None
    centre: PointLps | None = None
    """Of a head or a cup: the centre of its sphere."""
    centroid: PointLps | None = None
    """Of a head or a cup: the middle of its metal, as a plan tells it; a cup's lies behind the centre of its sphere."""
    diameter_mm: NotNegative | None = None
    """Over the thread; of a head or a cup, of its sphere."""
    length_mm: NotNegative | None = None
    volume_ml: NotNegative | None = None
    """Of all its metal (or cement), also of what lies outside the scan."""
    volume_sd_ml: NotNegative | None = None
    """Standard error of the volume; 0 where it has a closed form."""
    side: Side | None = None
    level: str | None = None
    material: Material | None = None
    loose: bool | None = None
    """None for what is never loose in its bone (a rod)."""
    broken: bool = False
    """The implant itself is broken or has come apart; of a screw or a rod in two pieces each is one entry."""
    moved: bool = False
    """It has moved, or broken out of its bone."""
    canal_breach_mm: NotNegative | None = None
    """How deep a screw's thread stands in the spinal canal, 0 where it does not; None where nobody asks."""
    beyond_wall_mm: NotNegative | None = None
    """How far a screw's thread stands out of its bone, beyond the pedicle's isthmus; None where nobody asks."""
    through: str | None = None
    """Through what: "canal", "foramen", "front", "side", "upper_endplate", "lower_endplate", "cortex"."""
    loosening: Loosening | None = None
    """What a reader of this one scan should call it; None where no rule says (a rod, broken hardware)."""
    rim_share: Share | None = None
    """Of a screw: share of its shaft within bone that has a rim wider than 1 mm."""


class ZoneTruth(TruthRecord):
    """How much of a gap lies in one zone."""

    zone: str
    """As in a plan: gruen-1 to gruen-14, charnley-1 to charnley-3, screw-proximal, -middle, -distal, -tip."""
    volume_ml: NotNegative
    volume_sd_ml: NotNegative
    """Standard error."""


class GapTruth(TruthRecord):
    """A lucent space."""

    id: str
    implant_id: str | None = None
    level: str | None = None
    kind: GapKind
    label: Code
    """Its value in the array `label`."""
    volume_ml: NotNegative
    """With the thread's valleys."""
    volume_sd_ml: NotNegative | None = None
    """Standard error of the volume; 0 where the volume has a closed form."""
    width_mm: NotNegative | None = None
    """The width it was designed with, from the thread's crest."""
    widths_mm: GapWidth | None = None
    """The width over its surface, from the thread's crest, as it came out."""
    zones: tuple[ZoneTruth, ...] = ()
    """They add up to the volume; none where the implant has no zones."""
    interface_fraction: Share | None = None
    """Share of the implant's interface with bone that is lucent."""
    centroid: PointLps


class BreachTruth(TruthRecord):
    """A patch of a gap's wall through which cement would leave."""

    id: str
    gap_id: str
    label: Code
    """Its value in the array `breach`."""
    severity: BreachSeverity | None = None
    leak_type: LeakType | None = None
    barrier_mm: NotNegative | None = None
    """Least thickness of bone; 0 where it is open."""
    area_mm2: NotNegative | None = None
    centroid: PointLps
    """On the patch."""
    outward: VectorLps | None = None
    compartment: str | None = None
    """What lies behind: "disc L3-L4", "canal", "psoas", "lungs"."""


class CanalTruth(TruthRecord):
    """A polyline with a radius that lies wholly within the spinal canal."""

    points: tuple[PointLps, ...]
    radius_mm: NotNegative


class ForbiddenTruth(TruthRecord):
    """Something that no needle may cross."""

    name: str
    """Such as "lungs", "great vessels", "bowel", "sciatic nerve" or "femoral vessels", in words."""
    code: Code
    """Its value in the array `structures`."""


class StructuresTruth(TruthRecord):
    """What no needle may cross."""

    canal: CanalTruth | None = None
    forbidden: tuple[ForbiddenTruth, ...] = ()


class BoneTruth(TruthRecord):
    """A bone as it was built."""

    name: str
    kind: BoneKind
    """A fusion mass is "other"."""
    code: Code
    """Its value in the array `bones`."""
    level: str | None = None
    side: Side | None = None


class DiscTruth(TruthRecord):
    """The space between two bodies."""

    above: str
    below: str
    """Names of bones."""
    code: Code
    """Its value in the array `discs`."""


class PedicleTruth(TruthRecord):
    """A pedicle at its isthmus."""

    bone: str
    level: str
    side: Side
    centre: PointLps
    inward: VectorLps
    width_mm: NotNegative
    height_mm: NotNegative


class LandmarkTruth(TruthRecord):
    """A point of a bone: the middle of its last 2 mm."""

    name: LandmarkName
    bone: str
    point: PointLps
    side: Side | None = None


class FractureTruth(TruthRecord):
    """A fractured level."""

    bone: str
    level: str
    front_loss: Share
    middle_loss: Share
    back_loss: Share
    """Of the body's height, against what it was."""
    is_cleft: bool
    """It has a cleft or a fracture line."""


class HipTruth(TruthRecord):
    """Where a hip is measured."""

    side: Side
    centre: PointLps
    """Of the head."""
    ischium: PointLps
    """Its lowest part."""
    lesser_trochanter: PointLps
    offset_mm: NotNegative
    """From the head's centre to the axis of the upper shaft."""


class AnatomyTruth(TruthRecord):
    """Bones one by one, and what was measured on them, also where the scan does not show it."""

    bones: tuple[BoneTruth, ...]
    discs: tuple[DiscTruth, ...] = ()
    pedicles: tuple[PedicleTruth, ...] = ()
    landmarks: tuple[LandmarkTruth, ...] = ()
    fractures: tuple[FractureTruth, ...] = ()
    hips: tuple[HipTruth, ...] = ()
    left_leg_longer_mm: float | None = None
    """By the lesser trochanters against the line through both ischia; None without both hips."""


class TruthDocument(TruthRecord):
    """All of ``truth.json``. Positions LPS mm, lengths mm, areas mm2, volumes mL."""

    implants: tuple[ImplantTruth, ...]
    gaps: tuple[GapTruth, ...]
    breaches: tuple[BreachTruth, ...]
    structures: StructuresTruth = StructuresTruth()
    voxel_mm: tuple[float, float, float] | None = None
    """Edges of a voxel of ``truth.npz``: slice, row, column."""
    anatomy: AnatomyTruth | None = None
    """None where the maker did not tell bones apart."""


def read_truth(folder: Path) -> TruthDocument:
    """Read the truth of a case.

    Parameters
    ----------
    folder : Path
        The case: a folder that holds ``truth.json``.

    Returns
    -------
    TruthDocument

    Raises
    ------
    InputError
        If there is no such file, or it is no truth.
    """
    path = folder / TRUTH_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    try:
        return TruthDocument.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the file"
        raise InputError(f"{path} is no truth of a case: {place}: {first['msg']}") from error
