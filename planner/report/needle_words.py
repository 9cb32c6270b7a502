"""How the report and the terminal say needles: plain words with figures for those who put them in."""

from collections.abc import Iterable, Sequence

from planner.model.implant import ImplantKind
from planner.model.needle import (
    AimError,
    Approach,
    BevelSetting,
    Crossing,
    CurvedCannula,
    DepthMark,
    Family,
    Margin,
    NearStructure,
    NeedleWay,
    PediclePassage,
    SkinLandmark,
    Trajectory,
)

NONE = "not measured"
NO_GAP = "none"
"""The gap of one's own needle that leads to no gap."""
THIN = "\u202f"
APPROACHES: dict[Approach, str] = {
    "transpedicular": "transpedicular",
    "extrapedicular": "extrapedicular",
    "femoral": "to the hip",
}
FAMILIES: dict[Family, str] = {
    "along the screw": "along the screw, touching its middle and sliding along its end",
    "beside the screw": "through the screw's pedicle, beside the screw",
    "between pedicle and rib head": "between pedicle and rib head",
    "posterolateral": "from behind and the side",
    "juxtapedicular": "close by the pedicle's outer wall",
    "across the screw's course": "across the screw's course, where pedicle and body meet",
    "lateral": "from the side",
    "anterolateral": "from the side and front",
    "trochanteric": "from above, through the trochanter",
    "to the cup": "to the cup",
}
_WITHOUT_SCREW: dict[Family, str] = {
    "beside the screw": "through the pedicle",
    "across the screw's course": "where pedicle and body meet",
}
"""The same ways to cages, fractures and intact levels, where no screw is."""
TERMS: dict[str, str] = {
    "clearance_metal": "free of implants",
    "clearance_canal": "free of the canal",
    "depth": "short way",
    "reach": "reaches much",
    "entry_angle": "square on the bone",
    "obliquity": "little oblique",
    "robustness": "forgives bad aim",
    "breach_distance": "far from breaches",
    "skin_in_view": "skin in the scan",
    "sureness": "surely in the gap",
    "entry_cortex": "thick cortex at the entry",
    "stress_riser": "hole far from weak places",
    "beside_screw": "tip beside the screw",
    "gap_round_tip": "gap all round the tip",
    "one_bone": "in one bone",
    "cement": "cement stays in",
}
"""The score's terms, each better towards 1."""
REASONS: dict[str, str] = {
    "metal": "would touch an implant or cement",
    "canal": "too near to the spinal canal",
    "forbidden": "through lung, gas or tissue that is out of bounds",
    "second bone": "through a second bone on the way",
    "another bone": "too near to a neighbouring bone",
    "grazes bone": "grazes along the bone",
    "too long": "longer than the needle",
    "target outside bone": "tip not inside bone or gap",
    "no way out of the bone": "does not leave the bone within the scan",
    "entry too oblique to the cortex": "too flat on the bone, the tip would skate",
    "not through the region that the settings want": "not through the entry region of the settings",
    "skin point across the midline or too far out": "skin point across the midline, or too far out",
    "not this approach's way through the bone": "not this way through the bone",
    "passes from one bone into another": "from one bone into another",
    "runs in bone not told to be its own": "in bone that was not told apart from its neighbours",
    "slide leaves the gap's safe surroundings": "the slide along the screw would leave safe ground",
    "too near to a nerve's foramen": "too near to a nerve's foramen",
    "through a disc": "through a disc",
    "crosses the medial pedicle wall": "crosses the medial pedicle wall",
    "too near the pelvis's inner wall": "too near to the pelvis's inner wall",
    "too near the far cortex": "too near to the far cortex",
    "through the cement mantle": "through the cement mantle that lies before the gap",
    "cortex missing or too thin at the entry": "cortex missing or too thin at the entry",
    "entry at a defect, plate, cable or screw": "entry at a defect, plate, cable or screw",
    "entry at a line that may be a fissure": "entry at a line that may be a fissure",
    "enters the femur on the way to the cup": "through the femur on the way to the cup",
    "through the joint": "through the joint",
    "enters the shaft, not the trochanter": "into the shaft, not the trochanter",
    "thin cortex at the stem's end": "thin cortex at the level of the stem's end",
}
"""Why candidates are refused, in words; reasons that are not here are whole words already."""
_MARGINS: dict[Margin, str] = {
    "metal": "an implant or cement",
    "canal": "the spinal canal",
    "forbidden tissue": "tissue that is out of bounds",
    "bone surface": "the bone's surface",
    "foramen": "a nerve's foramen",
    "disc": "a disc",
    "one bone": "bone told apart from its neighbours",
}
CLEARANCES = (
    ("metal", "implant or cement"),
    ("canal", "spinal canal"),
    ("forbidden", "tissue out of bounds"),
    ("other_bone", "other bones"),
    ("nearest_breach", "nearest breach"),
)
"""Fields of a needle's clearances, with their names; cages and cement are in the field of the metal, too."""
WITH_AIM = frozenset(("metal", "canal", "forbidden"))
"""Those that are told for a bad aim, too."""
_AXES = (("left", "right"), ("behind", "in front"), ("above", "below"))
_OF_SOFT_TISSUE = ("muscle", "fat")
_LEAST_MM = 0.5
FAR_SIDE = "far side of the bone"
"""How the model names what lies ahead of the tip."""


