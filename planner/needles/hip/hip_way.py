"""What a way to a hip's gap must keep besides the march, and what makes one better than another."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.model.breach import Breach
from planner.needles.candidates import Candidates, Target
from planner.needles.hip.acetabular import CUP_KINDS, enters_pelvis, in_joint_mm
from planner.needles.hip.cement_mantle import IN_MANTLE_MM, THROUGH_MANTLE, in_mantle_mm
from planner.needles.hip.entry_cortex import CortexReading, cortex_at, cortex_density_hu
from planner.needles.hip.femoral import thigh_of
from planner.needles.hip.flank import Flank, flank_of
from planner.needles.hip.sure_places import sureness
from planner.needles.hip.weak_spots import WeakSpots, stress_term, weak_spots
from planner.safety.clearance import sample
from planner.safety.fields import BONE, METAL, Fields

_STEP_MM = 0.5
_UNKNOWN = 0.5
"""What a term is worth where it was not measured: neither good nor bad. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class HipSite:
    """What is measured once for all ways to one gap.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    fields : Fields
        Distances.
    target : Target
        The gap and its implant.
    spots : WeakSpots
        Where the bone is weak already.
    density_hu : float or None
        What cortex reads in this scan.
    sure : ndarray, shape (N,)
        How surely each of the gap's voxels is one.
    config : NeedleConfig
        Settings.
    walls : dict
        The cortex by cubes of space, as far as it was measured already: its thickness, and the least that was read.
    """

    anatomy: Anatomy
    fields: Fields
    target: Target
    spots: WeakSpots
    density_hu: float | None
    sure: Array
    config: NeedleConfig
    walls: dict[tuple[int, ...], tuple[float, float]] = field(default_factory=dict)

    @property
    def is_cup(self) -> bool:
        """Whether the way is to a cup, not to a femur."""
        return self.target.implant is not None and self.target.implant.kind in CUP_KINDS

    @property
    def flank(self) -> Flank | None:
        """The trochanter of the implant's side; None where it, or the side, is not known."""
        implant = self.target.implant
        return flank_of(self.anatomy.landmarks, None if implant is None else implant.side, thigh_of(self.target))

    def cortex(self, entries_lps: Array, *, own: bool = True) -> CortexReading:
        """Measure the cortex at N entries; those in one small cube may share a measurement, if not each has its own."""
        hip = self.config.hip
        if own:
            return cortex_at(self.anatomy, self.fields, entries_lps, density_hu=self.density_hu, config=hip)
        cells = [tuple(c) for c in np.floor(entries_lps / hip.entry_lattice_mm).astype(np.int64).tolist()]
        new = {cell: entry for cell, entry in zip(cells, entries_lps, strict=True) if cell not in self.walls}
        if new:
            places = np.array(list(new.values()))
            read = cortex_at(self.anatomy, self.fields, places, density_hu=self.density_hu, config=hip)
            pairs = zip(read.thickness_mm.tolist(), read.least_mm.tolist(), strict=True)
            self.walls.update(zip(new, pairs, strict=True))
        both = np.array([self.walls[cell] for cell in cells], dtype=np.float64).reshape(-1, 2)
        return CortexReading(both[:, 0], both[:, 1])

    def cortex_mm(self, entries_lps: Array, *, own: bool = True) -> Array:
        """Give the cortex's thickness at entries, mm, shape (N,); NaN where it was not measured."""
        return self.cortex(entries_lps, own=own).thickness_mm

    def sure_at(self, tips_lps: Array) -> Array:
        """Give how surely tips lie in the gap, as its nearest voxel does, shape (N,)."""
        return np.asarray(self.sure[cKDTree(self.target.points_lps).query(tips_lps)[1]])


def hip_site(
    anatomy: Anatomy,
    fields: Fields,
    target: Target,
    breaches: Sequence[Breach],
    *,
    config: NeedleConfig,
    like: HipSite | None = None,
) -> HipSite:
    """Measure what all ways to a hip's gap share.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    fields : Fields
        Distances.
    target : Target
        The gap and its implant.
    breaches : sequence of Breach
        Open and thin places of the bone.
    config : NeedleConfig
        Settings.
    like : HipSite or None
        Another target's of the same implant in the same scene: what does not depend on the target is taken from it.

    Returns
    -------
    HipSite
    """
    return HipSite(
        anatomy=anatomy,
        fields=fields,
        target=target,
        spots=weak_spots(anatomy, target, breaches) if like is None else like.spots,
        density_hu=cortex_density_hu(anatomy, fields, config=config.hip) if like is None else like.density_hu,
        sure=sureness(anatomy, target, fields, config=config.hip),
        config=config,
    )


