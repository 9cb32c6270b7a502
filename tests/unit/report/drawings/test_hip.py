"""The hip's drawings: Gruen's and Charnley's zones where `planner.geometry.implant_zones` counts them."""

import re

import numpy as np
import pytest

from planner.geometry.implant_zones import charnley_zones, gruen_zones
from planner.model.gap import ZoneVolume
from planner.model.implant import ImplantAxis, ImplantSphere
from planner.report.drawings.hip import hip_drawing
from planner.report.drawings.spine import spine_drawing
from tests.unit.report.drawings.test_spine import words_at

SHOULDER, TIP = (100.0, 0.0, 0.0), (106.0, 4.0, -130.0)
CENTRE, OPENING = (70.0, 0.0, 40.0), (0.6, -0.3, -0.74)


def mirrored(point):
    return (-point[0], *point[1:])


def hip(plan_with, plan, side, **more):
    """A stem and a cup, each with a gap that has volume in every zone: a hundredth of its number."""
    turn = (lambda point: point) if side == "left" else mirrored
    stem = plan.implants[0].model_copy(
        update={
            "id": "stem", "kind": "femoral_stem", "side": side, "level": None,
            "centroid_lps": turn((103.0, 2.0, -65.0)),
            "axis": ImplantAxis(
                head_lps=turn(SHOULDER), tip_lps=turn(TIP), diameter_mm=13.0, core_diameter_mm=None, length_mm=130.2
            ),
            "neck_lps": turn((80.0, 0.0, 25.0)),
        }
    )  # fmt: skip
    cup = stem.model_copy(
        update={
            "id": "cup", "kind": "acetabular_cup", "axis": None, "neck_lps": None, "centroid_lps": turn(CENTRE),
            "sphere": ImplantSphere(centre_lps=turn(CENTRE), diameter_mm=52.0, opening_lps=turn(unit(OPENING))),
        }
    )  # fmt: skip
    gruen = tuple(ZoneVolume(zone=f"gruen-{k}", volume_ml=k / 100.0 + 1.0) for k in range(1, 15))
    charnley = tuple(ZoneVolume(zone=f"charnley-{k}", volume_ml=k / 100.0 + 2.0) for k in range(1, 4))
    gap = plan.gaps[0]
    gaps = (
        gap.model_copy(update={"id": "gap-1", "implant_id": "stem", "zones": gruen}),
        gap.model_copy(update={"id": "gap-2", "implant_id": "cup", "zones": charnley}),
    )
    fields = {"implants": (stem, cup), "gaps": gaps, "trajectories": (), "breaches": (), "needle_sets": ()}
    return plan_with(**(fields | more))


def unit(direction):
    return tuple(np.array(direction) / np.linalg.norm(direction))


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_lateral_zones_stand_laterally_and_in_their_order(plan_with, plan, side):
    front, beside = hip_drawing(hip(plan_with, plan, side), side, [])
    at, deep = words_at(front), words_at(beside)
    assert at["patient's right"][0] < at["patient's left"][0] and deep["front"][0] < deep["back"][0]
    outwards = 1.0 if side == "left" else -1.0
    for lateral, medial in (("1.01", "1.07"), ("1.02", "1.06"), ("1.03", "1.05")):
        assert outwards * (at[lateral][0] - at[medial][0]) > 0.0
        assert at[lateral][1] == pytest.approx(at[medial][1], abs=8.0)
    for front_zone, back_zone in (("1.08", "1.14"), ("1.09", "1.13"), ("1.10", "1.12")):
        assert deep[front_zone][0] < deep[back_zone][0]
    for column in (("1.01", "1.02", "1.03", "1.04"), ("1.07", "1.06", "1.05", "1.04")):
        heights = [at[word][1] for word in column]
        assert heights == sorted(heights)
    assert at["2.01"][1] < at["2.03"][1] and outwards * (at["2.01"][0] - at["2.02"][0]) > 0.0
    assert "1.08" not in at and "1.01" not in deep and "2.01" not in deep


