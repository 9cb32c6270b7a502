"""The right slices are found among anything else, and the best CT is chosen."""

import io
import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from planner.errors import InputError, SeriesError
from planner.io import inspect_input, load_ct, load_scan, sources
from planner.io.dicom.series import find_stacks, read_found
from planner.io.sources import find_source
from planner.progress import SILENT


def codes(scan):
    return [finding.code for finding in scan.findings]


def stacks_in(folder):
    source = find_source(folder, monitor=SILENT)
    return find_stacks(read_found(source.files, name=source.name, monitor=SILENT).headers)


def test_an_empty_folder_and_a_missing_one(tmp_path):
    with pytest.raises(InputError, match="is empty"):
        load_ct(tmp_path)
    with pytest.raises(InputError, match=r"no file or folder .*nowhere"):
        load_ct(tmp_path / "nowhere")


def test_a_text_file_named_dcm_alone_and_among_slices(tmp_path, hu, grid, write):
    text = tmp_path / "notes.dcm"
    text.write_text("not an image\n" * 40)
    for source in (tmp_path, text):
        with pytest.raises(InputError, match=r"holds no DICOM image \(1 other file"):
            load_ct(source)
    write(tmp_path / "deep" / "deeper", hu, grid)
    (tmp_path / "deep" / "short").write_bytes(b"\x08")
    assert np.array_equal(load_ct(tmp_path).hu, hu)


def test_a_damaged_header_is_counted_not_hidden(tmp_path, hu, grid, write):
    paths = write(tmp_path, hu, grid)
    paths[-1].write_bytes(paths[-1].read_bytes()[:200])
    scan = load_scan(tmp_path)
    assert scan.volume.grid.shape[0] == len(hu) - 1
    assert codes(scan) == ["files-damaged"]


def test_files_without_preamble(tmp_path, hu, grid, write):
    for path in write(tmp_path, hu, grid, syntax=pydicom.uid.ImplicitVRLittleEndian):
        ds = pydicom.dcmread(path)
        del ds.file_meta
        ds.preamble = None
        ds.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
        assert path.read_bytes()[:2] == b"\x08\x00"
    assert np.array_equal(load_ct(tmp_path).hu, hu)


@pytest.mark.parametrize("modality", ["MR", "PT"])
def test_another_modality_is_refused_by_name(tmp_path, hu, grid, write, modality):
    write(tmp_path, hu, grid, Modality=modality)
    with pytest.raises(SeriesError, match=rf"holds {modality} \(12 image\(s\)\), not CT"):
        load_ct(tmp_path)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen shot"),
        ({"ImagePositionPatient": None, "ImageOrientationPatient": None}, "without a place"),
    ],
)
def test_what_is_no_volume_is_put_aside(tmp_path, hu, grid, write, tags, words):
    write(tmp_path / "aside", hu[:2], grid, series="1.2.3.999", **tags)
    with pytest.raises(SeriesError, match=words):
        load_ct(tmp_path)
    write(tmp_path / "ct", hu, grid)
    scan = load_scan(tmp_path)
    assert scan.series.series_instance_uid == "1.2.3.100"
    assert codes(scan) == []


def test_a_scout_within_the_series_is_put_aside(tmp_path, hu, grid, write):
    write(tmp_path / "scout", hu[:1], grid, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write(tmp_path / "ct", hu, grid)
    assert np.array_equal(load_ct(tmp_path).hu, hu)


@pytest.mark.parametrize(
    ("worse", "count"),
    [
        ({"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]}, 12),
        ({"ImageOrientationPatient": ["1", "0", "0", "0", "0", "-1"]}, 12),
        ({}, 4),
    ],
)
def test_the_best_of_several_is_chosen_and_named(tmp_path, hu, grid, write, worse, count):
    # the worse one would win by its UID
    if "ImageOrientationPatient" in worse:
        worse["each"] = lambda k, ds: setattr(ds, "ImagePositionPatient", ["0", str(k), "0"])
    write(tmp_path / "a", hu[:count], grid, series="1.2.3.1", **worse)
    write(tmp_path / "b", hu, grid, series="1.2.3.2")
    scan = load_scan(tmp_path)
    assert scan.series.series_instance_uid == "1.2.3.2"
    chosen = scan.findings[0]
    assert chosen.code == "series-chosen" and "1.2.3.2" in chosen.message and chosen.measured == 2
    other = load_scan(tmp_path, series_instance_uid="1.2.3.1")
    assert other.series.series_instance_uid == "1.2.3.1" and codes(other) == []


def test_thinner_slices_win(tmp_path, hu, grid_of, write):
    write(tmp_path / "a", hu, grid_of(spacing=(3.0, 0.8, 0.7)), series="1.2.3.1")
    write(tmp_path / "b", hu, grid_of(spacing=(1.0, 0.8, 0.7)), series="1.2.3.2")
    assert load_scan(tmp_path).series.series_instance_uid == "1.2.3.2"


def test_a_series_that_is_not_there(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid)
    with pytest.raises(SeriesError, match=r"holds no series 9\.9"):
        load_ct(tmp_path, series_instance_uid="9.9")


def test_one_series_over_two_orientations_is_split_not_mixed(tmp_path, hu, grid_of, write):
    write(tmp_path / "a", hu, grid_of())
    coronal = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]])
    write(tmp_path / "b", hu[:11], grid_of(shape=(11, 20, 24), directions=coronal))
    scan = load_scan(tmp_path)
    assert np.array_equal(scan.volume.hu, hu)
    assert codes(scan) == ["series-chosen"]


