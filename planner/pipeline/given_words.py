"""What a plan says of gaps that a person gave."""

from collections.abc import Sequence
from dataclasses import dataclass

from planner.io.labels.gap_labels import GapLabels
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.record import PointLps
from planner.model.volume import Mask

_LEAST_SAID_ML = 0.05
"""Less that was dropped of a mask from another grid is not told of: bringing it over leaves crumbs. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of one gap.

    Parameters
    ----------
    before : Gap or None
        What was measured; None where nothing was.
    gap : Gap or None
        What stands in the plan; None where it was erased.
    mask : Mask or None
        Its voxels; None with `gap`.
    implant_id : str or None
        The implant beside it.
    is_edited : bool
        Whether the person changed it.
    in_voxels : bool
        Counted in voxels where it was changed, not measured along rays.
    """

    before: Gap | None
    gap: Gap | None
    mask: Mask | None
    implant_id: str | None
    is_edited: bool
    in_voxels: bool = False


def of_given_gaps(
    given: GapLabels,
    outcomes: Sequence[Outcome],
    *,
    slips_ml: float,
    refused: Sequence[tuple[PointLps, float]],
    is_resampled: bool,
) -> tuple[Finding, ...]:
    """Say what was taken from a corrected mask, and what was made of it.

    Parameters
    ----------
    given : GapLabels
        The mask.
    outcomes : sequence of Outcome
        In the order of the plan's gaps.
    slips_ml : float
        Volume of spaces that were too small to be meant.
    refused : sequence of (point, float)
        Middle and volume, mL, of spaces beside no implant and in no bone.
    is_resampled : bool
        The mask lies on another grid than the CT.

    Returns
    -------
    tuple of Finding
        "gaps-given" first.
    """
    said = [_taken(given, outcomes, is_resampled=is_resampled), *given.findings]
    number = 0
    for one in outcomes:
        number += one.gap is not None
        if one.gap is None and one.before is not None:
            said.append(_removed(one, one.before, given.name))
        elif one.gap is not None and one.in_voxels and one.is_edited:
            said.append(_in_voxels(one.gap, f"gap-{number}"))
    said.extend(_refused(where, ml, given.name) for where, ml in refused)
    if slips_ml >= _LEAST_SAID_ML or (slips_ml > 0.0 and not is_resampled):
        said.append(
            Finding(
                code="gaps-given-too-small",
                severity="caution",
                message=f"{given.name}: spaces apart from any measured gap and too small to be one, {slips_ml:.3f} mL "
                "together, were left out of the plan; draw them larger, or joined to a gap",
                measured=round(slips_ml, 3),
                unit="mL",
            )
        )
    return tuple(said)


def _taken(given: GapLabels, outcomes: Sequence[Outcome], *, is_resampled: bool) -> Finding:
    there = [one for one in outcomes if one.gap is not None]
    counts = (
        ("as measured", sum(not one.is_edited for one in there)),
        ("corrected", sum(one.is_edited and one.before is not None for one in there)),
        ("new", sum(one.before is None for one in there)),
        ("removed", sum(one.gap is None and one.before is not None for one in outcomes)),
    )
    words = ", ".join(f"{count} {what}" for what, count in counts if count) or "no gap"
    grid = "; it lies on another grid than the CT and was brought onto it" if is_resampled else ""
    return Finding(
        code="gaps-given",
        severity="info",
        message=f"The gaps are those of {given.name} ({given.taken}): {words}{grid}. Where the mask was not changed "
        "the measured wall stands; volumes, breaches and needles follow from the gaps as they were given.",
    )


def _removed(one: Outcome, before: Gap, name: str) -> Finding:
    size = "" if before.volume_ml is None else f" of {before.volume_ml.estimate:.2f} mL"
    where = one.implant_id or before.level or "bone"
    return Finding(
        code="gap-removed",
        severity="info",
        message=f"{where}: the measured gap{size} was removed in {name}; what the plan says of {where} counts without "
        "it",
        where_lps=before.centroid_lps,
        measured=None if before.volume_ml is None else before.volume_ml.estimate,
        unit="mL",
        implant_id=one.implant_id,
    )


def _in_voxels(gap: Gap, name: str) -> Finding:
    rest = "" if gap.width_mm is not None else "; its width and the lucent share of the interface are not measured"
    return Finding(
        code="gap-counted-in-voxels",
        severity="info",
        message=f"{name}: what was drawn there counts in whole voxels, and what was kept in its share of the measured "
        f"volume{rest}",
        where_lps=gap.centroid_lps,
        implant_id=gap.implant_id,
        gap_id=name,
    )


def _refused(where: PointLps, ml: float, name: str) -> Finding:
    return Finding(
        code="gap-given-refused",
        severity="caution",
        message=f"{name}: a part of {ml:.2f} mL touches no implant and lies in no bone; it was left out",
        where_lps=where,
        measured=round(ml, 3),
        unit="mL",
    )
