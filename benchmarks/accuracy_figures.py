"""Figures of many cases in few words: spreads and shares, each with its n."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.stats import binomtest

NOTHING = "—"
"""What stands where nothing was measured."""


def known(values: Iterable[float | None]) -> list[float]:
    """Leave out what was not measured."""
    return [float(v) for v in values if v is not None]


def spread(values: Iterable[float | None], *, digits: int = 2, scale: float = 1.0) -> str:
    """Give median, quartiles and n; of figures with a sign."""
    figures = np.array(known(values)) * scale
    if not len(figures):
        return NOTHING
    low, middle, high = np.percentile(figures, [25, 50, 75])
    return f"{middle:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f}), n={len(figures)}"


def sizes(values: Iterable[float | None], *, digits: int = 2, scale: float = 1.0) -> str:
    """Give median, 90th percentile, worst and n of the figures' sizes."""
    figures = np.abs(np.array(known(values))) * scale
    if not len(figures):
        return NOTHING
    middle, high = np.percentile(figures, [50, 90])
    return f"{middle:.{digits}f} / {high:.{digits}f} / {figures.max():.{digits}f}, n={len(figures)}"


def quantiles(values: Iterable[float | None], *, digits: int = 2) -> str:
    """Give median, 10th percentile, worst and n, of shares where more is better."""
    figures = np.array(known(values))
    if not len(figures):
        return NOTHING
    low, middle = np.percentile(figures, [10, 50])
    return f"{middle:.{digits}f} / {low:.{digits}f} / {figures.min():.{digits}f}, n={len(figures)}"


def share(count: int, total: int) -> str:
    """Give a share with its count."""
    return f"{100.0 * count / total:.0f} % ({count}/{total})" if total else NOTHING


def share_with_interval(count: int, total: int) -> str:
    """Give a share with its count and its exact 95 % interval (Clopper and Pearson)."""
    if not total:
        return NOTHING
    interval = binomtest(count, total).proportion_ci(0.95, method="exact")
    return f"{share(count, total)}, {100 * interval.low:.0f} to {100 * interval.high:.0f} %"


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay a table out in plain text, the first column to the left."""
    cells = [columns, *rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay a table out in Markdown."""
    head = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join([*head, *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)])
