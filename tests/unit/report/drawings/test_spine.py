"""The spine's drawing: left is left, and what is drawn is the patient's own."""

import re

import numpy as np
import pytest

from planner.model.anatomy_record import AnatomyRecord, PedicleRecord
from planner.model.gap import ZoneVolume
from planner.report.drawings.spine import screw_strip, spine_drawing


def words_at(svg):
    """Each word's place on the paper."""
    found = re.findall(r'<text x="([\d.-]+)" y="([\d.-]+)"[^>]*>([^<]*)</text>', str(svg))
    return {text: np.array([float(x), float(y)]) for x, y, text in found}


def needles_of(plan):
    return [(k, way) for k, way in enumerate(plan.trajectories, start=1)]


def test_from_behind_the_left_screw_stands_left_and_the_upper_one_above(plan_with, plan):
    left = plan.implants[0]
    axis = left.axis.model_copy(update={"head_lps": (-14.0, 20.0, -40.0), "tip_lps": (-6.0, -20.0, -44.0)})
    right = left.model_copy(
        update={"id": "screw-7", "side": "right", "axis": axis, "centroid_lps": (-10.0, 0.0, -42.0)}
    )
    at = words_at(spine_drawing(plan_with(implants=(left, right)), needles_of(plan)))
    assert at["LEFT"][0] < at["RIGHT"][0]
    assert at["1"][0] < at["7"][0] and at["1"][1] < at["7"][1]


def test_a_screws_number_stands_in_a_square_and_a_needles_on_a_disc(plan_with, plan):
    svg = str(spine_drawing(plan_with(), [(4, plan.trajectories[0])]))
    at = words_at(svg)
    discs = re.findall(r'<circle cx="([\d.-]+)" cy="([\d.-]+)" r="([\d.]+)"', svg)
    discs = [(np.array([float(x), float(y)]), float(r)) for x, y, r in discs]
    squares = [
        np.array([[float(one) for one in pair.split(",")] for pair in points.split()])
        for points in re.findall(r'<polygon points="([^"]+)"', svg)
    ]
    middles = [square.mean(axis=0) for square in squares if len(square) == 4]

    def on_disc(word):
        return any(r > 1.0 and np.linalg.norm(at[word] - middle) < 1.0 for middle, r in discs)

    def in_square(word):
        return any(np.linalg.norm(at[word] - middle) < 1.0 for middle in middles)

    assert on_disc("4") and not in_square("4") and in_square("1") and not on_disc("1")


def test_a_needle_has_its_number_where_it_is_put_in(plan_with, plan):
    way = plan.trajectories[0].model_copy(
        update={"entry_skin_lps": (60.0, 70.0, 3.0), "path_lps": ((60.0, 70.0, 3.0), (9.0, -4.0, 0.5))}
    )
    svg = str(spine_drawing(plan_with(trajectories=(way,)), [(4, way)]))
    assert words_at(svg)["4"][0] < words_at(svg)["1"][0], "further out on the left than the screw"
    assert "stroke-dasharray" not in svg
    blind = str(spine_drawing(plan, [(4, plan.trajectories[0])]))
    assert "stroke-dasharray" in blind, "the skin lies outside the scan"
    assert "4" not in words_at(spine_drawing(plan, []))


def pedicle(bone, side, x):
    return PedicleRecord(
        bone=bone, level=None, side=side, centre_lps=(x, 10.0, 0.0), usual_inward_lps=(0.0, -1.0, 0.0), width_mm=None,
        height_mm=None,
    )  # fmt: skip


def test_vertebrae_are_drawn_where_both_pedicles_were_found_and_no_other(plan_with):
    both = (pedicle("vertebra-2", "left", 14.0), pedicle("vertebra-2", "right", -14.0))
    one = pedicle("vertebra-3", "left", 14.0)
    at = words_at(spine_drawing(plan_with(anatomy=AnatomyRecord(pedicles=(*both, one))), []))
    assert "vertebra-2" in at and "vertebra-3" not in at
    assert not [word for word in words_at(spine_drawing(plan_with(), [])) if word.startswith("vertebra")]


def test_nothing_of_a_spine_is_no_drawing(plan_with, plan):
    stem = plan.implants[0].model_copy(update={"kind": "femoral_stem"})
    gap = plan.gaps[0]
    bare = {"trajectories": (), "breaches": (), "needle_sets": ()}
    assert spine_drawing(plan_with(implants=(stem,), gaps=(gap,), **bare), []) is None
    assert spine_drawing(plan_with(implants=(), gaps=(), **bare), []) is None


def test_a_gap_without_an_implant_is_marked(plan):
    assert "gap-2" in words_at(spine_drawing(plan, []))


@pytest.mark.parametrize("head_left", [True, False])
def test_a_strip_holds_its_zones_from_head_to_tip(plan, head_left):
    zones = (
        ZoneVolume(zone="screw-middle", volume_ml=0.41), ZoneVolume(zone="screw-distal", volume_ml=1.5),
        ZoneVolume(zone="screw-tip", volume_ml=None),
    )  # fmt: skip
    strip = screw_strip(plan.gaps[0].model_copy(update={"zones": zones}), most_ml=1.5, head_left=head_left)
    at = words_at(strip)
    order = sorted(("proximal", "middle", "distal", "tip"), key=lambda name: at[name][0])
    assert order == (["proximal", "middle", "distal", "tip"][:: 1 if head_left else -1])
    assert at["0.41"][0] == at["middle"][0] and at["1.50"][0] == at["distal"][0] and at["?"][0] == at["tip"][0]
    assert not [word for word in at if word.startswith("0.0")]


def test_a_gap_without_a_screws_zones_has_no_strip(plan):
    zones = (ZoneVolume(zone="gruen-1", volume_ml=1.0),)
    assert screw_strip(plan.gaps[0].model_copy(update={"zones": zones}), most_ml=1.0, head_left=True) is None
    assert screw_strip(plan.gaps[1], most_ml=1.0, head_left=True) is None
