"""What an operator wants to know of one needle's way, beside its clearances."""

from typing import TypedDict

import numpy as np

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.model.needle import BevelSetting, DepthMark, NearStructure, Needle, PediclePassage, SkinLandmark
from planner.needles.account.bevel import bevel_to_canal, bevel_to_screw
from planner.needles.account.depth_marks import depth_marks
from planner.needles.account.nearest import near_structures
from planner.needles.account.passage import pedicle_passage
from planner.needles.account.skin_points import felt_offsets, from_midline, midline_offset
from planner.needles.candidates import Candidates, Target
from planner.needles.spine.canal_wall import CanalWall, canal_wall
from planner.needles.spine.pedicle import Pedicle
from planner.safety.fields import Fields

_AS_FAR_MM = 100.0
"""Beyond the bone, where the skin is not in the picture; ours."""


class WayAccount(TypedDict):
    """The fields of a trajectory that are told here."""

    passage: PediclePassage | None
    depth_marks: tuple[DepthMark, ...]
    nearest: tuple[NearStructure, ...]
    skin_offsets: tuple[SkinLandmark, ...]
    bevel: BevelSetting | None


def way_account(
    anatomy: Anatomy,
    fields: Fields,
    config: NeedleConfig,
    target: Target,
    family: Candidates,
    needle: Needle,
    *,
    bone_lps: Array,
    skin_lps: Array | None,
) -> WayAccount:
    """Tell a needle's passage, depth marks, neighbours, skin offsets and bevel.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    fields : Fields
        Distances.
    config : NeedleConfig
        How far metal's blooming hides a wall.
    target : Target
        What is aimed at.
    family : Candidates
        One needle.
    needle : Needle
        Its size.
    bone_lps : ndarray, shape (3,)
        Where it enters bone, LPS mm.
    skin_lps : ndarray, shape (3,), or None
        Where it enters the skin; None where that is not in the picture.

    Returns
    -------
    WayAccount
        What is not known is None or left out.
    """
    aim, end, outward = family.aim_lps[0], family.target_lps[0], family.outward_lps[0]
    pedicle, radius = family.pedicle, needle.outer_diameter_mm / 2
    through = pedicle if family.approach == "transpedicular" else None
    wall = None
    if pedicle is not None:
        wall = pedicle.wall or canal_wall(anatomy, near_mm=float(pedicle.isthmus_lps[2]))
    passage = pedicle_passage(
        anatomy,
        fields,
        through,
        wall,
        bone_lps=bone_lps,
        end_lps=aim,
        radius_mm=radius,
        blooming_mm=config.bright_near_metal_mm,
        slide_to_lps=end if family.slides else None,
    )
    in_ilium = pedicle is not None and pedicle.in_ilium
    marks = depth_marks(
        bone_lps,
        aim,
        end,
        gap=target.gap.mask,
        skin_to_bone_mm=None if skin_lps is None else float(np.linalg.norm(skin_lps - bone_lps)),
        pedicle=through,
        wall=None if in_ilium else wall,
    )
    if passage is not None and family.slides:
        # a sliding tip may pass the posterior wall on its slide
        after = next((m.from_bone_mm for m in marks if m.name == "posterior wall"), None)
        passage = passage.model_copy(update={"posterior_wall_after_mm": after})
    return WayAccount(
        passage=passage,
        depth_marks=marks,
        nearest=near_structures(anatomy, fields, _corners(skin_lps, bone_lps, family), radius_mm=radius),
        skin_offsets=_skin_offsets(anatomy, skin_lps, pedicle, wall),
        bevel=_bevel(fields, target, family, bone_lps, aim, outward),
    )


def _corners(skin: Array | None, bone: Array, family: Candidates) -> tuple[Array, ...]:
    inner = (family.aim_lps[0], family.target_lps[0]) if family.slides else (family.aim_lps[0],)
    # without a skin the needle is looked at as far as the picture goes
    return (bone + _AS_FAR_MM * family.outward_lps[0] if skin is None else skin, bone, *inner)


def _skin_offsets(
    anatomy: Anatomy, skin: Array | None, pedicle: Pedicle | None, wall: CanalWall | None
) -> tuple[SkinLandmark, ...]:
    """Give the midline, then what can be felt; nothing at a hip, where the spine is no landmark: see `hip_account`."""
    if skin is None or pedicle is None:
        return ()
    first = from_midline(skin, float(pedicle.middle_lps[0])) if wall is None else midline_offset(skin, wall)
    return (first, *felt_offsets(skin, anatomy.landmarks, anatomy.bones))


def _bevel(
    fields: Fields, target: Target, family: Candidates, bone: Array, aim: Array, outward: Array
) -> BevelSetting | None:
    axis = None if target.implant is None else target.implant.axis
    if family.slides:
        return None if axis is None else bevel_to_screw(aim, outward, axis)
    return None if family.pedicle is None else bevel_to_canal(fields, bone, aim, outward)
