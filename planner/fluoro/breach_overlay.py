"""Breaches over a view: where they are, which way cement would leave, and names that do not lie on each other."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from planner.fluoro.carm import project
from planner.fluoro.overlay import BREACH, Layer, Line, Ring, Shape, Words, letters_px, words_px
from planner.geometry.frames import Array
from planner.model.breach import Breach
from planner.model.carm import CArm

_BESIDE_PX = 12.0
"""From a breach to its name: its rings are between. By eye."""


def breach_layer(breaches: Iterable[Breach], carm: CArm) -> Layer:
    """Mark breaches: a ring on each (doubled where open), its name, and a line in which direction cement would leave.

    Parameters
    ----------
    breaches : iterable of Breach
        The breaches.
    carm : CArm
        The view.

    Returns
    -------
    Layer
    """
    shapes: list[Shape] = []
    names: list[Words] = []
    for breach in breaches:
        pixel = project(carm, breach.centroid_lps)
        row, column = float(pixel[0]), float(pixel[1])
        tip = None
        shapes.append(Ring((row, column), 6.0, BREACH))
        if breach.severity == "open":
            shapes.append(Ring((row, column), 9.0, BREACH))
        if breach.outward_lps is not None:
            tip = project(carm, np.asarray(breach.centroid_lps) + 8.0 * np.asarray(breach.outward_lps))
            shapes.append(Line(np.stack([pixel, tip]), BREACH, 1.5))
        names.append(_name_beside(breach.id, pixel, tip, names, carm))
    return Layer("breaches", (*shapes, *names))


def _name_beside(name: str, pixel: Array, tip: Array | None, others: Sequence[Words], carm: CArm) -> Words:
    """Write a breach's name on the side to which no line runs, below names that stand there, within the picture."""
    row, column = float(pixel[0]), float(pixel[1])
    wide, high = words_px(name, carm.rows), 1.1 * letters_px(carm.rows)
    beside = {
        "r": Words((row, column + _BESIDE_PX), name, BREACH, "lm", (row, column)),
        "l": Words((row, column - _BESIDE_PX), name, BREACH, "rm", (row, column)),
    }
    fits = {"r": column + _BESIDE_PX + wide <= carm.columns, "l": column - _BESIDE_PX - wide >= 0.0}
    wanted, other_side = ("r", "l") if tip is None or tip[1] <= column else ("l", "r")
    words = beside[other_side if fits[other_side] and not fits[wanted] else wanted]
    low, up = _span(words, carm)
    for other in sorted(others, key=lambda other: other.pixel[0]):
        start, stop = _span(other, carm)
        if low < stop and start < up and abs(other.pixel[0] - row) < high:
            row = other.pixel[0] + high
    return replace(words, pixel=(row, words.pixel[1]))


def _span(words: Words, carm: CArm) -> tuple[float, float]:
    """Give the columns that a name stands in."""
    column, wide = words.pixel[1], words_px(words.text, carm.rows)
    return (column, column + wide) if words.anchor == "lm" else (column - wide, column)
