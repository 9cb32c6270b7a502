"""What back-projection makes of exact views: the number of a disc, and the sharpness of its edge."""

import numpy as np
import pytest

from planner.phantoms.scanner.projection import view_angles
from planner.phantoms.scanner.reconstruction import KERNELS, back_project, filter_views

SAMPLE_MM, DETECTOR_MM, FOCUS_MM = 0.3, 0.6, 0.4
RADIUS_MM, CENTRE = 15.0, (4.0, -6.0)


def _views(angles: np.ndarray, sample_mm: np.ndarray) -> np.ndarray:
    """Chords of a disc, blurred by the element and the focus."""
    fine = np.linspace(-0.5, 0.5, 21)
    blur = (DETECTOR_MM * fine[:, None] + FOCUS_MM * fine[None, :]).ravel()
    out = np.zeros((len(angles), len(sample_mm)))
    for view, angle in enumerate(angles):
        away = sample_mm - CENTRE[0] * np.cos(angle) - CENTRE[1] * np.sin(angle)
        for offset in blur:
            out[view] += 2.0 * np.sqrt(np.maximum(RADIUS_MM**2 - (away + offset) ** 2, 0.0))
    return out / len(blur)


@pytest.fixture(scope="module", params=["soft", "bone"])
def disc(request: pytest.FixtureRequest) -> tuple[str, np.ndarray, np.ndarray]:
    angles, sample_mm = view_angles(240), (np.arange(200) - 99.5) * SAMPLE_MM
    views = _views(angles, sample_mm)[None].astype(np.float32)
    filtered = filter_views(views, sample_mm=SAMPLE_MM, kernel=KERNELS[request.param], blurs_mm=(DETECTOR_MM, FOCUS_MM))
    place = np.arange(-24.0, 24.0, 0.2)
    image = back_project(
        filtered, angles=angles, first_mm=float(sample_mm[0]), sample_mm=SAMPLE_MM, x_mm=place, y_mm=place
    )[0]
    y, x = np.meshgrid(place, place, indexing="ij")
    return request.param, np.hypot(x - CENTRE[0], y - CENTRE[1]), image


def test_a_disc_has_its_number(disc: tuple[str, np.ndarray, np.ndarray]) -> None:
    _, radius, image = disc
    assert image[radius < 12.0].mean() == pytest.approx(1.0, abs=0.002)
    assert np.abs(image[radius < 12.0] - 1.0).max() < 0.02
    assert image[(radius > 18.0) & (radius < 22.0)].mean() == pytest.approx(0.0, abs=0.002)


def test_its_edge_has_the_sharpness_of_the_kernel(disc: tuple[str, np.ndarray, np.ndarray]) -> None:
    name, radius, image = disc
    bins = np.arange(10.0, 20.0, 0.05)
    near = (radius > 10.0) & (radius < 20.0)
    index = np.digitize(radius[near], bins) - 1
    count = np.bincount(index, minlength=len(bins))
    edge = np.bincount(index, image[near], len(bins)) / np.maximum(count, 1)
    edge = np.interp(bins, bins[count > 0], edge[count > 0])
    spread = -np.gradient(edge) * np.hanning(len(edge))
    transfer = np.abs(np.fft.rfft(spread, 8192))
    per_cm = np.fft.rfftfreq(8192, 0.05) * 10.0
    transfer /= transfer[0]
    kernel = KERNELS[name]
    half = per_cm[np.argmax(transfer < 0.5)]
    tenth = per_cm[np.argmax(transfer < 0.1)]
    assert half == pytest.approx(kernel.mtf50_per_cm, rel=0.08)
    assert tenth == pytest.approx(kernel.mtf10_per_cm, rel=0.08)


def test_the_bone_kernel_is_the_sharper_one() -> None:
    at = np.array([0.0, 0.4, 0.8])
    soft, bone = (KERNELS[name].mtf(at) for name in ("soft", "bone"))
    assert soft[0] == bone[0] == pytest.approx(1.0)
    assert np.all(bone[1:] > soft[1:])


def test_readings_of_any_number_are_sharpened_alike() -> None:
    """With 1450 readings the transform has 2916 values, and 2916 times its own reciprocal is not 1."""
    peaks = []
    for count in (1440, 1450):
        views = np.zeros((1, 1, count), dtype=np.float32)
        views[0, 0, count // 2] = 1.0
        out = filter_views(views, sample_mm=0.3, kernel=KERNELS["bone"], blurs_mm=(0.6, 0.4))[0, :, 0]
        peaks.append(float(out[count]))
    assert peaks[1] == pytest.approx(peaks[0], rel=1e-3)
    assert peaks[0] > 0
