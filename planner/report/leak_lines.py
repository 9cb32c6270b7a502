"""What is said of a gap's leaks in one line: in the terminal, in the viewer's tree, beside a needle."""

from planner.model.breach import Breach
from planner.report.courses import CourseLeaks
from planner.report.leak_words import after, behind, cut_to_tenths, is_unsure, leak_in_short, stop_at, with_needles
from planner.report.leaks import LeakEvent, TargetLeaks


def leaks_in_a_line(told: TargetLeaks) -> str:
    """Say when the first leak of a gap comes, and what one stops for.

    Parameters
    ----------
    told : TargetLeaks
        Of one gap.

    Returns
    -------
    str
        "trajectory-1: first leak after 0.4 mL: soft tissue; stop before 1.2 mL: spinal canal, doubtful", say; that
        none is reached, or that nothing was simulated; empty without a breach.
    """
    stop, caution = _expected(told.stop), _expected(told.caution)
    met = [e for e in (stop, _expected(told.soft)) if e is not None]
    first = min(met, key=lambda e: e.after_ml or 0.0, default=None)
    parts = []
    if first is not None and first is not stop and first.breach is not None and first.after_ml is not None:
        parts.append(f"first leak {after(first.after_ml)}: {_place(first.breach)}")
    if stop is not None and stop.breach is not None and stop.after_ml is not None:
        parts.append(_stop(told, stop.breach, stop.after_ml))
    if not parts and (told.breaches or told.events):
        simulated = told.fill is not None and not told.untold
        parts.append("no leak in the expected course" if simulated else "leaks not simulated")
    if stop is None and (sooner := _earliest(told)) is not None:
        parts.append(f"stop before {stop_at(sooner[1])} in other courses: {_place(sooner[0])}")
    if caution is not None and caution.breach is not None and caution.after_ml is not None:
        parts.append(f"thin wall towards {_place(caution.breach)} {after(caution.after_ml)}")
    if not parts:
        return ""
    needles = "" if told.fill is None else f"{with_needles(told.fill)}: "
    return f"{needles}{'; '.join(parts)}".replace("\u202f", " ")


def course_in_a_line(course: CourseLeaks | None) -> str:
    """Say what a needle's own injection comes to first: "stop before 0.4 mL: spinal canal (breach-2)".

    Parameters
    ----------
    course : CourseLeaks or None
        None where it was not simulated.

    Returns
    -------
    str
    """
    if course is None:
        return "leaks not simulated"
    if not course.fill.steps:
        return "nothing goes in"
    parts = []
    if course.first is not None and course.first != course.stop:
        parts.append(f"first leak {leak_in_short(course.first, course.first_ml)}")
    parts += _stops_in_a_line(course)
    return "; ".join(parts) or "no leak"


def _stops_in_a_line(course: CourseLeaks) -> list[str]:
    """Say when to stop by the earliest of all courses first: this one's own figure must not be read instead of it."""
    earliest = course.earliest_stop_ml
    if course.stop is None or course.stop_ml is None:
        return (
            []
            if earliest is None
            else [f"none to stop for in this course, but stop before {stop_at(earliest)} in others"]
        )
    place = f"{behind(course.stop)} ({course.stop.id})"
    if earliest is None or cut_to_tenths(earliest) >= cut_to_tenths(course.stop_ml):
        return [f"stop before {stop_at(course.stop_ml)}: {place}"]
    return [
        f"stop before {stop_at(earliest)}, the earliest of the courses; in this one {stop_at(course.stop_ml)}: {place}"
    ]


def _stop(told: TargetLeaks, breach: Breach, after_ml: float) -> str:
    """Say when to stop: the earliest of all courses, whose figure must not be read after a later one."""
    first = _earliest(told)
    if first is None or cut_to_tenths(first[1]) >= cut_to_tenths(after_ml):
        return f"stop before {stop_at(after_ml)}: {_place(breach)}"
    return f"stop before {stop_at(first[1])}: {_place(first[0])} (in this course {stop_at(after_ml)})"


def _earliest(told: TargetLeaks) -> tuple[Breach, float] | None:
    """Give what is reached first of what one stops for: the tip off its aim, needle sets."""
    stops = (e.breach for e in (*told.events, *told.elsewhere) if e.stops)
    met = [(b, b.stop_ml) for b in stops if b is not None and b.gap_id == told.gap_id and b.stop_ml is not None]
    return min(met, key=lambda pair: pair[1], default=None)


def _expected(event: LeakEvent | None) -> LeakEvent | None:
    return event if event is not None and event.after_ml is not None else None


def _place(breach: Breach) -> str:
    return f"{behind(breach)}{', doubtful' if is_unsure(breach) else ''}"
