"""What lies round one target: its own bones, and how far others are."""

from dataclasses import replace

import numpy as np

from planner.geometry.cells import cells_in
from planner.needles.account.describe import Scene
from planner.needles.candidates import Target
from planner.safety.fields import distance_from_points
from planner.safety.other_bone import distance_from_others, own_bone_round, own_bones

_IN_DISC_SHARE = 0.5
"""A target of which so much lies in discs is reached through one: what a person picked there. Ours."""


def scene_round(scene: Scene, target: Target) -> Scene:
    """Give the scene with the distances that only concern one target.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    target : Target
        Where to; not empty.

    Returns
    -------
    Scene
        With the distances from the target, and from all bones that are not its own, and with its own bones; without
        the latter two where bones were not told apart at the target. Without distances from discs where the target lies
        in one: a cage's gap, or a place that a person picked there.
    """
    rim = distance_from_points(target.points_lps, scene.fields.grid, reach_mm=scene.config.bright_near_gap_mm)
    bones = scene.anatomy.bones
    own = own_bones(target.gap.mask, bones) if bones else None
    others = None if own is None else distance_from_others(target.gap.mask, scene.anatomy.bone, bones, own)
    mine = None if own is None else own_bone_round(target.gap.mask, bones, own)
    disc = None if _lies_in_disc(scene, target) else scene.fields.disc
    return replace(scene, fields=replace(scene.fields, other_bone=others, from_target=rim, own_bone=mine, disc=disc))


def _lies_in_disc(scene: Scene, target: Target) -> bool:
    if target.implant is not None and target.implant.kind == "cage":
        return True
    disc = scene.anatomy.disc
    inside = 0 if disc is None else int(np.count_nonzero(disc.voxels[tuple(cells_in(target.gap.mask.voxels).T)]))
    return inside >= _IN_DISC_SHARE * max(1, len(target.points_lps))
