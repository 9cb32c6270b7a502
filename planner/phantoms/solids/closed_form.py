"""Volumes in closed form, for the solids that have one.

Bodies of revolution about one axis have one in any union, intersection and difference: at each place along the axis
the section is a set of rings whose squared radii are polynomials of second order, so that a Gauss rule of two points
between the places where two of them meet integrates the section's area exactly.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, unit
from planner.phantoms.solids.basic import (
    Ball,
    Cylinder,
    Difference,
    Ellipsoid,
    HalfSpace,
    Intersection,
    RoundCone,
    RoundedBox,
    Solid,
    ThreadedShaft,
    Union,
)
from planner.phantoms.solids.blended import Boxed
from planner.phantoms.solids.columns import EllipticColumn, Turned

_ON_AXIS_MM = 1e-9
_GAUSS = 0.5 / np.sqrt(3.0)
Rings = list[tuple[float, float]]
"""A section: disjoint rings from one squared radius to another, mm2, rising."""


def closed_form_volume_mm3(solid: Solid) -> float | None:
    """Give the volume of a solid that has a closed form.

    Parameters
    ----------
    solid : Solid
        The body.

    Returns
    -------
    float or None
        mm3; None where no closed form is known: for a union of overlapping solids that do not turn about one axis, for
        an unbounded solid, and for every solid of another kind.
    """
    if isinstance(solid, Boxed):
        return closed_form_volume_mm3(solid.solid)
    for kind, volume in _SIMPLE.items():
        if isinstance(solid, kind):
            return volume(solid)
    turned = _revolved_mm3(solid)
    if turned is not None:
        return turned
    if isinstance(solid, Union):
        return _sum_mm3(solid.solids)
    if isinstance(solid, Difference) and _are_apart(solid.solid, solid.without):
        return closed_form_volume_mm3(solid.solid)
    return None


def _are_apart(first: Solid, second: Solid) -> bool:
    (low, high), (other_low, other_high) = first.bounds_lps, second.bounds_lps
    return bool(np.any(low > other_high) or np.any(high < other_low))


def _sum_mm3(solids: tuple[Solid, ...]) -> float | None:
    if not all(_are_apart(a, b) for a, b in combinations(solids, 2)):
        return None
    total = 0.0
    for solid in solids:
        volume = closed_form_volume_mm3(solid)
        if volume is None:
            return None
        total += volume
    return total


def _ellipsoid_mm3(solid: Ellipsoid) -> float:
    return float(4.0 / 3.0 * np.pi * np.prod(solid.half_axes_mm))


def _rounded_box_mm3(solid: RoundedBox) -> float:
    r = solid.rounding_mm
    a, b, c = 2.0 * (np.array(solid.half_edges_mm) - r)
    faces, edges = 2.0 * r * (a * b + b * c + c * a), np.pi * r**2 * (a + b + c)
    return float(a * b * c + faces + edges + 4.0 / 3.0 * np.pi * r**3)


def _column_mm3(solid: EllipticColumn) -> float:
    a, b, half_height = solid.half_axes_mm
    # The section shrinks by 1 - w (1 - u^2) along u from -1 to 1; its square integrates to this.
    w = solid.waist
    return float(np.pi * a * b * half_height * 2.0 * (1.0 - 2.0 * w * 2.0 / 3.0 + w**2 * 8.0 / 15.0))


def _shaft_mm3(solid: ThreadedShaft) -> float:
    core, outer = solid.core_diameter_mm / 2.0, solid.outer_diameter_mm / 2.0
    depth = outer - core
    # Round any section the thread runs once from valley to crest and back.
    section = np.pi * (core**2 + core * depth + depth**2 / 3.0)
    length, nose, least = float(np.linalg.norm(np.subtract(solid.tip_lps, solid.head_lps))), solid.nose_mm, 0.05
    end = min(length, nose)
    # The nose shrinks evenly with the distance s from the end, but not below a twentieth.
    blunt = min(least * nose, end)
    cone = (end**3 - blunt**3) / (3.0 * nose**2)
    return float(section * (length - end + cone + least**2 * blunt))


_SIMPLE: dict[type[Any], Callable[[Any], float]] = {
    Ellipsoid: _ellipsoid_mm3,
    RoundedBox: _rounded_box_mm3,
    EllipticColumn: _column_mm3,
    ThreadedShaft: _shaft_mm3,
}


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From one place on the axis to another, where the squared radius is a polynomial (highest power first)."""

    start: float
    stop: float
    square: npt.NDArray[np.float64]


