"""Labels are held against the CT that they are said to belong to."""

from dataclasses import replace

import numpy as np
import pytest

from planner.errors import LabelError
from planner.geometry.grid import Grid
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.labels import LabelMap, Structure
from planner.model.volume import Volume
from planner.segment.anatomy.label_check import fit_labels

SHAPE = (70, 60, 64)
LEVELS = ("L2", "L3", "L4")


def grid_of(frame=None, shape=SHAPE, edge=2.0, first=(-60.0, -50.0, 0.0)):
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * edge
    matrix[:3, 3] = first
    return Grid(shape, matrix, frame)


def spine(frame=None):
    """Three vertebrae of a body and an arch, off the middle of the scan; L2 on top."""
    codes = np.zeros(SHAPE, np.uint8)
    for number in range(3):
        low = 44 - 18 * number
        codes[low : low + 13, 16:32, 14:36] = number + 1
        codes[low + 4 : low + 10, 32:46, 23:27] = number + 1
    structures = tuple(Structure(code=n, kind="bone", id=f"vertebra {level}") for n, level in enumerate(LEVELS, 1))
    return AnatomyLabels(LabelMap(grid_of(frame), codes, structures), "a kind of file", "labels.nii.gz")


def ct_of(labels, frame=None):
    codes = labels.labels.codes
    hu = np.random.default_rng(3).normal(40, 30, SHAPE)
    hu[codes > 0] = np.random.default_rng(4).normal(250, 120, int((codes > 0).sum()))
    hu[:, :6], hu[:, -6:] = -1000, -1000
    return Volume(grid_of(frame), np.rint(hu).astype(np.int16))


def changed(labels, codes=None, structures=None, grid=None):
    codes = labels.labels.codes if codes is None else codes
    return replace(
        labels,
        labels=LabelMap(grid or labels.grid, np.ascontiguousarray(codes), structures or labels.labels.structures),
    )


def named(labels, *names):
    pairs = zip(labels.labels.structures, names, strict=True)
    return changed(labels, structures=tuple(s.model_copy(update={"id": name}) for s, name in pairs))


def test_labels_of_the_ct_are_taken_as_they_are():
    labels = spine()
    fitted = fit_labels(labels, ct_of(labels))
    assert fitted.findings == ()
    assert np.array_equal(fitted.labels.codes, labels.labels.codes)


@pytest.mark.parametrize("axes", [(1,), (2,), (1, 2)])
def test_mirrored_labels_are_refused(axes):
    labels = spine()
    with pytest.raises(LabelError, match=r"mirrored from|turned half round"):
        fit_labels(changed(labels, np.flip(labels.labels.codes, axes)), ct_of(labels))


def test_labels_upside_down_are_refused():
    labels = spine()
    with pytest.raises(LabelError, match="L2 lies below L3"):
        fit_labels(changed(labels, np.flip(labels.labels.codes, 0)), ct_of(labels))


def test_labels_moved_off_their_bones_are_refused():
    labels = spine()
    with pytest.raises(LabelError, match="shifted\\? Moved by 10 mm to the right it would fit") as refused:
        fit_labels(changed(labels, np.roll(labels.labels.codes, 5, 2)), ct_of(labels))
    assert "mirrored" not in str(refused.value)


def test_labels_moved_so_that_a_mirror_brings_them_back_are_not_called_mirrored():
    labels = spine()
    columns = np.flatnonzero((labels.labels.codes > 0).any(axis=(0, 1)))
    # the bones' middle lies 6 mm off the array's, the labels' as far on its other side
    bones = np.roll(labels.labels.codes, round(SHAPE[2] / 2 - (columns[0] + columns[-1] + 1) / 2) + 3, 2)
    with pytest.raises(LabelError, match=r"does not lie on the CT's bones; shifted\? Moved by 12 mm to the left"):
        fit_labels(changed(labels, np.roll(bones, -6, 2)), ct_of(changed(labels, bones)))


