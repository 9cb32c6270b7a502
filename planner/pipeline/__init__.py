"""The only place that knows the order of the steps, and that joins two rooms of one floor.

The names in ``__all__`` are loaded on first use (PEP 562): measuring volumes needs neither figures nor phantoms.
"""

from importlib import import_module
from typing import TYPE_CHECKING

_HOME_OF = {
    "CASE_FILES": "phantom_case",
    "PLAN_FILES": "plan_files",
    "PlannedCase": "planned_case",
    "check_trajectory": "check",
    "estimate_volumes": "scripted",
    "find_breaches": "scripted",
    "measure_gaps": "steps",
    "plan": "scripted",
    "plan_labelled": "labelled",
    "plan_scan": "steps",
    "render_view": "fluoroscopy.pictures",
    "replan": "replanned",
    "scan_of": "scripted",
    "simulate_fill": "simulated_fill",
    "unwrapped_maps": "unwrapped",
    "volume_plan": "steps",
    "volume_plan_labelled": "labelled",
    "write_case": "phantom_case",
    "write_plan_files": "outputs",
}

if TYPE_CHECKING:
    from planner.pipeline.check import check_trajectory as check_trajectory
    from planner.pipeline.fluoroscopy.pictures import render_view as render_view
    from planner.pipeline.labelled import plan_labelled as plan_labelled
    from planner.pipeline.labelled import volume_plan_labelled as volume_plan_labelled
    from planner.pipeline.outputs import write_plan_files as write_plan_files
    from planner.pipeline.phantom_case import CASE_FILES as CASE_FILES
    from planner.pipeline.phantom_case import write_case as write_case
    from planner.pipeline.plan_files import PLAN_FILES as PLAN_FILES
    from planner.pipeline.planned_case import PlannedCase as PlannedCase
    from planner.pipeline.replanned import replan as replan
    from planner.pipeline.scripted import estimate_volumes as estimate_volumes
    from planner.pipeline.scripted import find_breaches as find_breaches
    from planner.pipeline.scripted import plan as plan
    from planner.pipeline.scripted import scan_of as scan_of
    from planner.pipeline.simulated_fill import simulate_fill as simulate_fill
    from planner.pipeline.steps import measure_gaps as measure_gaps
    from planner.pipeline.steps import plan_scan as plan_scan
    from planner.pipeline.steps import volume_plan as volume_plan
    from planner.pipeline.unwrapped import unwrapped_maps as unwrapped_maps

__all__ = [
    "CASE_FILES",
    "PLAN_FILES",
    "PlannedCase",
    "check_trajectory",
    "estimate_volumes",
    "find_breaches",
    "measure_gaps",
    "plan",
    "plan_labelled",
    "plan_scan",
    "render_view",
    "replan",
    "scan_of",
    "simulate_fill",
    "unwrapped_maps",
    "volume_plan",
    "volume_plan_labelled",
    "write_case",
    "write_plan_files",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module the first time it is asked for."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
