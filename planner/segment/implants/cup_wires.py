"""A cemented cup of polyethylene, told by its wire marker and by where its plastic meets cement."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from planner.geometry.frames import Array, points_lps, unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import perpendicular_pair
from planner.segment.implants.hip_balls import Shell
from planner.segment.implants.hip_edges import Scanned
from planner.segment.implants.hip_spheres import Sphere, even_directions
from planner.segment.unwrap import sampler_round
from planner.segment.upright import Bools, Floats

_REACH_MM = (3.0, 19.0)
"""How far from the head's surface a wire runs: plastic is at least 6 mm thick, cups are up to 64 mm across."""
_SLACK_MM = 1.3
"""A wire's voxels lie this near to its circle: half of its 1.6 mm, and half a voxel of 1 mm."""
_LEAST_VOXELS = 40
_LEAST_TURN = 0.65
"""Share of a whole turn that a ring must show."""
_TRIALS = 300
_OFF_PLANE_MM = 4.0
_ARCH_SHARE = 0.15
"""Share of the wire's voxels off the ring's plane that are an arch."""
_CEMENT_HU = 700.0
"""Half way from polyethylene (-90) to opacified cement (1000-2500 HU)."""
_WITHIN_MM, _OUTSIDE_MM = 2.0, 8.0
"""From the wire: the plastic between it and the head is as thin as 4 mm; cups end 1-3 mm outside of it."""
_LEAST_SHOWN = 0.3


def find_wire_cup(scanned: Scanned, head: Sphere, hu: Floats, stem: Bools, grid: Grid) -> tuple[Shell, Bools] | None:
    """Find a cup of plastic about a head.

    Parameters
    ----------
    scanned : Scanned
        The CT.
    head : Sphere
        The head.
    hu : ndarray, shape ``grid.shape``
        The CT on an upright grid.
    stem : ndarray of bool, shape ``grid.shape``
        Metal that is the stem's.
    grid : Grid
        The grid.

    Returns
    -------
    shell : Shell
        Its outside against the cement, and its opening. The sphere's plateau is that of the wire.
    wire : ndarray of bool, shape ``grid.shape``
        The marker's voxels.
        None where no wire runs at least two thirds round, or no cement shows where the plastic ends.

    Notes
    -----
    The ring's plane is found by trying planes through three of the wire's voxels (RANSAC: Fischler and Bolles 1981,
    doi 10.1145/358669.358692). With an arch over the dome the centre is that of the sphere through all of the wire;
    of a ring alone it lies on the ring's axis beside the head's centre.
    """
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), -1)
    far = np.linalg.norm(np.asarray(grid.to_lps(index)) - head.centre_lps, axis=-1)
    about = (far > head.radius_mm + _REACH_MM[0]) & (far < head.radius_mm + _REACH_MM[1])
    wire = about & ~stem & (hu > scanned.config.wire_hu)
    points = np.asarray(grid.to_lps(np.argwhere(wire)))
    if len(points) < _LEAST_VOXELS:
        return None
    ring = _ring(points)
    if ring is None:
        return None
    middle, normal, radius, inliers = ring
    stemward = np.asarray(grid.to_lps(np.argwhere(stem))).mean(axis=0) - head.centre_lps if stem.any() else -normal
    opening = normal if normal @ stemward > 0 else -normal
    off = ~inliers & ((points - middle) @ opening < -_OFF_PLANE_MM)
    centre = middle + ((head.centre_lps - middle) @ opening) * opening
    if off.sum() > _ARCH_SHARE * len(points):
        centre, through = _sphere_on_axis(points[inliers | off], middle, opening, float(np.hypot(radius, 3.0)))
        wire[tuple(np.argwhere(wire)[np.abs(np.linalg.norm(points - centre, axis=1) - through) > 2.0].T)] = False
    ring_mm = float(np.linalg.norm(points[inliers] - centre, axis=1).mean())
    outside = _plastic_radius_mm(scanned, centre, opening, ring_mm)
    if outside is None:
        return None
    plateau = float(np.percentile(hu[wire], 90))
    sphere = Sphere(points_lps(centre), outside, 0.5, plateau, scanned.blur, np.zeros(len(head.shown), dtype=bool))
    return Shell(sphere, opening, 0.0, None), wire


