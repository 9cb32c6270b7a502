"""Clipping is found where it is, and nowhere else."""

import numpy as np
import pytest
from scipy import ndimage

from planner.io import load_scan
from planner.io.hu_scale import bright_counts, clipped_finding, clipping_level, is_noise_free, unmeasured


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


def test_a_drawing_without_noise_is_clipped_only_at_a_known_end():
    hu = np.full((10, 30, 30), 40, dtype=np.int16)
    hu[:, :8] = -1000
    hu[2:8, 15:20, 15:20] = 8000
    assert is_noise_free(hu) and not is_noise_free(metal().astype(np.int16))
    assert clipping_level(hu) is None
    assert clipping_level(np.minimum(hu, 3071)) == 3071.0
    assert clipping_level(hu, ceiling_hu=8000.0) == 8000.0


def test_writing_burnt_in_above_the_end_of_the_scale_does_not_hide_it():
    hu = np.minimum(metal(), 3071).astype(np.int16)
    hu[0, 0, :30] = 4500
    assert clipping_level(hu) == 3071.0
    assert clipping_level(np.where(hu == 3071, 2500, hu).astype(np.int16)) == 4500.0


def test_a_clipped_ct_that_was_resampled_smoothly_is_told_by_its_hump():
    rng = np.random.default_rng(2)
    hu = rng.normal(40, 20, (40, 40, 40))
    hu[10:30, 10:30, 10:30] = rng.normal(6000, 900, (20, 20, 20))
    cut, whole = (np.rint(ndimage.zoom(np.minimum(hu, end), 0.7, order=3)).astype(np.int16) for end in (3071, 99_999))
    assert cut.max() > 3100
    assert clipping_level(cut) == 3071.0
    assert clipping_level(whole) is None


def bone_and_metal(*, metal_sd=500.0):
    """A body with bone of all densities and a smooth-edged metal block."""
    rng = np.random.default_rng(0)
    hu = rng.normal(40, 15, (60, 96, 96))
    hu[:, :12] = rng.normal(-990, 5, (60, 12, 96))
    hu[20:35, 30:50, 30:50] = ndimage.gaussian_filter(rng.normal(700, 250, (15, 20, 20)), 1)
    hu[25:45, 55:67, 55:67] = rng.normal(9000, metal_sd, (20, 12, 12))
    return ndimage.gaussian_filter(hu, 0.6) if metal_sd > 100 else hu


@pytest.mark.parametrize("end", [1023, 1500, 2976, 3071])
def test_a_clipped_ct_that_was_resampled_shows_its_end_whether_or_not_that_is_usual(end):
    clipped = np.rint(np.minimum(bone_and_metal(), end))
    assert clipping_level(clipped.astype(np.int16)) == end
    level = clipping_level(np.rint(ndimage.zoom(clipped, 0.7, order=3)).astype(np.int16))
    assert level is not None and abs(level - end) <= 3


@pytest.mark.parametrize("metal_sd", [20.0, 500.0])
@pytest.mark.parametrize("zoom", [1.0, 0.7])
def test_a_whole_ct_is_not_called_clipped_however_it_was_resampled(metal_sd, zoom):
    whole = bone_and_metal(metal_sd=metal_sd)
    hu = whole if zoom == 1.0 else ndimage.zoom(whole, zoom, order=3)
    assert clipping_level(np.rint(hu).astype(np.int16)) is None


def test_a_level_between_whole_hu():
    hu = np.minimum(metal() * 0.75, 2047.25).astype(np.float32)
    assert clipping_level(hu, ceiling_hu=2047.25) == 2047.25


def test_no_bright_voxel_is_counted_below_the_least_ceiling():
    hu = np.array([[900, 999]], dtype=np.int16)
    assert bright_counts(hu, highest_hu=999.0).size == 0
    counts = bright_counts(np.array([936, 1000, 1000, 70_000], dtype=np.int32), highest_hu=70_000.0)
    assert (counts[136], counts[200], counts[-1], counts.sum()) == (1, 2, 1, 4)


@pytest.mark.parametrize(("mark", "found"), [(-2000, True), (-1030, False), (-900, False)])
def test_a_mark_far_below_air_at_the_corners_is_no_measurement(mark, found):
    hu = metal().astype(np.int16)
    hu[:, :3], hu[:, -3:] = -1020, -1020
    hu[:, 1], hu[:, -2] = -1028, -1028
    hu[:, 0], hu[:, -1] = mark, mark
    mask = unmeasured(hu)
    assert (mask is not None) == found
    if mask is not None:
        assert np.array_equal(mask, hu == mark)


def test_a_lowest_value_in_the_middle_is_a_measurement():
    hu = metal().astype(np.int16)
    hu[5, 5, 5] = -3000
    assert unmeasured(hu) is None
