"""What of a halo can be believed: what artefacts explain is none, and a trace of one is not measured."""

from dataclasses import replace

import numpy as np

from planner.config.gap_config import HaloConfig
from planner.geometry.frames import Array, point_tuple
from planner.model.finding import Finding
from planner.model.record import PointLps
from planner.segment.gaps.halo_look import Look
from planner.segment.gaps.halo_measurement import Halo
from planner.segment.gaps.halo_wall import find_wall, taper_ends
from planner.segment.gaps.readability import depths_mm, readability, refused_finding, unreadable_finding
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Fan


def doubted(
    look: Look, halo: Halo, trust: TrustMap, cancellous_hu: float, config: HaloConfig
) -> tuple[Halo, tuple[Finding, ...]]:
    """Ask the trust map: a rim that only artefacts darken is no gap, and where they blind nothing is firm.

    Parameters
    ----------
    look : Look
        The screw's profiles, most of the foretold artefact taken off.
    halo : Halo
        What was measured on them.
    trust : TrustMap
        The map.
    cancellous_hu : float
        The patient's own bone.
    config : HaloConfig
        The settings.

    Returns
    -------
    halo : Halo
        With the trust that is left.
    findings : tuple of Finding
        "unreadable-by-artefact", and "dark-by-artefact" where the scan as it stands shows a rim that is gone on the
        profiles, or too little of what they show is left once the whole of the foretold artefact is taken off.
    """
    fan = look.fan
    places = np.stack([places_lps(fan, depth) for depth in depths_mm(look.metal_mm)])
    seen = readability(trust, places, fan.area_mm2(look.metal_mm), halo.in_bone)
    if seen is None:
        return halo, ()
    unreadable = unreadable_finding(look.shaft.id, seen, _middle_lps(look), trust)
    said = () if unreadable is None else (unreadable,)
    halo, refused = _unexplained(look, halo, trust, cancellous_hu, config)
    blind = unreadable is not None or refused is not None
    most = seen.trust if halo.volume_ml <= 0 else seen.gap_trust
    doubted_halo = replace(halo, trust=min(halo.trust, most), hides_gaps=blind or halo.hides_gaps)
    return doubted_halo, (*said, *(() if refused is None else (refused,)))


def _unexplained(
    look: Look, halo: Halo, trust: TrustMap, cancellous_hu: float, config: HaloConfig
) -> tuple[Halo, Finding | None]:
    """Refuse a rim that is dark because artefacts darken it: that goes, wholly or mostly, as they are taken off."""
    least = trust.config.least_staying_share
    if halo.volume_ml > 0:
        rim_mm3, kept = 1000.0 * halo.cells_ml, _rim_mm3(look, trust, 1.0, cancellous_hu, config) > 0
    else:
        rim_mm3, kept = _rim_mm3(look, trust, 0.0, cancellous_hu, config), halo.lucent
    total = float(rim_mm3.sum())
    stays = float(rim_mm3[kept].sum()) / total if total > 0 else 1.0
    if stays >= least:
        return replace(halo, trust=halo.trust * stays), None
    finding = refused_finding(look.shaft.id, total / 1000.0, stays, _middle_lps(look), trust)
    return without_gap(replace(halo, trust=halo.trust * stays)), finding


def _rim_mm3(look: Look, trust: TrustMap, share: float, cancellous_hu: float, config: HaloConfig) -> Array:
    """Give what each cell holds of the rim that shows with a share of the foretold artefact taken off, mm3."""
    fan, radius = look.fan, look.radius_mm
    profiles = look.profiles + (config.artefact_share - share) * trust.pattern_at(fan.points_lps())
    lucent, width = find_wall(
        profiles, fan, radius, look.in_bone, cancellous_hu=cancellous_hu, bloom=look.bloom, config=config
    )
    lucent, width = taper_ends(fan, lucent, width)
    wall = np.minimum(np.where(lucent, radius + width, look.metal_mm), look.limit_mm)
    return fan.volume_mm3(look.metal_mm, np.maximum(look.metal_mm, wall))


def without_trace(look: Look, halo: Halo, config: HaloConfig) -> tuple[Halo, tuple[Finding, ...]]:
    """Leave out a halo that is seen along too little of its screw to be measured.

    Parameters
    ----------
    look : Look
        The screw's profiles.
    halo : Halo
        What was measured.
    config : HaloConfig
        How much must be lucent.

    Returns
    -------
    halo : Halo
        Without a gap where it was a trace: its volume is unknown, and the screw neither loose nor firm.
    findings : tuple of Finding
        "trace-of-a-gap", or none.
    """
    bone = halo.in_bone
    share = float((halo.lucent & bone).sum() / bone.sum()) if bone.any() else 0.0
    if halo.volume_ml <= 0 or share >= config.least_lucent_share:
        return halo, ()
    finding = Finding(
        code="trace-of-a-gap",
        severity="caution",
        message=f"{look.shaft.id}: a dark seam along {share:.0%} of the wall between screw and bone, too little to "
        "tell a gap from thin bone or to measure it: a gap there can be larger than it shows, or none",
        where_lps=point_tuple(centroid_lps(halo)), measured=share, limit=config.least_lucent_share, unit="1",
        source="this program's rule: least share of the wall that must be lucent (docs/methods.md)",
        implant_id=look.shaft.id,
    )  # fmt: skip
    return without_gap(halo), (finding,)


def without_gap(halo: Halo) -> Halo:
    """Give the same look at a screw without its gap: neither loose nor firm."""
    none = np.zeros(halo.lucent.shape, dtype=bool)
    return replace(
        halo, outer_mm=halo.metal_mm, width_mm=np.zeros(none.shape), lucent=none, read=none,
        cells_ml=np.zeros(none.shape), sd_ml=0.0, hidden_ml=0.0, wide_share=None, hides_gaps=True,
    )  # fmt: skip


def centroid_lps(halo: Halo) -> Array:
    """Centre of the gap's cells, each taken half way between metal and wall, shape (3,)."""
    places = places_lps(halo.fan, 0.5 * (halo.metal_mm + halo.outer_mm))
    return np.asarray((places * halo.cells_ml[..., None]).sum((0, 1)) / halo.cells_ml.sum())


def places_lps(fan: Fan, rho_mm: Array) -> Array:
    """One point on each ray, shape (rows, angles, 3)."""
    return np.asarray(fan.head_lps + fan.along_mm[:, None, None] * fan.axis + fan.directions() * rho_mm[..., None])


def _middle_lps(look: Look) -> PointLps:
    return point_tuple(0.5 * (look.shaft.head_lps + look.shaft.tip_lps))
