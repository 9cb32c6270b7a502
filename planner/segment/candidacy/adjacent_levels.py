"""Intact levels next to a construct, as places that a needle could be aimed at where prophylaxis is asked for."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from planner.config.fracture_config import SpineTargetConfig
from planner.geometry.frames import PointsLps, point_tuple, points_lps
from planner.geometry.grid import Grid
from planner.model.finding import Finding
from planner.model.implant import Implant
from planner.segment.anatomy.vertebrae import SpineBones
from planner.segment.candidacy.fractures import LevelHeights

DEFAULT = SpineTargetConfig()
_BESIDE_SHARE, _FRONT_SHARE = 0.4, 0.25
"""Targets on both sides of the midline, before the middle: shares of half the body's width and depth. Ours."""
_DEEP = (0.6, 0.75, 0.9)
"""Where along a screw it is asked which vertebra holds it."""
_SOURCE = "Cianfoni 2018: intact adjacent levels were augmented where a focal kyphosis threatened them"


@dataclass(frozen=True, slots=True, eq=False)
class AdjacentTarget:
    """An intact body next to a construct.

    Parameters
    ----------
    bone : str
        The vertebra's name.
    level : str or None
        Its level, where it is known.
    points_lps : PointsLps, shape (2, 3)
        Where needles would aim: left and right of the midline in the front half of the body.
    """

    bone: str
    level: str | None
    points_lps: PointsLps


def adjacent_targets(
    spine: SpineBones,
    grid: Grid,
    implants: tuple[Implant, ...],
    levels: tuple[LevelHeights, ...],
    *,
    config: SpineTargetConfig = DEFAULT,
) -> tuple[tuple[AdjacentTarget, ...], tuple[Finding, ...]]:
    """Offer the intact levels just above and below all screws.

    Parameters
    ----------
    spine : SpineBones
        Vertebrae, told apart.
    grid : Grid
        The grid of their labels.
    implants : tuple of Implant
        What was found.
    levels : tuple of LevelHeights
        What bodies have lost: only those that are measured and whole are offered.
    config : SpineTargetConfig
        Nothing is offered unless `prophylactic_levels` is set.

    Returns
    -------
    tuple of AdjacentTarget
        From the top down. They are no gaps: there is no lucent space to measure.
    tuple of Finding
        One for each.
    """
    if not config.prophylactic_levels:
        return (), ()
    order = [body.bone for body in spine.bodies if body.bone != "sacrum"]
    held = [order.index(name) for name in _held_by_screws(spine, grid, implants) if name in order]
    if not held:
        return (), ()
    loss = {one.bone: one.loss for one in levels}
    bodies = {body.bone: body for body in spine.bodies}
    named = {bone.name: bone.level for bone in spine.bones}
    found = []
    for place in (min(held) - 1, max(held) + 1):
        if not 0 <= place < len(order):
            continue
        body, own = bodies[order[place]], loss.get(order[place])
        if own is None or own >= config.fractures.mild_loss or body.upper is None or body.lower is None:
            continue
        middle = (body.upper.centre_lps + body.lower.centre_lps) / 2.0
        aside, ahead = _BESIDE_SHARE * body.half_width_mm, _FRONT_SHARE * body.depth_mm / 2.0
        local = np.array([[aside, -ahead, 0.0], [-aside, -ahead, 0.0]])
        found.append(AdjacentTarget(body.bone, named[body.bone], points_lps(middle + local @ body.axes_lps.T)))
    return tuple(found), tuple(_offer(target) for target in found)


def _held_by_screws(spine: SpineBones, grid: Grid, implants: tuple[Implant, ...]) -> set[str]:
    held = set()
    for implant in implants:
        if implant.kind != "pedicle_screw" or implant.axis is None:
            continue
        head, tip = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
        at = np.rint(np.asarray(grid.to_index(points_lps([head + s * (tip - head) for s in _DEEP])))).astype(int)
        at = at[np.all((at >= 0) & (at < grid.shape), axis=1)]
        codes = Counter(int(c) for c in spine.labels[tuple(at.T)] if c > 0)
        if codes:
            held.add(spine.bones[codes.most_common(1)[0][0] - 1].name)
    return held


def _offer(target: AdjacentTarget) -> Finding:
    name = target.level if target.level is not None else target.bone
    return Finding(
        code="prophylactic-target",
        severity="info",
        message=f"{name} is whole and next to the construct: offered as a prophylactic target, as the settings ask; "
        "whether it is threatened, one CT does not tell.",
        where_lps=point_tuple(np.round(target.points_lps.mean(axis=0), 1)),
        source=_SOURCE,
    )
