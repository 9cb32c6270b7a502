"""What of a halo can be believed: nothing is firm where artefacts blind, and a trace of a gap is not measured."""

from dataclasses import replace

import numpy as np

from planner.config.gap_config import HaloConfig
from planner.geometry.frames import Array, point_tuple
from planner.model.finding import Finding
from planner.model.record import PointLps
from planner.segment.gaps.halo_look import Look
from planner.segment.gaps.halo_measurement import Halo
from planner.segment.gaps.halo_reading import read_wall
from planner.segment.gaps.halo_wall import metal_tail_hu
from planner.segment.gaps.readability import depths_mm, readability, refused_finding, unreadable_finding
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Fan, Floats, from_surface

_DARKENED_SHARE = 0.5
"""Artefacts that darken a gap by a smaller share of its contrast to bone do not make it; ours."""
_STAYING_RISE = 0.1
"""Nor do those that leave more of the rise at its wall. Two true halos kept 0.2 and 0.55 of it, six in steel less than
none, for which the foretold artefact is far off; ours."""
_LEAST_MIDDLE_MM, _BEHIND_MM = 0.6, (0.4, 0.75, 1.1)


def doubted(look: Look, halo: Halo, trust: TrustMap) -> tuple[Halo, tuple[Finding, ...]]:
    """Ask the trust map: where artefacts blind, nothing is firm.

    Parameters
    ----------
    look : Look
        The screw's profiles.
    halo : Halo
        What was measured on them.
    trust : TrustMap
        The map.

    Returns
    -------
    halo : Halo
        With the trust that is left.
    findings : tuple of Finding
        "unreadable-by-artefact", or none.

    Notes
    -----
    The learned reader was trained on scans with such artefacts and is shown what they are foretold to add, so that dark
    rims which they explain are its business, but for the strongest (`explained`).
    """
    places = np.stack([places_lps(look.fan, depth) for depth in depths_mm(look.metal_mm)])
    seen = readability(trust, places, look.fan.area_mm2(look.metal_mm), halo.in_bone)
    if seen is None:
        return halo, ()
    unreadable = unreadable_finding(look.shaft.id, seen, _middle_lps(look), trust)
    most = seen.trust if halo.volume_ml <= 0 else seen.gap_trust
    hides = unreadable is not None or halo.hides_gaps
    said = () if unreadable is None else (unreadable,)
    return replace(halo, trust=min(halo.trust, most), hides_gaps=hides), said


def is_measurable(halo: Halo, config: HaloConfig) -> bool:
    """Whether a gap is seen along enough of its screw, and surely enough.

    Parameters
    ----------
    halo : Halo
        What was measured.
    config : HaloConfig
        The limits.

    Returns
    -------
    bool
        Not where there is no gap.
    """
    seen = _lucent_share(halo) >= config.least_lucent_share and halo.sureness >= config.least_sureness
    return seen and halo.volume_ml > 0


def _lucent_share(halo: Halo) -> float:
    bone = halo.in_bone
    return float((halo.lucent & bone).sum() / bone.sum()) if bone.any() else 0.0


def refused(
    look: Look, halo: Halo, plain: Halo, trust: TrustMap, config: HaloConfig
) -> tuple[Halo, tuple[Finding, ...]]:
    """Leave out a rim that is a gap only to a reader who knows of no artefacts.

    Parameters
    ----------
    look : Look
        The screw's profiles.
    halo : Halo
        What was measured.
    plain : Halo
        What is measured if no artefact is foretold.
    trust : TrustMap
        The map that foretells them.
    config : HaloConfig
        What makes a gap measurable.

    Returns
    -------
    halo : Halo
        Without a gap where one was refused: neither loose nor firm.
    findings : tuple of Finding
        "dark-by-artefact", or none.
    """
    if is_measurable(halo, config) or not is_measurable(plain, config):
        return halo, ()
    # what stays without certainty counts as gone
    sure_ml = halo.volume_ml if halo.sureness >= config.least_sureness else 0.0
    stays = min(1.0, sure_ml / plain.volume_ml)
    finding = refused_finding(look.shaft.id, plain.volume_ml, stays, point_tuple(centroid_lps(plain)), trust)
    return without_gap(replace(halo, trust=halo.trust * stays)), (finding,)


