"""What a plan must say in words beside its figures."""

from collections.abc import Iterable, Iterator, Mapping

from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.implant import HIP_KINDS, Implant, ImplantKind
from planner.model.plan import PatientPosition
from planner.needles.search import GapSearch, NeedlePlan

_WHY_NO_VOLUME: Mapping[ImplantKind, str] = {
    "cage": "the outline of its marker pins; plastic does not show and is not measured",
    "pedicle_screw": "its volume is not told: metal that was not told as a rod joins its tulip to another's",
    "cement": "its volume is not told, for the metal's bloom hides part of the mantle",
}
MEASURED_KINDS = frozenset(("pedicle_screw", "femoral_stem", "acetabular_cup"))
"""The implants whose surroundings are searched for gaps."""


def remarks(
    implants: tuple[Implant, ...],
    gaps: tuple[Gap, ...],
    needles: NeedlePlan,
    *,
    scanned: PatientPosition | None,
    treated: PatientPosition,
    clipped: bool,
) -> tuple[Finding, ...]:
    """Say what the operator must know of a plan.

    Parameters
    ----------
    implants : tuple of Implant
        What was found.
    gaps : tuple of Gap
        What was measured.
    needles : NeedlePlan
        What the search gave and refused.
    scanned : PatientPosition or None
        How the patient lay in the scanner; None where the file does not say.
    treated : PatientPosition
        How the patient will lie.
    clipped : bool
        Whether metal is cut off in the HU scale.

    Returns
    -------
    tuple of Finding
    """
    return (
        *_of_implants(implants),
        *(() if clipped else _of_materials(implants)),
        *_of_gaps(implants, gaps, clipped=clipped),
        *_of_needles(needles),
        *_of_position(scanned, treated),
        Finding(
            code="infection-not-excluded",
            severity="caution",
            message="CT cannot rule out infection: biopsy and cultures come before cement where it is suspected",
            measured=None,
            source="low-grade infection in up to 29 % of loosened implants (Polinelli 2024)",
        ),
    )


def of_slices(spacing_mm: tuple[float, float, float], *, fine_mm: float) -> tuple[Finding, ...]:
    """Say that slices are thick.

    Parameters
    ----------
    spacing_mm : tuple of float
        Of the CT, along (slice, row, column).
    fine_mm : float
        Slices up to this distance are fine.

    Returns
    -------
    tuple of Finding
        Empty for fine slices.
    """
    thickest = max(spacing_mm)
    if thickest <= fine_mm + 0.01:  # a header's rounding
        return ()
    message = (
        f"slices are {thickest:.2f} mm apart: ends of implants err by up to 1.7 mm, and narrow gaps are missed; scan "
        f"or reconstruct with {fine_mm:g} mm or less"
    )
    return (
        Finding(
            code="thick-slices", severity="caution", message=message, measured=thickest, limit=fine_mm, unit="mm",
            source="this program's lumbar phantom at 1.0 to 3.0 mm (docs/methods.md)",
        ),
    )  # fmt: skip


def of_search(implants: Iterable[Implant]) -> tuple[Finding, ...]:
    """Say that nothing was searched for gaps, which is not the same as no gap.

    Parameters
    ----------
    implants : iterable of Implant
        What was found.

    Returns
    -------
    tuple of Finding
        Empty where some implant was searched, and none is a nail, round which nothing is.
    """
    told = list(implants)
    nails = [implant.id for implant in told if implant.kind == "nail"]
    if MEASURED_KINDS.intersection(implant.kind for implant in told):
        if not nails:
            return ()
        message = (
            f"{', '.join(nails)}: gaps round nails and their screws are not measured; that none is told means nothing"
        )
        return (Finding(code="nail-gaps-not-measured", severity="caution", message=message),)
    message = f"gaps were not measured, and breaches not looked for: {_why_not_searched(told, nails)}"
    return (
        Finding(
            code="gaps-not-measured", severity="warning", message=message, measured=float(len(told)),
            unit="metal parts",
        ),
    )  # fmt: skip


