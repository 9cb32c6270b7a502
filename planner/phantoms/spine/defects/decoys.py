"""What may be taken for a gap, a fracture or metal, and is none: in the bones, in the discs, on the skin."""

from collections.abc import Sequence
from typing import assert_never

import numpy as np

from planner.config.phantoms.spine.altered import (
    BasivertebralVein,
    BoneIsland,
    DiscGas,
    EcgLead,
    MarrowFat,
    SegmentalVessels,
)
from planner.config.phantoms.spine.patient import SpinePatient
from planner.geometry.frames import point_tuple
from planner.geometry.rigid import rotation_about
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Cylinder, Ellipsoid, Intersection, RoundCone, Solid, Union, tube
from planner.phantoms.spine.patient.vertebrae import Vertebra
from planner.phantoms.tissues import BLOOD, BONE_ISLAND, ECG_LEAD, VACUUM_GAS, YELLOW_MARROW

_LEAD_FRONT_RAD = (0.5825, 0.75, 0.95, 1.15)
_LEAD_BACK_RAD = (0.45, 0.52, 0.6, 0.56)
"""Turns to the side of the stud and of the knots of its wire, seen from the trunk's middle. By eye."""
BodyDecoy = BasivertebralVein | BoneIsland | MarrowFat


def in_bodies(patient: SpinePatient, vertebrae: Sequence[Vertebra]) -> tuple[Part, ...]:
    """Give the decoys within bodies; to be painted after the bones."""
    by_level = {v.level: v for v in vertebrae}
    return tuple(_in_body(d, by_level[d.level]) for d in patient.decoys if isinstance(d, BodyDecoy))


def _in_body(decoy: BodyDecoy, vertebra: Vertebra) -> Part:
    name = f"{decoy.kind.replace('_', ' ')} {vertebra.level}"
    match decoy:
        case BasivertebralVein():
            return Part(name, _basivertebral(decoy, vertebra), BLOOD)
        case BoneIsland():
            return Part(name, _island(decoy, vertebra), BONE_ISLAND)
        case MarrowFat():
            return Part(name, _lobules(decoy, vertebra), YELLOW_MARROW)
        case _:
            assert_never(decoy)


def _basivertebral(decoy: BasivertebralVein, vertebra: Vertebra) -> Solid:
    a, b, _ = vertebra.shape.body_mm
    w = decoy.width_mm
    fork = vertebra.place((0.4, 0.3 * b, 0.6))
    notch = vertebra.shape.form.notch_mm if vertebra.shape.form else 0.0
    trunk = RoundCone(vertebra.place((0.0, b - notch - w / 2.0, 0.0)), fork, w / 2.0, 0.42 * w)
    ends = ((0.5 * a, -0.15 * b, 1.5), (-0.44 * a, -0.05 * b, -0.5))
    return Union((trunk, *(RoundCone(fork, vertebra.place(end), 0.36 * w, 0.2 * w) for end in ends)))


def _island(decoy: BoneIsland, vertebra: Vertebra) -> Solid:
    half_mm = vertebra.shape.body_mm
    centre = vertebra.place([share * half for share, half in zip(decoy.place, half_mm, strict=True)])
    r = decoy.diameter_mm / 2.0
    rows = tuple(point_tuple(row) for row in vertebra.axes @ rotation_about((1, 1, 0), 25.0))
    return Intersection((Ellipsoid(centre, (r, 0.85 * r, 1.15 * r), rows), vertebra.body(inside=False)))


def _lobules(decoy: MarrowFat, vertebra: Vertebra) -> Solid:
    random = np.random.default_rng([decoy.seed, 5])
    a, b, h = vertebra.shape.body_mm
    inner = vertebra.body(inside=True)
    pieces: list[Solid] = []
    for _ in range(decoy.count):
        way = random.normal(size=3)
        way *= random.uniform(0.1, 0.66) / float(np.linalg.norm(way))
        half = decoy.diameter_mm / 2.0 * random.uniform(0.5, 1.0) * random.uniform(0.75, 1.0, 3)
        centre = vertebra.place((way[0] * a, way[1] * b, way[2] * h))
        pieces.append(Intersection((Ellipsoid(centre, point_tuple(half)), inner)))
    return Union(tuple(pieces))


