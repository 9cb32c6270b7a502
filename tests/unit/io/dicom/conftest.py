"""Headers of slices without files, for what is decided by headers alone."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planner.io.dicom.headers import SliceHeader
from planner.model.plan import Plan
from tests.unit.io.dicom.full_plans import make_full_plan


def make_slice(z: float, **changes: Any) -> SliceHeader:
    """One axial slice of 200 x 200 mm; its UID tells its place unless the changes do."""
    told = {
        "path": Path("slice"),
        "series_instance_uid": "1.2.3",
        "sop_instance_uid": f"1.2.3.{round(z * 1000)}.{zlib.crc32(repr(sorted(changes.items())).encode())}",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "modality": "CT",
        "image_type": ("ORIGINAL", "PRIMARY", "AXIAL"),
        "frame_of_reference_uid": "1.2.4",
        "position_lps": (-100.0, -100.0, z),
        "along_row_lps": (1.0, 0.0, 0.0),
        "along_column_lps": (0.0, 1.0, 0.0),
        "row_spacing_mm": 1.0,
        "column_spacing_mm": 1.0,
        "rows": 200,
        "columns": 200,
        "slice_thickness_mm": 1.0,
        "kernel": "Br40",
        "patient_position": "HFS",
        "gantry_tilt_deg": 0.0,
        "acquisition_number": "1",
        "temporal_position": "",
        "samples": 1,
        "photometric": "MONOCHROME2",
        "bits_allocated": 16,
        "bits_stored": 16,
        "signed": False,
        "largest_pixel": None,
        "padding": None,
        "padding_limit": None,
        "slope": 1.0,
        "intercept": -1024.0,
        "rescale_type": "",
        "lossy": False,
        "transfer_syntax": "1.2.840.10008.1.2.1",
        "little_endian": True,
        "pixel_offset": 1000,
        "pixel_length": 80_000,
    }
    return SliceHeader(**{**told, **changes})


@pytest.fixture
def slice_at() -> Callable[..., SliceHeader]:
    return make_slice


@pytest.fixture(scope="session")
def full_plan() -> Plan:
    return make_full_plan()
