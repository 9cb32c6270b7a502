"""Labels come out on the slices that the CT's file holds, though it was planned on others."""

import hashlib
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from planner.config.plan_config import PlanConfig
from planner.config.trust_config import TrustConfig
from planner.errors import OutputError
from planner.geometry.grid import Grid
from planner.io import load_scan
from planner.io.dicom.patient import PatientIdentity
from planner.io.dicom.seg import read_seg
from planner.io.nifti import read_label_nifti
from planner.io.staging import staged_folder
from planner.model.anatomy import Anatomy
from planner.model.labels import LabelMap, Structure
from planner.model.plan import Plan, Review, Software
from planner.model.volume import Mask
from planner.pipeline.fluoroscopy.headers import no_headers
from planner.pipeline.outputs import own_labels, write_plan_files
from planner.pipeline.plan_files import PLAN_FILES
from planner.pipeline.planned_case import PlannedCase
from planner.segment.trust import TrustMap

SHAPE = (40, 24, 28)
CENTRE = np.array((-24.0, 20.0, -380.0))
RADIUS_MM = 5.0


def ball(grid):
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    return np.linalg.norm(points - CENTRE, axis=-1) < RADIUS_MM


def grid_of(lean_mm=0.0):
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, 0.7], [lean_mm, 0.8, 0], [1.25, 0, 0]]
    matrix[:3, 3] = (-31.5, 10.25 - lean_mm * 20, -403.75)
    return Grid(SHAPE, matrix, "1.2.3.4")


def write_ct(folder, grid, *, lost=()):
    folder.mkdir()
    rng = np.random.default_rng(1)
    hu = np.rint(np.where(np.indices(SHAPE)[1] < 4, -950, 40) + rng.normal(0, 12, SHAPE)).astype(np.int64)
    for k in set(range(SHAPE[0])) - set(lost):
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"1.2.3.9.{k + 1}"
        ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = "1.2.3.8", "1.2.3.5", "1.2.3.4"
        ds.Modality, ds.ImageType, ds.PatientPosition = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], "HFS"
        ds.ImagePositionPatient = [f"{v:.8g}" for v in grid.to_lps((k, 0, 0))]
        ds.ImageOrientationPatient, ds.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.8, 0.7]
        ds.SliceThickness, ds.InstanceNumber = 1.25, k + 1
        ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = *SHAPE[1:], 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
        ds.PixelData = (hu[k] + 1024).astype("<u2").tobytes()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.save_as(folder / f"{k:03d}", enforce_file_format=True)
    return folder


def planned(scan):
    """A case with one ball for a gap, as the pipeline would hand it over."""
    scan = scan.in_patient_axes()
    grid = scan.volume.grid
    codes = ball(grid).astype(np.uint8)
    nothing = Mask(grid, np.zeros(grid.shape, bool))
    plan = Plan(
        software=Software(name="cement-planner", version="0"),
        review=Review(),
        series=scan.series,
        treatment_position="HFP",
        settings_sha256="0" * 64,
    )
    anatomy = Anatomy(scan.volume, nothing, nothing, (), ())
    labels = LabelMap(grid, codes, (Structure(code=1, kind="gap", id="gap-1"),))
    return PlannedCase(plan, scan, anatomy, labels, nothing)


@pytest.mark.parametrize(
    ("lean_mm", "lost"), [(0.0, ()), (0.4, ()), (0.0, (19,)), (0.4, (19,))], ids=["plain", "tilt", "missing", "both"]
)
def test_label_files_lie_where_the_cts_own_slices_do(tmp_path, lean_mm, lost):
    stored = grid_of(lean_mm)
    scan = load_scan(write_ct(tmp_path / "ct", stored, lost=lost))
    case = planned(scan)
    (tmp_path / "out").mkdir()
    write_plan_files(case, tmp_path / "out", PlanConfig(), figures=False)
    labels = read_label_nifti(tmp_path / "out" / "labels.nii.gz")
    # slices at uneven distances fit no NIfTI grid: the one that was planned on holds them then
    assert labels.grid.is_same(case.scan.volume.grid if lost else stored)
    assert np.mean((labels.codes == 1) != ball(labels.grid)) < 0.003 and labels.codes.any()
    segmented = read_seg(tmp_path / "out" / "labels.seg.dcm", stored)
    true = ball(stored)
    true[list(lost)] = False
    assert np.mean((segmented.codes == 1) != true) < 0.003 and true.any()
    frames = pydicom.dcmread(tmp_path / "out" / "labels.seg.dcm").PerFrameFunctionalGroupsSequence
    sources = {f.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID for f in frames}
    assert sources == {f"1.2.3.9.{k + 1}" for k in np.flatnonzero(segmented.codes.any(axis=(1, 2)))}


def test_labels_of_a_plain_ct_are_not_moved(tmp_path):
    case = planned(load_scan(write_ct(tmp_path / "ct", grid_of())))
    assert own_labels(case) is case.labels


