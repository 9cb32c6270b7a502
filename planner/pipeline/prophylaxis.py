"""Intact levels as targets, where the settings ask for them: room to see them, and needles into them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.config.anatomy_config import AnatomyConfig
from planner.config.plan_config import PlanConfig
from planner.geometry.frames import point_tuple
from planner.model.anatomy import Anatomy
from planner.model.bones import Pedicle
from planner.model.finding import Finding
from planner.model.prophylaxis import ProphylacticTarget
from planner.needles.account.describe import Scene
from planner.needles.prophylactic import LevelSearch, search_level
from planner.progress import SILENT, Monitor, track
from planner.safety.fields import Fields, distance_fields
from planner.safety.watch_angles import ConsoleAngles
from planner.segment.candidacy.adjacent_levels import AdjacentTarget


@dataclass(frozen=True, slots=True, eq=False)
class Prophylaxis:
    """What came of it.

    Parameters
    ----------
    targets : tuple of ProphylacticTarget
        From the top down.
    findings : tuple of Finding
        Where no needle passed, and why.
    """

    targets: tuple[ProphylacticTarget, ...] = ()
    findings: tuple[Finding, ...] = ()


def anatomy_settings(config: PlanConfig) -> AnatomyConfig:
    """Give the anatomy's settings, with room for the levels beside a construct where they are asked for.

    Parameters
    ----------
    config : PlanConfig
        The settings.

    Returns
    -------
    AnatomyConfig
        The plan's own where nothing is asked for.
    """
    own = config.anatomy
    if not config.spine_targets.prophylactic_levels:
        return own
    along = max(own.region.spine_along_mm, config.prophylaxis.along_mm)
    return own.model_copy(update={"region": own.region.model_copy(update={"spine_along_mm": along})})


def plan_prophylaxis(
    anatomy: Anatomy,
    levels: Sequence[AdjacentTarget],
    *,
    pedicles: Sequence[Pedicle],
    console: ConsoleAngles,
    config: PlanConfig,
    fields: Fields | None = None,
    monitor: Monitor = SILENT,
) -> Prophylaxis:
    """Search needles into intact levels.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    levels : sequence of AdjacentTarget
        The levels, on the anatomy's grid; none: nothing is done.
    pedicles : sequence of Pedicle
        Of all vertebrae.
    console : callable
        Turns positioner angles into console angles of the treatment position.
    config : PlanConfig
        The settings.
    fields : Fields or None
        Distances in this anatomy, where they were measured already; None measures them.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    Prophylaxis

    Raises
    ------
    GeometryError
        If a level lies on another grid.
    CancelledError
        If the monitor stops the work.
    """
    if not levels:
        return Prophylaxis()
    fields = distance_fields(anatomy, config=config.needles) if fields is None else fields
    scene = Scene(anatomy, fields, (), config.needles, console)
    targets, said = [], []
    for number, level in enumerate(track(levels, stage="prophylactic needles", monitor=monitor), start=1):
        name = f"prophylactic-{number}"
        found = search_level(scene, name, level.space, [p for p in pedicles if p.bone == level.bone])
        targets.append(
            ProphylacticTarget(
                id=name,
                bone=level.bone,
                level=level.level,
                target_lps=point_tuple(level.centre_lps),
                space_ml=level.space_ml,
                body_ml=level.body_ml,
                walls_share=level.walls_share,
                ways=found.ways,
            )
        )
        said += [] if found.ways else [_no_way(level, found)]
    return Prophylaxis(tuple(targets), tuple(said))


def _no_way(level: AdjacentTarget, found: LevelSearch) -> Finding:
    counted = sorted(((count, reason) for reason, count in found.refused.items() if count), reverse=True)
    reasons = ", ".join(f"{reason} {count}" for count, reason in counted)
    return Finding(
        code="no-prophylactic-needle",
        severity="caution",
        message=f"{level.level or level.bone}: no safe needle into this intact level among {found.tried} tried "
        f"({reasons or 'none could be tried'})",
        where_lps=point_tuple(np.round(level.centre_lps, 1)),
        measured=float(found.tried),
    )
