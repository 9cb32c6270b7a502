"""The C-arm's pose and its projection."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.errors import GeometryError
from planner.fluoro.carm import (
    magnification,
    orientation_letters,
    pixel_lps,
    pose,
    project,
)
from planner.fluoro.views import view_at
from planner.geometry.frames import positioner_angles_deg

CONFIG = FluoroConfig()
ISOCENTRE = np.array([12.0, -30.0, 150.0])
ANGLES = [
    (0.0, 0.0),
    (90.0, 0.0),
    (-90.0, 10.0),
    (180.0, 0.0),
    (-150.0, -35.0),
    (33.0, 44.0),
    (0.0, 90.0),
    (20.0, -89.0),
]


def carm(primary: float, secondary: float):
    return view_at(ISOCENTRE, primary_deg=primary, secondary_deg=secondary, config=CONFIG)


@pytest.mark.parametrize(("primary", "secondary"), ANGLES)
def test_axes_stand_at_right_angles_and_the_viewer_looks_towards_the_source(primary, secondary):
    stand = pose(carm(primary, secondary))
    axes = np.stack([stand.right_lps, stand.down_lps, -stand.towards_detector_lps])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    assert stand.down_lps[2] <= 1e-12
    assert np.linalg.norm(stand.centre_lps - stand.source_lps) == pytest.approx(CONFIG.source_detector_mm)
    assert np.linalg.norm(ISOCENTRE - stand.source_lps) == pytest.approx(CONFIG.source_isocentre_mm)


@pytest.mark.parametrize(("primary", "secondary"), ANGLES)
def test_a_point_on_the_ray_to_a_pixel_falls_on_that_pixel(primary, secondary):
    view = carm(primary, secondary)
    pixels = np.array([[0.0, 0.0], [511.0, 20.5], [255.5, 255.5]])
    ends, source = pixel_lps(view, pixels), pose(view).source_lps
    for share in (0.3, 0.7, 1.0):
        np.testing.assert_allclose(project(view, source + share * (ends - source)), pixels, atol=1e-8)
    np.testing.assert_allclose(project(view, ISOCENTRE), [255.5, 255.5], atol=1e-9)


def test_a_point_behind_the_source_casts_no_shadow():
    view = carm(0.0, 0.0)
    behind = pose(view).source_lps + np.array([0.0, 5.0, 0.0])
    pixels = project(view, np.stack([behind, ISOCENTRE]))
    assert np.all(np.isnan(pixels[0]))
    assert np.all(np.isfinite(pixels[1]))


def test_ap_view_shows_the_left_at_the_right_and_the_head_on_top():
    view = carm(0.0, 0.0)
    row, column = project(view, np.add(ISOCENTRE, [20.0, 0.0, 30.0]))
    assert column > 255.5 + 60
    assert row < 255.5 - 90
    assert orientation_letters(view) == {"left": "R", "right": "L", "top": "H", "bottom": "F"}


@pytest.mark.parametrize(
    ("primary", "secondary", "left", "right", "top"),
    [
        (90.0, 0.0, "A", "P", "H"),
        (-90.0, 0.0, "P", "A", "H"),
        (180.0, 0.0, "L", "R", "H"),
        (45.0, 0.0, "RA", "LP", "H"),
        (10.0, 0.0, "R", "L", "H"),
        (0.0, 40.0, "R", "L", "HP"),
        (0.0, -40.0, "R", "L", "HA"),
    ],
)
def test_orientation_letters(primary, secondary, left, right, top):
    letters = orientation_letters(carm(primary, secondary))
    assert {letters["left"], letters["right"]} <= {left, left[::-1], right, right[::-1]}
    assert sorted(letters["left"]) == sorted(left)
    assert sorted(letters["right"]) == sorted(right)
    assert letters["top"] == top


def test_magnification_is_distance_over_distance():
    assert magnification(carm(20.0, 5.0), ISOCENTRE) == pytest.approx(1020.0 / 530.0)


@pytest.mark.parametrize("change", [{"source_isocentre_mm": 1100.0}, {"pixel_mm": 0.0}, {"rows": 0}])
def test_an_impossible_carm_is_refused(change):
    with pytest.raises(GeometryError):
        pose(carm(0.0, 0.0).model_copy(update=change))


@pytest.mark.parametrize(("primary", "secondary"), [a for a in ANGLES if abs(a[1]) < 90.0])
def test_angles_round_trip(primary, secondary):
    back = positioner_angles_deg(pose(carm(primary, secondary)).towards_detector_lps)
    assert back == pytest.approx((primary, secondary))


def turned(rotation_deg: float, flip: str):
    return carm(25.0, 10.0).model_copy(update={"image_rotation_deg": rotation_deg, "image_flip": flip})


@pytest.mark.parametrize(
    ("rotation", "flip", "expected"),
    [
        # What lies 40 rows above and 90 columns to the right of the middle.
        (0.0, "none", (-40.0, 90.0)),
        (90.0, "none", (90.0, 40.0)),
        (-90.0, "none", (-90.0, -40.0)),
        (180.0, "none", (40.0, -90.0)),
        (0.0, "left_right", (-40.0, -90.0)),
        (0.0, "top_bottom", (40.0, 90.0)),
        (90.0, "left_right", (90.0, -40.0)),
    ],
)
def test_the_console_turns_the_image_clockwise_and_then_mirrors_it(rotation, flip, expected):
    plain = carm(25.0, 10.0)
    point = pixel_lps(plain, [255.5 - 40.0, 255.5 + 90.0])
    np.testing.assert_allclose(project(turned(rotation, flip), point) - 255.5, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("rotation", "flip", "letters"),
    [
        (0.0, "left_right", {"left": "L", "right": "R", "top": "H", "bottom": "F"}),
        (90.0, "none", {"left": "F", "right": "H", "top": "R", "bottom": "L"}),
        (0.0, "top_bottom", {"left": "R", "right": "L", "top": "F", "bottom": "H"}),
    ],
)
def test_letters_go_along_with_the_image(rotation, flip, letters):
    view = carm(0.0, 0.0).model_copy(update={"image_rotation_deg": rotation, "image_flip": flip})
    assert orientation_letters(view) == letters


def test_turning_the_image_moves_neither_source_nor_detector():
    plain, other = pose(carm(25.0, 10.0)), pose(turned(33.0, "left_right"))
    np.testing.assert_array_equal(other.source_lps, plain.source_lps)
    np.testing.assert_array_equal(other.centre_lps, plain.centre_lps)
