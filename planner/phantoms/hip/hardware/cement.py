"""Bone cement round a stem: the mantle, its faults, and the plug that stops it below."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.config.phantoms.hip.defects import GruenZone
from planner.config.phantoms.hip.implants import Mantle, Opacifier
from planner.geometry.frames import PointsLps, PointTuple, point_tuple, unit
from planner.phantoms.hip.defects.sleeves import StemAxis
from planner.phantoms.hip.hardware.stems import FittedStem, point_on_surface
from planner.phantoms.hip.patient.femur import Femur
from planner.phantoms.hip.zones import middle_cell
from planner.phantoms.solids.basic import (
    Cylinder,
    Difference,
    Ellipsoid,
    Grown,
    Intersection,
    RoundedBox,
    Solid,
    Union,
)
from planner.phantoms.solids.blended import Boxed
from planner.phantoms.tissues import PMMA, POLYETHYLENE, ZIRCONIA_CEMENT, Tissue

_PLUG_MM = 11.0
"""Height of the restrictor; 10-12 mm (no source)."""
CRACK_MM = 0.8


@dataclass(frozen=True)
class CementedBed:
    """Cement round a stem.

    Parameters
    ----------
    whole : Solid
        The mantle without its faults, as if there were no stem in it.
    thin : tuple of Solid
        Where there is none, and bone (or a line) touches the stem.
    plug : Solid or None
        The restrictor. Of cement it is part of the cement; of plastic it is neither implant nor gap, but fills the
        canal: no line runs in it.
    crack : Solid or None
        Where the mantle is broken through.
    tissue, plug_tissue : Tissue
        What they are made of.
    """

    whole: Solid
    thin: tuple[Solid, ...]
    plug: Solid | None
    crack: Solid | None
    tissue: Tissue
    plug_tissue: Tissue

    @cached_property
    def kept(self) -> Solid:
        """The mantle without its thin places, cracks filled."""
        return Difference(self.whole, Union(self.thin)) if self.thin else self.whole

    @cached_property
    def filled(self) -> Solid:
        """Mantle and restrictor: no lucent line runs in there."""
        return self.kept if self.plug is None else Union((self.kept, self.plug))

    @cached_property
    def all_cement(self) -> Solid:
        """Mantle, cracks filled, and a restrictor of cement."""
        return self.filled if self.plug_tissue is self.tissue else self.kept

    @cached_property
    def faults(self) -> tuple[Solid, ...]:
        """Thin places and cracks."""
        return self.thin if self.crack is None else (*self.thin, self.crack)


def cement_tissue(opacifier: Opacifier) -> Tissue:
    """Give cement with an opacifier."""
    return PMMA if opacifier == "barium sulphate" else ZIRCONIA_CEMENT


def cement_stem(mantle: Mantle, fitted: FittedStem, femur: Femur) -> CementedBed:
    """Lay cement round a stem, within the cortex and below the neck's resection.

    Parameters
    ----------
    mantle : Mantle
        What is wanted.
    fitted : FittedStem
        The stem.
    femur : Femur
        The bone.

    Returns
    -------
    CementedBed
    """
    axis, length, within = fitted.axis, fitted.axis.length_mm, Grown(femur.inside, -0.2)
    round_stem = Intersection((Grown(fitted.body, mantle.thickness_mm), femur.kept))
    ends = [_canal_point(femur, axis, length + t) for t in (-8.0, mantle.below_tip_mm, mantle.below_tip_mm + _PLUG_MM)]
    column = Intersection((Cylinder(ends[0], ends[1], _bore_mm(femur, axis, length)), within))
    plug = Intersection((Cylinder(ends[1], ends[2], 12.0), within)) if mantle.restrictor is not None else None
    crack = None if mantle.cracked_at is None else _crack(axis, mantle.cracked_at * length)
    return CementedBed(
        whole=Union((Boxed(Intersection((round_stem, within)), 6.0), Boxed(column, 6.0))),
        thin=_thin_places(mantle, fitted),
        crack=crack,
        plug=None if plug is None else Boxed(plug),
        tissue=cement_tissue(mantle.opacifier),
        plug_tissue=POLYETHYLENE if mantle.restrictor == "polyethylene" else cement_tissue(mantle.opacifier),
    )


def _height_mm(femur: Femur, axis: StemAxis, along: float) -> float:
    return float(femur.frame.offsets(PointsLps(np.array([axis.at(along)])))[0, 2])


def _canal_point(femur: Femur, axis: StemAxis, along: float) -> PointTuple:
    return femur.canal_axis(_height_mm(femur, axis, along))


def _bore_mm(femur: Femur, axis: StemAxis, along: float) -> float:
    return max(femur.canal_half_widths_mm(_height_mm(femur, axis, along))) + 1.0


def _thin_places(mantle: Mantle, fitted: FittedStem) -> tuple[Solid, ...]:
    axis, faults = fitted.axis, []
    for number in mantle.thin_zones:
        zone: GruenZone = f"gruen-{number}"  # type: ignore[assignment]
        level, quadrant = middle_cell(zone)
        along, way = axis.length_mm * (level + 0.5) / 3.0, axis.outward(quadrant)
        reach = point_on_surface(fitted.body, axis.at(along), way)
        across = np.cross(axis.frame[0], way)
        centre = point_tuple(np.array(axis.at(along)) + (reach + 0.5 * mantle.thickness_mm) * way)
        axes = tuple(point_tuple(row) for row in np.stack([way, across, axis.frame[0]], axis=1))
        faults.append(Ellipsoid(centre, (mantle.thickness_mm + 1.5, 6.0, 14.0), axes))
    return tuple(faults)


def _crack(axis: StemAxis, along: float) -> Solid:
    """Break the mantle through, a little aslant as such cracks run."""
    down, medial, _, _ = axis.frame
    normal = unit(down + 0.35 * medial)
    across = unit(np.cross(normal, medial))
    axes = np.stack([np.cross(across, normal), across, normal], axis=1)
    rows = tuple(point_tuple(row) for row in axes)
    return RoundedBox(axis.at(along), (40.0, 40.0, CRACK_MM / 2.0), 0.0, rows)
