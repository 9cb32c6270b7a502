"""Enhanced multi-frame CT: each frame where it says."""

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

from planner.errors import InputError, SeriesError
from planner.io import inspect_input, load_ct, load_scan


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
