"""The C-arm's turn."""

import io

import numpy as np
import pytest
from PIL import Image

from planner.pipeline.fluoroscopy.turn import moving_picture, turn_angles, turn_pictures


@pytest.mark.parametrize(("middle", "span", "step"), [(0.0, 180.0, 10.0), (180.0, 120.0, 7.0), (-90.0, 30.0, 30.0)])
def test_a_turn_goes_to_both_sides_and_comes_back_without_a_jump(middle, span, step):
    angles = np.array(turn_angles(middle_deg=middle, span_deg=span, step_deg=step))
    off = (angles - middle + 180.0) % 360.0 - 180.0
    assert off[0] == pytest.approx(0.0)
    assert off.max() == pytest.approx(span / 2.0)
    assert off.min() == pytest.approx(-span / 2.0)
    steps = np.abs(np.diff(np.append(off, off[0])))
    assert steps.max() <= max(step * 1.5, span / 2.0 if span <= step else 0.0)
    assert np.all(np.abs(angles) <= 180.0)


def test_pictures_are_taken_in_order_and_once_an_angle(scene, config, frontal):
    angles = turn_angles(middle_deg=0.0, span_deg=40.0, step_deg=20.0)
    pictures = list(turn_pictures(scene, frontal, config, primary_deg=angles))
    assert [p.carm.primary_deg for p in pictures] == list(angles)
    assert angles == (0.0, 20.0, 0.0, -20.0)
    assert pictures[2] is pictures[0]
    assert not np.array_equal(pictures[1].grey, pictures[3].grey)


def test_the_moving_picture_plays_every_frame_for_ever(scene, config, frontal):
    angles = turn_angles(middle_deg=0.0, span_deg=40.0, step_deg=20.0)
    pictures = list(turn_pictures(scene, frontal, config, primary_deg=angles))
    moving = Image.open(io.BytesIO(moving_picture(pictures, frame_ms=80)))
    assert moving.format == "WEBP"
    assert moving.n_frames == len(angles)
    assert moving.info["loop"] == 0
    assert moving.size == (config.columns, config.rows)
    plain = Image.open(io.BytesIO(moving_picture(pictures[:2], burnt_in=False))).convert("RGB")
    assert np.ptp(np.asarray(plain).astype(int), axis=-1).max() < 12