@pytest.mark.parametrize("tag", ["AcquisitionNumber", "TemporalPositionIdentifier", "ConvolutionKernel"])
def test_one_series_of_two_passes_is_split_not_mixed(tmp_path, hu, grid, write, tag):
    write(tmp_path / "a", hu, grid, **{tag: "1"})
    write(tmp_path / "b", hu[:11] + 5, grid, **{tag: "2"})
    assert np.array_equal(load_ct(tmp_path).hu, hu)


@pytest.mark.parametrize(
    "tag",
    [
        {"KVP": "80"},
        {"NominalPercentageOfCardiacPhase": 70.0},
        {"TriggerTime": "300"},
        {"FrameOfReferenceUID": "1.2.3.9"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "DET_B"]},
        {"SeriesDescription": "iMAR"},
        {"ContentTime": "120500"},
        {"SliceThickness": "5"},
    ],
)
def test_whatever_tells_two_passes_of_a_series_apart_splits_it(tmp_path, hu, grid, write, tag):
    write(tmp_path / "a", hu, grid)
    write(tmp_path / "b", hu[:11] + 5, grid, **tag, each=lambda k, ds: setattr(ds, "SOPInstanceUID", f"1.2.9.{k}"))
    stacks = stacks_in(tmp_path)
    assert [(s.name, len(s.headers)) for s in stacks] == [("1.2.3.100#1", 12), ("1.2.3.100#2", 11)]
    for stack, expected in zip(stacks, (hu, hu[:11] + 5), strict=True):
        scan = load_scan(tmp_path, series_instance_uid=stack.name)
        assert np.array_equal(scan.volume.hu, expected)
        assert scan.series.name == stack.name  # what the plan says of its CT finds it again


def test_what_has_no_image_is_put_aside_by_its_name(tmp_path, hu, grid, write):
    for name, uid in (("RTSTRUCT", "481.3"), ("SR", "88.33"), ("KO", "88.59"), ("PR", "11.1")):
        bare = Dataset()
        bare.SOPClassUID, bare.SOPInstanceUID = f"1.2.840.10008.5.1.4.1.1.{uid}", f"1.2.3.{uid}"
        bare.SeriesInstanceUID, bare.Modality = f"1.2.3.4.{uid}", name
        bare.file_meta = FileMetaDataset()
        bare.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        bare.save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
    with pytest.raises(SeriesError, match=r"KO without an image \(1 object\(s\)\), PR without .*RTSTRUCT.*not CT"):
        load_ct(tmp_path)
    write(tmp_path / "ct", hu, grid)
    assert codes(load_scan(tmp_path)) == []
    asides = {stack.aside for stack in stacks_in(tmp_path)}
    assert asides == {None, *(f"{name} without an image" for name in ("RTSTRUCT", "SR", "KO", "PR"))}


def test_a_scout_that_does_not_say_so_is_put_aside(tmp_path, hu, grid_of, write):
    coronal = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]])
    write(tmp_path / "scout", hu[:1], grid_of(shape=(1, 20, 24), directions=coronal), series="1.2.3.1")
    with pytest.raises(SeriesError, match="localizer"):
        load_ct(tmp_path)
    write(tmp_path / "ct", hu, grid_of())
    assert codes(load_scan(tmp_path)) == []


