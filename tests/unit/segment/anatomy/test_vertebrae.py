import numpy as np
import pytest

from planner.errors import CancelledError, GeometryError
from planner.model.volume import Mask, Volume
from planner.progress import Monitor
from planner.segment.anatomy.vertebrae import find_vertebrae
from tests.unit.segment.anatomy.column_scene import THORACIC_COLUMN, ColumnScene, dice


@pytest.fixture(scope="module")
def lumbar():
    scene = ColumnScene()
    return scene, scene.found()


@pytest.fixture(scope="module")
def thoracic():
    return THORACIC_COLUMN, THORACIC_COLUMN.found()


@pytest.fixture(scope="module")
def healed():
    scene = ColumnScene(bridged=True)
    return scene, scene.found()


@pytest.fixture(scope="module")
def cut():
    """The scan begins in the middle of the uppermost body, below its pedicles."""
    scene = ColumnScene(crop_mm=-16.0)
    return scene, scene.found()


def vertebrae(found):
    return [bone for bone in found.bones if bone.kind == "vertebra"]


def test_each_lumbar_vertebra_is_found_apart_from_the_top_down(lumbar):
    scene, found = lumbar
    assert [bone.name for bone in found.bones] == ["vertebra-1", "vertebra-2", "vertebra-3"]
    for bone, true in zip(found.bones, scene.truth, strict=True):
        assert dice(bone.mask.voxels, true) > 0.98
        assert not bone.is_cut


def test_the_labels_are_the_masks(lumbar):
    _, found = lumbar
    for number, bone in enumerate(found.bones, start=1):
        assert np.array_equal(found.labels == number, bone.mask.voxels)


def test_thoracic_arches_go_with_their_own_bodies_and_ribs_are_apart(thoracic):
    scene, found = thoracic
    assert len(vertebrae(found)) == len(scene.truth)
    for bone, true in zip(vertebrae(found), scene.truth, strict=True):
        assert dice(bone.mask.voxels, true) > 0.94
    ribs = [bone for bone in found.bones if bone.kind == "rib"]
    assert {bone.side for bone in ribs} == {"left", "right"}
    middles = {bone.name: bone.mask.grid.to_lps(np.argwhere(bone.mask.voxels)).mean(axis=0)[0] for bone in ribs}
    for bone in ribs:
        assert (middles[bone.name] > 0) == (bone.side == "left")
        # a tubercle that touches its transverse process may share a little of it
        assert np.mean(scene.rib_space[bone.mask.voxels]) > 0.6


def test_a_vertebra_at_the_end_of_the_scan_is_cut_and_keeps_its_arch(cut):
    scene, found = cut
    assert [bone.is_cut for bone in found.bones] == [True, False, False]
    for bone, true in zip(found.bones, scene.truth, strict=True):
        assert dice(bone.mask.voxels, true) > 0.95


def test_healed_bone_across_a_disc_does_not_join_two_vertebrae(healed):
    scene, found = healed
    assert len(found.bones) == 3
    for bone, true in zip(found.bones, scene.truth, strict=True):
        assert np.mean(bone.mask.voxels[true]) > 0.97
    # half of what heals belongs to either
    shares = [np.mean(bone.mask.voxels[scene.bridge]) for bone in found.bones[:2]]
    assert min(shares) > 0.35


def test_a_disc_that_is_not_seen_is_told_of(lumbar):
    scene, found = lumbar
    assert found.findings == ()
    # the uppermost disc is bone all over, as dense as the bodies, and no endplate shows
    z = scene.grid.to_lps(np.argwhere(np.ones(scene.grid.shape, dtype=bool)))[:, 2].reshape(scene.grid.shape)
    upper, lower = (vertebra.centre_lps[2] for vertebra in scene.vertebrae[:2])
    y = np.arange(scene.grid.shape[1])[None, :, None] + scene.grid.lps_from_index[1, 3]
    x = np.arange(scene.grid.shape[2])[None, None, :] + scene.grid.lps_from_index[0, 3]
    block = (z < upper) & (z > lower) & (np.abs(y) < 17.0) & (np.abs(x - 2.0) < 24.0) & ~scene.canal_space
    hu = np.where(block, 300.0, scene.ct.hu).astype(np.float32)
    nothing = Mask(scene.grid, np.zeros(scene.grid.shape, dtype=bool))
    fused = find_vertebrae(
        Volume(scene.grid, hu), bone=Mask(scene.grid, scene.bone | block), metal=nothing, canal=scene.canal
    )
    assert len(fused.bones) == 3
    assert [finding.code for finding in fused.findings] == ["disc-not-seen"]
    middle = (np.array(scene.vertebrae[0].centre_lps) + scene.vertebrae[1].centre_lps) / 2
    assert np.linalg.norm(np.array(fused.findings[0].where_lps) - middle) < 8.0
    assert [(disc.above, disc.below) for disc in fused.discs] == [("vertebra-2", "vertebra-3")]


