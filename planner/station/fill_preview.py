"""How a simulated injection goes on: where the cement is at n mL, what it has come to by then, and what comes next."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.io.surfaces import surface_of
from planner.model.arrival_map import ArrivalMap
from planner.model.breach import Breach
from planner.model.cement_fill import CementFill, FillStep, NeedleHole
from planner.model.injection_stop import is_at_hip, stops_injection, stops_told
from planner.model.plan import Plan
from planner.model.volume import Mask
from planner.pipeline.expected_cement import arrival_on, read_arrival
from planner.pipeline.planned_case import PlannedCase
from planner.report.leak_words import after, course, cut_to_tenths, ended, happens, millilitres, stop_at

_ROUNDING_ML = 0.01
"""Files hold 32-bit numbers, and volumes between voxels: a course's end may lie so far off what they hold. Ours."""

_SAME_ML = 1e-6
_TOLD_ML = 0.05
"""Less reads as 0.0."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A way out that cement comes to in a course.

    Parameters
    ----------
    id : str
        Of the breach, or of the needle whose hole it is.
    after_ml : float
        Injected by then.
    breach : Breach or None
        The breach.
    hole : NeedleHole or None
        Or the needle's hole.
    stops : bool
        Whether one stops for it.
    """

    id: str
    after_ml: float
    breach: Breach | None
    hole: NeedleHole | None
    stops: bool

    @property
    def words(self) -> str:
        """What happens there: "begins to leak into spinal canal (breach-2)"."""
        if self.breach is None:
            return f"comes to the hole of {self.id}"
        return f"{happens(self.breach)} ({self.breach.id})"


