"""One's own needle in words, for a terminal."""

from collections.abc import Sequence

from planner.model.needle import Trajectory
from planner.report import needle_words as say


def judged_in_words(
    way: Trajectory, violations: Sequence[str], *, off_target_mm: float | None, gap_id: str | None
) -> str:
    """Say what was found of one's own needle.

    Parameters
    ----------
    way : Trajectory
        The needle, with all that was measured.
    violations : sequence of str
        Hard limits that it breaks, in words; empty for a safe one.
    off_target_mm : float or None
        Distance of its tip from the nearest gap; None where there is no gap.
    gap_id : str or None
        That gap.

    Returns
    -------
    str
        Lines without a line end: the verdict first.
    """
    needle = f"{way.needle.gauge}, {say.mm(way.needle.outer_diameter_mm, 2)} x {say.mm(way.needle.length_mm, 0)}"
    lines = [f"keeps every hard limit ({needle})" if not violations else f"breaks hard limits ({needle}):"]
    lines += [f"  {_named(violation)}" for violation in violations]
    lines.append(f"  goal: {_goal(off_target_mm, gap_id)}")
    lines += [f"  caution: {text}" for text in way.cautions]
    lines.append(f"  way: {say.way_in_words(way, None)}")
    lines += _clear_of(way)
    if way.nearest:
        lines.append(f"  nearest: {say.near(way.nearest, most=5)}")
    if way.passage is not None:
        lines.append(f"  pedicle: {say.passage_in_words(way.passage)}")
    lines.append(f"  skin: {say.skin_in_words(way)}")
    lines.append(
        f"  depth: {say.mm(way.depth_from_skin_mm, 0)} from the skin, {say.mm(way.depth_in_bone_mm, 0)} in bone"
    )
    if way.depth_marks:
        lines.append(f"  marks: {say.depths(way.depth_marks)}")
    lines.append(f"  crosses: {say.crossed(way.crosses) or say.NONE}")
    angle = say.NONE if way.entry_angle_deg is None else f"{way.entry_angle_deg:.0f} degrees off the bone's normal"
    lines.append(f"  entry: {angle}")
    view = way.bulls_eye
    reach = "" if view.within_gantry_limits else " (out of the gantry's reach)"
    lines.append(
        f"  bull's-eye: primary {view.primary_deg:.1f}, secondary {view.secondary_deg:.1f} degrees; at the console "
        f"{view.console_primary_deg:.1f}, {view.console_secondary_deg:.1f}{reach}"
    )
    return "\n".join(lines).replace(say.THIN, " ").replace("−", "-")


def _named(violation: str) -> str:
    """Give a broken limit the name that it has in the other lines: metal may be a cage or cement."""
    return f"implant or cement{violation.removeprefix('metal')}" if violation.startswith("metal:") else violation


def _goal(off_target_mm: float | None, gap_id: str | None) -> str:
    if off_target_mm is None or gap_id is None:
        return "no gap was found on this CT"
    if off_target_mm == 0.0:
        return f"the tip lies in {gap_id}"
    return f"the tip lies {off_target_mm:.1f} mm from {gap_id}, the nearest gap"


def _clear_of(way: Trajectory) -> list[str]:
    error, told = way.with_aim_error, []
    for field, name in say.CLEARANCES:
        off = ""
        if error is not None and field in say.WITH_AIM:
            least = say.aimed_badly(error, field)
            off = f"; {error.error_mm:g} mm and {error.error_deg:g} degrees off: {least}"
        told.append(f"  clear of {name}: {say.clearance_in_words(way, field)}{off}")
    return told
