"""What the operator must know, as data."""

from typing import Literal

from planner.model.record import PointLps, Record

Severity = Literal["info", "caution", "warning"]


class Finding(Record):
    """One thing that the operator should know: a clinical risk, a limit of the scan, something not measured."""

    code: str
    """Stable name for scripts, lower case with dashes ("hu-clipped")."""
    severity: Severity
    message: str
    """What was found, where, and what it means, in one line of plain words."""
    where_lps: PointLps | None = None
    measured: float | None = None
    limit: float | None = None
    unit: str | None = None
    source: str | None = None
    """Where the limit comes from."""
    implant_id: str | None = None
    """The implant that it is about; None where it is about none, or several. Plans of before 0.7 do not have it."""
    gap_id: str | None = None
    """The gap that it is about, likewise."""
