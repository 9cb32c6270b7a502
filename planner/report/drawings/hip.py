"""A hip's implants from the front and from the side: stem with Gruen's zones, cup with DeLee and Charnley's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from planner.geometry.frames import Array, unit
from planner.model.gap import Gap
from planner.model.implant import HIP_KINDS, Implant, Side
from planner.model.needle import NeedleWay
from planner.model.plan import Plan
from planner.report.drawings.paper import INK, METAL, SOFT, Lens, Paper, shade, zone_words
from planner.report.drawings.spine import draw_free_gap, draw_needles, draw_sides
from planner.report.places import free_gaps_at_hip, implants_at_hips

_FROM_FRONT = Lens(right_lps=(1.0, 0.0, 0.0), up_lps=(0.0, 0.0, 1.0))
"""The patient's right on the viewer's left."""
_FROM_LEFT = Lens(right_lps=(0.0, 1.0, 0.0), up_lps=(0.0, 0.0, 1.0))
"""The patient's front on the viewer's left."""
_EDGE_MM, _MOST_SCALE = 7.0, 0.7
_BAND_MM = 11.0
"""How broad zones are drawn; a gap's true width is in the figures."""
_STEM_MM = 14.0
"""A stem's width where it was not measured."""
_TIP_MM = 5.0
"""Zones 4 and 11 begin so far above the tip, as `planner.geometry.implant_zones` has it."""
_DOME_DEG = 30.0
_BESIDE = {"lateral": (1, 2, 3), "medial": (7, 6, 5), "front": (8, 9, 10), "back": (14, 13, 12)}
"""Gruen's zones beside the stem, downwards."""
_PLACES = (0.5, 0.35, 0.65, 0.2, 0.8)
"""Where along a zone its number may stand, the middle first."""
_HALF_WORDS_MM = (3.4, 3.2)
"""Half of what a zone's number and millilitres take on paper, across and down."""


@dataclass(frozen=True, slots=True, eq=False)
class _ZoneWords:
    """A zone's number and millilitres, and where they may stand on the paper: the best place first, (N, 2)."""

    zone: str
    volume_ml: float | None
    places: Array


def hip_drawing(
    plan: Plan, side: Side | None, needles: Sequence[tuple[int, NeedleWay]], *,
    room_mm: tuple[float, float] = (66.0, 88.0),
) -> tuple[Markup, Markup] | None:  # fmt: skip
    """Draw one hip's implants.

    Parameters
    ----------
    plan : Plan
        The plan.
    side : "left", "right" or None
        Which hip; None: implants of which no side is told.
    needles : sequence of (int, NeedleWay)
        With their numbers; those to what is drawn are drawn.
    room_mm : tuple of float
        Greatest width and height on paper, of each view.

    Returns
    -------
    tuple of Markup, or None
        SVG from the front and from the patient's left. Places, lengths and widths are the plan's own; zones are drawn
        broader than they are, and only of implants with a gap that has zones: blank ones would read as sound. From the
        front none are drawn where no side is told. None where the plan has no implants there.
    """
    implants = [one for one in implants_at_hips(plan) if one.side == side]
    if not any(one.kind in HIP_KINDS for one in implants):
        return None
    ids = {one.id for one in implants}
    gaps = [gap for gap in plan.gaps if gap.implant_id in ids]
    free = free_gaps_at_hip(plan, side)
    goals = {gap.id for gap in (*gaps, *free)}
    ways = [(number, way) for number, way in needles if way.goal_id in goals]
    points: list[Array] = [
        *(point for one in implants for point in _reach(one)),
        *(np.array(gap.centroid_lps) for gap in free),
        *(np.array(point) for _, way in ways for point in way.path_lps),
    ]
    most = most_ml(plan)
    drawn = []
    for lens, name, edges in (
        (_FROM_FRONT, "from the front", ("patient's right", "patient's left")),
        (_FROM_LEFT, "from the patient's left", ("front", "back")),
    ):
        fitted, size = lens.fitted(points, room_mm=room_mm, edge_mm=_EDGE_MM, most_scale=_MOST_SCALE)
        paper = Paper(*size, f"The hip's implants seen {name}, with zones and needles")
        told: list[_ZoneWords] = []
        for one in implants:
            told += _draw(paper, fitted, one, _volumes(one, gaps), most, frontal=lens is _FROM_FRONT)
        for gap in free:
            draw_free_gap(paper, fitted, gap)
        draw_needles(paper, fitted, ways)
        # after the needles, which would hide them
        _write(paper, told, [fitted.at(way.path_lps) for _, way in ways])
        draw_sides(paper, *edges, size_mm=2.5)
        drawn.append(paper.markup())
    return drawn[0], drawn[1]


