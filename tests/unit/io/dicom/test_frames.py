"""Enhanced multi-frame CT: each frame where it says."""

import warnings

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, generate_uid

from planner.errors import InputError, SeriesError
from planner.io import inspect_input, load_ct, load_scan
from planner.io.dicom.series import find_stacks, read_found
from planner.io.sources import find_source
from planner.progress import SILENT


def item(**tags):
    ds = Dataset()
    for name, value in tags.items():
        setattr(ds, name, value)
    return ds


@pytest.fixture
def enhanced(tmp_path, hu, grid):
    def make(*, order=None, frame_type=("ORIGINAL", "PRIMARY", "VOLUME", "NONE"), rescale_type="HU", compress=False):
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2.1", "1.2.3.77"
        ds.SeriesInstanceUID, ds.FrameOfReferenceUID, ds.Modality = "1.2.3.78", "1.2.3.4", "CT"
        ds.ImageType, ds.PatientPosition = list(frame_type), "FFS"
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        ds.NumberOfFrames, ds.Rows, ds.Columns = hu.shape
        directions = grid.directions_lps
        ds.SharedFunctionalGroupsSequence = Sequence(
            [
                item(
                    PlaneOrientationSequence=Sequence(
                        [item(ImageOrientationPatient=[float(v) for v in (*directions[:, 2], *directions[:, 1])])]
                    ),
                    PixelMeasuresSequence=Sequence([item(PixelSpacing=list(grid.spacing_mm[1:]), SliceThickness=1.25)]),
                    PixelValueTransformationSequence=Sequence(
                        [item(RescaleIntercept=-1024, RescaleSlope=1, RescaleType=rescale_type)]
                    ),
                    CTImageFrameTypeSequence=Sequence([item(FrameType=list(frame_type))]),
                )
            ]
        )
        numbers = list(range(len(hu))) if order is None else order
        ds.PerFrameFunctionalGroupsSequence = Sequence(
            [
                item(
                    PlanePositionSequence=Sequence(
                        [item(ImagePositionPatient=[float(v) for v in grid.to_lps((k, 0, 0))])]
                    )
                )
                for k in numbers
            ]
        )
        stored = hu if len(numbers) < len(hu) else hu[numbers]
        ds.PixelData = (stored.astype(np.int32) + 1024).astype("<u2").tobytes()
        ds["PixelData"].VR = "OW"
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if compress:
            ds.compress(JPEGLSLossless, encoding_plugin="pyjpegls", generate_instance_uid=False)
        path = tmp_path / "enhanced"
        ds.save_as(path, enforce_file_format=True)
        return path

    return make


@pytest.mark.parametrize("compress", [False, True])
def test_frames_are_sorted_by_place(enhanced, hu, grid, compress):
    order = [7, 2, 11, 0, 5, 1, 10, 3, 9, 4, 8, 6]
    path = enhanced(order=order, compress=compress)
    scan = load_scan(path)
    assert np.array_equal(scan.volume.hu, hu)
    assert scan.volume.grid.is_same(grid)
    assert scan.slice_files == (path,)
    assert scan.series.patient_position == "FFS"


def test_a_perfusion_map_is_no_ct(enhanced):
    with pytest.raises(SeriesError, match="perfusion map"):
        load_ct(enhanced(frame_type=("DERIVED", "PRIMARY", "PERFUSION", "RCBF")))


def test_frames_that_are_not_hu_are_refused(enhanced):
    with pytest.raises(SeriesError, match="MGML"):
        load_ct(enhanced(rescale_type="MGML"))


def test_frames_and_their_groups_must_agree(enhanced):
    with pytest.raises(InputError, match="damaged"):
        load_ct(enhanced(order=[0, 1, 2]))


def test_a_cut_off_frame_is_refused(enhanced):
    path = enhanced()
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(SeriesError, match=r"the frame at .* is cut off"):
        load_ct(path)


def test_inspect_sees_the_frames(enhanced, hu):
    series = inspect_input(enhanced()).series
    assert len(series) == 1 and series[0].shape_zyx == hu.shape and series[0].usable


def stacks_in(path):
    source = find_source(path, monitor=SILENT)
    return find_stacks(read_found(source.files, name=source.name, monitor=SILENT).headers)


