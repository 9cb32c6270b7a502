"""Pictures of a C-arm that turns: what is in them, what is drawn over them, and what is said."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from planner.config.plan_config import PlanConfig
from planner.errors import UsageError
from planner.fluoro.console import console_angles_deg
from planner.fluoro.overlay import GAP, Words, draw
from planner.fluoro.views import ap_view
from planner.model.plan import Review
from planner.model.volume import Mask, Volume
from planner.pipeline.scripted import scan_of
from planner.station.carm.fluoro_overlays import CementIn, Overlays, OwnCourse, needles_drawn
from planner.station.carm.turning import TurningView, save_picture, turning_view_of_ct
from tests.unit.pipeline.fluoroscopy.conftest import (  # noqa: F401
    CENTRE,
    CONFIG,
    config,
    frontal,
    grid,
    plan,
    scene,
)

SETTINGS = PlanConfig().model_copy(update={"fluoroscopy": CONFIG})


@pytest.fixture
def view(scene):  # noqa: F811
    return TurningView(scene, SETTINGS)


def names(picture):
    return [layer.name for layer in picture.layers if layer.shapes]


def words(picture):
    return [shape.text for layer in picture.layers for shape in layer.shapes if isinstance(shape, Words)]


def cement():
    where = grid()
    points = np.asarray(where.to_lps(np.moveaxis(np.indices(where.shape), 0, -1)))
    return CementIn(Mask(where, np.linalg.norm(points - [20.0, -20.0, 95.0], axis=-1) < 9.0), 1.5)


@pytest.mark.parametrize("binning", [1, 2, 3])
def test_the_patients_left_is_at_the_right_of_a_view_from_the_front(view, frontal, binning):  # noqa: F811
    """The gap lies at the patient's left; seen from behind it is at the left."""
    for carm, at_right in ((frontal, True), (ap_view(CENTRE, config=CONFIG, detector_side="posterior"), False)):
        picture = view.picture(carm, Overlays(needles="none", breaches=False), binning=binning)
        gap = next(layer for layer in picture.layers if layer.name == "gap-1")
        columns = np.concatenate([shape.pixels[:, 1] for shape in gap.shapes])
        assert bool(columns.mean() > carm.columns / 2) is at_right
        drawn = np.argwhere(np.all(np.abs(draw(picture.grey, picture.layers).astype(int) - GAP) < 60, axis=-1))
        assert bool(drawn[:, 1].mean() > carm.columns / 2) is at_right
        shapes = [shape for layer in picture.layers if layer.name == "frame" for shape in layer.shapes]
        column_of = {shape.text: shape.pixel[1] for shape in shapes if isinstance(shape, Words)}
        assert (column_of["L"] > column_of["R"]) is at_right


def test_a_coarse_picture_shows_what_the_fine_one_does(view, frontal):  # noqa: F811
    fine, coarse = (view.picture(frontal, Overlays(), binning=n).grey.astype(float) for n in (1, 2))
    assert fine.shape == coarse.shape == (CONFIG.rows, CONFIG.columns)
    middle = (slice(20, -20), slice(20, -20))
    assert np.corrcoef(fine[middle].ravel(), coarse[middle].ravel())[0, 1] > 0.97


def test_it_says_that_it_is_simulated_and_unreviewed_whatever_is_drawn(view, frontal):  # noqa: F811
    bare = Overlays(gaps=False, breaches=False, cement=False, needles="none")
    said = words(view.picture(frontal, bare))
    assert {"SIMULATED", "L", "R", "S", "I"} <= set(said)
    assert any("UNREVIEWED PLAN" in word for word in said)
    assert set(names(view.picture(frontal, bare))) <= {"frame", "notes", "simulated"}


def test_an_approved_plan_is_not_called_unreviewed_and_an_edited_one_is_not_called_approved(scene, frontal):  # noqa: F811
    for state, note in (("approved", None), ("edited", "EDITED PLAN, NOT APPROVED")):
        reviewed = scene.plan.model_copy(update={"review": Review(state=state, by="A. B.")})
        said = "\n".join(words(TurningView(replace(scene, plan=reviewed), SETTINGS).picture(frontal, Overlays())))
        assert "UNREVIEWED" not in said
        assert note is None or note in said
        assert "A. B." not in said, "pictures are passed on: no names"


