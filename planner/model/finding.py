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
