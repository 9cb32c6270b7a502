"""What a plan must say in words beside its figures."""

from collections.abc import Iterable, Iterator, Mapping

from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.implant import Implant, ImplantKind
from planner.model.plan import PatientPosition
from planner.needles.search import NeedlePlan

_WHY_NO_VOLUME: Mapping[ImplantKind, str] = {
    "cage": "the outline of its marker pins; plastic does not show and is not measured",
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
        Empty where some implant was searched.
    """
    kinds = [implant.kind for implant in implants]
    if MEASURED_KINDS.intersection(kinds):
        return ()
    message = (
        f"gaps were not measured: none of the {len(kinds)} metal parts was recognised as a screw, stem or cup; thinner "
        "slices, a bone kernel or extended HU may help"
    )
    return (Finding(code="gaps-not-measured", severity="warning", message=message, measured=float(len(kinds))),)


def _of_implants(implants: Iterable[Implant]) -> Iterator[Finding]:
    for implant in implants:
        if implant.kind == "unknown":
            yield Finding(
                code="metal-not-told",
                severity="caution",
                message=f"{implant.id}: metal that is no screw, rod, stem, cup or nail; needles keep clear of it",
                where_lps=implant.centroid_lps,
                measured=implant.volume_ml,
                unit="mL",
            )
        if implant.kind in _WHY_NO_VOLUME and implant.volume_ml is None:
            yield Finding(
                code="volume-not-told",
                severity="info",
                message=f"{implant.id}: {_WHY_NO_VOLUME[implant.kind]}",
                where_lps=implant.centroid_lps,
            )
        if implant.kind in ("pedicle_screw", "femoral_stem", "acetabular_cup") and implant.loosening is None:
            yield Finding(
                code="loosening-not-measured",
                severity="caution",
                message=f"{implant.id}: loosening cannot be told on this CT",
                where_lps=implant.centroid_lps,
            )


def _of_gaps(implants: tuple[Implant, ...], gaps: tuple[Gap, ...], *, clipped: bool) -> Iterator[Finding]:
    if not gaps and any(implant.kind in MEASURED_KINDS for implant in implants):
        yield Finding(code="no-gap", severity="info", message="no lucent gap was found round the implants")
    if any(implant.loosening == "none" for implant in implants):
        yield Finding(
            code="no-halo-is-no-proof",
            severity="info",
            message="a CT without a halo does not exclude loosening (readers' sensitivity 64.8 %)",
            measured=64.8,
            unit="%",
            source="doi 10.1016/j.spinee.2018.06.345",
        )
    if clipped and gaps:
        yield Finding(
            code="edge-of-clipped-metal",
            severity="caution",
            message="metal is clipped in this CT: the inner edge of each gap rests on titanium's usual brightness",
        )


def _of_needles(needles: NeedlePlan) -> Iterator[Finding]:
    for search in needles.searches:
        if search.trajectories:
            continue
        counted = sorted(((count, reason) for reason, count in search.refused.items() if count), reverse=True)
        reasons = ", ".join(f"{reason} {count}" for count, reason in counted)
        yield Finding(
            code="no-trajectory",
            severity="warning",
            message=f"{search.gap_id}: no safe needle among {search.tried} tried ({reasons or 'none could be tried'})",
            measured=float(search.tried),
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
