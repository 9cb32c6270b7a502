"""What stands out of a cohort, by robust z: median and median absolute deviation, which outliers do not move."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

_NORMAL = 0.6745
"""Median absolute deviation of a normal distribution of standard deviation 1 (Iglewicz and Hoaglin 1993)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One measured value of a cohort.

    Parameters
    ----------
    value : float
        The value.
    study : str
        The study's id.
    what : str
        Of which part ("gap-1"); empty for the study as a whole.
    """

    value: float
    study: str
    what: str = ""

    @property
    def name(self) -> str:
        """Study and part."""
        return f"{self.study} {self.what}".strip()


@dataclass(frozen=True, slots=True)
class Measure:
    """Values of one kind, among which one may stand out.

    Parameters
    ----------
    name : str
        What was measured ("gap volume").
    among : str
        Among what ("pedicle screws").
    unit : str
        Its unit.
    values : tuple of Measured
        What was measured; what was not is not among them.
    by_ratio : bool
        Whether values are compared by their ratio (volumes, times): two thirds and one and a half are as far off.
    matters : {"both", "low", "high"}
        Which values are worth a look: a needle that leaves much free is none, nor is a study that was quick.
    """

    name: str
    among: str
    unit: str
    values: tuple[Measured, ...]
    by_ratio: bool = False
    matters: Literal["both", "low", "high"] = "both"


@dataclass(frozen=True, slots=True)
class Outlier:
    """A value that stands out.

    Parameters
    ----------
    measure : Measure
        Among what.
    measured : Measured
        Which one.
    z : float
        How far, as standard deviations of a normal distribution; below 0 where it is small.
    median : float
        Of all.
    """

    measure: Measure
    measured: Measured
    z: float
    median: float


def outliers(measures: Iterable[Measure], *, beyond_z: float, least: int) -> tuple[Outlier, ...]:
    """Give what stands out, the farthest first.

    Parameters
    ----------
    measures : iterable of Measure
        What was measured.
    beyond_z : float
        How far out a value must be.
    least : int
        Among fewer values none stands out.

    Returns
    -------
    tuple of Outlier
    """
    found = [one for measure in measures for one in _outliers_of(measure, beyond_z, least)]
    return tuple(sorted(found, key=lambda one: (-abs(one.z), one.measured.name, one.measure.name)))


def robust_z(values: Sequence[float]) -> list[float] | None:
    """Give each value's robust z.

    Parameters
    ----------
    values : sequence of float
        At least one.

    Returns
    -------
    list of float or None
        None where more than half of the values are the same, so that there is no spread to measure by.
    """
    middle = statistics.median(values)
    spread = statistics.median(abs(value - middle) for value in values)
    return None if spread == 0.0 else [_NORMAL * (value - middle) / spread for value in values]


def _outliers_of(measure: Measure, beyond_z: float, least: int) -> list[Outlier]:
    if len(measure.values) < least:
        return []
    plain = [one.value for one in measure.values]
    if measure.by_ratio and min(plain) <= 0.0:
        return []
    zs = robust_z([math.log(value) for value in plain] if measure.by_ratio else plain)
    if zs is None:
        return []
    middle, side = statistics.median(plain), {"low": -1.0, "high": 1.0}.get(measure.matters)
    found = [Outlier(measure, one, z, middle) for one, z in zip(measure.values, zs, strict=True)]
    return [one for one in found if (abs(one.z) if side is None else side * one.z) > beyond_z]
