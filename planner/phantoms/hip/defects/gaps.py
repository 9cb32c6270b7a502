"""From spaces to gaps: what of them is lucent, and which of them run into each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from planner.geometry.frames import PointsLps
from planner.model.gap import GapKind
from planner.phantoms.hip.defects.surroundings import Space
from planner.phantoms.hip.lattices import lattice_points
from planner.phantoms.solids.basic import Difference, Grown, Solid, Union
from planner.phantoms.solids.raster import contains
from planner.phantoms.truth.facts import TrueGap

_STEP_MM = 0.4
_TOUCH_MM = 0.5
"""Spaces this near to each other touch: just over the step of the points that are asked."""


@dataclass(frozen=True)
class Lucent:
    """Spaces that run into each other, and what of them is lucent.

    Parameters
    ----------
    name : str
        "stem", "cement" or "cup": names the gap.
    spaces : tuple of Space
        What it is made of, the implant that they surround included.
    solids : tuple of Solid
        Together exactly what is lucent: without metal, cement and plastic.
    """

    name: str
    spaces: tuple[Space, ...]
    solids: tuple[Solid, ...]

    @property
    def is_crack(self) -> bool:
        """Whether it is nothing but a crack of the mantle or the break of a stem."""
        return {s.kind for s in self.spaces} <= {"crack", "break"}

    @cached_property
    def solid(self) -> Solid:
        """What is lucent."""
        return Union(self.solids)

    @property
    def width_mm(self) -> float:
        """Nominal width: of its widest line, or of its widest space where there is no line."""
        return max(s.width_mm for s in [s for s in self.spaces if s.kind == "line"] or self.spaces)

    def gap(self, number: int) -> TrueGap:
        """Give the truth of it, by its number among those of the same name."""
        kinds = {s.kind for s in self.spaces}
        kind: GapKind = "osteolysis" if "cavity" in kinds and "line" not in kinds else "periprosthetic_gap"
        implant = "cup" if self.name == "cup" else "stem"
        return TrueGap(f"gap-{self.name}-{number}", implant, kind, self.width_mm, self.solid)


def lucent(name: str, spaces: Sequence[Space], without: Solid) -> tuple[Lucent, ...]:
    """Give what is lucent of spaces, together where they run into each other.

    Parameters
    ----------
    name : str
        "stem", "cement" or "cup".
    spaces : sequence of Space
        Round one implant.
    without : Solid
        Metal, cement and plastic.

    Returns
    -------
    tuple of Lucent
    """
    return tuple(
        Lucent(name, group, tuple(Difference(p, without) for s in group for p in _flat(s.solid)))
        for group in grouped(spaces, without)
    )


def joined(first: Sequence[Lucent], more: Sequence[Lucent]) -> tuple[Lucent, ...]:
    """Join spaces that border on each other: a crack, or the break of a stem, belongs to the gap that it runs into.

    Parameters
    ----------
    first, more : sequence of Lucent
        Each of `more` is held against all before it.

    Returns
    -------
    tuple of Lucent
        A joined one has the place and the name of the first that went into it.
    """
    out = list(first)
    for one in more:
        near = [place for place, other in enumerate(out) if _touch(one, other)]
        members = [*(out[place] for place in near), one]
        whole = Lucent(
            members[0].name, tuple(s for m in members for s in m.spaces), tuple(s for m in members for s in m.solids)
        )
        place = near[0] if near else len(out)
        later = [other for number, other in enumerate(out) if number > place and number not in near]
        out = [*out[:place], whole, *later]
    return tuple(out)


def numbered(found: Sequence[Lucent]) -> tuple[TrueGap, ...]:
    """Give the gaps, numbered from 1 by name; cracks that run into none are left out."""
    gaps: list[TrueGap] = []
    count: dict[str, int] = {}
    for one in found:
        if not one.is_crack:
            count[one.name] = count.get(one.name, 0) + 1
            gaps.append(one.gap(count[one.name]))
    return tuple(gaps)


def grouped(spaces: Sequence[Space], without: Solid) -> tuple[tuple[Space, ...], ...]:
    """Put together the spaces that run into each other outside of an implant.

    Parameters
    ----------
    spaces : sequence of Space
        In any order.
    without : Solid
        The implant and its cement.

    Returns
    -------
    tuple of tuples of Space
        In the order of their first members.
    """
    group = list(range(len(spaces)))
    for i, j in combinations(range(len(spaces)), 2):
        # Lines that touch were made as one: two of them never meet.
        both_lines = spaces[i].kind == spaces[j].kind == "line"
        if not both_lines and group[i] != group[j] and _meet(spaces[i].solid, spaces[j].solid, without):
            old, new = max(group[i], group[j]), min(group[i], group[j])
            group = [new if g == old else g for g in group]
    return tuple(tuple(s for s, g in zip(spaces, group, strict=True) if g == n) for n in sorted(set(group)))


def _meet(first: Solid, second: Solid, without: Solid) -> bool:
    points = _in_all(second, first)
    return bool(len(points) and not contains(without, points).all())


def _touch(crack: Lucent, other: Lucent) -> bool:
    # The cheap question first: is it near the crack's own slab?
    slab = Grown(Union(tuple(s.solid for s in crack.spaces)), _TOUCH_MM)
    around = Difference(Grown(crack.solid, _TOUCH_MM), crack.solid)
    return bool(len(_in_all(slab, around, other.solid)))


def _in_all(*solids: Solid) -> PointsLps:
    """Give points of a lattice that lie in all of some solids, the first of which is asked first."""
    low = np.max([s.bounds_lps[0] for s in solids], axis=0)
    high = np.min([s.bounds_lps[1] for s in solids], axis=0)
    if np.any(high <= low):
        return PointsLps(np.zeros((0, 3)))
    points = lattice_points((low, high), _STEP_MM)
    for solid in solids:
        points = PointsLps(points[contains(solid, points)])
    return points


def _flat(solid: Solid) -> tuple[Solid, ...]:
    return tuple(p for s in solid.solids for p in _flat(s)) if isinstance(solid, Union) else (solid,)
