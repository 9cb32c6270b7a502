"""The rules by which the stack to plan on is chosen."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.errors import SeriesError
from planner.geometry.frames import Array
from planner.io.dicom.agreement import agree
from planner.io.dicom.geometry import arrange
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.kernels import sharpness
from planner.io.dicom.metal import Metal
from planner.io.dicom.pixels import refuse_pixels
from planner.io.dicom.series import Stack
from planner.io.dicom.terms import shown_kernel

FEW_SLICES = 10
"""Fewer are a bolus, a scout or a snippet: a vertebra of 25 mm in slices of 2.5 mm is ten."""
_SAME_THICKNESS_MM = 0.1
"""Nominal thicknesses differ by less between makers (0.6 and 0.625 mm); far below what changes a measurement."""
_SAME_METAL = 0.75
"""Stacks that cover at least this share of the most cover the same metal: thickness, kernel and the few slices looked
at change its apparent volume. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """What the rules ask of a stack.

    Parameters
    ----------
    stack : Stack
        The stack.
    refusal : str or None
        Why it cannot be read rightly, as far as its headers tell.
    box_lps : ndarray, shape (2, 3), or None
        Its lowest and highest corner, LPS mm; None where it has no place.
    thickness_mm : float
        What a slice stands for: the larger of its thickness and the slice distance; inf where neither is known.
    distance_mm : float
        Between slices; inf where it is not known.
    metal : Metal or None
        What it shows of the metal; None where that was not looked at.
    study_date : int
        YYYYMMDD, to rank by and never to show; 0 where it is not known.
    """

    stack: Stack
    refusal: str | None
    box_lps: Array | None
    thickness_mm: float
    distance_mm: float
    metal: Metal | None = None
    study_date: int = 0

    @property
    def first(self) -> SliceHeader:
        """The header that stands for all."""
        return self.stack.headers[0]

    @property
    def pixel_mm(self) -> float:
        """The larger edge of a pixel; inf where it is not known."""
        return max(self.first.row_spacing_mm or np.inf, self.first.column_spacing_mm or np.inf)

    @property
    def is_original(self) -> bool:
        """Whether it was made from the measurement itself, not from other images."""
        return self.first.image_type[:1] == ("ORIGINAL",)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the lower the cost, the better.

    Parameters
    ----------
    words : str
        The rule, for the user.
    better, worse : str
        What the winner and the loser have.
    cost : callable
        Of a stack.
    figure : callable or None
        A stack's own figure, for the user.
    slack : float
        Costs this near to the lowest count as equal.
    """

    words: str
    better: str
    worse: str
    cost: Callable[[Traits], float]
    figure: Callable[[Traits], str] | None = None
    slack: float = 0.0


def _metal_cost(traits: Traits) -> float:
    """Logarithm of the amount, so that the slack is a share."""
    return 0.0 if traits.metal is None or traits.metal.amount <= 0 else -float(np.log(traits.metal.amount))


def _metal_words(traits: Traits) -> str:
    return "unknown" if traits.metal is None else f"{traits.metal.amount:.1f} {traits.metal.unit}"


def _thickness_words(traits: Traits) -> str:
    return f"{traits.thickness_mm:.3g} mm" if np.isfinite(traits.thickness_mm) else "unknown"


_SHARPNESS = {"sharp": 0, "medium": 1, "soft": 2}
READABLE = Rule("readable before damaged", "can be read", "cannot be read rightly", lambda t: t.refusal is not None)
RANKING: tuple[Rule, ...] = (
    Rule(
        "at least 10 slices",
        "at least 10 slices",
        "fewer than 10 slices",
        lambda t: len(t.stack.headers) < FEW_SLICES,
        lambda t: str(len(t.stack.headers)),
    ),
    READABLE,
    Rule("shows metal", "shows metal", "shows no metal", lambda t: t.metal is not None and t.metal.amount <= 0),
    Rule("newer study before older", "newer study", "older study", lambda t: -t.study_date),
    Rule(
        "original before derived",
        "original, the other derived",
        "derived, the other original",
        lambda t: not t.is_original,
    ),
    Rule(
        "axial before other planes",
        "axial",
        "not axial",
        lambda t: t.stack.orientation != "axial",
        lambda t: t.stack.orientation or "unknown",
    ),
    Rule(
        "without before with metal artefact reduction",
        "without metal artefact reduction",
        "with metal artefact reduction",
        lambda t: t.first.metal_reduced,
    ),
    Rule(
        "more of the metal",
        "covers more of the metal",
        "covers less of the metal",
        _metal_cost,
        _metal_words,
        slack=-float(np.log(_SAME_METAL)),
    ),
    Rule(
        "thinner slices",
        "thinner slices",
        "thicker slices",
        lambda t: t.thickness_mm,
        _thickness_words,
        slack=_SAME_THICKNESS_MM + 1e-6,
    ),
    Rule(
        "bone kernel before soft",
        "sharper kernel",
        "softer kernel",
        lambda t: _SHARPNESS[sharpness(t.first)],
        lambda t: f"{shown_kernel(t.first.kernel) or 'unnamed'} ({sharpness(t.first)})",
    ),
    Rule(
        "closer slices",
        "closer slices",
        "slices further apart",
        lambda t: t.distance_mm,
        lambda t: f"{t.distance_mm:.3g} mm",
        slack=_SAME_THICKNESS_MM + 1e-6,
    ),
    Rule(
        "more slices",
        "more slices",
        "fewer slices",
        lambda t: -len(t.stack.headers),
        lambda t: str(len(t.stack.headers)),
    ),
    Rule("finer pixels", "finer pixels", "coarser pixels", lambda t: t.pixel_mm, lambda t: f"{t.pixel_mm:.3g} mm"),
)
"""Planning needs the bone round the metal as the scanner measured it: first what is no such scan goes, then what is
of an older examination (an implant may have come or gone), artefact-reduced (it hides lesions, doi
10.1007/s00256-011-1223-2) and what covers less of the metal. Of the rest the thinnest slices come first: a gap is a
millimetre wide, and no kernel sharpens along the patient. Then the kernel."""
RULES = ", ".join(rule.words for rule in RANKING)
"""How the best of several CT stacks is chosen, in this order."""
TIED = "alike by every rule, the first by UID was taken"


def rank(traits: Sequence[Traits], rules: Sequence[Rule] = RANKING) -> list[tuple[Traits, Rule | None]]:
    """Order stacks by the rules in turn: a later rule only speaks among those that an earlier one counts as equal.

    Parameters
    ----------
    traits : sequence of Traits
        The stacks.
    rules : sequence of Rule
        The rules, the weightiest first.

    Returns
    -------
    list of (Traits, Rule or None)
        The best first; each with the rule that put it behind the best, None where none did.
    """
    if len(traits) < 2 or not rules:
        return [(t, None) for t in sorted(traits, key=lambda t: (t.stack.series_instance_uid, t.stack.number or 0))]
    rule = rules[0]
    by_cost = sorted(((rule.cost(t), t) for t in traits), key=lambda entry: entry[0])
    costs = [cost for cost, _ in by_cost]
    ordered: list[tuple[Traits, Rule | None]] = []
    while len(ordered) < len(by_cost):
        start = len(ordered)
        end = bisect_right(costs, costs[start] + rule.slack)
        passed = rank([t for _, t in by_cost[start:end]], rules[1:])
        ordered += [(t, rule) for t, _ in passed] if start else passed
    return ordered


def traits_of(stack: Stack, *, judged: bool) -> Traits:
    """Gather what the rules ask of a stack.

    Parameters
    ----------
    stack : Stack
        One with a CT.
    judged : bool
        Whether it is asked if it can be read rightly.

    Returns
    -------
    Traits
        Without a look at the metal.
    """
    distance = stack.slice_distance_mm
    known = [length for length in (stack.slice_thickness_mm, distance) if length is not None]
    return Traits(
        stack,
        refusal=_refusal(stack.headers) if judged else None,
        box_lps=_box_lps(stack.headers),
        thickness_mm=max(known, default=np.inf),
        distance_mm=np.inf if distance is None else distance,
    )


def _refusal(headers: Sequence[SliceHeader]) -> str | None:
    """Say why slices cannot be read rightly, as far as their headers tell."""
    try:
        arrange(agree(headers)[0], same_pixels=None)
    except SeriesError as error:
        return str(error)
    return next((reason for reason in map(refuse_pixels, headers) if reason is not None), None)


def _box_lps(headers: Sequence[SliceHeader]) -> Array | None:
    first = headers[0]
    row, column = first.along_row_lps, first.along_column_lps
    if row is None or column is None or any(h.position_lps is None for h in headers):
        return None
    corners = [np.array([h.position_lps for h in headers], dtype=np.float64)]
    across = np.array(row) * (first.column_spacing_mm or 0.0) * first.columns
    down = np.array(column) * (first.row_spacing_mm or 0.0) * first.rows
    for side in (across, down):
        corners = [*corners, *(corner + side for corner in corners)]
    points = np.concatenate(corners)
    return np.array([points.min(axis=0), points.max(axis=0)])
