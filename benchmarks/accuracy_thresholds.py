"""What counting thresholded voxels would give on a case, for the ablation; and what else its truth is asked.

It rests on the scan and the truth alone, never on the plan, and is kept in a folder of its own: a change here makes no
scan and no plan anew.
"""

import hashlib
from pathlib import Path

import edt
import numpy as np
import numpy.typing as npt
from accuracy_cases import AccuracyCase
from accuracy_run import digest, folders_of, key

from planner.geometry.grid import Grid
from planner.model.implant import ImplantKind
from planner.model.record import NotNegative, Record, Share
from planner.model.volume import Volume
from planner.phantoms.score.known_case import CodedPoints, KnownCase, read_known_case
from planner.phantoms.solids.basic import Union
from planner.phantoms.solids.raster import paint
from planner.phantoms.truth.document import ImplantTruth
from planner.phantoms.truth.facts import TrueGap, TrueImplant, Truth
from planner.phantoms.truth.interface import Interface, shaft_interface, surface_interface

LOW_HU, HIGH_HU = -200, 200
"""Voxels of so many HU count as a gap in the usual way: the figures of the issue that asked for the profiles."""
REACH_MM = 6.0
"""And lie no farther from metal: from there, too."""
ANCHORED: tuple[ImplantKind, ...] = ("pedicle_screw", "femoral_stem", "acetabular_cup")
"""Kinds whose gaps are counted."""
_KINDS = ("screw_halo", "periprosthetic_gap", "osteolysis")

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]


class ThresholdedImplant(Record):
    """One implant's gap, by counted voxels."""

    implant_id: str
    kind: ImplantKind
    true_ml: NotNegative
    """Of all its gaps together; 0 where it has none."""
    found_ml: NotNegative
    dice: Share | None
    missed: Share | None
    """Share of the gap's voxels that were not counted; both None where there is no gap."""


class CaseYardsticks(Record):
    """What a case's truth is asked beside the score of its plan."""

    thresholded: tuple[ThresholdedImplant, ...]
    interface_mm2: dict[str, NotNegative | None]
    """Area of the implant's surface beside each gap, by the gap's id; None where it borders on no implant."""
    rim_share: dict[str, Share | None]
    """Of each screw: share of its shaft within bone that has a rim wider than 1 mm; by the implant's id."""


def yardsticks(case: AccuracyCase, cache_dir: Path) -> CaseYardsticks | None:
    """Measure what is not measured yet of a case.

    Parameters
    ----------
    case : AccuracyCase
        The case.
    cache_dir : Path
        Where scans, truths and results are kept.

    Returns
    -------
    CaseYardsticks or None
        None where its scan or its truth is not there.
    """
    folders = folders_of(case, cache_dir)
    if not all((folders[step] / "done.json").exists() for step in ("scan", "truth")):
        return None
    kept = cache_dir / "yardsticks" / f"{case.name}-{_key(case)}.json"
    if kept.exists():
        return CaseYardsticks.model_validate_json(kept.read_text(encoding="utf-8"))
    with np.load(folders["scan"] / "scan.npz") as scan:
        volume = Volume(Grid(scan["hu"].shape, scan["lps_from_index"]), scan["hu"])
    truth, known = case.design().truth, read_known_case(folders["truth"])
    measured = CaseYardsticks(
        thresholded=count_voxels(volume, known, owners(truth, known)),
        interface_mm2={gap.id: interface_mm2(gap, truth) for gap in truth.gaps},
        rim_share={i.id: i.rim_share for i in known.document.implants if i.kind == "pedicle_screw"},
    )
    kept.parent.mkdir(parents=True, exist_ok=True)
    half = kept.with_suffix(".half")
    half.write_text(measured.model_dump_json(), encoding="utf-8")
    half.rename(kept)
    return measured


def _key(case: AccuracyCase) -> str:
    own = digest([Path(__file__).resolve()])
    return hashlib.sha256(f"{key(case, 'scan')} {key(case, 'truth')} {own}".encode()).hexdigest()[:16]


def owners(truth: Truth, known: KnownCase) -> Codes:
    """Say whose each voxel of metal is.

    Parameters
    ----------
    truth : Truth
        The phantom's.
    known : KnownCase
        Its files.

    Returns
    -------
    ndarray of uint8, shape ``known.grid.shape``
        The implant's place in the document, from 1; 0 without metal, and in cement, which is nobody's own.
    """
    place = {implant.id: number for number, implant in enumerate(known.document.implants, start=1)}
    owner = np.zeros(known.grid.shape, dtype=np.uint8)
    for implant in truth.implants:
        if implant.kind != "cement":
            paint(implant.solid, known.grid, owner, value=place[implant.id])
    return owner


