"""What a needle to the spine must keep besides the march: its way through the bone, the medial wall, the skin."""

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.model.needle import Needle
from planner.needles.account.describe import Scene
from planner.needles.candidates import Candidates
from planner.needles.select import Passed
from planner.needles.spine.canal_wall import canal_wall, stays_lateral
from planner.needles.spine.disc import disc_clearance_mm
from planner.needles.spine.extrapedicular import enters_beside_pedicle
from planner.needles.spine.foramen import foramen_clearance_mm, keeps_clear
from planner.needles.spine.pedicle import Pedicle
from planner.needles.spine.transpedicular import passes_pedicle, stays_in_ilium

_STEP_MM = 0.5


def spine_rules(
    scene: Scene, passed: Passed, pedicle: Pedicle, needle: Needle, bone: Array
) -> dict[str, npt.NDArray[np.bool_]]:
    """Judge needles of one of the spine's families.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    passed : Passed
        N needles that passed the march.
    pedicle : Pedicle
        By which they go.
    needle : Needle
        The needle.
    bone : ndarray, shape (N, 3)
        Where each enters bone, LPS mm.

    Returns
    -------
    dict of str to ndarray of bool, shape (N,)
        By the reason for which a needle is refused: who keeps the rule.
    """
    config, family = scene.config, passed.family
    if not len(passed):
        return {}
    rules = {}
    outer = family.aim_lps + passed.in_view_mm[:, None] * family.outward_lps
    offset = (outer[:, 0] - pedicle.middle_lps[0]) * pedicle.side
    rules["skin point across the midline or too far out"] = (offset > 0) & (offset <= config.max_skin_offset_mm)
    from_disc = disc_clearance_mm(scene.fields, family.aim_lps, outer, radius_mm=needle.outer_diameter_mm / 2)
    rules["through a disc"] = keeps_clear(from_disc, margin_mm=config.spine.disc_margin_mm)
    way = "not this approach's way through the bone"
    if pedicle.in_ilium:
        free = ~_meets_sacrum(scene, bone, family)
        entry = config.spine.iliac_entry_mm
        return rules | {way: stays_in_ilium(pedicle, bone, family.aim_lps, free, entry_mm=entry)}
    reach = config.pedicle_reach_mm
    if family.approach == "transpedicular":
        behind = config.spine.behind_isthmus_mm
        rules[way] = passes_pedicle(pedicle, bone, family.aim_lps, reach_mm=reach, behind_mm=behind)
    else:
        rules[way] = enters_beside_pedicle(pedicle, bone, family.aim_lps, reach_mm=reach)
    far = foramen_clearance_mm(scene.fields, bone, family.outward_lps, radius_mm=needle.outer_diameter_mm / 2)
    rules["too near to a nerve's foramen"] = keeps_clear(far, margin_mm=config.spine.foramen_margin_mm)
    wall = pedicle.wall or canal_wall(scene.anatomy, near_mm=float(pedicle.isthmus_lps[2]))
    if wall is not None:
        pieces = [(bone, family.aim_lps), (family.aim_lps, family.target_lps)]
        rules["crosses the medial pedicle wall"] = np.logical_and.reduce(
            [
                stays_lateral(
                    wall,
                    outer,
                    inner,
                    side=pedicle.side,
                    radius_mm=needle.outer_diameter_mm / 2,
                    margin_mm=config.spine.medial_wall_margin_mm,
                )
                for outer, inner in pieces[: 2 if family.slides else 1]
            ]
        )
    return rules


def _meets_sacrum(scene: Scene, bone_lps: Array, family: Candidates) -> npt.NDArray[np.bool_]:
    """Say which needles run into a sacrum that is told apart from the ilium: across the joint."""
    met = np.zeros(len(bone_lps), bool)
    length = np.linalg.norm(family.target_lps - bone_lps, axis=1)
    steps = np.linspace(0.0, 1.0, max(2, int(float(length.max(initial=0.0)) / _STEP_MM)))
    points = bone_lps[:, None, :] + steps[:, None] * (family.target_lps - bone_lps)[:, None, :]
    for sacrum in (b.mask for b in scene.anatomy.bones if b.kind == "sacrum"):
        met |= sacrum.at(points).any(axis=1)
    return met
