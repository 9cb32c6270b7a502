"""Metal before loading: from a few slices' pixels, or from their headers."""

import numpy as np
import pytest

from planner.io.dicom import metal
from planner.io.dicom.metal import METAL_HU, metal_in_headers, metal_in_pixels
from planner.io.dicom.slices import read_slices


def block(shape, voxels):
    hu = np.full(shape, 40, dtype=np.int16)
    hu[: voxels[0], 2 : 2 + voxels[1], 2 : 2 + voxels[2]] = 3000
    return hu


def headers_of(paths):
    return [header for path in paths for header in read_slices(path)]


@pytest.mark.parametrize("spacing", [(1.0, 0.8, 0.7), (2.5, 0.8, 0.7), (7.0, 0.8, 0.7)])
def test_the_volume_of_metal(tmp_path, write, grid_of, spacing):
    shape = (40, 20, 24)
    paths = write(tmp_path, block(shape, (20, 10, 12)), grid_of(shape=shape, spacing=spacing))
    found = metal_in_pixels(headers_of(paths))
    assert found.unit == "mL"
    assert found.amount == pytest.approx(20 * 10 * 12 * np.prod(spacing) / 1000, rel=0.15)


def test_few_slices_are_looked_at(tmp_path, write, grid_of, monkeypatch):
    shape = (40, 20, 24)
    headers = headers_of(write(tmp_path, block(shape, (20, 10, 12)), grid_of(shape=shape, spacing=(1.0, 0.8, 0.7))))
    looked = []
    read_hu = metal.read_hu
    monkeypatch.setattr(metal, "read_hu", lambda some, **rest: looked.extend(some) or read_hu(some, **rest))
    metal_in_pixels(headers)
    assert len(looked) == 8, "every 5 mm"
    assert len({h.position_lps for h in looked}) == 8


def test_a_speck_is_no_metal(tmp_path, write, grid_of):
    shape = (12, 20, 24)
    found = metal_in_pixels(headers_of(write(tmp_path, block(shape, (1, 2, 2)), grid_of(shape=shape))))
    assert found.amount == 0


def test_what_cannot_be_read_is_not_known(tmp_path, write, hu, grid):
    paths = write(tmp_path, hu, grid, RescaleSlope=None)
    assert metal_in_pixels(headers_of(paths)) is None
    assert metal_in_headers(headers_of(paths)) is None


def test_headers_tell_where_they_name_the_largest_value(slice_at):
    dark, bright = round(METAL_HU) + 1000, round(METAL_HU) + 1100
    told = [slice_at(float(z), largest_pixel=bright if z < 5 else dark) for z in range(20)]
    assert (metal_in_headers(told).amount, metal_in_headers(told).unit) == (5.0, "mm")
    assert metal_in_headers([*told, slice_at(20.0)]) is None


def test_a_signed_largest_value_below_zero_is_no_metal(slice_at):
    told = [slice_at(float(z), largest_pixel=65000, signed=True, intercept=0.0) for z in range(20)]
    assert metal_in_headers(told).amount == 0