@dataclass(frozen=True, slots=True, eq=False)
class FillCourse:
    """The expected course of a gap's injection.

    Parameters
    ----------
    fill : CementFill
        What the plan tells of it.
    arrival : ArrivalMap
        When cement reaches each place.
    end_ml : float
        Injected when it ends; over 0.
    reached : tuple of Reached
        What it comes to, in order.
    earliest_stop_ml : float or None
        The least volume at which one would stop in this course, with its tip off its aim, or with a needle set; None
        where in none. Another needle's own course may come to it earlier still.
    ends : str
        Why it ends, in words.
    """

    fill: CementFill
    arrival: ArrivalMap
    end_ml: float
    reached: tuple[Reached, ...]
    earliest_stop_ml: float | None
    ends: str

    @property
    def gap_id(self) -> str:
        """The gap that is filled."""
        return self.fill.gap_id

    @property
    def stop(self) -> Reached | None:
        """The first thing that one stops for in this course; None where there is none."""
        return next((one for one in self.reached if one.stops), None)

    def cement_at(self, injected_ml: float) -> Mask | None:
        """Give where the cement is.

        Parameters
        ----------
        injected_ml : float
            Volume injected.

        Returns
        -------
        Mask or None
            On the map's own grid; None before anything is in.

        Raises
        ------
        ValueError
            If that much is not injected in this course.
        """
        self._require(injected_ml)
        return self.arrival.cement_at(injected_ml) if injected_ml > 0.0 else None

    def reached_by(self, injected_ml: float) -> tuple[Reached, ...]:
        """Give what the cement has come to when so much is in."""
        self._require(injected_ml)
        return tuple(one for one in self.reached if one.after_ml <= injected_ml)

    def next_after(self, injected_ml: float) -> Reached | None:
        """Give what the cement comes to next; None where there is nothing more."""
        self._require(injected_ml)
        return next((one for one in self.reached if one.after_ml > injected_ml), None)

    def step_at(self, injected_ml: float) -> FillStep | None:
        """Give the last amounts that the plan tells up to a volume; None before the first."""
        self._require(injected_ml)
        before = [step for step in self.fill.steps if step.injected_ml <= injected_ml + _ROUNDING_ML]
        return before[-1] if before else None

    def amounts_at(self, injected_ml: float) -> str:
        """Say where the cement is, as the plan tells it at the last whole millilitre or at the end; empty before."""
        step = self.step_at(injected_ml)
        if step is None:
            return ""
        others = sum(ml for name, ml in step.gaps_ml.items() if name != self.gap_id)
        parts = [f"{step.gaps_ml.get(self.gap_id, 0.0):.1f} in the gap"]
        if others >= _TOLD_ML:
            parts.append(f"{others:.1f} in other gaps")
        parts += [f"{step.trabecular_ml:.1f} in cancellous bone", f"{step.leaked_ml:.1f} out of the bone"]
        return f"Of {step.injected_ml:.1f} mL: {', '.join(parts)}"

    def words_at(self, injected_ml: float) -> str:
        """Say what the cement has come to when so much is in, and what comes next.

        Parameters
        ----------
        injected_ml : float
            Volume injected.

        Returns
        -------
        str
            A line for each thing.

        Raises
        ------
        ValueError
            If that much is not injected in this course.
        """
        met, following = self.reached_by(injected_ml), self.next_after(injected_ml)
        lines = [_told(one) for one in met]
        if not met:
            lines = ["Nothing is in yet." if injected_ml <= 0.0 else "No way out reached yet."]
        if following is not None:
            lines.append(f"next, {_told(following)}")
        elif injected_ml >= self.end_ml - _ROUNDING_ML:
            lines.append(f"the simulation ends here: {self.ends}")
        else:
            lines.append(f"nothing more is reached until the simulation ends at {millilitres(self.end_ml)}")
        return "\n".join(lines)

    def is_past_stop(self, injected_ml: float) -> bool:
        """Say whether so much is in that one ought to have stopped, by the figure that `stop_words` gives first.

        Parameters
        ----------
        injected_ml : float
            Volume injected.

        Returns
        -------
        bool
            No where there is nothing to stop for, and while nothing is in.

        Raises
        ------
        ValueError
            If that much is not injected in this course.
        """
        self._require(injected_ml)
        return self.stop_from_ml is not None and injected_ml > max(0.0, self.stop_from_ml - _SAME_ML)

    @property
    def stop_from_ml(self) -> float | None:
        """What one stops before, mL, cut to tenths as it is said; None where there is nothing to stop for."""
        own = None if self.stop is None else self.stop.after_ml
        stops = [ml for ml in (self.earliest_stop_ml, own) if ml is not None]
        return cut_to_tenths(min(stops)) if stops else None

    @property
    def stop_words(self) -> str:
        """When one stops: the earliest first, which may be with the tip off its aim or with another needle or set."""
        stop, earliest = self.stop, self.earliest_stop_ml
        if stop is None:
            first = "nothing to stop for is reached in this course"
        else:
            first = f"stop before {stop_at(stop.after_ml)}: {stop.words}"
        if earliest is None or (stop is not None and cut_to_tenths(earliest) >= cut_to_tenths(stop.after_ml)):
            return first
        early = f"stop before {stop_at(earliest)}, the earliest of all courses (tip off its aim, needle sets)"
        return f"{early}; {'in this course ' if stop is not None else ''}{first}"

    @property
    def course_words(self) -> str:
        """Which course it is: its needles, the interface tissue, the cement."""
        return course(self.fill)

    def _require(self, injected_ml: float) -> None:
        if not 0.0 <= injected_ml <= self.end_ml + _ROUNDING_ML:
            raise ValueError(f"{injected_ml:g} mL is not between 0 and {self.end_ml:g} mL, where this course ends")


def cement_surface(where: Mask) -> tuple[Array, npt.NDArray[np.int64]] | None:
    """Give the surface of cement, for 3D.

    Parameters
    ----------
    where : Mask
        Where it is.

    Returns
    -------
    points_lps : ndarray, shape (N, 3)
        Corners, LPS mm.
    triangles : ndarray of int, shape (M, 3)
        Indices of corners, counter-clockwise seen from outside. None instead of both where there is no cement.
    """
    if not where.voxels.any():
        return None
    # Not smoothed: the front of a thin film would shrink away.
    return surface_of(where, smoothing_iterations=0)


