"""The doors: what comes in is turned to LPS and Hounsfield units here, and what goes out is written whole."""

from planner.io.inspection import Inspection, SeriesInspection, describe_inspection, inspect_input
from planner.io.loading import load_ct, load_scan

__all__ = ["Inspection", "SeriesInspection", "describe_inspection", "inspect_input", "load_ct", "load_scan"]