def test_labels_on_soft_tissue_or_in_air_are_refused():
    labels = spine()
    flat = Volume(grid_of(), np.random.default_rng(1).normal(40, 20, SHAPE).astype(np.int16))
    with pytest.raises(LabelError, match="hardly denser"):
        fit_labels(labels, flat)
    with pytest.raises(LabelError, match="gas or air"):
        fit_labels(labels, Volume(grid_of(), np.full(SHAPE, -1000, np.int16)))


def test_another_frame_of_reference_is_refused_and_an_unnamed_one_is_not():
    labels = spine("1.2.3")
    with pytest.raises(LabelError, match="frame of reference"):
        fit_labels(labels, ct_of(labels, "1.2.4"))
    assert fit_labels(labels, ct_of(labels)).names == labels.names


def test_a_crop_lands_on_its_voxels_and_a_coarser_grid_is_told_of():
    labels = spine()
    low, high = (4, 10, 8), (66, 50, 40)
    crop = changed(labels, labels.labels.codes[4:66, 10:50, 8:40], grid=labels.grid.crop(low, high))
    fitted = fit_labels(crop, ct_of(labels))
    assert fitted.findings == () and np.array_equal(fitted.labels.codes, labels.labels.codes)
    coarse = changed(labels, labels.labels.codes[::2, ::2, ::2], grid=grid_of(shape=(35, 30, 32), edge=4.0))
    fitted = fit_labels(coarse, ct_of(labels))
    assert [(f.code, f.severity, f.measured) for f in fitted.findings] == [("labels-resampled", "caution", 4.0)]
    both = (fitted.labels.codes > 0) & (labels.labels.codes > 0)
    assert both.sum() > 0.75 * (labels.labels.codes > 0).sum()


def test_labels_beside_the_scan_or_too_coarse_are_refused():
    labels = spine()
    beside = changed(labels, grid=grid_of(first=(0.0, -50.0, 0.0)))
    with pytest.raises(LabelError, match="beside the CT"):
        fit_labels(beside, ct_of(labels))
    with pytest.raises(LabelError, match="too coarse"):
        fit_labels(changed(labels, grid=grid_of(edge=7.0)), ct_of(labels))


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("vertebra L2", "vertebra L4", "vertebra L3"), "L2 and L3 lie 72 mm apart"),
        (("vertebra L2", "vertebra L3", "vertebra T9"), "T9 lies below L2"),
        (("vertebra C2", "vertebra L3", "vertebra L4"), "C2 and L3 lie 36 mm apart"),
        (("sacrum", "vertebra L3", "vertebra L4"), "above a vertebra"),
        (("femur left", "vertebra L3", "vertebra L4"), "above a vertebra"),
    ],
)
def test_an_impossible_order_is_refused(names, why):
    labels = spine()
    with pytest.raises(LabelError, match=why):
        fit_labels(named(labels, *names), ct_of(labels))


def test_impossible_sizes_are_refused():
    labels = spine()
    codes = labels.labels.codes.copy()
    codes[codes == 2] = 0
    codes[30, 20, 20] = 2
    with pytest.raises(LabelError, match=r"vertebra L3 has 0\.0 mL"):
        fit_labels(changed(labels, codes), ct_of(labels))


def test_a_femur_on_the_wrong_side_is_refused():
    labels = spine()
    codes = np.zeros(SHAPE, np.uint8)
    codes[44:57, 16:32, 24:36] = 1
    codes[10:36, 16:30, 8:20] = 2
    codes[10:36, 16:30, 42:56] = 3
    ct = ct_of(changed(labels, codes))
    right = named(changed(labels, codes), "vertebra L5", "femur right", "femur left")
    assert set(fit_labels(right, ct).names) == {"vertebra L5", "femur right", "femur left"}
    with pytest.raises(LabelError, match="the femur left lies on the other side"):
        fit_labels(named(changed(labels, codes), "vertebra L5", "femur left", "femur right"), ct)