def most_ml(plan: Plan) -> float:
    """Give what is lucent in the fullest zone of a plan, mL; 0 where nothing was measured."""
    return max((zone.volume_ml or 0.0 for gap in plan.gaps for zone in gap.zones), default=0.0)


def _volumes(one: Implant, gaps: Sequence[Gap]) -> Mapping[str, float | None]:
    """Sum up what is lucent in each zone of an implant; None where a part of it was not measured."""
    summed: dict[str, float | None] = {}
    for zone in (zone for gap in gaps if gap.implant_id == one.id for zone in gap.zones):
        before = summed.get(zone.zone, 0.0)
        summed[zone.zone] = None if before is None or zone.volume_ml is None else before + zone.volume_ml
    return summed


def _draw(
    paper: Paper, lens: Lens, one: Implant, volumes: Mapping[str, float | None], most: float, *, frontal: bool
) -> list[_ZoneWords]:
    """Draw an implant; what is to be written into its zones is given back."""
    told: list[_ZoneWords] = []
    if one.kind == "acetabular_cup" and one.sphere is not None:
        told = _draw_cup(paper, lens, one, volumes, most, frontal=frontal)
    elif one.kind == "femoral_head" and one.sphere is not None:
        centre = lens.at(one.sphere.centre_lps)
        paper.disc(centre, one.sphere.diameter_mm / 2.0 * lens.scale, "#dfe4e8", METAL)
    elif one.axis is not None:
        if one.kind == "femoral_stem" and volumes:
            told = _draw_zones(paper, lens, one, volumes, most, frontal=frontal)
        _draw_shaft(paper, lens, one)
    else:
        paper.disc(lens.at(one.centroid_lps), 1.2, METAL, INK)
    return told


def _draw_shaft(paper: Paper, lens: Lens, one: Implant) -> None:
    if one.axis is None:
        return
    width = (one.axis.diameter_mm or (_STEM_MM if one.kind == "femoral_stem" else 5.0)) * lens.scale
    course = [one.axis.head_lps, one.axis.tip_lps]
    if one.neck_lps is not None:
        paper.line(lens.at([one.neck_lps, one.axis.head_lps]), METAL, 0.8 * width)
    paper.line(lens.at(course), METAL, width, end="butt" if one.kind == "femoral_stem" else "round")


def _draw_zones(
    paper: Paper, lens: Lens, one: Implant, volumes: Mapping[str, float | None], most: float, *, frontal: bool
) -> list[_ZoneWords]:
    """Draw Gruen's zones of one view: thirds on both sides, and the tip."""
    told: list[_ZoneWords] = []
    if one.axis is None or (frontal and one.side is None):
        return told
    shoulder, tip = lens.flat_mm(one.axis.head_lps), lens.flat_mm(one.axis.tip_lps)
    length = float(np.linalg.norm(tip - shoulder))
    if length < 3.0 * _TIP_MM:
        return told
    down = (tip - shoulder) / length
    outward = np.array([-down[1], down[0]])
    # towards the viewer's right: the patient's left on the frontal view, the back on the other
    outward = outward if outward[0] > 0.0 else -outward
    half = (one.axis.diameter_mm or _STEM_MM) / 2.0
    names = ("front", "back") if not frontal else ("medial", "lateral") if one.side == "left" else ("lateral", "medial")
    for name, turn in zip(names, (-1.0, 1.0), strict=True):
        for k, zone in enumerate(_BESIDE[name]):
            start, stop = k * length / 3.0, (k + 1) * length / 3.0
            stop = min(stop, length - _TIP_MM)
            box = [
                shoulder + down * start + turn * outward * half,
                shoulder + down * start + turn * outward * (half + _BAND_MM),
                shoulder + down * stop + turn * outward * (half + _BAND_MM),
                shoulder + down * stop + turn * outward * half,
            ]
            beside = shoulder + turn * outward * (half + _BAND_MM / 2.0)
            places = [beside + down * (start + share * (stop - start)) for share in _PLACES]
            told.append(_draw_zone(paper, lens, np.array(box), f"gruen-{zone}", volumes, most, np.array(places)))
    low = shoulder + down * (length - _TIP_MM)
    wide = outward * (half + _BAND_MM)
    floor = down * (_TIP_MM + _BAND_MM)
    box = [low - wide, low + wide, low + wide + floor, low - wide + floor]
    places = [low + floor / 2.0 + wide * (2.0 * share - 1.0) for share in _PLACES]
    tip_zone = f"gruen-{4 if frontal else 11}"
    told.append(_draw_zone(paper, lens, np.array(box), tip_zone, volumes, most, np.array(places)))
    return told


