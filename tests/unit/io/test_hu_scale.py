"""Clipping is found where it is, and nowhere else; what is not HU is refused."""

import numpy as np
import pytest

from planner.errors import SeriesError
from planner.io import load_scan
from planner.io.hu_scale import clipped_finding, clipping_level, require_hu


def metal(seed=0):
    rng = np.random.default_rng(seed)
    hu = rng.normal(40, 20, (20, 40, 40))
    hu[5:15, 15:22, 15:22] = rng.normal(8000, 400, (10, 7, 7))
    return np.rint(hu)


@pytest.mark.parametrize("level", [1023, 2976, 3071, 4000, 5555])
def test_a_pile_on_the_maximum_is_the_level(level):
    assert clipping_level(np.minimum(metal(), level).astype(np.int16)) == level
    assert clipping_level(np.minimum(metal(), level).astype(np.float32)) == level


@pytest.mark.parametrize("seed", range(5))
def test_noisy_metal_is_not_called_clipped(seed):
    assert clipping_level(metal(seed).astype(np.int16)) is None


@pytest.mark.parametrize(("count", "level"), [(3, None), (5, 3071.0)])
def test_a_known_end_of_the_scale_needs_fewer_voxels(count, level):
    hu = np.rint(np.random.default_rng(1).normal(40, 20, (8, 30, 30))).astype(np.int16)
    hu[4, 5, 5 : 5 + count] = 3071
    assert clipping_level(hu) == level


def test_the_ceiling_of_the_file_counts_as_known():
    hu = np.rint(np.random.default_rng(1).normal(40, 20, (8, 30, 30))).astype(np.int16)
    hu[4, 5, 5:11] = 2345
    assert clipping_level(hu) is None
    assert clipping_level(hu, ceiling_hu=2345.0) == 2345.0


def test_soft_tissue_alone_is_not_clipped():
    assert clipping_level(np.full((4, 8, 8), 60, dtype=np.int16)) is None


def test_a_smooth_slope_that_ends_is_not_clipped():
    ramp = np.broadcast_to(np.arange(1000, 3000)[:, None], (2000, 30)).reshape(20, 100, 30)
    assert clipping_level(ramp.astype(np.int16)) is None


def test_the_finding_is_a_caution_with_its_level():
    finding = clipped_finding(3071.0)
    assert (finding.code, finding.severity, finding.measured, finding.unit) == ("hu-clipped", "caution", 3071.0, "HU")


def test_a_loaded_series_says_where_it_is_clipped(tmp_path, hu, grid, write):
    bright = hu.astype(np.int32)
    bright[2:8, 9:14, 12:16] = np.random.default_rng(3).normal(6000, 300, (6, 5, 4))
    write(tmp_path / "whole", bright, grid, intercept=-8192)
    assert load_scan(tmp_path / "whole").series.hu_clipped_at is None
    write(tmp_path / "cut", np.minimum(bright, 3071), grid, bits=12)
    scan = load_scan(tmp_path / "cut")
    assert scan.series.hu_clipped_at == 3071.0
    assert [f.code for f in scan.findings] == ["hu-clipped"]
    assert scan.series.hu_max == 3071.0


@pytest.mark.parametrize("shift", [1100, 2000, -3000])
def test_values_off_the_scale_are_refused(hu, shift):
    with pytest.raises(SeriesError, match="not in Hounsfield units"):
        require_hu(hu + np.int16(shift), "x")


def test_hu_pass(hu):
    require_hu(hu, "x")
