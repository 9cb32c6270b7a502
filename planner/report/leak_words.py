"""How the report, the terminal and the viewer say leaks: plain words for a surgeon."""

from math import floor

from planner.config.gantry import GantryLimits
from planner.fluoro.overlay import angles_text
from planner.model.breach import Breach, LeakType, LiteratureType
from planner.model.carm import NeedleView, WatchView
from planner.model.cement_fill import CementFill, FillEnd
from planner.model.gap import Interval
from planner.model.plan import PatientPosition
from planner.report.words import along, whole_percent

BEHIND: dict[LeakType, str] = {
    "cortical": "soft tissue",
    "canal": "spinal canal",
    "foramen": "a nerve's foramen",
    "disc": "disc",
    "joint": "joint",
    "screw_tract": "soft tissue, along the screw",
    "fracture": "a fracture line",
    "venous": "a vein",
}
"""What lies behind a breach, where its compartment has no name of its own."""
LITERATURE: dict[LiteratureType, str] = {
    "B": "type B: basivertebral vein",
    "S": "type S: segmental vein",
    "C": "type C: cortical defect",
    "D": "type D: disc",
}
"""Types of PMC8449924."""
ENDED: dict[FillEnd, str] = {
    "gaps_full": "the gap takes no more",
    "pressure": "the syringe drives it no further",
    "volume": "no more was tried",
    "no_way": "from the tip there is no way",
    "leaks_away": "most of what goes in leaks",
}
_NARROW_MM = 0.05
"""Written in tenths, less bone than this reads as none."""
_KEPT = 0.9
"""A gap filled to less than this is held full by what stays in it; ours."""
_UNSURE = 0.5
"""Below this trust the plan's gaps are not graded either."""


def behind(breach: Breach) -> str:
    """Say what lies behind a breach: its compartment's own name, else its kind; "not told where to" without either."""
    if breach.compartment is not None:
        return breach.compartment
    return "not told where to" if breach.leak_type is None else BEHIND[breach.leak_type]


def wall(breach: Breach) -> str:
    """Say what is left of the wall: "open, 3.0 mm across", "0.4 mm of bone left"."""
    if breach.severity == "open":
        return "open" if breach.neck_mm is None else f"open, {breach.neck_mm:.1f}\u202fmm across"
    if breach.barrier_mm is None:
        left = "thin"
    elif breach.barrier_mm < _NARROW_MM:
        left = "thin, under 0.1\u202fmm of bone left"
    else:
        left = f"thin, {breach.barrier_mm:.1f}\u202fmm of bone left"
    return left if breach.barrier_hu is None else f"{left} ({breach.barrier_hu:.0f}\u202fHU)"


def is_unsure(breach: Breach) -> bool:
    """Say whether metal artefacts make a breach doubtful; one whose trust is not known is not called so."""
    return breach.trust is not None and breach.trust < _UNSURE


def readable(breach: Breach) -> str:
    """Say how far artefacts leave a wall readable, never rounded up to all of it: "99 %"; "not known" for None."""
    return "not known" if breach.trust is None else f"{whole_percent(breach.trust)}\u202f%"


def happens(breach: Breach) -> str:
    """Say what cement does there: it comes out of an open wall, and lies against a thin one, which may give way."""
    if breach.severity == "open":
        return f"begins to leak into {behind(breach)}" if is_told(breach) else "begins to leak; not told where to"
    towards = f" towards {behind(breach)}" if is_told(breach) else ""
    return f"lies against a thin wall{towards}"


def is_told(breach: Breach) -> bool:
    """Say whether it is known what lies behind a breach."""
    return breach.compartment is not None or breach.leak_type is not None


def watch_angles(breach: Breach) -> str:
    """Write the view to watch as it is spoken; "no view shows it" where there is none."""
    if breach.watch_view is None:
        return "no view shows it"
    return angles_text(breach.watch_view.primary_deg, breach.watch_view.secondary_deg) + "°"


