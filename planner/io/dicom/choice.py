"""Which stack to plan on, and why not on the others."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.errors import SeriesError
from planner.geometry.frames import Array
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.metal import Metal
from planner.io.dicom.people import require_one_patient, studies_finding, study_dates
from planner.io.dicom.ranking import FEW_SLICES, RANKING, READABLE, TIED, Rule, Traits, rank, traits_of
from planner.io.dicom.series import Stack
from planner.io.dicom.strays import find_strays
from planner.model.finding import Finding

Look = Callable[[Sequence[SliceHeader]], Metal | None]
"""Tells how much metal slices show."""

_BEYOND_MM = 10.0
"""A stack that reaches further than another by this much may cover metal that the other does not. Ours."""
_MOST_LOOKED_AT = 12
"""Stacks that are looked at for metal: a tenth of a second each; no study we know holds more CTs of other extents."""
_MOST_NAMED = 3
"""Stacks that one message names."""
_MAR_SOURCE = "doi 10.1007/s00256-011-1223-2"
"""Projection-interpolating metal artefact reduction made readers underestimate lesions at metal."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Where a stack stands in the choice.

    Parameters
    ----------
    stack : Stack
        One that could be planned on.
    rank : int
        From 1, the chosen one.
    lost_by : str or None
        The rule that decided against it, with figures; None for the chosen one.
    """

    stack: Stack
    rank: int
    lost_by: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The stack to plan on.

    Parameters
    ----------
    stack : Stack
        The chosen one.
    ranking : tuple of Ranked
        All that were to choose from, the chosen one first.
    because : str
        What decided, in plain words.
    alternative : Stack or None
        The same scan reconstructed with metal artefact reduction, to look at.
    findings : tuple of Finding
        Says which was chosen where several qualify, and what the operator must know of it.
    strays : tuple of Stack
        Other stacks of the series with slices that would go on with the chosen one; the findings tell of them.
    """

    stack: Stack
    ranking: tuple[Ranked, ...]
    because: str
    alternative: Stack | None
    findings: tuple[Finding, ...]
    strays: tuple[Stack, ...] = ()


def choose(stacks: Sequence[Stack], *, name: str, series: str | None, look: Look, looks_later: bool = False) -> Choice:
    """Choose the stack to plan on.

    Parameters
    ----------
    stacks : sequence of Stack
        What the input holds.
    name : str
        What messages call the input.
    series : str or None
        The series that the user named by UID or number, or one of its stacks ("UID#2"); None for the best by
        `planner.io.dicom.ranking.RULES`.
    look : callable
        Tells the metal in slices. It is asked only where one stack reaches beyond the one that is best otherwise.
    looks_later : bool
        Whether the loading will look at the pixels where ``look`` knows nothing, so that the choice may yet change.

    Returns
    -------
    Choice

    Raises
    ------
    SeriesError
        If the input holds no CT, those of several patients, or not the series that was named.
    """
    wanted = _named(stacks, series, name)
    usable = [stack for stack in wanted if stack.aside is None]
    if not usable:
        raise SeriesError(_no_ct(name, wanted))
    require_one_patient(usable, name=name if series is None else f"series {series}")
    dates = study_dates(stacks)
    traits = [
        replace(traits_of(s, judged=len(usable) > 1), study_date=dates[s.headers[0].study_instance_uid]) for s in usable
    ]
    traits, still_open = _with_metal(traits, look)
    ordered = rank(traits)
    best = ordered[0][0]
    ranking = tuple(
        Ranked(t.stack, place, None if t is best else _lost_by(t, best, rule))
        for place, (t, rule) in enumerate(ordered, start=1)
    )
    because = "the only CT" if len(ordered) == 1 else _won_by(best, *ordered[1])
    if len(ordered) > 1 and still_open and looks_later:
        because += " (by the headers; planning looks at the pixels too and prefers what covers the metal)"
    alternative = _alternative(stacks, best)
    strays = find_strays(best.stack, stacks)
    findings = (
        *_chosen_finding(ranking, because),
        *_refused_finding(traits, best),
        *studies_finding(usable),
        *best.stack.findings,
        *strays.findings,
        *_parts_finding([t for t in _rest_of_series(stacks, best) if t.stack not in strays.stacks], best),
        *_mar_findings(best, alternative),
    )
    return Choice(best.stack, ranking, because, alternative, findings, strays.stacks)


