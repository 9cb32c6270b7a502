"""What is dialled, how far the gantry turns, and what a hand does."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.fluoro.carm import project
from planner.fluoro.views import view_at
from planner.geometry.frames import detector_direction
from planner.station.carm.gantry_dial import dial_of, dial_words, dragged, held_to_reach, is_reached, turned_to

GANTRY = GantryLimits()
POSITIONS = ["HFS", "HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL"]


def view(primary, secondary, **changes):
    carm = view_at((1.0, 2.0, 3.0), primary_deg=primary, secondary_deg=secondary, config=FluoroConfig())
    return carm.model_copy(update=changes)


@pytest.mark.parametrize("position", [*POSITIONS, None])
def test_what_is_dialled_leads_back_to_the_view(position):
    dial = dial_of(view(-35.0, 20.0), position)
    back = turned_to(view(0.0, 0.0), dial.primary_deg, dial.secondary_deg, position)
    assert (back.primary_deg, back.secondary_deg) == pytest.approx((-35.0, 20.0), abs=1e-4)
    assert back.isocentre_lps == (1.0, 2.0, 3.0)
    assert dial.at_console is (position is not None)


def test_prone_the_console_turns_by_half():
    dial = dial_of(view(160.0, 5.0), "HFP")
    assert (dial.primary_deg, dial.secondary_deg) == pytest.approx((-20.0, 5.0))
    assert dial.words == "RAO 20 CRAN 5"


@pytest.mark.parametrize(
    ("primary", "secondary", "position", "reached"),
    [
        (30.0, 10.0, "HFS", True),
        (105.0, 50.0, "HFS", True),
        (106.0, 0.0, "HFS", False),
        (0.0, -46.0, "HFS", False),
        (180.0, 0.0, "HFS", False),
        (180.0, 0.0, "HFP", True),
        (0.0, 0.0, None, None),
    ],
)
def test_the_gantrys_reach_is_that_at_the_console(primary, secondary, position, reached):
    assert is_reached(view(primary, secondary), position, GANTRY) is reached


@pytest.mark.parametrize(
    ("primary", "secondary", "position", "dialled"),
    [
        (150.0, 10.0, "HFS", (105.0, 10.0)),
        (-150.0, 10.0, "HFS", (-117.0, 10.0)),
        (175.0, 10.0, "HFS", (-117.0, 10.0)),
        (20.0, 80.0, "HFS", (20.0, 50.0)),
        (0.0, -80.0, "HFP", (-117.0, -45.0)),
    ],
)
def test_beyond_the_reach_it_is_held_at_the_nearest_angle(primary, secondary, position, dialled):
    held = held_to_reach(view(primary, secondary), position, GANTRY)
    dial = dial_of(held, position)
    assert (dial.primary_deg, dial.secondary_deg) == pytest.approx(dialled, abs=1e-3)
    assert is_reached(held, position, GANTRY) or np.isclose(dial.primary_deg, dialled[0], atol=1e-5)


def test_what_is_reached_and_what_is_not_known_stays():
    for carm, position in ((view(20.0, 10.0), "HFS"), (view(179.0, 80.0), None)):
        assert held_to_reach(carm, position, GANTRY) is carm


@pytest.mark.parametrize("primary", [0.0, 90.0, 170.0, -130.0])
@pytest.mark.parametrize(
    ("changes", "sign"),
    [
        ({}, 1.0),
        ({"image_rotation_deg": 90.0}, 1.0),
        ({"image_flip": "left_right"}, 1.0),
        ({"image_flip": "top_bottom", "image_rotation_deg": 20.0}, 1.0),
    ],
)
@pytest.mark.parametrize("hand", [(0.1, 0.0), (0.0, 0.1)])
def test_what_lies_on_the_detectors_side_goes_with_the_hand(primary, changes, sign, hand):
    carm = view(primary, 0.0, **changes)
    near = np.array(carm.isocentre_lps) + 60.0 * detector_direction(primary, 0.0)
    went = (project(dragged(carm, *hand), near) - project(carm, near))[::-1]
    assert went @ np.array(hand) > 0.0
    # To the side it may go a little, for the image turns about its middle.
    assert abs(went @ np.array(hand)) > 5.0 * abs(went @ np.array(hand[::-1]))


def test_to_the_side_the_primary_angle_turns_and_upright_the_secondary():
    aside, up = dragged(view(10.0, 5.0), 0.1, 0.0), dragged(view(10.0, 5.0), 0.0, 0.1)
    assert (aside.primary_deg, aside.secondary_deg) == pytest.approx((-8.0, 5.0))
    assert (up.primary_deg, up.secondary_deg) == pytest.approx((10.0, 23.0))
    assert dragged(view(0.0, 80.0), 0.0, 0.5).secondary_deg == 90.0
    assert dragged(view(-175.0, 0.0), 0.1, 0.0).primary_deg == pytest.approx(167.0)


@pytest.mark.parametrize(
    ("position", "primary", "secondary", "stands", "dialled"),
    [
        ("HFP", 180.0, 0.0, "Detector above the table.", "LAO 0 CRAN 0"),
        # Prone with the detector above: behind the patient, here towards the left.
        (
            "HFP",
            152.0,
            10.0,
            "Detector above the table, 28° to the patient's left, 10° to the head.",
            "RAO 28",
        ),
        ("HFP", 0.0, 0.0, "Detector below the table.", "LAO 180"),
        ("HFS", 30.0, -5.0, "Detector above the table, 30° to the patient's left, 5° to the feet.", "LAO 30"),
        ("HFS", -90.0, 0.0, "Detector at the patient's right.", "RAO 90"),
        (
            "FFS",
            30.0,
            20.0,
            "Detector above the table, 30° to the patient's left, 20° to the head.",
            "RAO 30",
        ),
        ("HFDR", 0.0, 0.0, "Detector at the patient's front.", "RAO 90"),
        (None, 160.0, 0.0, "Detector behind the patient, 20° to the patient's left.", None),
        (None, -20.0, 0.0, "Detector in front of the patient, 20° to the patient's right.", None),
    ],
)
def test_it_is_said_where_the_detector_stands(position, primary, secondary, stands, dialled):
    carm = view_at((0.0, 0.0, 0.0), primary_deg=primary, secondary_deg=secondary, config=FluoroConfig())
    first, second = dial_words(carm, position).split("\n")
    assert first == stands
    assert ("nobody said" in second) is (dialled is None)
    assert dialled is None or f"supine: {dialled}" in second
