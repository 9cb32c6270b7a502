"""What is to be said of needles that the settings hold."""

from collections.abc import Iterator, Sequence

from planner.model.finding import Finding
from planner.needles.goals import OFF_TARGET_MM
from planner.needles.wished.locked import LockedWay
from planner.report.locked_words import locked_name


def of_locked(locked: Sequence[LockedWay]) -> Iterator[Finding]:
    """Say of locked needles which limits they break, and which reach no gap.

    Parameters
    ----------
    locked : sequence of LockedWay
        In the settings' order.

    Yields
    ------
    Finding
    """
    for number, way in enumerate(locked, start=1):
        needle = way.trajectory
        if needle is None:
            yield Finding(
                code="locked-needle-not-judged",
                severity="warning",
                message=f"{locked_name(number)} cannot be judged, and is not in the plan: {'; '.join(way.violations)}",
            )
        elif not way.reaches:
            yield Finding(
                code="locked-needle-off-target",
                severity="warning",
                message=f"{locked_name(number)}: {_missed(way.off_target_mm)}; it is not in the plan (pick its tip as "
                "a target to plan without a gap)",
                where_lps=needle.target_lps,
                measured=way.off_target_mm,
                limit=OFF_TARGET_MM,
                unit="mm",
            )
        elif way.violations:
            yield Finding(
                code="locked-needle-unsafe",
                severity="warning",
                message=f"{locked_name(number)} to {needle.gap_id}: stays as it was chosen, though it breaks hard "
                f"limits: {'; '.join(way.violations)}",
                where_lps=needle.target_lps,
                implant_id=needle.implant_id,
                gap_id=needle.gap_id,
            )


def _missed(off_mm: float | None) -> str:
    return "there is no gap" if off_mm is None else f"its tip misses every gap by {off_mm:.1f} mm"
