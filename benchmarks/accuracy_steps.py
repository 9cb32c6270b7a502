"""What each step got wrong over many cases: one list of (figure, value) a step."""

from collections.abc import Callable, Iterable, Sequence

from accuracy_figures import NOTHING, known, quantiles, share, share_with_interval, sizes, spread
from accuracy_run import CaseResult

from planner.phantoms.score.breaches import BreachesScore, BreachScore, FalseBreach
from planner.phantoms.score.case_score import CaseScore
from planner.phantoms.score.gaps import GapScore
from planner.phantoms.score.implants import ImplantScore

Rows = list[tuple[str, str]]
CALLS = ("none", "possible", "probable", "definite", None)
ANCHORS = ("pedicle_screw", "femoral_stem", "cup_screw")
"""Kinds whose tip matters."""
_LOOSE_CALLS = ("probable", "definite")
_VIOLATIONS = ("metal", "canal", "forbidden", "second bone", "off target", "length", "angles", "skin")

_ACROSS_MM, _WEAK_MM, _NEITHER_MM = 2.0, 0.5, 1.0
"""Openings so wide and walls so thin must be found; up to the last a wall may be called thin."""


def scores_of(results: Sequence[CaseResult]) -> list[CaseScore]:
    """Leave out cases whose phantom could not be made; a case that crashed or was refused has an empty plan's score."""
    return [result.score for result in results if result.score is not None]


def implants_of(scores: Sequence[CaseScore]) -> list[ImplantScore]:
    """Give all implants, true and invented."""
    return [implant for score in scores for implant in score.implants]


def gaps_of(scores: Sequence[CaseScore]) -> list[GapScore]:
    """Give all true gaps."""
    return [gap for score in scores for gap in score.gaps.gaps]


def breaches_of(scores: Sequence[CaseScore]) -> list[BreachScore]:
    """Give all true breaches."""
    return [breach for score in scores for breach in score.breaches.breaches]


def implant_kinds(results: Sequence[CaseResult]) -> Rows:
    """Found, mistaken for another kind, missed and invented, by kind."""
    rows: Rows = []
    implants = implants_of(scores_of(results))
    for kind in sorted({i.kind for i in implants if i.kind} | {i.found_kind for i in implants if i.found_kind}):
        true = [i for i in implants if i.kind == kind]
        found = sum(i.found_kind == kind for i in true)
        others = sorted({i.found_kind for i in true if i.found_kind not in (None, kind)})
        mistaken = [f"{sum(i.found_kind == o for i in true)} as {o}" for o in others if o is not None]
        invented = sum(i.kind is None and i.found_kind == kind for i in implants)
        missed = sum(i.found_id is None for i in true)
        value = f"{share(found, len(true))}, missed {missed}, invented {invented}"
        rows.append((kind.replace("_", " "), ", ".join([value, *mistaken])))
    return rows


def implant_errors(results: Sequence[CaseResult]) -> Rows:
    """Tip, axis and diameter of each kind; sides and levels."""
    implants = implants_of(scores_of(results))
    rows: Rows = []
    for kind in ("pedicle_screw", "rod", "femoral_stem", "cup_screw"):
        own, name = [i for i in implants if i.kind == kind], kind.replace("_", " ")
        if not own:
            continue
        rows += [
            (f"{name}: tip, mm", tips(own)),
            (f"{name}: axis, degrees", sizes((i.axis_error_deg for i in own), digits=1)),
            (f"{name}: length, mm (signed)", spread(i.length_error_mm for i in own)),
        ]
        if known(i.diameter_error_mm for i in own):
            rows.append((f"{name}: diameter, mm (signed)", spread(i.diameter_error_mm for i in own)))
            rows.append((f"{name}: diameter, mm", sizes(i.diameter_error_mm for i in own)))
    for kind in ("femoral_head", "acetabular_cup"):
        own, name = [i for i in implants if i.kind == kind], kind.replace("_", " ")
        if own:
            rows.append((f"{name}: centre, mm", sizes(i.centre_error_mm for i in own)))
            rows.append((f"{name}: middle of its metal, mm", sizes(i.centroid_error_mm for i in own)))
            untold = sum(i.found_kind == kind and i.diameter_error_mm is None for i in own)
            errors = spread(i.diameter_error_mm for i in own)
            rows.append((f"{name}: diameter, mm (signed)", f"{errors}, found but not told {untold}"))
    volumes = [i for i in implants if i.kind != "cement"]
    rows.append(("metal of an implant, % (signed)", spread((i.volume_error for i in volumes), digits=1, scale=100.0)))
    rows.append(("metal of an implant, %", sizes((i.volume_error for i in volumes), digits=1, scale=100.0)))
    found = [i for i in implants if i.true_id is not None and i.found_id is not None]
    rows.append(("side", _told(found, lambda i: i.side, lambda i: i.found_side)))
    rows.append(("level", _told(found, lambda i: i.level, lambda i: i.found_level)))
    return rows


