"""What is drawn over a view."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro import overlay
from planner.fluoro.carm import project
from planner.fluoro.views import ap_view, trajectory_view, view_at
from planner.geometry.grid import Grid
from planner.model.carm import NeedleView
from planner.model.needle import Clearances, Needle, Trajectory
from planner.model.volume import Mask

CONFIG = FluoroConfig(rows=256, columns=256, pixel_mm=1.164)
CENTRE = np.array([0.0, 0.0, 100.0])
GREY = np.full((256, 256), 128, dtype=np.uint8)


def needle(*, slides=False):
    skin, bone, aim = (40.0, 80.0, 110.0), (20.0, 40.0, 105.0), (0.0, 0.0, 100.0)
    target = (-8.0, -8.0, 98.0) if slides else aim
    return Trajectory(
        id="trajectory-3",
        approach="transpedicular",
        gap_id="gap-1",
        implant_id=None,
        rank=1,
        entry_skin_lps=skin,
        entry_bone_lps=bone,
        aim_lps=aim,
        target_lps=target,
        path_lps=(skin, bone, aim, target) if slides else (skin, bone, target),
        slides_along_implant=slides,
        depth_from_skin_mm=90.0,
        depth_in_bone_mm=45.0,
        needle=Needle(gauge="11G", outer_diameter_mm=3.05, length_mm=150.0),
        clearance_mm=Clearances(metal=None, canal=None, nearest_breach=None),
        crosses=(),
        cortical_crossings=1,
        entry_angle_deg=None,
        reachable_ml=None,
        skin_landmark=None,
        bulls_eye=NeedleView(
            primary_deg=0, secondary_deg=0, console_primary_deg=0, console_secondary_deg=0, within_gantry_limits=True
        ),
        score=0.5,
        score_terms={},
    )


def words(layer):
    return [shape.text for shape in layer.shapes if isinstance(shape, overlay.Words)]


def lines(layer):
    return [shape for shape in layer.shapes if isinstance(shape, overlay.Line)]


def coloured(picture):
    return np.ptp(picture.astype(int), axis=-1) > 40


def test_nothing_drawn_leaves_the_picture_as_it_is():
    picture = overlay.draw(GREY, [])
    assert picture.shape == (256, 256, 3)
    assert np.all(picture == 128)


def test_the_needle_runs_from_skin_to_target_with_a_mark_every_10_mm():
    carm = ap_view(CENTRE, config=CONFIG)
    layer = overlay.needle_layer(needle(), carm)
    body, *marks = lines(layer)
    np.testing.assert_allclose(body.pixels, project(carm, needle().path_lps))
    # 89.99 mm of path: marks at 10 to 80 mm.
    assert len(marks) == 8
    assert words(layer) == ["50"]
    path = np.array(needle().path_lps)
    at_50 = path[0] + 50.0 * (path[-1] - path[0]) / np.linalg.norm(path[-1] - path[0])
    np.testing.assert_allclose(marks[4].pixels.mean(axis=0), project(carm, at_50), atol=1e-6)
    assert body.width_px == pytest.approx(3.05 * 1020 / 530 / 1.164, rel=0.1)


def test_marks_are_left_out_where_they_would_lie_on_each_other():
    layer = overlay.needle_layer(needle(), trajectory_view(needle(), config=CONFIG))
    assert len(lines(layer)) == 1
    assert words(layer) == []


@pytest.mark.parametrize(("slides", "rings"), [(False, 2), (True, 3)])
def test_the_aim_has_a_ring_of_its_own_only_where_the_needle_slides_on(slides, rings):
    layer = overlay.needle_layer(needle(slides=slides), ap_view(CENTRE, config=CONFIG))
    assert sum(isinstance(shape, overlay.Ring) for shape in layer.shapes) == rings


def test_the_needle_is_drawn_where_it_projects():
    carm = ap_view(CENTRE, config=CONFIG)
    picture = overlay.draw(GREY, [overlay.needle_layer(needle(), carm)])
    row, column = np.rint(project(carm, needle().target_lps)).astype(int)
    assert tuple(picture[row, column]) == overlay.TARGET
    seen = np.argwhere(coloured(picture))
    assert np.all(seen.min(axis=0) > project(carm, needle().path_lps)[:, ::1].min(axis=0) - 25)
    assert not coloured(picture)[200:, :].any()


def test_a_gap_is_outlined_round_its_shadow():
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    matrix[:3, 3] = CENTRE - 20.0
    grid = Grid((41, 41, 41), matrix)
    ball = np.linalg.norm(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)) - CENTRE, axis=-1) < 10.0
    (outline,) = lines(
        overlay.gap_layer(Mask(grid, ball), view_at(CENTRE, primary_deg=30, secondary_deg=9, config=CONFIG))
    )
    radius_px = np.linalg.norm(outline.pixels - 127.5, axis=-1)
    assert radius_px.min() > 0.9 * 10.0 * 1020 / 530 / 1.164
    assert radius_px.max() < 1.12 * 10.0 * 1020 / 530 / 1.164
    empty = overlay.gap_layer(Mask(grid, np.zeros_like(ball)), ap_view(CENTRE, config=CONFIG))
    assert empty.shapes == ()


def test_the_frame_carries_angles_letters_and_a_true_scale():
    carm = view_at(CENTRE, primary_deg=-20.4, secondary_deg=9.6, config=CONFIG)
    layer = overlay.frame_layer(carm, console_deg=(159.6, 9.6))
    assert {"R", "L", "S", "I", "RAO 20 CRAN 10", "console +160 / +10", "50 mm at the isocentre"} == set(words(layer))
    (bar,) = lines(layer)
    ends = project(
        carm, [CENTRE, CENTRE + 50.0 * np.array([np.cos(np.radians(-20.4)), np.sin(np.radians(-20.4)), 0.0])]
    )
    assert np.ptp(bar.pixels[:, 1]) == pytest.approx(abs(ends[1, 1] - ends[0, 1]))
    assert not any(text.startswith("console") for text in words(overlay.frame_layer(carm)))
    assert coloured(overlay.draw(GREY, [layer])).any()


@pytest.mark.parametrize(
    ("primary", "secondary", "text"), [(0, 0, "LAO 0 CRAN 0"), (-30, -5, "RAO 30 CAUD 5"), (90, 12.4, "LAO 90 CRAN 12")]
)
def test_angles_text(primary, secondary, text):
    assert overlay.angles_text(primary, secondary) == text


def ball(radius_mm=10.0):
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    matrix[:3, 3] = CENTRE - 20.0
    grid = Grid((41, 41, 41), matrix)
    distance = np.linalg.norm(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)) - CENTRE, axis=-1)
    return Mask(grid, distance < radius_mm)


def test_expected_cement_is_outlined_and_says_how_much_it_is():
    layer = overlay.cement_layer(ball(), ap_view(CENTRE, config=CONFIG), injected_ml=4.19)
    assert words(layer) == ["4.2 mL"]
    assert layer.name == "cement at 4.2 mL"
    (outline,) = lines(layer)
    assert np.linalg.norm(outline.pixels - 127.5, axis=-1).mean() == pytest.approx(10.0 * 1020 / 530 / 1.164, rel=0.1)
    beside = ap_view(np.add(CENTRE, [900.0, 0.0, 0.0]), config=CONFIG)
    assert overlay.cement_layer(ball(), beside, injected_ml=1.0).shapes == ()


def test_layers_drawn_apart_give_the_same_picture_when_laid_over():
    carm = ap_view(CENTRE, config=CONFIG)
    layers = [overlay.gap_layer(ball(), carm), overlay.needle_layer(needle(), carm)]
    sheet = overlay.draw_apart(layers, GREY.shape)
    assert sheet.shape == (256, 256, 4)
    clear = sheet[..., 3] == 0
    burnt = overlay.draw(GREY, layers)
    np.testing.assert_array_equal(burnt[clear], 128)
    assert np.all(np.any(burnt[sheet[..., 3] > 128] != 128, axis=-1))
    assert not overlay.draw_apart([], GREY.shape).any()