def test_the_stack_that_covers_the_metal_is_loaded(tmp_path, hu, grid_of, write):
    bright = hu.copy()
    bright[2:9, 8:14, 8:14] = 2900
    write(tmp_path / "thin", hu, grid_of(spacing=(1.0, 0.8, 0.7), origin=(-31.5, 12.25, 200.0)), series="1.2.3.1")
    write(tmp_path / "thick", bright, grid_of(spacing=(2.5, 0.8, 0.7)), series="1.2.3.2")
    scan = load_scan(tmp_path)
    assert scan.series.series_instance_uid == "1.2.3.2"
    assert "shows metal" in scan.findings[0].message


def test_an_artefact_reduced_series_is_offered_beside_the_original(tmp_path, hu, grid, write):
    write(tmp_path / "a", hu + 3, grid, series="1.2.3.1", SeriesDescription="Roe Spine iMAR")
    write(tmp_path / "b", hu, grid, series="1.2.3.2")
    scan = load_scan(tmp_path)
    assert (scan.series.series_instance_uid, scan.display_alternative) == ("1.2.3.2", "1.2.3.1")
    assert codes(scan) == ["series-chosen", "artefact-reduction-beside"]
    assert not any("Roe" in f.message for f in scan.findings)
    shown = load_scan(tmp_path, series_instance_uid=scan.display_alternative)
    assert np.array_equal(shown.volume.hu, hu + 3)
    assert codes(shown) == ["metal-artefact-reduced"] and shown.display_alternative is None


def test_thousands_of_orientations_are_no_burden(slice_at):
    turns = np.radians(np.arange(3000) * 0.1)
    fan = [slice_at(0.0, along_row_lps=(np.cos(a), np.sin(a), 0.0), along_column_lps=(0.0, 0.0, 1.0)) for a in turns]
    assert len(find_stacks([*fan, slice_at(1.0, along_row_lps=None), slice_at(2.0, along_row_lps=None)])) == 3001


def test_step_and_shoot_with_one_acquisition_a_slice_is_one_volume(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, each=lambda k, ds: setattr(ds, "AcquisitionNumber", k + 1))
    assert np.array_equal(load_ct(tmp_path).hu, hu)


def test_a_zip_and_its_slices_outlive_the_loading(tmp_path, hu, grid, write):
    paths = write(tmp_path / "ct", hu, grid)
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("../../escape.txt", "out")
        for path in paths:
            packed.write(path, f"../../{path.name}")
    scan = load_scan(archive)
    assert np.array_equal(scan.volume.hu, hu)
    assert len(scan.slice_files) == len(hu) and all(path.is_file() for path in scan.slice_files)
    assert not (tmp_path.parent / "escape.txt").exists() and not list(tmp_path.parent.parent.glob("f0*"))


def test_a_zip_bomb_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "_MOST_UNPACKED_BYTES", 1 << 20)
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(3 << 20))
    assert archive.stat().st_size < 1 << 14
    with pytest.raises(InputError, match="unpacks to more than"):
        load_ct(archive)


def test_a_damaged_zip(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("a", b"x" * 2000)
    (tmp_path / "half.zip").write_bytes(buffer.getvalue()[:1000])
    with pytest.raises(InputError, match="damaged or encrypted zip"):
        load_ct(tmp_path / "half.zip")


def test_dicomdir_stands_for_its_folder(tmp_path, hu, grid, write):
    write(tmp_path / "DICOM", hu, grid)
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    assert np.array_equal(load_ct(tmp_path / "DICOMDIR").hu, hu)


def test_links_out_of_the_folder_are_not_followed(tmp_path, hu, grid, write):
    paths = write(tmp_path / "elsewhere", hu, grid)
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "link").symlink_to(paths[0])
    (folder / "whole").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is empty"):
        load_ct(folder)


def test_patient_data_stand_in_no_message(tmp_path, hu, grid, write):
    folder = tmp_path / "ct"
    paths = write(folder, hu, grid)
    paths[5].unlink()
    with pytest.raises(SeriesError) as caught:
        load_ct(folder)
    assert "Roe" not in str(caught.value) and "4711" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_ct_that_names_no_modality_is_known_by_its_class(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, Modality="")
    assert np.array_equal(load_ct(tmp_path).hu, hu)
    assert inspect_input(tmp_path).series[0].modality == "CT"


def test_a_frame_of_reference_in_each_file_makes_one_volume_with_a_caution(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, each=lambda k, ds: setattr(ds, "FrameOfReferenceUID", f"1.2.9.{k}"))
    scan = load_scan(tmp_path)
    assert np.array_equal(scan.volume.hu, hu) and scan.volume.grid.frame_of_reference_uid is None
    assert codes(scan) == ["frames-of-reference-differ"]


def test_a_colour_table_is_refused_by_name(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises(SeriesError, match=r"holds colour picture \(12 image"):
        load_ct(tmp_path)
