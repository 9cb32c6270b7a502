"""The screen: shutters, fields, and what they do to the grey values."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.display import display_image, open_field
from planner.fluoro.radiograph import render_view
from planner.fluoro.views import ap_view
from planner.geometry.grid import Grid
from planner.model.volume import Volume

CONFIG = FluoroConfig(rows=80, columns=80, pixel_mm=2.0, source_detector_mm=1000.0, source_isocentre_mm=500.0)
CENTRE = (0.0, 0.0, 0.0)


def field(**change):
    config = CONFIG.model_copy(update=change)
    return open_field(ap_view(CENTRE, config=config), config)


def test_all_is_open_without_shutters():
    assert field().all()


def test_shutters_leave_their_size_at_the_isocentre_open():
    # Twice as large on the detector, of 2 mm pixels: as many pixels as millimetres.
    shut = field(collimation_mm=(40.0, 20.0))
    assert np.flatnonzero(shut.any(axis=0)).tolist() == list(range(20, 60))
    assert np.flatnonzero(shut.any(axis=1)).tolist() == list(range(30, 50))


@pytest.mark.parametrize("rotation", [90.0, -90.0])
def test_shutters_turn_with_the_image(rotation):
    np.testing.assert_array_equal(
        field(collimation_mm=(40.0, 20.0), image_rotation_deg=rotation), field(collimation_mm=(20.0, 40.0))
    )


@pytest.mark.parametrize("flip", ["left_right", "top_bottom"])
def test_mirrored_shutters_lean_the_other_way(flip):
    leaning = field(collimation_mm=(40.0, 20.0), image_rotation_deg=30.0)
    other = field(collimation_mm=(40.0, 20.0), image_rotation_deg=30.0, image_flip=flip)
    np.testing.assert_array_equal(other, leaning[:, ::-1] if flip == "left_right" else leaning[::-1])
    assert not np.array_equal(other, leaning)


def test_a_round_field_is_as_wide_as_the_image():
    disc = field(round_field=True)
    assert disc[40].all()
    assert not disc[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert np.count_nonzero(disc) == pytest.approx(np.pi * 40**2, rel=0.01)


def body():
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])[[2, 1, 0, 3]]
    matrix[:3, 3] = -59.0
    hu = np.zeros((60, 60, 60), dtype=np.int16)
    hu[:, 20:40, 26:34] = 700
    hu[15:45, 10:50, 12:21] = 1500
    return Volume(Grid(hu.shape, matrix), hu)


def test_beyond_the_shutters_the_screen_is_black_and_does_not_set_the_window():
    plain = CONFIG.model_copy(update={"local_contrast": 0.0})
    config = plain.model_copy(update={"collimation_mm": (30.0, 40.0)})
    picture = render_view(body(), ap_view(CENTRE, config=config), config=config)
    shown, all_open = display_image(picture, config=config), display_image(picture, config=plain)
    inside = open_field(picture.carm, config)
    assert not shown[~inside].any()
    assert np.ptp(shown[inside].astype(int)) > 150
    # The dense block beside the field would take the dark end of the window.
    assert np.ptp(shown[inside].astype(int)) > 1.2 * np.ptp(all_open[inside].astype(int))