def fill_course(plan: Plan, arrival: ArrivalMap | None, gap_id: str, *, grid: Grid | None = None) -> FillCourse | None:
    """Put together what is known of the expected injection into a gap.

    Parameters
    ----------
    plan : Plan
        The plan.
    arrival : ArrivalMap or None
        When cement reaches each place, of this plan's expected course into this gap.
    gap_id : str
        The gap.
    grid : Grid or None
        The CT's, to show the cement on its voxels; None leaves it on the map's own.

    Returns
    -------
    FillCourse or None
        None where it was not simulated, where nothing goes in, and where the map is of another plan: cement comes to
        it later than the plan's course ends.

    Raises
    ------
    GeometryError
        If map and CT name a frame of reference, and not the same.
    """
    gap = next((one for one in plan.gaps if one.id == gap_id), None)
    fill = next((one for one in plan.fills if one.gap_id == gap_id), None)
    if gap is None or fill is None or arrival is None or arrival.gap_id != gap_id or not fill.steps:
        return None
    end_ml = fill.steps[-1].injected_ml
    there = arrival.injected_ml[np.isfinite(arrival.injected_ml)]
    if end_ml <= 0.0 or not there.size or float(there.max()) > end_ml + _ROUNDING_ML:
        return None
    placed = arrival if grid is None else arrival_on(arrival, grid)
    if placed is None:
        return None
    hip = is_at_hip(next((one for one in plan.implants if one.id == gap.implant_id), None))
    told = stops_told(plan.breaches, gap_id, hip=hip)
    return FillCourse(
        fill=fill,
        arrival=placed,
        end_ml=end_ml,
        reached=_reached(plan, fill, hip=hip),
        earliest_stop_ml=told[0][1] if told else None,
        ends=ended(fill, gap.volume_ml),
    )


def courses_of_case(case: PlannedCase) -> dict[str, FillCourse]:
    """Give the expected courses of a plan that was just made, on its CT's voxels.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.

    Returns
    -------
    dict of str to FillCourse
        By the gap's id; gaps whose filling was not simulated, or takes nothing, are left out.
    """
    return _courses(case.plan, case.arrivals, case.scan.volume.grid)


def courses_of_folder(plan: Plan, folder: Path, *, grid: Grid | None = None) -> dict[str, FillCourse]:
    """Give the expected courses of a plan that was read, from the files beside it.

    Parameters
    ----------
    plan : Plan
        The plan.
    folder : Path
        The plan's.
    grid : Grid or None
        The CT's, where there is one.

    Returns
    -------
    dict of str to FillCourse
        By the gap's id; gaps without such a file, or with another plan's, are left out.

    Raises
    ------
    SeriesError
        If a file cannot be read.
    GeometryError
        If the files belong to another CT than the one given.
    """
    read = (read_arrival(folder, gap.id) for gap in plan.gaps)
    return _courses(plan, (one for one in read if one is not None), grid)


def _courses(plan: Plan, arrivals: Iterable[ArrivalMap], grid: Grid | None) -> dict[str, FillCourse]:
    made = ((one.gap_id, fill_course(plan, one, one.gap_id, grid=grid)) for one in arrivals)
    return {name: found for name, found in made if found is not None}


def _reached(plan: Plan, fill: CementFill, *, hip: bool) -> tuple[Reached, ...]:
    breaches = {one.id: one for one in plan.breaches}
    met = [
        Reached(a.breach_id, a.after_ml, breaches[a.breach_id], None, stops_injection(breaches[a.breach_id], hip=hip))
        for a in fill.arrivals
    ]
    # Another needle's hole is not there in this course.
    met += [
        Reached(hole.trajectory_id, hole.leak_after_ml, None, hole, stops=False)
        for hole in plan.needle_holes
        if hole.gap_id == fill.gap_id and hole.trajectory_id in fill.trajectory_ids and hole.leak_after_ml is not None
    ]
    return tuple(sorted(met, key=lambda one: one.after_ml))


def _told(one: Reached) -> str:
    when = f"STOP before {stop_at(one.after_ml)}" if one.stops else after(one.after_ml)
    return f"{when}: {one.words}"
