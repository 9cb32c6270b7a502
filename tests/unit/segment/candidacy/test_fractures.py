"""Lost height of bodies: wedges, whole spines, missing endplates, spines told apart wrongly."""

from dataclasses import replace

import numpy as np
import pytest

from planner.segment.candidacy.fractures import LevelHeights, fracture_findings, fracture_risk_factors, measure_heights
from tests.unit.segment.candidacy.spine_blocks import SpineBlocks


def test_a_wedge_is_graded_against_its_neighbours() -> None:
    made = SpineBlocks([(24.0, 24.0), (16.0, 23.0), (25.5, 25.5)])
    levels = measure_heights(made.spine, made.grid)
    front, _, back = levels[1].losses
    assert front == pytest.approx(1 - 16.0 / 24.7, abs=0.02)
    assert back is not None and back < 0.1
    assert [one.grade() for one in levels] == [0, 2, 0]
    (said,) = fracture_findings(levels)
    assert said.code == "fractured-level" and "in front" in said.message and "moderate" in said.message
    (risk,) = fracture_risk_factors(levels)
    assert risk.name == "fracture height loss" and risk.level == "L2"
    assert risk.measured == pytest.approx(35.0, abs=2.0)


def test_a_whole_spine_has_no_fracture() -> None:
    made = SpineBlocks([(23.0, 24.0), (24.0, 24.5), (25.0, 25.0)])
    levels = measure_heights(made.spine, made.grid)
    assert [one.grade() for one in levels] == [0, 0, 0]
    assert fracture_findings(levels) == () and fracture_risk_factors(levels) == ()


def test_a_missing_endplate_is_read_from_the_other() -> None:
    made = SpineBlocks([(13.0, 20.0), (24.0, 24.0), (25.0, 25.0)], unseen=(1,))
    heights = measure_heights(made.spine, made.grid)[0].heights_mm
    # 4.2 mm inside of both walls, where the wedge is 14.0 and 19.0 mm high
    assert heights == pytest.approx((14.1, 16.5, 18.9), abs=0.5)


def test_a_body_that_the_scan_cuts_is_not_measured() -> None:
    made = SpineBlocks([(24.0, 24.0), (24.0, 24.0)], unseen=(1,))
    made.labels[int(0.5 * made.grid.shape[0]) :][made.labels[int(0.5 * made.grid.shape[0]) :] == 0] = 1
    levels = measure_heights(made.spine, made.grid)
    assert levels[0].heights_mm == (None, None, None)
    assert levels[0].loss is None and levels[0].grade() is None
    assert [f.code for f in fracture_findings(levels)] == ["body-height-not-measured"]
    assert fracture_risk_factors(levels) == ()


def test_without_a_sound_neighbour_it_is_held_against_its_own_back() -> None:
    made = SpineBlocks([(15.0, 20.0), (24.0, 24.0)], rough=(2,))
    one = measure_heights(made.spine, made.grid)[0]
    assert one.is_against_itself and one.losses[2] is None
    assert one.loss == pytest.approx(0.25, abs=0.02)
    assert "may be more" in fracture_findings((one,))[0].message


def test_bodies_that_are_all_too_flat_are_not_measured() -> None:
    made = SpineBlocks([(9.0, 9.0), (6.0, 9.0), (9.0, 9.0)])
    assert all(one.loss is None for one in measure_heights(made.spine, made.grid))


def test_what_artefacts_hide_is_no_lost_height() -> None:
    made = SpineBlocks([(24.0, 24.0), (13.0, 20.0), (24.0, 24.0)], unseen=(2,))
    assert measure_heights(made.spine, made.grid)[1].grade() == 2
    hidden = np.zeros(made.grid.shape, dtype=bool)
    # what lies above the second body, between it and the first
    bottom = round(made.bottoms[0] / 0.8)
    hidden[bottom - 30 : bottom] = made.labels[bottom - 30 : bottom] == 0
    levels = measure_heights(replace(made.spine, hidden=hidden), made.grid)
    assert levels[1].loss is None
    (said,) = fracture_findings(levels)
    assert said.code == "body-height-not-measured" and "L2" in said.message


def test_a_front_that_is_hidden_excludes_no_fracture() -> None:
    one = LevelHeights("vertebra-1", "L1", (0.0, 0.0, 0.0), (None, 24.0, 24.0), (24.0, 24.0, 24.0))  # type: ignore[arg-type]
    assert [f.code for f in fracture_findings((one,))] == ["body-height-not-measured"]
    assert fracture_findings((replace(one, heights_mm=(24.0, 24.0, 24.0)),)) == ()


def test_a_cut_body_of_which_an_endplate_is_seen_in_part_is_not_measured() -> None:
    made = SpineBlocks([(24.0, 24.0), (15.0, 24.0)])
    assert measure_heights(made.spine, made.grid)[1].grade() == 2
    cut = replace(made.spine.bones[1], is_cut=True)
    low = replace(made.spine.bodies[1], middle_mm=None, back_mm=None)
    spine = replace(made.spine, bones=(made.spine.bones[0], cut), bodies=(made.spine.bodies[0], low))
    assert measure_heights(spine, made.grid)[1].loss is None
