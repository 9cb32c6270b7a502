"""Places of a hip's bone that a needle's hole must not weaken further: a stem's end, defects, plates, screws."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cc3d
import numpy as np
from scipy.spatial import cKDTree

from planner.config.hip_way_config import HipWayConfig
from planner.geometry.cells import cells_in
from planner.geometry.frames import Array
from planner.geometry.rays import segment_distance_mm
from planner.model.anatomy import Anatomy
from planner.model.breach import Breach
from planner.model.implant import HIP_KINDS, Implant
from planner.needles.candidates import Target

_SLAB_MM = 2.0
_AROUND_AXIS_MM = 40.0
"""Farther from a stem's axis is no shaft of its femur."""
_OWN_MM = 3.0
"""Metal so near to the implant's axis, or its sphere's surface, is its own; half a thin stem. Ours."""
_NO_WEAKNESS = HIP_KINDS | {"cement"}
_COARSE = 2
"""Each second voxel of outer metal is enough to measure a distance of 10 mm."""


@dataclass(frozen=True, slots=True, eq=False)
class WeakSpots:
    """What is known to weaken the bone round one implant.

    Parameters
    ----------
    stem : Implant or None
        The stem whose end raises the stress; None for a cup.
    shaft_mm : float or None
        The shaft's outer diameter at the stem's end; None where it was not measured.
    breaches : tuple of Breach
        Open and thin places of the wall round the gap.
    metal_lps : ndarray, shape (N, 3)
        Metal of plates, cables and whatever else is not the implant, LPS mm.
    screws : tuple of Implant
        Cup screws with an axis.
    fissures_lps : ndarray, shape (N, 3)
        Places of lines in the femora's walls that may be fissures, LPS mm.
    """

    stem: Implant | None
    shaft_mm: float | None
    breaches: tuple[Breach, ...]
    metal_lps: Array
    screws: tuple[Implant, ...]
    fissures_lps: Array = field(default_factory=lambda: np.empty((0, 3)))

    def from_fissures_mm(self, entries_lps: Array) -> Array:
        """Give the distance of entries from lines that may be fissures, shape (N,); infinite without any."""
        if not len(self.fissures_lps):
            return np.full(len(entries_lps), np.inf)
        return np.asarray(cKDTree(self.fissures_lps).query(entries_lps)[0])

    def from_stem_end_shafts(self, entries_lps: Array) -> Array:
        """Give how far entries lie from the level of the stem's end, in shaft diameters, shape (N,).

        Infinite without a stem, or where the shaft was not measured.
        """
        if self.stem is None or self.stem.axis is None or self.shaft_mm is None:
            return np.full(len(entries_lps), np.inf)
        head, tip = np.array(self.stem.axis.head_lps), np.array(self.stem.axis.tip_lps)
        down = (tip - head) / max(1e-6, float(np.linalg.norm(tip - head)))
        return np.asarray(np.abs((entries_lps - tip) @ down) / self.shaft_mm)

    def from_defects_mm(self, entries_lps: Array) -> Array:
        """Give the distance of entries from the nearest defect's edge (a disc of its area), shape (N,)."""
        best = np.full(len(entries_lps), np.inf)
        for breach in self.breaches:
            radius = np.sqrt((breach.area_mm2 or 0.0) / np.pi)
            away = np.linalg.norm(entries_lps - np.array(breach.centroid_lps), axis=1) - radius
            best = np.minimum(best, np.maximum(0.0, away))
        return best

    def from_hardware_mm(self, entries_lps: Array) -> Array:
        """Give the distance of entries from plates, cables and screws' axes, shape (N,); infinite without any."""
        best = np.full(len(entries_lps), np.inf)
        if len(self.metal_lps):
            best = np.asarray(cKDTree(self.metal_lps).query(entries_lps)[0])
        for screw in self.screws:
            if screw.axis is not None:
                ends = np.array(screw.axis.head_lps), np.array(screw.axis.tip_lps)
                best = np.minimum(best, segment_distance_mm(entries_lps, *ends))
        return best


def weak_spots(anatomy: Anatomy, target: Target, breaches: Sequence[Breach]) -> WeakSpots:
    """Gather what weakens the bone round a target's implant.

    Parameters
    ----------
    anatomy : Anatomy
        Metal, bones and implants.
    target : Target
        The gap and its implant.
    breaches : sequence of Breach
        Of all gaps: a defect weakens the bone whoever's it is.

    Returns
    -------
    WeakSpots
    """
    implant = target.implant
    stem = implant if implant is not None and implant.kind in ("femoral_stem", "nail") else None
    screws = tuple(i for i in anatomy.implants if i.kind == "cup_screw" and i.axis is not None and i is not implant)
    return WeakSpots(
        stem=stem,
        shaft_mm=None if stem is None else shaft_diameter_mm(anatomy, stem),
        breaches=tuple(breaches),
        metal_lps=other_metal(anatomy),
        screws=screws if stem is None else (),
        fissures_lps=np.concatenate([np.empty((0, 3)), *anatomy.fissures]),
    )


