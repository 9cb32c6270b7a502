"""The accuracy table: by step, by factor, case by case, the worst; in plain text and in Markdown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from accuracy_ablation import COLUMNS as ABLATION_COLUMNS
from accuracy_ablation import NOTE as ABLATION_NOTE
from accuracy_ablation import TITLE as ABLATION_TITLE
from accuracy_ablation import AblatedCase, ablation_rows
from accuracy_anatomy import NOTE, TITLE, anatomy_rows
from accuracy_cases import GROUPS, AccuracyCase
from accuracy_figures import NOTHING, markdown_table, quantiles, share, sizes, spread, text_table
from accuracy_run import CaseResult
from accuracy_steps import ANCHORS, STEPS, breaches_of, gaps_of, implants_of, scores_of, tips
from accuracy_targets import NOTE as TARGETS_NOTE
from accuracy_targets import TITLE as TARGETS_TITLE
from accuracy_targets import TargetCase, target_rows
from accuracy_thresholds import CaseYardsticks

from planner.phantoms.score.anatomy import AnatomyScore

_WORST = 5


@dataclass(frozen=True)
class Section:
    """One table with its title and how to read it."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def as_text(self) -> str:
        """Give it in plain text."""
        return f"{self.title}\n{self.note}\n\n{text_table(self.columns, self.rows)}\n"

    def as_markdown(self) -> str:
        """Give it in Markdown."""
        return f"## {self.title}\n\n{self.note}\n\n{markdown_table(self.columns, self.rows)}\n"


@dataclass(frozen=True)
class Outcome:
    """A case with what came of it, and what its truth was asked beside the score; None where it was not."""

    case: AccuracyCase
    result: CaseResult
    yardsticks: CaseYardsticks | None = None


def sections(outcomes: Sequence[Outcome]) -> tuple[Section, ...]:
    """Give the whole table.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The cases, in the table's order.

    Returns
    -------
    tuple of Section
    """
    groups = [g for g in GROUPS if any(o.case.group == g for o in outcomes)]
    every = (*STEPS, (TITLE, NOTE, anatomy_rows))
    steps = [_step_section(title, note, rows, outcomes, groups) for title, note, rows in every]
    factors = [_factor_section(outcomes, group) for group in groups]
    aims = _targets_section(outcomes, groups)
    return (aims, *steps, _ablation_section(outcomes), *factors, _worst_section(outcomes), _case_section(outcomes))


def _of_group(outcomes: Sequence[Outcome], group: str) -> list[CaseResult]:
    return [o.result for o in outcomes if o.case.group == group]


def _step_section(
    title: str,
    note: str,
    rows_of: Callable[[Sequence[CaseResult]], list[tuple[str, str]]],
    outcomes: Sequence[Outcome],
    groups: Sequence[str],
) -> Section:
    by_group = {group: dict(rows_of(_of_group(outcomes, group))) for group in groups}
    figures = list(dict.fromkeys(name for rows in by_group.values() for name in rows))
    rows = tuple((name, *(by_group[group].get(name, NOTHING) for group in groups)) for name in figures)
    return Section(title, note, ("figure", *groups), rows)


def _targets_section(outcomes: Sequence[Outcome], groups: Sequence[str]) -> Section:
    by_group = [
        dict(target_rows([TargetCase(o.result, o.yardsticks) for o in outcomes if o.case.group == group]))
        for group in groups
    ]
    rows = tuple((name, *(rows[name] for rows in by_group)) for name in (by_group[0] if by_group else ()))
    return Section(TARGETS_TITLE, TARGETS_NOTE, ("figure", *groups), rows)


def _ablation_section(outcomes: Sequence[Outcome]) -> Section:
    cases = [AblatedCase(o.case.group, o.case.site, o.case.artefacts, o.result, o.yardsticks) for o in outcomes]
    return Section(ABLATION_TITLE, ABLATION_NOTE, ABLATION_COLUMNS, ablation_rows(cases))


def _factors(case: AccuracyCase, result: CaseResult) -> dict[str, tuple[str, ...]]:
    truth = result.score
    kinds = () if truth is None else tuple(sorted({g.kind.replace("_", " ") for g in truth.gaps.gaps}))
    defects = case.defects or ("none (control)",)
    loose = () if truth is None else tuple({i.loose for i in truth.implants if i.loose is not None})
    firmness = ("loose",) if True in loose else ("firm (control)",) if loose else ()
    return {
        "site": (case.site,),
        "artefacts": (case.artefacts,),
        "HU": ("clipped" if case.clipped else "extended",),
        "slices": (f"{result_slice_mm(result)} mm",),
        "metal": known_words(result.metal),
        "screws": known_words(result.screws),
        "implants": firmness,
        "altered anatomy": tuple(case.draw.get("altered", ())),
        "defect": defects,
        "kind of gap": kinds,
    }