def a_trust_map(ct):
    """Trust that rises from head to foot, on a coarse grid that lies askew of the CT's and reaches not as far."""
    centre = np.asarray(ct.to_lps(np.array(ct.shape) / 2))
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, 2.0], [0, 2.0, 0], [2.0, 0, 0]]
    matrix[:3, 3] = centre - 12.0
    shape = (13, 13, 13)
    rising = np.broadcast_to(np.linspace(0.2, 0.8, 13, dtype=np.float32)[:, None, None], shape).copy()
    return TrustMap(Grid(shape, matrix), rising, 0 * rising, 0 * rising, TrustConfig())


def test_the_trust_map_lies_on_the_ct(tmp_path):
    stored = grid_of()
    case = planned(load_scan(write_ct(tmp_path / "ct", stored)))
    trust = a_trust_map(case.scan.volume.grid)
    (tmp_path / "out").mkdir()
    write_plan_files(replace(case, trust=trust), tmp_path / "out", PlanConfig(), figures=False)
    written = read_label_nifti(tmp_path / "out" / "trust.nii.gz")
    assert written.grid.is_same(stored)
    places = np.asarray(written.grid.to_lps(np.moveaxis(np.indices(SHAPE), 0, -1)))
    assert np.abs(written.codes - 100 * trust.trust_at(places)).max() <= 0.51
    assert written.codes.min() == 20 and written.codes.max() == 80


def test_without_a_trust_map_no_file_is_written(tmp_path):
    case = planned(load_scan(write_ct(tmp_path / "ct", grid_of())))
    (tmp_path / "out").mkdir()
    write_plan_files(case, tmp_path / "out", PlanConfig(), figures=False)
    assert not (tmp_path / "out" / "trust.nii.gz").exists()


def test_the_patient_is_named_on_the_report_alone_and_only_where_asked(tmp_path):
    case = planned(load_scan(write_ct(tmp_path / "ct", grid_of())))
    patient = PatientIdentity("Phantom, Petra", "P-4711", "1951-02-03")
    for name, told in (("named", patient), ("plain", None)):
        (tmp_path / name).mkdir()
        write_plan_files(case, tmp_path / name, PlanConfig(), figures=False, patient=told)
    words = [b"Phantom, Petra", b"P-4711", b"1951-02-03"]
    named = (tmp_path / "named" / "report.html").read_bytes()
    assert all(word in named for word in words)
    others = [
        path for path in tmp_path.glob("*/*")
        if path.parent.name != "ct" and path.suffix != ".dcm" and path.is_file() and path.read_bytes() != named
    ]  # fmt: skip
    assert {path.name for path in others} >= {"plan.json", "report.html", "volumes.csv", "trajectories.mrk.json"}
    assert not [path for path in others for word in words if word in path.read_bytes()]


def test_the_report_tells_the_plans_fingerprint(tmp_path):
    case = planned(load_scan(write_ct(tmp_path / "ct", grid_of())))
    (tmp_path / "out").mkdir()
    write_plan_files(case, tmp_path / "out", PlanConfig(), figures=False)
    fingerprint = hashlib.sha256((tmp_path / "out" / "plan.json").read_bytes()).hexdigest()
    assert fingerprint in (tmp_path / "out" / "report.html").read_text()


def test_a_ct_that_does_not_say_whose_it_is_gets_no_dicom_objects(tmp_path):
    case = planned(load_scan(write_ct(tmp_path / "ct", grid_of())))
    for file in case.scan.slice_files[:20]:
        head = pydicom.dcmread(file)
        head.PatientID = "another"
        head.save_as(file)
    for file in case.scan.slice_files[20:]:
        head = pydicom.dcmread(file)
        head.PatientID = "one"
        head.save_as(file)
    (told,) = no_headers(case.scan)
    case = replace(case, plan=case.plan.model_copy(update={"findings": (told,)}))
    (tmp_path / "out").mkdir()
    write_plan_files(case, tmp_path / "out", PlanConfig(), figures=False)
    assert (tmp_path / "out" / "labels.nii.gz").exists() and not list((tmp_path / "out").glob("*.dcm"))
    assert "several patients" in told.message


@pytest.mark.parametrize("writer", ["write_label_nifti", "_write_dicom", "write_plan_surfaces", "write_slicer_files"])
def test_what_one_of_those_that_write_beside_each_other_cannot_do_comes_out(tmp_path, monkeypatch, writer):
    ct = write_ct(tmp_path / "ct", grid_of())

    def full(*_, **__):
        raise OutputError("no room on the disk")

    monkeypatch.setattr(f"planner.pipeline.outputs.{writer}", full)
    out = tmp_path / "out"
    with (
        pytest.raises(OutputError, match="no room"),
        staged_folder(out, own_names=PLAN_FILES, overwrite=False) as stage,
    ):
        write_plan_files(planned(load_scan(ct)), stage, PlanConfig(), figures=False)
    assert [entry.name for entry in tmp_path.iterdir()] == ["ct"]


def test_a_file_that_the_privacy_policy_does_not_know_stops_the_plan(tmp_path):
    case = planned(load_scan(write_ct(tmp_path / "ct", grid_of(0.0))))
    (tmp_path / "out" / "flow").mkdir(parents=True)
    (tmp_path / "out" / "flow" / "notes.docx").write_text("who knows")
    with pytest.raises(KeyError, match="docx"):
        write_plan_files(case, tmp_path / "out", PlanConfig(), figures=False)
