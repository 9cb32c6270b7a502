"""Whether a plan that was made again says what the saved one said, and what it says otherwise."""

from collections.abc import Mapping, Sequence

from planner.model.gap import Gap
from planner.model.plan import Plan
from planner.model.record import Record

_NOT_OF_THE_PLAN = {"review", "timings_s", "software", "findings", "settings_sha256"}
"""Who made it, when and how quickly is no part of what it says; settings and findings are told by themselves."""
_LEFT_OUT = frozenset(("gaps-given-too-small", "gap-given-refused"))
"""Of what a person drew and no gap took up. A plan's folder holds its gaps alone: made again it cannot say this."""
_NAMES_A_FILE = frozenset(("gaps-given", "gap-removed", *_LEFT_OUT))
"""Findings whose words name the file that gaps came from: another name is no other finding."""
_MOST_TOLD = 6


def differences(saved: Plan, made: Plan) -> tuple[str, ...]:
    """Say in what two plans on one CT differ.

    Parameters
    ----------
    saved : Plan
        The one that was read.
    made : Plan
        The one that was made again.

    Returns
    -------
    tuple of str
        In words, the weightiest first; empty where they say the same. Review, times and program are not compared.
    """
    saved = _as_could_be_said_again(saved, made)
    if _says(saved) == _says(made):
        return ()
    told = [
        *_of_settings(saved, made),
        *_of_gaps(saved.gaps, made.gaps),
        *_of_things("implant", saved.implants, made.implants),
        *_of_things("needle", saved.ways, made.ways),
        *_of_things("breach", saved.breaches, made.breaches),
        *_of_things("target picked by hand", saved.picked_targets, made.picked_targets),
        *_of_findings(saved, made),
    ]
    if not told:
        told = ["figures that the panel does not list (plan.json tells them)"]
    more = len(told) - _MOST_TOLD
    return (*told[:_MOST_TOLD], f"{more} more") if more > 0 else tuple(told)


def _says(plan: Plan) -> object:
    return plan.model_dump(exclude=_NOT_OF_THE_PLAN), plan.settings_sha256, _findings(plan)


def _as_could_be_said_again(saved: Plan, made: Plan) -> Plan:
    """Leave out what only the person's own mask could tell; where the other plan tells it, it counts."""
    codes = {finding.code for finding in made.findings}
    kept = tuple(one for one in saved.findings if one.code not in _LEFT_OUT or one.code in codes)
    return saved.model_copy(update={"findings": kept})


def _findings(plan: Plan) -> list[object]:
    return [
        finding.model_dump(exclude={"message"} if finding.code in _NAMES_A_FILE else None) for finding in plan.findings
    ]


def _of_settings(saved: Plan, made: Plan) -> list[str]:
    return [] if saved.settings_sha256 == made.settings_sha256 else ["it was made with other settings"]


def _of_gaps(saved: Sequence[Gap], made: Sequence[Gap]) -> list[str]:
    told = _of_things("gap", saved, made, figures=False)
    others = {gap.id: gap for gap in made}
    for gap in saved:
        other = others.get(gap.id)
        if other is None or other == gap:
            continue
        before, after = _volume(gap), _volume(other)
        told.append(f"{gap.id}: {before}, now {after}" if before != after else f"{gap.id}: other figures")
    return told


def _of_things(
    what: str, saved: Sequence[Record], made: Sequence[Record], *, figures: bool = True
) -> list[str]:  # fmt: skip
    before, after = _by_id(saved), _by_id(made)
    told = []
    for words, ids in (
        (f"{what} no longer there", [one for one in before if one not in after]),
        (f"{what} that was not there", [one for one in after if one not in before]),
        (
            f"{what} with other figures",
            [one for one in before if figures and one in after and before[one] != after[one]],
        ),
    ):
        if ids:
            told.append(f"{words}: {', '.join(ids[:_MOST_TOLD])}" + (" and more" if len(ids) > _MOST_TOLD else ""))
    return told


def _of_findings(saved: Plan, made: Plan) -> list[str]:
    if _findings(saved) == _findings(made):
        return []
    codes = {finding.code for finding in saved.findings} ^ {finding.code for finding in made.findings}
    return [f"other findings: {', '.join(sorted(codes))}" if codes else "findings with other figures"]


def _by_id(records: Sequence[Record]) -> Mapping[str, Record]:
    return {str(getattr(record, "id")): record for record in records}  # noqa: B009  # records are told apart by ids


def _volume(gap: Gap) -> str:
    return "volume not measured" if gap.volume_ml is None else f"{gap.volume_ml.estimate:.2f} mL"