def stays_in_bone(
    fields: Fields, family: Candidates, *, radius_mm: float, overshoot_mm: float
) -> npt.NDArray[np.bool_]:
    """Say which tips, pushed too deep, are still in bone or are stopped by metal.

    Parameters
    ----------
    fields : Fields
        Distances.
    family : Candidates
        N needles.
    radius_mm : float
        The needle's.
    overshoot_mm : float
        How much too deep.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    good = np.ones(len(family.target_lps), bool)
    stopped = np.zeros(len(good), bool)
    for far in np.arange(_STEP_MM, overshoot_mm + _STEP_MM / 2, _STEP_MM):
        beyond = family.target_lps - far * family.outward_lps
        stopped |= sample(fields, beyond, METAL) < radius_mm
        # Beyond the picture nothing is known: that is not in bone.
        good &= stopped | (sample(fields, beyond, BONE) >= 0.0)
    return good


def hip_rules(
    site: HipSite, family: Candidates, *, bone_lps: Array, radius_mm: float, own_entries: bool = True
) -> dict[str, npt.NDArray[np.bool_]]:
    """Judge ways to a hip's gap that passed the march.

    Parameters
    ----------
    site : HipSite
        The gap and its surroundings.
    family : Candidates
        N needles.
    bone_lps : ndarray, shape (N, 3)
        Where each enters bone, LPS mm.
    radius_mm : float
        The needle's.
    own_entries : bool
        Measure the cortex at each entry itself.

    Returns
    -------
    dict of str to ndarray of bool, shape (N,)
        By the reason for which a needle is refused: who keeps the rule.
    """
    hip = site.config.hip
    bone_mm = np.linalg.norm(family.aim_lps - bone_lps, axis=1)
    # A doubt is enough: the least that was read.
    wall = site.cortex(bone_lps, own=own_entries).least_mm
    overshoot = hip.cup_inner_wall_mm if site.is_cup else hip.overshoot_mm
    inner = "too near the pelvis's inner wall" if site.is_cup else "too near the far cortex"
    least = radius_mm + hip.on_weak_spot_mm
    defect, hardware = site.spots.from_defects_mm(bone_lps), site.spots.from_hardware_mm(bone_lps)
    rules = {
        inner: stays_in_bone(site.fields, family, radius_mm=radius_mm, overshoot_mm=overshoot),
        THROUGH_MANTLE: in_mantle_mm(site.anatomy, family, bone_mm) <= IN_MANTLE_MM,
        # What was not measured (NaN) is no reason to refuse: the needle is told to have an unknown cortex.
        "cortex missing or too thin at the entry": ~(wall < hip.missing_wall_mm),
        "entry at a defect, plate, cable or screw": (defect >= least) & (hardware >= least),
        "entry at a line that may be a fissure": site.spots.from_fissures_mm(bone_lps) >= radius_mm + hip.fissure_mm,
    }
    if site.is_cup:
        rules["enters the femur on the way to the cup"] = enters_pelvis(site.anatomy, bone_lps, family.outward_lps)
        in_joint = in_joint_mm(site.anatomy, bone_lps, family.outward_lps)
        rules["through the joint"] = ~(in_joint > hip.in_joint_mm)
    else:
        flank = site.flank
        if family.family == "trochanteric" and flank is not None:
            rules["enters the shaft, not the trochanter"] = flank.is_trochanteric(bone_lps)
        at_end = site.spots.from_stem_end_shafts(bone_lps) < hip.riser_shafts
        rules["thin cortex at the stem's end"] = ~((wall < hip.thin_wall_mm) & at_end)
    return rules


def hip_terms(
    site: HipSite, tips_lps: Array, *, bone_lps: Array, entry_angle_deg: Array, own_entries: bool = True
) -> dict[str, Array]:
    """Give the terms of the score that hips have of their own, each 0 (poor) to 1 (good).

    Parameters
    ----------
    site : HipSite
        The gap and its surroundings.
    tips_lps, bone_lps : ndarray, shape (N, 3)
        Tips and bone entries, LPS mm.
    entry_angle_deg : ndarray, shape (N,)
        Between needle and surface normal; NaN where it could not be told.
    own_entries : bool
        Measure the cortex at each entry itself.

    Returns
    -------
    dict of str to ndarray, shape (N,)
        ``sureness`` of the gap at the tip, ``entry_cortex`` (half where it was not measured), ``stress_riser``, and
        ``entry_angle``: 1 as long as a tip does not skate, 0 at the greatest angle allowed.
    """
    hip, steepest = site.config.hip, site.config.max_entry_angle_femur_deg
    wall = site.cortex_mm(bone_lps, own=own_entries)
    away = steepest - np.nan_to_num(entry_angle_deg, nan=np.inf)
    return {
        "sureness": site.sure_at(tips_lps),
        "entry_cortex": np.where(np.isnan(wall), _UNKNOWN, np.clip(wall / hip.enough_wall_mm, 0.0, 1.0)),
        "stress_riser": stress_term(site.spots, bone_lps, config=hip),
        "entry_angle": np.clip(away / max(1e-6, steepest - hip.no_skate_deg), 0.0, 1.0),
    }
