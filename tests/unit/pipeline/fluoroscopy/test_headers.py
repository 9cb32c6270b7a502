"""A CT whose headers cannot carry pictures is planned on all the same."""

from pathlib import Path

import pydicom
import pytest

from planner.model.scan import Scan
from planner.pipeline.fluoroscopy.headers import has_headers, no_headers

SAMPLE = Path(__file__).resolve().parents[4] / "sample_dicoms" / "thoracic"


def scan_of(scene, plan, files):
    return Scan(volume=scene.volume, series=plan.series, findings=(), slice_files=tuple(files))


@pytest.fixture
def slices(tmp_path):
    for file in sorted(SAMPLE.iterdir())[:4]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return sorted(tmp_path.iterdir())


def test_sound_headers_carry_pictures(scene, plan, slices):
    scan = scan_of(scene, plan, slices)
    assert not list(no_headers(scan))
    assert has_headers(plan, scan)


def test_a_damaged_name_is_said_once_and_keeps_pictures_from_dicom_alone(scene, plan, slices):
    for file in slices:
        dataset = pydicom.dcmread(file)
        dataset.PatientName = "A\x07B"
        dataset.save_as(file)
    scan = scan_of(scene, plan, slices)
    (said,) = no_headers(scan)
    assert said.code == "fluoroscopy-not-dicom"
    assert "A\x07B" not in said.message
    assert not has_headers(plan.model_copy(update={"findings": (said,)}), scan)


def test_a_ct_of_another_format_has_none_and_nothing_is_said(scene, plan):
    scan = scan_of(scene, plan, ())
    assert not list(no_headers(scan))
    assert not has_headers(plan, scan)
