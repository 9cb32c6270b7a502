"""What is true of a phantom's anatomy: its bones one by one, discs, pedicles, landmarks, canal, broken levels.

Places are LPS mm. A bone is its envelope: gaps, and the tracts of implants in it, are filled; canal and sacral foramina
are not part of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointTuple, point_tuple, unit
from planner.geometry.grid import Grid
from planner.model.bones import BoneKind, LandmarkName
from planner.model.implant import Side
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Bounds, Intersection, Solid, Union
from planner.phantoms.solids.nearby import nearby
from planner.phantoms.solids.raster import grid_over, paint, rasterise
from planner.phantoms.truth.legs import TrueHip, offset_mm

_CAP_MM = 2.0
"""A landmark is the middle of what lies this near to the furthest point: one voxel decides nothing. Ours."""
_DOWN: PointTuple = (0.0, 0.0, -1.0)
_COARSE_MM, _FINE_MM = 1.0, 0.25


@dataclass(frozen=True)
class TrueBone:
    """A bone as it was built.

    Parameters
    ----------
    name, kind : str
        As in `planner.model.bones.Bone`; fusion masses are "other".
    solid : Solid
        Its envelope. Two that touch, as facets do, may overlap a little: the later one has the place.
    inside : Solid
        What lies within its cortex.
    level : str or None
        Vertebral level, also of a rib; None where it has none.
    side : "left", "right" or None
        None in the midline.
    """

    name: str
    kind: BoneKind
    solid: Solid
    inside: Solid
    level: str | None = None
    side: Side | None = None


@dataclass(frozen=True)
class TrueDisc:
    """The space between two bodies, `above` and `below` by the bones' names."""

    above: str
    below: str
    solid: Solid


@dataclass(frozen=True)
class TruePedicle:
    """A pedicle at its isthmus; see `planner.model.bones.Pedicle`."""

    bone: str
    level: str
    side: Side
    centre_lps: PointTuple
    inward_lps: PointTuple
    width_mm: float
    height_mm: float


@dataclass(frozen=True)
class TrueLandmark:
    """A point of a bone; see `planner.model.bones.Landmark`."""

    name: LandmarkName
    bone: str
    point_lps: PointTuple
    side: Side | None = None


@dataclass(frozen=True)
class Cap:
    """Where a landmark is looked for: the middle of the last 2 mm of a solid along a way.

    Parameters
    ----------
    name, bone, side
        Of the landmark.
    solid : Solid
        The bone, or the part of it that is meant.
    way_lps : tuple of float
        Towards the landmark.
    """

    name: LandmarkName
    bone: str
    solid: Solid
    way_lps: PointTuple
    side: Side | None = None

    def landmark(self) -> TrueLandmark | None:
        """Give the landmark; None where the bone has nothing there."""
        point = cap_middle(self.solid, self.way_lps)
        return None if point is None else TrueLandmark(self.name, self.bone, point, self.side)


@dataclass(frozen=True)
class HipPlace:
    """Where a hip is measured.

    Parameters
    ----------
    side : "left" or "right"
        Which.
    centre_lps : tuple of float
        Of the head.
    on_axis_lps, axis_lps : tuple of float
        A point of the upper shaft's axis, and its way.
    ischium : Solid
        The part of the innominate bone whose lowest point counts.
    """

    side: Side
    centre_lps: PointTuple
    on_axis_lps: PointTuple
    axis_lps: PointTuple
    ischium: Solid


@dataclass(frozen=True)
class TrueSpace:
    """A space between or within bones, by its name ("joint left", "sacral foramina")."""

    name: str
    solid: Solid


@dataclass(frozen=True)
class TrueFracture:
    """A fractured level.

    Parameters
    ----------
    bone, level : str
        The vertebra.
    front_loss, middle_loss, back_loss : float
        Share of the body's height that is lost there, against what it was.
    is_cleft : bool
        It has a cleft or a fracture line.
    """

    bone: str
    level: str
    front_loss: float
    middle_loss: float
    back_loss: float
    is_cleft: bool


