import numpy as np
import pytest

from planner.segment.anatomy.levels import find_levels
from planner.segment.anatomy.spine_course import course_of
from tests.unit.segment.anatomy.column_scene import THORACIC_COLUMN, ColumnScene


def levels_of(scene, bone=None):
    bone = scene.bone if bone is None else bone
    course = course_of(scene.canal, bone, scene.grid, beyond_mm=20.0)
    return course, find_levels(course, scene.ct.hu, bone, scene.bone & False, scene.grid)


@pytest.mark.parametrize("scene", [ColumnScene(), THORACIC_COLUMN], ids=["lumbar", "thoracic"])
def test_bodies_and_discs_are_found_where_they_were_built(scene):
    course, levels = levels_of(scene)
    middles = np.array([v.centre_lps for v in scene.vertebrae])
    along, _, _ = course.locate(middles)
    between = (along[1:] + along[:-1]) / 2
    inner = [d.along_mm for d in levels.discs if along[-1] < d.along_mm < along[0]]
    assert inner == pytest.approx(between, abs=2.0)
    assert all(d.evidence > 0.7 for d in levels.discs)
    offset = len([d for d in levels.discs if d.along_mm > along[0]])
    for number, vertebra in enumerate(scene.vertebrae):
        body = levels.bodies[offset + number]
        a, b, _ = vertebra.shape.body_mm
        assert body.half_width_mm == pytest.approx(a * (1 - vertebra.shape.waist), abs=2.0)
        assert body.depth_mm == pytest.approx(2 * b, abs=4.0)
        assert body.middle_mm == pytest.approx(0.0, abs=1.5)


def test_planes_say_what_lies_above_them():
    _, levels = levels_of(ColumnScene())
    disc = levels.discs[0]
    above = disc.above(np.array([disc.along_mm + 5.0]), np.array([disc.middle_mm]), np.array([0.0]))
    assert above == pytest.approx([5.0])


def test_without_bodies_there_are_no_levels():
    scene = ColumnScene()
    assert levels_of(scene, bone=np.zeros(scene.grid.shape, dtype=bool))[1] is None
