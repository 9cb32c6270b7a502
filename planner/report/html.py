"""``report.html``: the plan as one file that needs nothing else, for a screen and for paper."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import jinja2

from planner.config.gantry import GantryLimits
from planner.config.needle_set_config import NeedleSetConfig
from planner.model.breach import Breach
from planner.model.gap import Gap
from planner.model.implant import SPINE_KINDS, Implant
from planner.model.needle import Trajectory
from planner.model.plan import Plan, RiskFactor
from planner.model.view_sight import GapView
from planner.report import leak_words, words
from planner.report.cup_angles import cup_angles_deg
from planner.report.leak_lines import course_in_a_line
from planner.report.leaks import DROP_ML, TargetLeaks, leaks_of
from planner.report.needle_rows import cards_of, searches_of, set_rows
from planner.report.needle_words import thousands
from planner.report.palette import FLUOROSCOPY_LEGEND, LEGEND
from planner.report.said import broken, doubts, merged, no_candidate

_CAPTIONS = {
    "axial": "Axial, seen from the feet",
    "coronal": "Coronal, seen from the front",
    "sagittal": "Sagittal, seen from the patient's left",
    "across-implant": "Across the implant",
    "along-implant": "Along the implant",
    "along-needle": "Along the first needle",
    "front": "Overview from the front",
    "side": "Overview from the patient's left",
    "bulls-eye": "Fluoroscopy, bull's-eye",
    "ap": "Fluoroscopy, frontal, seen from in front: the patient's right is on the viewer's left",
    "pa": "Fluoroscopy, frontal, seen from behind (prone): the patient's LEFT is on the viewer's left",
    "lateral": "Fluoroscopy, lateral",
    "watch": "Fluoroscopy, watch view",
    "gaps": "The C-arm turning about the gaps from one lateral view to the other (moves on a screen)",
}
_ALSO_LATERAL = f"{_CAPTIONS['bulls-eye']}; the lateral view is the same"
_LOOKED_ALONG = frozenset(("pedicle_screw", "cup_screw"))
"""Kinds that a C-arm is turned along: down a stem or a nail runs no view of use."""
_GANTRY = GantryLimits()
_RISKS: tuple[str, ...] = get_args(RiskFactor.model_fields["name"].annotation)
_SEVERITIES = (("warning", "Warnings"), ("caution", "Cautions"), ("info", "For information"))


@dataclass(frozen=True, slots=True)
class _Picture:
    caption: str
    source: str
    kind: str = "png"


@dataclass(frozen=True, slots=True)
class _Target:
    """A gap with all that the report shows beside it."""

    gap: Gap
    implant: Implant | None
    needles: tuple[Trajectory, ...]
    breaches: tuple[Breach, ...]
    leaks: TargetLeaks
    doubt: str | None
    """Why its figures are not to be relied on; None where they are."""
    cuts: tuple[_Picture, ...]
    fluoroscopy: tuple[tuple[Trajectory, tuple[_Picture, ...]], ...]
    views: tuple[GapView, ...]
    angles: _Picture | None
    """From where it is seen."""

    @property
    def place(self) -> str:
        """Level and side, "L3 right"; empty where neither is known."""
        level = self.gap.level or (self.implant.level if self.implant else None)
        side = self.implant.side if self.implant else None
        return " ".join(word for word in (level, side) if word)


def render_report(plan: Plan, figures: Mapping[str, bytes], *, gantry: GantryLimits = _GANTRY) -> str:
    """Write a plan as one HTML file.

    Parameters
    ----------
    plan : Plan
        The plan. Nothing else is known here of the patient, so that nothing else can be told.
    figures : Mapping of str to bytes
        Pictures by name: ``overview/<view>``, ``unwrapped/<implant id>``, ``<gap id>/<view>``,
        ``<trajectory id>/<view>``, ``angles/<gap id>``, ``fill/<gap id>``, all PNG, and ``turn/gaps``, WebP. Known
        views get a caption of their own, others their name. A picture of something that the plan does not hold is left
        out.
    gantry : GantryLimits
        How far the C-arm turns, for the views along screws.

    Returns
    -------
    str
        HTML 5 with its pictures inside, without scripts; a browser may load nothing for it (it says so itself by a
        content security policy), and prints it on A4 or Letter.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("planner.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=words.number, general=words.general, percent=words.percent, interval=words.interval, view=words.view,
        console=words.console, point=words.point, plain=words.plain, position=words.position, spacing=words.spacing,
        upwards=words.upwards, along=words.along, needle=words.needle, view_kind=words.view_kind,
        landmarks=words.landmarks, broken=broken, cup_angles=cup_angles_deg, behind=leak_words.behind,
        wall=leak_words.wall, unsure=leak_words.is_unsure, happens=leak_words.happens, ml=leak_words.millilitres,
        after=leak_words.after, at_console=leak_words.watch_at_console, seen_how=leak_words.seen_how,
        course=leak_words.course, instead=leak_words.instead, watch=leak_words.watch_angles,
        unbroken=words.unbroken, readable=leak_words.readable, stop_at=leak_words.stop_at, from_on=leak_words.from_on,
        ended=leak_words.ended, with_needles=leak_words.with_needles, in_a_line=course_in_a_line,
        thousands=thousands,
    )  # fmt: skip
    pictures = {name: _picture(name, png) for name, png in figures.items()}
    said = merged(plan.findings)
    findings = [(title, [f for f in said if f.severity == severity]) for severity, title in _SEVERITIES]
    return environment.get_template("report.html.j2").render(
        plan=plan,
        targets=[_target(plan, gap, pictures) for gap in plan.gaps],
        doubted=doubts(plan.findings),
        overview=_pictures_of("overview", pictures),
        turn=_pictures_of("turn", pictures),
        unwrapped=_unwrapped(plan, pictures),
        unwrapped_stems=any(i.kind == "femoral_stem" and f"unwrapped/{i.id}" in pictures for i in plan.implants),
        findings=[(title, found) for title, found in findings if found],
        unmeasured=unmeasured(plan),
        refused=no_candidate(plan.findings),
        not_looked_round=[i.id for i in plan.implants if i.kind == "nail"],
        legend=LEGEND,
        fluoroscopy_legend=FLUOROSCOPY_LEGEND,
        spinal=SPINE_KINDS,
        looked_along=_LOOKED_ALONG,
        gantry=gantry,
        NOT_MEASURED=words.NOT_MEASURED,
        LITERATURE=leak_words.LITERATURE,
        leak_in_short=leak_words.leak_in_short,
        cards=cards_of(plan),
        set_rows=set_rows(plan),
        searches=searches_of(plan),
        hub_mm=NeedleSetConfig().hub_diameter_mm,
        untold_risks=[name for name in _RISKS if name not in {risk.name for risk in plan.risk_factors}],
        DROP_ML=DROP_ML,
        charts={gap.id: pictures.get(f"fill/{gap.id}") for gap in plan.gaps},
        simulated=bool(plan.fills),
    )


