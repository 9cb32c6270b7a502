"""What is said of gas and fluid at a spine: benign where it is so as a rule, a reminder elsewhere."""

import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.volume import Mask
from planner.segment.candidacy.gas_collections import Pocket
from planner.segment.candidacy.spine_infection import FRACTURE_LINES_UNKNOWN, spine_infection_findings
from planner.segment.candidacy.spine_pockets import SpinePocket, SpinePockets

GRID = Grid((10, 10, 10), np.diag([1.0, 1.0, 1.0, 1.0]))


def _pocket(kind="gas", *, share=0.2):
    voxels = np.zeros(GRID.shape, dtype=bool)
    voxels.flat[: round(share * voxels.size)] = True
    return Pocket(kind, Mask(GRID, voxels), points_lps([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    ("place", "code", "severity"),
    [
        ("disc", "vacuum-in-disc", "info"),
        ("facet joint", "vacuum-in-facet-joint", "info"),
        ("bone", "gas-in-bone", "caution"),
        ("spinal canal", "gas-near-implant", "caution"),
        ("soft tissue", "gas-near-implant", "caution"),
    ],
)
def test_gas_is_told_by_its_place(place, code, severity):
    beside = ("vertebra-3", "vertebra-4")
    found = SpinePockets((SpinePocket(_pocket(), place, beside),), 0.9)
    (said,) = spine_infection_findings(found, {"vertebra-3": "L3"})
    assert (said.code, said.severity, said.measured, said.unit) == (code, severity, 0.2, "mL")
    assert said.where_lps == (1.0, 2.0, 3.0) and said.source
    assert ("biopsy and culture" in said.message) == (severity == "caution")
    if place == "disc":
        assert "between L3 and vertebra-4" in said.message and "does not rule out infection" in said.message


def test_fluid_is_a_reminder():
    (said,) = spine_infection_findings(SpinePockets((SpinePocket(_pocket("fluid"), "soft tissue"),), 0.9), {})
    assert (said.code, said.severity) == ("collection-near-implant", "caution")


def test_a_small_bubble_is_not_told_as_none():
    (said,) = spine_infection_findings(SpinePockets((SpinePocket(_pocket(share=0.04), "disc"),), 0.9), {})
    assert said.message.startswith("Under 0.1 mL")


def test_what_was_not_read_or_not_looked_for_is_said():
    assert spine_infection_findings(SpinePockets((), 0.9), {}) == ()
    (hidden,) = spine_infection_findings(SpinePockets((), 0.3), {})
    assert (hidden.code, hidden.measured) == ("spine-pockets-partly-hidden", 0.3)
    (blind,) = spine_infection_findings(None, {})
    assert blind.code == "spine-pockets-not-looked-for" and blind.measured is None
    (doubt,) = spine_infection_findings(SpinePockets((), 0.9, (_pocket(),)), {})
    assert (doubt.code, doubt.measured) == ("dark-spots-among-streaks", 0.2)
    assert "not known" in FRACTURE_LINES_UNKNOWN.message
