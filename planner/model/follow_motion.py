"""What moved, grew, broke or sank between two CTs of one patient."""

from typing import Literal

from planner.model.implant import ImplantKind, Side
from planner.model.record import NotNegative, PointLps, Record, Share, VectorLps

Matrix4 = tuple[
    tuple[float, float, float, float],
    tuple[float, float, float, float],
    tuple[float, float, float, float],
    tuple[float, float, float, float],
]
"""A rigid transform of LPS points, row by row."""


class Registration(Record):
    """How one bone or implant of the earlier CT was found again on the later one."""

    name: str
    """The bone's name ("vertebra-2"), or the implant's id, on the earlier CT."""
    kind: Literal["bone", "implant"]
    late_name: str | None
    """The same thing's name on the later CT; None where it is not told there."""
    accepted: bool
    reason: str | None
    """Why it was refused, in words; None where it was accepted."""
    late_from_early: Matrix4 | None
    """Turns LPS points of the earlier CT into those of the later; None where refused."""
    correlation: float | None
    """Of the two CTs over the thing after registration, outliers left out; 1 is perfect."""
    overlap: Share | None
    """Share of the thing that both CTs show."""
    precision_mm: NotNegative | None
    """Standard error of the registered places."""
    precision_deg: NotNegative | None


class ImplantMotion(Record):
    """How an implant moved against its own bone."""

    implant_id: str
    """On the earlier CT."""
    late_id: str | None
    kind: ImplantKind
    side: Side | None
    level: str | None
    bone: str | None
    """Its bone on the earlier CT, the place that it is measured against."""
    moved: bool | None
    """Whether it moved more than this pair of scans lets by chance; None where it was not measured."""
    translation_mm: NotNegative | None
    """How far its middle moved."""
    along_axis_mm: float | None
    """Along its axis, out of the bone positive: a screw's pull-out, a stem's rise; a stem's subsidence is negative."""
    tip_mm: NotNegative | None
    """How far its tip moved; None where it has none."""
    head_mm: NotNegative | None
    """How far its head or shoulder moved."""
    rotation_deg: NotNegative | None
    """Of its axis; for what has no axis of symmetry, of the whole."""
    about_axis_deg: float | None
    """About its own axis, right-handed about the way from head to tip; None for what is round."""
    direction_lps: VectorLps | None
    """In which its middle moved, in the later CT's frame; None where it did not."""
    limit_mm: NotNegative | None
    """Least translation that this pair of scans can tell from none."""
    limit_deg: NotNegative | None
    reason: str | None = None
    """Why nothing was measured, in words."""


class WidthChange(Record):
    """How the lucent gap round one implant changed."""

    implant_id: str
    late_id: str | None
    before_median_mm: NotNegative | None
    after_median_mm: NotNegative | None
    growth_mm: float | None
    """Of the bone's wall: median change of its distance from where the metal was, over the gap's surface of either CT.
    Cement in the gap does not count as bone. Positive: the gap grew."""
    growth_p95_mm: float | None
    limit_mm: NotNegative | None
    """Least change that this pair of scans can tell from none."""
    grown: bool | None
    new_gap_mm2: NotNegative | None
    """Interface that was not lucent before and is now."""
    read_share: Share | None
    """Share of the interface that both CTs let read."""
    reason: str | None = None


class Breakage(Record):
    """A rod or screw that is broken on the later CT and was whole on the earlier."""

    implant_id: str
    kind: ImplantKind
    where_lps: PointLps | None
    """On the later CT."""


class DiscChange(Record):
    """A disc, or an interbody cage's space, on both CTs."""

    above: str
    below: str
    """Names of its vertebrae on the earlier CT."""
    levels: str | None
    adjacent: bool
    """Whether it lies next to the instrumented levels, outside of them."""
    before_mm: NotNegative | None
    """Mean height between the endplates."""
    change_mm: float | None
    """Negative: lower."""
    limit_mm: NotNegative | None
    changed: bool | None
    vacuum_before_ml: NotNegative | None
    vacuum_after_ml: NotNegative | None
    """Gas in the disc."""


class BodyChange(Record):
    """A vertebral body on both CTs."""

    bone: str
    level: str | None
    adjacent: bool
    heights_before_mm: tuple[float | None, float | None, float | None]
    """In front, in the middle, behind."""
    change_mm: tuple[float | None, float | None, float | None]
    limit_mm: NotNegative | None
    fractured: bool | None
    """Lost height beyond the limit and beyond what is called a fracture; None where not measured."""
    endplate_shift_mm: tuple[float | None, float | None]
    """How far upper and lower endplate moved into the body (positive): a cage that sinks in."""


class AngleChange(Record):
    """A sagittal angle between two endplates, on both CTs; kyphosis positive."""

    name: Literal["instrumented", "upper junction", "lower junction"]
    upper: str
    lower: str
    """The bones whose motion it is."""
    before_deg: float | None
    change_deg: float | None
    limit_deg: NotNegative | None
    changed: bool | None


class DensityChange(Record):
    """CT numbers of the bone next to an implant, on both CTs."""

    implant_id: str
    zone: str
    before_hu: float | None
    after_hu: float | None
    """At the same places; cement, metal and what artefacts reach are left out."""
    change_hu: float | None
    limit_hu: NotNegative | None
    volume_ml: NotNegative
    """Of the bone that was read."""
