"""Which of the wanted margins a needle does not keep, with figures."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.needle import Margin, Needle
from planner.needles.account.describe import limits_for
from planner.safety.clearance import (
    GRAZES,
    HITS_CANAL,
    HITS_FORBIDDEN,
    HITS_METAL,
    NO_EXIT,
    NOT_IN_BONE,
    OTHER_BONE,
    REASONS,
    SECOND_BONE,
    TOO_LONG,
    Limits,
    check_straight,
)
from planner.safety.fields import Fields

_NEVER_MM = 1e3
_MARGINS: Mapping[int, Margin] = {
    HITS_METAL: "metal",
    HITS_CANAL: "canal",
    HITS_FORBIDDEN: "forbidden tissue",
    SECOND_BONE: "bone surface",
}
_BONE_CODES = (SECOND_BONE, GRAZES, NO_EXIT, NOT_IN_BONE)


def no_limits(needle: Needle) -> Limits:
    """Give limits that every needle keeps which comes out of bone at all.

    Parameters
    ----------
    needle : Needle
        Its diameter counts.

    Returns
    -------
    Limits
    """
    return Limits(
        radius_mm=needle.outer_diameter_mm / 2,
        length_mm=_NEVER_MM,
        metal_mm=-_NEVER_MM,
        tip_metal_mm=-_NEVER_MM,
        canal_mm=-_NEVER_MM,
        forbidden_mm=-_NEVER_MM,
        bone_mm=-_NEVER_MM,
        inside_mm=0.0,
        graze_mm=_NEVER_MM,
        other_bone_mm=-_NEVER_MM,
    )


def broken_limits(
    fields: Fields,
    aim_lps: Array,
    outward_lps: Array,
    needle: Needle,
    *,
    config: NeedleConfig,
    slide_mm: float | None = None,
) -> dict[int, str]:
    """Name every hard limit that one needle breaks: each is tried alone, since the march stops at the first.

    Parameters
    ----------
    fields : Fields
        Distances.
    aim_lps, outward_lps : ndarray, shape (3,)
        End of the straight part, LPS mm, and unit vector towards the operator.
    needle : Needle
        Diameter and length.
    config : NeedleConfig
        The wanted margins.
    slide_mm : float or None
        Length of a slide along a screw; None without one.

    Returns
    -------
    dict of int to str
        By the limit's code in `clearance.REASONS`: the words with figures; empty for a needle that keeps all.
    """
    whole, none = limits_for(needle, config, slide_mm=slide_mm), no_limits(needle)
    alone = {
        HITS_METAL: replace(none, metal_mm=whole.metal_mm, tip_metal_mm=whole.tip_metal_mm),
        HITS_CANAL: replace(none, canal_mm=whole.canal_mm),
        HITS_FORBIDDEN: replace(none, forbidden_mm=whole.forbidden_mm),
        OTHER_BONE: replace(none, other_bone_mm=whole.other_bone_mm),
        SECOND_BONE: replace(none, bone_mm=whole.bone_mm, inside_mm=whole.inside_mm, graze_mm=whole.graze_mm),
        TOO_LONG: replace(none, length_mm=whole.length_mm, beyond_mm=whole.beyond_mm),
    }
    free = check_straight(fields, aim_lps, outward_lps, limits=none, fine=True)
    measured: dict[int, tuple[float, float]] = {
        HITS_METAL: (float(free.metal_mm[0]), whole.metal_mm),
        HITS_CANAL: (float(free.canal_mm[0]), whole.canal_mm),
        HITS_FORBIDDEN: (float(free.forbidden_mm[0]), whole.forbidden_mm),
        OTHER_BONE: (float(free.other_bone_mm[0]), whole.other_bone_mm),
    }
    broken: dict[int, str] = {}
    for code, limits in alone.items():
        found = int(check_straight(fields, aim_lps, outward_lps, limits=limits, fine=True).reason[0])
        if found == code or (code == SECOND_BONE and found in _BONE_CODES):
            broken[code] = _words(found, measured.get(code), needle, float(free.in_view_mm[0]) + (slide_mm or 0.0))
    return broken


def reduced_margins(
    fields: Fields,
    aim_lps: Array,
    outward_lps: Array,
    needle: Needle,
    *,
    config: NeedleConfig,
    slide_mm: float | None = None,
) -> tuple[tuple[Margin, ...], tuple[str, ...]]:
    """Name the wanted margins that one needle of a narrow way does not keep; see `broken_limits`.

    Returns
    -------
    margins : tuple of str
    words : tuple of str
        The same with figures.
    """
    broken = broken_limits(fields, aim_lps, outward_lps, needle, config=config, slide_mm=slide_mm)
    named = [code for code in broken if code in _MARGINS]
    return tuple(_MARGINS[code] for code in named), tuple(broken[code] for code in named)


def _words(code: int, measured: tuple[float, float] | None, needle: Needle, way_mm: float) -> str:
    reason = REASONS[code]
    if code == TOO_LONG:
        # where the skin is not in the picture the way goes on
        return f"{reason}: {way_mm:.0f} mm of way and more, the needle has {needle.length_mm:g} mm"
    if measured is None or not np.isfinite(measured[0]):
        return reason
    free, wanted = measured
    if free < 0.0:
        return f"{reason}: {-free:.1f} mm within it, {wanted:g} mm free wanted"
    return f"{reason}: {free:.1f} mm free, {wanted:g} mm wanted"
