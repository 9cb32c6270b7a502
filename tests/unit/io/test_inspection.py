"""inspect tells what is there, from headers only and without the patient."""

import numpy as np
import pytest

from planner.errors import InputError
from planner.io import describe_inspection, inspect_input


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


def test_the_clipping_level_where_headers_name_it(tmp_path, hu, grid, write):
    write(tmp_path / "a", hu, grid, bits=12, LargestImagePixelValue=4095)
    assert inspect_input(tmp_path / "a").series[0].hu_clipped_at == 3071.0
    write(tmp_path / "b", hu, grid, bits=12, LargestImagePixelValue=4000)
    assert inspect_input(tmp_path / "b").series[0].hu_clipped_at is None


def test_problems_are_findings(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, RescaleSlope=None)[5].unlink()
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
    assert "original before derived" in inspection.chosen_because
    text = describe_inspection(inspection)
    assert "* 1.2.3.2" in text and "- 1.2.3.1" in text


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