def of_reliance(gaps: Iterable[Gap], said: Iterable[Finding], *, least_trust: float) -> tuple[Finding, ...]:
    """Say of which gaps the figures are not to be relied on.

    Parameters
    ----------
    gaps : iterable of Gap
        What was measured.
    said : iterable of Finding
        What was said so far: how much of each implant's wall artefacts leave unreadable.
    least_trust : float
        Below this trust a gap's figures are not to be relied on, 0..1.

    Returns
    -------
    tuple of Finding
        One a gap that is not to be relied on; empty where all are, or where no trust is known.
    """
    blind = {f.implant_id: f.measured for f in said if f.code == "unreadable-by-artefact" and f.measured is not None}
    found = []
    for gap in gaps:
        if gap.trust is None or gap.trust >= least_trust:
            continue
        share = blind.get(gap.implant_id) if gap.implant_id is not None else None
        why = f"trust {gap.trust:.0%}" if share is None else f"{share:.0%} of its wall unreadable by metal artefacts"
        found.append(
            Finding(
                code="gap-not-reliable",
                severity="warning",
                message=f"{gap.id}: not to be relied on: {why}",
                where_lps=gap.centroid_lps,
                measured=gap.trust,
                limit=least_trust,
                unit="1",
                source="this program's rule: below this trust no loosening is graded",
                implant_id=gap.implant_id,
                gap_id=gap.id,
            )
        )
    return tuple(found)


def _why_not_searched(told: list[Implant], nails: list[str]) -> str:
    """Name what was recognised, for that none of it is a screw, stem or cup is not that nothing was."""
    count = len(told)
    known = [f"{i.id} ({i.kind.replace('_', ' ')})" for i in told if i.kind != "unknown"]
    if not known:
        return (
            f"none of the {count} metal parts was recognised as a screw, stem or cup; thinner slices, a bone kernel or "
            "extended HU may help"
        )
    seen = f"of {count} metal parts {', '.join(known)} {'was' if len(known) == 1 else 'were'} recognised"
    if nails:
        return f"{seen}; gaps round nails and their screws are not measured by this program"
    return f"{seen}, and no screw, stem or cup; thinner slices, a bone kernel or extended HU may help"


def _of_implants(implants: Iterable[Implant]) -> Iterator[Finding]:
    for implant in implants:
        if implant.kind == "unknown":
            cut = "; it runs out of the scan, and may be part of what is not seen" if implant.is_cut else ""
            yield Finding(
                code="metal-not-told",
                severity="caution",
                message=f"{implant.id}: metal that is no screw, rod, stem, cup or nail; needles keep clear of it{cut}",
                where_lps=implant.centroid_lps,
                measured=implant.volume_ml,
                unit="mL",
                implant_id=implant.id,
            )
        if implant.kind in _WHY_NO_VOLUME and implant.volume_ml is None:
            yield Finding(
                code="volume-not-told",
                severity="info",
                message=f"{implant.id}: {_WHY_NO_VOLUME[implant.kind]}",
                where_lps=implant.centroid_lps,
                implant_id=implant.id,
            )
        if implant.kind in ("pedicle_screw", "femoral_stem", "acetabular_cup") and implant.loosening is None:
            yield Finding(
                code="loosening-not-measured",
                severity="caution",
                message=f"{implant.id}: loosening cannot be told on this CT",
                where_lps=implant.centroid_lps,
                implant_id=implant.id,
            )


