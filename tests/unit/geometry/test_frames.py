"""C-arm angles by DICOM PS3.3 C.8.7.5.1.2."""

import numpy as np
import pytest

from planner.geometry.frames import detector_direction, positioner_angles_deg, unit


@pytest.mark.parametrize(
    ("direction", "primary", "secondary"),
    [
        ((0, -1, 0), 0, 0),  # detector in front: AP
        ((1, 0, 0), 90, 0),  # at the patient's left: left lateral
        ((-1, 0, 0), -90, 0),
        ((0, 1, 0), 180, 0),
        ((0, -1, 1), 0, 45),  # tilted to the head: cranial
        ((0, -1, -1), 0, -45),
        ((1, -1, 0), 45, 0),  # left anterior oblique
    ],
)
def test_named_views(direction: tuple[float, ...], primary: float, secondary: float) -> None:
    assert positioner_angles_deg(direction) == pytest.approx((primary, secondary))


def test_angles_and_direction_are_inverse() -> None:
    for primary in range(-175, 180, 25):
        for secondary in range(-80, 90, 20):
            assert positioner_angles_deg(detector_direction(primary, secondary)) == pytest.approx((primary, secondary))


def test_straight_cranial_has_no_primary_angle_and_says_zero() -> None:
    assert positioner_angles_deg((0, 0, 2)) == (0.0, 90.0)


def test_a_vector_without_length_has_no_direction() -> None:
    with pytest.raises(ValueError, match="length zero"):
        unit(np.zeros(3))
