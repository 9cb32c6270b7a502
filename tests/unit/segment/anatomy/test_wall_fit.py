import numpy as np
import pytest
from scipy.special import ndtr

from planner.segment.anatomy.wall_fit import fit_walls

DEPTH = np.arange(-2.0, 9.1, 0.2)


def profile(
    face: float, thick: float, *, blur: float = 0.5, density: float = 1000.0, outer=40.0, inner=100.0
) -> np.ndarray:
    first, second = ndtr((DEPTH - face) / blur), ndtr((DEPTH - face - thick) / blur)
    return outer * (1 - first) + density * (first - second) + inner * second


def fitted(rows: list[np.ndarray], *, density: float = 1000.0, blur: float = 0.5):
    return fit_walls(np.array(rows), DEPTH, np.full(len(rows), blur), np.full(len(rows), density))


@pytest.mark.parametrize("thick", [0.4, 0.8, 1.5, 3.0, 5.0])
def test_faces_of_thin_and_thick_walls_are_found_to_a_tenth_of_a_millimetre(thick):
    faces = [-0.8, 0.0, 0.7]
    fit = fitted([profile(f, thick) for f in faces])
    assert np.allclose(fit.thickness_mm, thick, atol=0.05)
    assert np.allclose(fit.face_mm, faces, atol=0.05)
    assert np.allclose(fit.outer_hu, 40.0, atol=15.0)


def test_noise_moves_the_thickness_little():
    random = np.random.default_rng(5)
    fit = fitted([profile(0.1, 1.0) + random.normal(0, 30, len(DEPTH)) for _ in range(200)])
    known = np.isfinite(fit.error_hu)
    assert known.mean() > 0.95
    assert np.median(np.abs(fit.thickness_mm[known] - 1.0)) < 0.1


def test_the_product_of_thickness_and_density_is_what_a_thin_wall_shows():
    fit = fitted([profile(0.0, 0.4, density=1000.0)], density=800.0)
    assert fit.thickness_mm[0] == pytest.approx(0.4 * 955 / 755, abs=0.06)


@pytest.mark.parametrize(
    "row",
    [np.full(len(DEPTH), 50.0), np.where(DEPTH > 0, 1000.0, 40.0), np.full(len(DEPTH), np.nan)],
    ids=["no wall", "no inner face", "not read"],
)
def test_without_a_wall_or_its_inner_face_nothing_is_measured(row):
    assert not np.isfinite(fitted([row]).error_hu[0]) or fitted([row]).thickness_mm[0] < 0.11


def test_no_profile_gives_no_fit():
    assert len(fit_walls(np.zeros((0, len(DEPTH))), DEPTH, np.zeros(0), np.zeros(0)).face_mm) == 0