_Outline = tuple[_Stretch, ...]


def _cone(start: float, stop: float, first: float, last: float) -> _Stretch:
    slope = (last - first) / (stop - start)
    radius = np.array([slope, first - slope * start])
    return _Stretch(start, stop, np.polymul(radius, radius))


def _ball(centre: float, radius: float, start: float, stop: float) -> _Stretch:
    return _Stretch(start, stop, np.array([-1.0, 2.0 * centre, radius**2 - centre**2]))


def _leaves(solid: Solid) -> list[Solid]:
    if isinstance(solid, Boxed):
        return _leaves(solid.solid)
    if isinstance(solid, Difference):
        return _leaves(solid.solid) + _leaves(solid.without)
    if isinstance(solid, Union | Intersection):
        return [leaf for inner in solid.solids for leaf in _leaves(inner)]
    return [solid]


def _axis_of(leaf: Solid) -> tuple[Array, Array] | None:
    """Give a point and the direction of a leaf's own axis; None for a ball, which turns about any."""
    if isinstance(leaf, Cylinder | RoundCone):
        return np.array(leaf.start_lps), unit(np.subtract(leaf.stop_lps, leaf.start_lps))
    if isinstance(leaf, Turned):
        return np.array(leaf.start_lps), unit(leaf.direction_lps)
    return None


def _common_axis(leaves: list[Solid]) -> tuple[Array, Array] | None:
    own = next((axis for axis in map(_axis_of, leaves) if axis is not None), None)
    if own is not None:
        return own
    centres = [np.array(leaf.centre_lps) for leaf in leaves if isinstance(leaf, Ball)]
    if not centres:
        return None
    far = max(centres, key=lambda c: float(np.linalg.norm(c - centres[0])))
    if np.linalg.norm(far - centres[0]) > _ON_AXIS_MM:
        return centres[0], unit(far - centres[0])
    planes = [leaf for leaf in leaves if isinstance(leaf, HalfSpace)]
    return centres[0], unit(planes[0].outward_lps) if planes else np.array([0.0, 0.0, 1.0])


def _outline(leaf: Solid, point: Array, axis: Array) -> _Outline | None:
    """Give a leaf's outline along an axis; None where it does not turn about it."""

    def place(lps: tuple[float, float, float]) -> float | None:
        apart = np.array(lps) - point
        along = float(apart @ axis)
        return along if float(np.linalg.norm(apart - along * axis)) <= _ON_AXIS_MM else None

    if isinstance(leaf, Ball):
        centre = place(leaf.centre_lps)
        return (
            None
            if centre is None
            else (_ball(centre, leaf.radius_mm, centre - leaf.radius_mm, centre + leaf.radius_mm),)
        )
    if isinstance(leaf, HalfSpace):
        along = float(unit(leaf.outward_lps) @ axis)
        if abs(along) < 1.0 - _ON_AXIS_MM:
            return None
        level = float((np.array(leaf.point_lps) - point) @ axis)
        ends = (-np.inf, level) if along > 0 else (level, np.inf)
        return (_Stretch(*ends, np.array([np.inf])),)
    if isinstance(leaf, Turned):
        return _turned_outline(leaf, place(leaf.start_lps), float(unit(leaf.direction_lps) @ axis))
    if isinstance(leaf, Cylinder | RoundCone):
        return _rod_outline(leaf, place(leaf.start_lps), place(leaf.stop_lps))
    return None


