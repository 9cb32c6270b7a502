"""What the panel tells of one thing of the plan: a headline, what speaks against it, and its figures."""

from dataclasses import dataclass

from napari_cement.drawn.needle_layers import is_locked
from napari_cement.widgets.panel.plan_words import (
    NOT_MEASURED,
    breach_words,
    console_words,
    depth_words,
    figure,
    gap_words,
    hole_words,
    implant_words,
    needle_kind,
    plain,
    reached_words,
    volume_words,
    width_words,
)
from planner.fluoro.overlay import angles_text
from planner.model.breach import Breach
from planner.model.cement_fill import NeedleHole
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.needle import AimError, NeedleWay
from planner.report.courses import CourseLeaks
from planner.report.leak_lines import course_in_a_line
from planner.report.leak_words import after, cut_to_tenths, from_on, is_unsure, readable, seen_how, stop_at, wall
from planner.report.needle_words import (
    aimed_badly,
    bevel_in_words,
    cannula_in_words,
    clearance_in_words,
    crossed,
    depths,
    passage_in_words,
    skin_in_words,
)
from planner.station.needle_cautions import cautions_of


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one thing.

    Parameters
    ----------
    headline : str
        What it is.
    unsafe : tuple of str
        Hard limits that it breaks.
    cautions : tuple of str
        What else speaks against it.
    figures : tuple of (str, str)
        Label and value; never without its unit.
    """

    headline: str
    unsafe: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()

    @property
    def in_words(self) -> str:
        """All of it, a line each."""
        return "\n".join([
            self.headline,
            *(f"BREAKS A HARD LIMIT: {limit}" for limit in self.unsafe),
            *(f"caution: {caution}" for caution in self.cautions),
            *(f"{label}: {value}" for label, value in self.figures),
        ])  # fmt: skip


def needle_told(way: NeedleWay, course: CourseLeaks | None, *, to_a_gap: bool, at_once: str | None = None) -> Told:
    """Tell of a needle.

    Parameters
    ----------
    way : NeedleWay
        The needle.
    course : CourseLeaks or None
        What its own injection comes to; None where that was not simulated.
    to_a_gap : bool
        Whether it leads to a gap: cement's course is simulated from there only.
    at_once : str or None
        That its injection stops at once, in words; None where it does not, or nobody simulated it.

    Returns
    -------
    Told
    """
    stays = ", locked" if is_locked(way) else ""
    view, error = way.bulls_eye, way.with_aim_error
    figures = [("from the skin", depth_words(way)), ("in bone", f"{way.depth_in_bone_mm:.1f} mm")]
    for label, field in (("to metal", "metal"), ("to the canal", "canal"), ("to tissue out of bounds", "forbidden")):
        figures.append((label, clearance_in_words(way, field) + _badly(error, field)))
    figures.append(("to the nearest breach", clearance_in_words(way, "nearest_breach")))
    if to_a_gap:
        figures += [("injected through it alone", course_in_a_line(course)), *_earlier(course)]
    figures += [
        ("reaches", figure(way.reachable_ml, "mL", 2)),
        ("at the console", console_words(view)),
        ("in the patient", angles_text(view.primary_deg, view.secondary_deg)),
    ]
    return Told(
        f"needle {way.rank} of {way.goal_id}{stays}: {needle_kind(way)}, {way.needle.gauge} ({way.id})",
        unsafe=way.violations,
        cautions=cautions_of(way, at_once=at_once),
        figures=(*figures, *_course_figures(way), ("score", f"{way.score:.2f} of 1"), ("made", made_words(way))),
    )


def _earlier(course: CourseLeaks | None) -> list[tuple[str, str]]:
    """Say when to stop where another course of the gap comes to it earlier."""
    if course is None or course.earliest_stop_ml is None:
        return []
    if course.stop_ml is not None and cut_to_tenths(course.earliest_stop_ml) >= cut_to_tenths(course.stop_ml):
        return []
    return [("of all courses of the gap", f"stop before {stop_at(course.earliest_stop_ml)}")]


def _badly(error: AimError | None, field: str) -> str:
    """Say what a bad aim leaves of a clearance; nothing where that was not measured."""
    if error is None or getattr(error, field) is None:
        return ""
    return f"; aimed {error.error_mm:.0f} mm and {error.error_deg:.0f}° off {aimed_badly(error, field)}"


def _course_figures(way: NeedleWay) -> list[tuple[str, str]]:
    """Give what there is of a needle's course."""
    found = [("skin entry", skin_in_words(way))]
    if way.depth_marks:
        found.append(("the tip is at", depths(way.depth_marks)))
    if way.crosses:
        found.append(("goes through", crossed(way.crosses)))
    if way.passage is not None:
        found.append(("pedicle", passage_in_words(way.passage)))
    if way.bevel is not None:
        found.append(("bevel", bevel_in_words(way.bevel)))
    if way.cannula is not None:
        found.append(("cannula", cannula_in_words(way.cannula)))
    return found