def unmeasured(plan: Plan) -> tuple[str, ...]:
    """List what a plan could not measure, in words.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    tuple of str
        One line for each thing, "gap-2: volume, width" say; empty where nothing is missing.
    """
    lines = []
    names: dict[str, object]
    for implant in plan.implants:
        sphere, axis = implant.sphere, implant.axis
        is_ball = implant.kind in ("femoral_head", "acetabular_cup")
        names = {
            **({"sphere": sphere} if is_ball else {"axis": axis}),
            **({} if axis is None else {"diameter": axis.diameter_mm}),
            **({"opening": sphere.opening_lps} if sphere is not None and implant.kind == "acetabular_cup" else {}),
            "volume": implant.volume_ml,
            "side": implant.side,
            "loosening": implant.loosening,
        }
        lines.append(_missing(implant.id, names))
    for gap in plan.gaps:
        names = {
            "volume": gap.volume_ml,
            "expected fill (not simulated)": gap.expected_fill_ml,
            "width": gap.width_mm,
            "lucent share of the interface": gap.interface_fraction,
            "trust": gap.trust,
            **{f"volume in {zone.zone}": zone.volume_ml for zone in gap.zones},
        }
        lines.append(_missing(gap.id, names))
    lines.extend(_of_breaches(plan))
    for needle in plan.trajectories:
        names = {
            "skin entry": needle.entry_skin_lps,
            "distance from metal": needle.clearance_mm.metal,
            "distance from the canal": needle.clearance_mm.canal,
            "distance from the nearest breach": needle.clearance_mm.nearest_breach,
            "volume within reach": needle.reachable_ml,
        }
        lines.append(_missing(needle.id, names))
    lines.extend(f"risk factor: {risk.name}" for risk in plan.risk_factors if risk.measured is None)
    return tuple(line for line in lines if line)