def disc_gas(decoy: DiscGas, upper: Vertebra, lower: Vertebra) -> Part:
    """Give slivers of gas in the disc between two bodies; to be painted after the disc and before the bones."""
    above, below = upper.shape.form, lower.shape.form
    low = upper.place((0.0, 0.0, -(above.lower_mm[1] if above else upper.shape.body_mm[2])))
    high = lower.place((0.0, 0.0, below.upper_mm[1] if below else lower.shape.body_mm[2]))
    middle = (np.array(low) + np.array(high)) / 2.0
    axes = _mean_axes(upper, lower)
    rows = tuple(point_tuple(row) for row in axes)
    w, h = decoy.width_mm / 2.0, decoy.height_mm / 2.0
    slivers = ((-0.25, -3.0, 0.5, 1.0, 0.55, 1.0), (0.55, 1.5, -0.4, 0.6, 0.4, 0.8))
    pieces: list[Solid] = [
        Ellipsoid(point_tuple(middle + axes @ np.array([x * w, y, z])), (sx * w, sy * w, sz * h), rows)
        for x, y, z, sx, sy, sz in slivers
    ]
    return Part(f"disc gas {upper.level}", Union(tuple(pieces)), VACUUM_GAS)


def _mean_axes(upper: Vertebra, lower: Vertebra) -> np.ndarray:
    left, _, right = np.linalg.svd(upper.axes + lower.axes)
    return np.asarray(left @ right)


def segmental_vessels(decoy: SegmentalVessels, vertebra: Vertebra) -> Part:
    """Give the vessels round the waist of a body; to be painted before the bones."""
    a, b, _ = vertebra.shape.body_mm
    a, b = a * (1.0 - vertebra.shape.waist) + 1.6, b * (1.0 - vertebra.shape.waist) + 1.6
    pieces = []
    for side, up in ((1.0, 0.8), (-1.0, -0.6)):
        turns = np.radians([-85.0, -50.0, -15.0, 20.0, 45.0])
        points = [vertebra.place((side * a * 1.04 * np.cos(t), b * 1.04 * np.sin(t), up)) for t in turns]
        pieces.append(tube(points, [1.5] * len(points)))
    return Part(f"segmental vessels {vertebra.level}", Union(tuple(pieces)), BLOOD)


def ecg_lead(decoy: EcgLead, body: Solid, *, around_lps: tuple[float, float]) -> Part:
    """Give an electrode's stud and its wire, lying on the skin.

    Parameters
    ----------
    decoy : EcgLead
        Which.
    body : Solid
        The skin's outside.
    around_lps : tuple of float
        x and y of the trunk's middle.
    """
    side = 1.0 if decoy.side == "left" else -1.0
    middle = np.array([*around_lps, decoy.up_mm])
    ahead, turns = (-1.0, _LEAD_FRONT_RAD) if decoy.on == "front" else (1.0, _LEAD_BACK_RAD)
    stud = _on_skin(body, middle, np.array([side * np.sin(turns[0]), ahead * np.cos(turns[0]), 0.0]))
    out = stud - middle
    out /= np.linalg.norm(out)
    disc = Cylinder(point_tuple(stud - 0.2 * out), point_tuple(stud + 1.6 * out), 5.0)
    knob = Cylinder(point_tuple(stud + 1.6 * out), point_tuple(stud + 4.0 * out), 2.0)
    points = [point_tuple(stud + 3.0 * out)]
    for turn, up in zip(turns[1:], (14.0, 34.0, 70.0), strict=True):
        way = np.array([side * np.sin(turn), ahead * np.cos(turn), 0.0])
        points.append(point_tuple(_on_skin(body, middle + np.array([0.0, 0.0, up]), way) + 1.5 * way))
    wire = tube(points, [0.8] * len(points))
    return Part(f"ECG lead {decoy.side}", Union((disc, knob, wire)), ECG_LEAD)


def _on_skin(body: Solid, start: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Walk outwards to the skin by halving."""
    low, high = 0.0, 400.0
    for _ in range(40):
        half = (low + high) / 2.0
        if body.distance_mm((start + half * way)[None])[0] <= 0.0:  # type: ignore[arg-type]
            low = half
        else:
            high = half
    return np.asarray(start + low * way)
