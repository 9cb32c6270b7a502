"""How well breaches are found and walls measured: ``python benchmarks/breaches.py SCANS TRUTHS [--cases RE]``.

SCANS and TRUTHS are the folders of the accuracy table (``scan``, ``truth`` in its cache). At each place of a told gap's
wall that lies within 0.8 mm of a true gap's wall, what the planner measured is held against the truth's voxels: how far
it is from there to the outside of the true bone. Breaches are scored as in the accuracy table; no needles are searched
and no views drawn, so that a case takes half as long.
"""

import argparse
import re
from pathlib import Path
from typing import cast

import numpy as np
from accuracy_figures import text_table
from accuracy_steps import breach_rows
from scipy import ndimage
from scipy.spatial import cKDTree

from planner.config.plan_config import PlanConfig
from planner.errors import PlannerError
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.phantoms.score.breaches import BreachesScore, score_breaches
from planner.phantoms.score.known_case import KnownCase, read_known_case
from planner.pipeline.measured_gaps import MeasuredGaps, anatomy_of
from planner.pipeline.scripted import scan_of
from planner.pipeline.stages import Stages
from planner.pipeline.steps import measure_gaps
from planner.progress import SILENT
from planner.safety.breaches import find_breaches
from planner.safety.walls import measure_wall
from planner.safety.watch import WatchScene

_NEAR_MM = 0.8
_EVERY = 7
"""Neighbouring places read alike: every seventh is taken."""
_BANDS_MM = ((0.0, 0.3), (0.3, 0.6), (0.6, 1.0), (1.0, 1.5), (1.5, 2.0), (2.0, 3.0), (3.0, 4.0))


def main() -> None:
    """Print the errors by the true thickness."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path)
    parser.add_argument("truths", type=Path)
    parser.add_argument("--cases", default="-t", metavar="RE", help="cases whose name this is found in (-t)")
    arguments = parser.parse_args()
    pairs, scores = [np.zeros((0, 2))], []
    for folder in sorted(arguments.truths.iterdir()):
        name = folder.name.rsplit("-", 1)[0]
        scans = sorted(arguments.scans.glob(f"{name}-*"))
        if re.search(arguments.cases, name) and scans and (folder / "done.json").exists():
            walls, score = judged(scans[0], read_known_case(folder))
            pairs.append(walls)
            scores.append(score)
    print(text_table(("breaches", f"{len(scores)} cases"), breach_rows(scores)), end="\n\n")
    print(error_table(np.concatenate(pairs)))


class NoViews:
    """Draws no watch views."""

    def view(self, centroid_lps: Array, outward_lps: Array) -> None:
        """Give none."""


def judged(scan_dir: Path, case: KnownCase) -> tuple[Array, BreachesScore]:
    """Find a case's breaches and measure its walls.

    Parameters
    ----------
    scan_dir : Path
        Holds ``scan.npz``.
    case : KnownCase
        What is true.

    Returns
    -------
    walls : ndarray, shape (N, 2)
        True and measured thickness, mm; infinite where no way out was told.
    score : BreachesScore
    """
    with np.load(scan_dir / "scan.npz") as kept:
        volume = Volume(Grid(kept["hu"].shape, kept["lps_from_index"]), kept["hu"])
    config = PlanConfig()
    try:
        measured = measure_gaps(scan_of(volume), config, Stages(SILENT))
    except PlannerError:
        return np.zeros((0, 2)), score_breaches((), case, told_gaps_lps=np.zeros((0, 3)))
    return judged_gaps(measured, case, config)


def judged_gaps(measured: MeasuredGaps, case: KnownCase, config: PlanConfig) -> tuple[Array, BreachesScore]:
    """Do the same with gaps that were measured already."""
    anatomy = anatomy_of(measured)
    points, true_mm = true_walls(case)
    found = [np.zeros((0, 2))]
    for gap in anatomy.gaps:
        wall = measure_wall(anatomy, gap, config=config.breaches, trust=measured.trust, cortex_hu=measured.cortex_hu)
        places = wall.surface.points_lps[::_EVERY]
        if len(places) and len(points):
            far, index = cKDTree(points).query(places)
            found.append(np.stack([true_mm[index], wall.barrier_mm[::_EVERY]], axis=1)[far < _NEAR_MM])
    patches = find_breaches(
        anatomy,
        config=config.breaches,
        watch=cast("WatchScene", NoViews()),
        trust=measured.trust,
        bodies=measured.bodies,
        cortex_hu=measured.cortex_hu,
    )
    told = [np.asarray(anatomy.grid.to_lps(np.argwhere(gap.mask.voxels))).reshape(-1, 3) for gap in anatomy.gaps]
    score = score_breaches(
        tuple(p.breach for p in patches), case, told_gaps_lps=np.concatenate([np.zeros((0, 3)), *told])
    )
    return np.concatenate(found), score


def true_walls(case: KnownCase) -> tuple[Array, Array]:
    """Give the true gaps' surface voxels and how much bone lies between each and the outside, mm."""
    solid = case.env | case.metal
    edge = float(np.mean(case.grid.spacing_mm))
    lucent = case.label > 0
    surface = lucent & ~ndimage.binary_erosion(lucent | case.metal, np.ones((3, 3, 3), bool))
    depth = ndimage.distance_transform_edt(solid, sampling=case.grid.spacing_mm)
    return case.voxels_lps(surface), np.maximum(depth[surface] - edge, 0.0)


def error_table(pairs: Array) -> str:
    """Lay the errors out, a row for each band of the true thickness."""
    rows = []
    for low, high in _BANDS_MM:
        own = pairs[(pairs[:, 0] >= low) & (pairs[:, 0] < high)]
        error = (own[:, 1] - own[:, 0])[np.isfinite(own[:, 1])]
        if not len(error):
            continue
        size = np.abs(error)
        rows.append(
            (f"{low:g} to {high:g}", str(len(own)), f"{len(error) / len(own):.0%}", f"{np.median(error):+.2f}",
             f"{size.mean():.2f}", f"{np.percentile(size, 90):.2f}", f"{np.mean(size <= 0.5):.0%}")
        )  # fmt: skip
    return text_table(("true wall, mm", "places", "told", "median error", "mean size", "90 %", "within 0.5 mm"), rows)


if __name__ == "__main__":
    main()