def test_no_vertebra_is_found_where_no_body_stands_before_the_canal():
    scene = ColumnScene()
    nothing = Mask(scene.grid, np.zeros(scene.grid.shape, dtype=bool))
    assert find_vertebrae(scene.ct, bone=nothing, metal=nothing, canal=scene.canal) is None


def test_masks_of_another_grid_are_refused(lumbar):
    scene, _ = lumbar
    other = scene.grid.crop((1, 0, 0), scene.grid.shape)
    with pytest.raises(GeometryError):
        find_vertebrae(
            scene.ct,
            bone=Mask(other, np.zeros(other.shape, dtype=bool)),
            metal=Mask(scene.grid, np.zeros(scene.grid.shape, dtype=bool)),
            canal=scene.canal,
        )


def test_it_can_be_stopped(lumbar):
    scene, _ = lumbar

    class Impatient(Monitor):
        def report(self, progress):
            pass

        def cancelled(self):
            return True

    nothing = Mask(scene.grid, np.zeros(scene.grid.shape, dtype=bool))
    with pytest.raises(CancelledError):
        find_vertebrae(
            scene.ct, bone=Mask(scene.grid, scene.bone), metal=nothing, canal=scene.canal, monitor=Impatient()
        )


def test_discs_lie_between_the_bodies_and_in_no_bone(lumbar):
    scene, found = lumbar
    assert [(disc.above, disc.below) for disc in found.discs] == [
        ("vertebra-1", "vertebra-2"),
        ("vertebra-2", "vertebra-3"),
    ]
    height = scene.apart_mm - 2 * scene.shape.body_mm[2]
    section = np.pi * scene.shape.body_mm[0] * scene.shape.body_mm[1]
    for disc in found.discs:
        assert not (disc.mask.voxels & scene.bone).any()
        assert not (disc.mask.voxels & scene.canal_space).any()
        assert disc.mask.volume_ml == pytest.approx(height * section / 1000, rel=0.15)


def test_a_disc_that_has_healed_over_is_left_out_or_smaller(lumbar, healed):
    whole = lumbar[1]
    volume = {(d.above, d.below): d.mask.volume_ml for d in healed[1].discs}
    first, second = ((d.above, d.below) for d in whole.discs)
    assert volume.get(first, 0.0) < 0.75 * whole.discs[0].mask.volume_ml
    assert volume[second] == pytest.approx(whole.discs[1].mask.volume_ml, rel=0.1)


def test_bodies_have_the_height_they_were_built_with(lumbar):
    scene, found = lumbar
    for body, vertebra in zip(found.bodies, scene.vertebrae, strict=True):
        high = 2 * vertebra.shape.body_mm[2]
        assert body.front_mm == pytest.approx(high, abs=0.8)
        assert body.middle_mm == pytest.approx(high, abs=0.8)
        assert body.back_mm == pytest.approx(high, abs=0.8)
        assert body.upper.normal_lps @ vertebra.axes[:, 2] > np.cos(np.radians(3.0))
        assert body.lower.normal_lps @ vertebra.axes[:, 2] < -np.cos(np.radians(3.0))
        assert np.linalg.norm(body.centre_lps - vertebra.centre_lps) < 3.0


def test_heights_stay_unknown_where_the_scan_cuts_an_endplate(cut):
    first, whole = cut[1].bodies[:2]
    assert first.upper is None
    assert (first.front_mm, first.middle_mm, first.back_mm) == (None, None, None)
    assert first.lower is not None
    assert whole.middle_mm is not None


def true_tip(scene, number):
    cells = np.argwhere(scene.truth[number])
    points = scene.grid.to_lps(cells)
    vertebra = scene.vertebrae[number]
    near = np.abs((points - np.array(vertebra.centre_lps)) @ vertebra.axes[:, 0]) < 6.0
    back = points[near, 1]
    return points[near][back > back.max() - 1.5].mean(axis=0)


def test_the_tips_of_spinous_processes_are_found(lumbar, thoracic):
    for scene, found in (lumbar, thoracic):
        names = [bone.name for bone in vertebrae(found)]
        assert [mark.bone for mark in found.landmarks] == names
        for number, mark in enumerate(found.landmarks):
            assert mark.name == "spinous process"
            assert np.linalg.norm(mark.point_lps - true_tip(scene, number)) < 1.5


def test_there_is_no_spinous_process_after_a_laminectomy():
    found = ColumnScene(laminectomy=True).found()
    assert [mark.bone for mark in found.landmarks] == ["vertebra-1", "vertebra-3"]
