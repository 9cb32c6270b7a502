"""inspect tells what is there, from headers only and without the patient."""

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from planner.errors import InputError
from planner.io import describe_inspection, inspect_input, load_scan


def test_one_good_series(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, bits=12)
    (tmp_path / "readme.txt").write_text("hello")
    inspection = inspect_input(tmp_path)
    assert (inspection.format, inspection.files, inspection.other_files) == ("DICOM", 13, 1)
    (series,) = inspection.series
    assert series.series_instance_uid == inspection.chosen_series_instance_uid == "1.2.3.100"
    assert series.shape_zyx == hu.shape
    assert series.spacing_mm == pytest.approx(grid.spacing_mm)
    assert (series.orientation, series.kernel, series.patient_position) == ("axial", "B60", "HFS")
    assert (series.hu_floor, series.hu_ceiling, series.hu_clipped_at) == (-1024.0, 3071.0, None)
    assert series.transfer_syntax == "Explicit VR Little Endian"
    assert series.usable and series.chosen and series.problems == ()


def test_no_pixels_are_needed(tmp_path, hu, grid, write):
    for path in write(tmp_path, hu, grid):
        path.write_bytes(path.read_bytes()[: -2 * hu[0].size])
    (series,) = inspect_input(tmp_path).series
    assert series.shape_zyx == hu.shape


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("cut", [0, 3, 9])
def test_files_that_are_cut_off_are_said(tmp_path, hu, grid, write, syntax, cut):
    for path in write(tmp_path, hu, grid, syntax=syntax)[:cut]:
        path.write_bytes(path.read_bytes()[:-100])
    (series,) = inspect_input(tmp_path).series
    assert [(p.code, p.message) for p in series.problems] == (
        [("cut-off", f"{cut} slice(s) are cut off")] if cut else []
    )
    assert series.usable == (not cut)


def test_the_clipping_level_where_headers_name_it(tmp_path, hu, grid, write):
    write(tmp_path / "a", hu, grid, bits=12, LargestImagePixelValue=4095)
    assert inspect_input(tmp_path / "a").series[0].hu_clipped_at == 3071.0
    write(tmp_path / "b", hu, grid, bits=12, LargestImagePixelValue=4000)
    assert inspect_input(tmp_path / "b").series[0].hu_clipped_at is None


def test_problems_are_findings(tmp_path, hu, grid, write):
    for path in write(tmp_path, hu, grid, RescaleSlope=None)[4:9]:
        path.unlink()
    (series,) = inspect_input(tmp_path).series
    assert [p.code for p in series.problems] == ["geometry", "pixels"]
    assert not series.usable and series.shape_zyx is None


def test_no_ct_is_a_finding_not_an_error(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, Modality="MR")
    inspection = inspect_input(tmp_path)
    assert inspection.chosen_series_instance_uid is None and inspection.chosen_because is None
    assert [f.code for f in inspection.findings] == ["no-ct"]
    assert not inspection.series[0].usable
    assert "nothing to plan on" in describe_inspection(inspection)


def test_several_series_and_the_choice(tmp_path, hu, grid, write):
    write(tmp_path / "a", hu, grid, series="1.2.3.1", ImageType=["DERIVED", "SECONDARY", "AXIAL"])
    write(tmp_path / "b", hu, grid, series="1.2.3.2")
    inspection = inspect_input(tmp_path)
    assert [s.chosen for s in inspection.series] == [False, True]
    assert inspection.chosen_because.startswith("original, the other derived")
    assert inspection.rules.startswith("at least 10 slices, readable before damaged, shows metal, newer study")
    text = describe_inspection(inspection)
    assert "* 1.2.3.2" in text and "- 1.2.3.1" in text


