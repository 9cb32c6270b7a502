"""The sample series are what their README says, and no byte has changed."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from planner import load_ct
from planner.phantoms.case import design

SAMPLES = Path(__file__).resolve().parents[2] / "sample_dicoms"


def test_no_byte_has_changed() -> None:
    lines = (SAMPLES / "SHA256SUMS").read_text().splitlines()
    named = {line.split(maxsplit=1)[1]: line.split(maxsplit=1)[0] for line in lines}
    there = {str(p.relative_to(SAMPLES)) for p in SAMPLES.glob("*/*")}
    assert set(named) == there
    for name, checksum in named.items():
        assert hashlib.sha256((SAMPLES / name).read_bytes()).hexdigest() == checksum, name


def test_they_are_small() -> None:
    assert sum(p.stat().st_size for p in SAMPLES.rglob("*") if p.is_file()) < 30e6


@pytest.mark.parametrize("kind", ["hip", "lumbar", "thoracic"])
def test_a_sample_is_its_phantom(kind: str) -> None:
    """A few planes of the file against the scene itself, in LPS: made by today's code, not by yesterday's."""
    made = design(kind)  # type: ignore[arg-type]
    volume = load_ct(SAMPLES / kind)
    assert volume.grid.is_same(made.grid) or np.allclose(volume.grid.corners_lps, made.grid.corners_lps, atol=1e-2)
    middle = volume.grid.shape[0] // 2
    rows, columns = np.mgrid[8 : volume.grid.shape[1] - 8 : 7, 8 : volume.grid.shape[2] - 8 : 7]
    index = np.stack([np.full(rows.size, middle), rows.ravel(), columns.ravel()], axis=1)
    true_hu = made.scene.hu_at(volume.grid.to_lps(index))
    ceiling = made.ideal.hu_clipped_at or 32767.0
    apart = np.abs(np.asarray(volume.hu)[tuple(index.T)] - np.minimum(true_hu, ceiling))
    # Away from surfaces the scan is the scene and its noise; a third of the points may lie near one.
    assert np.quantile(apart, 0.6) < 3 * made.ideal.noise_sd_hu


@pytest.mark.parametrize("kind", ["hip", "lumbar", "thoracic"])
def test_each_sample_has_a_gap_and_a_breach(kind: str) -> None:
    truth = design(kind).truth  # type: ignore[arg-type]
    assert truth.gaps
    assert any(implant.loose for implant in truth.implants)
    assert any(implant.loose is False for implant in truth.implants)
