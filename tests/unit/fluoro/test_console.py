"""The angles at the console, and back, for every way of lying."""

from typing import get_args

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from planner.config.gantry import GantryLimits
from planner.fluoro.console import console_angles_deg, frontal_side, patient_angles_deg, reachable_side
from planner.geometry.frames import detector_direction, positioner_angles_deg
from planner.model.plan import PatientPosition

# How a patient gets from head first supine to lying so: rolled about the table's long axis, then turned on the table.
ROLL_DEG = {"S": 0.0, "P": 180.0, "DR": -90.0, "DL": 90.0}


@pytest.mark.parametrize("position", ["HFS", "HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL"])
@pytest.mark.parametrize(("primary", "secondary"), [(0.0, 0.0), (150.0, -20.0), (-40.0, 33.0), (90.0, 5.0)])
def test_console_angles_by_rolling_and_turning_the_patient(position, primary, secondary):
    turned = Rotation.from_euler("z", ROLL_DEG[position[2:]], degrees=True)
    if position.startswith("FF"):
        turned = Rotation.from_euler("y", 180.0, degrees=True) * turned
    expected = turned.apply(detector_direction(primary, secondary))
    console = console_angles_deg(primary, secondary, position)
    np.testing.assert_allclose(detector_direction(*console), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("position", "overhead_lps"),
    [
        ("HFS", (0, -1, 0)),
        ("HFP", (0, 1, 0)),
        ("HFDR", (1, 0, 0)),
        ("HFDL", (-1, 0, 0)),
        ("FFS", (0, -1, 0)),
        ("FFP", (0, 1, 0)),
        ("FFDR", (1, 0, 0)),
        ("FFDL", (-1, 0, 0)),
    ],
)
def test_the_upper_side_of_the_patient_is_console_zero(position, overhead_lps):
    assert console_angles_deg(*positioner_angles_deg(overhead_lps), position) == pytest.approx((0.0, 0.0), abs=1e-9)


@pytest.mark.parametrize(("primary", "console"), [(155.0, -25.0), (-155.0, 25.0), (10.0, -170.0), (-10.0, 170.0)])
def test_head_first_prone_turns_the_primary_angle_by_180(primary, console):
    assert console_angles_deg(primary, 17.0, "HFP") == pytest.approx((console, 17.0))


def test_feet_first_supine_turns_both_angles_round():
    assert console_angles_deg(20.0, 10.0, "FFS") == pytest.approx((-20.0, -10.0))


POSITIONS = get_args(PatientPosition)
ANGLES = [(0.0, 0.0), (150.0, -20.0), (-40.0, 33.0), (90.0, 5.0), (-175.0, 60.0), (12.0, -85.0)]


def test_all_eight_positions_are_known():
    assert set(POSITIONS) == {head + side for head in ("HF", "FF") for side in ROLL_DEG}


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize(("primary", "secondary"), ANGLES)
def test_patient_and_console_angles_round_trip(position, primary, secondary):
    there_and_back = patient_angles_deg(*console_angles_deg(primary, secondary, position), position)
    assert there_and_back == pytest.approx((primary, secondary), abs=1e-9)
    back_and_there = console_angles_deg(*patient_angles_deg(primary, secondary, position), position)
    assert back_and_there == pytest.approx((primary, secondary), abs=1e-9)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize(("primary", "secondary"), ANGLES)
def test_patient_angles_by_rolling_and_turning_the_table_back(position, primary, secondary):
    rolled = Rotation.from_euler("z", ROLL_DEG[position[2:]], degrees=True)
    turned = Rotation.from_euler("y", 180.0 if position.startswith("FF") else 0.0, degrees=True)
    expected = (turned * rolled).inv().apply(detector_direction(primary, secondary))
    np.testing.assert_allclose(
        detector_direction(*patient_angles_deg(primary, secondary, position)), expected, atol=1e-12
    )


@pytest.mark.parametrize(
    ("position", "patient"),
    [
        ("HFS", (30.0, 10.0)),
        ("HFP", (-150.0, 10.0)),
        ("FFS", (-30.0, -10.0)),
        ("FFP", (150.0, -10.0)),
        ("HFDR", (120.0, 10.0)),
        ("HFDL", (-60.0, 10.0)),
        ("FFDR", (60.0, -10.0)),
        ("FFDL", (-120.0, -10.0)),
    ],
)
def test_what_a_console_of_lao_30_cranial_10_means_in_the_patient(position, patient):
    assert patient_angles_deg(30.0, 10.0, position) == pytest.approx(patient)


@pytest.mark.parametrize("position", ["HFP", "HFDR", "FFS", "FFP"])
def test_the_other_way_round_is_another_view(position):
    # In decubitus the way there differs from the way back: mistaking one for the other shows.
    one, other = patient_angles_deg(30.0, 10.0, "HFDR"), console_angles_deg(30.0, 10.0, "HFDR")
    assert one != pytest.approx(other, abs=1.0)
    assert patient_angles_deg(30.0, 10.0, position) != pytest.approx((30.0, 10.0), abs=1.0)


@pytest.mark.parametrize(
    ("primary", "secondary", "within"),
    [(0, 0, True), (-117, 50, True), (105.1, 0, False), (-118, 0, False), (0, 50.5, False), (0, -46, False)],
)
def test_gantry_limits(primary, secondary, within):
    assert GantryLimits().reaches(primary, secondary) is within


@pytest.mark.parametrize(
    ("position", "limits", "side"),
    [
        ("HFS", {}, "left"),
        (None, {"primary_min_deg": -100.0, "primary_max_deg": 45.0}, "left"),
        # Supine the left lateral is console +90, prone -90.
        ("HFS", {"primary_min_deg": -100.0, "primary_max_deg": 45.0}, "right"),
        ("HFP", {"primary_min_deg": -100.0, "primary_max_deg": 45.0}, "left"),
        ("HFP", {"primary_min_deg": -40.0, "primary_max_deg": 100.0}, "right"),
        # Neither is reached: the usual one.
        ("HFS", {"primary_min_deg": -40.0, "primary_max_deg": 45.0}, "left"),
    ],
)
def test_the_lateral_view_stands_at_the_side_that_the_gantry_reaches(position, limits, side):
    assert reachable_side(position, GantryLimits(**limits)) == side


def test_a_straight_view_has_angles_without_a_sign():
    assert [str(angle) for angle in positioner_angles_deg([-0.0, -1.0, -0.0])] == ["0.0", "0.0"]


@pytest.mark.parametrize(
    ("position", "limits", "side"),
    [
        ("HFS", {}, "anterior"),
        ("HFP", {}, "posterior"),
        ("FFS", {}, "anterior"),
        ("FFP", {}, "posterior"),
        ("HFDR", {}, "anterior"),
        (None, {}, "anterior"),
        ("HFS", {"primary_min_deg": 120.0, "primary_max_deg": 180.0}, "posterior"),
        ("HFP", {"primary_min_deg": 120.0, "primary_max_deg": 180.0}, "anterior"),
        ("HFP", {"primary_min_deg": 20.0, "primary_max_deg": 90.0}, "posterior"),
    ],
)
def test_the_frontal_view_stands_at_the_side_that_the_gantry_reaches(position, limits, side):
    assert frontal_side(position, GantryLimits(**limits)) == side
