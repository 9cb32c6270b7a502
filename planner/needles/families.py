"""Which ways are tried to a target, and what each kind of way must keep besides the hard limits of the march."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.implant import HIP_KINDS, SPINE_KINDS
from planner.model.needle import Approach, Family, Needle
from planner.needles.account.describe import Scene
from planner.needles.candidates import Candidates, Target, WayKind, targets_in_gap, way_kind
from planner.needles.hip.hip_families import to_the_hip
from planner.needles.hip.hip_way import hip_rules
from planner.needles.hip.sure_places import sure_targets
from planner.needles.second_bone import meets_second_cortex, untold_bone_mm
from planner.needles.select import Passed
from planner.needles.spine.extrapedicular import past_the_pedicle
from planner.needles.spine.slide import slide_is_safe
from planner.needles.spine.spine_rules import spine_rules
from planner.needles.spine.transpedicular import along_the_screw, beside_the_screw
from planner.needles.wished.entry import enters_as_wished

_STRAIGHT_ON: Mapping[Approach, frozenset[Family]] = {
    "transpedicular": frozenset({"along the screw", "beside the screw"}),
    "extrapedicular": frozenset(
        {"between pedicle and rib head", "juxtapedicular", "posterolateral", "across the screw's course"}
    ),
    "femoral": frozenset({"lateral", "anterolateral", "trochanteric", "to the cup"}),
}


def fitting_approaches(target: Target) -> tuple[Approach, ...]:
    """Give the approaches that fit a gap's implant, whatever the settings want.

    Parameters
    ----------
    target : Target
        The gap and its implant.

    Returns
    -------
    tuple of str
    """
    kind = None if target.implant is None else target.implant.kind
    spine: tuple[Approach, ...] = ("transpedicular", "extrapedicular")
    if kind in SPINE_KINDS:
        return spine
    if kind in HIP_KINDS or target.pedicle is None:
        return ("femoral",)
    return spine


def approaches_for(target: Target, config: NeedleConfig) -> tuple[Approach, ...]:
    """Give the approaches that fit a gap's implant, within those that the settings name.

    Parameters
    ----------
    target : Target
        The gap and its implant.
    config : NeedleConfig
        Names the approaches that are wanted; none for all.

    Returns
    -------
    tuple of str
    """
    return tuple(a for a in fitting_approaches(target) if not config.approaches or a in config.approaches)


def families_of(
    scene: Scene,
    target: Target,
    needle: Needle,
    approaches: Sequence[Approach],
    refused: Counter[str],
    *,
    done: Collection[WayKind] = (),
) -> list[Candidates]:
    """Give the candidates of every family that fits a target and is not done yet.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    target : Target
        The gap.
    needle : Needle
        The needle.
    approaches : sequence of str
        Those that are wanted.
    refused : Counter
        Counts by reason; added to where nothing can be tried.
    done : collection of tuple
        Families in which a way was found already, by the pedicle where they go by one.

    Returns
    -------
    list of Candidates
        Those with any candidate.
    """
    config, radius = scene.config, needle.outer_diameter_mm / 2
    if approaches and all(kind in done for approach in approaches for kind in _kinds(target, approach)):
        return []
    tips = _tips(scene, target, approaches, radius)
    families: list[Candidates | None] = []
    if "transpedicular" in approaches:
        if way_kind("along the screw", target.pedicle) not in done:
            families.append(along_the_screw(target, radius_mm=radius, config=config))
        others = [p for p in target.pedicles if way_kind("beside the screw", p) not in done]
        families.extend(beside_the_screw(target, tips, config=config, pedicle=p) for p in others)
    if "extrapedicular" in approaches:
        for pedicle in target.pedicles:
            families.extend(past_the_pedicle(target, tips, config=config, pedicle=pedicle))
    if "femoral" in approaches:
        families.extend(to_the_hip(target, tips, config=config))
    kept = [f for f in families if f is not None and f.kind not in done and len(f.aim_lps)]
    if not kept:
        refused[_why_none(target, tips, approaches)] += 1
    return kept


def _kinds(target: Target, approach: Approach) -> Iterator[WayKind]:
    """Give all kinds of ways that an approach may have to a target."""
    pedicles = target.pedicles or (None,)
    for family in _STRAIGHT_ON[approach]:
        # only the screw's own pedicle has its screw
        yield from (way_kind(family, p) for p in (pedicles[:1] if family == "along the screw" else pedicles))


def _tips(scene: Scene, target: Target, approaches: Sequence[Approach], radius_mm: float) -> Array:
    if "femoral" in approaches:
        sure = scene.hip_site(target).sure
        return sure_targets(
            scene.anatomy, target, scene.fields, radius_mm=radius_mm, config=scene.config, known_sure=sure
        )
    return targets_in_gap(scene.anatomy, target, scene.fields, radius_mm=radius_mm, config=scene.config)


def _why_none(target: Target, tips: Array, approaches: Sequence[Approach]) -> str:
    if not approaches:
        return "no approach of the settings fits the implant"
    if "femoral" not in approaches and target.pedicle is None:
        return "spinal canal not known"
    if "femoral" in approaches and (target.implant is None or target.implant.side is None):
        return "side not known"
    return "no room for the needle in the gap" if not len(tips) else "no direction allowed"


def kept_rules(
    scene: Scene, target: Target, passed: Passed, needle: Needle, bone: Array, *, own_entries: bool = True
) -> dict[str, npt.NDArray[np.bool_]]:
    """Judge what the march does not see.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    target : Target
        The gap.
    passed : Passed
        N needles of one family that passed the march.
    needle : Needle
        The needle.
    bone : ndarray, shape (N, 3)
        Where each enters bone, LPS mm.
    own_entries : bool
        Measure the cortex at each entry itself; False lets entries near each other share a measurement.

    Returns
    -------
    dict of str to ndarray of bool, shape (N,)
        By the reason for which a needle is refused: who keeps the rule.
    """
    config, family = scene.config, passed.family
    femur = family.approach == "femoral"
    steepest = config.max_entry_angle_femur_deg if femur else config.max_entry_angle_deg
    rules = {"entry too oblique to the cortex": passed.entry_angle_deg <= steepest}
    outer = family.aim_lps + passed.in_view_mm[:, None] * family.outward_lps
    rules["not through the region that the settings want"] = enters_as_wished(outer, config.wishes)
    if family.pedicle is not None:
        rules |= spine_rules(scene, passed, family.pedicle, needle, bone)
    rules["passes from one bone into another"] = ~meets_second_cortex(
        scene.anatomy,
        scene.fields,
        bone_lps=bone,
        aim_lps=family.aim_lps,
        gap_points_lps=target.points_lps,
        config=config,
        dips=family.approach == "transpedicular",
    )
    if family.approach == "transpedicular":
        untold = np.nan_to_num(untold_bone_mm(scene.fields, bone, family.aim_lps), nan=0.0)
        rules["runs in bone not told to be its own"] = untold <= config.spine.untold_bone_mm
    if femur:
        site = scene.hip_site(target)
        radius = needle.outer_diameter_mm / 2
        rules |= hip_rules(site, family, bone_lps=bone, radius_mm=radius, own_entries=own_entries)
    if family.slides:
        rules["slide leaves the gap's safe surroundings"] = slide_is_safe(scene, family, needle)
    return rules
