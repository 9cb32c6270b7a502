"""Numbers without names: which convention they follow, told from how the labelled bones lie to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.errors import LabelError
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.anatomy_labels import LEVELS, level_of, side_of

_SPINE = (*(f"C{n}" for n in range(1, 8)), *(f"T{n}" for n in range(1, 13)), *(f"L{n}" for n in range(1, 6)))
_SIDED = ("left", "right")


def _down(first: int, levels: tuple[str, ...]) -> dict[int, str]:
    return {first + k: f"vertebra {level}" for k, level in enumerate(levels)}


def _pair(first: int, *names: str) -> dict[int, str]:
    """Give numbers to names on both sides, left before right."""
    both = [f"{name} {side}" for name in names for side in _SIDED]
    return {first + k: name for k, name in enumerate(both)}


def _ribs(first: int) -> dict[int, str]:
    return {
        first + 12 * k + number - 1: f"rib {side} {number}" for k, side in enumerate(_SIDED) for number in range(1, 13)
    }


_FIRST_ORGANS = {1: "spleen", 2: "kidney right", 3: "kidney left", 5: "liver", 6: "stomach"}
_TOTAL = {
    **_FIRST_ORGANS,
    **{7: "pancreas", 10: "lung left", 11: "lung left", 12: "lung right", 13: "lung right", 14: "lung right"},
    **{15: "esophagus", 16: "trachea", 18: "small bowel", 19: "duodenum", 20: "colon", 21: "urinary bladder"},
    **{25: "sacrum", 26: "vertebra S1"},
    **_down(27, tuple(reversed(_SPINE))),
    **{51: "heart", 52: "aorta", 62: "superior vena cava", 63: "inferior vena cava"},
    **_pair(65, "iliac artery", "iliac vein"),
    **_pair(75, "femur", "hip"),
    79: "spinal cord",
    **_ribs(92),
}
_TOTAL_V1 = {
    **_FIRST_ORGANS,
    **{7: "aorta", 8: "inferior vena cava", 10: "pancreas"},
    **{13: "lung left", 14: "lung left", 15: "lung right", 16: "lung right", 17: "lung right"},
    **_down(18, tuple(reversed(_SPINE))),
    **{42: "esophagus", 43: "trachea", 55: "small bowel", 56: "duodenum", 57: "colon"},
    **_pair(51, "iliac artery", "iliac vein"),
    **_ribs(58),
    **_pair(88, "femur", "hip"),
    **{92: "sacrum", 104: "urinary bladder"},
}
_VERSE = {
    **_down(1, _SPINE),
    **{25: "vertebra L6", 26: "sacrum", 27: "coccyx", 28: "vertebra T13", 60: "spinal cord", 61: "canal"},
    **{code: "disc" for code in range(101, 126)},
}
_VERSE_NUMBERS = frozenset((*range(1, 29), *range(60, 62), *range(101, 300)))
_BODIES = {
    **_down(1, _SPINE[7:]),
    **{18: "vertebra L6", 19: "sacrum", 21: "vertebra T13"},
}


@dataclass(frozen=True, slots=True)
class Convention:
    """One way to number anatomy.

    Parameters
    ----------
    kind : str
        What files so numbered are called.
    names : mapping of int to str
        Standard names; numbers that the planner has no use for are left out.
    numbers : frozenset of int
        All that it has, with those left out of `names`.
    """

    kind: str
    names: Mapping[int, str]
    numbers: frozenset[int]


CONVENTIONS = (
    Convention("TotalSegmentator NIfTI", _TOTAL, frozenset(range(1, 118))),
    Convention("TotalSegmentator NIfTI of version 1", _TOTAL_V1, frozenset(range(1, 105))),
    Convention("NIfTI of vertebra numbers (VerSe)", _VERSE, _VERSE_NUMBERS),
    Convention("NIfTI of vertebra numbers (T1 = 1)", _BODIES, frozenset(range(1, 22))),
)
"""TotalSegmentator's task `total` of version 2, and of version 1 (totalsegmentator/map_to_binary.py); the VerSe
challenge's numbers, which TPTBox keeps and adds discs (100 and more) and the canal to; VertebralBodiesCT's."""

_PITCH_MM = {"C": (16.0, 17.0), "T": (19.0, 30.0), "L": (32.0, 36.0)}
"""Distance of the middles of two neighbouring vertebrae at the top and at the lower end of each region, mm. Ours, by
eye; measured on a public CT with TotalSegmentator's own labels: 33 to 36 from T11 to L4, 31 from L5 to S1."""
_PITCH_SHARE = (0.7, 1.35)
"""How far people, scoliosis and cut vertebrae stray from it. Ours."""
_LARGEST_ML = {"vertebra C": 25.0, "vertebra": 130.0, "rib": 70.0, "sacrum": 450.0}
"""No bone is larger. Ours: L4 of the same CT has 65 mL; cervical vertebrae have 10 to 20."""
_SMALLEST_ML = {"femur": 15.0, "hip": 25.0}
_NEIGHBOURS_MM = {"C": (8.0, 23.0), "T": (8.0, 42.0), "L": (8.0, 50.0)}
"""Distance of a vertebra's middle from that of the next, mm, at the least and the most. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What is labelled with a number: its middle, its size, whether it reaches the end of the scan."""

    middle_lps: Array
    ml: float
    is_cut: bool


