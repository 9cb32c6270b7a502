"""Faults of the hardware, as findings: broken, come apart, backed out, out of its bone, out of its cup, cut off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.config.fault_config import FaultConfig
from planner.geometry.frames import Array, point_tuple
from planner.model.finding import Finding, Severity
from planner.model.implant import Implant, LooseningCriterion
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.anatomy.canal import Canal
from planner.segment.implants.broken_shafts import BrokenShaft, broken_rods, broken_screws, broken_stems
from planner.segment.implants.head_in_cup import HeadInCup, heads_in_cups, heads_off_centre
from planner.segment.implants.metal import Metal
from planner.segment.implants.outside_bone import Stray, screws_outside
from planner.segment.implants.rod_pairs import rod_pairs
from planner.segment.implants.seats import Stand, out_of_rod, standing_out

DEFAULT = FaultConfig()
NO_CANDIDATE = frozenset(("screw-broken", "rod-broken", "implant-broken", "tulip-disassembled", "head-dislocated"))
"""Codes of the faults that cement does not mend."""
_SURGERY = "this program's rule: cement does not join what is broken or has come apart"
_DISLOCATED = "head-dislocated"
_REDUCTION = "230 of 249 dislocated hip replacements were reduced closed (PubMed 35063315)"
_TELLS_METALS_HU = 11000.0
"""A ceiling above this shows titanium whole, and what reaches it is heavier; as the materials are told."""
_GRADES = "Gertzbein-Robbins: A 0, B < 2, C < 4, D < 6, E >= 6 mm"
_WORDS = {
    "front": "the front wall of the body, towards the vessels",
    "side": "the side wall",
    "upper endplate": "the upper endplate, into the disc",
    "lower endplate": "the lower endplate, into the disc",
    "untold": "a wall",
}


@dataclass(frozen=True, slots=True, eq=False)
class Faults:
    """What is wrong with the hardware.

    Parameters
    ----------
    findings : tuple of Finding
        In words, the gravest first.
    broken_off : tuple of str
        Ids of implants that are the broken-off end of another.
    standing_out_mm : dict of str to float
        How much farther out than its opposite number each backed-out screw's head stands.
    pieces_apart_mm : dict of str to float
        How far the pieces of each broken implant stand apart or out of line, whichever is more.
    off_centre_mm : dict of str to float
        How far the centre of each head, that was measured, stands from that of its cup.
    """

    findings: tuple[Finding, ...]
    broken_off: tuple[str, ...]
    standing_out_mm: dict[str, float]
    pieces_apart_mm: dict[str, float] = field(default_factory=dict)
    off_centre_mm: dict[str, float] = field(default_factory=dict)

    def criteria(self, implant_id: str, config: FaultConfig = DEFAULT) -> tuple[LooseningCriterion, ...]:
        """Give what the faults say of an implant's loosening.

        Parameters
        ----------
        implant_id : str
            Which.
        config : FaultConfig
            The limits.

        Returns
        -------
        tuple of LooseningCriterion
            Empty where it is whole, and its head stands no farther out than its fellows' and in no cup. One scan does
            not show that a screw has moved: this alone grades none "definite".
        """
        broken = "broken-off end, off its screw by" if implant_id in self.broken_off else "broken, pieces apart by"
        rows = (
            (broken, self.pieces_apart_mm, 0.0),
            ("head stands farther out than its opposite number's", self.standing_out_mm, config.proud_mm),
            ("head's centre off the cup's", self.off_centre_mm, config.eccentric_mm),
        )
        return tuple(
            LooseningCriterion(name=name, measured=told[implant_id], limit=limit, unit="mm")
            for name, told, limit in rows
            if implant_id in told
        )


def find_faults(
    implants: Sequence[Implant],
    *,
    metal: Metal,
    volume: Volume,
    bone: Mask | None,
    canal: Canal | None,
    config: FaultConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> Faults:
    """Look for faults of the hardware.

    Parameters
    ----------
    implants : sequence of Implant
        What was found.
    metal : Metal
        All metal.
    volume : Volume
        The original CT, on the metal's grid.
    bone : Mask or None
        Bone, closed over gaps, on any grid along the patient's axes; None: no screw is told to stand out of it.
    canal : Canal or None
        The spinal canal; None: no screw is told to stand in it, or to have backed out.
    config : FaultConfig
        The limits.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    Faults
        Without findings where nothing is wrong.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    monitor.report(Progress("looking for faults of the hardware"))
    volume.grid.require_same(metal.mask.grid)
    check_cancelled(monitor)
    screws = broken_screws(implants, metal=metal, volume=volume, config=config)
    rods = broken_rods(implants, metal=metal, volume=volume, config=config)
    rods = (*rods, *rod_pairs(implants, rods, config))
    stems = broken_stems(implants, metal=metal, volume=volume, config=config)
    broken_off = tuple(b.inner_id for b in screws if b.inner_id is not None)
    check_cancelled(monitor)
    off = out_of_rod(implants, broken_off=broken_off, metal=metal, volume=volume, config=config)
    out = standing_out(implants, broken_off=broken_off, canal=canal, config=config)
    strays = screws_outside(implants, bone=bone, canal=canal, config=config)
    found = [
        *_broken("screw-broken", "screw", screws),
        *_broken("rod-broken", "rod", rods),
        *_broken("implant-broken", "stem or nail", stems),
        *(_off_rod(stand, config) for stand in off),
        *(_head_off(pair, config) for pair in heads_off_centre(implants, config=config)),
    ]
    found += [
        *_no_candidate(found),
        *(_backed_out(stand, config) for stand in out),
        *(_outside(stray, config) for stray in strays),
        *_cut_off(implants),
        *_material(implants, metal),
    ]
    apart = {
        name: round(max(b.parting.gap_mm, b.parting.aside_mm), 2)
        for b in (*screws, *rods, *stems)
        for name in b.implant_ids
    }
    off_centre = {pair.head.id: round(pair.apart_mm, 2) for pair in heads_in_cups(implants)}
    return Faults(tuple(found), broken_off, {s.screw.id: s.over_mm for s in out}, apart, off_centre)


