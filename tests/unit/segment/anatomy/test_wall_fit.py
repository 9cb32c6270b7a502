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


def shares(face: float, thick: float, depth: np.ndarray, blur: float) -> tuple[np.ndarray, np.ndarray]:
    """How much of each sample lies below the outer face, and below the inner one, off the same table."""
    places = np.arange(-5.0, 5.005, 0.005)
    x, y = (depth - face) / blur, (depth - face - thick) / blur
    return tuple(np.interp(at, places, ndtr(places), left=0.0, right=1.0) for at in (x, y))


def levels(read: np.ndarray, in_wall: np.ndarray, beneath: np.ndarray, density: float) -> tuple[float, float, float]:
    """What is left, and the levels outside and below, by least squares."""
    rest = read - density * (in_wall - beneath)
    system = np.column_stack([1.0 - in_wall, beneath])
    if len(read) < 8 or np.linalg.det(system.T @ system) < 1e-3:
        return np.inf, 0.0, 0.0
    outer, inner = np.linalg.solve(system.T @ system, system.T @ rest)
    left = rest @ rest - outer * (system[:, 0] @ rest) - inner * (system[:, 1] @ rest)
    return float(np.sqrt(max(left, 0.0) / len(read))), float(outer), float(inner)


def slow_start(row: np.ndarray, blur: float, density: float, start: float) -> tuple[float, ...]:
    """Gauss and Newton's way from one start, with whole arrays and solvers in place of sums."""
    last = start * 1.5 + 2.2
    kept = (DEPTH >= -1.8) & (last >= DEPTH) & np.isfinite(row)
    depth, read = DEPTH[kept], row[kept]
    at, damping = np.array([0.0, start]), 1e-2
    error, outer, inner = levels(read, *shares(*at, depth, blur), density)
    for _ in range(12):
        if not np.isfinite(error):
            break
        in_wall, beneath = shares(*at, depth, blur)
        x, y = (depth - at[0]) / blur, (depth - at.sum()) / blur
        edge, end = (-np.exp(-0.5 * v * v) / (blur * np.sqrt(2 * np.pi)) for v in (x, y))
        by_thick = (inner - density) * end
        slope = np.column_stack([(density - outer) * edge + by_thick, by_thick])
        rest = read - outer * (1.0 - in_wall) - density * (in_wall - beneath) - inner * beneath
        normal = slope.T @ slope + damping * np.diag(np.diag(slope.T @ slope))
        if np.linalg.det(normal) <= 0.0:
            break
        new = at + np.clip(np.linalg.solve(normal, slope.T @ rest), -0.6, 0.6)
        new = np.array([np.clip(new[0], -1.6, 1.6), max(new[1], 0.1)])
        tried = levels(read, *shares(*new, depth, blur), density)
        if tried[0] < error:
            moved, at, damping = np.abs(new - at).sum(), new, damping * 0.3
            error, outer, inner = tried
            if moved < 0.005:
                break
        else:
            damping *= 10.0
    seen = abs(at[0]) < 1.6 and at[1] > 0.1 and at.sum() < last - 1.1
    is_wall = seen and outer < 0.7 * density and inner < outer + 0.7 * (density - outer)
    return at[0], at[1], outer, inner, error if is_wall else np.inf


def slow_fit(row: np.ndarray, blur: float, density: float) -> tuple[float, ...]:
    best = (np.nan,) * 4 + (np.inf,)
    for start in (0.6, 1.3, 2.6, 4.5, 7.0):
        found = slow_start(row, blur, density, start)
        best = found if found[4] < best[4] else best
        if np.isfinite(best[4]) and best[1] < 0.7 * start:
            break
    return best


@pytest.mark.parametrize(
    "lost",
    [slice(0, 0), slice(35, None), slice(1, None, 2)],
    ids=["nothing", "the deep ones", "every second"],
)
def test_walls_are_those_that_a_plain_fit_finds(lost):
    random = np.random.default_rng(8)
    thick, face = random.uniform(0.4, 5.5, 40), random.uniform(-0.7, 0.7, 40)
    rows = [profile(f, t) + random.normal(0, 20, len(DEPTH)) for f, t in zip(face, thick, strict=True)]
    for row in rows:
        row[lost] = np.nan
    fit = fitted(rows)
    found = np.column_stack([fit.face_mm, fit.thickness_mm, fit.outer_hu, fit.inner_hu, fit.error_hu])
    expected = np.array([slow_fit(row, 0.5, 1000.0) for row in rows])
    expected[~np.isfinite(expected[:, 4])] = np.nan
    assert np.isfinite(expected[:, 4]).sum() > 20
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