def made_words(thing: Gap | NeedleWay) -> str:
    """Say whether a person made or changed a gap or a needle."""
    return thing.made


def implant_told(implant: Implant) -> Told:
    """Tell of an implant."""
    loose = {None: NOT_MEASURED, "none": "no sign of it"}.get(implant.loosening, implant.loosening or "")
    figures = [("loosening", loose), ("material", plain(implant.material))]
    if implant.axis is not None:
        axis = implant.axis
        figures.append(("size", f"{axis.length_mm:.0f} mm long, {figure(axis.diameter_mm, 'mm')} across"))
    figures += [
        (f"by {plain(c.name)}", f"{figure(c.measured, c.unit)}, limit {c.limit:g} {c.unit}")
        for c in implant.loosening_criteria
    ]
    return Told(implant_words(implant), figures=tuple(figures))


def gap_told(gap: Gap, leaks: str) -> Told:
    """Tell of a gap; `leaks` is what its filling comes to, in a line, empty where there is nothing to tell."""
    fill = gap.expected_fill_ml
    share = gap.interface_fraction
    figures = [
        ("volume", volume_words(gap.volume_ml)),
        ("width", width_words(gap)),
        ("trust", NOT_MEASURED if gap.trust is None else f"{100 * gap.trust:.0f} %"),
        ("cement likely to stay in it", "not simulated" if fill is None else volume_words(fill)),
        ("share of the interface", NOT_MEASURED if share is None else f"{100 * share:.0f} %"),
        *((plain(zone.zone), figure(zone.volume_ml, "mL", 2)) for zone in gap.zones),
        ("made", made_words(gap)),
    ]
    at = 3
    return Told(gap_words(gap), figures=(*figures[:at], *((("leaks", leaks),) if leaks else ()), *figures[at:]))


def breach_told(breach: Breach, look_from_ml: float | None = None) -> Told:
    """Tell of a breach; `look_from_ml`, mL: from when on to look there, None where that is not known."""
    view = breach.watch_view
    figures = [("wall", wall(breach)), ("area", figure(breach.area_mm2, "mm²", 0)), ("cement", reached_words(breach))]
    if view is None:
        figures.append(("watch", "no view shows it"))
    else:
        since = "" if look_from_ml is None else f" from {from_on(look_from_ml)} on"
        figures.append(("watch at the console", console_words(view) + since))
        figures.append(("in the patient", angles_text(view.primary_deg, view.secondary_deg)))
        figures += [("seen", how)] if (how := seen_how(view)) else []
    doubt = ("its wall can hardly be read beside metal: doubtful",) if is_unsure(breach) else ()
    return Told(breach_words(breach), cautions=doubt, figures=(*figures, ("readable to", readable(breach))))


def hole_told(hole: NeedleHole) -> Told:
    """Tell of a needle's hole."""
    cement = "not reached, or not simulated" if hole.leak_after_ml is None else f"there {after(hole.leak_after_ml)}"
    figures = (
        ("bone round it", f"{hole.wall_mm:.1f} mm"), ("across", f"{hole.diameter_mm:.1f} mm"), ("cement", cement),
    )  # fmt: skip
    return Told(hole_words(hole), figures=figures)
