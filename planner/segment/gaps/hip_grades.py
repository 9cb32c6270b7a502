"""What a stem's or cup's lucent interface says: its loosening, and the findings that go with it."""

import numpy as np

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import point_tuple
from planner.geometry.implant_zones import charnley_zones
from planner.model.finding import Finding
from planner.model.implant import Implant, LooseningCriterion
from planner.segment.gaps.cup_loosening import cup_loosening
from planner.segment.gaps.hip_look import Found
from planner.segment.gaps.readability import refused_finding, unreadable_finding
from planner.segment.gaps.stem_loosening import stem_loosening

_LEAST_REFUSED_ML = 0.5
"""Less that is dark by artefact is not worth a word; ours."""
_LEAST_INTERFACE_MM2, _LEAST_ZONE_MM2 = 400.0, 150.0
_CHARNLEY = (1, 2, 3)
"""Less of an interface in the scan is not graded; ours."""


def unreadable_findings(found: Found) -> tuple[Finding, ...]:
    """Say where artefacts, or the patient's own thin bone, leave an implant's interface unreadable."""
    artefacts, record = found.artefacts, found.part.record
    said: list[Finding | None] = []
    if artefacts is not None and artefacts.seen is not None:
        said.append(unreadable_finding(record.id, artefacts.seen, record.centroid_lps, artefacts.trust))
        if artefacts.refused_ml >= _LEAST_REFUSED_ML and artefacts.where_lps is not None:
            where = point_tuple(artefacts.where_lps)
            said.append(refused_finding(record.id, artefacts.refused_ml, artefacts.stays, where, artefacts.trust))
    return tuple(finding for finding in said if finding is not None)


def graded_stem(record: Implant, found: Found, config: HipGapConfig) -> Implant:
    """Give a stem's record with its loosening: None where artefacts hide what may be a line."""
    area, bony = found.interface.area_mm2(), found.interface.in_bone
    total = float(area[bony].sum())
    lucent = found.lucent & bony
    wide = np.sort(found.width_mm[lucent])[::-1]
    covered = np.cumsum(area[lucent][np.argsort(-found.width_mm[lucent])]) / max(total, 1e-6)
    share = float(area[lucent].sum()) / total if total >= _LEAST_INTERFACE_MM2 else None
    # one bay of a cavity is no line: the width that so much of the interface reaches
    widest = float(wide[np.argmax(covered >= config.line_share)]) if np.any(covered >= config.line_share) else 0.0
    call = stem_loosening(share, widest, trust=found.trust, config=config)
    if call == "none" and unreadable_findings(found):
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


def graded_cup(record: Implant, found: Found, config: HipGapConfig) -> Implant:
    """Give a cup's record with its loosening: None where artefacts or thin bone hide what may be a line."""
    part, interface = found.part, found.interface
    if part.centre_lps is None or part.opening_lps is None:
        return record
    area = np.where(interface.in_bone, interface.area_mm2(), 0.0)
    points = interface.points_lps(np.zeros(area.shape)).reshape(-1, 3)
    zones = charnley_zones(points, part.centre_lps, part.opening_lps, record.side).reshape(area.shape)
    shares: list[float | None] = []
    for zone in _CHARNLEY:
        whole = float(area[zones == zone].sum())
        lucent = float(area[(zones == zone) & found.lucent].sum())
        shares.append(lucent / whole if whole >= _LEAST_ZONE_MM2 else None)
    total = float(area.sum())
    share = float(area[found.lucent].sum()) / total if total >= _LEAST_INTERFACE_MM2 else None
    call = cup_loosening(shares, lucent_share=share, trust=found.trust, config=config)
    # bone that reads as interface tissue does, or artefacts, may hide a line
    if call == "none" and (unreadable_findings(found) or not found.levels.is_told):
        call = None
    rows = [("lucent share of the interface", share, config.possible_share)]
    rows += [(f"lucent share of charnley-{z}", s, config.zone_share) for z, s in zip(_CHARNLEY, shares, strict=True)]
    criteria = tuple(
        LooseningCriterion(name=name, measured=None if call is None else measured, limit=limit, unit="1")
        for name, measured, limit in rows
    )
    return record.model_copy(update={"loosening": call, "loosening_criteria": criteria})