def _ring(points: Array) -> tuple[Array, Array, float, npt.NDArray[np.bool_]] | None:
    """Middle, normal and radius of the circle that holds most points, and which these are; None without a ring."""
    random = np.random.default_rng(0)
    best: tuple[Array, Array, float, npt.NDArray[np.bool_]] | None = None
    for _ in range(_TRIALS):
        circle = _circle_through(points[random.choice(len(points), 3, replace=False)])
        if circle is not None:
            near = _near_circle(points, *circle)
            if best is None or near.sum() > best[3].sum():
                best = (*circle, near)
    if best is None:
        return None
    for _ in range(3):
        on = points[best[3]]
        if len(on) < _LEAST_VOXELS // 2:
            return None
        middle, normal, radius = _fitted_circle(on)
        best = (middle, normal, radius, _near_circle(points, middle, normal, radius))
    middle, normal, _, near = best
    u, v = perpendicular_pair(normal)
    from_middle = points[near] - middle
    turn = np.arctan2(from_middle @ v, from_middle @ u)
    shown = len(np.unique(np.floor((turn + np.pi) / (2 * np.pi) * 36).astype(int))) / 36
    return best if shown >= _LEAST_TURN else None


def _circle_through(three: Array) -> tuple[Array, Array, float] | None:
    a, b = three[1] - three[0], three[2] - three[0]
    normal = np.cross(a, b)
    area = float(normal @ normal)
    if area < 100.0:  # mm4: too near to each other to turn a plane by
        return None
    middle = three[0] + (np.cross(normal, a) * (b @ b) + np.cross(b, normal) * (a @ a)) / (2 * area)
    return middle, unit(normal), float(np.linalg.norm(middle - three[0]))


def _near_circle(points: Array, middle: Array, normal: Array, radius: float) -> npt.NDArray[np.bool_]:
    height = (points - middle) @ normal
    across = np.linalg.norm(points - middle - height[:, None] * normal, axis=1)
    return np.asarray(np.hypot(across - radius, height) < _SLACK_MM)


def _fitted_circle(points: Array) -> tuple[Array, Array, float]:
    middle = points.mean(axis=0)
    normal = np.linalg.svd(points - middle, full_matrices=False)[2][2]
    u, v = perpendicular_pair(normal)
    flat = np.stack([(points - middle) @ u, (points - middle) @ v], axis=1)
    a, b, c = np.linalg.lstsq(np.column_stack([2 * flat, np.ones(len(flat))]), (flat**2).sum(axis=1), rcond=None)[0]
    return middle + a * u + b * v, normal, float(np.sqrt(c + a * a + b * b))


def _sphere_on_axis(points: Array, middle: Array, opening: Array, radius: float) -> tuple[Array, float]:
    """Lay a sphere through ring and arch, its centre on the ring's axis."""

    def misfit(p: Array) -> Array:
        return np.asarray(np.linalg.norm(points - middle - p[0] * opening, axis=1) - p[1])

    found = least_squares(misfit, np.array([3.0, radius]), loss="soft_l1", f_scale=0.5).x
    return np.asarray(middle + found[0] * opening), float(found[1])


def _plastic_radius_mm(scanned: Scanned, centre: Array, opening: Array, ring_mm: float) -> float | None:
    """Median distance at which plastic turns into cement over the dome; None where that shows on too little of it."""
    directions = even_directions(400)
    dome = directions[directions @ opening < -0.25]
    sampler = sampler_round(scanned.volume.hu, scanned.volume.grid, centre[None], margin_mm=ring_mm + 12.0)
    rho = np.arange(ring_mm - _WITHIN_MM, ring_mm + _OUTSIDE_MM, 0.1)
    values = sampler.at(centre + rho[None, :, None] * dome[:, None, :])
    rises = (values[:, 1:] >= _CEMENT_HU) & (values[:, :-1] < _CEMENT_HU)
    # a ray that starts in the wire, or never leaves the plastic, tells nothing
    good = rises.any(axis=1) & (values[:, :5].mean(axis=1) < _CEMENT_HU / 2)
    if good.mean() < _LEAST_SHOWN:
        return None
    return float(np.median(rho[1:][np.argmax(rises[good], axis=1)]))
