"""A spine's hardware from behind: vertebrae in outline, screws, rods, what is loose, and the needles in their order."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.needle import NeedleWay
from planner.model.plan import Plan
from planner.report.drawings.paper import BONE_EDGE, BONE_FILL, INK, METAL, NEEDLE, SOFT, Lens, Paper, shade, zone_words
from planner.report.places import implants_at_hips, whereabouts

_FROM_BEHIND = Lens(right_lps=(-1.0, 0.0, 0.0), up_lps=(0.0, 0.0, 1.0))
"""The patient's left on the viewer's left, as the operator sees a prone patient."""
_EDGE_MM, _MOST_SCALE = 6.0, 0.8
_BODY_WIDE, _BODY_ABOVE, _BODY_BELOW = 1.45, 0.3, 0.62
"""A body's outline by its pedicles: half widths from the middle, heights above and below. Schematic; by eye."""
_USUAL_HEIGHT_MM = 24.0
_TULIP_MM, _ROD_MM, _SCREW_MM = 6.0, 5.5, 6.0
"""Where a plan does not tell a width; a tulip's is never told."""
_STRIP_MM = (40.0, 6.2)
_SCREW_ZONES = ("screw-proximal", "screw-middle", "screw-distal", "screw-tip")
_SHARES = (0.29, 0.29, 0.27, 0.15)
"""Of a strip's length, zone by zone: thirds, and the tip."""


def spine_drawing(
    plan: Plan, needles: Sequence[tuple[int, NeedleWay]], *, room_mm: tuple[float, float] = (88.0, 74.0)
) -> Markup | None:
    """Draw the spine's implants from behind.

    Parameters
    ----------
    plan : Plan
        The plan.
    needles : sequence of (int, NeedleWay)
        With their numbers; those to what is drawn are drawn.
    room_mm : tuple of float
        Greatest width and height on paper.

    Returns
    -------
    Markup or None
        SVG. What lies at the hips is left out. Places are the plan's own, seen from behind without perspective;
        outlines of vertebrae are schematic, and only those whose two pedicles were found. None where the plan holds
        nothing of a spine.
    """
    at_hips = {one.id for one in implants_at_hips(plan)}
    implants = [one for one in plan.implants if one.id not in at_hips]
    gaps = [gap for gap in plan.gaps if whereabouts(gap, plan) == "spine"]
    if not implants and not gaps:
        return None
    goals = {gap.id for gap in gaps}
    ways = [(number, way) for number, way in needles if way.goal_id in goals]
    bodies = _bodies(plan)
    corners = [point for body in bodies.values() for point in body]
    points = [
        *corners,
        *(point for one in implants for point in _ends(one)),
        *(gap.centroid_lps for gap in gaps),
        *(point for _, way in ways for point in way.path_lps),
    ]
    lens, size = _FROM_BEHIND.fitted(points, room_mm=room_mm, edge_mm=_EDGE_MM, most_scale=_MOST_SCALE)
    paper = Paper(*size, "The spine's implants seen from behind, with gaps and needles")
    for name, body in bodies.items():
        paper.shape(lens.at(body), BONE_FILL, BONE_EDGE, wide_mm=0.3)
        # at its foot: screws and needles lie over its middle
        foot = (lens.at(body)[2] + lens.at(body)[3]) / 2.0
        paper.words(foot, _level(plan, name), below_mm=-1.6, size_mm=2.2, colour=SOFT)
    loose = {gap.implant_id: gap for gap in gaps}
    for one in sorted(implants, key=lambda one: one.kind != "rod"):
        _draw_implant(paper, lens, one, loose.get(one.id))
    for gap in gaps:
        if gap.implant_id is None:
            draw_free_gap(paper, lens, gap)
    draw_needles(paper, lens, ways)
    draw_sides(paper, "LEFT", "RIGHT")
    return paper.markup()


def screw_strip(gap: Gap, *, most_ml: float, head_left: bool) -> Markup | None:
    """Draw one screw lengthwise, its zones shaded by what is lucent there.

    Parameters
    ----------
    gap : Gap
        The gap.
    most_ml : float
        Of the plan's fullest zone, so that strips can be held side by side.
    head_left : bool
        Whether the head is drawn on the left.

    Returns
    -------
    Markup or None
        SVG; None for a gap that has no zones of a screw.
    """
    volumes = {zone.zone: zone.volume_ml for zone in gap.zones if zone.zone in _SCREW_ZONES}
    if not volumes:
        return None
    wide, tall = _STRIP_MM
    paper = Paper(wide, tall + 3.2, f"{gap.id}: lucent volume along the screw")
    head, along = 5.0, wide - 5.6
    edges = np.concatenate([[0.0], np.cumsum(_SHARES)]) * along + head

    def turned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(x if head_left else wide - x, y) for x, y in points]

    for k, zone in enumerate(_SCREW_ZONES):
        left, right = edges[k], edges[k + 1]
        low, high = (tall * 0.2, tall * 0.8) if k == len(_SCREW_ZONES) - 1 else (0.0, tall)
        # a zone that the gap does not name holds none of it
        volume = volumes.get(zone, 0.0)
        fill, dash = shade(volume, most_ml)
        paper.shape(turned([(left, 0.2), (right, low + 0.2), (right, high - 0.2), (left, tall - 0.2)]), fill, INK,
                    dash=dash)  # fmt: skip
        (middle,) = turned([((left + right) / 2.0, tall / 2.0)])
        paper.words(middle, zone_words(volume), size_mm=2.4, bold=True)
        (under,) = turned([((left + right) / 2.0, tall + 1.7)])
        paper.words(under, zone.removeprefix("screw-"), size_mm=2.0, colour=SOFT)
    paper.shape(turned([(0.4, 0.6), (4.6, 0.6), (4.6, tall - 0.6), (0.4, tall - 0.6)]), METAL, INK)
    return paper.markup()


