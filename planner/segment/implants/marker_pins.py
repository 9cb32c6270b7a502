"""Marker pins of cages that no X-ray shows: short, upright, of tantalum or titanium, ending at one height."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cc3d
import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, Delaunay

from planner.config.hardware_config import CageConfig
from planner.geometry.frames import SUPERIOR, Array, unit
from planner.geometry.grid import Grid
from planner.model.implant import SPINE_KINDS, ImplantKind
from planner.model.volume import Mask, Volume
from planner.segment.implants.metal import Block, Metal
from planner.segment.implants.parts import ImplantPart
from planner.segment.implants.pieces import bare_record

_PIN_MM = 0.5
"""Radius of a pin: 0.8-1 mm across."""
_MOST_PINS = 6
_UPRIGHT = 0.75
"""Cosine of a pin's greatest angle to the body's axis, L5/S1; one that merges with a streak seems to lie."""
_ACROSS = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Pin:
    """One pin.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        Its voxels, LPS mm.
    centre_lps : ndarray, shape (3,)
        Its middle, weighted by how bright it shows.
    low_mm, high_mm : float
        Its ends along the body's axis.
    members : tuple of int
        The unknown parts that it was left as.
    """

    points_lps: Array
    centre_lps: Array
    low_mm: float
    high_mm: float
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PinGroup:
    """The pins of one cage.

    Parameters
    ----------
    pins : tuple of Pin
        Two or more.
    """

    pins: tuple[Pin, ...]

    @property
    def points_lps(self) -> Array:
        """Their voxels, LPS mm, shape (N, 3)."""
        return np.concatenate([pin.points_lps for pin in self.pins])

    @property
    def members(self) -> tuple[int, ...]:
        """The unknown parts that they were left as."""
        return tuple(sorted({k for pin in self.pins for k in pin.members}))

    @property
    def axes(self) -> Array:
        """Along the pins, across the body and along it: unit vectors as rows.

        Two of a cage's pins lie in its front wall or its back one: of all pairs, that which runs most nearly across
        the body says how the cage is turned.
        """
        ways = [w for w in (_way(pin) for pin in self.pins) if w @ SUPERIOR > _UPRIGHT]
        up = unit(np.median(ways, axis=0)) if ways else np.asarray(SUPERIOR)
        spans = [unit(b.centre_lps - a.centre_lps) for a, b in combinations(self.pins, 2)]
        span = max(spans, key=lambda s: abs(float(s[0])))
        left = span - (span @ up) * up
        left = unit(left) if abs(float(span[0])) > _ACROSS else unit(np.cross(left, up))
        left = left if left[0] > 0 else -left
        return np.stack([up, left, np.cross(up, left)])

    @property
    def corners_lps(self) -> Array:
        """Both ends of each pin, thickened to its radius, LPS mm, shape (M, 3)."""
        up, *across = self.axes
        ends = [pin.centre_lps + s * (pin.high_mm - pin.low_mm) / 2.0 * up for pin in self.pins for s in (-1.0, 1.0)]
        around = np.array([s * _PIN_MM * way for s in (-1.0, 1.0) for way in across])
        return np.asarray((np.array(ends)[:, None] + around[None]).reshape(-1, 3))

    def hull_part(self, name: str, centre_lps: Array, grid: Grid) -> ImplantPart:
        """Give the cage that they mark: their convex hull, whose volume is not the plastic's and is not told.

        Parameters
        ----------
        name : str
            The record's id.
        centre_lps : ndarray, shape (3,)
            Middle of the box round them, LPS mm.
        grid : Grid
            The scan's grid.

        Returns
        -------
        ImplantPart
        """
        corners = self.corners_lps
        hull = ConvexHull(corners)
        index = np.asarray(grid.to_index(corners))
        low = np.maximum(np.floor(index.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, grid.shape)
        cells = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), -1)
        within = Delaunay(corners[hull.vertices]).find_simplex(grid.to_lps(cells.reshape(-1, 3))) >= 0
        voxels = np.zeros(grid.shape, dtype=bool)
        voxels[tuple(cells.reshape(-1, 3)[within].T)] = True
        return ImplantPart(
            bare_record(name, "cage", centre_lps, volume_ml=None, material="unknown"), Mask(grid, voxels)
        )


def pin_groups(volume: Volume, metal: Metal, parts: Sequence[ImplantPart], config: CageConfig) -> tuple[PinGroup, ...]:
    """Find sets of pins that belong to one cage each.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    parts : sequence of ImplantPart
        What was told so far: pins count near to spinal hardware only.
    config : CageConfig
        Sizes and thresholds.

    Returns
    -------
    tuple of PinGroup
        From the lowest upwards; empty without spinal hardware.
    """
    block = _block_round_spine(volume.grid, parts, config.near_spine_mm)
    if block is None:
        return ()
    left = sorted(_pins(volume, metal, parts, block, config), key=lambda pin: (pin.low_mm, *pin.centre_lps))
    groups = []
    while left:
        first = left.pop(0)
        own = [first]
        for pin in list(left):
            if all(_belong(pin, other, config) for other in own):
                own.append(pin)
                left.remove(pin)
        if 2 <= len(own) <= _MOST_PINS:
            groups.append(PinGroup(tuple(own)))
    return tuple(groups)


def _belong(one: Pin, other: Pin, config: CageConfig) -> bool:
    apart = one.centre_lps - other.centre_lps
    across = float(np.hypot(apart[0], apart[1]))
    # A tilted disc lifts one pin over the other by as much as it leans.
    level = config.level_mm + 0.35 * across
    ends = max(abs(one.low_mm - other.low_mm), abs(one.high_mm - other.high_mm))
    lengths = abs((one.high_mm - one.low_mm) - (other.high_mm - other.low_mm))
    near = config.least_apart_mm <= across <= config.greatest_apart_mm
    return near and ends <= level and lengths <= config.level_mm


def _pins(volume: Volume, metal: Metal, parts: Sequence[ImplantPart], block: Block, config: CageConfig) -> list[Pin]:
    level = max(config.pin_hu, metal.level_hu)
    if metal.clipped_at_hu is not None:
        level = min(level, config.clip_share * metal.clipped_at_hu)
        level = level if not metal.is_clipped else config.clip_share * metal.clipped_at_hu
    hu = np.asarray(volume.hu[block])
    labels = cc3d.connected_components((hu > level).astype(np.uint8), connectivity=26)
    sizes = np.bincount(labels.ravel()) * volume.grid.voxel_volume_mm3
    most = config.greatest_pin_mm * config.greatest_pin_mm2
    boxes = cc3d.statistics(labels)["bounding_boxes"]
    start = np.array([b.start for b in block])
    pins = []
    for number in np.flatnonzero((sizes >= config.least_pin_mm3) & (sizes <= most)):
        if number == 0:
            continue
        box = boxes[number]
        index = np.argwhere(labels[box] == number) + [b.start for b in box] + start
        members = tuple(k for k, part in enumerate(parts) if _holds(part.mask, volume.grid, index))
        if not _is_open(index, metal, [parts[k].record.kind for k in members], most):
            continue
        pin = _pin(volume, index, members)
        if _is_pin(pin, float(sizes[number]), config):
            pins.append(pin)
    return pins


def _pin(volume: Volume, index: npt.NDArray[np.intp], members: tuple[int, ...]) -> Pin:
    points = np.asarray(volume.grid.to_lps(index))
    weight = volume.hu[tuple(index.T)].astype(np.float64)
    edge = float(np.abs(volume.grid.lps_from_index[2, :3]).max())
    low, high = float(points[:, 2].min()) - edge / 2.0, float(points[:, 2].max()) + edge / 2.0
    return Pin(points, np.average(points, axis=0, weights=weight), low, high, members)


def _way(pin: Pin) -> Array:
    way = np.linalg.svd(pin.points_lps - pin.points_lps.mean(axis=0), full_matrices=False)[2][0]
    return np.asarray(way if way @ SUPERIOR > 0 else -way)


def _is_pin(pin: Pin, mm3: float, config: CageConfig) -> bool:
    height = pin.high_mm - pin.low_mm
    return config.least_pin_mm <= height <= config.greatest_pin_mm and mm3 / height <= config.greatest_pin_mm2


def _is_open(index: npt.NDArray[np.intp], metal: Metal, kinds: Sequence[ImplantKind], most_mm3: float) -> bool:
    """Whether nothing larger was told there: a pin alone may have been taken for a short rod."""
    numbers = np.unique(metal.pieces[tuple(index.T)])
    voxel = metal.mask.grid.voxel_volume_mm3
    large = any(
        np.count_nonzero(metal.pieces[metal.blocks[n - 1]] == n) * voxel > most_mm3 for n in numbers[numbers > 0]
    )
    return not large and set(kinds) <= {"unknown", "rod", "pedicle_screw"}


def _holds(mask: Mask, grid: Grid, index: npt.NDArray[np.intp]) -> bool:
    return mask.grid.is_same(grid) and bool(np.any(mask.voxels[tuple(index.T)]))


def _block_round_spine(grid: Grid, parts: Sequence[ImplantPart], reach_mm: float) -> Block | None:
    spots = []
    for part in parts:
        if part.record.kind in SPINE_KINDS:
            axis = part.record.axis
            spots += [part.record.centroid_lps] if axis is None else [axis.head_lps, axis.tip_lps]
    if not spots:
        return None
    reach = reach_mm * np.linalg.norm(grid.index_from_lps[:3, :3], axis=1)
    index = np.asarray(grid.to_index(np.array(spots)))
    low = np.clip(np.floor(index.min(axis=0) - reach).astype(int), 0, np.array(grid.shape) - 1)
    high = np.clip(np.ceil(index.max(axis=0) + reach).astype(int), low + 1, grid.shape)
    a, b, c = (slice(int(s), int(e)) for s, e in zip(low, high, strict=True))
    return a, b, c