@dataclass(frozen=True)
class TrueAnatomy:
    """All that is true of the anatomy.

    Parameters
    ----------
    bones : tuple of TrueBone
        In painter's order: a later one has the place where two overlap. Their codes are 1, 2, ...
    discs : tuple of TrueDisc
        Their codes are 1, 2, ...
    pedicles : tuple of TruePedicle
        At their isthmus.
    caps : tuple of Cap
        Where the landmarks are.
    canal : Solid or None
        The whole space of the spinal canal; None where there is none.
    joints, foramina : tuple of TrueSpace
        Joint spaces; ways out of nerves.
    fractures : tuple of TrueFracture
        Levels that are broken.
    hip_places : tuple of HipPlace
        Where hips are measured.
    scene : Scene or None
        All that is scanned, for the cortex; None where nobody asks for that.
    """

    bones: tuple[TrueBone, ...]
    discs: tuple[TrueDisc, ...] = ()
    pedicles: tuple[TruePedicle, ...] = ()
    caps: tuple[Cap, ...] = ()
    canal: Solid | None = None
    joints: tuple[TrueSpace, ...] = ()
    foramina: tuple[TrueSpace, ...] = ()
    fractures: tuple[TrueFracture, ...] = ()
    hip_places: tuple[HipPlace, ...] = ()
    scene: Scene | None = None

    @cached_property
    def landmarks(self) -> tuple[TrueLandmark, ...]:
        """Every landmark that the bones have."""
        found = (cap.landmark() for cap in self.caps)
        return tuple(mark for mark in found if mark is not None)

    @cached_property
    def hips(self) -> tuple[TrueHip, ...]:
        """Every hip, measured."""
        found = []
        for place in self.hip_places:
            lesser = [m for m in self.landmarks if m.name == "lesser trochanter" and m.side == place.side]
            lowest = cap_middle(place.ischium, _DOWN)
            if lesser and lowest is not None:
                offset = offset_mm(place.centre_lps, place.on_axis_lps, place.axis_lps)
                found.append(TrueHip(place.side, place.centre_lps, lowest, lesser[0].point_lps, offset))
        return tuple(found)

    def bone(self, name: str) -> TrueBone:
        """Give the bone of a name.

        Raises
        ------
        KeyError
            If there is none.
        """
        for bone in self.bones:
            if bone.name == name:
                return bone
        raise KeyError(f"there is no {name}; there are {', '.join(b.name for b in self.bones)}")

    def bone_codes(self, grid: Grid) -> npt.NDArray[np.uint8]:
        """Say which bone each voxel belongs to.

        Parameters
        ----------
        grid : Grid
            The voxels.

        Returns
        -------
        ndarray of uint8, shape ``grid.shape``
            The bones' codes, 0 for none.
        """
        return codes_of([b.solid for b in self.bones], grid)


def codes_of(solids: Sequence[Solid], grid: Grid) -> npt.NDArray[np.uint8]:
    """Paint solids with their numbers, from 1 on, the later over the earlier; shape ``grid.shape``."""
    out = np.zeros(grid.shape, dtype=np.uint8)
    for code, solid in enumerate(solids, start=1):
        paint(solid, grid, out, value=code)
    return out


def cap_middle(solid: Solid, way_lps: PointTuple) -> PointTuple | None:
    """Give the middle of the last 2 mm of a solid along a way, LPS mm; None of an empty solid."""
    way = unit(way_lps)
    coarse = _points_in(solid, solid.bounds_lps, _COARSE_MM)
    if not len(coarse):
        return None
    along = coarse @ way
    near = coarse[along >= along.max() - _CAP_MM - _COARSE_MM]
    # The solid reaches beyond the middles of its voxels: by their diagonal at most.
    box = near.min(axis=0) - 2.0 * _COARSE_MM, near.max(axis=0) + 2.0 * _COARSE_MM
    fine = _points_in(nearby(solid, box, reach_mm=2.0 * _COARSE_MM), box, _FINE_MM)
    along = fine @ way
    return point_tuple(fine[along >= along.max() - _CAP_MM].mean(axis=0))


def _points_in(solid: Solid, bounds_lps: Bounds, spacing_mm: float) -> Array:
    grid = grid_over(bounds_lps, spacing_mm)
    return np.asarray(grid.to_lps(np.argwhere(rasterise(solid, grid))), dtype=np.float64).reshape(-1, 3)


def within(solid: Solid, *limits: Solid) -> Solid:
    """Give what of a solid lies within every limit, unions taken apart so that each piece keeps its small box."""
    if isinstance(solid, Union):
        return Union(tuple(within(piece, *limits) for piece in solid.solids))
    return Intersection((solid, *limits))
