"""How the report and the terminal say needles: plain words with figures for those who put them in."""

from collections.abc import Iterable, Sequence

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
)

NONE = "not measured"
THIN = "\u202f"
APPROACHES: dict[Approach, str] = {
    "transpedicular": "transpedicular",
    "extrapedicular": "extrapedicular",
    "femoral": "to the hip",
}
FAMILIES: dict[Family, str] = {
    "along the screw": "along the screw, touching its middle and sliding along its end",
    "beside the screw": "beside the screw, to its tip",
    "between pedicle and rib head": "between pedicle and rib head",
    "posterolateral": "from behind and the side",
    "juxtapedicular": "close by the pedicle's outer wall",
    "across the screw's course": "across the screw's course, where pedicle and body meet",
    "lateral": "from the side",
    "anterolateral": "from the side and front",
    "trochanteric": "from above, through the trochanter",
    "to the cup": "to the cup",
}
TERMS: dict[str, str] = {
    "clearance_metal": "free of metal",
    "clearance_canal": "free of the canal",
    "depth": "short way",
    "reach": "reaches much",
    "entry_angle": "square on the bone",
    "obliquity": "little oblique",
    "robustness": "forgives bad aim",
    "breach_distance": "far from breaches",
    "skin_in_view": "skin in the scan",
    "cement": "cement stays in",
}
"""The score's terms, each better towards 1."""
REASONS: dict[str, str] = {
    "metal": "would touch metal",
    "canal": "too near to the spinal canal",
    "forbidden": "through lung, gas or tissue that is out of bounds",
    "second bone": "through another bone on the way",
    "grazes bone": "grazes along the bone",
    "too long": "longer than the needle",
    "target outside bone": "tip not inside bone or gap",
    "no exit": "does not leave the bone",
    "entry too oblique to the cortex": "too flat on the bone, the tip would skate",
    "skin point across the midline or too far out": "skin point across the midline, or too far out",
    "not this approach's way through the bone": "not this way through the bone",
    "passes from one bone into another": "from one bone into another",
    "slide leaves the gap's safe surroundings": "the slide along the screw would leave safe ground",
}
"""Why candidates are refused, in words; reasons that are not here are words already."""
_MARGINS: dict[Margin, str] = {
    "metal": "metal",
    "canal": "the spinal canal",
    "forbidden tissue": "tissue that is out of bounds",
    "bone surface": "the bone's surface",
    "foramen": "a nerve's foramen",
    "one bone": "bone told apart from its neighbours",
}
_AXES = (("left", "right"), ("behind", "in front"), ("above", "below"))
_LEAST_MM = 0.5


def mm(value: float | None, digits: int = 1) -> str:
    """Write a length, "12.3 mm"; None reads "not measured"."""
    return NONE if value is None else f"{value:z.{digits}f}".replace("-", "−") + f"{THIN}mm"


def way_in_words(way: NeedleWay) -> str:
    """Say how a needle goes: "transpedicular, along the screw, ..."; the approach alone where no family is told."""
    approach = APPROACHES[way.approach]
    return approach if way.family is None else f"{approach}: {FAMILIES[way.family]}"


def from_landmark(mark: SkinLandmark) -> str:
    """Say where the skin is entered: "42 mm right of the midline", "12 mm below and 5 mm left of the trochanter"."""
    parts = [
        f"{abs(value):.0f}{THIN}mm {words[0] if value > 0 else words[1]}"
        for value, words in zip(mark.offset_mm, _AXES, strict=True)
        if abs(value) >= _LEAST_MM
    ]
    if not parts:
        return f"at the {mark.name}"
    joint = "" if parts[-1].endswith(("behind", "above", "below")) else " of"
    return f"{_and(parts)}{joint} the {mark.name}"


def skin_in_words(way: NeedleWay) -> str:
    """Say where the skin is entered, from every landmark that is known."""
    if way.entry_skin_lps is None:
        return "outside the scan"
    marks = way.skin_offsets or (() if way.skin_landmark is None else (way.skin_landmark,))
    return "; ".join(from_landmark(mark) for mark in marks) or "no landmark known"


def depths(marks: Sequence[DepthMark]) -> str:
    """Say what the tip is at, and when: "bone 41 · posterior wall 66 · target 83 mm from the skin"."""
    if not marks:
        return NONE
    if all(mark.from_skin_mm is not None for mark in marks):
        told = " · ".join(f"{mark.name} {mark.from_skin_mm:.0f}" for mark in marks)
        return f"{told}{THIN}mm from the skin"
    return " · ".join(f"{mark.name} {mark.from_bone_mm:.0f}" for mark in marks) + f"{THIN}mm from the bone's surface"


def near(structures: Iterable[NearStructure], most: int = 3) -> str:
    """Name the nearest structures: "metal 1.2 mm (30 mm before the target)"."""
    told = [
        f"{one.structure} {mm(one.distance_mm)} ({one.depth_mm:.0f}{THIN}mm before the target)"
        for one in list(structures)[:most]
    ]
    return "; ".join(told)


def crossed(crossings: Iterable[Crossing]) -> str:
    """Name what is crossed, in the order of the way: "muscle 32 mm, bone 41 mm"."""
    return ", ".join(f"{one.structure} {mm(one.length_mm, 0)}" for one in crossings)


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


def margins_in_words(margins: Iterable[Margin]) -> str:
    """Say to what a needle comes nearer than wanted."""
    return f"nearer than wanted to {_and([_MARGINS[margin] for margin in margins])}: no needle keeps the usual distance"


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