def test_without_a_plan_nothing_of_a_plan_is_said(scene, frontal):  # noqa: F811
    said = words(TurningView(replace(scene, plan=None), SETTINGS).picture(frontal, Overlays()))
    assert "SIMULATED" in said
    assert not any("PLAN" in word for word in said)


@pytest.mark.parametrize(
    ("overlays", "there", "not_there"),
    [
        (Overlays(), {"gap-1", "breaches", "needle trajectory-1"}, {"own needle", "landmarks"}),
        (Overlays(gaps=False), {"breaches"}, {"gap-1"}),
        (Overlays(breaches=False), {"gap-1"}, {"breaches"}),
        (Overlays(needles="none"), {"gap-1"}, {"needle trajectory-1"}),
        (Overlays(needles="chosen"), {"gap-1"}, {"needle trajectory-1"}),
        (Overlays(needles="chosen", chosen="trajectory-1"), {"needle trajectory-1"}, set()),
        (Overlays(hidden=frozenset({"gap-1"})), {"breaches"}, {"gap-1"}),
        (Overlays(hidden=frozenset({"trajectory-1"}), needles="all"), {"gap-1"}, {"needle trajectory-1"}),
        (Overlays(hidden=frozenset({"breach-1", "breach-2"})), {"gap-1"}, {"breaches"}),
        (Overlays(own=OwnCourse(((30.0, 30.0, 110.0), (5.0, 0.0, 100.0)), 2.0)), {"own needle"}, set()),
    ],
)
def test_what_is_chosen_is_drawn(view, frontal, overlays, there, not_there):  # noqa: F811
    drawn = set(names(view.picture(frontal, overlays, binning=2)))
    assert there <= drawn
    assert not not_there & drawn


def test_needles_first_and_chosen(plan):  # noqa: F811
    second = plan.trajectories[0].model_copy(update={"id": "trajectory-2", "rank": 2})
    both = plan.model_copy(update={"trajectories": (*plan.trajectories, second)})
    assert needles_drawn(both, Overlays()) == {"trajectory-1"}
    assert needles_drawn(both, Overlays(chosen="trajectory-2")) == {"trajectory-1", "trajectory-2"}
    assert needles_drawn(both, Overlays(needles="chosen", chosen="trajectory-2")) == {"trajectory-2"}
    assert needles_drawn(both, Overlays(needles="none", chosen="trajectory-2")) == frozenset()


def test_cement_is_outlined_while_it_turns_and_attenuates_at_rest(view, frontal):  # noqa: F811
    inside, bare = cement(), view.picture(frontal, Overlays(), binning=2)
    turning = view.picture(frontal, Overlays(), binning=2, cement=inside)
    assert "cement at 1.5 mL" in names(turning)
    assert not turning.has_cement
    np.testing.assert_array_equal(turning.grey, bare.grey)
    rest = view.picture(frontal, Overlays(), cement=inside)
    assert rest.has_cement
    assert rest.radiograph.shadows.cement_mm.max() > 5.0
    again = view.picture(frontal, Overlays(), binning=2, cement=inside)
    assert again.has_cement, "what was made ready is used while the C-arm turns on"


def test_cement_that_is_switched_off_is_not_in_the_picture(view, frontal):  # noqa: F811
    picture = view.picture(frontal, Overlays(cement=False), cement=cement())
    assert not picture.has_cement
    assert not picture.radiograph.shadows.cement_mm.any()
    assert not any("cement" in name for name in names(picture))


def test_it_says_how_much_of_the_gap_is_seen(view, frontal):  # noqa: F811
    seen = view.picture(frontal, Overlays(marked_gap="gap-1"), binning=2).sight
    assert seen is not None
    assert 0.0 < seen.target.visible_share <= 1.0
    assert view.picture(frontal, Overlays(), binning=2).sight is None
    assert view.picture(frontal, Overlays(marked_gap="gap-9"), binning=2).sight is None


def test_what_the_gantry_reaches(view, frontal, scene):  # noqa: F811
    """The patient lies prone: the detector is behind, and cannot come in front."""
    assert view.picture(frontal, Overlays(), binning=2).is_reached is False
    behind = ap_view(CENTRE, config=CONFIG, detector_side="posterior")
    assert view.picture(behind, Overlays(), binning=2).is_reached is True
    nobody = TurningView(replace(scene, position=None), SETTINGS)
    picture = nobody.picture(frontal, Overlays(marked_gap="gap-1"), binning=2)
    assert (picture.is_reached, picture.console_deg, picture.sight) == (None, None, None)


