"""What a stem's or cup's lucent interface says: its loosening, and the findings that go with it."""

import numpy as np

from planner.config.hip_config import HipGapConfig
from planner.geometry.implant_zones import charnley_zones
from planner.model.finding import Finding
from planner.model.implant import Implant, LooseningCriterion
from planner.segment.gaps.cup_loosening import cup_loosening
from planner.segment.gaps.hip_doubt import staying_share
from planner.segment.gaps.hip_look import Found
from planner.segment.gaps.interface_rays import Interface
from planner.segment.gaps.readability import refused_finding, unreadable_finding
from planner.segment.gaps.stem_loosening import stem_loosening
from planner.segment.implants.hips import HipPart
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells

_LEAST_INTERFACE_MM2, _LEAST_ZONE_MM2 = 400.0, 150.0
"""Less of an interface, or of a cup's zone, in the scan is not graded; ours."""
_CHARNLEY = (1, 2, 3)


def unreadable_findings(found: Found, trust: TrustMap | None) -> tuple[Finding, ...]:
    """Say where artefacts leave an implant's interface unreadable."""
    if found.seen is None or trust is None:
        return ()
    record = found.part.record
    said = unreadable_finding(record.id, found.seen, record.centroid_lps, trust)
    return () if said is None else (said,)


def refused_findings(found: Found, trust: TrustMap | None, config: HipGapConfig) -> tuple[Finding, ...]:
    """Say that a dark rim was not taken for a gap, for what artefacts are foretold to add explains it."""
    if trust is None or found.plain_ml < config.least_gap_ml:
        return ()
    stays = found.sure_ml / found.plain_ml
    if stays >= trust.config.least_staying_share:
        return ()
    record = found.part.record
    return (refused_finding(record.id, found.plain_ml, stays, record.centroid_lps, trust),)


def bone_from_hu(found: Found, config: HipGapConfig) -> float:
    """Give the HU half way from interface tissue to the patient's own cancellous bone."""
    return 0.5 * (config.fibrous_hu + found.cancellous_hu)


def _trust_in(found: Found, cells: Cells, config: HipGapConfig) -> float:
    area = found.interface.area_mm2()
    return found.trust * staying_share(found.floor, cells, area, bone_hu=bone_from_hu(found, config))


def hiding_findings(found: Found, cells: Cells, config: HipGapConfig) -> tuple[Finding, ...]:
    """Say that an implant without a gap is not called firm, for its bone is as dark as one.

    Parameters
    ----------
    found : Found
        What was seen.
    cells : ndarray of bool, shape (rows, angles)
        Those of its gaps.
    config : HipGapConfig
        The limits.

    Returns
    -------
    tuple of Finding
        "bone-hides-gaps", or none.
    """
    if cells.any() or found.cancellous_hu >= config.least_firm_bone_hu:
        return ()
    record = found.part.record
    finding = Finding(
        code="bone-hides-gaps",
        severity="info",
        message=f"{record.id}: no gap is seen, but bone of {found.cancellous_hu:.0f} HU is nearly as dark as one: "
        "a gap without a dense rim would not show, and it is not called firm",
        where_lps=record.centroid_lps, measured=found.cancellous_hu, limit=config.least_firm_bone_hu, unit="HU",
        source="this program's rule: loose screws missed in simulated scans (docs/methods.md)",
        implant_id=record.id,
    )  # fmt: skip
    return (finding,)


def unseen_finding(found: Found, config: HipGapConfig) -> Finding | None:
    """Say that a cup's metal does not lie in bone, as where plastic and cement stand between; None where it does."""
    area, interface = found.interface.area_mm2(), found.interface
    share = float(area[interface.in_bone].sum() / area.sum())
    if share >= config.least_bony_share:
        return None
    record = found.part.record
    return Finding(
        code="interface-not-seen",
        severity="caution",
        message=f"{record.id}: bone lies at {share:.0%} of its metal, as where plastic and cement stand between: gaps "
        "behind it are not measured, nor whether it is loose",
        where_lps=record.centroid_lps, measured=share, limit=config.least_bony_share, unit="1",
        source="this program's rule: least share of a cup's metal in bone (docs/methods.md)", implant_id=record.id,
    )  # fmt: skip


