"""What of a header may be shown, and what may not."""

import json

import pytest

from planner.errors import PlannerError
from planner.io import inspect_input, load_scan
from planner.io.dicom.terms import shown_image_type, shown_kernel, shown_modality, shown_rescale_type
from planner.io.inspection import describe_inspection


@pytest.mark.parametrize(
    ("text", "shown"), [("HU_MOD", "HU_MOD"), ("mgml", "MGML"), ("Roe^Jane", "another unit"), ("ROE", "another unit")]
)
def test_rescale_types(text, shown):
    assert shown_rescale_type(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("CT", "CT"), ("RTSTRUCT", "RTSTRUCT"), ("ROE", None), ("Roe^Jane", None), ("", None)]
)
def test_modalities(text, shown):
    assert shown_modality(text) == shown


@pytest.mark.parametrize("text", ["B60f", "BONEPLUS", "FC30-H", "Br64d/3", "I70f 3", "BONE+"])
def test_kernels(text):
    assert shown_kernel(text) == text


@pytest.mark.parametrize("text", ["", "Roe^Jane", "Roe;Jane", "Roe, Jane", "x" * 17, "B60\x1b"])
def test_what_is_no_kernel(text):
    assert shown_kernel(text) is None


def test_image_types():
    assert shown_image_type(("ORIGINAL", "CT_SOM5 SPI", "Roe^Jane")) == ("ORIGINAL", "CT_SOM5 SPI", "OTHER")


@pytest.mark.parametrize("tag", ["RescaleType", "ConvolutionKernel", "Modality", "PatientPosition", "ImageType"])
def test_no_free_text_comes_out(tmp_path, hu, grid, write, tag):
    def scribble(_, ds):
        ds[tag].value = "Roe^Jane" if tag in ds else None

    write(tmp_path / "ct", hu, grid, RescaleType="HU")
    write(tmp_path / "odd", hu, grid, RescaleType="HU", series="1.2.3.99", each=scribble)
    for path in (tmp_path / "odd", tmp_path):
        inspection = inspect_input(path)
        said = describe_inspection(inspection) + json.dumps(inspection.model_dump(mode="json"))
        try:
            scan = load_scan(path)
            said += str([*scan.findings, scan.series])
        except PlannerError as error:
            said += str(error)
        assert "Roe" not in said
