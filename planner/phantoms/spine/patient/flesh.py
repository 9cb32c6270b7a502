"""What abdomen and chest have in common: a trunk that lies flat, muscles with streaks of fat, blood with contrast."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.config.phantoms.spine.altered import AorticContrast
from planner.config.phantoms.spine.patient import SpinePatient
from planner.geometry.frames import point_tuple
from planner.geometry.rigid import rotation_about
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Ellipsoid, HalfSpace, Intersection, Solid, Union
from planner.phantoms.spine.patient.bundles import Bundle
from planner.phantoms.spine.patient.course import Course
from planner.phantoms.tissues import BLOOD, CONTRAST_BLOOD, FAT, MUSCLE, Tissue
from planner.phantoms.truth.facts import Structure

SKIN_MM = 1.8
_STREAK_HALF_MM = (0.9, 2.6, 13.0)
_STREAKS_PER_MM2 = 0.16
_STREAKED_MM = 40.0
"""How far beyond the shown vertebrae streaks are laid."""


@dataclass(frozen=True)
class Flesh:
    """Soft tissue of a region: its skin, its parts in painter's order, what no needle may cross."""

    body: Solid
    parts: tuple[Part, ...]
    structures: tuple[Structure, ...]


def trunk(course: Course, halves: Sequence[tuple[float, float]], *, middle_y: float, back_y: float) -> Solid:
    """Give a trunk that lies flat on its back; half axes from the top down, mm."""
    z = np.linspace(course.bottom_mm, course.top_mm, len(halves))
    middles = tuple((0.0, middle_y, float(v)) for v in z)
    oval = Bundle(middles, tuple(reversed(list(halves))), 2.5)
    return Intersection((oval, HalfSpace((0.0, back_y, 0.0), (0.0, 1.0, 0.0))))


def arterial(patient: SpinePatient) -> Tissue:
    """Give what flows in the arteries: blood, or blood with contrast."""
    contrast = [d for d in patient.decoys if isinstance(d, AorticContrast)]
    return replace(CONTRAST_BLOOD, hu=contrast[0].hu) if contrast else BLOOD


def muscles(patient: SpinePatient, bundles: Sequence[Bundle]) -> list[Part]:
    """Give back muscles, and the fat in them."""
    parts = [Part("back muscles", Union(tuple(bundles)), MUSCLE)]
    random = np.random.default_rng([patient.seed, 17])
    streaks = [s for b in bundles for s in _streaks(b, patient.muscle_fat_share, random)]
    return [*parts, Part("fat in muscles", Union(tuple(streaks)), FAT)] if streaks else parts


def _streaks(bundle: Bundle, share: float, random: np.random.Generator) -> list[Solid]:
    middles, halves = np.array(bundle.middles_lps), np.array(bundle.halves_mm)
    area = float(np.pi * np.prod(halves, axis=1).mean())
    pieces: list[Solid] = []
    for _ in range(int(share * area * _STREAKS_PER_MM2)):
        z = random.uniform(middles[1, 2] - _STREAKED_MM, middles[-2, 2] + _STREAKED_MM)
        turn, away = random.uniform(0.0, 2.0 * np.pi), np.sqrt(random.uniform(0.0, 0.85))
        x, y = (
            float(np.interp(z, middles[:, 2], middles[:, i]))
            + way * away * float(np.interp(z, middles[:, 2], halves[:, i]))
            for i, way in ((0, np.cos(turn)), (1, np.sin(turn)))
        )
        rows = rotation_about((0, 0, 1), random.uniform(0.0, 180.0))
        half = np.array(_STREAK_HALF_MM) * random.uniform(0.5, 1.4, 3)
        pieces.append(Ellipsoid((x, y, z), point_tuple(half), tuple(point_tuple(r) for r in rows)))
    return pieces