def _turned_outline(leaf: Turned, start: float | None, along: float) -> _Outline | None:
    if start is None or abs(along) < 1.0 - _ON_AXIS_MM or min(leaf.radii_mm) < 0.0:
        return None
    knots = [(start + np.sign(along) * t, r) for t, r in zip(leaf.knots_mm, leaf.radii_mm, strict=True)]
    return tuple(_cone(a, b, ra, rb) for (a, ra), (b, rb) in pairwise(sorted(knots)) if b > a)


def _rod_outline(leaf: Cylinder | RoundCone, start: float | None, stop: float | None) -> _Outline | None:
    if start is None or stop is None:
        return None
    if isinstance(leaf, RoundCone):
        ends = sorted([(start, leaf.start_radius_mm), (stop, leaf.stop_radius_mm)])
    else:
        ends = sorted(
            [(start, leaf.radius_mm), (stop, leaf.radius_mm if leaf.stop_radius_mm is None else leaf.stop_radius_mm)]
        )
    (a, ra), (b, rb) = ends
    side = _cone(a, b, ra, rb)
    if isinstance(leaf, Cylinder):
        return (side,)
    return _ball(a, ra, a - ra, a), side, _ball(b, rb, b, b + rb)


def _revolved_mm3(solid: Solid) -> float | None:
    leaves = _leaves(solid)
    axis = _common_axis(leaves)
    if axis is None:
        return None
    outlines: dict[int, _Outline] = {}
    for leaf in leaves:
        outline = _outline(leaf, *axis)
        if outline is None:
            return None
        outlines[id(leaf)] = outline
    places = _meeting_places([stretch for outline in outlines.values() for stretch in outline])
    beyond = (places[0] - 1.0, places[-1] + 1.0)
    if any(_section(solid, t, outlines) for t in beyond):
        return None
    total = 0.0
    for start, stop in pairwise(places):
        for share in (0.5 - _GAUSS, 0.5 + _GAUSS):
            rings = _section(solid, start + share * (stop - start), outlines)
            total += 0.5 * (stop - start) * np.pi * sum(outer - inner for inner, outer in rings)
    return float(total) if np.isfinite(total) else None


def _meeting_places(stretches: list[_Stretch]) -> list[float]:
    """Give every place on the axis where an outline bends, or two of them cross."""
    ends = {t for s in stretches for t in (s.start, s.stop) if np.isfinite(t)}
    curved = [s for s in stretches if np.isfinite(s.square).all()]
    for first, second in combinations(curved, 2):
        low, high = max(first.start, second.start), min(first.stop, second.stop)
        if low < high:
            roots = np.roots(np.polysub(first.square, second.square))
            ends |= {float(r.real) for r in roots if abs(r.imag) < _ON_AXIS_MM and low < r.real < high}
    return sorted(ends)


def _section(solid: Solid, t: float, outlines: dict[int, _Outline]) -> Rings:
    if isinstance(solid, Boxed):
        return _section(solid.solid, t, outlines)
    if isinstance(solid, Difference):
        return _combined(_section(solid.solid, t, outlines), _section(solid.without, t, outlines), operator.gt)
    if isinstance(solid, Union | Intersection):
        rule = operator.or_ if isinstance(solid, Union) else operator.and_
        rings = _section(solid.solids[0], t, outlines)
        for inner in solid.solids[1:]:
            rings = _combined(rings, _section(inner, t, outlines), rule)
        return rings
    squares = [float(np.polyval(s.square, t)) for s in outlines[id(solid)] if s.start <= t <= s.stop]
    return [(0.0, max(squares))] if squares and max(squares) > 0.0 else []


def _combined(first: Rings, second: Rings, rule: Callable[[bool, bool], bool]) -> Rings:
    # A rule says of a place whether it is kept, by whether it lies in the first and in the second; `gt`: in it alone.
    edges = sorted({edge for ring in (*first, *second) for edge in ring})
    found: Rings = []
    for inner, outer in pairwise(edges):
        middle = inner + 1.0 if np.isinf(outer) else 0.5 * (inner + outer)
        if rule(_holds(first, middle), _holds(second, middle)):
            found.append((inner, outer))
    return found


def _holds(rings: Rings, square: float) -> bool:
    return any(inner < square < outer for inner, outer in rings)
