"""What fluoroscopy shows of the lumbar phantom's plan, against the phantom's own bones and metal."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.carm import pose, project
from planner.fluoro.vertebra_views import endplate_frontal_view, true_lateral_view
from planner.geometry.frames import detector_direction, points_lps, unit
from planner.model.view_landmark import ViewLandmark
from planner.phantoms.case import Phantom
from planner.pipeline import PlannedCase
from planner.pipeline.fluoroscopy.landmarks import bones_of_gap, gap_landmarks, vertebra_marks
from planner.pipeline.fluoroscopy.visibility import GapVisibility, case_metal, gap_visibility

FLUORO, CONFIG = FluoroConfig(), VisibilityConfig()


@pytest.fixture(scope="module")
def landmarks(case: PlannedCase) -> dict[str, tuple[ViewLandmark, ...]]:
    return {gap.id: gap_landmarks(case, gap.id) for gap in case.plan.gaps}


@pytest.fixture(scope="module")
def seen(case: PlannedCase) -> dict[str, GapVisibility]:
    metal = case_metal(case, fluoro=FLUORO, config=CONFIG)
    found = {gap.id: gap_visibility(case, gap.id, fluoro=FLUORO, config=CONFIG, metal=metal) for gap in case.plan.gaps}
    return {name: one for name, one in found.items() if one is not None}


def test_a_gap_is_told_its_vertebra_though_nobody_told_levels(lumbar: Phantom, case: PlannedCase) -> None:
    assert lumbar.truth.anatomy is not None
    for gap in case.plan.gaps:
        assert gap.level is None
        screw = case.anatomy.implant(gap.implant_id)
        assert screw is not None and screw.axis is not None
        true = min(
            (i for i in lumbar.truth.implants if i.kind == "pedicle_screw"),
            key=lambda i: np.linalg.norm(np.subtract(i.tip_lps, screw.axis.tip_lps)),
        )
        (bone,) = bones_of_gap(case, gap.id)
        assert lumbar.truth.anatomy.bone(bone.name).level == true.level


def test_landmarks_lie_on_the_true_bones_surface(
    lumbar: Phantom, landmarks: dict[str, tuple[ViewLandmark, ...]]
) -> None:
    assert lumbar.truth.anatomy is not None
    for found in landmarks.values():
        names = sorted((one.name, one.side or "") for one in found)
        assert names[:-1] == [
            ("lower endplate", ""), ("medial pedicle wall", "left"), ("medial pedicle wall", "right"),
            ("pedicle ring", "left"), ("pedicle ring", "right"), ("posterior wall", ""), ("screw tip", names[-2][1]),
        ] or len(names) == 8  # fmt: skip
        for one in found:
            if one.normals_lps is None:
                continue
            bone = lumbar.truth.anatomy.bone(one.bone).solid
            off = bone.distance_mm(one.points_lps)
            assert np.abs(off).mean() < (0.6 if "endplate" in one.name else 0.25), one.name
            assert np.percentile(np.abs(off), 95) < 1.0, one.name
            # a normal is right where the way out along it is as long as it is far
            out = bone.distance_mm(points_lps(one.points_lps + 2.0 * one.normals_lps)) - off
            assert np.median(out) > 1.7, one.name


def test_rings_lie_about_the_true_pedicles(lumbar: Phantom, landmarks: dict[str, tuple[ViewLandmark, ...]]) -> None:
    assert lumbar.truth.anatomy is not None
    for found in landmarks.values():
        for ring in (one for one in found if one.name == "pedicle ring"):
            true = next(p for p in lumbar.truth.anatomy.pedicles if (p.bone, p.side) == (ring.bone, ring.side))
            axis = unit(true.inward_lps)
            away = ring.points_lps - np.array(true.centre_lps)
            aside = away - (away @ axis)[:, None] * axis
            assert np.linalg.norm(aside.mean(axis=0)) < 1.0, "its middle is on the pedicle's axis"
            far = np.linalg.norm(aside, axis=1)
            assert far.min() == pytest.approx(true.width_mm / 2, abs=1.0)
            assert far.max() == pytest.approx(true.height_mm / 2, abs=1.0)
            assert ring.part_count == 16


def test_medial_walls_and_posterior_walls_face_the_true_canal(
    lumbar: Phantom, landmarks: dict[str, tuple[ViewLandmark, ...]]
) -> None:
    canal = lumbar.truth.anatomy.canal if lumbar.truth.anatomy else None
    assert canal is not None
    for found in landmarks.values():
        for one in (one for one in found if one.name in ("medial pedicle wall", "posterior wall")):
            before = canal.distance_mm(one.points_lps)
            behind = canal.distance_mm(points_lps(one.points_lps + 3.0 * one.normals_lps))
            assert np.median(before) > np.median(behind)
            assert np.median(before) < 3.0


def test_views_lined_up_by_a_vertebra_run_along_the_true_one(lumbar: Phantom, case: PlannedCase) -> None:
    assert lumbar.truth.anatomy is not None
    for gap in case.plan.gaps:
        marks = vertebra_marks(case, gap.id)
        assert marks is not None
        true = {p.side: p for p in lumbar.truth.anatomy.pedicles if p.bone == marks.bone}
        frontal = endplate_frontal_view(marks, config=FLUORO, detector_side="posterior")
        lateral = true_lateral_view(marks, config=FLUORO)
        assert frontal is not None and lateral is not None
        back = detector_direction(frontal.primary_deg, frontal.secondary_deg)
        # pedicles are built inwards along the body's own axes, one mirrored to the other
        front = unit(np.array(true["left"].inward_lps) + np.array(true["right"].inward_lps))
        assert np.degrees(np.arccos(-back @ front)) < 2.5
        aside = unit(np.subtract(true["left"].centre_lps, true["right"].centre_lps))
        assert np.degrees(np.arccos(detector_direction(lateral.primary_deg, lateral.secondary_deg) @ aside)) < 2.5
        tip = next(m for m in lumbar.truth.anatomy.landmarks if m.bone == marks.bone).point_lps
        left, right, process = project(frontal, [true["left"].centre_lps, true["right"].centre_lps, tip])
        off = (process - (left + right) / 2) @ unit(left - right) / np.linalg.norm(left - right)
        assert abs(off) < 0.08, "of the pedicles' distance"
        over = project(lateral, [true["left"].centre_lps, true["right"].centre_lps])
        mm = np.linalg.norm(np.diff(over, axis=0)) * FLUORO.pixel_mm * 530.0 / 1020.0
        assert mm < 3.0


def test_what_a_view_shows_of_a_gap_is_what_the_true_metal_leaves(
    lumbar: Phantom, case: PlannedCase, seen: dict[str, GapVisibility]
) -> None:
    """Rays through the gap are marched through the phantom's solid metal."""
    limit = case_metal(case, fluoro=FLUORO, config=CONFIG).hiding_mm[1:].max()
    for name, one in seen.items():
        space = next(g for g in case.anatomy.gaps if g.id == name)
        points = np.asarray(space.mask.grid.to_lps(np.argwhere(space.mask.voxels)[::23]))
        for kind, sight in one.views.items():
            stand = pose(sight.carm)
            way = unit(points - stand.source_lps)
            steps = np.arange(-90.0, 90.0, 0.4)
            on_rays = points[:, None] + steps[:, None] * way[:, None]
            inside = lumbar.truth.metal.distance_mm(points_lps(on_rays.reshape(-1, 3))) <= 0.0
            length = inside.reshape(len(points), -1).sum(axis=1) * 0.4
            wanted = float(np.mean(length <= limit))
            assert sight.target.visible_share == pytest.approx(wanted, abs=0.12), (name, kind)


