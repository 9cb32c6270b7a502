"""Cement from any tip, for scripts."""

from dataclasses import dataclass
from functools import partial
from typing import TypeVar, get_args

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.config.plan_config import PlanConfig
from planner.errors import GeometryError, UsageError
from planner.fill.flow import simulate
from planner.fill.flow_space import FlowSpace, flow_space
from planner.fill.spread import source_of
from planner.fluoro.console import console_angles_deg
from planner.geometry.frames import Array, point_tuple
from planner.model.anatomy import Anatomy
from planner.model.arrival_map import ArrivalMap
from planner.model.cement_fill import CementFill, CementViscosity, InterfaceTissue
from planner.model.gap import Gap
from planner.model.volume import Volume
from planner.pipeline.cement import exit_of, fill_record
from planner.pipeline.found_breaches import breaches_of
from planner.pipeline.measured_gaps import anatomy_of
from planner.pipeline.planned_case import PlannedCase
from planner.pipeline.run import treatment_position
from planner.pipeline.scripted import scan_of
from planner.pipeline.stages import Stages
from planner.pipeline.steps import measure_gaps
from planner.progress import SILENT, Monitor, check_cancelled
from planner.safety.breaches import BreachPatch

MOST_ML = 1000.0
"""No injection is larger: beyond it the unit was mistaken. Ours."""
Name = TypeVar("Name", bound=str)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedFill:
    """One simulated injection, and where the cement is by then.

    Parameters
    ----------
    fill : CementFill
        As it would stand in a plan.
    arrival : ArrivalMap
        When cement reaches each voxel, mL; `arrival.cement_at(2.0)` is where it is at 2 mL.
    """

    fill: CementFill
    arrival: ArrivalMap


def simulate_fill(
    source: Volume | PlannedCase,
    tips_lps: npt.ArrayLike,
    config: PlanConfig | None = None,
    *,
    gap_id: str | None = None,
    injected_ml: float | None = None,
    interface_tissue: InterfaceTissue | None = None,
    viscosity: CementViscosity | None = None,
    monitor: Monitor = SILENT,
) -> SimulatedFill:
    """Let cement run from any needle tips.

    Parameters
    ----------
    source : Volume or PlannedCase
        The CT; or a case that was planned on it (`planner.pipeline.plan_scan`), whose gaps are taken as they are.
    tips_lps : array_like, shape (3,) or (M, 3)
        The needles' tips, LPS mm; each injects the same share.
    config : PlanConfig or None
        The settings; None for the defaults.
    gap_id : str or None
        The gap that is to be filled; None for the one nearest to the tips.
    injected_ml : float or None
        Volume to inject, mL; None: so many times the gap's volume as the settings allow.
    interface_tissue : {"in_place", "removed"} or None
        Whether the gap's tissue is left; None as the settings say.
    viscosity : {"low", "medium", "high"} or None
        The cement's; None as the settings say.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    SimulatedFill
        Its `fill.ended` is "no_way" where the gap takes no cement: its volume is 0, or all of it is metal.

    Raises
    ------
    UsageError
        If the source is neither, the settings are no settings, a name is none of those above, or the volume to inject
        is no number above 0 and up to 1000 mL.
    GeometryError
        If the tips are no points, lie in metal or in nothing that takes cement, or the CT has no such gap with a
        measured volume.
    NoImplantError
        If the CT shows no orthopaedic implant.
    CancelledError
        If the monitor stops the work.
    """
    config = PlanConfig() if config is None else config
    if not isinstance(config, PlanConfig):
        raise UsageError(f"settings are a PlanConfig, not a {type(config).__name__}")
    if not isinstance(source, Volume | PlannedCase):
        raise UsageError(
            f"cement runs in a Volume (planner.load_ct) or a PlannedCase (planner.pipeline.plan_scan), not in a "
            f"{type(source).__name__}"
        )
    tissue = _one_of(interface_tissue, get_args(InterfaceTissue), "interface_tissue") or config.flow.interface_tissue
    cement = _one_of(viscosity, get_args(CementViscosity), "viscosity") or config.flow.viscosity
    wanted_ml = None if injected_ml is None else _volume_ml(injected_ml)
    tips = _points(tips_lps)
    anatomy, gaps, patches = _known(source, config, monitor)
    gap = _target(gaps, anatomy, tips, gap_id)
    volume = gap.volume_ml
    if volume is None:
        raise GeometryError(f"the volume of {gap.id} was not measured: nothing can be said of its filling")
    target_ml = config.flow.most_gap_volumes * volume.estimate if wanted_ml is None else wanted_ml
    volumes = {g.id: None if g.volume_ml is None else g.volume_ml.estimate for g in gaps}
    exits = [exit_of(patch, anatomy) for patch in patches]
    space = flow_space(anatomy, volumes, exits, config.flow, target=gap.id, tissue=tissue)
    if space.capacity_ml(gap.id) > 0.0:
        _require_room(tips, space, anatomy, config.flow.tip_reach_mm)
    check_cancelled(monitor)
    flow = simulate(space, tips, config.flow, target=gap.id, target_ml=target_ml, viscosity=cement)
    record = fill_record(
        "fill-1",
        flow,
        gap_id=gap.id,
        trajectory_ids=(),
        tips_lps=[point_tuple(tip) for tip in tips],
        tissue=tissue,
        viscosity=cement,
    )
    return SimulatedFill(record, ArrivalMap(gap.id, flow.grid, flow.arrival_ml))


