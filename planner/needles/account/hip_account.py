"""What the operator is told of a needle to a hip: its entry, what it crosses, and what speaks against it."""

import numpy as np

from planner.geometry.frames import Array, point_tuple
from planner.model.needle import SkinLandmark, Trajectory
from planner.needles.account.crossed import BURSA, crossed_at_hip
from planner.needles.hip.flank import Flank
from planner.needles.hip.hip_way import HipSite

_NERVE_MM = 50.0
"""Above the trochanter's tip the superior gluteal nerve runs through gluteus medius; 5 cm are called safe (Jacobs and
Buxton 1989)."""
_STEEP_DEG = 40.0
"""Ours: of 50 that are allowed."""


def hip_account(site: HipSite, told: Trajectory) -> Trajectory:
    """Add to a needle what is told of hips alone.

    Parameters
    ----------
    site : HipSite
        The gap and its surroundings.
    told : Trajectory
        The needle, described as far as every needle is.

    Returns
    -------
    Trajectory
        With ``crosses``, ``skin_offsets``, ``entry_cortex_mm`` and ``cautions``.
    """
    bone = np.array(told.entry_bone_lps)
    skin = None if told.entry_skin_lps is None else np.array(told.entry_skin_lps)
    flank = site.flank
    wall = float(site.cortex_mm(bone[None])[0])
    cortex = wall if np.isfinite(wall) else None
    crosses = crossed_at_hip(
        site.anatomy,
        flank,
        bone_lps=bone,
        skin_lps=skin,
        in_bone_mm=told.depth_in_bone_mm,
        into_femur=not site.is_cup,
    )
    over = flank is not None and not site.is_cup and flank.is_over_trochanter(bone)
    offset = None if skin is None or flank is None else skin_offset(flank, skin)
    return told.model_copy(
        update={
            "crosses": crosses,
            "entry_cortex_mm": cortex,
            "skin_offsets": () if offset is None else (offset,),
            "skin_landmark": offset,
            "cautions": (
                *told.cautions,
                *entry_cautions(site, told, cortex),
                *_way_cautions(flank, skin, over=over),
            ),
        }
    )


def entry_cautions(site: HipSite, told: Trajectory, cortex_mm: float | None) -> tuple[str, ...]:
    """Say in words what speaks against an entry into bone, and against the place of the tip.

    Parameters
    ----------
    site : HipSite
        The gap and its surroundings.
    told : Trajectory
        The needle.
    cortex_mm : float or None
        Thickness of the cortex at the entry.

    Returns
    -------
    tuple of str
        Empty where nothing does.
    """
    hip, bone = site.config.hip, np.array([told.entry_bone_lps])
    shafts = float(site.spots.from_stem_end_shafts(bone)[0])
    defect, hardware = float(site.spots.from_defects_mm(bone)[0]), float(site.spots.from_hardware_mm(bone)[0])
    fissure, least = float(site.spots.from_fissures_mm(bone)[0]), float(site.cortex(bone).least_mm[0])
    said: list[tuple[bool, str]] = [
        (
            cortex_mm is None,
            "cortex at the entry not measured" + (", may be thin: may fissure" if least < hip.thin_wall_mm else ""),
        ),
        (
            cortex_mm is not None and cortex_mm < hip.thin_wall_mm,
            f"thin cortex at the entry ({cortex_mm or 0.0:.1f} mm): may fissure",
        ),
        (shafts < hip.riser_shafts, f"hole {shafts:.1f} shaft diameters from the level of the stem's end"),
        (defect < hip.weak_spot_mm, f"hole {defect:.0f} mm from a defect of the bone"),
        (fissure < hip.near_fissure_mm, f"hole {fissure:.0f} mm from a line that may be a fissure"),
        (hardware < hip.weak_spot_mm, f"hole {hardware:.0f} mm from other metal in the bone"),
        (
            told.entry_angle_deg is not None and told.entry_angle_deg > _STEEP_DEG,
            f"meets the cortex at {told.entry_angle_deg or 0.0:.0f} degrees: the tip may skate",
        ),
        (
            told.score_terms.get("sureness", 1.0) < hip.zone_sure,
            "the CT at the tip reads more like bone, cement or marrow than like a gap",
        ),
    ]
    return tuple(words for holds, words in said if holds)


def _way_cautions(flank: Flank | None, skin: Array | None, *, over: bool) -> tuple[str, ...]:
    said = [f"through the {BURSA}: pain over the trochanter followed in 4 of 34"] if over else []
    if flank is not None and skin is not None and float(flank.above_mm(skin)) > _NERVE_MM:
        said.append("skin entry more than 50 mm above the trochanter's tip: superior gluteal nerve")
    return tuple(said)


def skin_offset(flank: Flank, skin_lps: Array) -> SkinLandmark:
    """Give the skin entry as seen from the trochanter's tip.

    Parameters
    ----------
    flank : Flank
        The trochanter.
    skin_lps : ndarray, shape (3,)
        The skin entry, LPS mm.

    Returns
    -------
    SkinLandmark
        In words: along the thigh, and to the front or back.
    """
    above, before = float(flank.above_mm(skin_lps)), float(flank.before_mm(skin_lps))
    along = f"{abs(above):.0f} mm {'above' if above >= 0 else 'below'} the trochanter's tip along the thigh"
    across = f"{abs(before):.0f} mm {'before' if before >= 0 else 'behind'} it"
    return SkinLandmark(
        name="trochanter tip", offset_mm=point_tuple(skin_lps - flank.tip_lps), in_words=f"{along}, {across}"
    )
