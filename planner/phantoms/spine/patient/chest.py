"""The chest round a thoracic spine."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.config.phantoms.spine.patient import SpinePatient
from planner.geometry.frames import point_tuple
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Difference, Ellipsoid, Grown, Intersection, RoundCone, Solid, Union, tube
from planner.phantoms.spine.patient.bundles import Bundle
from planner.phantoms.spine.patient.course import Course, Place, canal_back, place_of
from planner.phantoms.spine.patient.flesh import SKIN_MM, Flesh, arterial, muscles, trunk
from planner.phantoms.spine.patient.vertebrae import Vertebra
from planner.phantoms.tissues import BLOOD, FAT, LUNG, MUSCLE, ORGAN, SKIN
from planner.phantoms.truth.facts import Structure

_LUNG_VESSELS = 46
_SIDES = (1.0, -1.0)
Chest = tuple[float, float, float]


def chest_oval(patient: SpinePatient, vertebrae: Sequence[Vertebra]) -> Chest:
    """Give half width and half depth of the oval on which the ribs lie, and the y of its middle, LPS mm."""
    behind = float(np.mean([v.place((0.0, canal_back(v), 0.0))[1] for v in vertebrae]))
    half_width, half_depth = 112.0 * patient.size, 78.0 * patient.size
    return half_width, half_depth, behind + 14.0 * patient.size - half_depth


def chest(patient: SpinePatient, course: Course, back_y: float, oval: Chest) -> Flesh:
    """Give the chest.

    Parameters
    ----------
    patient : SpinePatient
        Whose.
    course : Course
        Her spine.
    back_y : float
        y of the skin on the table, LPS mm.
    oval : tuple of float
        From `chest_oval`.

    Returns
    -------
    Flesh
    """
    half_width, half_depth, y = oval
    half_y = half_depth + 12.0 + 0.5 * patient.fat_mm
    outside = [(half_width + 16.0 + 0.5 * patient.fat_mm, half_y + 4.0)] * 2
    body = trunk(course, outside, middle_y=back_y - half_y, back_y=back_y)
    hold = course.oval(half_width - 6.0, half_depth - 6.0, y)
    heart = Ellipsoid((24.0, y - 34.0, course.z_of("T8")), (46.0, 31.0, 56.0))
    low = course.z_of("T12")
    liver = Intersection((Ellipsoid((-48.0, y - 2.0, low), (62.0, 64.0, 66.0)), hold))
    spleen = Intersection((Ellipsoid((66.0, y + 10.0, low - 8.0), (32.0, 44.0, 48.0)), hold))
    beside = course.bundle(lambda v: (0.0, 0.4 * v.shape.body_mm[1]), [(26.0, 17.0), (30.0, 19.0)])
    before = course.bundle(lambda v: (4.0, -v.shape.body_mm[1] - 12.0), [(24.0, 18.0)])
    middle = Union((before, course.oval(15.0, 0.55 * half_depth, y - 0.4 * half_depth)))
    behind = course.bundle(lambda v: (0.0, canal_back(v) + 13.0), [(60.0, 24.0)], exponent=2.6)
    aorta, azygos, gullet = _vessels(course)
    blood = arterial(patient)
    lungs = Difference(hold, Union((heart, middle, behind, beside, liver, spleen, aorta)))
    parts = (
        Part("skin", body, SKIN),
        Part("subcutaneous fat", Grown(body, -SKIN_MM), FAT),
        Part("chest wall", course.oval(half_width + 9.0, half_depth + 7.0, y), MUSCLE),
        Part("fat between ribs", course.oval(half_width - 2.0, half_depth - 2.0, y), FAT),
        Part("lungs", hold, LUNG),
        Part("lung vessels", _lung_vessels(patient, hold, y), BLOOD),
        Part("mediastinum", middle, FAT),
        Part("liver", liver, ORGAN),
        Part("spleen", spleen, ORGAN),
        Part("heart", heart, BLOOD if blood.name == BLOOD.name else replace(blood, hu=0.8 * blood.hu)),
        Part("fat beside the spine", beside, FAT),
        Part("back compartment", behind, FAT),
        *muscles(patient, [m for s in _SIDES for m in _back(course, s)]),
        Part("gullet", gullet, MUSCLE),
        Part("veins", azygos, BLOOD),
        Part("arteries", aorta, blood),
    )
    structures = (Structure("lungs", lungs), Structure("great vessels", Union((aorta, azygos))))
    return Flesh(body, parts, structures)


def _back(course: Course, side: float) -> list[Bundle]:
    """Give semispinalis, longissimus, iliocostalis, and the broad sheets over them."""
    rows: tuple[tuple[tuple[float, float], tuple[tuple[float, float], ...], float, float], ...] = (
        ((10.5, 11.0), ((8.5, 9.5), (9.5, 10.5)), 2.6, 0.0),
        ((25.5, 14.5), ((9.5, 8.5), (10.5, 10.5)), 2.6, -12.0),
        ((43.0, 10.0), ((9.0, 4.5), (11.0, 7.0)), 2.0, -24.0),
        ((42.0, 21.5), ((40.0, 4.0), (38.0, 3.4)), 2.0, -11.0),
    )
    return [
        course.bundle(_behind_canal(*at), halves, side=side, exponent=exponent, turn_deg=turn)
        for at, halves, exponent, turn in rows
    ]


def _behind_canal(x: float, y: float) -> Place:
    return lambda v: (x, canal_back(v) + y)


def _vessels(course: Course) -> tuple[Solid, Solid, Solid]:
    """Give aorta, azygos vein and gullet: the aorta comes to the midline on its way down."""
    first = place_of(course.vertebrae[0].level)

    def before(x: float, y: float, inward: float) -> Place:
        return lambda v: (x - inward * (place_of(v.level) - first), -v.shape.body_mm[1] - y)

    rows = ((21.0, 1.0, 2.0, 11.0), (-7.0, 5.0, 0.0, 3.8), (4.0, 13.0, -0.6, 7.0))
    lines = [(course.line(before(x, y, inward)), radius) for x, y, inward, radius in rows]
    aorta, azygos, gullet = (tube(line, [radius] * len(line)) for line, radius in lines)
    return aorta, azygos, gullet


def _lung_vessels(patient: SpinePatient, hold: Solid, y: float) -> Solid:
    random = np.random.default_rng([patient.seed, 29])
    pieces: list[Solid] = []
    for _ in range(_LUNG_VESSELS):
        side = 1.0 if random.random() < 0.5 else -1.0
        z = random.uniform(-110.0, 110.0)
        root = np.array([side * 26.0, y + 8.0, 0.35 * z])
        end = np.array([side * random.uniform(45.0, 100.0), y + random.uniform(-55.0, 60.0), z])
        bend = root + 0.5 * (end - root) + random.normal(0.0, 7.0, 3)
        r = float(random.uniform(1.2, 2.6))
        a, b, c = (point_tuple(p) for p in (root, bend, end))
        pieces += [Intersection((cone, hold)) for cone in (RoundCone(a, b, 1.6 * r, r), RoundCone(b, c, r, 0.4 * r))]
    return Union(tuple(pieces))
