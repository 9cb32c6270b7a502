"""Free names of segments, turned to the planner's standard ones."""

import re

from planner.model.anatomy_labels import LEVELS, kind_of

_LONGEST = 80
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth".split()  # noqa: SIM905
)
_REGIONS = {"cervical": "C", "thoracic": "T", "lumbar": "L", "sacral": "S"}
_VERTEBRA = re.compile(r"(?:vertebrae? )?([ctls]) ?0?(\d{1,2})(?: vertebrae?)?")
_ORDINAL = re.compile(rf"({'|'.join(_ORDINALS)}) ({'|'.join(_REGIONS)}) vertebrae?")
_COUNTED = re.compile(rf"({'|'.join(_REGIONS)}) vertebrae? (\d{{1,2}})")
_RIB = re.compile(r"(?:rib (\d{1,2})|(\d{1,2})(?:st|nd|rd|th) rib)")
_SAME = {
    "hip bone": "hip",
    "innominate": "hip",
    "innominate bone": "hip",
    "os coxae": "hip",
    "pelvis": "hip",
    "hemipelvis": "hip",
    "ilium": "hip",
    "thigh bone": "femur",
    "femoral bone": "femur",
    "spinal canal": "canal",
    "vertebral canal": "canal",
    "cord": "spinal cord",
    "intervertebral disc": "disc",
    "intervertebral discs": "disc",
    "vertebrae discs": "disc",
    "iliac vena": "iliac vein",
    "lung upper lobe": "lung",
    "lung middle lobe": "lung",
    "lung lower lobe": "lung",
    "abdominal aorta": "aorta",
    "oesophagus": "esophagus",
    "bladder": "urinary bladder",
}


def standard_name(text: str, *, side: str = "") -> str | None:
    """Turn a segment's name into a standard one.

    Parameters
    ----------
    text : str
        As the file has it: "vertebrae_L4", "L4 vertebra", "Fourth lumbar vertebra", "Left femur", "hip_right",
        "spinal canal"; upper and lower case are one.
    side : str
        "left" or "right", where the file says it beside the name; empty else.

    Returns
    -------
    str or None
        "vertebra L4", "femur left", "canal"; None for a name that the planner has no use for.
    """
    words = re.sub(r"[^a-z0-9]+", " ", text[:_LONGEST].lower()).split()
    sides = {word for word in words if word in ("left", "right")} | ({side.lower()} & {"left", "right"})
    if len(sides) > 1:
        return None
    rest = " ".join(word for word in words if word not in ("left", "right"))
    vertebra = _vertebra(rest)
    if vertebra is not None:
        return vertebra
    rib = _RIB.fullmatch(rest)
    own = next(iter(sides), "")
    if rib is not None:
        return _known(f"rib {own} {int(rib.group(1) or rib.group(2))}")
    rest = _SAME.get(rest, rest)
    return _known(f"{rest} {own}".strip()) or _known(rest)


def _known(name: str) -> str | None:
    return name if kind_of(name) is not None else None


def _vertebra(text: str) -> str | None:
    short = _VERTEBRA.fullmatch(text)
    if short is not None:
        return _level(short.group(1).upper(), int(short.group(2)))
    counted = _COUNTED.fullmatch(text)
    if counted is not None:
        return _level(_REGIONS[counted.group(1)], int(counted.group(2)))
    spoken = _ORDINAL.fullmatch(text)
    if spoken is not None:
        return _level(_REGIONS[spoken.group(2)], _ORDINALS.index(spoken.group(1)) + 1)
    return None


def _level(region: str, number: int) -> str | None:
    level = f"{region}{number}"
    return f"vertebra {level}" if level in LEVELS else None