@pytest.mark.parametrize("side", ["left", "right"])
def test_zones_are_drawn_where_gaps_are_counted_into_them(plan_with, plan, side):
    """The middle of each zone on paper, taken back to the patient, falls into that zone."""
    told = hip(plan_with, plan, side)
    stem, cup = told.implants
    svg, _ = hip_drawing(told, side, [])
    at = words_at(svg)
    # known in the patient: the middle of zone 1, and that of zone 2 a third of the stem's run below it
    along = np.array(stem.axis.tip_lps)[[0, 2]] - np.array(stem.axis.head_lps)[[0, 2]]
    pixel = at["1.02"] - at["1.01"]
    scale = np.linalg.norm(pixel) / (np.linalg.norm(along) / 3.0)
    lateral = 1.0 if side == "left" else -1.0
    down = along / np.linalg.norm(along)
    out = np.array([-down[1], down[0]])
    out = out * np.sign(out[0]) * lateral
    first = np.array(stem.axis.head_lps)[[0, 2]] + along / 6.0 + out * (6.5 + 5.5)

    def patient(word):
        off = (at[word] - at["1.01"]) / scale
        return np.array([first[0] + off[0], 0.0, first[1] - off[1]])

    medial = np.array([-lateral, 0.0, 0.0])
    # at the tip the axis itself belongs to no view
    aside = {4: np.array([lateral * 8.0, 0.0, 0.0])}
    for zone in (1, 2, 3, 4, 5, 6, 7):
        point = (patient(f"{1 + zone / 100:.2f}") + aside.get(zone, 0.0))[None]
        assert gruen_zones(point, np.array(stem.axis.head_lps), np.array(stem.axis.tip_lps), medial)[0] == zone
    for zone in (1, 2, 3):
        point = patient(f"{2 + zone / 100:.2f}")[None]
        found = charnley_zones(point, np.array(cup.sphere.centre_lps), np.array(cup.sphere.opening_lps), side)
        assert found[0] == zone


def test_zones_of_two_gaps_of_one_stem_are_summed_and_unknown_ones_stay_unknown(plan_with, plan):
    one = hip(plan_with, plan, "left").gaps[0]
    zones = (ZoneVolume(zone="gruen-1", volume_ml=0.5), ZoneVolume(zone="gruen-2", volume_ml=None))
    other = one.model_copy(update={"id": "gap-3", "zones": zones})
    front, _ = hip_drawing(hip(plan_with, plan, "left", gaps=(one, other)), "left", [])
    assert "1.51" in words_at(front) and "?" in words_at(front) and "1.02" not in words_at(front)


def test_without_a_side_no_zone_is_made_up(plan_with, plan):
    told = hip(plan_with, plan, "left")
    blind = told.model_copy(update={"implants": tuple(i.model_copy(update={"side": None}) for i in told.implants)})
    front, beside = hip_drawing(blind, None, [])
    assert not [word for word in words_at(front) if word[:2] in ("1.", "2.")]
    assert "1.08" in words_at(beside), "front and back need no side"


def test_the_other_hip_and_a_spine_are_not_drawn(plan_with, plan):
    assert hip_drawing(hip(plan_with, plan, "left"), "right", []) is None
    assert hip_drawing(plan, "left", []) is None


def test_blank_zones_are_not_drawn_where_no_gap_was_told(plan_with, plan):
    told = hip(plan_with, plan, "left")
    stem_alone = hip(plan_with, plan, "left", gaps=told.gaps[:1])
    front, _ = hip_drawing(stem_alone, "left", [])
    assert "1.01" in words_at(front) and not [word for word in words_at(front) if word.startswith("2.")]
    drawn = [set(words_at(view)) for view in hip_drawing(hip(plan_with, plan, "left", gaps=()), "left", [])]
    assert drawn == [{"patient's right", "patient's left"}, {"front", "back"}]


def test_a_plate_beside_a_hip_stands_in_its_drawing_and_in_no_spines(plan_with, plan):
    told = hip(plan_with, plan, "left")
    stem = told.implants[0]
    plate = stem.model_copy(update={"id": "plate-1", "kind": "plate", "axis": None, "neck_lps": None})
    both = hip(plan_with, plan, "left", implants=(*told.implants, plate))
    discs = [str(hip_drawing(one, "left", [])[0]).count("<circle") for one in (told, both)]
    assert discs[1] == discs[0] + 1
    assert spine_drawing(both, []) is None


def test_what_a_zone_holds_is_written_after_the_needles_and_beside_them(plan_with, plan):
    made = hip(plan_with, plan, "left")
    free = words_at(hip_drawing(made, "left", [])[0])["1.01"]
    goal = {"gap_id": "gap-1", "implant_id": "stem", "entry_skin_lps": None}
    for height in (-15.0, -22.0, -29.0):
        # through the middle of zone 1, where its words would stand
        way = plan.trajectories[0].model_copy(
            update={**goal, "path_lps": ((150.0, 0.0, height), (112.0, 1.0, height)), "aim_lps": (112.0, 1.0, height)}
        )
        drawn = hip_drawing(made, "left", [(1, way)])[0]
        assert drawn.index("polyline") < drawn.index(">1.01<") and drawn.rindex("#a0447c") < drawn.index(">1.01<")
        points = re.findall(r'<polyline points="([^"]+)" fill="none" stroke="#a0447c"', drawn)
        (line,) = [np.array([pair.split(",") for pair in one.split()], dtype=float) for one in points]
        at = np.array(words_at(drawn)["1.01"])
        assert abs(at[1] - line[-1, 1]) > 1.2, "half of the figures' height, and more"
        assert abs(at[1] - free[1]) < 16.0, "in its zone"