def explained(
    look: Look, halo: Halo, trust: TrustMap, *, cancellous_hu: float, slice_mm: float, config: HaloConfig
) -> tuple[Halo, tuple[Finding, ...]]:
    """Leave out a gap that artefacts explain.

    They are foretold to darken it by half of what bone differs from a gap, and more, and once all that is foretold is
    taken off, neither the reader sees much of it nor do HU rise at its wall.

    Parameters
    ----------
    look : Look
        The screw's profiles.
    halo : Halo
        What was measured.
    trust : TrustMap
        The map that foretells them, and how much must stay.
    cancellous_hu : float
        The patient's own bone.
    slice_mm : float
        Distance of the slices.
    config : HaloConfig
        The settings.

    Returns
    -------
    halo : Halo
        Without a gap where one was refused: neither loose nor firm.
    findings : tuple of Finding
        "dark-by-artefact", or none.
    """
    if halo.volume_ml <= 0:
        return halo, ()
    middle = look.radius_mm + 0.5 * halo.width_mm
    added = from_surface(look.pattern_hu, middle, np.zeros(1))[..., 0]
    if float(added[halo.lucent].mean()) > _DARKENED_SHARE * (config.fibrous_hu - cancellous_hu):
        return halo, ()
    cleared = look.scanned - look.pattern_hu
    bare = replace(look, scanned=cleared, profiles=cleared, pattern_hu=np.zeros_like(look.pattern_hu))
    seen = read_wall(bare, cancellous_hu=cancellous_hu, slice_mm=slice_mm, config=config)
    stays = min(1.0, float(seen.reading.chance[halo.lucent].mean()) / max(halo.sureness, 1e-3))
    rise_hu, left_hu = _rise_hu(look, halo, look.scanned), _rise_hu(look, halo, cleared)
    # a wall that still rises is no artefact's: what is foretold is smooth
    if stays >= trust.config.least_staying_share or left_hu >= _STAYING_RISE * rise_hu:
        return halo, ()
    finding = refused_finding(look.shaft.id, halo.volume_ml, stays, point_tuple(centroid_lps(halo)), trust)
    return without_gap(replace(halo, trust=halo.trust * stays)), (finding,)


def _rise_hu(look: Look, halo: Halo, profiles: Floats) -> float:
    """Median rise from the middle of a gap to behind its wall, less what the metal's bloom adds."""

    def bare(from_crest: Array) -> Array:
        own = from_surface(profiles, look.radius_mm + from_crest, np.zeros(1))[..., 0]
        return np.asarray(own - metal_tail_hu(from_crest, look.bloom))

    middle = bare(np.maximum(0.5 * halo.width_mm, _LEAST_MIDDLE_MM))
    behind = np.max([bare(halo.width_mm + away) for away in _BEHIND_MM], axis=0)
    return float(np.median((behind - middle)[halo.lucent]))


def without_trace(look: Look, halo: Halo, config: HaloConfig) -> tuple[Halo, tuple[Finding, ...]]:
    """Leave out a halo that is seen along too little of its screw, or with too little certainty, to be measured.

    Parameters
    ----------
    look : Look
        The screw's profiles.
    halo : Halo
        What was measured.
    config : HaloConfig
        How much must be lucent, and how sure the reader must be of it.

    Returns
    -------
    halo : Halo
        Without a gap where it was a trace: its volume is unknown, and the screw neither loose nor firm.
    findings : tuple of Finding
        "trace-of-a-gap", or none.
    """
    if halo.volume_ml <= 0 or is_measurable(halo, config):
        return halo, ()
    share = _lucent_share(halo)
    short = share < config.least_lucent_share
    measured, limit = (share, config.least_lucent_share) if short else (halo.sureness, config.least_sureness)
    finding = Finding(
        code="trace-of-a-gap",
        severity="caution",
        message=f"{look.shaft.id}: a dark seam along {share:.0%} of the wall between screw and bone, "
        + ("too little" if short else f"a gap with a chance of {halo.sureness:.0%} only: too unsure")
        + " to tell a gap from thin bone or to measure it: a gap there can be larger than it shows, or none",
        where_lps=point_tuple(centroid_lps(halo)), measured=measured, limit=limit, unit="1",
        source="this program's rule: least share of the wall that must be lucent, least mean chance of its cells "
        "(docs/methods.md)",
        implant_id=look.shaft.id,
    )  # fmt: skip
    return without_gap(halo), (finding,)


def in_thin_bone(look: Look, halo: Halo, cancellous_hu: float, config: HaloConfig) -> tuple[Halo, tuple[Finding, ...]]:
    """Call no screw firm in bone so thin that a gap without a rim would not show.

    Parameters
    ----------
    look : Look
        The screw's profiles.
    halo : Halo
        What was measured.
    cancellous_hu : float
        The patient's own bone.
    config : HaloConfig
        The limit.

    Returns
    -------
    halo : Halo
        Marked as one that may hide a gap, where the bone is thin and no gap was seen.
    findings : tuple of Finding
        "bone-hides-gaps", or none.
    """
    if halo.volume_ml > 0 or cancellous_hu >= config.least_firm_bone_hu:
        return halo, ()
    finding = Finding(
        code="bone-hides-gaps",
        severity="info",
        message=f"{look.shaft.id}: no gap is seen, but bone of {cancellous_hu:.0f} HU is nearly as dark as one: a gap "
        "without a dense rim would not show, and the screw is not called firm",
        where_lps=_middle_lps(look), measured=cancellous_hu, limit=config.least_firm_bone_hu, unit="HU",
        source="this program's rule: loose screws missed in simulated scans (docs/methods.md)",
        implant_id=look.shaft.id,
    )  # fmt: skip
    return replace(halo, hides_gaps=True), (finding,)


def without_gap(halo: Halo) -> Halo:
    """Give the same look at a screw without its gap: neither loose nor firm."""
    none = np.zeros(halo.lucent.shape, dtype=bool)
    return replace(
        halo, outer_mm=halo.metal_mm, width_mm=np.zeros(none.shape), lucent=none, read=none,
        cells_ml=np.zeros(none.shape), sd_ml=0.0, sure=none, sureness=0.0, wide_share=None, hides_gaps=True,
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