def tips(implants: Sequence[ImplantScore]) -> str:
    """Give the errors of tips, and how many of the implants were missed: a tip farther off than 6 mm counts so."""
    true = [i for i in implants if i.kind is not None]
    missed = sum(i.tip_error_mm is None for i in true)
    return f"{sizes(i.tip_error_mm for i in true)}, without {missed}" if true else NOTHING


def _told(
    found: Sequence[ImplantScore], true: Callable[[ImplantScore], object], told: Callable[[ImplantScore], object]
) -> str:
    judged = [i for i in found if true(i) is not None]
    wrong = sum(told(i) is not None and told(i) != true(i) for i in judged)
    untold = sum(told(i) is None for i in judged)
    return f"right {share(len(judged) - wrong - untold, len(judged))}, wrong {wrong}, not told {untold}"


def gap_errors(results: Sequence[CaseResult]) -> Rows:
    """Volumes, intervals, widths, overlap, and what was found where nothing is."""
    scores = scores_of(results)
    gaps = gaps_of(scores)
    measured = [g for g in gaps if g.estimate_ml is not None]
    covered = [g.covered for g in gaps if g.covered is not None]
    spans = [(g.high_ml - g.low_ml) / g.true_ml for g in gaps if g.high_ml is not None and g.low_ml is not None]
    true_ml, found_ml = sum(g.true_ml for g in gaps), sum(g.estimate_ml or 0.0 for g in gaps)
    controls = [r for r in results if r.score is not None and not r.score.gaps.gaps]
    planned = [r.score for r in controls if r.score is not None and r.is_planned]
    others = [s for s in scores if s.gaps.gaps]
    tried = [r.score for r in results if r.score is not None and r.score.gaps.gaps and r.is_planned]
    return [
        ("gaps found and measured", share(len(measured), len(gaps))),
        ("gaps of the plan without a volume", str(sum(s.gaps.unmeasured for s in scores))),
        ("volume error, mL (signed)", spread(g.error_ml for g in gaps)),
        ("volume error, mL", sizes(g.error_ml for g in gaps)),
        ("volume error, % (signed)", spread((g.relative_error for g in gaps), digits=0, scale=100.0)),
        ("volume error, %", sizes((g.relative_error for g in gaps), digits=0, scale=100.0)),
        ("all volumes together, missed ones as 0", f"{100 * (found_ml / true_ml - 1):+.0f} %" if true_ml else NOTHING),
        ("90 % interval holds the volume", share_with_interval(sum(covered), len(covered))),
        ("the same, missed gaps as not held", share_with_interval(sum(covered), len(gaps))),
        ("width of the interval / volume", sizes(spans)),
        ("median width error, mm (signed)", spread(_less(g.width_mm, g.true_width_mm) for g in gaps)),
        ("median width error, mm", sizes(_less(g.width_mm, g.true_width_mm) for g in gaps)),
        ("greatest width error, mm (signed)", spread(_less(g.width_max_mm, g.true_width_max_mm) for g in gaps)),
        (
            "lucent share of the interface (signed)",
            spread(_less(g.interface_fraction, g.true_interface_fraction) for g in gaps),
        ),
        ("Dice, gap by gap", quantiles(g.dice for g in gaps)),
        ("Dice, case by case", quantiles(s.gaps.dice for s in others)),
        ("share of the gap that is marked", quantiles(g.sensitivity for g in gaps)),
        ("zone volume error, mL (signed)", spread(_less(z.found_ml, z.true_ml) for g in gaps for z in g.zones)),
        ("zone volume error, mL", sizes(_less(z.found_ml, z.true_ml) for g in gaps for z in g.zones)),
        ("gaps of the plan that cover less than a tenth of a true one", str(sum(len(s.gaps.beside) for s in scores))),
        ("false gaps on controls, mL a case", sizes(s.gaps.false_ml for s in planned)),
        ("controls with a false gap", share(sum(bool(s.gaps.false) for s in planned), len(planned))),
        ("controls left out there, refused or crashed", f"{len(controls) - len(planned)} of {len(controls)}"),
        ("false gaps on the other cases, mL a case", sizes(s.gaps.false_ml for s in tried)),
        ("cases with a false gap, of the others", share(sum(bool(s.gaps.false) for s in tried), len(tried))),
    ]  # fmt: skip