def mm(value: float | None, digits: int = 1) -> str:
    """Write a length, "12.3 mm"; None reads "not measured"."""
    return NONE if value is None else f"{value:z.{digits}f}".replace("-", "−") + f"{THIN}mm"


def way_in_words(way: NeedleWay, kind: ImplantKind | None) -> str:
    """Say how a needle goes: "transpedicular: along the screw, ..."; the approach alone where no family is told.

    Parameters
    ----------
    way : NeedleWay
        The needle.
    kind : str or None
        Of the implant that it leads to; None where there is none.

    Returns
    -------
    str
    """
    approach = APPROACHES[way.approach]
    return approach if way.family is None else f"{approach}: {family_in_words(way.family, kind)}"


def family_in_words(family: Family, kind: ImplantKind | None) -> str:
    """Name a family of ways to an implant of some kind (None: to no implant); screws are named where one is there."""
    said = None if kind == "pedicle_screw" else _WITHOUT_SCREW.get(family)
    return said or FAMILIES[family]


def from_landmark(mark: SkinLandmark) -> str:
    """Say where the skin is entered: "42 mm right of the midline"; as it is felt, where that was told."""
    if mark.in_words is not None:
        return mark.in_words.replace(" mm", f"{THIN}mm")
    name = mark.name.replace("spinous process vertebra", "spinous process of vertebra")
    # on the back the skin is measured across and along it, never into it
    on_back = "spinous process" in name
    parts = [
        f"{abs(value):.0f}{THIN}mm {words[0] if value > 0 else words[1]}"
        for value, words in zip(mark.offset_mm, _AXES, strict=True)
        if abs(value) >= _LEAST_MM and not (on_back and words[0] == "behind")
    ]
    if not parts:
        return f"at the {name}"
    joint = "" if parts[-1].endswith(("behind", "above", "below")) else " of"
    return f"{_and(parts)}{joint} the {name}"


def skin_in_words(way: NeedleWay) -> str:
    """Say where the skin is entered, from every landmark that is known."""
    if way.entry_skin_lps is None:
        return "outside the scan"
    marks = way.skin_offsets or (() if way.skin_landmark is None else (way.skin_landmark,))
    return "; ".join(from_landmark(mark) for mark in marks) or "no landmark known"


def skin_in_short(way: NeedleWay) -> str:
    """Say where the skin is entered, from its first landmark and the nearest other one.

    Parameters
    ----------
    way : NeedleWay
        The needle.

    Returns
    -------
    str
        "76 mm left of the midline; 8 mm above the spinous process of vertebra-2, 79 mm to its left", say.
    """
    marks = way.skin_offsets or (() if way.skin_landmark is None else (way.skin_landmark,))
    if way.entry_skin_lps is None or len(marks) < 3:
        return skin_in_words(way)
    nearest = min(marks[1:], key=lambda mark: sum(value * value for value in mark.offset_mm))
    return "; ".join(from_landmark(mark) for mark in (marks[0], nearest))


def depths(marks: Sequence[DepthMark]) -> str:
    """Say what the tip is at, and when: "bone 41 · posterior wall 66 · target 83 mm from the skin"."""
    if not marks:
        return NONE
    if all(mark.from_skin_mm is not None for mark in marks):
        told = " · ".join(f"{mark.name} {mark.from_skin_mm:.0f}" for mark in marks)
        return f"{told}{THIN}mm from the skin"
    return " · ".join(f"{mark.name} {mark.from_bone_mm:.0f}" for mark in marks) + f"{THIN}mm from the bone's surface"


