"""The only place that knows the order of the steps, and that joins two rooms of one floor."""

from planner.pipeline.check import check_trajectory
from planner.pipeline.fluoroscopy import render_view
from planner.pipeline.labelled import plan_labelled, volume_plan_labelled
from planner.pipeline.outputs import PLAN_FILES, write_plan_files
from planner.pipeline.phantom_case import CASE_FILES, write_case
from planner.pipeline.planned_case import PlannedCase
from planner.pipeline.scripted import estimate_volumes, find_breaches, plan, scan_of
from planner.pipeline.steps import measure_gaps, plan_scan, volume_plan

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
    "scan_of",
    "volume_plan",
    "volume_plan_labelled",
    "write_case",
    "write_plan_files",
]
