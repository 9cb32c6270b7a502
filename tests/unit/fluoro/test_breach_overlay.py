"""Breaches over a view: marked where they are, named so that each name is read."""

from itertools import combinations

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.breach_overlay import breach_layer
from planner.fluoro.overlay import Layer, Line, Ring, Words, draw, draw_apart
from planner.fluoro.views import ap_view
from planner.model.breach import Breach

CONFIG = FluoroConfig(rows=256, columns=256, pixel_mm=1.164)
CENTRE = np.array([0.0, 0.0, 100.0])


def breach(**change):
    fields = {
        "id": "breach-1",
        "gap_id": "gap-1",
        "leak_type": "disc",
        "severity": "open",
        "barrier_mm": 0.0,
        "area_mm2": 4.0,
        "centroid_lps": (10.0, 0.0, 110.0),
        "outward_lps": (1.0, 0.0, 0.0),
        "reached": None,
        "leak_after_ml": None,
        "watch_view": None,
    }
    return Breach(**(fields | change))


def names_of(layer):
    return [shape for shape in layer.shapes if isinstance(shape, Words)]


def lines(layer):
    return [shape for shape in layer.shapes if isinstance(shape, Line)]


def inked(name):
    return draw_apart([Layer("a name", (name,))], (256, 256), rimmed=False)[..., 3] > 0


@pytest.mark.parametrize(
    ("change", "rings", "arrows"),
    [({}, 2, 1), ({"severity": "thin"}, 1, 1), ({"outward_lps": None}, 2, 0)],
)
def test_breaches_are_marked_by_severity(change, rings, arrows):
    layer = breach_layer([breach(**change)], ap_view(CENTRE, config=CONFIG))
    assert sum(isinstance(shape, Ring) for shape in layer.shapes) == rings
    assert len(lines(layer)) == arrows
    assert [name.text for name in names_of(layer)] == [breach().id]


def test_a_breachs_name_stands_clear_of_its_line():
    carm = ap_view(CENTRE, config=CONFIG)
    for outward in ((1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)):
        layer = breach_layer([breach(outward_lps=outward)], carm)
        (line,), (name,) = lines(layer), [s for s in layer.shapes if isinstance(s, Words)]
        start, tip = line.pixels
        assert (name.pixel[1] - start[1]) * (tip[1] - start[1]) < 0.0


def test_names_of_breaches_at_one_place_do_not_lie_on_each_other():
    many = [breach(id=f"breach-{n}", centroid_lps=(10.0 + 0.3 * n, 0.0, 110.0)) for n in range(1, 5)]
    names = [s for s in breach_layer(many, ap_view(CENTRE, config=CONFIG)).shapes if isinstance(s, Words)]
    at = sorted(name.pixel[0] for name in names)
    assert len(at) == 4 and np.diff(at).min() > 10.0
    apart = [breach(), breach(id="breach-2", centroid_lps=(10.0, 0.0, 140.0))]
    layer = breach_layer(apart, ap_view(CENTRE, config=CONFIG))
    rings = [s.pixel[0] for s in layer.shapes if isinstance(s, Ring)]
    assert {s.pixel[0] for s in layer.shapes if isinstance(s, Words)} == set(rings)


@pytest.mark.parametrize("apart_mm", [8.0, 20.0, 40.0, 60.0, 75.0])
@pytest.mark.parametrize("ids", [("breach-1", "breach-2"), ("breach-10", "breach-11")])
def test_names_that_run_towards_each_other_do_not_lie_on_each_other(apart_mm, ids):
    """The left one's name stands at its right, the right one's at its left: no cement leaves between them."""
    left = breach(id=ids[0], centroid_lps=(-apart_mm / 2.0, 0.0, 100.0), outward_lps=(-1.0, 0.0, 0.0))
    right = breach(id=ids[1], centroid_lps=(apart_mm / 2.0, 0.0, 100.0), outward_lps=(1.0, 0.0, 0.0))
    names = names_of(breach_layer([left, right], ap_view(CENTRE, config=CONFIG)))
    assert {name.anchor for name in names} == {"lm", "rm"}
    assert not any((inked(one) & inked(other)).any() for one, other in combinations(names, 2))


def test_names_far_apart_stay_beside_their_breaches():
    left = breach(id="breach-1", centroid_lps=(-60.0, 0.0, 100.0), outward_lps=(-1.0, 0.0, 0.0))
    right = breach(id="breach-2", centroid_lps=(60.0, 0.0, 100.0), outward_lps=(1.0, 0.0, 0.0))
    layer = breach_layer([left, right], ap_view(CENTRE, config=CONFIG))
    assert {name.pixel[0] for name in names_of(layer)} == {s.pixel[0] for s in layer.shapes if isinstance(s, Ring)}


@pytest.mark.parametrize(("side", "anchor"), [(1.0, "rm"), (-1.0, "lm")])
def test_a_name_turns_round_where_the_picture_ends(side, anchor):
    near_the_edge = breach(centroid_lps=(68.0 * side, 0.0, 100.0), outward_lps=(-side, 0.0, 0.0))
    (name,) = names_of(breach_layer([near_the_edge], ap_view(CENTRE, config=CONFIG)))
    assert name.anchor == anchor and inked(name).any(axis=0).argmax() > 0 and not inked(name)[:, -1].any()


def test_what_lies_behind_the_source_is_not_drawn():
    carm = ap_view(CENTRE, config=CONFIG)
    layer = breach_layer([breach(centroid_lps=(0.0, 900.0, 100.0))], carm)
    grey = np.full((256, 256), 128, dtype=np.uint8)
    assert np.all(draw(grey, [layer]) == 128)