def graded_stem(record: Implant, found: Found, cells: Cells, config: HipGapConfig, *, is_blind: bool) -> Implant:
    """Give a stem's record with its loosening: None in place of "none" where the scan may hide a line (is_blind)."""
    area, bony = found.interface.area_mm2(), found.interface.in_bone
    total = float(area[bony].sum())
    lucent = cells & bony
    wide = np.sort(found.width_mm[lucent])[::-1]
    covered = np.cumsum(area[lucent][np.argsort(-found.width_mm[lucent])]) / max(total, 1e-6)
    share = float(area[lucent].sum()) / total if total >= _LEAST_INTERFACE_MM2 else None
    # one bay of a cavity is no line: the width that so much of the interface reaches
    widest = float(wide[np.argmax(covered >= config.line_share)]) if np.any(covered >= config.line_share) else 0.0
    call = stem_loosening(share, widest, trust=_trust_in(found, cells, config), config=config)
    if call == "none" and is_blind:
        call = None
    # where nothing can be told of the stem, that no line was seen is no measured zero
    criteria = (
        LooseningCriterion(
            name="lucent share of the interface", measured=None if call is None else share,
            limit=config.possible_share, unit="1",
        ),
        LooseningCriterion(
            name=f"width of the line over {config.line_share:.0%} of the interface",
            measured=None if call is None else widest,
            limit=config.probable_width_mm, unit="mm",
        ),
    )  # fmt: skip
    return record.model_copy(update={"loosening": call, "loosening_criteria": criteria})


def graded_cup(record: Implant, found: Found, cells: Cells, config: HipGapConfig, *, is_blind: bool) -> Implant:
    """Give a cup's record with its loosening, as `graded_stem` does."""
    return cup_by_zones(
        record,
        found.part,
        found.interface,
        cells,
        trust=_trust_in(found, cells, config),
        is_blind=is_blind,
        config=config,
    )


def cup_by_zones(
    record: Implant, part: HipPart, interface: Interface, lucent: Cells, *, trust: float, is_blind: bool,
    config: HipGapConfig,
) -> Implant:  # fmt: skip
    """Grade a cup by the zones of its interface that are lucent.

    Parameters
    ----------
    record : Implant
        The cup's.
    part : HipPart
        Its sphere and mouth.
    interface : Interface
        Its rays.
    lucent : ndarray of bool, shape (rows, angles)
        Where there is a gap.
    trust : float
        How far the scan can be read.
    is_blind : bool
        Whether the scan may hide a line: None stands in place of "none" then.
    config : HipGapConfig
        The limits.

    Returns
    -------
    Implant
        Unchanged without a sphere and a mouth.
    """
    if part.centre_lps is None or part.opening_lps is None:
        return record
    area = np.where(interface.in_bone, interface.area_mm2(), 0.0)
    points = interface.points_lps(np.zeros(area.shape)).reshape(-1, 3)
    zones = charnley_zones(points, part.centre_lps, part.opening_lps, record.side).reshape(area.shape)
    shares: list[float | None] = []
    for zone in _CHARNLEY:
        whole = float(area[zones == zone].sum())
        shares.append(float(area[(zones == zone) & lucent].sum()) / whole if whole >= _LEAST_ZONE_MM2 else None)
    total = float(area.sum())
    share = float(area[lucent].sum()) / total if total >= _LEAST_INTERFACE_MM2 else None
    call = cup_loosening(shares, lucent_share=share, trust=trust, config=config)
    # bone that reads as interface tissue does, or artefacts, may hide a line
    if call == "none" and is_blind:
        call = None
    rows = [("lucent share of the interface", share, config.possible_share)]
    rows += [(f"lucent share of charnley-{z}", s, config.zone_share) for z, s in zip(_CHARNLEY, shares, strict=True)]
    criteria = tuple(
        LooseningCriterion(name=name, measured=None if call is None else measured, limit=limit, unit="1")
        for name, measured, limit in rows
    )
    return record.model_copy(update={"loosening": call, "loosening_criteria": criteria})
