"""Which of the wanted margins a needle does not keep, with figures."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.needle import Margin, Needle
from planner.needles.account.describe import TOUCH_MM, limits_for
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
    Checked,
    Least,
    Limits,
    check_straight,
    sample,
)
from planner.safety.fields import BONE, Fields
from planner.safety.slide_least import SlideLeast, slide_least

_NEVER_MM = 1e3
_MARGINS: Mapping[int, Margin] = {
    HITS_METAL: "metal",
    HITS_CANAL: "canal",
    HITS_FORBIDDEN: "forbidden tissue",
    SECOND_BONE: "bone surface",
}
_STEP_MM = 0.25
_DIP_MM = 0.3
"""So much deeper again than the margin a needle is back in bone, as the march has it."""
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
    slide_to_lps: Array | None = None,
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
    slide_to_lps : ndarray, shape (3,), or None
        End of a slide along a screw, which is judged with the rest; None without one.

    Returns
    -------
    dict of int to str
        By the limit's code in `clearance.REASONS`: the words with figures; empty for a needle that keeps all.
    """
    slide_mm = None if slide_to_lps is None else float(np.linalg.norm(slide_to_lps - aim_lps))
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
    in_view = float(free.in_view_mm[0])
    slide = None
    if slide_to_lps is not None:
        slide = slide_least(fields, aim_lps[None], slide_to_lps[None], radius_mm=whole.radius_mm)
    measured = {code: (least, _limit(whole, code)) for code, least in _least(free, slide).items()}
    broken: dict[int, str] = {}
    for code, limits in alone.items():
        found = int(check_straight(fields, aim_lps, outward_lps, limits=limits, fine=True).reason[0])
        if code == SECOND_BONE and found in _BONE_CODES:
            broken[code] = _bone_words(fields, aim_lps, outward_lps, whole, found, in_view)
        elif found == code:
            broken[code] = _words(found, measured.get(code), needle, in_view + (slide_mm or 0.0))
    if slide is not None:
        if HITS_METAL in broken:
            broken[HITS_METAL] = _metal_beside_screw(fields, aim_lps, outward_lps, alone[HITS_METAL])
        broken = _slide_broken(slide, whole, measured) | broken
    return broken


def _limit(whole: Limits, code: int) -> float:
    limits = {
        HITS_METAL: whole.metal_mm,
        HITS_CANAL: whole.canal_mm,
        HITS_FORBIDDEN: whole.forbidden_mm,
        OTHER_BONE: whole.other_bone_mm,
    }
    return limits[code]


def _least(free: Checked, slide: SlideLeast | None) -> dict[int, float]:
    """Give the least distances along the whole way: the straight part, and the slide."""
    parts: list[Checked | Least] = [free] if slide is None else [free, slide.surface]
    return {
        HITS_METAL: min(float(part.metal_mm[0]) for part in parts),
        HITS_CANAL: min(float(part.canal_mm[0]) for part in parts),
        HITS_FORBIDDEN: min(float(part.forbidden_mm[0]) for part in parts),
        OTHER_BONE: min(float(part.other_bone_mm[0]) for part in parts),
    }


def _slide_broken(slide: SlideLeast, whole: Limits, measured: Mapping[int, tuple[float, float]]) -> dict[int, str]:
    """Name the limits that the slide breaks; metal is that of the screw, which it may touch."""
    near = slide.surface
    on_slide = {
        HITS_CANAL: near.canal_mm[0],
        HITS_FORBIDDEN: near.forbidden_mm[0],
        OTHER_BONE: near.other_bone_mm[0],
    }
    broken = {code: _figures(code, *measured[code]) for code, least in on_slide.items() if least < _limit(whole, code)}
    if near.metal_mm[0] < TOUCH_MM:
        broken[HITS_METAL] = f"metal: {-float(near.metal_mm[0]):.1f} mm within it on the slide"
    if not slide.bone_mm[0] >= whole.inside_mm:
        deep = float(slide.bone_mm[0])
        broken[SECOND_BONE] = f"bone surface: {deep:.1f} mm below it on the slide, {whole.inside_mm:g} mm wanted"
    return broken


