"""How sharp a CT's reconstruction kernel is, by the names that the makers give to theirs."""

import re
from typing import Literal

from planner.io.dicom.headers import SliceHeader

Sharpness = Literal["sharp", "medium", "soft"]

_SHARP_FROM = 50
_MEDIUM_FROM = 45
"""Siemens: the number grows with the sharpness; 10 to 43 are for soft tissue, 50 to 90 for bone and lung (SOMATOM
Sensation application guide, "Body Kernels"; the newer Br, Hr, Ur kernels keep the scale)."""
_SIEMENS = re.compile(r"[A-Z][a-z]?(\d\d)[a-z]?")
_CANON = re.compile(r"FC(\d\d)")
_CANON_TENS: dict[int, Sharpness] = {0: "soft", 1: "soft", 2: "soft", 3: "sharp", 5: "medium", 8: "sharp"}
"""Canon and Toshiba count by purpose: FC01-FC19 body, FC20-FC29 head, FC30-FC39 bone, FC50-FC59 lung, FC80-FC89 high
resolution. Studies call FC13 soft tissue and FC55 lung; no full table is public: what is not listed is medium."""
_NAMED: dict[str, Sharpness] = {
    # GE, softest first; by their noise spectra Soft, Standard and Chest are like B35f, B43f and B41f of Siemens, Lung
    # like B80f (doi 10.1118/1.4752209). Lung and Edge overshoot at edges, yet Edge is made for bone.
    "SOFT": "soft",
    "STANDARD": "soft",
    "STND": "soft",
    "STD": "soft",
    "CHST": "soft",
    "CHEST": "soft",
    "DETAIL": "medium",
    "LUNG": "medium",
    "BONE": "sharp",
    "BONEPLUS": "sharp",
    "EDGE": "sharp",
    "ULTRA": "sharp",
    # Philips: A to C soft tissue, U* and E* brain, L lung, D, E and Y* detail and bone
    "A": "soft",
    "B": "soft",
    "C": "soft",
    "UA": "soft",
    "UB": "soft",
    "UC": "soft",
    "EA": "soft",
    "EB": "soft",
    "L": "medium",
    "YA": "medium",
    "D": "sharp",
    "E": "sharp",
    "YB": "sharp",
    "YC": "sharp",
    "YD": "sharp",
    # United Imaging
    "B_SOFT_A": "soft",
    "B_SOFT_B": "soft",
    "B_SOFT_C": "soft",
    "B_SHARP_A": "sharp",
    "B_SHARP_B": "sharp",
    "B_SHARP_C": "sharp",
}
_GROUPS: dict[str, Sharpness] = {"BONE": "sharp", "LUNG": "medium", "SOFT_TISSUE": "soft", "BRAIN": "soft"}
"""Convolution Kernel Group of Enhanced CT (PS3.3 C.8.15.3.7): the maker's own word, so it comes first."""


def sharpness(header: SliceHeader) -> Sharpness:
    """Say how sharp the kernel of a slice is.

    Parameters
    ----------
    header : SliceHeader
        The slice.

    Returns
    -------
    {"sharp", "medium", "soft"}
        "sharp" for bone kernels; "medium" also for lung kernels, which overshoot at edges, and for unknown names.
    """
    if header.kernel_group in _GROUPS:
        return _GROUPS[header.kernel_group]
    name = header.kernel.split(" ")[0].removeprefix("HD_")
    if found := _CANON.match(name.upper()):
        return _CANON_TENS.get(int(found[1]) // 10, "medium")
    if found := _SIEMENS.fullmatch(name):
        number = int(found[1])
        if name[1] == "l":  # a lung kernel
            return "medium"
        return "sharp" if number >= _SHARP_FROM else ("medium" if number >= _MEDIUM_FROM else "soft")
    return _NAMED.get(name.upper().rstrip("+"), "medium")
