"""From where a scene in 3D is looked at, and how that is said."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, unit
from planner.model.needle import NeedleWay
from planner.model.record import VectorLps

_SIDES: tuple[tuple[str, VectorLps], ...] = (
    ("the left", (1.0, 0.0, 0.0)),
    ("the right", (-1.0, 0.0, 0.0)),
    ("behind", (0.0, 1.0, 0.0)),
    ("the front", (0.0, -1.0, 0.0)),
    ("the head", (0.0, 0.0, 1.0)),
    ("the feet", (0.0, 0.0, -1.0)),
)
"""Where the eye is, and the direction in LPS from the patient to it."""
_SECOND_SHARE = 0.35
"""A second side is named from about 20 degrees towards it on: as the letters of a cut."""


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Where the eye is.

    Parameters
    ----------
    to_eye_lps : tuple of float
        Unit vector from the patient to the eye, LPS.
    up_lps : tuple of float
        Unit vector towards the top of the picture, LPS.
    """

    to_eye_lps: VectorLps
    up_lps: VectorLps


FROM_THE_FRONT = Viewpoint((0.0, -1.0, 0.0), (0.0, 0.0, 1.0))


def needles_side(ways: Sequence[NeedleWay]) -> Viewpoint:
    """Look from the side where the needles come from, head up.

    Parameters
    ----------
    ways : sequence of NeedleWay
        The needles; the first-ranked ones decide, all where there is none.

    Returns
    -------
    Viewpoint
        Square from behind, the front, the left or the right, so that the sides on the screen need no thought; from the
        front without needles, or where they come along the body.
    """
    first = [way for way in ways if way.rank == 1] or list(ways)
    out = np.zeros(3)
    for way in first:
        out += unit(np.subtract(way.path_lps[0], way.aim_lps))
    flat = np.array([out[0], out[1], 0.0])
    if np.linalg.norm(flat) < _SECOND_SHARE * max(len(first), 1):
        return FROM_THE_FRONT
    sides = [direction for _, direction in _SIDES[:4]]
    return Viewpoint(max(sides, key=lambda side: float(flat @ np.asarray(side))), (0.0, 0.0, 1.0))


def seen_from(to_eye_lps: npt.ArrayLike) -> str:
    """Say from where a scene is seen.

    Parameters
    ----------
    to_eye_lps : array_like, shape (3,)
        Direction from the patient to the eye, LPS, of any length but 0.

    Returns
    -------
    str
        "from behind", "from behind and the left": the main side first.
    """
    direction: Array = np.asarray(unit(to_eye_lps))
    shares = sorted(((float(direction @ np.asarray(side)), name) for name, side in _SIDES), reverse=True)
    named = [name for share, name in shares if share >= _SECOND_SHARE][:2]
    return f"from {' and '.join(named)}"