def _less(found: float | None, true: float | None) -> float | None:
    return None if found is None or true is None else found - true


def loosening(results: Sequence[CaseResult]) -> Rows:
    """Count calls against how implants were built, and against what one scan lets a reader call; by kind."""
    implants = [i for i in implants_of(scores_of(results)) if i.loose is not None]
    rows: Rows = []
    for kind in sorted({i.kind for i in implants if i.kind}):
        own, name = [i for i in implants if i.kind == kind], kind.replace("_", " ")
        loose, firm = [i for i in own if i.loose], [i for i in own if not i.loose]
        rows += [
            (f"{name}: loose, called", _calls(loose)),
            (f"{name}: firm, called", _calls(firm)),
            (f"{name}: sensitivity", _share_called(loose, _LOOSE_CALLS)),
            (f"{name}: sensitivity, possible counted as loose", _share_called(loose, ("possible", *_LOOSE_CALLS))),
            (f"{name}: specificity (called none)", _share_called(firm, ("none",))),
            (f"{name}: specificity, possible counted as firm", _share_called(firm, ("none", "possible"))),
        ]
        rows += _against_the_call(own, name)
    return rows


def _against_the_call(implants: Sequence[ImplantScore], name: str) -> Rows:
    """Hold found calls against those that the scan itself bears out, by the rules that the plan follows."""
    graded = [i for i in implants if i.loosening is not None]
    if not graded:
        return []
    rows: Rows = [
        (f"{name}: ought to be called {call}", _calls([i for i in graded if i.loosening == call]))
        for call in CALLS
        if any(i.loosening == call for i in graded)
    ]
    right = sum(i.found_loosening == i.loosening for i in graded)
    bad = [i for i in graded if i.loosening in _LOOSE_CALLS]
    good = [i for i in graded if i.loosening == "none"]
    rows += [
        (f"{name}: called as it ought to be", share_with_interval(right, len(graded))),
        (f"{name}: probable or definite, where it ought to be", _share_called(bad, _LOOSE_CALLS)),
        (f"{name}: none, where it ought to be", _share_called(good, ("none",))),
    ]
    hidden = sum(bool(i.loose) and i.loosening == "none" for i in graded)
    rows.append((f"{name}: built loose, but none on this scan", f"{hidden} of {sum(bool(i.loose) for i in graded)}"))
    return rows


def _calls(implants: Sequence[ImplantScore]) -> str:
    found = [i for i in implants if i.found_id is not None]
    counts = [(call or "not told", sum(i.found_loosening == call for i in found)) for call in CALLS]
    counts.append(("not found", len(implants) - len(found)))
    return ", ".join(f"{name} {count}" for name, count in counts if count) or NOTHING


def _share_called(implants: Sequence[ImplantScore], calls: Sequence[str]) -> str:
    return share_with_interval(sum(i.found_loosening in calls for i in implants), len(implants))


