"""The option ``--cement`` of ``cement-planner fluoro``: the expected cement at a moment of the injection."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.model.arrival_map import ArrivalMap
    from planner.model.plan import Plan
    from planner.model.volume import Volume
    from planner.pipeline.fluoroscopy.scene import ExpectedCement


def add_cement(group: "argparse._ArgumentGroup") -> None:
    """Add the options."""
    group.add_argument(
        "--cement",
        type=float,
        metavar="ML",
        help="with --plan: put the expected cement into the picture, as it is when so many mL are injected",
    )
    group.add_argument(
        "--gap",
        metavar="ID",
        help="with --cement: the gap that is filled (default: that of --view or --aim, or the only one)",
    )


def require_cement(arguments: argparse.Namespace) -> None:
    """Refuse options that cannot be, before any work is done.

    Parameters
    ----------
    arguments : argparse.Namespace
        The command's.

    Raises
    ------
    UsageError
        If they cannot be.
    """
    from planner.errors import UsageError

    ml = arguments.cement
    if ml is None:
        if arguments.gap is not None:
            raise UsageError("--gap says which gap is filled: give --cement ML with it")
        return
    if arguments.plan is None:
        raise UsageError("--cement takes the expected cement from a plan's folder: give --plan OUT")
    if not (math.isfinite(ml) and ml > 0.0):
        raise UsageError(f"--cement takes a volume above 0 mL, not {ml:g}")


def arrival_of(plan: "Plan", arguments: argparse.Namespace) -> "ArrivalMap":
    """Find the simulated injection that ``--cement`` speaks of.

    Parameters
    ----------
    plan : Plan
        The plan.
    arguments : argparse.Namespace
        The command's.

    Returns
    -------
    ArrivalMap

    Raises
    ------
    UsageError
        If the gap is not known, or that much is not injected.
    InputError
        If the plan's folder holds no simulated cement for it.
    """
    from planner.errors import InputError, UsageError
    from planner.pipeline.expected_cement import read_arrival

    folder: Path = arguments.plan.parent if arguments.plan.name == "plan.json" else arguments.plan
    ends = {fill.gap_id: fill.steps[-1].injected_ml for fill in reversed(plan.fills) if fill.steps}
    if not ends:
        raise InputError(
            f"{folder.name} holds no simulated cement: no gap has both a volume and a needle, or an older version "
            "made it; plan again"
        )
    name = _gap_of(plan, arguments, sorted(ends))
    if name not in ends:
        raise UsageError(f"{name} has no simulated cement; {', '.join(sorted(ends))} have it")
    if arguments.cement > ends[name] + 1e-9:
        most = math.floor(100.0 * ends[name]) / 100.0
        raise UsageError(
            f"the simulated injection into {name} ends at {most:.2f} mL; give --cement up to that, not "
            f"{arguments.cement:g}"
        )
    arrival = read_arrival(folder, name)
    if arrival is None:
        raise InputError(f"{folder.name} holds no flow/arrival-{name}.nii.gz beside the plan; plan again")
    return arrival


def cement_in(volume: "Volume", arrival: "ArrivalMap", injected_ml: float) -> "ExpectedCement":
    """Bring the expected cement onto a CT.

    Parameters
    ----------
    volume : Volume
        The CT, as its pictures are taken.
    arrival : ArrivalMap
        When cement arrives.
    injected_ml : float
        Volume injected.

    Returns
    -------
    ExpectedCement
    """
    from planner.pipeline.expected_cement import cement_on
    from planner.pipeline.fluoroscopy.scene import ExpectedCement

    return ExpectedCement(cement_on(arrival, injected_ml, volume.grid), injected_ml)


def _gap_of(plan: "Plan", arguments: argparse.Namespace, there: list[str]) -> str:
    """Give the gap that was named, or that the view is of."""
    from planner.errors import UsageError

    known = {gap.id: gap.id for gap in plan.gaps}
    if arguments.gap is not None:
        if arguments.gap not in known:
            raise UsageError(f"the plan has no gap {arguments.gap}; it has {', '.join(known) or 'none'}")
        return str(arguments.gap)
    known |= {needle.id: needle.gap_id for needle in plan.trajectories}
    known |= {breach.id: breach.gap_id for breach in plan.breaches}
    for name in (arguments.view, arguments.aim):
        if name in known:
            return known[name]
    if len(there) == 1:
        return there[0]
    raise UsageError(f"the plan has simulated cement for {', '.join(there)}; say which with --gap")
