"""Pictures as files."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from planner.errors import PlannerError
from planner.fluoro.overlay import Layer, Ring, Words
from planner.model.plan import Review
from planner.pipeline.fluoroscopy import files
from planner.pipeline.fluoroscopy.files import PictureTarget, _planes, write_layers, write_picture, write_turn
from planner.pipeline.fluoroscopy.pictures import picture_of
from planner.report.review_words import review_line, review_note


@pytest.fixture
def picture(scene, config, frontal):
    return picture_of(scene, frontal, config)


def test_a_png_is_clean_unless_the_layers_are_asked_for(picture, tmp_path, config):
    for burnt_in in (False, True):
        target = PictureTarget(tmp_path / f"{burnt_in}.png", burnt_in=burnt_in)
        write_picture(picture, target, config, position="HFP")
    clean, drawn = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in (False, True))
    np.testing.assert_array_equal(clean, picture.grey)
    assert drawn.shape == (*clean.shape, 3)
    assert np.any(np.ptp(drawn.astype(int), axis=-1) > 40)


def test_layers_lie_apart_in_clear_pictures(picture, tmp_path):
    write_layers(picture, tmp_path / "layers")
    names = {path.stem for path in (tmp_path / "layers").iterdir()}
    assert {"gap-1", "breaches", "needle-trajectory-1", "frame"} <= names
    gap = np.asarray(Image.open(tmp_path / "layers" / "gap-1.png"))
    assert gap.shape == (*picture.grey.shape, 4)
    assert 0.0 < np.mean(gap[..., 3] > 0) < 0.2


def test_dicom_without_a_ct_of_dicom_is_refused(picture, tmp_path, config):
    path = tmp_path / "view.dcm"
    with pytest.raises(PlannerError, match=r"write a \.png"):
        write_picture(picture, PictureTarget(path), config, position=None)
    with pytest.raises(PlannerError, match=r"write a \.png"):
        write_turn([picture, picture], PictureTarget(path), config, position=None)
    assert not path.exists()


def test_more_layers_than_dicom_has_planes_share_them_by_kind(picture):
    few = _planes(picture)
    assert {"gap-1", "needle trajectory-1"} <= {plane.label for plane in few}
    many = tuple(Layer(f"gap-{n}", (Ring((10.0 + 3 * n, 20.0), 2.0, (255, 0, 0)),)) for n in range(1, 20))
    shared = _planes(replace(picture, layers=(*picture.layers, *many)))
    assert len(shared) <= 16
    (gaps,) = (plane.bitmap for plane in shared if plane.label == "gap")
    assert gaps[13, 20 - 2] or gaps[13, 20 + 2] or gaps[11, 20]
    assert gaps.sum() > next(plane.bitmap for plane in few if plane.label == "gap-1").sum()


def test_console_angles_follow_how_the_patient_lies(scene, picture, config, frontal):
    assert picture.console_deg == pytest.approx((180.0, 0.0)) or picture.console_deg == pytest.approx((-180.0, 0.0))
    unknown = picture_of(replace(scene, position=None), frontal, config)
    assert unknown.console_deg is None


def test_only_what_is_asked_for_is_drawn(scene, config, frontal):
    carm = frontal
    names = {layer.name for layer in picture_of(scene, carm, config, needles=[], gaps=[]).layers if layer.shapes}
    assert names <= {"frame", "notes"}
    without = picture_of(replace(scene, plan=None), carm, config)
    assert {layer.name for layer in without.layers} <= {"frame", "notes"}


def test_a_picture_packed_as_png_is_what_is_drawn(picture):
    drawn = np.asarray(Image.open(io.BytesIO(picture.png())))
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(picture.png(burnt_in=False)))), picture.grey)


APPROVED = Review(state="approved", by="A. Surgeon", at="2026-11-22T10:05:00+00:00")


@pytest.mark.parametrize("review", [Review(), Review(state="edited"), APPROVED])
def test_a_picture_of_a_plan_that_nobody_approved_says_so(scene, config, frontal, review):
    told = replace(scene, plan=scene.plan.model_copy(update={"review": review}))
    picture = picture_of(told, frontal, config)
    words = [s.text for layer in picture.layers for s in layer.shapes if isinstance(s, Words)]
    said = any(review_note(review) in text for text in words) if review_note(review) else False
    assert said is (review.state != "approved")
    assert files._review_notes([picture]) == (f"{review_line(review)}.",)


def test_a_picture_without_a_plan_says_nothing_of_review(scene, config, frontal):
    picture = picture_of(replace(scene, plan=None), frontal, config)
    words = [s.text for layer in picture.layers for s in layer.shapes if isinstance(s, Words)]
    assert not any("PLAN" in text for text in words)
    assert files._review_notes([picture]) == ()
