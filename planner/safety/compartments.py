"""What lies behind a gap's wall: canal, foramen, disc, joint, or soft tissue, and where vessels may run in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.breach_config import BreachConfig
from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.model.breach import LeakType
from planner.model.volume import Mask
from planner.safety.fields import distance_mm
from planner.safety.walls import Wall
from planner.segment.anatomy.endplates import VertebralBody

_PROBES_MM = (0.5, 1.0, 2.0, 3.0)
"""So far beyond the outline it is asked what lies there."""
_TYPES: tuple[LeakType, ...] = ("canal", "foramen", "disc", "joint")
_NONE: LeakType = "cortical"
_LATER = 0.5
"""A compartment that is met so much further along a way counts as half of that further off."""
_ROOM_MM, _SLOPE_MM = 12.0, 1.0
_AWAY = 0.6
"""Cosine: a way that leads so straight away from the canal leaves the pedicle by its outer wall (ours)."""
_FRONT = 0.1
"""Segmental vessels lie on a body's sides and front, up to this share of its depth behind its middle (ours)."""
_VESSEL_PROBES_MM = (2.0, 3.0)
_BEYOND_PLATE_MM = 1.0
"""Discs are outlined so much short of the endplates, which belong to the bones (ours)."""
_THROUGH_PLATE = 0.5
"""Cosine: within 60 degrees of the way to the disc an endplate is passed (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """What lies behind each place of a wall.

    Parameters
    ----------
    names : tuple of LeakType
        All that were found.
    index : ndarray of int, shape (N,)
        Into `names`.
    at_vessels : ndarray of bool, shape (N,)
        Which of those with soft tissue behind lie where segmental vessels may run.
    """

    names: tuple[LeakType, ...]
    index: npt.NDArray[np.intp]
    at_vessels: npt.NDArray[np.bool_]

    def of(self, name: LeakType) -> npt.NDArray[np.bool_]:
        """Say behind which places it lies, shape (N,)."""
        return self.index == self.names.index(name) if name in self.names else np.zeros(len(self.index), bool)


def behind_wall(
    anatomy: Anatomy,
    wall: Wall,
    chosen: npt.NDArray[np.intp],
    *,
    config: BreachConfig,
    bodies: Sequence[VertebralBody] = (),
) -> Behind:
    """Name what lies behind places of a wall.

    Parameters
    ----------
    anatomy : Anatomy
        CT and compartments.
    wall : Wall
        The wall.
    chosen : ndarray of int, shape (M,)
        Which of its places.
    config : BreachConfig
        How near a compartment must lie.
    bodies : sequence of VertebralBody
        Where segmental vessels run round waists; none where they are not known.

    Returns
    -------
    Behind
        Of the chosen places. The compartment that lies nearest to the way beyond the outline; soft tissue ("cortical")
        where none is near.

    Notes
    -----
    What leaves a pedicle up or down, past the canal, enters the foramen, not the canal; what leaves it aside, away from
    the canal, neither. A disc is entered through an endplate, not through a body's side.
    """
    start, ways = wall.way_out_lps[chosen], wall.direction_lps[chosen]
    probes = start[:, None] + np.array(_PROBES_MM)[None, :, None] * ways[:, None]
    near = {name: _Near(mask, probes) for name, mask in _masks(anatomy).items() if mask is not None}
    far = {name: one.distance_mm for name, one in near.items()}
    if "canal" in near:
        towards = near["canal"].towards(start, ways)
        if "foramen" in far:
            far["foramen"] = np.where(towards < -_AWAY, np.inf, far["foramen"])
        past = (far["canal"] <= config.neighbour_mm) & (towards < config.towards_canal)
        far["canal"] = np.where(past, np.inf, far["canal"])
        far["foramen"] = np.where(past, 0.0, far.get("foramen", np.inf))
    if "disc" in near:
        through = near["disc"].towards(start, ways) >= _THROUGH_PLATE
        far["disc"] = np.where(through, np.maximum(far["disc"] - _BEYOND_PLATE_MM, 0.0), np.inf)
    distances = [np.full(len(chosen), config.neighbour_mm), *(far.get(n, np.full(len(chosen), np.inf)) for n in _TYPES)]
    index = np.argmin(distances, axis=0)
    at_vessels = (index == 0) & beside_waist(anatomy, bodies, start, ways, config=config)
    return Behind((_NONE, *_TYPES), index, at_vessels)


def _masks(anatomy: Anatomy) -> dict[LeakType, Mask | None]:
    return {"canal": anatomy.canal, "foramen": anatomy.foramen, "disc": anatomy.disc, "joint": anatomy.joint}


def beside_waist(
    anatomy: Anatomy, bodies: Sequence[VertebralBody], start_lps: Array, ways_lps: Array, *, config: BreachConfig
) -> npt.NDArray[np.bool_]:
    """Say by which ways out vessels may lie: through a body's side at its waist, into what is no fat.

    Parameters
    ----------
    anatomy : Anatomy
        The CT.
    bodies : sequence of VertebralBody
        Vertebral bodies.
    start_lps, ways_lps : ndarray, shape (M, 3)
        Where ways leave the bone, and unit vectors along them.
    config : BreachConfig
        How far from the waist vessels run, and what they read at least.

    Returns
    -------
    ndarray of bool, shape (M,)
    """
    found = np.zeros(len(start_lps), dtype=bool)
    if not len(start_lps):
        return found
    beyond = start_lps[:, None] + np.array(_VESSEL_PROBES_MM)[None, :, None] * ways_lps[:, None]
    index = np.moveaxis(np.asarray(anatomy.grid.to_index(beyond)), -1, 0)
    hu = ndimage.map_coordinates(anatomy.ct.hu, index, order=1, mode="nearest", output=np.float64).mean(axis=1)
    for body in bodies:
        local = (start_lps - np.asarray(body.centre_lps)) @ body.axes_lps
        upwards = np.abs(ways_lps @ body.axes_lps[:, 2])
        beside = (np.abs(local[:, 2]) <= config.vessel_height_mm) & (upwards < _THROUGH_PLATE)
        beside &= (np.abs(local[:, 0]) <= body.half_width_mm + 4.0) & (local[:, 1] <= _FRONT * body.depth_mm)
        found |= beside
    return np.asarray(found & (hu > config.vessel_hu), dtype=bool)


class _Near:
    """A compartment as seen from ways out of a wall.

    Parameters
    ----------
    mask : Mask
        The compartment.
    probes_lps : ndarray, shape (M, len(_PROBES_MM), 3)
        Places along each way.
    """

    def __init__(self, mask: Mask, probes_lps: Array) -> None:
        grid = mask.grid
        index = np.asarray(grid.to_index(probes_lps))
        self.distance_mm = np.full(len(probes_lps), np.inf)
        self._field: npt.NDArray[np.float32] | None = None
        if not len(probes_lps):
            return
        flat = index.reshape(-1, 3)
        margin = _ROOM_MM / np.array(grid.spacing_mm)
        last = np.array(grid.shape)
        low = np.clip(np.floor(flat.min(axis=0) - margin).astype(int), 0, last - 1)
        high = np.clip(np.ceil(flat.max(axis=0) + margin).astype(int) + 1, low + 1, last)
        block = mask.voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        if not block.any():
            return
        self._field, self._low, self._grid = distance_mm(block, grid.spacing_mm), low, grid
        far = np.maximum(self._read(probes_lps), 0.0)
        # the nearer along the way, the likelier it is what cement enters first
        self.distance_mm = (far + _LATER * np.array(_PROBES_MM)).min(axis=1)

    def _read(self, points_lps: Array) -> Array:
        assert self._field is not None
        index = np.moveaxis(np.asarray(self._grid.to_index(points_lps)) - self._low, -1, 0)
        return np.asarray(ndimage.map_coordinates(self._field, index, order=1, mode="nearest"), dtype=np.float64)

    def towards(self, points_lps: Array, ways_lps: Array) -> Array:
        """Give the cosine between each way and the shortest one to the compartment, shape (M,); -1 where none is."""
        if self._field is None:
            return np.full(len(points_lps), -1.0)
        steps = np.eye(3) * _SLOPE_MM
        slope = np.stack([self._read(points_lps + d) - self._read(points_lps - d) for d in steps], axis=1)
        length = np.linalg.norm(slope, axis=1)
        cosine = -np.einsum("ij,ij->i", slope, ways_lps) / np.maximum(length, 1e-6)
        return np.where(length > 1e-6, cosine, 1.0)
