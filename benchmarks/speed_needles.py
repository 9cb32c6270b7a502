"""How many needles the search checks a second, for ``python benchmarks/speed.py needles``.

A phantom's anatomy is measured once; then its gaps are searched some times over. "fields" is what is measured once a
case (distances from metal, canal, forbidden tissue, bone, skin); a target's seconds hold all the rest: its own
distances, candidates, march, rules, refining, aiming error, description. Candidates that are shifted and turned count
once. "cpu s" are seconds of all threads together, which others' work on the machine changes less. Where a target's
needles are of the least margins, its candidates were tried with the wanted ones before.
"""

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.model.volume import Volume


def time_searches(volume: "Volume", *, repeats: int) -> None:
    """Search all gaps of a CT some times, and print seconds a target and candidates a second."""
    from planner.config.plan_config import PlanConfig
    from planner.fluoro.console import console_angles_deg
    from planner.needles.account.describe import Scene
    from planner.needles.search import search_gap
    from planner.pipeline.measured_gaps import anatomy_of
    from planner.pipeline.run import treatment_position
    from planner.pipeline.scripted import scan_of
    from planner.pipeline.stages import Stages
    from planner.pipeline.steps import measure_gaps
    from planner.progress import SILENT
    from planner.safety.fields import distance_fields

    config = PlanConfig()
    measured = measure_gaps(scan_of(volume), config, Stages(SILENT))
    anatomy = anatomy_of(measured, config.anatomy.soft_tissue)
    console = partial(console_angles_deg, position=treatment_position(measured.implants, config))
    field_s, rows = [], {gap.id: [] for gap in anatomy.gaps}
    cpu_rows: dict[str, list[float]] = {gap.id: [] for gap in anatomy.gaps}
    counts: dict[str, tuple[int, int]] = {}
    for _ in range(1 + repeats):
        started = time.perf_counter()
        scene = Scene(anatomy, distance_fields(anatomy, config=config.needles), (), config.needles, console)
        field_s.append(time.perf_counter() - started)
        for gap in anatomy.gaps:
            started, used = time.perf_counter(), time.process_time()
            found = search_gap(scene, gap)
            rows[gap.id].append(time.perf_counter() - started)
            cpu_rows[gap.id].append(time.process_time() - used)
            counts[gap.id] = found.tried, len(found.trajectories)
    print(f"{'target':<10}{'tried':>10}{'needles':>9}{'first s':>9}{'median s':>10}{'cpu s':>8}{'tried/s':>10}")
    medians = {name: statistics.median(seconds[1:] or seconds) for name, seconds in rows.items()}
    for name, seconds in rows.items():
        tried, needles = counts[name]
        cpu = statistics.median(cpu_rows[name][1:] or cpu_rows[name])
        wall = f"{seconds[0]:>9.2f}{medians[name]:>10.3f}"
        print(f"{name:<10}{tried:>10}{needles:>9}{wall}{cpu:>8.3f}{tried / medians[name]:>10.0f}")
    whole, tried = sum(medians.values()), sum(count for count, _ in counts.values())
    if whole:
        print(f"{len(medians)} targets: {whole / len(medians):.3f} s a target, {tried / whole:.0f} candidates a second")
    print(f"fields {statistics.median(field_s[1:] or field_s):.2f} s once a case, grid {anatomy.grid.shape}")
