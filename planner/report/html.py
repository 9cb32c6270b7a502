"""``report.html``: the plan as one file that needs nothing else, for a screen and for paper."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

import jinja2

from planner.config.plan_config import PlanConfig
from planner.io.dicom.patient import PatientIdentity
from planner.model.breach import Breach
from planner.model.gap import Gap
from planner.model.implant import SPINE_KINDS, Implant, Side
from planner.model.needle import Trajectory
from planner.model.plan import Plan, RiskFactor
from planner.model.proposal import no_candidate, proposal_of, proposed_needles
from planner.model.view_sight import GapView
from planner.report import leak_words, words
from planner.report.cup_angles import cup_angles_deg
from planner.report.leak_lines import course_in_a_line
from planner.report.leaks import DROP_ML, TargetLeaks, leaks_of
from planner.report.needle_rows import cards_of, roles, searches_of, set_rows
from planner.report.needle_words import crossed, depth_in_short, skin_in_short, thousands
from planner.report.page_pictures import (
    PagePicture,
    TargetPictures,
    page_picture,
    pictures_of,
    target_pictures,
    unwrapped_pictures,
)
from planner.report.palette import FLUOROSCOPY_LEGEND, LEGEND
from planner.report.places import side_words
from planner.report.review_words import moment, review_words
from planner.report.said import broken, doubts, merged
from planner.report.settings_rows import all_settings, changed_settings
from planner.report.sheet import sheet_of
from planner.report.unmeasured import unmeasured

_LOOKED_ALONG = frozenset(("pedicle_screw", "cup_screw"))
"""Kinds that a C-arm is turned along: down a stem or a nail runs no view of use."""
_RISKS: tuple[str, ...] = get_args(RiskFactor.model_fields["name"].annotation)
_FILTERS: Mapping[str, Callable[..., object]] = dict(
    moment=moment, review_words=review_words,
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
    side_words=side_words, skin=skin_in_short, crossed=crossed, sheet_depth=depth_in_short,
)  # fmt: skip
_SEVERITIES = (("warning", "Warnings"), ("caution", "Cautions"), ("info", "For information"))


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
    shown: TargetPictures
    views: tuple[GapView, ...]

    @property
    def side(self) -> Side | None:
        """Side of the patient; None where it is not told."""
        return None if self.implant is None else self.implant.side

    @property
    def place(self) -> str:
        """Level and side, "L3 right"; empty where neither is known."""
        level = self.gap.level or (self.implant.level if self.implant else None)
        side = self.implant.side if self.implant else None
        return " ".join(word for word in (level, side) if word)


def render_report(
    plan: Plan,
    figures: Mapping[str, bytes],
    *,
    config: PlanConfig | None = None,
    patient: PatientIdentity | None = None,
    plan_sha256: str | None = None,
) -> str:
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
    config : PlanConfig or None
        The settings that the plan was made with; None: they are not known, and the defaults' gantry and kit of cement
        stand in.
    patient : PatientIdentity or None
        Whose name is printed, where somebody asked for it.
    plan_sha256 : str or None
        Of ``plan.json`` beside it.

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
    environment.filters.update(_FILTERS)
    used = config or PlanConfig()
    kit_ml = used.needles.sets.one_mix_ml
    pictures = {name: page_picture(name, png) for name, png in figures.items()}
    said = merged(plan.findings)
    findings = [(title, [f for f in said if f.severity == severity]) for severity, title in _SEVERITIES]
    sheet = sheet_of(plan, kit_ml=kit_ml)
    return environment.get_template("report.html.j2").render(
        plan=plan,
        sheet=sheet,
        goals={one.gap.id: one for one in sheet.targets},
        kit_ml=kit_ml,
        patient=patient,
        plan_sha256=plan_sha256,
        settings_known=config is not None,
        changed=changed_settings(used),
        all_settings=all_settings(used),
        targets=[_target(plan, gap, pictures) for gap in plan.gaps],
        doubted=doubts(plan.findings),
        overview=pictures_of("overview", pictures),
        turn=pictures_of("turn", pictures),
        unwrapped=unwrapped_pictures(plan, pictures),
        unwrapped_stems=any(i.kind == "femoral_stem" and f"unwrapped/{i.id}" in pictures for i in plan.implants),
        findings=[(title, found) for title, found in findings if found],
        unmeasured=unmeasured(plan),
        refused=no_candidate(plan.findings),
        sitting=proposal_of(plan),
        not_looked_round=[i.id for i in plan.implants if i.kind == "nail"],
        legend=LEGEND,
        fluoroscopy_legend=FLUOROSCOPY_LEGEND,
        spinal=SPINE_KINDS,
        looked_along=_LOOKED_ALONG,
        gantry=used.needles.gantry,
        NOT_MEASURED=words.NOT_MEASURED,
        LITERATURE=leak_words.LITERATURE,
        leak_in_short=leak_words.leak_in_short,
        cards=cards_of(plan),
        roles=roles(plan),
        set_rows=set_rows(plan),
        searches=searches_of(plan),
        hub_mm=used.needles.sets.hub_diameter_mm,
        untold_risks=[name for name in _RISKS if name not in {risk.name for risk in plan.risk_factors}],
        DROP_ML=DROP_ML,
        charts={gap.id: pictures.get(f"fill/{gap.id}") for gap in plan.gaps},
        simulated=bool(plan.fills),
    )


def _target(plan: Plan, gap: Gap, pictures: Mapping[str, PagePicture]) -> _Target:
    needles = tuple(sorted((t for t in plan.trajectories if t.gap_id == gap.id), key=lambda t: t.rank))
    return _Target(
        gap=gap,
        implant=next((i for i in plan.implants if i.id == gap.implant_id), None),
        needles=needles,
        breaches=tuple(b for b in plan.breaches if b.gap_id == gap.id),
        leaks=leaks_of(plan, gap),
        doubt=doubts(plan.findings).get(gap.id),
        shown=target_pictures(gap, needles, [way.id for way in proposed_needles(plan)], pictures),
        views=tuple(view for view in plan.views if view.gap_id == gap.id),
    )