def depth_in_short(way: NeedleWay) -> str:
    """Say how deep a needle goes: "92 mm from the skin, 16 mm in bone"; from the bone where the skin is not known.

    Parameters
    ----------
    way : NeedleWay
        The needle.

    Returns
    -------
    str
    """
    in_bone = f"{mm(way.depth_in_bone_mm, 0)} in bone"
    if way.depth_from_skin_mm is None:
        return f"{in_bone}; from the skin {NONE}"
    return f"{mm(way.depth_from_skin_mm, 0)} from the skin, {in_bone}"


def near(structures: Iterable[NearStructure], most: int = 3) -> str:
    """Name the nearest structures: "screw-1 1.2 mm (30 mm before the target)"."""
    return "; ".join(f"{one.structure} {mm(one.distance_mm)} ({_where(one)})" for one in list(structures)[:most])


def _where(near: NearStructure) -> str:
    if near.structure == FAR_SIDE:
        return "ahead of the tip"
    return "at the target" if near.depth_mm < _LEAST_MM else f"{near.depth_mm:.0f}{THIN}mm before the target"


def crossed(crossings: Iterable[Crossing]) -> str:
    """Name what is crossed, in the order of the way: "soft tissue 40 mm (muscle 32 mm, fat 5 mm), bone 41 mm"."""
    told = [(one.structure, f"{one.structure} {mm(one.length_mm, 0)}") for one in crossings]
    names = [name for name, _ in told]
    parts = [text for name, text in told if "soft tissue" in names and name in _OF_SOFT_TISSUE]
    whole = f" ({', '.join(parts)})" if parts else ""
    return ", ".join(text + (whole if name == "soft tissue" else "") for name, text in told if text not in parts)


def passage_in_words(passage: PediclePassage) -> str:
    """Say how a needle passes a pedicle, with its Gertzbein-Robbins grade."""
    grade = "grade not told, its wall is not seen" if passage.grade is None else f"grade {passage.grade}"
    parts = [f"{passage.side} pedicle of {passage.bone}: {grade} (Gertzbein-Robbins)"]
    if passage.beyond_wall_mm is not None and passage.beyond_wall_mm > 0.0:
        parts.append(f"{mm(passage.beyond_wall_mm)} out of it")
    if passage.medial_wall_mm is not None:
        parts.append(f"{mm(passage.medial_wall_mm)} from the canal before the posterior wall")
    if passage.width_mm is not None:
        parts.append(f"{mm(passage.width_mm)} wide")
    return ", ".join(parts)


def bevel_in_words(bevel: BevelSetting) -> str:
    """Say whither the bevel's opening faces."""
    return f"opening to {bevel.clock} o'clock on the bull's-eye view: {bevel.reason}"


def cannula_in_words(cannula: CurvedCannula) -> str:
    """Say what curved cannula goes through the needle."""
    radius = mm(cannula.radius_mm, 0)
    return f"curved, {mm(cannula.arc_mm, 0)} beyond the needle, {cannula.turn_deg:.0f}° (radius {radius})"


def aimed_badly(error: AimError | None, what: str) -> str:
    """Say what is left of one clearance with a bad aim."""
    value = None if error is None else getattr(error, what, None)
    if value is None:
        return NONE
    return mm(value) if value >= 0.0 else f"{mm(value)}: would meet it"


def clearance_in_words(way: NeedleWay, field: str) -> str:
    """Say one clearance, "1.2 mm"; of a needle to a gap "none found" where that gap has no breach."""
    value = getattr(way.clearance_mm, field)
    # of a target picked by hand nobody asked where it leaks
    asked = isinstance(way, Trajectory) and way.gap_id != NO_GAP
    return "none found" if field == "nearest_breach" and value is None and asked else mm(value)


def margins_in_words(margins: Iterable[Margin]) -> str:
    """Say to what a needle comes nearer than wanted."""
    near = _and([_MARGINS[margin] for margin in margins])
    return f"nearer than wanted to {near}: no needle of this way keeps the usual distance"


def refused_in_words(counts: dict[str, int], most: int = 4) -> str:
    """Say why candidates were refused, the commonest reason first: "would touch metal 1 204; ..."."""
    told = sorted(((count, reason) for reason, count in counts.items() if count), key=lambda one: (-one[0], one[1]))
    parts = [f"{REASONS.get(reason, reason)} {thousands(count)}" for count, reason in told[:most]]
    rest = sum(count for count, _ in told[most:])
    return "; ".join([*parts, *([f"others {thousands(rest)}"] if rest else [])])


def thousands(count: int) -> str:
    """Write a count, "12 345"."""
    return f"{count:,}".replace(",", THIN)


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