def test_each_candidate_has_its_rank_and_why_it_lost(tmp_path, hu, grid_of, write):
    write(tmp_path / "a", hu, grid_of(spacing=(3.0, 0.8, 0.7)), series="1.2.3.1", SliceThickness="3")
    write(tmp_path / "b", hu, grid_of(spacing=(1.0, 0.8, 0.7)), series="1.2.3.2", SliceThickness="1")
    write(tmp_path / "c", hu[:1], grid_of(), series="1.2.3.3", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    inspection = inspect_input(tmp_path)
    told = {s.name: (s.rank, s.lost_by, s.chosen) for s in inspection.series}
    assert told == {
        "1.2.3.1": (2, "thicker slices: 3 mm against 1 mm", False),
        "1.2.3.2": (1, None, True),
        "1.2.3.3": (None, None, False),
    }
    assert inspection.chosen_series == "1.2.3.2"
    assert inspection.chosen_because.startswith("thinner slices: 1 mm against 3 mm (by the headers")
    text = describe_inspection(inspection)
    assert "choice 2: thicker slices: 3 mm against 1 mm" in text and "put aside: localizer" in text
    assert "--series takes" not in text, "no series holds several stacks"


def test_the_stacks_of_one_series_are_named(tmp_path, hu, grid, write):
    write(tmp_path / "a", hu, grid, AcquisitionNumber=1)
    write(tmp_path / "b", hu[:11] + 5, grid, AcquisitionNumber=2)
    inspection = inspect_input(tmp_path)
    assert [(s.name, s.series_instance_uid) for s in inspection.series] == [
        ("1.2.3.100#1", "1.2.3.100"),
        ("1.2.3.100#2", "1.2.3.100"),
    ]
    text = describe_inspection(inspection)
    assert "* 1.2.3.100#1" in text and "--series takes such a name" in text
    for series in inspection.series:
        loaded = load_scan(tmp_path, series_instance_uid=series.name)
        assert loaded.volume.grid.shape == series.shape_zyx


def test_headers_that_name_the_largest_value_tell_of_metal(tmp_path, hu, grid_of, write):
    far = grid_of(spacing=(1.0, 0.8, 0.7), origin=(-31.5, 12.25, 200.0))
    write(tmp_path / "a", hu, far, series="1.2.3.1", LargestImagePixelValue=1500)
    write(tmp_path / "b", hu, grid_of(spacing=(2.5, 0.8, 0.7)), series="1.2.3.2", LargestImagePixelValue=3900)
    inspection = inspect_input(tmp_path)
    assert inspection.chosen_series == "1.2.3.2"
    assert inspection.chosen_because == "shows metal"


def test_artefact_reduction_is_told_without_its_text(tmp_path, hu, grid, write):
    write(tmp_path / "a", hu, grid, series="1.2.3.1", SeriesDescription="Roe iMAR")
    write(tmp_path / "b", hu, grid, series="1.2.3.2")
    inspection = inspect_input(tmp_path)
    assert [f.code for f in inspection.findings] == ["series-chosen", "artefact-reduction-beside"]
    text = describe_inspection(inspection)
    assert "with metal artefact reduction" in text and "Roe" not in text and "iMAR" not in text


def test_no_patient_in_the_text(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, SeriesDescription="Roe hip", InstitutionName="Roe Clinic")
    inspection = inspect_input(tmp_path)
    for text in (describe_inspection(inspection), inspection.model_dump_json()):
        assert "Roe" not in text and "4711" not in text


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="is empty"):
        inspect_input(tmp_path)


def test_nifti_needs_its_header_only(tmp_path):
    import nibabel as nib

    image = nib.Nifti1Image(np.zeros((5, 6, 7), dtype=np.int16), np.diag([2.0, 3.0, 4.0, 1.0]))
    image.set_sform(image.affine, code=1)
    nib.save(image, tmp_path / "a.nii")
    inspection = inspect_input(tmp_path / "a.nii")
    assert inspection.format == "NIfTI"
    assert inspection.series[0].shape_zyx == (7, 6, 5)
    assert inspection.series[0].spacing_mm == pytest.approx((4, 3, 2))
    assert "7 x 6 x 5" in describe_inspection(inspection)


@pytest.mark.parametrize(("axes", "plane"), [((0, 1, 2), "axial"), ((0, 2, 1), "coronal"), ((2, 1, 0), "sagittal")])
def test_a_volume_file_tells_its_plane_and_that_it_tells_no_range(tmp_path, axes, plane):
    import nibabel as nib

    affine = np.diag([2.0, 3.0, 4.0, 1.0])[[*axes, 3]]
    image = nib.Nifti1Image(np.zeros((5, 6, 7), dtype=np.int16), affine)
    image.set_sform(affine, code=1)
    nib.save(image, tmp_path / "a.nii")
    inspection = inspect_input(tmp_path / "a.nii")
    assert inspection.series[0].orientation == plane
    text = describe_inspection(inspection)
    assert f"    {plane}, 7 x 6 x 5" in text and "no HU range" in text and "unknown modality" not in text
    assert describe_inspection(inspection).splitlines()[:1] == ["NIfTI: one volume"]
    assert "unknown modality" not in describe_inspection(inspection)
