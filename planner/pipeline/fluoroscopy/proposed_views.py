"""The views that a plan proposes of each gap, and what is said where hardware hides what the operator looks for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from planner.config.plan_config import PlanConfig
from planner.model.finding import Finding
from planner.model.implant import Side
from planner.model.needle import Trajectory
from planner.model.view_landmark import ViewLandmarkName
from planner.model.view_sight import GapView, ViewSight
from planner.pipeline.fluoroscopy.headers import no_headers
from planner.pipeline.fluoroscopy.visibility import GapVisibility, bulls_eye_sight, case_metal, gap_visibility
from planner.pipeline.planned_case import PlannedCase
from planner.progress import SILENT, Monitor, track

_SOURCE = "Cianfoni 2018: in the one failed procedure hardware hid the landmarks"
_GUIDING: frozenset[ViewLandmarkName] = frozenset(
    ("pedicle ring", "medial pedicle wall", "posterior wall", "upper endplate", "lower endplate")
)
"""Landmarks that a needle's way to a vertebra is steered by."""
_NOT_SHOWN = frozenset(("hidden", "not in profile", "outside"))


def standing_views(case: PlannedCase, config: PlanConfig, *, monitor: Monitor = SILENT) -> tuple[GapVisibility, ...]:
    """Look at each gap from where no needle decides: all views but the bull's-eye ones.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels; its needles are not looked at.
    config : PlanConfig
        The settings.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    tuple of GapVisibility
        One for each gap that has voxels.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    bare = replace(case, plan=case.plan.model_copy(update={"trajectories": ()}))
    metal = case_metal(case, fluoro=config.fluoroscopy, config=config.visibility) if case.plan.gaps else None
    seen = (
        gap_visibility(bare, gap.id, fluoro=config.fluoroscopy, config=config.visibility, metal=metal)
        for gap in track(case.plan.gaps, stage="looking from where targets are seen", monitor=monitor)
    )
    return tuple(one for one in seen if one is not None)


def with_views(case: PlannedCase, config: PlanConfig, *, standing: Sequence[GapVisibility]) -> PlannedCase:
    """Add the views of each gap to a plan, with what they show, and findings where that is too little.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    config : PlanConfig
        The settings.
    standing : sequence of GapVisibility
        As `standing_views` gives them for this case.

    Returns
    -------
    PlannedCase
        With `Plan.views`, and an angle map of each gap that has voxels.
    """
    if not case.plan.gaps:
        return case
    fluoro, visibility = config.fluoroscopy, config.visibility
    metal = case_metal(case, fluoro=fluoro, config=visibility)
    views: list[GapView] = []
    for seen in standing:
        along = bulls_eye_sight(case, seen.gap_id, metal, fluoro=fluoro, config=visibility)
        shown = seen.views if along is None else {**seen.views, "bull's-eye": along}
        views += [
            GapView(gap_id=seen.gap_id, kind=kind, sight=sight, better=seen.better.get(kind))
            for kind, sight in shown.items()
        ]
    found = (*case.plan.findings, *_hidden(views), *_out_of_reach(case.plan.trajectories), *no_headers(case.scan))
    plan = case.plan.model_copy(update={"views": tuple(views), "findings": found})
    return replace(case, plan=plan, angle_maps=tuple(seen.angles for seen in standing))


def _out_of_reach(needles: Iterable[Trajectory]) -> Iterator[Finding]:
    """Name first needles that the C-arm cannot look along."""
    for needle in needles:
        if needle.rank == 1 and not needle.bulls_eye.within_gantry_limits:
            view = needle.bulls_eye
            dial = f"console {view.console_primary_deg:.0f} / {view.console_secondary_deg:.0f} degrees"
            said = (
                f"the C-arm does not reach the bull's-eye view of {needle.id}, first choice for {needle.gap_id} "
                f"({dial}): choose another needle or position of the patient, or steer by other views"
            )
            yield Finding(code="needle-view-out-of-reach", severity="caution", message=said, gap_id=needle.gap_id)


def _hidden(views: Iterable[GapView]) -> Iterator[Finding]:
    """Name what hardware hides in every view that would show it."""
    by_gap: dict[str, list[ViewSight]] = {}
    for view in views:
        by_gap.setdefault(view.gap_id, []).append(view.sight)
        if view.better is not None:
            by_gap[view.gap_id].append(view.better)
    for gap_id, sights in by_gap.items():
        if all(sight.target.verdict == "hidden" for sight in sights):
            said = f"hardware hides {gap_id} in all {len(sights)} views looked from; look at its angle map for others"
            yield _finding("target-hidden", said, gap_id)
        gone = [_words(name, side, level) for (name, side, level) in _never_shown(sights)]
        if gone:
            said = (
                f"hardware hides the {', the '.join(gone)} in all {len(sights)} views of {gap_id} that were looked "
                "from: no needle can be steered by it there"
            )
            yield _finding("landmark-hidden", said, gap_id)


def _never_shown(sights: Iterable[ViewSight]) -> list[tuple[ViewLandmarkName, Side | None, str | None]]:
    verdicts: dict[tuple[ViewLandmarkName, Side | None, str | None], set[str | None]] = {}
    for sight in sights:
        for landmark in sight.landmarks:
            if landmark.name in _GUIDING:
                key = landmark.name, landmark.side, landmark.level
                verdicts.setdefault(key, set()).add(landmark.verdict)
    # None, metal beyond the CT may hide it or not, is no answer.
    return [key for key, said in verdicts.items() if "hidden" in said and said <= _NOT_SHOWN]


def _words(name: ViewLandmarkName, side: Side | None, level: str | None) -> str:
    return " ".join(word for word in (side, name, f"of {level}" if level else None) if word)


def _finding(code: str, message: str, gap_id: str) -> Finding:
    return Finding(code=code, severity="caution", message=message, source=_SOURCE, gap_id=gap_id)