def watch_at_console(view: WatchView, position: PatientPosition | None, gantry: GantryLimits) -> NeedleView | None:
    """Give a view to watch with what to dial at the console; None where neither the plan nor the position tells it."""
    primary, secondary = view.console_primary_deg, view.console_secondary_deg
    if primary is None or secondary is None:
        return None if position is None else along(view, position, gantry)
    return NeedleView(
        primary_deg=view.primary_deg,
        secondary_deg=view.secondary_deg,
        console_primary_deg=primary,
        console_secondary_deg=secondary,
        within_gantry_limits=gantry.reaches(primary, secondary),
    )


def seen_how(view: WatchView) -> str:
    """Say how well a leak shows in its view: off the profile, and what a drop takes of the beam; "" where unknown."""
    parts = []
    if view.slant_deg is not None:
        parts.append("in profile" if view.slant_deg < 1.0 else f"{view.slant_deg:.0f}° off profile")
    if view.contrast is not None:
        parts.append(f"contrast {100.0 * view.contrast:.0f}\u202f%")
    return ", ".join(parts)


def course(fill: CementFill) -> str:
    """Name a simulated course: its needles, the interface tissue, the cement."""
    return "; ".join((with_needles(fill), _tissue(fill), f"{fill.viscosity}-viscosity cement"))


def instead(fill: CementFill, expected: CementFill) -> str:
    """Name a simulated course by what sets it apart from the expected one."""
    parts = [] if fill.gap_id == expected.gap_id else [f"filling {fill.gap_id}"]
    if (fill.trajectory_ids, fill.tips_lps) != (expected.trajectory_ids, expected.tips_lps):
        parts.append(with_needles(fill))
    if fill.interface_tissue != expected.interface_tissue:
        parts.append(_tissue(fill))
    if fill.viscosity != expected.viscosity:
        parts.append(f"{fill.viscosity}-viscosity cement")
    return "; ".join(parts) or course(fill)


def with_needles(fill: CementFill) -> str:
    """Name a course's needles: "trajectory-1", "trajectory-1, trajectory-4 together", "a given tip"."""
    if not fill.trajectory_ids:
        return "a given tip" if len(fill.tips_lps) == 1 else "given tips together"
    return ", ".join(fill.trajectory_ids) + (" together" if len(fill.trajectory_ids) > 1 else "")


def _tissue(fill: CementFill) -> str:
    return "interface tissue in place" if fill.interface_tissue == "in_place" else "interface tissue removed"


def cut_to_tenths(ml: float) -> float:
    """Cut an injected volume to tenths, so that nobody looks or stops too late."""
    return floor(10.0 * ml + 1e-6) / 10.0


def millilitres(ml: float | None) -> str:
    """Write an injected volume in tenths, cut, not rounded; None reads "–"."""
    return "–" if ml is None else f"{cut_to_tenths(ml):.1f}\u202fmL"


def stop_at(ml: float) -> str:
    """Write a volume to stop before: "1.2 mL", "the first 0.1 mL" below a tenth."""
    return "the first 0.1\u202fmL" if ml < 0.1 else millilitres(ml)


def from_on(ml: float | None) -> str:
    """Write from when on to look: "0.6 mL", "the start" below a tenth; None reads "–"."""
    return "the start" if ml is not None and ml < 0.1 else millilitres(ml)


def after(ml: float) -> str:
    """Say from when on: "after 0.6 mL", "at once" below a tenth."""
    return "at once" if ml < 0.1 else f"after {millilitres(ml)}"


def leak_in_short(breach: Breach | None, ml: float | None) -> str:
    """Say one leak in few words: "after 0.6 mL: spinal canal (breach-2)"; "none" for None."""
    return "none" if breach is None or ml is None else f"{after(ml)}: {behind(breach)} ({breach.id})"


def ended(fill: CementFill, volume: Interval | None) -> str:
    """Say why a course ends; of a gap that is full though half of it is empty, what holds the rest.

    Parameters
    ----------
    fill : CementFill
        The course.
    volume : Interval or None
        The gap's, mL; None where it was not measured.

    Returns
    -------
    str
    """
    words = ENDED[fill.ended]
    if fill.ended != "gaps_full" or fill.interface_tissue != "in_place" or volume is None or not fill.steps:
        return words
    held = fill.steps[-1].gaps_ml.get(fill.gap_id, 0.0) < _KEPT * volume.estimate
    return f"{words}, for the tissue left in it keeps the rest" if held else words