def _of_materials(implants: Iterable[Implant]) -> Iterator[Finding]:
    """Say whose material an unclipped scan does not tell; of a clipped one the faults say it."""
    untold = [i for i in implants if i.kind in HIP_KINDS and i.material == "unknown"]
    heads = [i.id for i in untold if i.kind == "femoral_head"]
    others = [i.id for i in untold if i.kind != "femoral_head"]
    if heads:
        message = (
            f"{', '.join(heads)}: the material is not told; the brightness is not that of cobalt-chrome or steel "
            "(ceramic, an artefact, or HU that are cut off; heads are not made of titanium)"
        )
        yield Finding(code="material-not-told", severity="info", message=message)
    if others:
        message = (
            f"{', '.join(others)}: the material is not told; the brightness is neither titanium's nor that of "
            "cobalt-chrome or steel (ceramic, plastic, a thin part, an artefact, or HU that are cut off)"
        )
        yield Finding(code="material-not-told", severity="info", message=message)


def _of_gaps(implants: tuple[Implant, ...], gaps: tuple[Gap, ...], *, clipped: bool) -> Iterator[Finding]:
    if not gaps and any(implant.kind in MEASURED_KINDS for implant in implants):
        yield Finding(code="no-gap", severity="info", message="no lucent gap was found round the implants")
    yield from _of_no_gap(implants, {gap.implant_id for gap in gaps})
    if clipped and gaps:
        yield Finding(
            code="edge-of-clipped-metal",
            severity="caution",
            message="metal is clipped in this CT: the inner edge of each gap rests on titanium's usual brightness",
        )


def _of_no_gap(implants: tuple[Implant, ...], with_gap: set[str | None]) -> Iterator[Finding]:
    """Say of implants without a gap, also of one beside loose ones, that this does not prove them firm."""
    without = [implant for implant in implants if implant.kind in MEASURED_KINDS and implant.id not in with_gap]
    screws = [implant.id for implant in without if implant.kind == "pedicle_screw"]
    others = [implant.id for implant in without if implant.kind != "pedicle_screw"]
    if screws:
        yield Finding(
            code="no-halo-is-no-proof",
            severity="info",
            message=f"{', '.join(screws)}: a CT without a halo does not exclude loosening (readers saw 64.8 % of it)",
            measured=64.8,
            unit="%",
            source="doi 10.1016/j.spinee.2018.06.345",
        )
    if others:
        yield Finding(
            code="no-halo-is-no-proof",
            severity="info",
            message=f"{', '.join(others)}: a CT without a gap does not exclude loosening",
        )


def _of_needles(needles: NeedlePlan) -> Iterator[Finding]:
    for search in needles.searches:
        if search.trajectories:
            yield from _of_narrow_ways(search)
            continue
        counted = sorted(((count, reason) for reason, count in search.refused.items() if count), reverse=True)
        # where nothing was tried the count is none of needles
        reasons = ", ".join(f"{reason} {count}" if search.tried else reason for count, reason in counted)
        yield Finding(
            code="no-trajectory",
            severity="warning",
            message=f"{search.gap_id}: no safe needle among {search.tried} tried ({reasons or 'none could be tried'})",
            measured=float(search.tried),
            unit="needles tried",
            gap_id=search.gap_id,
        )


def _of_narrow_ways(search: GapSearch) -> Iterator[Finding]:
    reduced = sorted({margin for way in search.trajectories for margin in way.margins_reduced})
    # a needle of another way may keep them: then it is the gap's, and each narrow one says so itself
    if reduced and all(way.margins_reduced for way in search.trajectories):
        names = ", ".join(reduced)
        yield Finding(
            code="narrow-way",
            severity="caution",
            message=f"{search.gap_id}: no needle keeps the wanted margins, so that least ones are used ({names}); the "
            "needles say what is left",
            gap_id=search.gap_id,
        )


def _of_position(scanned: PatientPosition | None, treated: PatientPosition) -> Iterator[Finding]:
    if scanned is None:
        yield Finding(
            code="scan-position-unknown",
            severity="caution",
            message="the CT does not say how the patient lay; soft tissue and skin points may shift in treatment",
        )
    elif scanned[2:] != treated[2:]:
        yield Finding(
            code="position-differs",
            severity="caution",
            message=f"scanned {scanned}, treated {treated}: soft tissue and skin points shift; check under fluoroscopy",
        )
