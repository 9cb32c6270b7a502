"""The abdomen and the upper pelvis round a lumbar spine."""

from collections.abc import Sequence

import numpy as np

from planner.config.phantoms.spine.altered import BowelContrast, BowelGas
from planner.config.phantoms.spine.patient import SpinePatient
from planner.geometry.frames import PointTuple, point_tuple
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Ellipsoid, Grown, Intersection, Solid, Union, tube
from planner.phantoms.spine.patient.bundles import Bundle
from planner.phantoms.spine.patient.course import BEYOND_MM, Course, canal_back, place_of
from planner.phantoms.spine.patient.flesh import SKIN_MM, Flesh, arterial, muscles, trunk
from planner.phantoms.spine.patient.vertebrae import Vertebra
from planner.phantoms.tissues import BLOOD, BOWEL_CONTRAST, BOWEL_GAS, FAT, MUSCLE, ORGAN, SKIN
from planner.phantoms.truth.facts import Structure

_HALF_DEPTH_MM = 96.0
_HALF_WIDTHS_MM = (128.0, 129.0, 136.0, 148.0)
"""From the top down: the pelvis is wider."""
_WALL_MM = 9.0
_LOOPS = 44
_SIDES = (1.0, -1.0)
Knots = tuple[tuple[PointTuple, tuple[float, float]], ...]
_GLUTEUS: Knots = (
    ((76.0, 52.0, -128.0), (50.0, 26.0)),
    ((74.0, 50.0, -60.0), (44.0, 21.0)),
    ((86.0, 38.0, -6.0), (22.0, 11.0)),
    ((96.0, 28.0, 24.0), (6.0, 4.0)),
)
_MEDIUS: Knots = (
    ((116.0, 6.0, -120.0), (14.0, 44.0)),
    ((113.0, -4.0, -30.0), (13.0, 40.0)),
    ((118.0, -8.0, 24.0), (5.0, 22.0)),
)
_ILIACUS: Knots = (
    ((80.0, -40.0, -110.0), (18.0, 20.0)),
    ((86.0, -14.0, -32.0), (18.0, 30.0)),
    ((104.0, -6.0, 22.0), (6.0, 20.0)),
)
"""Middles from the first sacral body, and half axes, on the left."""


def abdomen(patient: SpinePatient, course: Course, back_y: float) -> Flesh:
    """Give the abdomen.

    Parameters
    ----------
    patient : SpinePatient
        Whose.
    course : Course
        Her spine.
    back_y : float
        y of the skin on the table, LPS mm.

    Returns
    -------
    Flesh
    """
    middle_y = back_y - _HALF_DEPTH_MM + 2.0
    body = trunk(course, [(w, _HALF_DEPTH_MM) for w in _HALF_WIDTHS_MM], middle_y=middle_y, back_y=back_y)
    size = next((d.size for d in patient.decoys if isinstance(d, BowelGas)), 1.0)
    bowel, gas = _bowel(patient, course, middle_y, size)
    filled = any(isinstance(d, BowelContrast) for d in patient.decoys)
    arteries, veins = _vessels(course)
    z3 = course.z_of("L3")
    parts = (
        Part("skin", body, SKIN),
        Part("subcutaneous fat", Grown(body, -SKIN_MM), FAT),
        Part("abdominal wall", _wall(patient, course, middle_y, 0.0), MUSCLE),
        Part("abdominal fat", _wall(patient, course, middle_y, _WALL_MM), FAT),
        Part("liver", Ellipsoid((-66.0, middle_y - 8.0, z3 + 62.0), (44.0, 50.0, 52.0)), ORGAN),
        Part("left kidney", Ellipsoid((62.0, middle_y + 26.0, z3 + 40.0), (20.0, 19.0, 42.0)), ORGAN),
        Part("right kidney", Ellipsoid((-63.0, middle_y + 25.0, z3 + 22.0), (20.0, 19.0, 44.0)), ORGAN),
        Part("bowel", bowel, BOWEL_CONTRAST if filled else ORGAN),
        Part("bowel gas", gas, BOWEL_GAS),
        Part("fat behind the peritoneum", course.bundle(lambda v: (0.0, 6.0), [(56.0, 30.0), (70.0, 34.0)]), FAT),
        Part("back compartment", Union(tuple(_compartment(course, s) for s in _SIDES)), FAT),
        *muscles(patient, [m for s in _SIDES for m in _back(course, s)]),
        Part("fat between muscles", Union(tuple(m for s in _SIDES for m in _septa(course, s))), FAT),
        *_pelvic_muscles(patient, course),
        Part("psoas", Union(tuple(_psoas(course, s) for s in _SIDES)), MUSCLE),
        Part("interspinous ligaments", course.bundle(lambda v: (0.0, canal_back(v) + 14.0), [(3.0, 13.0)]), MUSCLE),
        Part("veins", veins, BLOOD),
        Part("arteries", arteries, arterial(patient)),
    )
    structures = (Structure("bowel", Union((bowel, gas))), Structure("great vessels", Union((arteries, veins))))
    return Flesh(body, parts, structures)