def _one_of(value: Name | None, names: tuple[Name, ...], what: str) -> Name | None:
    """Give a name back that is one of some; None where none was given."""
    if value is not None and value not in names:
        raise UsageError(f"{what} is one of {', '.join(str(name) for name in names)}, not {value!r}")
    return value


def _volume_ml(injected_ml: object) -> float:
    if isinstance(injected_ml, bool) or not isinstance(injected_ml, int | float | np.integer | np.floating):
        raise UsageError(f"a volume to inject is a number of mL, not {injected_ml!r}")
    if not 0.0 < float(injected_ml) <= MOST_ML:
        raise UsageError(f"a volume to inject is above 0 mL and up to {MOST_ML:g} mL, not {float(injected_ml):g}")
    return float(injected_ml)


def _points(tips_lps: npt.ArrayLike) -> Array:
    """Give tips as points, shape (M, 3)."""
    wanted = "tips are points (x, y, z) in LPS mm"
    try:
        given = np.atleast_2d(np.asarray(tips_lps))
    except ValueError:
        raise GeometryError(f"{wanted}, all of three numbers") from None
    if given.dtype.kind not in "iuf":
        raise GeometryError(f"{wanted}, not {given.dtype.name} values")
    if given.ndim != 2 or given.shape[1] != 3 or not len(given):
        raise GeometryError(f"{wanted}, not an array of shape {np.shape(tips_lps)}")
    if not np.isfinite(given).all():
        raise GeometryError(f"{wanted}; one of the numbers is not finite")
    return given.astype(np.float64)


def _require_room(tips_lps: Array, space: FlowSpace, anatomy: Anatomy, reach_mm: float) -> None:
    """Refuse a tip in metal, or so far from gap and bone that nothing can be injected there."""
    spots = np.argwhere(np.logical_or.reduce([gap.mask.voxels & ~anatomy.metal.voxels for gap in anatomy.gaps]))
    gaps = cKDTree(np.asarray(anatomy.grid.to_lps(spots)))
    for tip in tips_lps:
        at = np.rint(np.asarray(anatomy.grid.to_index(tip))).astype(int)
        inside = bool((at >= 0).all() and (at < anatomy.grid.shape).all())
        where = f"the tip ({', '.join(f'{x:.1f}' for x in tip)})"
        away = f"the nearest gap is {gaps.query(tip)[0]:.1f} mm away"
        if inside and anatomy.metal.voxels[tuple(at)]:
            raise GeometryError(f"{where} lies in metal; {away}")
        if source_of(space, tip[None], reach_mm) is None:
            raise GeometryError(f"{where} lies in nothing that takes cement into this gap; {away}")


def _known(
    source: Volume | PlannedCase, config: PlanConfig, monitor: Monitor
) -> tuple[Anatomy, tuple[Gap, ...], tuple[BreachPatch, ...]]:
    if isinstance(source, PlannedCase):
        return source.anatomy, source.plan.gaps, source.breaches
    measured = measure_gaps(scan_of(source), config, Stages(monitor))
    anatomy = anatomy_of(measured)
    console = partial(console_angles_deg, position=treatment_position(measured.implants, config))
    patches = breaches_of(measured, anatomy, config, console=console, monitor=monitor)
    return anatomy, tuple(gap for gap, _ in measured.gaps), patches


def _target(gaps: tuple[Gap, ...], anatomy: Anatomy, tips_lps: Array, gap_id: str | None) -> Gap:
    """Give the gap that was named, or the one nearest to the tips."""
    spaces = {space.id: space for space in anatomy.gaps if space.mask.voxels.any()}
    there = {gap.id: gap for gap in gaps if gap.id in spaces}
    if not there:
        raise GeometryError("the CT has no gap that cement could fill")
    if gap_id is not None:
        if gap_id not in there:
            raise GeometryError(f"there is no {gap_id}; the CT has {', '.join(sorted(there))}")
        return there[gap_id]

    def away_mm(name: str) -> float:
        places = np.asarray(anatomy.grid.to_lps(np.argwhere(spaces[name].mask.voxels)))
        return float(np.linalg.norm(places[None, :, :] - tips_lps[:, None, :], axis=2).min(axis=1).max())

    return there[min(there, key=away_mm)]
