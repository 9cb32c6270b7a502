"""Cement from any tip, for scripts."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from planner.config.plan_config import PlanConfig
from planner.errors import GeometryError
from planner.fill.flow import simulate
from planner.fill.flow_space import flow_space
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
from planner.pipeline.scripted import scan_of
from planner.pipeline.stages import Stages
from planner.pipeline.steps import measure_gaps, treatment_position
from planner.progress import SILENT, Monitor
from planner.safety.breaches import BreachPatch


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
        Its `fill.ended` is "no_way" where a tip lies in, or near, nothing that takes cement.

    Raises
    ------
    GeometryError
        If the tips are no points, the CT has no such gap with a measured volume, or the volume to inject is not above
        0.
    NoImplantError
        If the CT shows no orthopaedic implant.
    CancelledError
        If the monitor stops the work.
    """
    config = config or PlanConfig()
    tips = np.atleast_2d(np.asarray(tips_lps, dtype=np.float64))
    if tips.ndim != 2 or tips.shape[1] != 3 or not np.isfinite(tips).all():
        raise GeometryError(f"tips are points (x, y, z) in LPS mm, not an array of shape {tips.shape}")
    anatomy, gaps, patches = _known(source, config, monitor)
    gap = _target(gaps, anatomy, tips, gap_id)
    volume = gap.volume_ml
    if volume is None:
        raise GeometryError(f"the volume of {gap.id} was not measured: nothing can be said of its filling")
    target_ml = config.flow.most_gap_volumes * volume.estimate if injected_ml is None else injected_ml
    if not target_ml > 0.0:
        raise GeometryError(f"a volume to inject is above 0 mL, not {target_ml:g}")
    tissue = config.flow.interface_tissue if interface_tissue is None else interface_tissue
    cement = config.flow.viscosity if viscosity is None else viscosity
    volumes = {g.id: None if g.volume_ml is None else g.volume_ml.estimate for g in gaps}
    exits = [exit_of(patch, anatomy) for patch in patches]
    space = flow_space(anatomy, volumes, exits, config.flow, target=gap.id, tissue=tissue)
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