def breach_errors(results: Sequence[CaseResult]) -> Rows:
    """Recall of open and thin breaches, precision, walls and leak types."""
    return breach_rows([score.breaches for score in scores_of(results)])


def breach_rows(scores: Sequence[BreachesScore]) -> Rows:
    """Give the same of breaches alone."""
    breaches = [breach for score in scores for breach in score.breaches]
    wide = [b for b in breaches if b.severity == "open" and (b.across_mm or 0.0) >= _ACROSS_MM]
    weak = [b for b in breaches if b.severity == "thin" and b.barrier_mm is not None and b.barrier_mm <= _WEAK_MM]
    false = [f for s in scores for f in s.false]
    right = sum(s.found_right for s in scores)
    wrong = [f for f in false if not _counts_neither_way(f)]
    rows: Rows = []
    for name, own in (("open, 2 mm or more across (100 %)", wide), ("walls of 0.5 mm or less (90 %)", weak)):
        seen = [b for b in own if b.gap_seen]
        rows.append((f"recall, {name}", _found_share(own)))
        rows.append((f"recall, {name}, where the gap itself was told", _found_share(seen)))
    for severity in ("open", "thin"):
        own = [b for b in breaches if b.severity == severity]
        rows.append((f"recall, {severity}", _found_share(own)))
    for severity in ("open", "thin"):
        rows.append((f"found where there is none, {severity}", str(sum(f.severity == severity for f in wrong))))
    hit = [b for b in breaches if b.found_id is not None]
    typed = [b for b in hit if b.leak_type is not None]
    both = [b for b in hit if b.severity == b.found_severity == "thin"]
    errors = [(b.found_barrier_mm or 0.0) - b.barrier_mm for b in both if b.barrier_mm is not None]
    rows += [
        ("precision", share_with_interval(right, right + len(wrong))),
        ("found where the wall is up to 1 mm all the same: counted neither way", str(len(false) - len(wrong))),
        ("open or thin told right", share(sum(b.severity == b.found_severity for b in hit), len(hit))),
        ("barrier of thin walls, mm (signed)", spread(errors)),
        ("leak type told right", share(sum(b.leak_type == b.found_leak_type for b in typed), len(typed))),
        ("a true breach of the told leak type is there", share(sum(s.named_right for s in scores), right)),
        ("leak type not told", share(sum(b.found_leak_type is None for b in typed), len(typed))),
        ("open canal breaches found", _canal(breaches)),
    ]
    return rows


def _found_share(own: Sequence[BreachScore]) -> str:
    return share_with_interval(sum(b.found_id is not None for b in own), len(own))


def _counts_neither_way(false: FalseBreach) -> bool:
    """Say whether the wall there is thin all the same, though too thick for a breach."""
    return false.true_wall_mm is not None and false.true_wall_mm <= _NEITHER_MM


def _canal(breaches: Sequence[BreachScore]) -> str:
    own = [b for b in breaches if b.leak_type == "canal" and b.severity == "open"]
    return share(sum(b.found_id is not None for b in own), len(own))


def needle_errors(results: Sequence[CaseResult]) -> Rows:
    """Violations against the truth, of all needles and of the first-ranked ones."""
    scores = scores_of(results)
    needles = [n for s in scores for n in s.needles.needles]
    first = [n for n in needles if n.rank == 1]
    whole = [n for n in needles if n.unjudged_mm == 0.0]
    gaps, without = len(gaps_of(scores)), sum(len(s.needles.gaps_without) for s in scores)
    names = sorted({name for n in needles for name in n.forbidden_mm})
    rows: Rows = [
        ("gaps without a needle", share(without, gaps)),
        ("needles that do no harm and reach a gap", share(sum(not n.violations for n in needles), len(needles))),
        ("the same, first-ranked", share(sum(not n.violations for n in first), len(first))),
        ("judged over their whole path", share(len(whole), len(needles))),
        ("harmless, of those judged wholly", share(sum(not n.violations for n in whole), len(whole))),
    ]
    false = [n for s in scores for n in s.needles.needles if n.gap_id in {g.found_id for g in s.gaps.false}]
    rows.append(("needles meant for a false gap", f"{len(false)} of {len(needles)}"))
    for kind in _VIOLATIONS:
        count, best = (sum(kind in n.violations for n in some) for some in (needles, first))
        rows.append((kind, f"{count} of {len(needles)}, first-ranked {best} of {len(first)}"))
    for name in names:
        met = [n.forbidden_mm[name] for n in needles if name in n.forbidden_mm]
        rows.append((f"meets {name}, mm", sizes(met, digits=1)))
    rows += [
        ("off target, mm", sizes(n.off_target_mm for n in needles)),
        ("skin entry off the skin, mm", sizes(n.skin_off_mm for n in needles)),
        ("path outside of the truth, not judged, mm", sizes((n.unjudged_mm for n in needles), digits=0)),
    ]
    return rows


