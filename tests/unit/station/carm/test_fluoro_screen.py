"""What a screen shows of a picture: the scanned part, what the view is of, names that stand apart, angles in words."""

from dataclasses import replace

import numpy as np
import pytest

from planner.fluoro.carm import project
from planner.fluoro.overlay import angles_text
from planner.fluoro.radiograph import LEAST_SHARE
from planner.station.carm.fluoro_binning import binned
from planner.station.carm.fluoro_overlays import Overlays, OwnCourse
from planner.station.carm.fluoro_screen import (
    NameBox,
    PixelBox,
    ShownPart,
    angle_lines,
    box_round,
    looked_at_lps,
    placed_apart,
    scanned_box,
    screen_mm_per_pixel,
    shown_part,
    whole_box,
)
from planner.station.carm.turning import TurningView
from tests.unit.pipeline.fluoroscopy.conftest import CONFIG, config, frontal, grid, plan, scene  # noqa: F401
from tests.unit.station.carm.test_turning import SETTINGS


@pytest.fixture
def radiograph(scene, frontal):  # noqa: F811
    return TurningView(scene, SETTINGS).picture(frontal, Overlays()).radiograph


def with_share(radiograph, share):
    return replace(radiograph, scanned_share=share.astype(np.float32))


def test_the_part_that_was_scanned(radiograph, frontal):  # noqa: F811
    share = np.zeros((frontal.rows, frontal.columns))
    assert scanned_box(with_share(radiograph, share), frontal) is None
    share[20:50, 10:90] = LEAST_SHARE
    assert scanned_box(with_share(radiograph, share), frontal) == PixelBox(19.5, 9.5, 49.5, 89.5)
    share[:] = 1.0
    assert scanned_box(with_share(radiograph, share), frontal) == whole_box(frontal)


def test_a_coarse_picture_has_the_same_part(scene, frontal):  # noqa: F811
    view = TurningView(scene, SETTINGS)
    fine, coarse = (view.picture(frontal, Overlays(), binning=n) for n in (1, 3))
    assert coarse.radiograph.carm == binned(frontal, 3)
    for edge in ("top", "left", "bottom", "right"):
        assert abs(getattr(fine.scanned, edge) - getattr(coarse.scanned, edge)) <= 3.0


def test_what_a_view_is_of(plan, frontal):  # noqa: F811
    assert looked_at_lps(None, Overlays(marked_gap="gap-1")) == ()
    assert looked_at_lps(plan, Overlays()) == ()
    assert looked_at_lps(plan, Overlays(marked_gap="gap-9")) == ()
    points = looked_at_lps(plan, Overlays(marked_gap="gap-1"))
    assert {plan.gaps[0].centroid_lps, plan.trajectories[0].target_lps} <= set(points)
    without = looked_at_lps(plan, Overlays(marked_gap="gap-1", needles="none"))
    assert plan.trajectories[0].target_lps not in without
    own = OwnCourse(((30.0, 30.0, 110.0), (5.0, 0.0, 100.0)), 2.0)
    assert looked_at_lps(None, Overlays(own=own)) == own.path_lps
    box = box_round(points, frontal)
    inside = [at for at in project(frontal, points) if np.all(at > 0) and np.all(at < [frontal.rows, frontal.columns])]
    for row, column in inside:
        assert box.top < row < box.bottom
        assert box.left < column < box.right


def test_what_lies_beside_the_picture_is_no_part_of_it(frontal):  # noqa: F811
    assert box_round((), frontal) is None
    assert box_round(((5000.0, 0.0, 0.0),), frontal) is None


@pytest.mark.parametrize(
    ("scanned", "looked_at", "screen", "shown"),
    [
        # A low slab in a wide screen fills its height or its width.
        (PixelBox(180, 0, 320, 512), None, (512, 140), ShownPart(250, 256, 1.0)),
        (PixelBox(180, 0, 320, 512), None, (1024, 900), ShownPart(250, 256, 2.0)),
        # Nearer, as far as what is looked at stays in.
        (PixelBox(180, 0, 320, 512), PixelBox(200, 200, 300, 328), (512, 512), ShownPart(250, 264, 512 / 140)),
        (PixelBox(180, 0, 320, 512), PixelBox(200, 100, 300, 356), (512, 512), ShownPart(250, 228, 2.0)),
        # No farther, and nothing beyond what was scanned.
        (PixelBox(0, 0, 512, 512), PixelBox(0, 0, 100, 100), (512, 512), ShownPart(256, 256, 1.0)),
    ],
)
def test_a_screen_shows_what_an_operator_would(scanned, looked_at, screen, shown):
    found = shown_part(scanned, looked_at, width=screen[0], height=screen[1])
    assert found.scale == pytest.approx(shown.scale)
    assert (found.row, found.column) == pytest.approx((shown.row, shown.column))


def test_names_stand_apart():
    same = [NameBox(10.0, 50.0, 40.0, 10.0)] * 4
    placed = placed_apart(same, others=[NameBox(0.0, 55.0, 100.0, 10.0)], height=200.0)
    assert not any(a.meets(b) for n, a in enumerate(placed) for b in placed[n + 1 :])
    assert all(box.left == 10.0 for box in placed)
    far = NameBox(100.0, 50.0, 40.0, 10.0)
    assert placed_apart([same[0], far], others=[], height=200.0) == [same[0], far]


def test_where_there_is_no_room_a_name_stays_where_it_belongs():
    full = NameBox(0.0, 0.0, 100.0, 30.0)
    assert placed_apart([NameBox(10.0, 5.0, 20.0, 10.0)], others=[full], height=30.0) == [
        NameBox(10.0, 5.0, 20.0, 10.0)
    ]


def test_angles_are_said_once_where_console_and_patient_agree(frontal):  # noqa: F811
    turned = frontal.model_copy(update={"primary_deg": 152.0, "secondary_deg": 10.0})
    assert angle_lines(turned, (-28.0, 10.0)) == ("console RAO 28 CRAN 10", "patient LAO 152 CRAN 10")
    assert angle_lines(turned, (152.0, 10.0)) == (angles_text(152.0, 10.0),)
    assert angle_lines(turned, None)[1] == "console not known"


def test_a_screens_scale_is_that_of_the_isocentre(frontal):  # noqa: F811
    mm = screen_mm_per_pixel(frontal, ShownPart(0.0, 0.0, 2.0))
    ends = project(frontal, np.add(frontal.isocentre_lps, [[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]]))
    assert 2.0 * np.linalg.norm(ends[1] - ends[0]) * mm == pytest.approx(10.0, rel=1e-6)
