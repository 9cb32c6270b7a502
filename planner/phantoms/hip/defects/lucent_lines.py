"""Lucent lines round a stem: over whole zones, or round a stem that swings."""

from collections.abc import Sequence

from planner.config.phantoms.hip.defects import LucentLine, Toggle
from planner.phantoms.hip.defects.sleeves import Patch, Sleeve, StemPatch
from planner.phantoms.hip.defects.surroundings import FAR_MM, Space, Surroundings
from planner.phantoms.hip.zones import LATERAL, MEDIAL, TIP_LEVEL, TIP_MM, Block, cells_of, connected, layers
from planner.phantoms.solids.basic import Intersection
from planner.phantoms.solids.blended import Boxed

_FIRM_HALF_MM = 5.0
"""Half the length over which bone holds a stem at a pivot without a line."""
_FRONTAL = (LATERAL, MEDIAL)
_QUADRANTS = range(4)
_SHARE_MARGIN = 0.02
"""A zone of which less than this share of the stem is left below a break does not count (by eye)."""


def stem_lines(lines: Sequence[LucentLine], around: Surroundings) -> tuple[Space, ...]:
    """Make the lines round a stem: one space for all zones that touch.

    Parameters
    ----------
    lines : sequence of LucentLine
        Of one interface.
    around : Surroundings
        The stem in its bone, or in its cement.

    Returns
    -------
    tuple of Space
    """
    width_of = {cell: line.width_mm for line in lines for zone in line.zones for cell in cells_of(zone)}  # type: ignore[arg-type]
    spaces = []
    for group in connected(width_of):
        widths = {cell: width_of[cell] for cell in group}
        patches = tuple(_stem_patch(block, width, around) for width, block in layers(widths))
        spaces.append(_line_space(around, patches, max(widths.values())))
    return tuple(spaces)


def _stem_patch(block: Block, width_mm: float, around: Surroundings) -> StemPatch:
    length = around.axis.length_mm
    borders = (-FAR_MM, length / 3.0, 2.0 * length / 3.0, length - TIP_MM, FAR_MM)
    low, high = block.levels
    quadrants = {(block.first + k) % 4 for k in range(block.count)}
    start = around.entry_mm(quadrants) if low == 0 else borders[low]
    return StemPatch(
        around.axis, start, borders[high + 1], ((0.0, width_mm),), block.first, block.count, around.ceiling
    )


def _line_space(around: Surroundings, patches: tuple[Patch, ...], width_mm: float) -> Space:
    hole = Boxed(Intersection((Sleeve(around.core, patches), around.room)))
    if around.rim_mm == 0.0:
        return Space("line", hole, None, width_mm)
    rim = Boxed(Intersection((Sleeve(around.core, patches, around.rim_mm), around.bone)))
    return Space("line", hole, rim, width_mm)


def toggle_spaces(toggle: Toggle, around: Surroundings) -> tuple[Space, ...]:
    """Make the line round a stem that swings: one space, or two where bone holds it at its pivot.

    Parameters
    ----------
    toggle : Toggle
        Widths at shoulder, pivot and tip.
    around : Surroundings
        The stem in its bone.

    Returns
    -------
    tuple of Space
    """
    length = around.axis.length_mm
    pivot = toggle.pivot_share * length
    knots = ((0.0, toggle.shoulder_mm), (pivot, toggle.pivot_mm), (length, toggle.tip_mm))
    top = around.entry_mm(range(4))
    wings = [(top, FAR_MM, max(toggle.shoulder_mm, toggle.tip_mm))]
    if toggle.pivot_mm == 0.0:
        wings = [(top, pivot - _FIRM_HALF_MM, toggle.shoulder_mm), (pivot + _FIRM_HALF_MM, FAR_MM, toggle.tip_mm)]
    spaces = []
    for start, stop, widest in wings:
        if widest <= 0.0 or stop <= start:
            continue
        all_round = tuple((t, toggle.sideways * w) for t, w in knots)
        patches = [StemPatch(around.axis, start, stop, all_round, 0, 4, around.ceiling)]
        patches += [StemPatch(around.axis, start, stop, knots, side, 1, around.ceiling) for side in _FRONTAL]
        spaces.append(_line_space(around, tuple(patches), widest))
    return tuple(spaces)


def lucent_share(lines: Sequence[LucentLine], *, below: float = 0.0) -> float:
    """Give the share of a stem's thirteen zones (4 and 11 are one) over which lines run.

    Parameters
    ----------
    lines : sequence of LucentLine
        Of the stem.
    below : float
        Only zones that reach below this share of the stem's length count.

    Returns
    -------
    float
    """
    first = first_level(below)
    cells = {cells_of(zone) for line in lines for zone in line.zones}  # type: ignore[arg-type]
    count = len(_QUADRANTS) * (TIP_LEVEL - first) + 1
    return len({c for c in cells if max(c)[0] >= first}) / count


def first_level(below: float) -> int:
    """Give the uppermost level of a stem that reaches below a share of its length."""
    return next((level for level in range(TIP_LEVEL) if (level + 1) / TIP_LEVEL > below + _SHARE_MARGIN), TIP_LEVEL)


def lines_below(lines: Sequence[LucentLine], below: float) -> tuple[LucentLine, ...]:
    """Give the lines of a stem that reach below a share of its length."""
    first = first_level(below)
    return tuple(x for x in lines if any(max(cells_of(z))[0] >= first for z in x.zones))  # type: ignore[arg-type]
