"""The course of a bent spine: what runs along it, in front, beside and behind, bends with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.config.phantoms.spine.morphometry import LEVELS
from planner.geometry.frames import PointTuple, point_tuple
from planner.phantoms.spine.patient.bundles import Bundle
from planner.phantoms.spine.patient.vertebrae import Vertebra

BEYOND_MM = 130.0
"""How far soft tissue runs on above and below the shown vertebrae."""
Place = Callable[[Vertebra], tuple[float, float]]
"""Where something runs beside a vertebra: x (of the left side) and y, in the vertebra's own coordinates, mm."""


def canal_back(vertebra: Vertebra) -> float:
    """Give the y of the canal's back wall in a vertebra's own coordinates, mm."""
    y, radius, _ = vertebra.shape.canal_mm
    return y + radius


def place_of(level: str) -> int:
    """Give a level's number, counted from T1 down."""
    return [str(name) for name in LEVELS].index(level)


@dataclass(frozen=True)
class Course:
    """A spine that soft tissue follows.

    Parameters
    ----------
    vertebrae : tuple of Vertebra
        From the top down, S1 as a bare body where it is shown.
    size : float
        Of the patient: times all half axes.
    step_mm : float
        Rough height of a segment, for levels that are not shown.
    """

    vertebrae: tuple[Vertebra, ...]
    size: float
    step_mm: float

    @property
    def top_mm(self) -> float:
        """Where soft tissue ends above, LPS z."""
        return self.vertebrae[0].centre_lps[2] + BEYOND_MM

    @property
    def bottom_mm(self) -> float:
        """Where soft tissue ends below, LPS z."""
        return self.vertebrae[-1].centre_lps[2] - BEYOND_MM

    def z_of(self, level: str) -> float:
        """Give the height of a level, shown or not, LPS z."""
        wanted = place_of(level)
        near = min(self.vertebrae, key=lambda v: abs(place_of(v.level) - wanted))
        return near.centre_lps[2] + (place_of(near.level) - wanted) * self.step_mm * self.size

    def bundle(
        self,
        place: Place,
        halves: Sequence[tuple[float, float]],
        *,
        side: float = 1.0,
        exponent: float = 2.0,
        turn_deg: float = 0.0,
    ) -> Bundle:
        """Lay a bundle along the spine.

        Parameters
        ----------
        place : function of Vertebra
            Where it runs.
        halves : sequence of (float, float)
            Half axes from the top down, at even steps, before the patient's size, mm.
        side : float
            1 for the left, -1 for the right.
        exponent, turn_deg : float
            As of `Bundle`, on the left.

        Returns
        -------
        Bundle
        """
        rows = [np.array(v.place((side * place(v)[0], place(v)[1], 0.0))) for v in self.vertebrae]
        sizes = np.array(halves, dtype=np.float64) * self.size
        share, at = np.linspace(0.0, 1.0, len(rows)), np.linspace(0.0, 1.0, len(sizes))
        half = [(float(a), float(b)) for a, b in zip(*(np.interp(share, at, sizes[:, i]) for i in (0, 1)), strict=True)]
        up = np.array([0.0, 0.0, BEYOND_MM])
        rows, half = [rows[0] + up, *rows, rows[-1] - up], [half[0], *half, half[-1]]
        middles = tuple(point_tuple(r) for r in reversed(rows))
        return Bundle(middles, tuple(reversed(half)), exponent, side * turn_deg)

    def line(self, place: Place) -> list[PointTuple]:
        """Give a line along the spine, from the top down, LPS mm."""
        points = [v.place((*place(v), 0.0)) for v in self.vertebrae]
        top, bottom = points[0], points[-1]
        return [(top[0], top[1], top[2] + BEYOND_MM), *points, (bottom[0], bottom[1], bottom[2] - BEYOND_MM)]

    def oval(self, half_x: float, half_y: float, y: float, *, exponent: float = 2.4) -> Bundle:
        """Give a straight column of oval section about the patient's midline, mm."""
        half = (half_x, half_y)
        return Bundle(((0.0, y, self.bottom_mm), (0.0, y, self.top_mm)), (half, half), exponent)
