"""The lumbar phantom and its plan, made once for all tests that look at it."""

import pytest

from planner.config.plan_config import PlanConfig
from planner.phantoms.case import Phantom, design, make
from planner.pipeline import PlannedCase, plan_scan, scan_of


@pytest.fixture(scope="session")
def lumbar() -> Phantom:
    """The standard lumbar spine, scanned without physics."""
    return make("lumbar", seed=3, settings=design("lumbar", seed=3).ideal)


@pytest.fixture(scope="session")
def case(lumbar: Phantom) -> PlannedCase:
    """Its plan."""
    return plan_scan(scan_of(lumbar.volume), PlanConfig())
