"""A nerve's foramen is kept clear of outside of bone, and what was not outlined refuses nothing."""

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.model.needle import Needle
from planner.model.volume import Mask
from planner.needles.candidates import Candidates
from planner.needles.spine.foramen import foramen_clearance_mm, keeps_clear
from planner.needles.spine.pedicle import Pedicle
from planner.needles.spine.spine_margins import spine_margins
from planner.safety.fields import FAR_MM, distance_fields

BACK = np.array([[0.0, 1.0, 0.0]])
ENTRY = np.array([[-15.0, 28.0, 0.0]])
SKIN = np.array([[-15.0, 60.0, 0.0]])


def with_foramen(change, config, *, x, y):
    """A foramen of 4 mm round a point at the patient's right, outside of or within the arch."""
    anatomy = change()
    points = np.asarray(anatomy.grid.to_lps(np.moveaxis(np.indices(anatomy.grid.shape), 0, -1)))
    ball = np.hypot(points[..., 0] - x, points[..., 1] - y) < 4.0
    return distance_fields(change(foramen=Mask(anatomy.grid, ball)), config=config)


@pytest.mark.parametrize("aside", [0.0, 6.0, 9.0])
def test_the_distance_is_that_of_the_needles_surface(change, config, aside):
    fields = with_foramen(change, config, x=-15.0 - aside, y=36.0)
    free = foramen_clearance_mm(fields, ENTRY, BACK, radius_mm=0.9)[0]
    assert free == pytest.approx(max(aside - 4.0, -0.5) - 0.9, abs=0.6)
    assert keeps_clear(np.array([free]), margin_mm=1.0)[0] == (aside > 5.9)


def test_within_bone_the_bones_own_margins_hold(change, config):
    fields = with_foramen(change, config, x=-15.0, y=14.0)
    assert foramen_clearance_mm(fields, np.array([[-15.0, 2.0, 0.0]]), BACK, radius_mm=0.9)[0] > 1.0


def test_far_away_is_far(change, config):
    fields = with_foramen(change, config, x=40.0, y=36.0)
    assert foramen_clearance_mm(fields, ENTRY, BACK, radius_mm=0.9)[0] == pytest.approx(FAR_MM - 0.9)


def test_without_foramina_nothing_is_told_and_nothing_refused(scene):
    free = foramen_clearance_mm(scene.fields, ENTRY, BACK, radius_mm=0.9)
    assert np.isnan(free).all()
    assert keeps_clear(free, margin_mm=1.0).all()


def one(*, in_ilium=False, approach="extrapedicular"):
    pedicle = Pedicle(np.array([-14.0, 20.0, 0.0]), BACK[0], -1.0, np.zeros(3), in_ilium=in_ilium)
    aim = np.array([[-15.0, 5.0, 0.0]])
    return Candidates(approach, "juxtapedicular", aim, aim, BACK, BACK[0], pedicle=pedicle)


NEEDLE = Needle(gauge="15G", outer_diameter_mm=1.8, length_mm=150.0)


def test_a_needle_near_the_foramen_says_so_with_its_figure(change, config):
    fields = with_foramen(change, config, x=-20.2, y=36.0)
    margins, words = spine_margins(fields, one(), ENTRY, SKIN, NEEDLE, wanted=config)
    assert margins == ("foramen",)
    assert "mm free, 1 mm wanted" in words[0]
    assert spine_margins(fields, one(in_ilium=True), ENTRY, SKIN, NEEDLE, wanted=config) == ((), ())


def test_nothing_is_given_up_where_nothing_was_measured(scene):
    assert spine_margins(scene.fields, one(), ENTRY, SKIN, NEEDLE, wanted=NeedleConfig()) == ((), ())
