"""What is said of a gap's leaks in one line: in the terminal, in the viewer's tree, beside a needle."""

from planner.model.breach import Breach
from planner.report.courses import CourseLeaks
from planner.report.leak_words import after, behind, is_unsure, leak_in_short, stop_at, with_needles
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
        parts.append(f"stop before {stop_at(stop.after_ml)}: {_place(stop.breach)}")
    if not parts and (told.breaches or told.events):
        simulated = told.fill is not None and not told.untold
        parts.append("no leak in the expected course" if simulated else "leaks not simulated")
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
    if course.stop is not None and course.stop_ml is not None:
        parts.append(f"stop before {stop_at(course.stop_ml)}: {behind(course.stop)} ({course.stop.id})")
    return "; ".join(parts) or "no leak"


def _expected(event: LeakEvent | None) -> LeakEvent | None:
    return event if event is not None and event.after_ml is not None else None


def _place(breach: Breach) -> str:
    return f"{behind(breach)}{', doubtful' if is_unsure(breach) else ''}"
