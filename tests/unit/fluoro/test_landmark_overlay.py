"""Landmarks over a view: what is in profile is drawn, what metal hides is said."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.landmark_overlay import landmark_layer
from planner.fluoro.overlay import Ring, Words, letters_px, words_px
from planner.fluoro.views import ap_view, lateral_view
from planner.geometry.frames import points_lps
from planner.model.view_landmark import ViewLandmark
from planner.model.view_sight import LandmarkSight

CONFIG = FluoroConfig()


def wall():
    """A wall square to the front: in profile from the side, not from the front."""
    y = np.linspace(-10.0, 10.0, 9)
    points = np.stack([y, np.zeros(9), y], axis=-1)
    return ViewLandmark(
        "posterior wall", "vertebra-1", None, None, points_lps(points), np.tile([0.0, 1.0, 0.0], (9, 1)),
        np.arange(9),
    )  # fmt: skip


def sight(verdict):
    return LandmarkSight(
        name="posterior wall", bone="vertebra-1", level=None, side=None, in_profile_share=1.0, hidden_share=None,
        outside_share=0.0, visible_share=None, verdict=verdict,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("visible", "posterior wall"),
        ("partly", "posterior wall, partly seen"),
        ("hidden", "posterior wall, behind metal"),
        (None, "posterior wall, not known whether seen"),
    ],
)
def test_it_says_what_metal_hides(verdict, words):
    view = lateral_view((0.0, 0.0, 0.0), config=CONFIG)
    shapes = landmark_layer([(wall(), sight(verdict))], view, profile_deg=10.0).shapes
    assert [shape.text for shape in shapes if isinstance(shape, Words)] == [words]
    assert sum(isinstance(shape, Ring) for shape in shapes) == 9


@pytest.mark.parametrize("verdict", ["not in profile", "outside"])
def test_what_makes_no_line_is_not_drawn(verdict):
    view = lateral_view((0.0, 0.0, 0.0), config=CONFIG)
    assert not landmark_layer([(wall(), sight(verdict))], view, profile_deg=10.0).shapes


def test_places_off_the_profile_are_left_out():
    front = ap_view((0.0, 0.0, 0.0), config=CONFIG)
    assert not landmark_layer([(wall(), sight("visible"))], front, profile_deg=10.0).shapes


def at_height(z, y=0.0, name="posterior wall"):
    """One place of a wall, seen from the side."""
    return ViewLandmark(
        name, "vertebra-1", None, None, points_lps(np.array([[0.0, y, z]])), np.array([[0.0, 1.0, 0.0]]), np.arange(1)
    )


@pytest.mark.parametrize("verdict", ["visible", None])
def test_names_do_not_lie_on_each_other_however_long_they_are(verdict):
    view = lateral_view((0.0, 0.0, 0.0), config=CONFIG)
    places = [at_height(0.0), at_height(0.0, 60.0), at_height(1.0, -14.0), at_height(2.0)]
    shapes = landmark_layer([(place, sight(verdict)) for place in places], view, profile_deg=10.0).shapes
    names = [shape for shape in shapes if isinstance(shape, Words)]
    assert len(names) == 4
    wide, high = words_px(names[0].text, view.rows), letters_px(view.rows)
    for n, one in enumerate(names):
        for other in names[n + 1 :]:
            beside = abs(one.pixel[1] - other.pixel[1]) >= wide
            above = abs(one.pixel[0] - other.pixel[0]) >= high
            assert beside or above, "one name lies on another"


def test_a_short_name_stays_at_its_dot_beside_others():
    view = lateral_view((0.0, 0.0, 0.0), config=CONFIG)
    places = [at_height(0.0, name="notch"), at_height(0.0, 24.0, name="notch")]
    shapes = landmark_layer([(place, sight("visible")) for place in places], view, profile_deg=10.0).shapes
    rows = [shape.pixel[0] for shape in shapes if isinstance(shape, Words)]
    apart = np.ptp([shape.pixel[1] for shape in shapes if isinstance(shape, Words)])
    assert apart > words_px("notch", view.rows), "there is room between them"
    assert rows[0] == pytest.approx(rows[1], abs=1.0)