def draw_needles(paper: Paper, lens: Lens, needles: Sequence[tuple[int, NeedleWay]]) -> None:
    """Draw needles from the skin, or where that is not in the scan from the bone, with their numbers.

    Parameters
    ----------
    paper : Paper
        The drawing.
    lens : Lens
        From where.
    needles : sequence of (int, NeedleWay)
        With their numbers.
    """
    for _, way in needles:
        course = lens.at(way.path_lps)
        dash = "" if way.entry_skin_lps is not None else "1.6 0.8"
        paper.line(course, NEEDLE, 0.7, dash=dash)
        paper.disc(course[-1], 0.7, "#ffffff", NEEDLE, wide_mm=0.4)
    for number, way in needles:
        course = lens.at(way.path_lps)
        out = course[0] - course[-1]
        far = float(np.linalg.norm(out))
        step = out / far * 1.4 if far > 1e-6 else np.array([0.0, -1.4])
        paper.number(course[0], str(number), step)


def draw_free_gap(paper: Paper, lens: Lens, gap: Gap) -> None:
    """Ring the middle of a gap without implant, with its name."""
    paper.disc(lens.at(gap.centroid_lps), 2.4, "none", shade(1.0, 1.0)[0], wide_mm=0.8)
    paper.words(lens.at(gap.centroid_lps), gap.id, below_mm=4.2, bold=True)


def draw_sides(paper: Paper, left: str, right: str, *, size_mm: float = 3.2) -> None:
    """Write what is at the left and the right edge."""
    paper.words((1.0, 2.4), left, size_mm=size_mm, anchor="start", bold=True)
    paper.words((paper.wide_mm - 1.0, 2.4), right, size_mm=size_mm, anchor="end", bold=True)


def _draw_implant(paper: Paper, lens: Lens, one: Implant, gap: Gap | None) -> None:
    if one.kind == "rod":
        course = one.course_lps or (() if one.axis is None else (one.axis.head_lps, one.axis.tip_lps))
        if course:
            width = _ROD_MM if one.axis is None or one.axis.diameter_mm is None else one.axis.diameter_mm
            paper.line(lens.at(course), "#c3cad1", width * lens.scale)
        return
    if one.axis is None:
        paper.disc(lens.at(one.centroid_lps), 1.6, METAL, INK)
        paper.words(lens.at(one.centroid_lps), one.id, below_mm=3.4)
        return
    head, tip = lens.at(one.axis.head_lps), lens.at(one.axis.tip_lps)
    width = (one.axis.diameter_mm or _SCREW_MM) * lens.scale
    if gap is not None:
        paper.line([head, tip], shade(1.0, 1.0)[0], width + 1.6)
    paper.line([head, tip], METAL, width)
    # square, for numbers on discs are the needles'
    half = _TULIP_MM * lens.scale * 0.9
    paper.shape(head + half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]), "#dfe4e8", INK, wide_mm=0.25)
    paper.words(head, one.id.removeprefix("screw-"), size_mm=2.3, bold=gap is not None, halo=False)
    paper.keep_clear(head)


def _ends(one: Implant) -> tuple[tuple[float, float, float], ...]:
    if one.course_lps:
        return one.course_lps
    return (one.centroid_lps,) if one.axis is None else (one.axis.head_lps, one.axis.tip_lps)


def _bodies(plan: Plan) -> Mapping[str, list[tuple[float, float, float]]]:
    """Outline the vertebrae whose two pedicles were found, by the bone's name; corners in LPS mm."""
    if plan.anatomy is None:
        return {}
    found: dict[str, dict[str, tuple[float, float, float]]] = {}
    for pedicle in plan.anatomy.pedicles:
        found.setdefault(pedicle.bone, {})[pedicle.side] = pedicle.centre_lps
    heights = {body.bone: body.middle_mm or body.back_mm for body in plan.anatomy.vertebral_bodies}
    outlines = {}
    for name, sides in found.items():
        if len(sides) < 2:
            continue
        left, right = np.array(sides["left"]), np.array(sides["right"])
        middle, half = (left + right) / 2.0, (left - right) / 2.0 * _BODY_WIDE
        height = heights.get(name) or _USUAL_HEIGHT_MM
        up, down = np.array([0.0, 0.0, height * _BODY_ABOVE]), np.array([0.0, 0.0, -height * _BODY_BELOW])
        waist = 0.9
        ring = (
            middle + half + up, middle + waist * half + 0.5 * (up + down), middle + half + down,
            middle - half + down, middle - waist * half + 0.5 * (up + down), middle - half + up,
        )  # fmt: skip
        outlines[name] = [(float(x), float(y), float(z)) for x, y, z in ring]
    return outlines


def _level(plan: Plan, name: str) -> str:
    bones = () if plan.anatomy is None else plan.anatomy.bones
    return next((bone.level for bone in bones if bone.name == name and bone.level), name)