def tell_convention(codes: npt.NDArray[np.uint16], grid: Grid, name: str) -> Convention:
    """Tell which convention numbers follow, from the order, the sides and the sizes of what they label.

    Parameters
    ----------
    codes : ndarray of uint16, shape ``grid.shape``
        The numbers.
    grid : Grid
        Where they lie.
    name : str
        The file's name, for messages.

    Returns
    -------
    Convention

    Raises
    ------
    LabelError
        If none fits, or more than one does: levels would be a guess.
    """
    seen = _seen(codes, grid)
    if not seen:
        raise LabelError(f"{name} is empty: no voxel has a label")
    why_not = {convention.kind: _refusal(seen, convention) for convention in CONVENTIONS}
    fitting = [convention for convention in CONVENTIONS if why_not[convention.kind] is None]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        reasons = "; ".join(f"as {kind}: {why}" for kind, why in why_not.items())
        raise LabelError(f"{name} has numbers of no known convention ({reasons}); export it with names")
    raise LabelError(
        f"{name} has numbers that fit several conventions ({', '.join(c.kind for c in fitting)}), so its levels cannot "
        "be told; export it with names, as .seg.nrrd or as one file a bone (vertebrae_L4.nii.gz)"
    )


def _seen(codes: npt.NDArray[np.uint16], grid: Grid) -> dict[int, _Seen]:
    boxes = ndi.find_objects(codes.astype(np.int32)) if codes.any() else []
    seen = {}
    for number, box in enumerate(boxes, start=1):
        if box is None:
            continue
        cells = np.argwhere(codes[box] == number)
        start = np.array([s.start for s in box])
        is_cut = any(s.start == 0 or s.stop == n for s, n in zip(box, grid.shape, strict=True))
        middle = grid.to_lps(cells.mean(axis=0) + start)
        seen[number] = _Seen(middle, len(cells) * grid.voxel_volume_mm3 / 1000.0, is_cut)
    return seen


def _refusal(seen: Mapping[int, _Seen], convention: Convention) -> str | None:
    """Say why numbers do not follow a convention; None where they may."""
    strangers = set(seen) - convention.numbers
    if strangers:
        return f"there is no {max(strangers)}"
    known = [(convention.names[number], one) for number, one in seen.items() if number in convention.names]
    spine = {level_of(name) or "": one for name, one in known if level_of(name) is not None}
    sided = [(name, one) for name, one in known if side_of(name) is not None]
    if len(spine) < 2 and not any(name.startswith(("femur", "hip")) for name, _ in sided):
        return "fewer than two vertebrae, and neither femur nor hip bone"
    return _sizes(known) or _order(spine, known) or _sides(sided) or _pitch(spine)


def _sizes(known: list[tuple[str, _Seen]]) -> str | None:
    for name, one in known:
        first = name.split()[0]
        most = next((ml for start, ml in _LARGEST_ML.items() if name.startswith(start)), np.inf)
        if one.ml > most:
            return f"{name} would have {one.ml:.0f} mL"
        if one.ml < _SMALLEST_ML.get(first, 0.0) and not one.is_cut:
            return f"{name} would have {one.ml:.1f} mL"
    return None


def _order(spine: Mapping[str, _Seen], known: list[tuple[str, _Seen]]) -> str | None:
    levels = sorted(spine, key=LEVELS.index)
    for upper, lower in pairwise(levels):
        if spine[upper].middle_lps[2] <= spine[lower].middle_lps[2]:
            return f"{upper} would lie below {lower}"
    below = [one.middle_lps[2] for name, one in known if name == "sacrum" or name.startswith("femur")]
    lumbar = [spine[level].middle_lps[2] for level in levels if level[0] != "S"]
    if below and lumbar and max(below) >= min(lumbar):
        return "the sacrum or a femur would lie above a vertebra"
    return None


def _sides(sided: list[tuple[str, _Seen]]) -> str | None:
    named = {name: one for name, one in sided}
    for name, one in sided:
        other = named.get(name.replace("left", "right"))
        if "left" in name and other is not None and one.middle_lps[0] <= other.middle_lps[0]:
            return f"{name} would lie to the right of its other side"
    return None


def _pitch(spine: Mapping[str, _Seen]) -> str | None:
    """Compare the distances of neighbours with those of people."""
    levels = sorted((level for level in spine if level[0] != "S" and level not in ("T13", "L6")), key=LEVELS.index)
    pairs = [(a, b) for a, b in pairwise(levels) if _SPINE.index(b) - _SPINE.index(a) == 1]
    whole = [(a, b) for a, b in pairs if not (spine[a].is_cut or spine[b].is_cut)]
    pairs = whole or pairs
    if not pairs:
        return None
    apart = [float(np.linalg.norm(spine[a].middle_lps - spine[b].middle_lps)) for a, b in pairs]
    usual = float(np.mean([_usual_mm(a) for a, _ in pairs]))
    share = float(np.mean(apart)) / usual
    limits = [_NEIGHBOURS_MM[a[0]] for a, _ in pairs]
    possible = all(low <= mm <= high for mm, (low, high) in zip(apart, limits, strict=True))
    if not possible or not _PITCH_SHARE[0] <= share <= _PITCH_SHARE[1]:
        return f"neighbours would lie {np.mean(apart):.0f} mm apart, where {usual:.0f} is usual"
    return None


def _usual_mm(level: str) -> float:
    top, end = _PITCH_MM[level[0]]
    last = {"C": 7, "T": 12, "L": 5}[level[0]]
    return top + (end - top) * (int(level[1:]) - 1) / (last - 1)