def count_voxels(volume: Volume, known: KnownCase, owner: Codes) -> tuple[ThresholdedImplant, ...]:
    """Count the voxels that thresholds take for gaps, implant by implant.

    Parameters
    ----------
    volume : Volume
        The CT.
    known : KnownCase
        What is true of it.
    owner : ndarray of uint8, shape ``known.grid.shape``
        Whose each voxel of metal is, as `owners` gives it.

    Returns
    -------
    tuple of ThresholdedImplant
        Screws, stems and cups, in the document's order.

    Notes
    -----
    All that helps is told: where the bone ends, where the metal ends, and whose gap a voxel of a true gap is. Any other
    voxel goes with the implant whose metal is nearest. A voxel of the truth has the HU of the CT's nearest one, as a
    plan's labels are looked up for its own score.
    """
    away = edt.edt(~known.metal, anisotropy=known.grid.spacing_mm)
    chosen = np.argwhere(known.env & ~known.metal & (away <= REACH_MM))
    chosen = chosen[_is_dark(volume, np.asarray(known.grid.to_lps(chosen)))]
    found = np.zeros(known.grid.shape, dtype=bool)
    found[tuple(chosen.T)] = True
    metal = CodedPoints(known.voxels_lps(owner > 0), owner[owner > 0])
    _, nearest = metal.nearest(known.voxels_lps(found))
    whose = np.zeros(known.grid.shape, dtype=np.uint8)
    whose[found] = nearest
    gaps = _gap_owners(known)
    whose = np.where(found & (gaps > 0), gaps, whose)
    implants = enumerate(known.document.implants, start=1)
    return tuple(_counted(i, whose == code, gaps == code, known) for code, i in implants if i.kind in ANCHORED)


def _is_dark(volume: Volume, points_lps: npt.NDArray[np.float64]) -> Bools:
    """Whether the CT's voxel at each point lies within the thresholds; none does outside of the CT."""
    index = np.rint(np.asarray(volume.grid.to_index(points_lps))).astype(int).reshape(-1, 3)
    inside = np.all((index >= 0) & (index < np.array(volume.grid.shape)), axis=1)
    dark = np.zeros(len(index), dtype=bool)
    hu = volume.hu[tuple(index[inside].T)]
    dark[inside] = (hu >= LOW_HU) & (hu <= HIGH_HU)
    return dark


def _gap_owners(known: KnownCase) -> Codes:
    """Say whose gap each voxel of the true gaps is: the implant's place in the document, from 1."""
    place = {implant.id: number for number, implant in enumerate(known.document.implants, start=1)}
    codes = np.zeros(256, dtype=np.uint8)
    for gap in known.document.gaps:
        if gap.kind in _KINDS and gap.implant_id is not None:
            codes[gap.label] = place[gap.implant_id]
    return np.asarray(codes[known.label])


def _counted(implant: ImplantTruth, found: Bools, true: Bools, known: KnownCase) -> ThresholdedImplant:
    gaps = [g for g in known.document.gaps if g.implant_id == implant.id and g.kind in _KINDS]
    counts, hit = int(found.sum()) + int(true.sum()), int((found & true).sum())
    return ThresholdedImplant(
        implant_id=implant.id,
        kind=implant.kind,
        true_ml=sum(gap.volume_ml for gap in gaps),
        found_ml=float(found.sum()) * known.grid.voxel_volume_mm3 / 1000.0,
        dice=2.0 * hit / counts if gaps and counts else None,
        missed=1.0 - hit / int(true.sum()) if true.any() else None,
    )


def interface_mm2(gap: TrueGap, truth: Truth) -> float | None:
    """Measure the surface of an implant beside which its gap lies.

    Parameters
    ----------
    gap : TrueGap
        The gap.
    truth : Truth
        The phantom's.

    Returns
    -------
    float or None
        mm2; None for a gap that borders on no implant, or on another one than its own.
    """
    implant = next((i for i in truth.implants if i.id == gap.implant_id), None)
    if implant is None or gap.kind == "fracture_level":
        return None
    for interface in _interfaces(implant, truth):
        beside = interface.widths_mm(gap.solid) > 0.0
        if beside.any():
            return float(interface.area_mm2[beside].sum())
    return None


def _interfaces(implant: TrueImplant, truth: Truth) -> list[Interface]:
    """Give the surfaces that a gap may border on: a shaft's; else the metal's own, and that of its cement."""
    head, tip, diameter = implant.head_lps, implant.tip_lps, implant.diameter_mm
    if implant.kind in ("pedicle_screw", "cup_screw") and head is not None and tip is not None and diameter is not None:
        return [shaft_interface(head, tip, diameter, implant.solid, env=truth.env, metal=truth.metal)]
    centre = implant.centre_lps if implant.kind == "acetabular_cup" else None
    cement = [i.solid for i in truth.implants if i.kind == "cement" and i.side == implant.side]
    bodies = [implant.solid, *([Union((implant.solid, *cement))] if cement else [])]
    return [surface_interface(body, env=truth.env, metal=truth.metal, away_from_lps=centre) for body in bodies]