def test_landmarks_show_in_the_views_that_surgeons_take_for_them(seen: dict[str, GapVisibility]) -> None:
    shown = ("visible", "partly")
    for one in seen.values():
        frontal = {(s.name, s.side): s.verdict for s in one.views["endplate frontal"].landmarks}
        lateral = {(s.name, s.side): s.verdict for s in one.views["true lateral"].landmarks}
        for plate in ("upper endplate", "lower endplate"):
            assert frontal[plate, None] in shown and lateral[plate, None] in shown
        for side in ("left", "right"):
            assert frontal["pedicle ring", side] in shown and frontal["medial pedicle wall", side] in shown
            assert lateral["medial pedicle wall", side] == "not in profile"
        assert frontal["posterior wall", None] == "not in profile"
        assert lateral["posterior wall", None] in shown


def test_better_views_show_more_and_lose_no_landmark(seen: dict[str, GapVisibility]) -> None:
    found = [(one.views[kind], better) for one in seen.values() for kind, better in one.better.items()]
    assert found
    for view, better in found:
        assert better.within_gantry_limits and 0.0 < better.turn_deg <= CONFIG.near_deg + 1.0
        assert better.target.visible_share is not None and view.target.visible_share is not None
        assert better.target.visible_share >= view.target.visible_share + CONFIG.least_gain_share - 1e-9
        kept = [a.verdict in ("visible", "partly") for a in view.landmarks]
        assert all(b.verdict in ("visible", "partly") for b, k in zip(better.landmarks, kept, strict=True) if k)


def test_the_map_is_dark_along_the_screw(case: PlannedCase, seen: dict[str, GapVisibility]) -> None:
    """Along a screw's axis its own metal hides the halo; across it half of the halo is seen at least."""
    for gap in case.plan.gaps:
        screw = case.anatomy.implant(gap.implant_id)
        assert screw is not None and screw.bulls_eye is not None
        angles = seen[gap.id].angles
        along = angles.share_at(screw.bulls_eye.primary_deg, screw.bulls_eye.secondary_deg)
        assert along is not None and along < 0.35
        assert np.nanmax(angles.visible_share) > 0.6
        assert np.array_equal(angles.known, angles.in_reach), "the phantom's rods end within its scan"
