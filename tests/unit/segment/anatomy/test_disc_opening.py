from dataclasses import replace

import numpy as np
import pytest

from planner.segment.anatomy.disc_opening import disc_opening
from planner.segment.anatomy.levels import find_levels
from planner.segment.anatomy.spine_course import course_of
from tests.unit.segment.anatomy.column_scene import ColumnScene

SCENE = ColumnScene()


def between_bodies(scene):
    """Fill the space between the two uppermost bodies."""
    return replace(scene, bridged=True).bridge & ~scene.bone & ~scene.canal_space


@pytest.fixture(scope="module")
def levels():
    course = course_of(SCENE.canal, SCENE.bone, SCENE.grid, beyond_mm=20.0)
    return course, find_levels(course, SCENE.ct.hu, SCENE.bone, SCENE.bone & False, SCENE.grid)


def opened(levels, bone, hu):
    return disc_opening(hu, bone, SCENE.bone & False, SCENE.grid, *levels, solid_hu=180.0)


def test_an_envelope_across_a_disc_is_opened_up_to_the_endplates(levels):
    filled = between_bodies(SCENE)
    out = opened(levels, SCENE.bone | filled, SCENE.ct.hu)
    assert np.mean(out[filled]) > 0.85
    assert np.count_nonzero(out & SCENE.bone) < 0.1 * np.count_nonzero(filled)


def test_healed_bone_stays(levels):
    filled = between_bodies(SCENE)
    hu = np.where(filled, 500.0, SCENE.ct.hu).astype(np.float32)
    out = opened(levels, SCENE.bone | filled, hu)
    assert np.mean(out[filled]) < 0.15


def test_nothing_is_opened_where_the_envelope_is_right(levels):
    assert not opened(levels, SCENE.bone, SCENE.ct.hu).any()
