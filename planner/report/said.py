"""What findings say: of one gap, against any needle, and of several implants at once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from planner.model.finding import Finding, Severity
from planner.model.implant import Implant
from planner.model.record import PointLps

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NAME = re.compile(r"[a-z]-\d")
"""Another implant's id inside a sentence: such a one is of its own."""
_Key = tuple[str, Severity, str, float | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Said:
    """One finding, or several of one kind in one sentence.

    Parameters
    ----------
    message : str
        In words; several implants before it, and ranges where their figures differ.
    severity : str
        Theirs.
    measured : tuple of (str, float)
        What was measured; by implant or gap where there are several, else under "".
    where_lps : tuple of float or None
        LPS mm; None for several.
    limit, unit, source
        As in the findings.
    """

    message: str
    severity: Severity
    measured: tuple[tuple[str, float], ...]
    where_lps: PointLps | None
    limit: float | None
    unit: str | None
    source: str | None


def merged(findings: Iterable[Finding]) -> tuple[Said, ...]:
    """Say findings of one kind once, with the list of what they are about.

    Parameters
    ----------
    findings : iterable of Finding
        The plan's.

    Returns
    -------
    tuple of Said
        In the order of the first of each kind. Findings are of one kind where they have one code, severity, limit and
        source, are about one implant or gap each, and their words differ in numbers only.
    """
    groups: dict[_Key, list[Finding]] = {}
    for finding in findings:
        name, text = _parted(finding)
        words = finding.message if name is None else _NUMBER.sub("#", text)
        key = (finding.code, finding.severity, words, finding.limit, finding.unit, finding.source)
        groups.setdefault(key, []).append(finding)
    return tuple(said for group in groups.values() for said in _said(group))


def doubts(findings: Iterable[Finding]) -> dict[str, str]:
    """Give, for each gap whose figures are not to be relied on, why.

    Parameters
    ----------
    findings : iterable of Finding
        The plan's.

    Returns
    -------
    dict of str to str
        By the gap's id: "not to be relied on: 99% of its wall unreadable by metal artefacts", say.
    """
    return {f.gap_id: _parted(f)[1] for f in findings if f.code == "gap-not-reliable" and f.gap_id is not None}


def broken(implant: Implant) -> str:
    """Say that an implant is broken, or a broken-off end; empty where it is whole."""
    rows = [row.name for row in implant.loosening_criteria if row.name.startswith("broken")]
    return "" if not rows else "broken-off end" if rows[0].startswith("broken-off") else "broken"


def _parted(finding: Finding) -> tuple[str | None, str]:
    """Part a message into what it is about and the rest; None where it does not begin with that."""
    for name in (finding.gap_id, finding.implant_id):
        if name is not None and finding.message.startswith(f"{name}: "):
            text = finding.message.removeprefix(f"{name}: ")
            return (None, finding.message) if _NAME.search(text) else (name, text)
    return None, finding.message


def _said(group: list[Finding]) -> Iterable[Said]:
    names = list(dict.fromkeys(name for name, _ in map(_parted, group) if name is not None))
    if len(names) < len(group) or len(group) == 1:
        for one in group:
            measured = () if one.measured is None else (("", one.measured),)
            yield Said(one.message, one.severity, measured, one.where_lps, one.limit, one.unit, one.source)
        return
    texts = [_parted(finding)[1] for finding in group]
    columns = iter(list(zip(*(_NUMBER.findall(text) for text in texts), strict=True)))
    message = _NUMBER.sub(lambda _: _range(next(columns)), texts[0])
    figures = tuple((n, f.measured) for n, f in zip(names, group, strict=True) if f.measured is not None)
    first = group[0]
    yield Said(
        f"{', '.join(names)}: {message}", first.severity, figures, None, first.limit, first.unit, first.source
    )  # fmt: skip


def _range(numbers: tuple[str, ...]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if low == high else f"{low}–{high}"