def result_slice_mm(result: CaseResult) -> str:
    """Give the distance of the slices in words."""
    return NOTHING if result.slice_mm is None else f"{result.slice_mm:g}"


def known_words(word: str | None) -> tuple[str, ...]:
    """Give what is known of a factor."""
    return () if word is None else (word,)


def _factor_section(outcomes: Sequence[Outcome], group: str) -> Section:
    own = [o for o in outcomes if o.case.group == group]
    values: dict[tuple[str, str], list[CaseResult]] = {}
    for outcome in own:
        for factor, names in _factors(outcome.case, outcome.result).items():
            for name in names:
                values.setdefault((factor, name), []).append(outcome.result)
    order = list(dict.fromkeys(factor for factor, _ in values))
    rows = tuple(
        (factor, name, *_summary(values[factor, name]))
        for factor, name in sorted(values, key=lambda key: (order.index(key[0]), key[1]))
    )
    return Section(
        f"By factor, {group} cases",
        "A case with two defects stands in two rows. Volume: size of the error, % (median / 90th percentile / worst), "
        "and with its sign (median and quartiles). Interval: of measured gaps; then of all, missed ones as not held. "
        "False: volume found where there is none, mL a case that was planned. Tip: see above.",
        ("factor", "", "cases", "tip, mm", "gaps found", "volume, %", "volume, % (signed)",
         "interval", "interval, all gaps", "Dice", "false, mL", "open breaches", "needles without harm"),
        rows,
    )  # fmt: skip


def _summary(results: Sequence[CaseResult]) -> tuple[str, ...]:
    scores = scores_of(results)
    gaps, needles = gaps_of(scores), [n for s in scores for n in s.needles.needles]
    covered = [g.covered for g in gaps if g.covered is not None]
    opened = [b for b in breaches_of(scores) if b.severity == "open"]
    return (
        str(len(results)),
        tips([i for i in implants_of(scores) if i.kind in ANCHORS]),
        share(sum(g.estimate_ml is not None for g in gaps), len(gaps)),
        sizes((g.relative_error for g in gaps), digits=0, scale=100.0),
        spread((g.relative_error for g in gaps), digits=0, scale=100.0),
        share(sum(covered), len(covered)),
        share(sum(covered), len(gaps)),
        quantiles(g.dice for g in gaps),
        sizes(r.score.gaps.false_ml for r in results if r.score is not None and r.is_planned),
        share(sum(b.found_id is not None for b in opened), len(opened)),
        share(sum(not n.violations for n in needles), len(needles)),
    )


def _worst_section(outcomes: Sequence[Outcome]) -> Section:
    worst: dict[str, list[tuple[float, str, str]]] = {}
    for outcome in outcomes:
        for what, size, unit, place in _lapses(outcome):
            worst.setdefault(what, []).append((abs(size), f"{size:+.2f} {unit}", place))
    rows = [
        (what, size, place)
        for what in worst
        for _, size, place in sorted(worst[what], key=lambda entry: -entry[0])[:_WORST]
    ]
    return Section("The worst", f"The {_WORST} worst of each, of both sets.", ("what", "by", "where"), tuple(rows))


def _lapses(outcome: Outcome) -> list[tuple[str, float, str, str]]:
    """Give all that is wrong with a case: what, by how much, unit, where."""
    score, name = outcome.result.score, outcome.case.name
    if score is None:
        return []
    found: list[tuple[str, float | None, str, str]] = [
        ("tip", i.tip_error_mm, "mm", f"{name} {i.true_id}") for i in score.implants if i.kind != "rod"
    ]
    found += [("missed gap", g.true_ml, "mL", f"{name} {g.true_id}") for g in score.gaps.gaps if g.estimate_ml is None]
    found += [("volume", g.error_ml, "mL", f"{name} {g.true_id}") for g in score.gaps.gaps]
    found += [("volume by the true one, less 1", g.relative_error, "", f"{name} {g.true_id}") for g in score.gaps.gaps]
    found.append(("false gaps", score.gaps.false_ml, "mL", name))
    missed = [b for b in score.breaches.breaches if b.severity == "open" and b.found_id is None]
    found.append(("open breaches missed", float(len(missed)), "", name))
    harmful = [n for n in score.needles.needles if n.violations]
    kinds = ", ".join(sorted({v for n in harmful for v in n.violations}))
    found.append(
        ("needles with a violation", float(len(harmful)), f"of {len(score.needles.needles)}", f"{name}: {kinds}")
    )
    found += _anatomy_lapses(score.anatomy, name)
    return [(what, size, unit, where) for what, size, unit, where in found if size]


