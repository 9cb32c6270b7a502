"""A person's own needle over a view."""

import numpy as np

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.carm import project
from planner.fluoro.course_overlay import own_needle_layer
from planner.fluoro.overlay import Line, Ring
from planner.fluoro.views import ap_view, axis_view

ENTRY, TIP = (40.0, 30.0, 20.0), (5.0, -5.0, 0.0)
CONFIG = FluoroConfig()


def test_its_tip_and_its_course_lie_where_they_are_cast():
    view = ap_view(TIP, config=CONFIG)
    layer = own_needle_layer((ENTRY, TIP), 2.0, view)
    course = layer.shapes[0]
    assert isinstance(course, Line)
    np.testing.assert_allclose(course.pixels, project(view, [ENTRY, TIP]))
    assert [shape.pixel for shape in layer.shapes if isinstance(shape, Ring)] == [tuple(project(view, TIP))]
    assert course.pixels[0, 1] > course.pixels[1, 1], "from the left, which is at the right of an AP view"


def test_marks_stand_every_10_mm_and_not_where_the_beam_runs_along_it():
    marks = [s for s in own_needle_layer((ENTRY, TIP), 2.0, ap_view(TIP, config=CONFIG)).shapes if isinstance(s, Line)]
    assert len(marks) - 1 == int(np.linalg.norm(np.subtract(ENTRY, TIP)) // 10)
    along = own_needle_layer((ENTRY, TIP), 2.0, axis_view(ENTRY, TIP, config=CONFIG))
    assert sum(isinstance(shape, Line) for shape in along.shapes) == 1