def _draw_cup(
    paper: Paper, lens: Lens, one: Implant, volumes: Mapping[str, float | None], most: float, *, frontal: bool
) -> list[_ZoneWords]:
    """Draw a cup; on the frontal view with its zones, thirds of the half circle that turns from its mouth."""
    sphere, told = one.sphere, list[_ZoneWords]()
    if sphere is None:
        return told
    centre, radius = lens.flat_mm(sphere.centre_lps), sphere.diameter_mm / 2.0
    if sphere.opening_lps is None or one.side is None or not frontal or not volumes:
        paper.disc(lens.on_paper(centre), radius * lens.scale, "none", METAL, wide_mm=0.6)
        return told
    pole = -lens.flat_mm(sphere.opening_lps)
    lateral = 1.0 if one.side == "left" else -1.0
    middle = np.degrees(np.arctan2(pole[1], -lateral * pole[0]))

    def arc(start: float, stop: float, distance: float) -> Array:
        turn = np.radians(middle + np.linspace(start, stop, 16))
        return np.asarray(centre + distance * np.stack([-lateral * np.cos(turn), np.sin(turn)], axis=-1))

    for zone, start, stop in ((1, _DOME_DEG, 90.0), (2, -_DOME_DEG, _DOME_DEG), (3, -90.0, -_DOME_DEG)):
        ring = np.concatenate([arc(start, stop, radius), arc(start, stop, radius + _BAND_MM)[::-1]])
        middle_line = arc(start, stop, radius + _BAND_MM / 2.0)
        places = middle_line[[round(share * (len(middle_line) - 1)) for share in _PLACES]]
        told.append(_draw_zone(paper, lens, ring, f"charnley-{zone}", volumes, most, places))
    paper.line(lens.on_paper(arc(-90.0, 90.0, radius - 1.5)), METAL, max(3.0 * lens.scale, 0.6), end="butt")
    return told


def _draw_zone(
    paper: Paper, lens: Lens, ring: Array, zone: str, volumes: Mapping[str, float | None], most: float, places: Array
) -> _ZoneWords:
    volume = volumes.get(zone, 0.0)
    fill, dash = shade(volume, most)
    paper.shape(lens.on_paper(ring), fill, METAL, dash=dash)
    return _ZoneWords(zone, volume, lens.on_paper(places))


def _write(paper: Paper, told: Sequence[_ZoneWords], needles: Sequence[Array]) -> None:
    """Write into the zones, where no needle runs if there is such a place."""
    for one in told:
        apart = [min((_apart(place, course) for course in needles), default=1.0) for place in one.places]
        clear = next((k for k, far in enumerate(apart) if far >= 1.0), int(np.argmax(apart)))
        number, volume = one.zone.rpartition("-")[2], zone_words(one.volume_ml)
        if volume:
            paper.words(one.places[clear], number, below_mm=-1.6, size_mm=2.0, colour=SOFT)
            paper.words(one.places[clear], volume, below_mm=0.9, size_mm=2.4, bold=True)
        else:
            paper.words(one.places[clear], number, size_mm=2.0, colour=SOFT)


def _apart(place: Array, course: Array) -> float:
    """Give how far a line passes a zone's words, in half sizes of them: 1 and more where it does not touch them."""
    share = np.linspace(0.0, 1.0, 60)[:, None]
    line = np.concatenate([course, *(start + share * (stop - start) for start, stop in pairwise(course))])
    return float(np.min(np.max(np.abs(line - place) / _HALF_WORDS_MM, axis=1)))


def _reach(one: Implant) -> Iterator[Array]:
    """Give corners of what is drawn of an implant, LPS mm."""
    if one.sphere is not None:
        reach = one.sphere.diameter_mm / 2.0 + (_BAND_MM if one.kind == "acetabular_cup" else 0.0)
        centre = np.array(one.sphere.centre_lps)
        yield from (centre + reach * np.array(way) for way in ((1, 1, 1), (-1, -1, -1)))
    elif one.axis is not None and one.kind == "femoral_stem":
        half = (one.axis.diameter_mm or _STEM_MM) / 2.0 + _BAND_MM
        head, tip = np.array(one.axis.head_lps), np.array(one.axis.tip_lps)
        down = unit(tip - head)
        for end in (head, tip + down * _BAND_MM):
            yield from (end + half * np.array(way) for way in ((1, 1, 0), (-1, -1, 0)))
    elif one.axis is not None:
        yield from (np.array(one.axis.head_lps), np.array(one.axis.tip_lps))
    else:
        yield np.array(one.centroid_lps)
