"""A threaded screw in bone, loose or firm, on a small grid of any storage."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import Array, point_tuple, unit
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, Difference, RoundCone, RoundedBox, Solid, ThreadedShaft, Union
from planner.phantoms.solids.raster import rasterise
from planner.phantoms.tissues import BOWEL_GAS, CANCELLOUS, CORTICAL, FIBROUS, MUSCLE, SCLEROTIC, TITANIUM

OUTER_MM, CORE_MM, LENGTH_MM = 6.0, 4.4, 36.0
HALO_START_MM, HALO_STOP_MM, HALO_MM = 12.0, 38.0, 2.0


@dataclass(frozen=True)
class ScrewScan:
    """A scanned screw and what is true of it."""

    volume: Volume
    bone: Mask
    head_lps: Array
    tip_lps: Array
    gap: Solid | None

    @property
    def axis(self) -> Array:
        return unit(self.tip_lps - self.head_lps)


MakeScan = Callable[..., ScrewScan]


def storage_matrix(order: tuple[int, int, int], signs: tuple[int, int, int], turn: Array | None = None) -> Array:
    """Directions of (slice, row, column): the LPS axes permuted, flipped and turned."""
    matrix = np.eye(3)[:, list(order)] * np.array(signs)
    return matrix if turn is None else turn @ matrix


def grid_round(centre: Array, half_mm: Array, directions: Array, spacing_mm: tuple[float, float, float]) -> Grid:
    """A grid that holds a box of LPS half edges about a centre."""
    reach = np.abs(directions.T) @ half_mm
    shape = tuple(int(n) for n in np.ceil(2 * reach / spacing_mm) + 1)
    matrix = np.eye(4)
    matrix[:3, :3] = directions * np.array(spacing_mm)
    matrix[:3, 3] = centre - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, matrix)


def _make(
    *,
    loose: bool,
    clipped: bool = False,
    direction: tuple[float, float, float] = (-0.25, -0.95, 0.15),
    directions: Array | None = None,
    spacing_mm: tuple[float, float, float] = (1.0, 0.6, 0.6),
    tulip: bool = True,
) -> ScrewScan:
    axis = unit(direction)
    head, tip = -0.5 * LENGTH_MM * axis, 0.5 * LENGTH_MM * axis
    at = lambda t: point_tuple(head + t * axis)  # noqa: E731
    metal: Solid = ThreadedShaft(at(0), at(LENGTH_MM), OUTER_MM, CORE_MM)
    if tulip:
        metal = Union((metal, Cylinder(at(-13.0), at(1.0), 6.0)))
    bone = RoundCone(at(6.0), at(LENGTH_MM + 2.0), 13.0, 13.0)
    marrow = RoundCone(at(6.0), at(LENGTH_MM + 2.0), 11.5, 11.5)
    hole = Cylinder(at(HALO_START_MM), at(HALO_STOP_MM), OUTER_MM / 2 + HALO_MM)
    rim = Cylinder(at(HALO_START_MM - 1.0), at(HALO_STOP_MM + 1.0), OUTER_MM / 2 + HALO_MM + 1.0)
    parts = [Part("bone", bone, CORTICAL), Part("marrow", marrow, CANCELLOUS)]
    if loose:
        parts += [Part("rim", rim, SCLEROTIC), Part("gap", hole, FIBROUS)]
    scene = Scene((*parts, Part("screw", metal, TITANIUM)), MUSCLE)
    directions = storage_matrix((2, 1, 0), (1, 1, 1)) if directions is None else directions
    grid = grid_round(np.zeros(3), np.array([24.0, 38.0, 24.0]), directions, spacing_mm)
    settings = IdealScan(seed=5, subsamples=3, hu_clipped_at=3071.0 if clipped else None)
    gap = Difference(hole, metal) if loose else None
    return ScrewScan(ideal_scan(scene, grid, settings), Mask(grid, rasterise(bone, grid)), head, tip, gap)


@pytest.fixture(scope="session")
def make_screw_scan() -> MakeScan:
    """Make a scan of one screw; keyword arguments as in `_make`."""
    return _make


@pytest.fixture(scope="session")
def loose_scan() -> ScrewScan:
    """A loose screw, extended HU."""
    return _make(loose=True)


@pytest.fixture(scope="session")
def firm_scan() -> ScrewScan:
    """The same screw without a halo."""
    return _make(loose=False)


CANAL_MM, LEVEL_MM = 9.0, 34.0
SKIN_MM = 54.0
"""Radius of the patient about the point 10 mm before the canal."""
SPINE_HALF_MM = np.array([68.0, 70.0, 54.0])


def _vertebra(z: float, *, open_behind: bool) -> tuple[Solid, Solid]:
    """Cortex and marrow of one vertebra, its canal along x = y = 0."""
    body = Cylinder((0, -29, z - 13), (0, -29, z + 13), 20.0)
    ring: Solid = Difference(
        Cylinder((0, 0, z - 10), (0, 0, z + 10), 14.0), Cylinder((0, 0, z - 12), (0, 0, z + 12), CANAL_MM)
    )
    wings = [RoundCone((s * 13.0, 3.0, z), (s * 36.0, 8.0, z), 5.0, 4.0) for s in (-1.0, 1.0)]
    spine: list[Solid] = [RoundCone((0, 14, z), (0, 32, z - 8), 4.0, 4.0)]
    if open_behind:
        ring = Difference(ring, RoundedBox((0, 14, z), (8, 12, 14)))
        spine = []
    marrow = Cylinder((0, -29, z - 11.5), (0, -29, z + 11.5), 18.5)
    return Union((body, ring, *wings, *spine)), marrow


def _spine_scan(
    *,
    directions: Array | None = None,
    laminectomy: bool = False,
    screw: bool = False,
    vertebrae: bool = True,
    table: bool = False,
    gas: bool = False,
    edge_mm: float = 1.2,
    half_mm: Array = SPINE_HALF_MM,
    centre: tuple[float, float, float] = (0.0, -10.0, 0.0),
) -> tuple[Volume, Mask]:
    parts = [Part("patient", Cylinder((0, -10, -90), (0, -10, 90), SKIN_MM), MUSCLE)]
    for z in (-LEVEL_MM, 0.0, LEVEL_MM) if vertebrae else ():
        cortex, marrow = _vertebra(z, open_behind=laminectomy and z == 0.0)
        parts += [Part("cortex", cortex, CORTICAL), Part("marrow", marrow, CANCELLOUS)]
    if table:
        parts.append(Part("table", RoundedBox((0, SKIN_MM - 2, 0), (60, 1.5, 90)), MUSCLE))
    if gas:
        parts.append(Part("gas", Cylinder((33, -14, -20), (33, -14, 20), 6.0), BOWEL_GAS))
    shaft = Cylinder((17, 14, LEVEL_MM), (11, -36, LEVEL_MM), 2.8)
    if screw:
        parts.append(Part("screw", shaft, TITANIUM))
    matrix = np.eye(3)[:, ::-1] if directions is None else directions
    grid = grid_round(np.array(centre), half_mm, matrix, (edge_mm, edge_mm, edge_mm))
    volume = ideal_scan(Scene(tuple(parts)), grid, IdealScan(subsamples=2))
    return volume, Mask(grid, rasterise(shaft, grid) if screw else np.zeros(grid.shape, dtype=bool))


@pytest.fixture(scope="session")
def spine_scan() -> Callable[..., tuple[Volume, Mask]]:
    """Scans a short spine, its canal along x = y = 0: CT and metal."""
    return _spine_scan