def test_a_saved_view_holds_what_was_shown(view, frontal, tmp_path):  # noqa: F811
    picture = view.picture(frontal, Overlays())
    save_picture(view, picture, tmp_path / "view.png", SimpleNamespace(slice_files=()))
    kept = np.asarray(Image.open(tmp_path / "view.png").convert("RGB"))
    np.testing.assert_array_equal(kept, draw(picture.grey, picture.layers))


def test_dicom_of_a_ct_that_was_none_is_refused_and_leaves_nothing(view, frontal, tmp_path):  # noqa: F811
    with pytest.raises(UsageError):
        save_picture(view, view.picture(frontal, Overlays()), tmp_path / "view.dcm", SimpleNamespace(slice_files=()))
    assert list(Path(tmp_path).iterdir()) == []


def test_a_coarse_picture_is_not_kept(view, frontal, tmp_path):  # noqa: F811
    with pytest.raises(ValueError, match="coarse"):
        save_picture(view, view.picture(frontal, Overlays(), binning=2), tmp_path / "v.png", SimpleNamespace())


def test_another_review_is_lettered_over_the_same_picture(view, frontal):  # noqa: F811
    before = view.picture(frontal, Overlays())
    approved = view.with_review(Review(state="approved", by="A. Surgeon", at="2026-11-22T10:00:00+00:00"))
    after = approved.picture(frontal, Overlays())
    assert any("UNREVIEWED" in word for word in words(before))
    assert not any("UNREVIEWED" in word for word in words(after))
    assert after.radiograph is before.radiograph, "nothing is reckoned anew"
    assert any("UNREVIEWED" in word for word in words(view.picture(frontal, Overlays()))), "the older one stays"


def test_another_thread_gets_the_same_pictures_and_changes_none_here(view, frontal):  # noqa: F811
    before = view.picture(frontal, Overlays())
    other = view.apart()
    assert other.picture(frontal, Overlays()).radiograph is before.radiograph, "nothing is reckoned anew"
    turned = other.picture(frontal.model_copy(update={"primary_deg": frontal.primary_deg + 20.0}), Overlays())
    assert turned.radiograph is not before.radiograph
    assert view.picture(frontal, Overlays()).radiograph is before.radiograph, "what was made last here stays"


def test_without_a_plan_there_is_no_review(scene):  # noqa: F811
    bare = TurningView(replace(scene, plan=None), SETTINGS)
    assert bare.with_review(Review(state="edited")) is bare


def test_landmarks_that_are_not_known_are_said_to_be_so(view, frontal):  # noqa: F811
    wanted = Overlays(landmarks=True, marked_gap="gap-1")
    assert any("landmarks not known" in note for note in view.picture(frontal, wanted, binning=2).notes)
    for other in (replace(wanted, landmarks=False), replace(wanted, marked_gap=None)):
        assert not any("landmarks" in note for note in view.picture(frontal, other, binning=2).notes)


def test_notes_say_what_the_picture_cannot_show(scene, frontal):  # noqa: F811
    picture = TurningView(scene, SETTINGS).picture(frontal, Overlays())
    written = "\n".join(words(picture))
    assert all(note in written for note in picture.notes), "a saved picture says it, too"
    assert not any("PLAN" in note for note in picture.notes), "that is said in the picture"


def test_a_plan_that_was_read_is_turned_about_as_it_was_made(plan, frontal):  # noqa: F811
    """Made prone, and opened by a station whose settings say supine."""
    where = grid()
    scan = scan_of(Volume(where, np.full(where.shape, 40, dtype=np.int16)))
    supine = SETTINGS.model_copy(update={"treatment_position": "HFS"})
    seen = turning_view_of_ct(scan, supine, plan=plan).picture(frontal, Overlays(), binning=2)
    prone = console_angles_deg(frontal.primary_deg, frontal.secondary_deg, "HFP")
    assert plan.treatment_position == "HFP"
    assert seen.console_deg == prone != console_angles_deg(frontal.primary_deg, frontal.secondary_deg, "HFS")