@pytest.fixture
def frames_of(tmp_path, hu, grid):
    """Enhanced CT from a list of frames: (slice of the CT, per-frame groups, HU added)."""

    def make(frames, *, name="enhanced", shared=None, **tags):
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2.1", generate_uid(entropy_srcs=[name])
        ds.SeriesInstanceUID, ds.FrameOfReferenceUID, ds.Modality = "1.2.3.78", "1.2.3.4", "CT"
        ds.ImageType, ds.PatientPosition = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "HFS"
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        ds.NumberOfFrames, ds.Rows, ds.Columns = len(frames), *hu.shape[1:]
        common = {
            "PlaneOrientationSequence": item(ImageOrientationPatient=directions_of(grid)),
            "PixelMeasuresSequence": item(PixelSpacing=list(grid.spacing_mm[1:]), SliceThickness=1.25),
            "PixelValueTransformationSequence": item(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU"),
            **(shared or {}),
        }
        ds.SharedFunctionalGroupsSequence = Sequence([item(**{k: Sequence([v]) for k, v in common.items()})])
        groups = []
        for k, own, _ in frames:
            place = item(ImagePositionPatient=[float(v) for v in grid.to_lps((k, 0, 0))])
            groups.append(item(**{n: Sequence([v]) for n, v in {"PlanePositionSequence": place, **own}.items()}))
        ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
        for tag, value in tags.items():
            setattr(ds, tag, value)
        stored = [(hu[k].astype(np.int32) + 1024 + added).astype("<u2").tobytes() for k, _, added in frames]
        ds.PixelData = b"".join(stored)
        ds["PixelData"].VR = "OW"
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = tmp_path / "frames" / name
        path.parent.mkdir(exist_ok=True)
        ds.save_as(path, enforce_file_format=True)
        return path

    return make


def directions_of(grid):
    return [float(v) for v in (*grid.directions_lps[:, 2], *grid.directions_lps[:, 1])]


@pytest.mark.parametrize(
    ("group", "tag", "values"),
    [
        ("FrameContentSequence", "TemporalPositionIndex", (1, 2)),
        ("FrameContentSequence", "StackID", ("one", "two")),
        ("FrameContentSequence", "FrameAcquisitionNumber", (1, 2)),
        ("CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase", (40.0, 75.0)),
        ("CTReconstructionSequence", "ConvolutionKernel", ("Br40", "Br60")),
        ("CTXRayDetailsSequence", "KVP", (80.0, 140.0)),
        ("CTImageFrameTypeSequence", "FrameType", tuple(["ORIGINAL", "PRIMARY", "VOLUME", e] for e in "AB")),
    ],
)
def test_two_passes_in_one_file_are_split_not_mixed(frames_of, hu, group, tag, values):
    frames = [(k, {group: item(**{tag: values[p]})}, 7 * p) for k in range(len(hu)) for p in (0, 1)]
    path = frames_of(frames)
    stacks = stacks_in(path)
    assert [len(s.headers) for s in stacks] == [12, 12]
    loaded = {int((load_ct(path, series_instance_uid=s.name).hu - hu).max()) for s in stacks}
    assert loaded == {0, 7}, "each pass by itself, none mixed"


def test_two_orientations_in_one_file_are_split(frames_of, hu, grid):
    def coronal(k):
        return {
            "PlaneOrientationSequence": item(ImageOrientationPatient=[1.0, 0, 0, 0, 0, -1.0]),
            "PlanePositionSequence": item(ImagePositionPatient=[0.0, float(k), 0.0]),
        }

    path = frames_of([(k, {}, 0) for k in range(12)] + [(k, coronal(k), 0) for k in range(11)])
    assert sorted((s.orientation, len(s.headers)) for s in stacks_in(path)) == [("axial", 12), ("coronal", 11)]
    assert np.array_equal(load_ct(path).hu, hu)


def test_rescale_spacing_and_thickness_may_be_each_frames_own(frames_of, hu, grid):
    def own(k):
        return {
            "PixelValueTransformationSequence": item(RescaleIntercept=-1024 - k, RescaleSlope=1, RescaleType="HU"),
            "PixelMeasuresSequence": item(PixelSpacing=list(grid.spacing_mm[1:]), SliceThickness=1.25),
        }

    wrong = {"PixelMeasuresSequence": item(PixelSpacing=[9.0, 9.0])}
    path = frames_of([(k, own(k), k) for k in range(12)], shared=wrong)
    scan = load_scan(path)
    assert np.array_equal(scan.volume.hu, hu) and scan.volume.grid.is_same(grid)
    assert stacks_in(path)[0].slice_thickness_mm == 1.25


def test_what_only_the_makers_group_says_is_not_read(frames_of, hu, grid):
    private = Dataset()
    private.add_new(0x00210010, "LO", "A MAKER")
    private.add_new(0x00211011, "DS", "77")
    frames = [(k, {"FrameContentSequence": private}, 0) for k in range(12)]
    assert np.array_equal(load_ct(frames_of(frames)).hu, hu)


def test_the_parts_of_a_concatenation_are_one_volume(frames_of, hu, grid):
    def part(number, frames):
        return frames_of(
            [(k, {}, 0) for k in frames],
            name=str(number),
            ConcatenationUID="1.2.3.90",
            InConcatenationNumber=number,
            InConcatenationTotalNumber=3,
            ConcatenationFrameOffsetNumber=frames[0],
        )

    paths = [part(3, range(8, 12)), part(1, range(4)), part(2, range(4, 8))]
    scan = load_scan(paths[0].parent)
    assert np.array_equal(scan.volume.hu, hu) and scan.volume.grid.is_same(grid)
    assert set(scan.slice_files) == set(paths) and len(scan.slice_files) == 3
    paths[0].unlink()
    short = load_scan(paths[0].parent)
    assert short.volume.grid.shape[0] == 8
    assert "parts-missing" in [f.code for f in short.findings]
    assert "parts-missing" in [f.code for f in inspect_input(paths[0].parent).findings]


def test_files_of_frames_over_the_same_places_are_not_mixed(frames_of, hu):
    for number in range(2):
        frames_of([(k, {}, 5 * number) for k in range(12)], name=str(number))
    folder = frames_of([(k, {}, 0) for k in range(12)], name="0").parent
    assert [len(s.headers) for s in stacks_in(folder)] == [12, 12]


def test_the_makers_word_on_the_kernel(frames_of):
    path = frames_of(
        [(k, {}, 0) for k in range(12)], shared={"CTReconstructionSequence": item(ConvolutionKernelGroup="BONE")}
    )
    assert {h.kernel_group for h in stacks_in(path)[0].headers} == {"BONE"}


@pytest.mark.parametrize("shuffled", [False, True])
def test_legacy_converted_enhanced_ct(tmp_path, hu, grid, write, shuffled):
    def each(k, ds):
        ds.StudyID, ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "1", "20200101", "120000", ""
        ds.PatientBirthDate, ds.PatientSex, ds.ReferringPhysicianName = "", "O", ""
        ds.Manufacturer, ds.SeriesNumber, ds.PositionReferenceIndicator = "maker", 1, ""
        ds.AcquisitionDate, ds.AcquisitionTime = "20200101", f"12{k:02d}00"
        ds.ContentDate, ds.ContentTime = "20200101", f"13{k:02d}00"
        ds.KVP, ds.BodyPartExamined = "140", "LSPINE"

    paths = write(tmp_path / "single", hu, grid, each=each)
    slices = [pydicom.dcmread(path) for path in paths]
    if shuffled:
        slices = [slices[k] for k in (7, 2, 11, 0, 5, 1, 10, 3, 9, 4, 8, 6)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = hd.legacy.LegacyConvertedEnhancedCTImage(
            slices,
            series_instance_uid="1.2.3.200",
            series_number=2,
            sop_instance_uid="1.2.3.201",
            instance_number=1,
        )
    path = tmp_path / "legacy"
    made.save_as(path)
    scan = load_scan(path)
    assert np.array_equal(scan.volume.hu, hu) and scan.volume.grid.is_same(grid)
    (stack,) = stacks_in(path)
    first = stack.headers[0]
    assert (first.kernel, first.kvp, first.slice_thickness_mm) == ("B60", 140.0, 1.25)


def test_legacy_converted_passes_are_told_apart_by_what_had_no_place(frames_of, hu):
    def unassigned(p):
        return {"UnassignedPerFrameConvertedAttributesSequence": item(TemporalPositionIdentifier=p + 1)}

    path = frames_of([(k, unassigned(p), 0) for k in range(12) for p in (0, 1)])
    assert [len(s.headers) for s in stacks_in(path)] == [12, 12]


def test_a_mixed_file_that_tells_nothing_apart_is_refused(frames_of, hu):
    path = frames_of([(k, {}, 9 * p) for k in range(12) for p in (0, 1)])
    with pytest.raises(SeriesError, match="two different images lie in one place"):
        load_ct(path)


@pytest.mark.parametrize("compress", [False, True])
def test_inspection_says_how_many_frames_are_cut_off(enhanced, hu, compress):
    path = enhanced(compress=compress)
    assert not any(p.code == "cut-off" for s in inspect_input(path).series for p in s.problems)
    if compress:
        path.write_bytes(path.read_bytes()[:-200])
    else:
        path.write_bytes(path.read_bytes()[: -hu[0].size * len(hu)])
    (series,) = inspect_input(path).series
    (problem,) = [p for p in series.problems if p.code == "cut-off"]
    assert not series.usable
    assert problem.message == f"{1 if compress else len(hu) // 2} slice(s) are cut off"
