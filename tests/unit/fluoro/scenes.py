"""Made-up targets, metal and landmarks for tests of what a view shows; left and right, front and back differ."""

import numpy as np

from planner.config.gantry import GantryLimits
from planner.fluoro.metal_lengths import metal_block
from planner.fluoro.visibility import TargetScene
from planner.geometry.frames import points_lps, unit
from planner.geometry.grid import Grid
from planner.model.view_landmark import ViewLandmark
from planner.model.volume import Mask

CENTRE = np.array([20.0, -15.0, 80.0])
EVERYWHERE = GantryLimits(primary_min_deg=-180, primary_max_deg=180, secondary_min_deg=-90, secondary_max_deg=90)


def grid_about(centre=CENTRE, *, shape=(90, 100, 110), spacing_mm=1.0):
    matrix = np.eye(4)
    matrix[:3, :3] = spacing_mm * np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    matrix[:3, 3] = centre - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, matrix)


def rod(from_centre, *, half_mm=20.0, radius_mm=3.0, grid=None):
    """A rod along the body's axis, so far from the middle."""
    grid = grid_about() if grid is None else grid
    at = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))) - CENTRE - np.asarray(from_centre)
    return Mask(grid, (np.hypot(at[..., 0], at[..., 1]) <= radius_mm) & (np.abs(at[..., 2]) <= half_mm))


def no_metal():
    grid = grid_about()
    return Mask(grid, np.zeros(grid.shape, bool))


def ball_points(radius_mm=2.0, count=120):
    rng = np.random.default_rng(7)
    return points_lps(CENTRE + radius_mm * unit(rng.normal(size=(count, 3))) * rng.uniform(0, 1, (count, 1)) ** (1 / 3))


def scene(metal, *, points=None, hiding_mm=2.0, position="HFS", gantry=EVERYWHERE, landmarks=()):
    block = metal_block(metal, hiding_mm=hiding_mm)
    return TargetScene("gap-1", ball_points() if points is None else points, block, position, gantry, landmarks)


def sphere(radius_mm=10.0, count=4000):
    """The surface of a ball, spread evenly (Fibonacci), each place a stretch of its own."""
    k = np.arange(count) + 0.5
    up, turn = 1.0 - 2.0 * k / count, np.pi * (1.0 + 5.0**0.5) * k
    out = np.stack([np.cos(turn) * np.sqrt(1 - up**2), np.sin(turn) * np.sqrt(1 - up**2), up], axis=-1)
    return surface(CENTRE + radius_mm * out, out, np.arange(count))


def tube(axis, *, radius_mm=6.0, half_mm=2.0, parts=16):
    """The surface of a tube about the middle, in stretches round it."""
    axis = unit(axis)
    across = unit(np.cross(axis, [0.3, 0.5, -0.8]))
    other = np.cross(axis, across)
    turn, along = (v.ravel() for v in np.meshgrid(np.arange(320) / 320, np.linspace(-half_mm, half_mm, 7)))
    out = np.cos(2 * np.pi * turn)[:, None] * across + np.sin(2 * np.pi * turn)[:, None] * other
    return surface(CENTRE + radius_mm * out + along[:, None] * axis, out, np.floor(turn * parts).astype(np.intp))


def plate(normal, *, half_mm=12.0):
    """A flat plate about the middle, each place a stretch of its own."""
    normal = unit(normal)
    across = unit(np.cross(normal, [0.3, 0.5, -0.8]))
    steps = np.linspace(-half_mm, half_mm, 13)
    a, b = (v.ravel()[:, None] for v in np.meshgrid(steps, steps))
    at = CENTRE + a * across + b * np.cross(normal, across)
    return surface(at, np.broadcast_to(normal, at.shape).copy(), np.arange(len(at)))


def surface(at, out, parts, *, name="pedicle ring", side="left"):
    return ViewLandmark(name, "vertebra-1", None, side, points_lps(at), out, np.asarray(parts, dtype=np.intp))
