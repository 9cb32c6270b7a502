"""What the tree says of a plan: implants, gaps, needles, breaches, needle holes."""

import re

from napari_cement.drawn.needle_layers import is_locked
from planner.fluoro.overlay import angles_text
from planner.model.breach import Breach
from planner.model.carm import NeedleView, WatchView
from planner.model.cement_fill import NeedleHole
from planner.model.gap import Gap, Interval
from planner.model.implant import Implant
from planner.model.needle import NeedleWay
from planner.model.picked_target import PickedTarget
from planner.model.plan import Plan
from planner.model.prophylaxis import ProphylacticTarget
from planner.report.courses import CourseLeaks
from planner.report.leak_words import after, behind, cut_to_tenths, is_told
from planner.report.words import KINDS, whole_percent

NOT_MEASURED = "not measured"
_ADVERBS = {"possible": "possibly", "probable": "probably", "definite": "definitely"}
_STOP = "stop before"
_A_TENTH = 0.1
_NARROW_MM = 0.1
"""Below these a figure in tenths would read none."""


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
    place = " ".join(word for word in (implant.level, implant.side) if word and word not in implant.id.split("-"))
    # The side before the kind: a narrow column cuts off the end.
    return implant.id + (f" {place}" if place else "") + f": {plain(implant.kind)}"


def loosening_brief(implant: Implant) -> str:
    """Say how loose an implant is, for a narrow column; what shows no sign of loosening is not called firm."""
    if implant.loosening is None:
        return NOT_MEASURED
    return "no sign" if implant.loosening == "none" else f"{_ADVERBS[implant.loosening]} loose"


def gap_words(gap: Gap) -> str:
    """Name a gap."""
    return f"{gap.id}: {plain(gap.kind)}"


def width_words(gap: Gap) -> str:
    """Write a gap's width."""
    width = gap.width_mm
    return NOT_MEASURED if width is None else f"{width.median:.1f} mm, at most {width.max:.1f} mm"


def width_brief(gap: Gap) -> str:
    """Write a gap's width, for a narrow column."""
    width = gap.width_mm
    return f"width {NOT_MEASURED}" if width is None else f"{width.median:.1f}, max {width.max:.1f} mm"


def trust_words(trust: float | None) -> str:
    """Say how far metal artefacts leave a measurement usable."""
    return NOT_MEASURED if trust is None else f"{whole_percent(trust)} %"


def gap_ml(gap: Gap) -> str:
    """Write a gap's volume with its 90 % interval, in mL without the unit: for a column that names it."""
    volume = gap.volume_ml
    return NOT_MEASURED if volume is None else f"{volume.estimate:.2f} ({volume.low:.2f}–{volume.high:.2f})"


def needle_kind(needle: NeedleWay) -> str:
    """Say which way a needle takes."""
    return needle.approach if needle.family is None else f"{needle.approach}, {needle.family}"


def needle_words(needle: NeedleWay) -> str:
    """Name a needle in few words: its rank, its depth from the skin, its approach, of which a few letters do."""
    locked = " locked" if is_locked(needle) else ""
    deep = needle.depth_from_skin_mm
    # At the hip all are femoral: there the family tells them apart.
    way = (needle.family or needle.approach) if needle.approach == "femoral" else needle.approach
    return f"{needle.rank}{locked}: {'no skin' if deep is None else f'{deep:.0f} mm'}, {way}"


def depth_words(needle: NeedleWay) -> str:
    """Say how deep a needle goes from the skin."""
    deep = needle.depth_from_skin_mm
    return "the skin is not in the picture" if deep is None else f"{deep:.0f} mm"


def needle_ml(needle: NeedleWay, course: CourseLeaks | None, *, to_a_gap: bool) -> str:
    """Write what a needle reaches and what it comes to first, in mL without the unit.

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
        "0.78, before 0.1": reaches 0.78 mL, stop before 0.1 mL.
    """
    reaches = "" if needle.reachable_ml is None else f"{needle.reachable_ml:.2f}"
    comes_to = _course_ml(course) if to_a_gap else ""
    # The column is narrow, and a figure that is cut off is none: one word less.
    if reaches:
        comes_to = comes_to.replace(_STOP, "before").replace("leaks after", "leaks")
    parts = [reaches, comes_to]
    return ", ".join(part for part in parts if part)


def _course_ml(course: CourseLeaks | None) -> str:
    if course is None:
        return "not simulated"
    if not course.fill.steps:
        return "none goes in"
    # The earliest of all courses: the fill preview says it, too, and a row must not be the less cautious.
    if (stop_ml := course.earliest_stop_ml) is not None:
        return "stop at once" if stop_ml < _A_TENTH else f"{_STOP} {cut_to_tenths(stop_ml):.1f}"
    if course.first_ml is not None:
        return f"leaks {after_ml(course.first_ml)}"
    return "no leak"


def console_words(view: NeedleView | WatchView | None) -> str:
    """Write what to dial at the console in the treatment position; "not told" where only the patient's angles are."""
    if view is None or view.console_primary_deg is None or view.console_secondary_deg is None:
        return "not told"
    return angles_text(view.console_primary_deg, view.console_secondary_deg)


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


def breach_name(breach: Breach) -> str:
    """Name a breach for a narrow column: what lies behind it comes first."""
    return f"{behind(breach) if is_told(breach) else 'leak not told'} ({breach.id})"


def reached_words(breach: Breach) -> str:
    """Say when cement reaches a breach; never, and not simulated, are two things."""
    if breach.reached is None:
        return "not simulated"
    if not breach.reached:
        return "never reached"
    if breach.leak_after_ml is None:
        return "reached"
    return f"{'leaks' if breach.severity == 'open' else 'cement lies against it'} {after(breach.leak_after_ml)}"


def reached_ml(breach: Breach) -> str:
    """Say when cement reaches a breach, in mL without the unit."""
    if not breach.reached or breach.leak_after_ml is None:
        return reached_words(breach)
    return f"{'leaks' if breach.severity == 'open' else 'there'} {after_ml(breach.leak_after_ml)}"


def after_ml(ml: float) -> str:
    """Say from when on: "after 0.6", in mL without the unit, cut to tenths; "at once" below one."""
    return "at once" if ml < _A_TENTH else f"after {cut_to_tenths(ml):.1f}"


def wall_brief(breach: Breach) -> str:
    """Say what is left of the wall, for a narrow column."""
    if breach.severity == "open":
        return "open"
    if breach.barrier_mm is None:
        return "thin"
    return "under 0.1 mm left" if breach.barrier_mm < _NARROW_MM else f"{breach.barrier_mm:.1f} mm left"


def hole_words(hole: NeedleHole) -> str:
    """Name a needle's hole."""
    return f"hole of {hole.trajectory_id}: a way out"


def with_ranks(plan: Plan, words: str, *, briefly: bool = False) -> str:
    """Say beside each needle's id which row it is: ids count the needles of the plan, rows those of one gap.

    Parameters
    ----------
    plan : Plan
        The plan.
    words : str
        About it.
    briefly : bool
        Whether the row's name takes the id's place: where the gap is known.

    Returns
    -------
    str
    """
    names = {
        way.id: f"needle {way.rank}" if briefly else f"{way.id} (needle {way.rank} of {way.goal_id})"
        for way in plan.ways
    }
    if not names:
        return words
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![\w-])(?:{known})(?![\w-])", lambda found: names[found.group()], words)