def _metal_beside_screw(fields: Fields, aim_lps: Array, outward_lps: Array, metal_alone: Limits) -> str:
    """Say how much room a sliding needle lacks: it touches the screw by design, and leaves it by and by."""
    # with that tolerance the march goes on to the skin, so that its slack is the whole way's
    march = check_straight(fields, aim_lps, outward_lps, limits=metal_alone, fine=True, tolerance_mm=_NEVER_MM)
    lacks = -float(march.slack_mm[0])
    much = "less than 0.1" if lacks < 0.05 else f"{lacks:.1f}"
    return f"metal: lacks {much} mm of the room wanted where it leaves the screw"


def _bone_words(fields: Fields, aim_lps: Array, outward_lps: Array, whole: Limits, code: int, way_mm: float) -> str:
    """Say what of the bone's surface a needle does not keep, with figures where there are some."""
    # a needle that never comes out of bone, or never was in it, has no measured way
    way = np.arange(0.0, max(_STEP_MM, np.nan_to_num(way_mm)), _STEP_MM)
    depth = sample(fields, aim_lps + way[:, None] * outward_lps, BONE)
    inside, reason = whole.inside_mm, REASONS[code]
    if code == NOT_IN_BONE and len(depth) and depth[0] >= 0.0:
        return f"bone surface: {depth[0]:.1f} mm below it at the inner end, {inside:g} mm wanted"
    if code == GRAZES:
        first = int(np.argmax(depth < inside))
        out = _first(depth < -(whole.radius_mm + whole.bone_mm), first)
        again = _first(depth > inside + _DIP_MM, first)
        if again < out:
            least = float(np.min(depth[first:again]))
            return f"bone surface: {max(0.0, least):.1f} mm below it on the way, {inside:g} mm wanted"
        run = (out - first) * _STEP_MM
        return f"bone surface: runs {run:.1f} mm along it, {whole.graze_mm:g} mm allowed"
    if code == SECOND_BONE:
        left = _first(depth < -(whole.radius_mm + whole.bone_mm), 0)
        free = -float(np.max(depth[left:], initial=-np.inf)) - whole.radius_mm
        if 0.0 <= free < _NEVER_MM:
            return f"bone surface: passes bone at {free:.1f} mm, {whole.bone_mm:g} mm wanted"
    return reason


def _first(holds: npt.NDArray[np.bool_], start: int) -> int:
    """Give where from a start on something holds first; the end where it never does."""
    found = np.flatnonzero(holds[start:])
    return start + int(found[0]) if len(found) else len(holds)


def reduced_margins(
    fields: Fields,
    aim_lps: Array,
    outward_lps: Array,
    needle: Needle,
    *,
    config: NeedleConfig,
    slide_to_lps: Array | None = None,
) -> tuple[tuple[Margin, ...], tuple[str, ...]]:
    """Name the wanted margins that one needle of a narrow way does not keep; see `broken_limits`.

    Returns
    -------
    margins : tuple of str
    words : tuple of str
        The same with figures.
    """
    broken = broken_limits(fields, aim_lps, outward_lps, needle, config=config, slide_to_lps=slide_to_lps)
    named = [code for code in _MARGINS if code in broken]
    return tuple(_MARGINS[code] for code in named), tuple(broken[code] for code in named)


def _words(code: int, measured: tuple[float, float] | None, needle: Needle, way_mm: float) -> str:
    reason = REASONS[code]
    if code == TOO_LONG:
        # where the skin is not in the picture the way goes on
        return f"{reason}: {way_mm:.0f} mm of way and more, the needle has {needle.length_mm:g} mm"
    if measured is None or not np.isfinite(measured[0]):
        return reason
    return _figures(code, *measured)


def _figures(code: int, free: float, wanted: float) -> str:
    if free < 0.0:
        return f"{REASONS[code]}: {-free:.1f} mm within it, {wanted:g} mm free wanted"
    return f"{REASONS[code]}: {free:.1f} mm free, {wanted:g} mm wanted"
