"""Gruen's zones as cells round a stem: which of them hang together, and which blocks they make.

Levels are thirds of the stem, and the tip; quadrants are lateral, anterior, medial and posterior of the axis. Gruen
numbers them down the lateral side (1-3), under the tip (4) and up the medial side (5-7) on the AP view, and down the
front (8-10), under the tip (11) and up the back (12-14) on the lateral view: the same reading as in
`planner.geometry.implant_zones`. Under the tip no quadrants are told apart: 4 and 11 are one space.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from planner.config.phantoms.hip.defects import CharnleyZone, GruenZone

LATERAL, ANTERIOR, MEDIAL, POSTERIOR = range(4)
TIP_LEVEL = 3
TIP_MM = 5.0
"""The tip's zone begins this far above the tip, where the stem's end rounds off; as the planner has it."""

Cell = tuple[int, int]
"""Level 0-3 (thirds, tip) and quadrant 0-3."""


@dataclass(frozen=True)
class Block:
    """Neighbouring levels times neighbouring quadrants.

    Parameters
    ----------
    levels : tuple of int
        First and last.
    first, count : int
        First quadrant and how many follow on each other from there, 1 to 4.
    """

    levels: tuple[int, int]
    first: int
    count: int

    @property
    def cells(self) -> frozenset[Cell]:
        """The cells of it."""
        low, high = self.levels
        return frozenset((i, (self.first + k) % 4) for i in range(low, high + 1) for k in range(self.count))


def cells_of(zone: GruenZone) -> frozenset[Cell]:
    """Give the cells of a zone: one of them, or all four under the tip."""
    number = int(zone.removeprefix("gruen-"))
    if number in (4, 11):
        return frozenset((TIP_LEVEL, quadrant) for quadrant in range(4))
    down, up = (LATERAL, MEDIAL) if number <= 7 else (ANTERIOR, POSTERIOR)
    place = (number - 1) % 7
    return frozenset({(place, down) if place < 3 else (6 - place, up)})


def middle_cell(zone: GruenZone) -> Cell:
    """Give the one cell by which something in a zone is placed; under the tip the lateral one."""
    cells = cells_of(zone)
    return min(cells)


def charnley_number(zone: CharnleyZone) -> int:
    """Give 1, 2 or 3."""
    return int(zone.removeprefix("charnley-"))


def connected(cells: Iterable[Cell]) -> tuple[frozenset[Cell], ...]:
    """Part cells into those that hang together over a common edge; the uppermost first."""
    left, out = set(cells), []
    while left:
        group, waiting = set(), [min(left)]
        while waiting:
            cell = waiting.pop()
            if cell in left:
                left.remove(cell)
                group.add(cell)
                level, quadrant = cell
                waiting += [(level - 1, quadrant), (level + 1, quadrant)]
                waiting += [(level, (quadrant + 1) % 4), (level, (quadrant - 1) % 4)]
        out.append(frozenset(group))
    return tuple(out)


def blocks(cells: frozenset[Cell]) -> tuple[Block, ...]:
    """Give the largest blocks that lie wholly in the cells; they overlap wherever the cells hang together."""
    all_blocks = [
        Block((low, high), first, count)
        for low in range(TIP_LEVEL + 1)
        for high in range(low, TIP_LEVEL + 1)
        for count in (1, 2, 3, 4)
        for first in range(4 if count < 4 else 1)
    ]
    within = [b for b in all_blocks if b.cells <= cells]
    return tuple(b for b in within if not any(b.cells < other.cells for other in within))


def layers(width_of: Mapping[Cell, float]) -> tuple[tuple[float, Block], ...]:
    """Build widths up like a cake: each width over all cells that are at least as wide.

    Parameters
    ----------
    width_of : mapping of Cell to float
        Width of the line in each cell, mm, all above 0.

    Returns
    -------
    tuple of (float, Block)
        The width of each layer's blocks; a cell's width is the greatest of those over it. So a step of width within one
        space never pinches it.
    """
    return tuple(
        (width, block)
        for width in sorted(set(width_of.values()))
        for block in blocks(frozenset(c for c, w in width_of.items() if w >= width))
    )