def _where(point: Array) -> tuple[float, float, float]:
    return point_tuple(np.round(point, 2))


def _broken(code: str, word: str, shafts: Sequence[BrokenShaft]) -> Iterator[Finding]:
    for shaft in shafts:
        parting = shaft.parting
        names = " and ".join(shaft.implant_ids)
        gap = f"{parting.gap_mm:.1f} mm apart" if parting.gap_mm > 0 else "close together"
        end = f"; {shaft.inner_id} is its broken-off end" if shaft.inner_id is not None else ""
        message = f"{names}: a {word} in two pieces, {gap} and {parting.aside_mm:.1f} mm out of line{end}"
        apart = max(parting.gap_mm, parting.aside_mm)
        yield _finding(code, "warning", message, parting.where_lps, apart, None, None, of=shaft.implant_ids[0])


def _off_rod(stand: Stand, config: FaultConfig) -> Finding:
    message = (
        f"{stand.screw.id}: no rod in its tulip: the nearest runs {stand.distance_mm:.1f} mm from its head, "
        f"{stand.usual_mm:.1f} mm in its fellows; the tulip has come apart, or the rod has slipped out"
    )
    limit = stand.usual_mm + config.off_rod_mm
    source = "this program's rule, on the construct's own screws"
    return _finding(
        "tulip-disassembled", "warning", message, stand.where_lps, stand.distance_mm, limit, source, of=stand.screw.id
    )


def _head_off(pair: HeadInCup, config: FaultConfig) -> Finding:
    if pair.is_dislocated:
        message = f"{pair.head.id}: the head's centre is {pair.apart_mm:.1f} mm from that of {pair.cup.id}: dislocated"
        source = "the spheres' radii"
        return _finding(
            "head-dislocated", "warning", message, pair.where_lps, pair.apart_mm, pair.room_mm, source, of=pair.head.id
        )
    message = (
        f"{pair.head.id}: {pair.apart_mm:.1f} mm off the centre of {pair.cup.id}: a worn liner, or one that is offset "
        "by design"
    )
    source = "this program's rule"
    return _finding(
        "head-off-centre",
        "caution",
        message,
        pair.where_lps,
        pair.apart_mm,
        config.eccentric_mm,
        source,
        of=pair.head.id,
    )


