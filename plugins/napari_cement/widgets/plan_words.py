"""What the tree says of a plan: implants, gaps, needles, breaches, needle holes."""

from napari_cement._needle_layers import is_locked
from planner.fluoro.overlay import angles_text
from planner.model.breach import Breach
from planner.model.cement_fill import NeedleHole
from planner.model.gap import Gap, Interval
from planner.model.implant import Implant
from planner.model.needle import Margin, NeedleWay
from planner.model.picked_target import PickedTarget
from planner.model.prophylaxis import ProphylacticTarget
from planner.report.courses import CourseLeaks
from planner.report.leak_lines import course_in_a_line
from planner.report.leak_words import after, behind, from_on, is_told, is_unsure, millilitres, readable, seen_how, wall
from planner.report.words import KINDS, whole_percent

NOT_MEASURED = "not measured"
_MARGINS: dict[Margin, str] = {
    "metal": "metal",
    "canal": "the canal",
    "forbidden tissue": "forbidden tissue",
    "bone surface": "the bone's surface",
}


def plain(term: str | None) -> str:
    """Write one of the plan's terms in plain words."""
    return NOT_MEASURED if term is None else KINDS.get(term, term.replace("_", " "))


def figure(value: float | None, unit: str, digits: int = 1) -> str:
    """Write a number with its unit; None reads "not measured"."""
    return NOT_MEASURED if value is None else f"{value:.{digits}f} {unit}"


def volume_words(volume: Interval | None) -> str:
    """Write a volume with its 90 % interval."""
    if volume is None:
        return f"volume {NOT_MEASURED}"
    return f"{volume.estimate:.2f} mL ({volume.low:.2f}–{volume.high:.2f})"


def implant_words(implant: Implant) -> str:
    """Name an implant."""
    place = " ".join(word for word in (implant.level, implant.side) if word)
    return f"{implant.id}: {plain(implant.kind)}" + (f", {place}" if place else "")


def loosening_words(implant: Implant) -> str:
    """Say how loose an implant is."""
    if implant.loosening is None:
        return f"loosening {NOT_MEASURED}"
    return "no sign of loosening" if implant.loosening == "none" else f"loosening {implant.loosening}"


def gap_words(gap: Gap) -> str:
    """Name a gap."""
    return f"{gap.id}: {plain(gap.kind)}"


def gap_figures(gap: Gap) -> str:
    """Write a gap's figures."""
    width = gap.width_mm
    parts = [
        volume_words(gap.volume_ml),
        f"width {NOT_MEASURED}" if width is None else f"width {width.median:.1f} mm, at most {width.max:.1f} mm",
        f"trust {NOT_MEASURED}" if gap.trust is None else f"trust {whole_percent(gap.trust)} %",
    ]
    return "; ".join(parts)


def needle_words(needle: NeedleWay) -> str:
    """Name a needle."""
    kind = needle.approach if needle.family is None else f"{needle.approach}, {needle.family}"
    stays = " (locked)" if is_locked(needle) else ""
    return f"needle {needle.rank}{stays}: {kind}, {needle.needle.gauge}"


def depth_words(needle: NeedleWay) -> str:
    """Say how deep a needle goes from the skin."""
    if needle.depth_from_skin_mm is None:
        return "skin not in the picture"
    return f"{needle.depth_from_skin_mm:.0f} mm from the skin"


def needle_brief(needle: NeedleWay) -> str:
    """Say how deep a needle goes, and whether anything speaks against it."""
    warned = len(needle.cautions) + bool(needle.margins_reduced)
    return depth_words(needle) + (f"; {warned} caution{'s' if warned > 1 else ''}" if warned else "")


def needle_figures(needle: NeedleWay, course: CourseLeaks | None = None, *, to_a_gap: bool = True) -> str:
    """Write a needle's cautions, depth, clearances and view, and what its own injection comes to first.

    Parameters
    ----------
    needle : NeedleWay
        The needle.
    course : CourseLeaks or None
        Its simulated injection; None where there is none.
    to_a_gap : bool
        Whether it leads to a gap: cement's course is simulated from there only.

    Returns
    -------
    str
    """
    clear = needle.clearance_mm
    clearances = {"metal": clear.metal, "canal": clear.canal, "breach": clear.nearest_breach}
    parts = [f"caution: {caution}" for caution in needle.cautions]
    if needle.margins_reduced:
        kept = ", ".join(_MARGINS[margin] for margin in needle.margins_reduced)
        parts.append(f"caution: only the least margin to {kept} could be kept")
    parts += [
        depth_words(needle),
        f"{needle.depth_in_bone_mm:.1f} mm in bone",
        "clear of " + ", ".join(f"{name} {figure(value, 'mm')}" for name, value in clearances.items()),
        f"bull's-eye {angles_text(needle.bulls_eye.primary_deg, needle.bulls_eye.secondary_deg)}",
    ]
    if not needle.bulls_eye.within_gantry_limits:
        parts.append("beyond the gantry's reach")
    if to_a_gap:
        parts.append(f"injected through it alone: {course_in_a_line(course)}")
    return "; ".join(parts)


def picked_words(target: PickedTarget) -> str:
    """Name a target that a person picked."""
    return f"{target.id} (picked by hand)"


def picked_brief(target: PickedTarget) -> str:
    """Say where a picked target lies."""
    beside = "beside no implant" if target.implant_id is None else f"at {target.implant_id}"
    return f"{beside}, {'no gap told there' if target.gap_id is None else f'in {target.gap_id}'}"


def why_none_words(target: PickedTarget) -> str:
    """Say why no needle leads to a picked target."""
    return f"no needle keeps every limit: {target.why_none or 'reason not told'}"


def level_words(target: ProphylacticTarget) -> str:
    """Name an intact level."""
    return f"{target.id} (intact level {target.level or target.bone})"


def breach_words(breach: Breach) -> str:
    """Name a breach by what lies behind it."""
    return f"{breach.id}: {behind(breach) if is_told(breach) else 'leak not told'}"


def reached_words(breach: Breach) -> str:
    """Say when cement reaches a breach; never, and not simulated, are two things."""
    if breach.reached is None:
        return "not simulated"
    if not breach.reached:
        return "never reached"
    if breach.leak_after_ml is None:
        return "reached"
    return f"{'leaks' if breach.severity == 'open' else 'cement lies against it'} {after(breach.leak_after_ml)}"


def breach_figures(breach: Breach, look_from_ml: float | None = None) -> str:
    """Write a breach's figures; `look_from_ml`, mL: from when on to look there, None where that is not known."""
    parts = [wall(breach), f"area {figure(breach.area_mm2, 'mm²', 0)}", reached_words(breach)]
    if breach.watch_view is None:
        parts.append("no view shows it")
    else:
        view = breach.watch_view
        look = f"watch in {angles_text(view.primary_deg, view.secondary_deg)}"
        parts.append(look if look_from_ml is None else f"{look} from {from_on(look_from_ml)} on")
        parts += [how] if (how := seen_how(view)) else []
    if breach.trust is not None:
        parts.append(f"readable to {readable(breach)}{', doubtful' if is_unsure(breach) else ''}")
    return "; ".join(parts)


def hole_words(hole: NeedleHole) -> str:
    """Name a needle's hole."""
    return f"hole of {hole.trajectory_id}: a way out"


def hole_figures(hole: NeedleHole) -> str:
    """Write a hole's figures."""
    size = f"{hole.wall_mm:.1f} mm of bone, {hole.diameter_mm:.1f} mm across"
    return size if hole.leak_after_ml is None else f"{size}; cement there after {millilitres(hole.leak_after_ml)}"