def _of_breaches(plan: Plan) -> list[str]:
    """List what is missing of breaches, those that miss the same in one line: a plan may have dozens."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for breach in plan.breaches:
        names: dict[str, object] = {
            "kind of leak": breach.leak_type,
            "thickness of bone": breach.barrier_mm,
            "area": breach.area_mm2,
            "whether cement reaches it (not simulated)": breach.reached,
            "view to watch (none shows it)": breach.watch_view,
            "how far it can be read": breach.trust,
        }
        if breach.severity == "open":
            names["how wide it is open"] = breach.neck_mm
        else:
            names["density of bone"] = breach.barrier_hu
        gone = tuple(what for what, value in names.items() if value is None)
        groups.setdefault(gone, []).append(breach.id)
    return [f"{', '.join(ids)}: {', '.join(gone)}" for gone, ids in groups.items() if gone]


def _missing(name: str, values: Mapping[str, object]) -> str:
    gone = [what for what, value in values.items() if value is None]
    return f"{name}: {', '.join(gone)}" if gone else ""


def _target(plan: Plan, gap: Gap, pictures: Mapping[str, _Picture]) -> _Target:
    needles = tuple(sorted((t for t in plan.trajectories if t.gap_id == gap.id), key=lambda t: t.rank))
    breaches = tuple(b for b in plan.breaches if b.gap_id == gap.id)
    views = ((needle, _fluoroscopy_of(needle.id, pictures)) for needle in needles)
    return _Target(
        gap=gap,
        implant=next((i for i in plan.implants if i.id == gap.implant_id), None),
        needles=needles,
        breaches=breaches,
        leaks=leaks_of(plan, gap),
        doubt=doubts(plan.findings).get(gap.id),
        cuts=_pictures_of(gap.id, pictures),
        fluoroscopy=tuple((needle, shown) for needle, shown in views if shown),
        views=tuple(view for view in plan.views if view.gap_id == gap.id),
        angles=pictures.get(f"angles/{gap.id}"),
    )


def _picture(name: str, png: bytes) -> _Picture:
    view = name.rsplit("/", 1)[-1]
    kind = "webp" if png[8:12] == b"WEBP" else "png"
    return _Picture(_CAPTIONS.get(view, view.replace("-", " ")), base64.b64encode(png).decode("ascii"), kind)


def _pictures_of(owner: str, pictures: Mapping[str, _Picture]) -> tuple[_Picture, ...]:
    return tuple(picture for name, picture in pictures.items() if name.rsplit("/", 1)[0] == owner)


def _unwrapped(plan: Plan, pictures: Mapping[str, _Picture]) -> tuple[_Picture, ...]:
    """Give the unwrapped maps, each with its implant's name, level and side."""
    shown = [(implant, pictures.get(f"unwrapped/{implant.id}")) for implant in plan.implants]
    return tuple(
        _Picture(" · ".join(word for word in (i.id, words.plain(i.kind), i.level, i.side) if word), picture.source)
        for i, picture in shown
        if picture is not None
    )


def _fluoroscopy_of(owner: str, pictures: Mapping[str, _Picture]) -> tuple[_Picture, ...]:
    """Give a needle's views; a bull's-eye without a lateral view beside it is that one, too."""
    shown = _pictures_of(owner, pictures)
    if f"{owner}/bulls-eye" not in pictures or f"{owner}/lateral" in pictures:
        return shown
    plain = _CAPTIONS["bulls-eye"]
    return tuple(_Picture(_ALSO_LATERAL, p.source) if p.caption == plain else p for p in shown)
