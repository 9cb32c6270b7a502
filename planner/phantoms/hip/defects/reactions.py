"""How bone answers to an implant: its bed, and what a firm stem shows that may look like a fault.

Spot welds and a pedestal are signs of remodelling round uncemented stems (Saito 2006, doi
10.1097/01.blo.0000224045.63754.a3); their sizes and densities were set by eye.
"""

from dataclasses import replace

import numpy as np

from planner.config.phantoms.hip.defects import ImplantDecoy
from planner.geometry.frames import point_tuple, unit
from planner.phantoms.hip.hardware.stems import FittedStem, point_on_surface
from planner.phantoms.hip.patient.bed import HipBed
from planner.phantoms.hip.patient.femur import Femur
from planner.phantoms.hip.zones import MEDIAL
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Ball, Cylinder, Difference, Ellipsoid, Grown, HalfSpace, Intersection, Solid
from planner.phantoms.solids.blended import Boxed
from planner.phantoms.tissues import SCLEROTIC, Tissue

INGROWN = Tissue("ingrown bone", 430.0, 60.0, 3.0)
"""Denser than the cancellous bone round it: spot welds, as firm uncemented stems show them (no figure sourced)."""
_BED_MM = 2.5
_BED_HU = 60.0
"""Bone round a stem is a little denser than the rest (by eye)."""
_CUP_BED_MM = 1.5
_SHIELDED_CORTEX, _SHIELDED_INSIDE = 0.7, 0.45
"""Share of its density that stress shielding leaves of the bone beside the upper stem (by eye)."""
_REACH_MM = 45.0


def bone_bed(bed: HipBed, stem: FittedStem, core: Solid) -> Part:
    """Give the cancellous bone that holds a stem, also where the canal holds marrow elsewhere."""
    denser = replace(bed.cancellous, name="bone round the stem", hu=bed.cancellous.hu + _BED_HU)
    down = HalfSpace(stem.axis.at(stem.axis.length_mm + _BED_MM), point_tuple(stem.axis.frame[0]))
    return Part("bone round the stem", Boxed(Intersection((Grown(core, _BED_MM), bed.femur_inside, down))), denser)


def cup_bed(radius_mm: float, bed: HipBed, pelvis: Solid) -> Part:
    """Give the dense bone behind a cup."""
    shell = Difference(Ball(bed.centre_lps, radius_mm + _CUP_BED_MM), Ball(bed.centre_lps, radius_mm))
    return Part("bed of the cup", Boxed(Intersection((shell, pelvis))), SCLEROTIC)


def decoy_parts(decoys: tuple[ImplantDecoy, ...], bed: HipBed, stem: FittedStem) -> list[Part]:
    """Give what a firm stem shows.

    Parameters
    ----------
    decoys : tuple of ImplantDecoy
        Which.
    bed : HipBed
        The bone.
    stem : FittedStem
        The stem.

    Returns
    -------
    list of Part
        To be painted over the living bone, before gaps and metal.
    """
    parts: list[Part] = []
    if "stress shielding" in decoys:
        parts += _shielded(bed, stem)
    if "neck osteophyte" in decoys:
        spur = osteophyte(bed.femur_bone, stem)
        inside = Boxed(Difference(Grown(spur, -1.2), bed.femur))
        parts += [Part("neck osteophyte", Boxed(Difference(spur, bed.femur)), bed.cortical)]
        parts += [Part("inside of the osteophyte", inside, bed.cancellous)]
    if "spot welds" in decoys:
        weld = Intersection((Grown(stem.body, 4.5), _between(stem, 0.42, 0.5), bed.femur_inside))
        parts.append(Part("spot welds", Boxed(Difference(weld, stem.body)), INGROWN))
    if "pedestal" in decoys:
        length = stem.axis.length_mm
        plate = Cylinder(stem.axis.at(length + 1.0), stem.axis.at(length + 5.0), _REACH_MM)
        parts.append(Part("pedestal", Boxed(Intersection((plate, bed.femur_inside))), SCLEROTIC))
    return parts


def _between(stem: FittedStem, start: float, stop: float) -> Solid:
    length = stem.axis.length_mm
    return Cylinder(stem.axis.at(start * length), stem.axis.at(stop * length), _REACH_MM)


def _shielded(bed: HipBed, stem: FittedStem) -> list[Part]:
    upper = HalfSpace(stem.axis.at(0.4 * stem.axis.length_mm), point_tuple(stem.axis.frame[0]))
    thin = replace(bed.cortical, name="shielded cortex", hu=_SHIELDED_CORTEX * bed.cortical.hu)
    pale = replace(bed.cancellous, name="shielded bone", hu=_SHIELDED_INSIDE * bed.cancellous.hu)
    return [
        Part("shielded cortex", Boxed(Intersection((bed.femur, upper))), thin),
        Part("shielded bone", Boxed(Intersection((bed.femur_inside, upper))), pale),
    ]


def osteophyte(femur: Femur, stem: FittedStem) -> Solid:
    """Give a spur of bone at the medial edge of the neck's cut, beside the stem."""
    axis = stem.axis
    steps = np.arange(0.0, 50.0, 0.5)
    way = axis.outward(MEDIAL)
    # Down the axis the aslant cut leaves more and more bone medially, to the calcar's edge; below it the shaft narrows.
    edges = [point_on_surface(femur.outside, axis.at(float(t)), way) for t in steps]
    top = int(np.argmax(edges))
    place = np.array(axis.at(float(steps[top]))) + (edges[top] - 1.0) * way
    up = np.array(femur.neck_direction_lps)
    axes = np.stack([unit(np.cross(axis.frame[2], up)), axis.frame[2], up], axis=1)
    rows = tuple(point_tuple(row) for row in axes)
    return Ellipsoid(point_tuple(place + 1.0 * up), (3.5, 8.0, 6.5), rows)