def _no_candidate(found: Sequence[Finding]) -> Iterator[Finding]:
    """Say once what follows from all that is broken or has come apart, and once what follows from a dislocation."""
    grave = [f for f in found if f.code in NO_CANDIDATE and f.code != _DISLOCATED]
    out = [f for f in found if f.code == _DISLOCATED]
    if grave:
        message = f"no candidate: open surgery ({', '.join(sorted({f.code for f in grave}))})"
        where = grave[0].where_lps
        yield Finding(code="no-candidate", severity="warning", message=message, where_lps=where, source=_SURGERY)
    if out:
        message = (
            "no candidate as it is: a dislocated head is put back first, in most hips without opening them; then a new "
            "CT, for this one shows the joint out of its place"
        )
        where = out[0].where_lps
        yield Finding(code="no-candidate", severity="warning", message=message, where_lps=where, source=_REDUCTION)


def _backed_out(stand: Stand, config: FaultConfig) -> Finding:
    message = (
        f"{stand.screw.id}: its head stands {stand.over_mm:.1f} mm farther out than its opposite number's: backed out, "
        "or left proud; an earlier CT tells"
    )
    source = "this program's rule: whole phantoms show up to 4.8 mm"
    return _finding(
        "screw-backed-out",
        "warning",
        message,
        stand.where_lps,
        stand.over_mm,
        config.proud_mm,
        source,
        of=stand.screw.id,
    )


def _outside(stray: Stray, config: FaultConfig) -> Finding:
    name, far = stray.screw.id, stray.beyond_mm
    if stray.wall == "none":
        message = f"{name}: lies in no bone for the most part: pulled out, or no screw"
        return _finding("screw-not-in-bone", "warning", message, stray.where_lps, far, config.outside_mm, None, of=name)
    if stray.wall == "canal":
        message = (
            f"{name}: seems to stand up to {far:.1f} mm into the spinal canal, whose wall reads 1 to 3 mm too far out "
            "beside metal: look whether it does more than touch it"
        )
        grave: Severity = "warning" if far > config.deep_in_canal_mm else "caution"
        return _finding("screw-in-canal", grave, message, stray.where_lps, far, config.in_canal_mm, _GRADES, of=name)
    severity: Severity = "warning" if stray.wall == "front" else "caution"
    message = f"{name}: stands {far:.1f} mm out of its bone through {_WORDS[stray.wall]}"
    return _finding(
        "screw-tip-outside-bone", severity, message, stray.where_lps, far, config.outside_mm, _GRADES, of=name
    )


def _cut_off(implants: Sequence[Implant]) -> Iterator[Finding]:
    for implant in implants:
        if implant.is_cut:
            message = f"{implant.id}: runs out of the scan: its length, volume and end are those of what is seen"
            yield Finding(
                code="implant-cut-by-scan", severity="caution", message=message, where_lps=implant.centroid_lps,
                implant_id=implant.id,
            )  # fmt: skip


def _material(implants: Sequence[Implant], metal: Metal) -> Iterator[Finding]:
    """Say once that a clipped scan shows all metals alike, and which diameters rest on a presumed one."""
    ceiling = metal.clipped_at_hu
    hides = metal.is_clipped or any(metal.hides(k) for k in range(1, len(metal.plateaus_hu) + 1))
    untold = [i for i in implants if i.material == "unknown" and i.kind not in ("cement", "unknown")]
    if not untold or not hides or ceiling is None or ceiling > _TELLS_METALS_HU:
        return
    message = f"the scan is clipped at {ceiling:.0f} HU: titanium and cobalt-chrome or steel look alike in it"
    yield Finding(
        code="material-not-told", severity="info", message=message, measured=ceiling, unit="HU",
        source="attenuation tables: titanium shows 8500 HU at 80 keV, cobalt-chrome more",
    )  # fmt: skip
    presumed = [
        i.id for i in untold if i.kind in ("pedicle_screw", "rod") and i.axis and i.axis.diameter_mm is not None
    ]
    if presumed:
        message = (
            f"{', '.join(presumed)}: the diameter rests on a presumed brightness, the metal's own being clipped; of "
            "cobalt-chrome or steel it reads up to 0.8 mm too thick, and the volume with it"
        )
        yield Finding(
            code="diameter-presumed", severity="caution", message=message, measured=ceiling, unit="HU",
            source="this program's simulated scans at 3071 to 8191 HU",
        )  # fmt: skip


def _finding(
    code: str,
    severity: Severity,
    message: str,
    where: Array,
    measured: float,
    limit: float | None,
    source: str | None,
    *,
    of: str,
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        message=message,
        where_lps=_where(where),
        measured=round(measured, 2),
        limit=None if limit is None else round(limit, 2),
        unit="mm",
        source=source,
        implant_id=of,
    )
