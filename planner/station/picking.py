"""What of a plan lies under the mouse: on a cut near a place, in 3D along the line of sight."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, unit
from planner.model.plan import Plan
from planner.station.surfaces import Surface

PickedKind = Literal["implant", "gap", "needle", "breach"]
_FIRST: tuple[PickedKind, ...] = ("breach", "needle", "implant", "gap")
_SOLID = ("implant", "gap", "breach")
_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Picked:
    """A thing under the mouse.

    Parameters
    ----------
    kind : str
        What it is.
    id : str
        Its id in the plan.
    """

    kind: PickedKind
    id: str


def pick_near(plan: Plan, place_lps: npt.ArrayLike, *, within_mm: float, hidden: Collection[str] = ()) -> Picked | None:
    """Give the needle or breach nearest to a place.

    Parameters
    ----------
    plan : Plan
        The plan.
    place_lps : array_like, shape (3,)
        On the cut, LPS mm.
    within_mm : float
        How far the needle's surface, or the breach's middle, may be off.
    hidden : collection of str
        Ids that are not seen.

    Returns
    -------
    Picked or None
        None where nothing lies near.
    """
    place = np.asarray(place_lps, dtype=np.float64)
    found: list[tuple[float, Picked]] = []
    for breach in plan.breaches:
        found.append((float(np.linalg.norm(np.subtract(breach.centroid_lps, place))), Picked("breach", breach.id)))
    for way in plan.ways:
        path = np.asarray(way.path_lps, dtype=np.float64)
        off = min(_to_piece(first, last, place) for first, last in pairwise(path))
        found.append((max(off - way.needle.outer_diameter_mm / 2.0, 0.0), Picked("needle", way.id)))
    return _nearest((off, thing) for off, thing in found if off <= within_mm and thing.id not in hidden)


def pick_along(
    plan: Plan,
    surfaces: Sequence[Surface],
    eye_lps: npt.ArrayLike,
    along_lps: npt.ArrayLike,
    *,
    within_mm: float,
    hidden: Collection[str] = (),
) -> Picked | None:
    """Give what a line of sight meets.

    Parameters
    ----------
    plan : Plan
        The plan.
    surfaces : sequence of Surface
        Its surfaces.
    eye_lps : array_like, shape (3,)
        A place on the line before all that is seen, LPS mm.
    along_lps : array_like, shape (3,)
        Direction of sight.
    within_mm : float
        How far the line may pass a needle's surface, or a breach's middle: both are thin for a mouse.
    hidden : collection of str
        Ids that are not seen.

    Returns
    -------
    Picked or None
        A breach or a needle that the line all but meets; else the first implant or gap on it; None where there is none.
    """
    eye, along = np.asarray(eye_lps, dtype=np.float64), np.asarray(unit(along_lps))
    thin: list[tuple[float, Picked]] = []
    for breach in plan.breaches:
        thin.append((_off_line(eye, along, np.asarray(breach.centroid_lps)), Picked("breach", breach.id)))
    for way in plan.ways:
        off = min(_line_to_piece(eye, along, *map(np.asarray, piece)) for piece in pairwise(way.path_lps))
        thin.append((max(off - way.needle.outer_diameter_mm / 2.0, 0.0), Picked("needle", way.id)))
    near = _nearest((off, thing) for off, thing in thin if off <= within_mm and thing.id not in hidden)
    if near is not None:
        return near
    met: list[tuple[float, Picked]] = []
    for surface in surfaces:
        if surface.kind in _SOLID and surface.id not in hidden:
            after = _first_hit(surface, eye, along)
            if after is not None:
                met.append((after, Picked(surface.kind, surface.id)))  # type: ignore[arg-type]  # one of _SOLID
    return min(met, key=lambda one: one[0])[1] if met else None


def _nearest(found: Iterable[tuple[float, Picked]]) -> Picked | None:
    best = min(found, key=lambda one: (round(one[0], 1), _FIRST.index(one[1].kind)), default=None)
    return None if best is None else best[1]


def _to_piece(first: Array, last: Array, place: Array) -> float:
    along = last - first
    squared = float(along @ along)
    share = 0.0 if squared == 0.0 else float(np.clip((place - first) @ along / squared, 0.0, 1.0))
    return float(np.linalg.norm(first + share * along - place))


def _off_line(eye: Array, along: Array, place: Array) -> float:
    offset = place - eye
    return float(np.linalg.norm(offset - offset @ along * along))


def _line_to_piece(eye: Array, along: Array, first: Array, last: Array) -> float:
    """Least distance of a line from a piece: flattened along the line, the piece's distance from one point."""
    flat_first = (first - eye) - (first - eye) @ along * along
    flat_last = (last - eye) - (last - eye) @ along * along
    return _to_piece(flat_first, flat_last, np.zeros(3))


def _first_hit(surface: Surface, eye: Array, along: Array) -> float | None:
    """Give the way to the first triangle on a line (T. Möller, B. Trumbore 1997), mm; None where it meets none."""
    a, b, c = (surface.points_lps[surface.triangles[:, corner]] for corner in range(3))
    one, other = b - a, c - a
    across = np.cross(along, other)
    volume = np.einsum("ij,ij->i", one, across)
    facing = np.abs(volume) > _EDGE
    scale = np.divide(1.0, volume, out=np.zeros_like(volume), where=facing)
    offset = eye - a
    u = np.einsum("ij,ij->i", offset, across) * scale
    around = np.cross(offset, one)
    v = around @ along * scale
    after = np.einsum("ij,ij->i", other, around) * scale
    hit = facing & (u >= -_EDGE) & (v >= -_EDGE) & (u + v <= 1.0 + _EDGE) & (after > 0.0)
    return float(after[hit].min()) if hit.any() else None