def surroundings(results: Sequence[CaseResult]) -> Rows:
    """Canal and bone."""
    seen = [s.surroundings for s in scores_of(results)]
    return [
        ("canal: share of the inner tube marked", quantiles(s.canal_covered for s in seen)),
        ("canal: middle off, mm (median of slices)", sizes(s.canal_centre_error_mm for s in seen)),
        ("canal: middle off, mm (worst slice)", sizes(s.canal_centre_error_max_mm for s in seen)),
        ("bone near the implants: found", quantiles(s.bone_found for s in seen)),
        ("bone near the implants: right", quantiles(s.bone_right for s in seen)),
    ]


def costs(results: Sequence[CaseResult]) -> Rows:
    """Time and memory of planning; what failed."""
    stages = sorted({stage for r in results for stage in r.seconds} - {"total", "scan", "truth"})
    rows: Rows = [
        ("cases", str(len(results))),
        ("phantom not made", _named(r for r in results if r.score is None)),
        ("crashed", _named(r for r in results if r.failed is not None and r.score is not None)),
        ("no plan made (refused)", _named(r for r in results if r.refused is not None)),
        ("planning, s", sizes((r.seconds.get("total") for r in results), digits=1)),
    ]
    rows += [(f"  {stage}, s", sizes((r.seconds.get(stage) for r in results), digits=1)) for stage in stages]
    rows.append(("peak memory, MB", sizes((r.peak_mb for r in results), digits=0)))
    rows += [
        (f"{step} of the phantom, s", sizes((r.seconds.get(step) for r in results), digits=0))
        for step in ("scan", "truth")
    ]
    return rows


def _named(results: Iterable[CaseResult]) -> str:
    names = [result.case for result in results]
    return f"{len(names)}: {', '.join(names)}" if names else "0"


STEPS: tuple[tuple[str, str, Callable[[Sequence[CaseResult]], Rows]], ...] = (
    (
        "Implants found",
        "Of the kind that they are; then what was missed, invented, or taken for another kind.",
        implant_kinds,
    ),
    (
        "Implants: place and size",
        "Median / 90th percentile / worst; signed figures as median (quartiles). Without: implants that have no error, "
        "being missed or taken for another kind; a screw's tip more than 6 mm off counts so.",
        implant_errors,
    ),
    (
        "Gaps",
        "Median / 90th percentile / worst; signed figures as median (quartiles); of shares where more is better, "
        "median / 10th percentile / worst. Errors are of gaps that were found and measured.",
        gap_errors,
    ),
    (
        "Loosening",
        "Shares with their exact 95 % interval; an implant that was not found counts as not called. Loose and firm: as "
        "built. Ought to be called: what the rules of the plan give for the true rims and lines.",
        loosening,
    ),
    ("Breaches", "A breach counts as found where one of the plan's lies within 4 mm of it.", breach_errors),
    ("Needles", "Against the phantom itself, not against what the planner believes.", needle_errors),
    (
        "Canal and bone",
        "Median / 10th percentile / worst for shares, median / 90th percentile / worst for errors.",
        surroundings,
    ),
    ("Time and memory", "Median / 90th percentile / worst.", costs),
)
"""Title, how to read it, and the rows."""