def _anatomy_lapses(score: AnatomyScore | None, name: str) -> list[tuple[str, float | None, str, str]]:
    if score is None:
        return []
    found: list[tuple[str, float | None, str, str]] = [
        ("bone's Dice, less 1", None if b.dice is None else b.dice - 1.0, "", f"{name} {b.level or b.name}")
        for b in score.bones
    ]
    if score.canal is not None:
        found.append(("canal cut", score.canal.missed_mm, "mm", name))
    found += [("pedicle's width", p.width_error_mm, "mm", f"{name} {p.level} {p.side}") for p in score.pedicles or ()]
    found += [("landmark", m.error_mm, "mm", f"{name} {m.bone} {m.name}") for m in score.landmarks or ()]
    return found


def _case_section(outcomes: Sequence[Outcome]) -> Section:
    return Section(
        "Case by case",
        "Tip: worst screw or stem, mm, and how many were missed or mistaken. "
        "Volume: all gaps of the case together, missed ones as 0. Interval: gaps whose "
        "90 % interval holds the volume, of those measured. Loose: loose implants called probable or definite; firm: "
        "firm ones called so. Open: open breaches found.",
        ("case", "set", "scan", "defects", "gaps", "tip", "volume", "interval", "Dice", "false mL", "loose", "firm",
         "open", "harmless needles", "no needle", "s", "MB"),
        tuple(_case_row(o.case, o.result) for o in outcomes),
    )  # fmt: skip


def _trouble(result: CaseResult) -> str:
    if result.failed is not None:
        return f" crashed: {result.failed}"
    return " refused" if result.refused is not None else ""


def _case_row(case: AccuracyCase, result: CaseResult) -> tuple[str, ...]:
    scan = f"{case.artefacts}, {'clipped' if case.clipped else 'extended'}, {result_slice_mm(result)} mm"
    head = (case.name, case.group, scan, ", ".join(case.defects) or NOTHING)
    score = result.score
    if score is None:
        return (*head, f"not made: {result.failed}", *([NOTHING] * 12))
    gaps, needles = score.gaps.gaps, score.needles.needles
    anchors = [i for i in score.implants if i.kind in ANCHORS]
    off = [i.tip_error_mm for i in anchors if i.tip_error_mm is not None]
    missed = f", {len(anchors) - len(off)} missed" if len(anchors) > len(off) else ""
    true_ml, found_ml = sum(g.true_ml for g in gaps), sum(g.estimate_ml or 0.0 for g in gaps)
    covered = [g.covered for g in gaps if g.covered is not None]
    loose, firm = ([i for i in score.implants if i.loose is wanted] for wanted in (True, False))
    called = [sum(i.found_loosening in ("probable", "definite") for i in some) for some in (loose, firm)]
    opened = [b for b in score.breaches.breaches if b.severity == "open"]
    return (
        *head,
        f"{sum(g.estimate_ml is not None for g in gaps)}/{len(gaps)}{_trouble(result)}",
        (f"{max(off):.1f}" if off else NOTHING) + missed,
        f"{100 * (found_ml / true_ml - 1):+.0f} %" if true_ml else NOTHING,
        f"{sum(covered)}/{len(covered)}",
        NOTHING if score.gaps.dice is None or not gaps else f"{score.gaps.dice:.2f}",
        f"{score.gaps.false_ml:.2f}",
        f"{called[0]}/{len(loose)}",
        f"{called[1]}/{len(firm)}",
        f"{sum(b.found_id is not None for b in opened)}/{len(opened)}",
        f"{sum(not n.violations for n in needles)}/{len(needles)}",
        str(len(score.needles.gaps_without)),
        f"{result.seconds['total']:.1f}" if "total" in result.seconds else NOTHING,
        NOTHING if result.peak_mb is None else f"{result.peak_mb:.0f}",
    )
