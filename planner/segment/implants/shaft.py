"""A measured screw or rod: its record, its side and its place in the list."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from planner.geometry.frames import Array, unit
from planner.geometry.rays import segment_distance_mm
from planner.model.implant import Side
from planner.segment.implants.shafts import Edge

ShaftKind = Literal["rod", "pedicle_screw"]


@dataclass(frozen=True, slots=True, eq=False)
class Shaft:
    """A screw or a rod.

    Parameters
    ----------
    id : str
        "screw-1", "rod-1": left before right, from the head down.
    kind : "rod" or "pedicle_screw"
        Which.
    head_lps, tip_lps : ndarray, shape (3,)
        Of a screw: where the shaft meets the tulip (or its blunt end), and the end of the metal. Of a rod: its upper
        and lower end.
    outer_mm, core_mm : float
        Diameter over and under the thread; the same for a rod.
    sigma_mm : float
        The scan's blur.
    plateau_hu : float
        HU inside the metal; titanium's where the scan is clipped.
    edge : Edge
        How its surface is read.
    has_tulip : bool
        Whether it ends in other metal.
    side : "left", "right" or None
        Side of the patient; None where it can't be told.
    piece : int
        Number of its piece in `Metal.pieces`.
    """

    id: str
    kind: ShaftKind
    head_lps: Array
    tip_lps: Array
    outer_mm: float
    core_mm: float
    sigma_mm: float
    plateau_hu: float
    edge: Edge
    has_tulip: bool
    side: Side | None
    piece: int

    @property
    def length_mm(self) -> float:
        """From head to tip."""
        return float(np.linalg.norm(self.tip_lps - self.head_lps))

    @property
    def direction(self) -> Array:
        """Unit vector from head to tip."""
        return unit(self.tip_lps - self.head_lps)


def numbered(shafts: list[Shaft], midline_x_mm: float | None) -> tuple[Shaft, ...]:
    """Give shafts their sides and ids.

    Parameters
    ----------
    shafts : list of Shaft
        In any order.
    midline_x_mm : float or None
        LPS x of the canal's middle; None where it is not known.

    Returns
    -------
    tuple of Shaft
        Screws, then rods; left before right, from the head down.
    """
    screws = [s for s in shafts if s.kind == "pedicle_screw"]
    told = list(zip(screws, sides(screws, midline_x_mm=midline_x_mm), strict=True))
    rods = [s for s in shafts if s.kind == "rod"]
    out: list[Shaft] = []
    for word, group in (("screw", told), ("rod", [(r, _rod_side(r, told)) for r in rods])):
        rank = {"left": 0, None: 1, "right": 2}
        ordered = sorted(group, key=lambda g: (rank[g[1]], -float(g[0].head_lps[2])))
        out += [replace(s, id=f"{word}-{k}", side=side) for k, (s, side) in enumerate(ordered, start=1)]
    return tuple(out)


def _rod_side(rod: Shaft, screws: list[tuple[Shaft, Side | None]]) -> Side | None:
    """Side of the screws whose heads it joins; None for a cross-link."""
    near = {side for s, side in screws if segment_distance_mm(s.head_lps, rod.head_lps, rod.tip_lps) < 16.0}
    return near.pop() if len(near) == 1 else None


def sides(screws: list[Shaft], *, midline_x_mm: float | None = None) -> tuple[Side | None, ...]:
    """Tell left from right.

    Parameters
    ----------
    screws : list of Shaft
        The screws of one patient.
    midline_x_mm : float or None
        LPS x of the canal's middle; None where it is not known.

    Returns
    -------
    tuple of str or None
        By the widest split of the heads where the two rows converge, else by each screw's own lean to the midline; None
        for a screw that runs straight and stands alone.
    """
    x = np.array([s.head_lps[0] for s in screws])
    lean = np.array([float(s.direction[0]) for s in screws])
    if midline_x_mm is not None:
        return tuple("left" if v > midline_x_mm else "right" for v in x)
    if len(x) >= 2 and np.ptp(x) > 15.0:  # mm; the two rows of pedicles stand further apart than this
        ordered = np.sort(x)
        k = int(np.argmax(np.diff(ordered)))
        middle = (ordered[k] + ordered[k + 1]) / 2
        if lean[x > middle].mean() <= lean[x < middle].mean():
            return tuple("left" if v > middle else "right" for v in x)
    return tuple(None if abs(v) < np.sin(np.radians(5)) else "left" if v < 0 else "right" for v in lean)
