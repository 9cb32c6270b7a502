"""Numbers pass for Hounsfield units where air, fat and soft tissue lie where they should, and nowhere else."""

import nibabel as nib
import numpy as np
import pytest

from planner.errors import SeriesError
from planner.io import load_ct, load_scan
from planner.io.hu_plausibility import assumed_finding, doubt, require_hu


def body(*, air=True, seed=0):
    """Muscle, fat, spongy and dense bone with noise; with air round it or cropped to the inside."""
    rng = np.random.default_rng(seed)
    hu = np.full((30, 60, 60), 50.0)
    hu[:, :15] = -100
    hu[:, 20:40, 20:40] = 250
    hu[:, 20:40, 20:23] = 1100
    if air:
        hu[:, :, :12] = -1000
    return np.rint(hu + rng.normal(0, 20, hu.shape)).astype(np.int32)


def metal(hu):
    hu = hu.copy()
    hu[5:25, 28:34, 28:34] = 8000
    return hu


def contrast(hu):
    hu = hu.copy()
    hu[:, 45:55, 45:55] += 300
    return hu


def lung(hu):
    hu = hu.copy()
    hu[:, 40:, 15:] = -850
    return hu


PLAUSIBLE = {
    "body": body(),
    "cropped to the inside": body(air=False),
    "bone with no air and little else": body(air=False)[:, 16:44, 16:44],
    "metal": metal(body()),
    "contrast": contrast(body()),
    "lung": lung(body()),
    "floats": body().astype(np.float32) + np.float32(0.25),
    "clipped at the foot": np.maximum(body(), -1000),
    "a drawing without noise": np.where(np.arange(60) < 20, -1000, np.where(np.arange(60) < 50, 40, 1200))
    * np.ones((10, 60, 1)),
}


@pytest.mark.parametrize("kind", PLAUSIBLE)
def test_ct_of_every_kind_passes(kind):
    assert doubt(PLAUSIBLE[kind]) is None
    require_hu(PLAUSIBLE[kind], "x")


@pytest.mark.parametrize("air", [True, False])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda hu: hu + 1024, r"looks like HU \+ 1024"),
        (lambda hu: hu + 1000, r"looks like HU \+ 1024"),
        (lambda hu: np.maximum(hu + 1024, 0), r"looks like HU \+ 1024"),
        (lambda hu: hu - 1024, "looks like HU - 1024"),
        (lambda hu: (hu + 1100) / 3000, r"scaled to 0\.\.1"),
        (lambda hu: np.clip((hu + 200) / 2, 0, 255).astype(np.uint8), "grey values from 0 to 255"),
        (lambda hu: hu.astype(np.uint16), "read as unsigned"),
        (lambda hu: (hu - hu.mean()) / hu.std(), "span less"),
        (lambda hu: hu + 8192, "between air and water"),
        (lambda hu: np.maximum(hu, 0) + 400, "between air and water"),
    ],
)
def test_what_is_not_hu_is_told_by_what_it_looks_like(spoil, words, air):
    with pytest.raises(SeriesError, match=words) as raised:
        require_hu(spoil(body(air=air)), "x.nii")
    assert "--assume-hu" in str(raised.value) and "\n" not in str(raised.value)


def test_padding_does_not_count():
    hu, padding = body(), np.zeros((30, 60, 60), dtype=bool)
    padding[:, :30] = True
    hu[padding] = -1024
    assert "HU + 1024" in str(doubt(np.where(padding, -1024, hu + 1024), padding=padding))
    assert doubt(hu, padding=padding) is None
    assert doubt(hu, padding=np.ones_like(padding)) == "there is no measured voxel"


def test_an_unmarked_constant_far_below_does_not_count():
    hu = body() + 1024
    hu[:, :4] = -976
    assert "HU + 1024" in str(doubt(hu))


def write_nifti(path, hu):
    image = nib.Nifti1Image(hu.transpose(2, 1, 0), np.diag([0.8, 0.8, 1.0, 1.0]))
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


def test_a_nifti_file_without_hu_is_refused_and_taken_on_the_users_word(tmp_path):
    shifted = (body() + 1024).astype(np.int16)
    path = write_nifti(tmp_path / "ct.nii", shifted)
    with pytest.raises(SeriesError, match=r"ct\.nii is not in Hounsfield units: it looks like HU \+ 1024"):
        load_ct(path)
    scan = load_scan(path, assume_hu=True)
    assert np.array_equal(scan.volume.hu, shifted)
    assert "hu-assumed" in [f.code for f in scan.findings]


def test_a_nifti_file_with_padding_and_clipping_says_so(tmp_path):
    hu = np.minimum(metal(body()), 3071).astype(np.int16)
    outside = np.zeros(hu.shape, dtype=bool)
    outside[:, :6], outside[:, -6:] = True, True
    hu[outside] = -2000
    scan = load_scan(write_nifti(tmp_path / "ct.nii", hu))
    assert scan.series.hu_clipped_at == 3071 and scan.series.hu_min > -1100
    assert np.count_nonzero(scan.volume.padding) == np.count_nonzero(outside)
    assert scan.volume.hu.min() == -1024 or scan.volume.hu.min() > -1100
    assert {"hu-clipped", "padding"} <= {f.code for f in scan.findings}


def test_the_finding_is_a_caution_with_its_reason():
    finding = assumed_finding("it looks like HU + 1024; export it anew, or give --assume-hu")
    assert "(it looks like HU + 1024)" in finding.message and "export" not in finding.message
    assert (finding.code, finding.severity) == ("hu-assumed", "caution")
    assert "HU + 1024" in finding.message
