"""Ribs: from the head at the disc, over the transverse process, round the chest. Their course was set by eye."""

import numpy as np

from planner.geometry.frames import PointTuple, point_tuple
from planner.phantoms.solids.basic import Solid, Union, tube
from planner.phantoms.spine.patient.vertebrae import Vertebra

_CORTEX_MM = 1.0
_RADII_MM = (4.2, 3.2, 3.8, 4.3, 4.3, 4.2, 4.1, 4.0, 3.9)
_CHEST: tuple[tuple[float, float, float], ...] = (
    (-58.0, 0.55, -8.0), (-28.0, 0.86, -18.0), (0.0, 1.0, -29.0), (30.0, 0.96, -41.0), (58.0, 0.86, -52.0),
)  # fmt: skip
"""Angle on the chest's oval from straight to the side (back negative), share of the slope, and drop, mm."""
FLOATING = ("T11", "T12")


def rib_line(vertebra: Vertebra, side: float, *, chest_mm: tuple[float, float, float]) -> tuple[PointTuple, ...]:
    """Give the middle of a rib.

    Parameters
    ----------
    vertebra : Vertebra
        Whose rib: its head lies at the upper rim of this body.
    side : float
        1 for the left, -1 for the right.
    chest_mm : tuple of float
        Half width and half depth of the oval on which ribs lie, and the y of its middle, LPS mm.

    Returns
    -------
    tuple of (x, y, z)
        LPS mm, from the head on.
    """
    half_width, half_depth, middle_y = chest_mm
    a, b, h = vertebra.shape.body_mm
    tip = max((s[1] for s in vertebra.shape.struts), key=lambda p: p[0])
    floating = vertebra.level in FLOATING
    # The last two ribs pass in front of short transverse processes, clear of the pedicles.
    z, ahead, between = (0.2 * h, 0.25, 0.15) if floating else (h - 1.0, 0.62, 0.45)
    head = vertebra.place((side * (0.93 * a + 1.0), ahead * b + 1.0, z))
    middle_x = side * (0.5 * (a + tip[0]) + (8.0 if floating else 1.5))
    neck = vertebra.place((middle_x, between * (b + tip[1]), 0.6 * z + 0.4 * tip[2]))
    tubercle = vertebra.place((side * (tip[0] + (10.0 if floating else 3.5)), tip[1] - 9.0, tip[2] + 1.0))
    angle = (side * 0.5 * half_width, middle_y + 0.92 * half_depth, tubercle[2] - 4.0)
    points = [head, neck, tubercle, angle]
    count = 2 if floating else len(_CHEST)
    for turn_deg, _, drop in _CHEST[:count]:
        turn = np.radians(turn_deg)
        # Squarer than an ellipse: the chest is flat behind.
        x = half_width * abs(np.cos(turn)) ** 0.8
        y = middle_y - half_depth * np.sign(turn) * abs(np.sin(turn)) ** 0.9
        points.append(point_tuple(np.array([side * x, y, vertebra.centre_lps[2] + drop])))
    return tuple(points)


def rib_pair(vertebra: Vertebra, *, inside: bool, chest_mm: tuple[float, float, float]) -> Solid:
    """Give the two ribs of a vertebra, or the cancellous bone in them."""
    shell = _CORTEX_MM if inside else 0.0
    pieces = []
    for side in (1.0, -1.0):
        line = rib_line(vertebra, side, chest_mm=chest_mm)
        pieces.append(tube(line, [r - shell for r in _RADII_MM[: len(line)]]))
    return Union(tuple(pieces))
