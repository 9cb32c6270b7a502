"""Targets that a person picked by hand: their needles, and what is to be said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner.config.needle_config import NeedleConfig
from planner.errors import UsageError
from planner.model.anatomy import Anatomy
from planner.model.breach import Breach
from planner.model.finding import Finding
from planner.model.needle import Needle
from planner.model.picked_target import PickedTarget
from planner.needles.account.describe import Scene
from planner.needles.wished.picked import PickedSearch, search_picked
from planner.progress import SILENT, Monitor, track
from planner.safety.fields import Fields, distance_fields
from planner.safety.watch_angles import ConsoleAngles


@dataclass(frozen=True, slots=True)
class PickedTargets:
    """What came of all targets picked by hand.

    Parameters
    ----------
    targets : tuple of PickedTarget
        In the settings' order.
    findings : tuple of Finding
        Where no needle passed, and why; where no gap was told at the point.
    """

    targets: tuple[PickedTarget, ...] = ()
    findings: tuple[Finding, ...] = ()


def plan_picked(
    anatomy: Anatomy,
    config: NeedleConfig,
    *,
    console: ConsoleAngles,
    breaches: Sequence[Breach] = (),
    catalogue: Mapping[str, Needle] | None = None,
    fields: Fields | None = None,
    monitor: Monitor = SILENT,
) -> PickedTargets:
    """Search needles to all targets that the settings name.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    config : NeedleConfig
        The settings, with the wishes.
    console : callable
        Turns positioner angles into console angles of the treatment position.
    breaches : sequence of Breach
        Known breaches of all gaps: bone that a needle's hole must not weaken further.
    catalogue : Mapping of str to Needle, or None
        The needles that can be had; None for those of the settings.
    fields : Fields or None
        Distances in this anatomy, where they were measured already; None measures them.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    PickedTargets
        Empty where none is wished.

    Raises
    ------
    UsageError
        If a wish names an implant that the CT does not hold.
    CancelledError
        If the monitor stops the work.
    """
    wishes = config.wishes.targets
    if not wishes:
        return PickedTargets()
    known = [implant.id for implant in anatomy.implants]
    for wish in wishes:
        if wish.implant_id is not None and wish.implant_id not in known:
            there = ", ".join(known)
            raise UsageError(
                f"a picked target names implant {wish.implant_id!r}, which was not found; there are {there}"
            )
    fields = distance_fields(anatomy, config=config) if fields is None else fields
    scene = Scene(anatomy, fields, tuple(breaches), config, console)
    searches = [
        search_picked(scene, wish, f"target-{number}", catalogue=catalogue)
        for number, wish in enumerate(track(wishes, stage="needles to picked targets", monitor=monitor), start=1)
    ]
    return PickedTargets(tuple(s.target for s in searches), tuple(f for s in searches for f in _said(s)))


def _said(search: PickedSearch) -> list[Finding]:
    target = search.target
    said = []
    if not target.ways:
        said.append(
            Finding(
                code="no-picked-needle",
                severity="warning",
                message=f"{target.id}: no safe needle among {search.tried} tried ({target.why_none})",
                where_lps=target.point_lps,
                measured=float(search.tried),
                unit="needles tried",
                implant_id=target.implant_id,
            )
        )
    # where nothing could be tried, the reason is told already
    if target.gap_id is None and search.tried:
        said.append(
            Finding(
                code="no-gap-at-picked-target",
                severity="caution",
                message=f"{target.id}: no gap was told at this point; volume, breaches and the cement's course are not "
                "known there",
                where_lps=target.point_lps,
                implant_id=target.implant_id,
            )
        )
    return said
