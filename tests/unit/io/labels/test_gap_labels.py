"""Corrected gap masks, from whatever viewers write."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from planner.errors import LabelError
from planner.geometry.grid import Grid
from planner.io import load_scan
from planner.io._sitk import image_of
from planner.io.dicom.seg import write_seg
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.io.labels.gap_labels import gap_labels_of, load_gap_labels
from planner.io.nifti import write_label_nifti
from planner.io.plan_json import save_plan
from planner.model.labels import LabelMap, Structure
from planner.model.plan import Plan, Review, Series, Software
from planner.model.volume import Mask, Volume

SHAPE = (12, 20, 24)
GRID = Grid(SHAPE, np.array([[0, 0, 0.8, -10], [0, 0.8, 0, -20], [1.0, 0, 0, 30], [0, 0, 0, 1]]))
TABLE = tuple(
    Structure(code=code, kind=kind, id=name)
    for code, kind, name in (
        (1, "implant", "screw-1"), (2, "implant", "rod-1"), (3, "gap", "gap-1"), (4, "gap", "gap-2"),
        (5, "breach", "breach-1"), (6, "bone", "L4"),
    )
)  # fmt: skip


def codes(*values):
    out = np.zeros(SHAPE, np.uint8)
    for k, value in enumerate(values):
        out[2:9, 3:15, 2 + 3 * k : 4 + 3 * k] = value
    return out


def written(path, values, *, plan=False):
    write_label_nifti(LabelMap(GRID, values, ()), path)
    if plan:
        series = Series(
            series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=SHAPE, spacing_mm=GRID.spacing_mm,
            patient_position=None, hu_min=0.0, hu_max=1.0, hu_clipped_at=None,
        )  # fmt: skip
        made = Plan(
            software=Software(name="x", version="1"), review=Review(), series=series, treatment_position=None,
            settings_sha256="", labels=TABLE,
        )  # fmt: skip
        save_plan(made, path.with_name("plan.json"))
    return path


def test_a_plans_labels_are_known_by_the_plan_beside_them(tmp_path):
    given = load_gap_labels(written(tmp_path / "labels.nii.gz", codes(1, 2, 3, 4, 5, 6), plan=True))
    assert given.taken == "gap-1, gap-2" and given.name == "the given file of gaps"
    assert set(np.unique(given.labels.codes)) == {0, 3, 4}
    assert given.labels.grid.is_same(GRID)
    assert np.array_equal(load_gap_labels(tmp_path).labels.codes, given.labels.codes)  # the plan's folder


def test_a_file_named_after_the_patient_is_not_told(tmp_path):
    given = load_gap_labels(written(tmp_path / "Doe_Jane.nii.gz", codes(1)))
    assert "Doe" not in repr((given.name, given.taken, given.findings))


def test_a_value_that_the_plan_does_not_name_is_a_new_gap(tmp_path):
    given = load_gap_labels(written(tmp_path / "labels.nii.gz", codes(1, 3, 6, 77), plan=True))
    assert given.taken == "gap-1, label 77"
    assert set(np.unique(given.labels.codes)) == {0, 3, 77}


def test_all_gaps_may_be_erased_where_implants_and_bones_are_there(tmp_path):
    given = load_gap_labels(written(tmp_path / "labels.nii.gz", codes(1, 2, 6), plan=True))
    assert given.is_empty and given.taken == "none: all gaps are erased"


def test_a_mask_of_its_own_beside_a_plan_is_not_read_with_the_plans_table(tmp_path):
    given = load_gap_labels(written(tmp_path / "mine.nii.gz", codes(1), plan=True))
    assert given.taken == "all that it marks" and int((given.labels.codes > 0).sum()) == int(codes(1).sum())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"schema": "cement-planner/plan/0"}', "older schema 0.*plan again"),
        ('{"schema": "cement-planner/plan/9"}', "update the program"),
        ('{"schema": "cement-planner/plan/1"', "not JSON"),
    ],
)
def test_labels_beside_a_plan_that_cannot_be_read_are_refused(tmp_path, content, words):
    # Without the plan's table every bone and implant would be taken for a gap.
    labels = written(tmp_path / "labels.nii.gz", codes(1, 2, 3, 4, 5, 6))
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(LabelError, match=words):
        load_gap_labels(labels)


def test_a_plan_json_of_another_program_says_nothing_of_a_mask(tmp_path):
    labels = written(tmp_path / "x.nii.gz", codes(5))
    (tmp_path / "plan.json").write_text('{"plan": "lunch"}')
    assert load_gap_labels(labels).taken == "all that it marks"


def test_a_plain_mask_is_all_gaps(tmp_path):
    given = load_gap_labels(written(tmp_path / "x.nii.gz", codes(5, 9)))
    assert given.taken == "every label"
    assert [s.id for s in given.labels.structures] == ["label 5", "label 9"]
    sitk.WriteImage(image_of(GRID, codes(5, 9)), str(tmp_path / "x.nrrd"))
    sitk.WriteImage(image_of(GRID, codes(5, 9)), str(tmp_path / "x.mha"))
    for name in ("x.nrrd", "x.mha"):
        other = load_gap_labels(tmp_path / name)
        assert np.array_equal(other.labels.codes, given.labels.codes) and other.labels.grid.is_same(GRID)


def slicer_file(path, values, names):
    image = image_of(GRID, values)
    for k, (value, name) in enumerate(names.items()):
        image.SetMetaData(f"Segment{k}_Name", name)
        image.SetMetaData(f"Segment{k}_LabelValue", str(value))
        image.SetMetaData(f"Segment{k}_Layer", "0")
    sitk.WriteImage(image, str(path))
    return path


def test_segments_of_slicer_are_taken_by_their_names(tmp_path):
    names = {1: "screw-1", 3: "gap-1", 4: "Halo of L4 left", 6: "bone"}
    given = load_gap_labels(slicer_file(tmp_path / "x.seg.nrrd", codes(1, 3, 4, 6), names))
    assert given.taken == "gap-1, Halo of L4 left"
    assert np.array_equal(given.labels.codes > 0, np.isin(codes(1, 3, 4, 6), (3, 4)))


def test_segments_that_nobody_named_are_all_gaps_but_named_ones_are_not(tmp_path):
    given = load_gap_labels(slicer_file(tmp_path / "x.seg.nrrd", codes(1, 2), {1: "Segment_1", 2: "Segment_2"}))
    assert given.taken == "every label"
    with pytest.raises(LabelError, match="names no label as a gap"):
        load_gap_labels(slicer_file(tmp_path / "y.seg.nrrd", codes(1, 2), {1: "L4", 2: "canal"}))
    with pytest.raises(LabelError, match="names no label as a gap"):
        load_gap_labels(slicer_file(tmp_path / "z.seg.nrrd", codes(1), {1: "gaping wound"}))


def test_dicom_segments_are_taken_by_their_names(tmp_path):
    hu = np.where(codes(1, 3) > 0, 400, 30) + np.random.default_rng(1).integers(-20, 20, SHAPE)
    hu[:, :2] = -1000
    write_ct_series(
        Volume(GRID, hu.astype(np.int16)), tmp_path / "ct", identity=SeriesIdentity(seed="x", body_part="LSPINE")
    )
    scan = load_scan(tmp_path / "ct")
    path = tmp_path / "labels.seg.dcm"
    write_seg(LabelMap(scan.volume.grid, codes(1, 3, 4, 6), TABLE), scan.slice_files, path)
    given = load_gap_labels(path)
    assert given.taken == "gap-1, gap-2"
    assert given.labels.grid.frame_of_reference_uid == scan.volume.grid.frame_of_reference_uid
    marked = Mask(given.labels.grid, given.labels.codes > 0)
    truth = np.argwhere(np.isin(codes(1, 3, 4, 6), (3, 4)))
    assert np.allclose(
        sorted(map(tuple, given.labels.grid.to_lps(np.argwhere(marked.voxels)))),
        sorted(map(tuple, scan.volume.grid.to_lps(truth))),
    )
    with pytest.raises(LabelError, match="no segmentation"):
        load_gap_labels(scan.slice_files[0])


def _nothing(path):
    write_label_nifti(LabelMap(GRID, codes(), ()), path)


def _fractions(path):
    nib.save(nib.Nifti1Image(np.full((4, 4, 4), 0.4, np.float32), np.eye(4)), path)


def _text(path):
    path.write_text("gaps")


@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        ("x.nii.gz", None, "there is no gap mask"),
        ("x.nii.gz", _nothing, "holds no voxel: it is empty"),
        ("x.nii", _fractions, "no labels \\(whole numbers"),
        ("x.nii", _text, "x.nii"),
        ("x.txt", _text, "no file of labels that is known"),
        ("x.nrrd", lambda path: path.write_bytes(b"NRRD0004\ntype: uchar\n\n"), "x.nrrd"),
        ("x.dcm", lambda path: path.write_bytes(bytes(128) + b"DICM"), "x.dcm"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(tmp_path, name, make, why):
    path = tmp_path / name
    if make is not None:
        make(path)
    with pytest.raises(LabelError, match=why) as told:
        load_gap_labels(path)
    assert "\n" not in str(told.value) and str(tmp_path) not in str(told.value)


def test_masks_and_label_maps_of_scripts():
    assert gap_labels_of(Mask(GRID, codes(1) > 0)).taken == "all that it marks"
    named = gap_labels_of(LabelMap(GRID, codes(1, 2, 3, 4), TABLE))
    assert set(np.unique(named.labels.codes)) == {0, 3, 4}
    assert gap_labels_of(LabelMap(GRID, codes(8, 9), ())).taken == "every label"
    with pytest.raises(LabelError, match="names no label as a gap"):
        gap_labels_of(LabelMap(GRID, codes(1), TABLE[:1]))
    with pytest.raises(LabelError, match="no voxel"):
        gap_labels_of(Mask(GRID, codes() > 0))
    with pytest.raises(LabelError, match="no labels"):
        gap_labels_of(LabelMap(GRID, codes(1).astype(np.float32) / 2, ()))
