"""A needle that a person moves: judged at each place, fast enough to follow the hand, and said in words."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.config.plan_config import PlanConfig
from planner.errors import UsageError
from planner.fluoro.overlay import angles_text
from planner.model.needle import Needle, PassageGrade, Trajectory
from planner.model.record import PointLps
from planner.needles.catalogue import catalogue_of, needle_named
from planner.needles.check import TrajectoryCheck
from planner.pipeline.check import NeedleJudge
from planner.pipeline.planned_case import PlannedCase
from planner.report import needle_words as say
from planner.station.needle_cautions import aimed_off, at_once_words, cautions_of, unmeasured


@dataclass(frozen=True, slots=True, eq=False)
class LiveVerdict:
    """What is said of a needle at one place.

    Parameters
    ----------
    entry_lps, target_lps : PointLps
        The needle that was asked about, LPS mm.
    needle : Needle
        Its size.
    check : TrajectoryCheck or None
        All that was measured; None where it cannot be judged there.
    why_not : str or None
        Why it cannot be judged, in words; None where it was.
    in_wished_target : bool or None
        Whether its tip lies in a target that a person picked; None where nobody picked one.
    dangers : tuple of str
        What a needle meets that cannot be judged; empty for one that was, and where it meets nothing that was told.
    at_once : str or None
        That an injection through it stops at once, in words; None where it does not, or nobody simulated it.
    """

    entry_lps: PointLps
    target_lps: PointLps
    needle: Needle
    check: TrajectoryCheck | None
    why_not: str | None
    in_wished_target: bool | None = None
    dangers: tuple[str, ...] = ()
    at_once: str | None = None

    @property
    def is_safe(self) -> bool | None:
        """Whether it keeps every hard limit on its way; None where that cannot be told. Of its goal see `reaches`."""
        if self.check is None:
            return False if self.dangers else None
        return not self.check.on_its_way

    @property
    def reaches(self) -> bool | None:
        """Whether its tip lies in or at a gap, or in a target that a person picked; None where it cannot be judged."""
        if self.check is None:
            return None
        return len(self.check.on_its_way) == len(self.check.violations) or self.in_wished_target is True

    @property
    def is_clear(self) -> bool:
        """Whether nothing speaks against it: no limit, caution, bad aim or missed goal, and nothing left unmeasured."""
        if self.check is None or not self.is_safe or not self.reaches:
            return False
        return not self.cautions and not unmeasured(self.check.trajectory)

    @property
    def cautions(self) -> tuple[str, ...]:
        """What speaks against it beside limits, as of a planned needle; empty too where it cannot be judged."""
        return () if self.check is None else cautions_of(self.check.trajectory, at_once=self.at_once)

    @property
    def grade(self) -> PassageGrade | None:
        """Gertzbein-Robbins grade of its passage; None where it goes through no pedicle, or the wall is not seen."""
        passage = None if self.check is None else self.check.trajectory.passage
        return None if passage is None else passage.grade


class LiveNeedle:
    """Judges a needle at one place after the other.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    config : PlanConfig
        The settings, the operator's wishes among them.

    Notes
    -----
    To make one takes a second or more (distances all over the picture); a judgement takes about a hundredth of one, up
    to a twentieth where the tip lies in no gap. Not to be asked by two threads at a time.
    """

    def __init__(self, case: PlannedCase, config: PlanConfig) -> None:
        self._plan = case.plan
        self._judge = NeedleJudge(case, config)
        self._judge.measure_gaps()
        self._catalogue = catalogue_of(config.needles.catalogue)

    def judge(
        self, entry_lps: PointLps, target_lps: PointLps, *, gauge: str, wished: tuple[tuple[PointLps, float], ...] = ()
    ) -> LiveVerdict:
        """Judge a needle, wherever it was dragged to.

        Parameters
        ----------
        entry_lps, target_lps : PointLps
            Any point of it outside of the bone, and its tip, LPS mm.
        gauge : str
            A name of the catalogue.
        wished : tuple of (PointLps, float)
            Targets that a person picked: where, and within which radius, mm.

        Returns
        -------
        LiveVerdict
            The same as `planner.pipeline.check_trajectory` says. Where the tip lies outside of bone or CT, or both
            points are one, it says so, and nothing was measured.

        Raises
        ------
        UsageError
            If there is no such needle.
        """
        needle = needle_named(gauge, catalogue=self._catalogue)
        if not np.isfinite([*entry_lps, *target_lps]).all():
            return LiveVerdict(entry_lps, target_lps, needle, None, "a point of it lies nowhere")
        try:
            check = self._judge.judge(entry_lps, target_lps, needle)
        except UsageError as error:
            dangers = self._judge.dangers(entry_lps, target_lps, needle)
            return LiveVerdict(entry_lps, target_lps, needle, None, str(error), dangers=dangers)
        away = [float(np.linalg.norm(np.subtract(target_lps, place))) - radius for place, radius in wished]
        return LiveVerdict(
            entry_lps, target_lps, needle, check, None, in_wished_target=min(away) <= 0.0 if away else None,
            at_once=self._at_once(check, target_lps),
        )  # fmt: skip

    def _at_once(self, check: TrajectoryCheck, tip_lps: PointLps) -> str | None:
        if check.off_target_mm is None or len(check.on_its_way) < len(check.violations):
            return None  # its tip lies in no gap
        return at_once_words(self._plan, check.trajectory.gap_id, tip_lps)


def verdict_line(verdict: LiveVerdict) -> str:
    """Say whether a needle is safe, in one line.

    Parameters
    ----------
    verdict : LiveVerdict
        The judgement.

    Returns
    -------
    str
        The first thing to read: what it breaks, or that it keeps every limit; never a good word of an unjudged one.
    """
    if verdict.check is None:
        meets = f"MEETS {' AND '.join(verdict.dangers).upper()}. " if verdict.dangers else ""
        return f"{meets}Cannot be judged: {verdict.why_not}."
    broken = verdict.check.on_its_way
    if broken:
        return f"BREAKS HARD LIMITS: {'; '.join(broken)}."
    aimed = _in_short(verdict, verdict.check.trajectory)
    kept = "Keeps every hard limit on its way" if verdict.reaches else "Keeps every limit on its way, reaches no gap"
    return f"{kept}{aimed}."


def verdict_rows(verdict: LiveVerdict) -> tuple[tuple[str, str], ...]:
    """Say what was measured of a needle, row by row.

    Parameters
    ----------
    verdict : LiveVerdict
        The judgement.

    Returns
    -------
    tuple of (str, str)
        What it is, and the figure in words; "not measured" where nothing was. None of a needle that cannot be judged.
    """
    return () if verdict.check is None else tuple(_rows(verdict, verdict.check, verdict.check.trajectory))


def _rows(verdict: LiveVerdict, check: TrajectoryCheck, way: Trajectory) -> Iterator[tuple[str, str]]:
    yield "tip", _tip(verdict, check, way)
    for field, name in say.CLEARANCES:
        yield f"clear of {name}", say.clearance_in_words(way, field) + _badly_aimed(way, field)
    yield "depth from skin", say.mm(way.depth_from_skin_mm, 0)
    yield "in bone", say.mm(way.depth_in_bone_mm, 0)
    if way.approach == "transpedicular":
        grade = verdict.grade
        yield "Gertzbein-Robbins", "not told, the wall is not seen" if grade is None else f"grade {grade}"
    view = way.bulls_eye
    reach = "" if view.within_gantry_limits else " (out of the gantry's reach)"
    yield "bull's-eye, in the patient", angles_text(view.primary_deg, view.secondary_deg)
    yield "at the console", f"{angles_text(view.console_primary_deg, view.console_secondary_deg)}{reach}"
    if way.entry_angle_deg is not None:
        yield "entry", f"{way.entry_angle_deg:.0f}° off the bone's normal"
    if verdict.cautions:
        yield "caution", "; ".join(verdict.cautions)


def _badly_aimed(way: Trajectory, field: str) -> str:
    """Say what a bad aim leaves of a clearance; nothing where that was not measured."""
    error = way.with_aim_error
    if error is None or field not in say.WITH_AIM or getattr(error, field) is None:
        return ""
    return f"; aimed {error.error_mm:g} mm and {error.error_deg:g}° off {say.aimed_badly(error, field)}"


def _in_short(verdict: LiveVerdict, way: Trajectory) -> str:
    """Say for the headline what a bad aim would meet, and that one stops at once; of other cautions that there are."""
    unknown = unmeasured(way)
    first = [f"the distance from {' and '.join(unknown)} was NOT MEASURED"] if unknown else []
    first += [*aimed_off(way), *([] if verdict.at_once is None else [verdict.at_once])]
    if first:
        return f"; CAUTION: {'; '.join(first)}"
    return "; CAUTION, see below" if verdict.cautions else ""


def _tip(verdict: LiveVerdict, check: TrajectoryCheck, way: Trajectory) -> str:
    own = "; in a target of mine" if verdict.in_wished_target else ""
    if check.off_target_mm is None:
        return f"no gap was found on this CT{own}"
    if check.off_target_mm == 0.0:
        return f"in {way.gap_id}{own}"
    return f"{say.mm(check.off_target_mm)} off {way.gap_id}{own}"