def instead_of(refused: Stack, stacks: Sequence[Stack], *, tried: Sequence[Stack]) -> tuple[Stack, ...]:
    """Give what may be chosen in place of a stack that cannot be read.

    Parameters
    ----------
    refused : Stack
        The best one, which was refused.
    stacks : sequence of Stack
        What the input holds.
    tried : sequence of Stack
        What was refused since, which is not tried again.

    Returns
    -------
    tuple of Stack
        CTs of the same study and place with at least 10 slices, and what is put aside; empty where no CT is left.
    """
    box = traits_of(refused, judged=False).box_lps
    if box is None:
        return ()
    study = refused.headers[0].study_instance_uid
    left = [
        s
        for s in stacks
        if s.aside is None
        and not any(s is one for one in (refused, *tried))
        and len(s.headers) >= FEW_SLICES
        and s.headers[0].study_instance_uid == study
        and _boxes_meet(traits_of(s, judged=False).box_lps, box)
    ]
    return (*left, *(s for s in stacks if s.aside is not None)) if left else ()


def refused_finding(stack: Stack, reason: str) -> Finding:
    """Say that a stack would have been planned on, could it be read.

    Parameters
    ----------
    stack : Stack
        The stack.
    reason : str
        Why it cannot.

    Returns
    -------
    Finding
        A caution.
    """
    message = f"{label(stack)} would be the better choice, but cannot be read rightly: {reason}"
    return Finding(code="series-refused", severity="caution", message=message)


def _won_by(best: Traits, second: Traits, rule: Rule | None) -> str:
    if rule is None:
        return TIED
    if rule.figure is None:
        return rule.better
    return f"{rule.better}: {rule.figure(best)} against {rule.figure(second)}"


def _lost_by(loser: Traits, best: Traits, rule: Rule | None) -> str:
    if rule is None:
        return TIED
    if rule.figure is None:
        return f"{rule.worse}: {loser.refusal}" if rule is READABLE else rule.worse
    return f"{rule.worse}: {rule.figure(loser)} against {rule.figure(best)}"


def _with_metal(traits: list[Traits], look: Look) -> tuple[list[Traits], bool]:
    """Look for metal where the choice could depend on it.

    Returns
    -------
    traits : list of Traits
        With the metal where all that reach beyond the best could be looked at; without any otherwise.
    open : bool
        Whether the choice could depend on metal that is not known.
    """
    best, *others = (t for t, _ in rank(traits))
    rivals = [t for t in others if t.refusal is None and _reaches_beyond(t, best)][:_MOST_LOOKED_AT]
    if not rivals:
        return traits, False
    seen = {id(t): look(t.stack.headers) for t in (best, *rivals)}
    if any(metal is None for metal in seen.values()):
        return traits, True
    # what lies within the best covers no more than it
    inside = seen[id(best)]
    return [replace(t, metal=seen.get(id(t), inside)) for t in traits], False


def _reaches_beyond(traits: Traits, best: Traits) -> bool:
    if traits.box_lps is None or best.box_lps is None:
        return False
    if traits.first.frame_of_reference_uid != best.first.frame_of_reference_uid:
        return True
    low, high = best.box_lps
    return bool((traits.box_lps[0] < low - _BEYOND_MM).any() or (traits.box_lps[1] > high + _BEYOND_MM).any())


def _alternative(stacks: Sequence[Stack], best: Traits) -> Stack | None:
    """Find the same scan with metal artefact reduction."""
    frame = best.first.frame_of_reference_uid
    if best.first.metal_reduced or frame is None or best.box_lps is None:
        return None
    reduced = [
        traits_of(s, judged=True)
        for s in stacks
        if s.aside is None and s.headers[0].metal_reduced and s.headers[0].frame_of_reference_uid == frame
    ]
    fitting = [t for t in reduced if t.refusal is None and _boxes_meet(t.box_lps, best.box_lps)]
    return rank(fitting)[0][0].stack if fitting else None


def _boxes_meet(first: Array | None, second: Array) -> bool:
    return first is not None and bool((np.minimum(first[1], second[1]) > np.maximum(first[0], second[0])).all())


