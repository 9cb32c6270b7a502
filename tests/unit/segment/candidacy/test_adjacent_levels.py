"""Prophylactic targets: only when asked for, only next to screws, only whole bodies."""

import numpy as np
import pytest

from planner.config.fracture_config import SpineTargetConfig
from planner.model.implant import Implant, ImplantAxis
from planner.segment.candidacy.adjacent_levels import adjacent_targets
from planner.segment.candidacy.fractures import measure_heights
from tests.unit.segment.candidacy.spine_blocks import SpineBlocks

ASKED = SpineTargetConfig(prophylactic_levels=True)


def _screw(made: SpineBlocks, number: int) -> Implant:
    z = made.bottoms[number]
    head, tip = (12.0, 20.0, z), (6.0, -6.0, z)
    axis = ImplantAxis(
        head_lps=head,
        tip_lps=tip,
        length_mm=float(np.linalg.norm(np.subtract(head, tip))),
        diameter_mm=6.0,
        core_diameter_mm=None,
    )
    return Implant(
        id="screw-1", kind="pedicle_screw", volume_ml=1.0, centroid_lps=(9.0, 7.0, z), axis=axis, bulls_eye=None,
        side="left", level=None, material="titanium", loosening=None,
    )  # fmt: skip


def test_whole_neighbours_are_offered() -> None:
    made = SpineBlocks([(24.0, 24.0), (24.0, 24.0), (25.0, 25.0)])
    levels = measure_heights(made.spine, made.grid)
    targets, said = adjacent_targets(made.spine, made.grid, (_screw(made, 1),), levels, config=ASKED)
    assert [t.bone for t in targets] == ["vertebra-1", "vertebra-3"]
    assert len(said) == 2 and {f.code for f in said} == {"prophylactic-target"}
    left, right = targets[0].points_lps
    assert left[0] == pytest.approx(7.2) and right[0] == pytest.approx(-7.2)
    assert left[1] < 0.0
    at = np.rint(np.asarray(made.grid.to_index(targets[0].points_lps))).astype(int)
    assert (made.labels[tuple(at.T)] == 1).all()


def test_nothing_is_offered_unasked_or_without_screws_and_no_broken_level() -> None:
    made = SpineBlocks([(14.0, 24.0), (24.0, 24.0), (25.0, 25.0)])
    levels = measure_heights(made.spine, made.grid)
    screws = (_screw(made, 1),)
    assert adjacent_targets(made.spine, made.grid, screws, levels) == ((), ())
    assert adjacent_targets(made.spine, made.grid, (), levels, config=ASKED) == ((), ())
    targets, _ = adjacent_targets(made.spine, made.grid, screws, levels, config=ASKED)
    assert [t.bone for t in targets] == ["vertebra-3"]
