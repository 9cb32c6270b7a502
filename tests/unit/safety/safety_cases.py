"""A pin with a gap round it in a block of bone, one face of which stands near: what walls are measured on."""

import numpy as np
from scipy.special import ndtr

from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.volume import Mask, Volume


def turned_grid(edge_mm, turn_deg=0.0, size_mm=(28.0, 32.0, 40.0)):
    """A grid about the origin, slices along S, its rows turned about S."""
    shape = tuple(round(size / edge_mm) for size in size_mm)
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    matrix = np.eye(4)
    matrix[:3, :3] = edge_mm * np.array([[0.0, -s, c], [0.0, c, s], [1.0, 0.0, 0.0]])
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape) - 1.0) / 2.0)
    return Grid(shape, matrix)


def blurred_block(
    wall_mm, *, edge_mm=0.8, blur_mm=0.6, turn_deg=0.0, cortex_hu=1000.0, cancellous_hu=None, masks=None, hu_shift=0.0
):
    """A gap of 4 mm radius round a pin along P, its left wall `wall_mm` thick; its mask runs 0.3 mm out.

    Parameters
    ----------
    cancellous_hu : float or None
        What the wall reads below its outer 1 mm; None: all of it is cortex.
    masks : dict or None
        Compartments by name, from the positions' x, y, z.
    """
    grid = turned_grid(edge_mm, turn_deg)
    x, y, z = np.moveaxis(np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))), -1, 0)
    around = np.hypot(x, z)
    metal = (around < 2.0) & (np.abs(y) < 11.0)
    gap = (around < 4.0) & (np.abs(y) < 9.0) & ~metal
    face = 4.0 + wall_mm

    def inside(from_mm, to_mm):
        return ndtr((x - from_mm) / blur_mm) - ndtr((x - to_mm) / blur_mm)

    # blur adds up: what a gap takes out of a bone is taken out of its blurred picture
    in_gap = ndtr((4.0 - around) / blur_mm) * (np.abs(y) < 9.0)
    inner = face if cancellous_hu is None else face - 1.0
    dense = (cortex_hu if cancellous_hu is None else cancellous_hu) - 40.0
    hu = 40.0 + dense * np.clip(inside(-12.0, inner) - in_gap, 0.0, 1.0) + hu_shift
    if cancellous_hu is not None:
        hu += (cortex_hu - 40.0) * inside(inner, face)
    hu = np.where(metal, 3000.0, hu).astype(np.float32)
    made = {name: Mask(grid, make(x, y, z)) for name, make in (masks or {}).items()}
    return Anatomy(
        ct=Volume(grid, hu),
        metal=Mask(grid, metal),
        bone=Mask(grid, (x > -12.0) & (x < face + 0.3)),
        gaps=(GapSpace("gap-1", None, Mask(grid, gap)),),
        implants=(),
        **made,
    )