def _named(stacks: Sequence[Stack], series: str | None, name: str) -> Sequence[Stack]:
    if series is None:
        return stacks
    uid, _, number = series.partition("#")
    of_series = [s for s in stacks if s.series_instance_uid == uid]
    if uid.isdigit() and not of_series:  # the short number that viewers show
        of_series = [s for s in stacks if s.headers[0].series_number == int(uid)]
        if len({s.series_instance_uid for s in of_series}) > 1:
            raise SeriesError(f"{name} holds several series {uid}; name one by its UID, which inspect lists")
    if not of_series:
        raise SeriesError(f"{name} holds no series {uid or 'without a UID'}; list what it holds with inspect")
    if not number:
        return of_series
    wanted = [s for s in of_series if str(s.number or 1) == number]
    if not wanted:
        raise SeriesError(f"series {uid} holds {len(of_series)} stack(s), no #{number}; list them with inspect")
    return wanted


def label(stack: Stack) -> str:
    """Name a stack in a message.

    Parameters
    ----------
    stack : Stack
        The stack.

    Returns
    -------
    str
        "series " and what ``--series`` takes for it.
    """
    return f"series {stack.name}" if stack.name else "the series without a UID"


def _chosen_finding(ranking: Sequence[Ranked], because: str) -> tuple[Finding, ...]:
    if len(ranking) == 1:
        return ()
    best, second = ranking[0].stack, ranking[1].stack
    distance = best.slice_distance_mm
    message = (
        f"{len(ranking)} CT stacks qualify; chosen: {label(best)}, {best.orientation} with {len(best.headers)} slices"
        f"{'' if distance is None else f' {distance:.2f} mm apart'}, before {label(second)}: {because}; "
        "name another with --series"
    )
    return (Finding(code="series-chosen", severity="info", message=message, measured=float(len(ranking))),)


def _refused_finding(traits: Sequence[Traits], best: Traits) -> tuple[Finding, ...]:
    """Tell of a stack that would have been chosen, could it be read."""
    first = rank(traits, [rule for rule in RANKING if rule is not READABLE])[0][0]
    if first is best or first.refusal is None:
        return ()
    return (refused_finding(first.stack, first.refusal),)


def _rest_of_series(stacks: Sequence[Stack], best: Traits) -> list[Traits]:
    uid = best.stack.series_instance_uid
    rest = [s for s in stacks if s.series_instance_uid == uid and s.aside is None and s is not best.stack]
    return [traits_of(stack, judged=False) for stack in rest]


def _parts_finding(others: Sequence[Traits], best: Traits) -> tuple[Finding, ...]:
    """Tell of slices of the same series that go on where the chosen ones end."""
    beyond = [t for t in others if t.stack.orientation == best.stack.orientation and _reaches_beyond(t, best)]
    if not beyond:
        return ()
    slices = sum(len(t.stack.headers) for t in beyond)
    names = ", ".join(t.stack.name for t in beyond[:_MOST_NAMED])
    if len(beyond) > _MOST_NAMED:
        names += f" and {len(beyond) - _MOST_NAMED} more"
    message = (
        f"the series is in parts that make no one volume (another slice distance, far apart, or another pass): "
        f"{slices} slices reach beyond the chosen ones and were left out; name them with --series to plan there "
        f"({names})"
    )
    return (Finding(code="series-in-parts", severity="caution", message=message, measured=float(slices)),)


def _mar_findings(best: Traits, alternative: Stack | None) -> tuple[Finding, ...]:
    if best.first.metal_reduced:
        message = (
            "the CT was reconstructed with metal artefact reduction, which alters the bone at the metal and can hide "
            "or feign a gap; measure on the original reconstruction if there is one"
        )
        return (Finding(code="metal-artefact-reduced", severity="caution", message=message, source=_MAR_SOURCE),)
    if alternative is None:
        return ()
    message = (
        f"{label(alternative)} shows the same scan with metal artefact reduction: it is offered for display only, "
        "the original is measured"
    )
    return (Finding(code="artefact-reduction-beside", severity="info", message=message, source=_MAR_SOURCE),)


def _no_ct(name: str, stacks: Sequence[Stack]) -> str:
    counts = Counter[tuple[str, str]]()
    for stack in stacks:
        counts[stack.aside or "", "image(s)" if stack.headers[0].has_pixels else "object(s)"] += len(stack.headers)
    held = ", ".join(f"{what} ({count} {unit})" for (what, unit), count in sorted(counts.items()))
    return f"{name} holds {held}, not CT; give the folder of a CT series"
