"""Which of the spine's own margins a needle of a narrow way gives up, with figures."""

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.needle import Margin, Needle
from planner.needles.candidates import Candidates
from planner.needles.second_bone import untold_bone_mm
from planner.needles.spine.disc import disc_clearance_mm
from planner.needles.spine.foramen import foramen_clearance_mm
from planner.safety.fields import Fields


def spine_margins(
    fields: Fields, family: Candidates, bone_lps: Array, outer_lps: Array, needle: Needle, *, wanted: NeedleConfig
) -> tuple[tuple[Margin, ...], tuple[str, ...]]:
    """Name what one needle does not keep of the margins to foramen and disc, and of the way in its own bone.

    Parameters
    ----------
    fields : Fields
        Distances.
    family : Candidates
        One needle.
    bone_lps, outer_lps : ndarray, shape (1, 3)
        Where it enters bone, and the skin or the picture's edge, LPS mm.
    needle : Needle
        Its size.
    wanted : NeedleConfig
        With the wanted margins.

    Returns
    -------
    margins : tuple of str
    words : tuple of str
        The same with figures; both empty away from the spine, and for what was not measured.
    """
    margins: list[Margin] = []
    words: list[str] = []
    if family.pedicle is None:
        return (), ()
    radius = needle.outer_diameter_mm / 2
    from_disc = float(disc_clearance_mm(fields, family.aim_lps, outer_lps, radius_mm=radius)[0])
    if from_disc < wanted.spine.disc_margin_mm:
        margins.append("disc")
        words.append(f"a disc: {from_disc:.1f} mm free, {wanted.spine.disc_margin_mm:g} mm wanted")
    if family.pedicle.in_ilium:
        return tuple(margins), tuple(words)
    free = float(foramen_clearance_mm(fields, bone_lps, family.outward_lps, radius_mm=radius)[0])
    if free < wanted.spine.foramen_margin_mm:
        margins.append("foramen")
        words.append(f"a nerve's foramen: {free:.1f} mm free, {wanted.spine.foramen_margin_mm:g} mm wanted")
    untold = float(untold_bone_mm(fields, bone_lps, family.aim_lps)[0])
    if family.approach == "transpedicular" and untold > wanted.spine.untold_bone_mm:
        margins.append("one bone")
        words.append(f"{untold:.1f} mm of the way in bone that was not told apart from the next vertebra's")
    return tuple(margins), tuple(words)
