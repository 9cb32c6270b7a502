"""Which true gaps a needle could reach, and which the plan reaches: ``python benchmarks/needle_reach.py SCANS TRUTHS``.

SCANS and TRUTHS are the folders of the accuracy table (``scan``, ``truth`` in its cache). For each true gap over 0.3 mL
brute force on a coarse grid of tips and directions says whether a straight needle exists: on the truth's own voxels,
with no margin ("any") and with the settings' margins ("wanted", "least"); from behind at the spine, from all sides
but the truth's forbidden tissue at the hip. Beside it stands whether a tip of the plan reaches the gap, and whether any
of the plan's needles breaks a limit in the truth. What brute force does not know is how a hand finds the way: a gap
with a single way of thousands is listed as reachable all the same.
"""

import argparse
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from accuracy_figures import text_table

from planner.config.needle_config import NeedleConfig
from planner.config.plan_config import PlanConfig
from planner.errors import PlannerError
from planner.geometry.frames import POSTERIOR
from planner.geometry.grid import Grid
from planner.model.needle import Trajectory
from planner.model.volume import Volume
from planner.needles.account.describe import limits_for
from planner.needles.candidates import cone, every_pair, spread
from planner.needles.catalogue import needle_named
from planner.phantoms.score.known_case import KnownCase, read_known_case
from planner.phantoms.score.needles import score_needles
from planner.pipeline import plan_labelled
from planner.pipeline.scripted import scan_of
from planner.safety.clearance import Limits, check_straight, sample
from planner.safety.fields import BODY, BONE, CANAL, FAR_MM, FORBIDDEN, METAL, Fields, depth_mm, distance_mm

_LEAST_ML = 0.3
_TIPS = 60
_STEP_DEG = 3.0
_HIP_KINDS = ("femoral_stem", "acetabular_cup")


@dataclass(frozen=True, slots=True)
class Reach:
    """One true gap.

    Parameters
    ----------
    case, gap : str
        Names.
    volume_ml : float
        True.
    ways : dict of str to int
        Needles of the coarse grid that reach it, by the margins that they keep.
    reached : bool
        Whether a tip of the plan lies in it, or within 1.5 mm.
    """

    case: str
    gap: str
    volume_ml: float
    ways: dict[str, int]
    reached: bool


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path)
    parser.add_argument("truths", type=Path)
    parser.add_argument("--cases", default="-t", metavar="RE", help="cases whose name this is found in (-t)")
    arguments = parser.parse_args()
    rows: list[Reach] = []
    broken, needles = 0, 0
    for folder in sorted(arguments.truths.iterdir()):
        name = folder.name.rsplit("-", 1)[0]
        scans = sorted(arguments.scans.glob(f"{name}-*"))
        if re.search(arguments.cases, name) and scans and (folder / "done.json").exists():
            case = read_known_case(folder)
            ways, grid = planned(scans[0])
            score = score_needles(ways, case, scanned=grid)
            needles, broken = needles + len(ways), broken + sum(bool(one.violations) for one in score.needles)
            rows += reach_of(name, case, frozenset(score.gaps_without))
    print(reach_table(rows))
    print(f"{needles} needles, {broken} break a limit in the truth")


def planned(scan_dir: Path) -> tuple[tuple[Trajectory, ...], Grid]:
    """Plan a simulated CT, and give its needles and its grid."""
    with np.load(scan_dir / "scan.npz") as kept:
        volume = Volume(Grid(kept["hu"].shape, kept["lps_from_index"]), kept["hu"])
    try:
        return plan_labelled(scan_of(volume), PlanConfig()).plan.trajectories, volume.grid
    except PlannerError:
        return (), volume.grid


def true_fields(case: KnownCase) -> Fields:
    """Measure the distances on the truth's own voxels."""
    spacing = case.grid.spacing_mm
    channels = np.full((*case.grid.shape, 5), FAR_MM, np.float32)
    channels[..., METAL] = distance_mm(case.metal, spacing)
    has_canal = case.canal is not None and bool(case.canal.any())
    if case.canal is not None and has_canal:
        channels[..., CANAL] = distance_mm(case.canal, spacing)
    channels[..., FORBIDDEN] = distance_mm(case.forbidden, spacing)
    channels[..., BONE] = depth_mm(case.env, spacing)
    channels[..., BODY] = np.where(case.body, 1.0, -1.0)
    return Fields(case.grid, channels, has_canal, True)  # noqa: FBT003


def margins(config: NeedleConfig, *, hip: bool) -> dict[str, Limits]:
    """Give the limits that brute force is done with, by name."""
    needle = needle_named(config.hip_needles[0] if hip else config.spine_needles[0])
    free = Limits(needle.outer_diameter_mm / 2, needle.length_mm, 0.0, -0.2, 0.0, 0.0, 0.0, 0.0, 12.0)
    return {
        "any": free,
        "least": limits_for(needle, config.with_least_margins()),
        "wanted": limits_for(needle, config),
    }


def reach_of(name: str, case: KnownCase, without: frozenset[str]) -> list[Reach]:
    """Search each true gap over 0.3 mL by brute force.

    Parameters
    ----------
    name : str
        The case.
    case : KnownCase
        What is true.
    without : frozenset of str
        Gaps that no needle of the plan reaches.

    Returns
    -------
    list of Reach
    """
    fields = true_fields(case)
    hip = any(implant.kind in _HIP_KINDS for implant in case.document.implants)
    directions = cone(POSTERIOR, half_angle_deg=179.0 if hip else 70.0, step_deg=2 * _STEP_DEG if hip else _STEP_DEG)
    limits = margins(NeedleConfig(), hip=hip)
    rows = []
    for gap in case.document.gaps:
        if gap.volume_ml <= _LEAST_ML:
            continue
        points = case.gap_voxels.of(gap.label).points_lps
        ways = {}
        for kind, one in limits.items():
            room = sample(fields, points, METAL) >= one.radius_mm + one.tip_metal_mm
            tips, outward = every_pair(spread(points[room], _TIPS), directions)
            ways[kind] = int(np.count_nonzero(check_straight(fields, tips, outward, limits=one).reason == 0))
        rows.append(Reach(name, gap.id, gap.volume_ml, ways, gap.id not in without))
    return rows


def reach_table(rows: Iterable[Reach]) -> str:
    """Lay the gaps out, and count those with a way and those of them that are reached."""
    rows = list(rows)
    told = [
        (
            one.case,
            one.gap,
            f"{one.volume_ml:.2f}",
            *(str(one.ways[kind]) for kind in ("any", "least", "wanted")),
            "yes" if one.reached else "NO" if one.ways["any"] else "no way",
        )
        for one in rows
    ]
    table = text_table(("case", "gap", "mL", "any", "least", "wanted", "reached"), told)
    counts = [
        f"{sum(one.reached for one in rows if one.ways[kind])} of {sum(bool(one.ways[kind]) for one in rows)} "
        f"gaps with a way ({kind} margins) are reached"
        for kind in ("any", "least", "wanted")
    ]
    return "\n".join([table, *counts])


if __name__ == "__main__":
    main()