def _wall(patient: SpinePatient, course: Course, middle_y: float, within_mm: float) -> Bundle:
    """Give the muscular wall's outside, or what lies within it; it is thinner in front, where fat lies on it."""
    f = patient.fat_mm
    side_mm, front_mm = 5.0 + 0.6 * f, 4.0 + 0.8 * f
    z = np.linspace(course.bottom_mm, course.top_mm, len(_HALF_WIDTHS_MM))
    deep = _HALF_DEPTH_MM - 10.0 - (front_mm + f) / 2.0 - within_mm
    y = middle_y - 12.0 + (front_mm - f) / 2.0
    halves = tuple((w - side_mm - within_mm, deep) for w in reversed(_HALF_WIDTHS_MM))
    return Bundle(tuple((0.0, y, float(v)) for v in z), halves, 2.3)


def _compartment(course: Course, side: float) -> Bundle:
    return course.bundle(lambda v: (34.0, canal_back(v) + 13.0), [(36.0, 21.0)], side=side, exponent=2.4)


def _back(course: Course, side: float) -> list[Bundle]:
    """Give the erector of the spine as one mass, and the square muscle of the loin."""
    halves = [(32.5, 17.0), (33.5, 19.0), (30.0, 18.0)]
    return [
        course.bundle(lambda v: (33.5, canal_back(v) + 14.5), halves, side=side, exponent=2.9, turn_deg=-3.0),
        course.bundle(lambda v: (55.0, canal_back(v) - 9.5), [(15.0, 7.0), (20.0, 8.5)], side=side, turn_deg=-20.0),
    ]


def _septa(course: Course, side: float) -> list[Bundle]:
    """Give the fat planes between multifidus, longissimus and iliocostalis."""
    return [
        course.bundle(lambda v: (25.0, canal_back(v) + 15.0), [(1.1, 15.0)], side=side, turn_deg=24.0),
        course.bundle(lambda v: (45.0, canal_back(v) + 15.0), [(1.1, 14.0)], side=side, turn_deg=12.0),
    ]


def _psoas(course: Course, side: float) -> Bundle:
    def place(v: Vertebra) -> tuple[float, float]:
        down = place_of(v.level) - place_of("L1")
        return v.shape.body_mm[0] + 7.0 + 2.4 * down, 2.0 - 3.0 * max(down - 2, 0)

    return course.bundle(place, [(9.0, 14.0), (14.0, 18.0), (17.0, 19.0)], side=side, turn_deg=-10.0)


def _pelvic_muscles(patient: SpinePatient, course: Course) -> list[Part]:
    lowest = course.vertebrae[-1]
    if lowest.level != "S1":
        return []
    pieces = [
        _knotted(knots, lowest.centre_lps, side, patient.size)
        for side in _SIDES
        for knots in (_GLUTEUS, _MEDIUS, _ILIACUS)
    ]
    return [Part("pelvic muscles", Union(tuple(pieces)), MUSCLE)]


