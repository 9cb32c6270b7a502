"""Small synthetic spines for tests: bodies as boxes, with wedges, clefts and cages; left and right differ."""

from typing import Any, cast

import numpy as np
from scipy import ndimage as ndi

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.endplates import Endplate, VertebralBody
from planner.segment.anatomy.vertebrae import SpineBones

EDGE_MM = 0.8
HALF_WIDTH_MM, DEPTH_MM = 18.0, 28.0
MARROW_HU, SOFT_HU = 120.0, 40.0


class SpineBlocks:
    """Bodies from the top down, 8 mm apart: (height in front, height behind) of each, mm."""

    def __init__(
        self, heights: list[tuple[float, float]], *, unseen: tuple[int, ...] = (), rough: tuple[int, ...] = ()
    ):
        tall = sum(max(h) for h in heights) + 8.0 * (len(heights) + 1)
        shape = (round(tall / EDGE_MM), 52, 62)
        matrix = np.array([[0, 0, EDGE_MM, -24.0], [0, EDGE_MM, 0, -20.0], [EDGE_MM, 0, 0, 0], [0, 0, 0, 1.0]])
        self.grid = Grid(shape, matrix)
        cells = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1)
        self.points = np.asarray(self.grid.to_lps(cells))
        x, y, z = np.moveaxis(self.points, -1, 0)
        within = (np.abs(x) <= HALF_WIDTH_MM) & (np.abs(y) <= DEPTH_MM / 2)
        self.labels = np.zeros(shape, dtype=np.int16)
        bones, bodies, bottom = [], [], tall
        for n, (front, back) in enumerate(heights, start=1):
            bottom -= max(front, back) + 8.0
            slope = (back - front) / DEPTH_MM
            top = bottom + (front + back) / 2 + slope * y
            own = within & (z >= bottom) & (z <= top)
            self.labels[own] = n
            bones.append(Bone(f"vertebra-{n}", "vertebra", Mask(self.grid, own), level=f"L{n}"))
            bodies.append(_body(n, bottom, front, back, is_unseen=n in unseen, bump=2.5 if n in rough else 0.3))
        self.bottoms = [float(b.centre_lps[2]) for b in bodies]
        unused = cast(Any, None)
        self.spine = SpineBones(tuple(bones), self.labels, tuple(bodies), (), (), unused, unused)
        self.hu = np.where(self.labels > 0, MARROW_HU, SOFT_HU)

    def ellipsoid(self, centre: tuple[float, float, float], half: tuple[float, float, float]) -> Any:
        """Voxels in an ellipsoid, as shares of one."""
        fine = np.stack(np.meshgrid(*[(np.arange(2) - 0.5) * EDGE_MM / 2] * 3, indexing="ij"), -1).reshape(-1, 3)
        away = [(((self.points + o - centre) / half) ** 2).sum(axis=-1) <= 1.0 for o in fine]
        return np.mean(away, axis=0)

    def fill(self, share: Any, hu: float) -> None:
        """Put a tissue into the spine."""
        self.hu = self.hu * (1.0 - share) + hu * share

    def volume(self) -> Volume:
        """The spine as a scan shows it."""
        noise = np.random.default_rng(5).normal(0.0, 8.0, self.hu.shape)
        return Volume(self.grid, (ndi.gaussian_filter(self.hu, 0.6) + noise).astype(np.float32))

    def empty(self) -> Mask:
        """No metal."""
        return Mask(self.grid, np.zeros(self.grid.shape, dtype=bool))


def _body(n: int, bottom: float, front: float, back: float, *, is_unseen: bool, bump: float) -> VertebralBody:
    side, deep = np.meshgrid(np.arange(-16.5, 17, 1.5), np.arange(-13.5, 14, 1.5), indexing="ij")
    slope = (back - front) / DEPTH_MM

    def plate(height: np.ndarray, middle: float, normal: list[float]) -> Endplate:
        places = np.stack([side, deep, height], axis=-1).reshape(-1, 3)
        way = np.array(normal) / np.linalg.norm(normal)
        return Endplate(points_lps([0.0, 0.0, middle]), way, points_lps(places), bump)

    middle = bottom + (front + back) / 2
    upper = None if is_unseen else plate(middle + slope * deep, middle, [0.0, -slope, 1.0])
    lower = plate(np.full(side.shape, bottom), bottom, [0.0, 0.0, -1.0])
    heights = (None, None, None) if is_unseen else (front, (front + back) / 2, back)
    centre = points_lps([0.0, 0.0, (bottom + middle) / 2])
    return VertebralBody(f"vertebra-{n}", centre, np.eye(3), HALF_WIDTH_MM, DEPTH_MM, upper, lower, *heights)
