"""A measured screw or rod: its record, its side and its place in the list."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from planner.geometry.frames import Array, unit
from planner.geometry.rays import segment_distance_mm
from planner.model.implant import Side
from planner.segment.implants.shafts import Edge

_UPRIGHT_MM = 15.0
"""A rod that rises by less is a cross-link."""
_ON_ROD_MM = 20.0
"""A screw's head lies this near to its rod: 8 mm under it, and off it along the spine where the rod's end is near."""
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
    outer_mm : float
        Diameter over the thread; where it could not be measured, that of the metal as it shows.
    core_mm : float or None
        Diameter under the thread; None for a rod, and where no thread was seen.
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
    course_lps : ndarray, shape (N, 3), or None
        Of a rod: its middle line from its upper to its lower end.
    is_cut : bool
        Whether it runs out of the scan.
    expected_hu : float or None
        Plateau to be expected where the scan is clipped, heavy metal being told from titanium; None for `plateau_hu`.
    has_diameter : bool
        Whether `outer_mm` was measured.
    is_hidden : bool
        Whether the scan is clipped beneath its plateau.
    metal_mm : float or None
        Of a rod: its length from one end of its metal to the other, rounded ends included.
    """

    id: str
    kind: ShaftKind
    head_lps: Array
    tip_lps: Array
    outer_mm: float
    core_mm: float | None
    sigma_mm: float
    plateau_hu: float
    edge: Edge
    has_tulip: bool
    side: Side | None
    piece: int
    course_lps: Array | None = None
    is_cut: bool = False
    expected_hu: float | None = None
    has_diameter: bool = True
    is_hidden: bool = False
    metal_mm: float | None = None

    @property
    def full_hu(self) -> float:
        """Plateau, or what is to be expected of a heavier metal where the scan is clipped."""
        return self.plateau_hu if self.expected_hu is None else self.expected_hu

    @property
    def course_mm(self) -> float:
        """Length along the bends of a rod; of a screw from head to tip."""
        if self.course_lps is None:
            return self.length_mm
        return float(np.linalg.norm(np.diff(self.course_lps, axis=0), axis=1).sum())

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
    rods = [s for s in shafts if s.kind == "rod"]
    alone = sides(screws, midline_x_mm=midline_x_mm)
    paired = sides_by_rods(screws, rods) if midline_x_mm is None else alone
    told = [(s, one or other) for s, one, other in zip(screws, paired, alone, strict=True)]
    out: list[Shaft] = []
    for word, group in (("screw", told), ("rod", [(r, _rod_side(r, told)) for r in rods])):
        rank = {"left": 0, None: 1, "right": 2}
        ordered = sorted(group, key=lambda g: (rank[g[1]], -float(g[0].head_lps[2])))
        out += [replace(s, id=f"{word}-{k}", side=side) for k, (s, side) in enumerate(ordered, start=1)]
    return tuple(out)


def sides_by_rods(screws: list[Shaft], rods: list[Shaft]) -> tuple[Side | None, ...]:
    """Tell left from right by the rod that a screw is on and the one beside it, also where the spine is bent sideways.

    Parameters
    ----------
    screws : list of Shaft
        The screws of one patient.
    rods : list of Shaft
        Its rods; cross-links among them do not count.

    Returns
    -------
    tuple of str or None
        None for a screw without a rod, or whose rod has none beside it at its height.
    """
    courses = [r.course_lps for r in rods if r.course_lps is not None]
    upright = [c for c in courses if float(np.ptp(c[:, 2])) > _UPRIGHT_MM]
    out: list[Side | None] = []
    for screw in screws:
        far = [float(np.linalg.norm(c - screw.head_lps, axis=1).min()) for c in upright]
        own = int(np.argmin(far)) if far and min(far) < _ON_ROD_MM else None
        height = float(screw.head_lps[2])
        beside = [_x_at(c, height) for k, c in enumerate(upright) if k != own]
        known = [x for x in beside if x is not None]
        mine = None if own is None else _x_at(upright[own], height)
        out.append(None if mine is None or not known else "left" if mine > float(np.mean(known)) else "right")
    return tuple(out)


def _x_at(course: Array, height_mm: float) -> float | None:
    """LPS x of a rod at a height; None where it does not reach there."""
    z = course[::-1, 2]
    if not z[0] - _ON_ROD_MM < height_mm < z[-1] + _ON_ROD_MM:
        return None
    return float(np.interp(height_mm, z, course[::-1, 0]))


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
