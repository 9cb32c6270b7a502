"""``volumes.csv``: one row for each gap."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from planner.io.whole_file import write_whole
from planner.model.gap import Gap, Interval, ZoneVolume
from planner.model.implant import Implant
from planner.model.plan import Plan

COLUMNS = (
    "gap_id",
    "implant_id",
    "implant_kind",
    "gap_kind",
    "side",
    "level",
    "loosening",
    "volume_ml",
    "volume_low_ml",
    "volume_high_ml",
    "expected_fill_ml",
    "expected_fill_low_ml",
    "expected_fill_high_ml",
    "width_median_mm",
    "width_p95_mm",
    "width_max_mm",
    "interface_fraction",
    "trust",
    "zones_ml",
    "made",
    "review",
)
"""The header: units at the names' ends, shares from 0 to 1. The same in every file, so that files can be joined."""


def volumes_text(plan: Plan) -> str:
    """Give the gaps' volumes as CSV.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    str
        A header, then one row for each gap; what was not measured is an empty cell. Low and high are the limits of the
        90 % interval. "zones_ml" lists the zones, "screw-middle=0.41; screw-tip=" say;
        "review" says whether a person stands behind the plan: unreviewed, edited or approved;
        "made" who made the gap: the program ("automatic") or a person ("edited").
    """
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    implants = {implant.id: implant for implant in plan.implants}
    for gap in plan.gaps:
        rows.writerow([*_row(gap, implants.get(gap.implant_id or "")), plan.review.state])
    return out.getvalue()


def write_volumes_csv(plan: Plan, target: Path | str | TextIO) -> None:
    """Write the gaps' volumes as CSV.

    Parameters
    ----------
    plan : Plan
        The plan.
    target : Path, str or text stream
        A file to write whole, in UTF-8, or an open stream such as standard output.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    if isinstance(target, str | Path):
        write_whole(volumes_text(plan).encode(), target)
    else:
        target.write(volumes_text(plan))


def _row(gap: Gap, implant: Implant | None) -> list[str]:
    level = gap.level if gap.level is not None or implant is None else implant.level
    width = gap.width_mm
    return [
        gap.id,
        gap.implant_id or "",
        implant.kind if implant else "",
        gap.kind,
        (implant.side or "") if implant else "",
        level or "",
        (implant.loosening or "") if implant else "",
        *_interval(gap.volume_ml),
        *_interval(gap.expected_fill_ml),
        *([""] * 3 if width is None else [_number(width.median), _number(width.p95), _number(width.max)]),
        _number(gap.interface_fraction),
        _number(gap.trust),
        _zones(gap.zones),
        gap.made,
    ]


def _interval(interval: Interval | None) -> list[str]:
    if interval is None:
        return [""] * 3
    return [_number(interval.estimate), _number(interval.low), _number(interval.high)]


def _zones(zones: Iterable[ZoneVolume]) -> str:
    return "; ".join(f"{zone.zone}={_number(zone.volume_ml)}" for zone in zones)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