def shaft_diameter_mm(anatomy: Anatomy, stem: Implant) -> float | None:
    """Measure the femur's outer diameter at a stem's end.

    Parameters
    ----------
    anatomy : Anatomy
        The bones.
    stem : Implant
        The stem.

    Returns
    -------
    float or None
        Of the circle of the same area, mm; None where the stem has no axis, or its end lies at the picture's edge or
        outside of bone.
    """
    if stem.axis is None:
        return None
    head, tip = np.array(stem.axis.head_lps), np.array(stem.axis.tip_lps)
    down = (tip - head) / max(1e-6, float(np.linalg.norm(tip - head)))
    own = [b.mask for b in anatomy.bones if b.kind == "femur" and b.side == stem.side]
    bone = own[0] if own else anatomy.bone
    points = np.asarray(bone.grid.to_lps(cells_in(bone.voxels))).reshape(-1, 3)
    along = (points - tip) @ down
    near = np.linalg.norm(points - tip - along[:, None] * down, axis=1) < _AROUND_AXIS_MM
    slab = near & (along >= -_SLAB_MM) & (along < _SLAB_MM)
    # Where the picture ends within the slab its area is not all there.
    whole = near & (along > _SLAB_MM)
    if not slab.any() or not whole.any():
        return None
    area = np.count_nonzero(slab) * bone.grid.voxel_volume_mm3 / (2.0 * _SLAB_MM)
    return float(2.0 * np.sqrt(area / np.pi))


def other_metal(anatomy: Anatomy) -> Array:
    """Give the metal that belongs to no stem, head, cup, screw or nail: plates, cables, wires.

    Parameters
    ----------
    anatomy : Anatomy
        Metal and implants.

    Returns
    -------
    ndarray, shape (N, 3)
        LPS mm; each second voxel.
    """
    metal = anatomy.metal.voxels
    if not metal.any():
        return np.empty((0, 3))
    index = cells_in(metal)
    low, high = index.min(axis=0), index.max(axis=0) + 1
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    pieces = np.asarray(cc3d.connected_components(metal[box].astype(np.uint8), connectivity=26))
    piece = pieces[tuple((index - low).T)]
    points = np.asarray(anatomy.grid.to_lps(index))
    own = np.zeros(int(piece.max()) + 1, bool)
    for implant in (i for i in anatomy.implants if i.kind in _NO_WEAKNESS):
        own[np.unique(piece[_is_of(implant, points)])] = True
    return np.asarray(points[~own[piece]][::_COARSE])


def _is_of(implant: Implant, points: Array) -> Array:
    """Say which points lie at an implant's axis or sphere."""
    if implant.axis is not None:
        near = segment_distance_mm(points, np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps))
        return np.asarray(near < _OWN_MM)
    if implant.sphere is not None:
        off = np.linalg.norm(points - np.array(implant.sphere.centre_lps), axis=1)
        return np.asarray(off < implant.sphere.diameter_mm / 2 + _OWN_MM)
    return np.zeros(len(points), bool)


def stress_term(spots: WeakSpots, entries_lps: Array, *, config: HipWayConfig) -> Array:
    """Score entries by how far they keep from weak places.

    Parameters
    ----------
    spots : WeakSpots
        The weak places.
    entries_lps : ndarray, shape (N, 3)
        Entries into bone.
    config : HipWayConfig
        How far is enough.

    Returns
    -------
    ndarray, shape (N,)
        0 at such a place, to 1.
    """
    nearest = np.minimum(spots.from_defects_mm(entries_lps), spots.from_hardware_mm(entries_lps))
    term = np.clip(nearest / config.weak_spot_mm, 0.0, 1.0) if config.weak_spot_mm > 0 else np.ones(len(entries_lps))
    if config.near_fissure_mm > 0:
        term = np.minimum(term, np.clip(spots.from_fissures_mm(entries_lps) / config.near_fissure_mm, 0.0, 1.0))
    if config.riser_shafts > 0:
        term = np.minimum(term, np.clip(spots.from_stem_end_shafts(entries_lps) / config.riser_shafts, 0.0, 1.0))
    return np.asarray(term)