def _knotted(knots: Knots, around: PointTuple, side: float, size: float) -> Bundle:
    middles = [(around[0] + side * size * x, around[1] + size * y, around[2] + size * z) for (x, y, z), _ in knots]
    return Bundle(tuple(middles), tuple((a * size, b * size) for _, (a, b) in knots))


def _vessels(course: Course) -> tuple[Solid, Solid]:
    """Give aorta and caval vein down to L4, where they fork, and what runs on from there."""
    upper = [v for v in course.vertebrae if place_of(v.level) <= place_of("L4")] or list(course.vertebrae[:1])
    aorta, cava = _before(upper, 9.0, 11.0), _before(upper, -16.0, 10.0)
    z_end = min(course.bottom_mm, aorta[-1][2] - 60.0)
    arteries, veins = [tube(aorta, [8.6] * len(aorta))], [tube(cava, [10.0] * len(cava))]
    for side, reach in ((1.0, 40.0), (-1.0, 46.0)):
        fork = aorta[-1]
        half = (fork[0] + side * reach * 0.5, fork[1] + 2.0, (fork[2] + z_end) / 2.0 + 18.0)
        end = (fork[0] + side * reach * 1.3, fork[1] - 6.0, z_end)
        arteries.append(tube([fork, half, end], [6.4, 5.0, 4.6]))
        low = (half[0] * 0.95, half[1] + 9.0, half[2] - 4.0)
        veins.append(tube([cava[-1], low, (end[0] * 0.95, end[1] + 12.0, end[2])], [7.4, 6.0, 5.6]))
    return Union(tuple(arteries)), Union(tuple(veins))


def _before(vertebrae: Sequence[Vertebra], x: float, y: float) -> list[PointTuple]:
    points = [v.place((x, -v.shape.body_mm[1] - y, 0.0)) for v in vertebrae]
    return [(points[0][0], points[0][1], points[0][2] + BEYOND_MM), *points]


def _bowel(patient: SpinePatient, course: Course, middle_y: float, gas_size: float) -> tuple[Solid, Solid]:
    """Give loops of small bowel and the colon on both sides, and the gas that has risen in them."""
    random = np.random.default_rng([patient.seed, 23])
    low, high = course.bottom_mm + 40.0, course.top_mm - 40.0
    loops: list[Solid] = []
    gas: list[Solid] = []
    for i in range(_LOOPS):
        at = random.uniform((-62.0, middle_y - 58.0, low), (62.0, middle_y - 12.0, high))
        half = random.uniform(10.0, 19.0, 3)
        half[int(random.integers(0, 3))] *= 1.7
        loops.append(Ellipsoid(point_tuple(at), point_tuple(half)))
        if i % 3 == 0:
            r = float(half.min()) * 0.6 * gas_size
            gas.append(Ellipsoid((at[0], at[1] - 0.25 * half[1], at[2]), (1.3 * r, 0.8 * r, 1.2 * r)))
    for x, y, radius, less in ((84.0, middle_y + 8.0, 15.0, 0.0), (-82.0, middle_y + 2.0, 20.0, 70.0)):
        # Pouches of the colon.
        for z in np.arange(low, high - less, 21.0):
            wide = radius * random.uniform(0.85, 1.1)
            loops.append(Ellipsoid((x, y, float(z)), (wide, wide, 14.0)))
            g = wide * 0.55 * gas_size * random.uniform(0.4, 1.1)
            gas.append(Ellipsoid((x, y - 0.35 * wide, float(z)), (g, 0.6 * g, min(g, 10.0))))
    cavity = _wall(patient, course, middle_y, _WALL_MM)
    inside = Union(tuple(Intersection((loop, cavity)) for loop in loops))
    return inside, Union(tuple(Intersection((g, Grown(inside, -1.5))) for g in gas))
