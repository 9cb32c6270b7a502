"""Random hips: a patient, a replacement that fits, and the faults asked for."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from planner.config.phantoms.hip.defects import (
    GRUEN_ALL,
    Fissure,
    GruenZone,
    Hole,
    LucentLine,
    Osteolysis,
    Toggle,
    WornWall,
)
from planner.config.phantoms.hip.implants import (
    BrokenStem,
    Cup,
    CupScrew,
    Head,
    Mantle,
    MetalName,
    Opacifier,
    Stem,
    StemShape,
)
from planner.config.phantoms.hip.patient import HipPatient, Side, draw_patient
from planner.config.phantoms.hip.phantom import HipPhantom
from planner.config.phantoms.scan import AnyScan, ScanSettings
from planner.errors import UsageError
from planner.phantoms.hip.defects.decoy_choice import with_decoys
from planner.phantoms.hip.hardware.stems import fit_stem
from planner.phantoms.hip.patient.bed import bed_of

HipDefect = Literal[
    "line", "whole line", "debonding", "toggle", "osteolysis", "cup line", "cup osteolysis", "hole", "cup hole",
    "worn calcar", "perforation", "fissure", "broken stem", "broken screw", "thin mantle", "cracked mantle", "rim",
]  # fmt: skip
HIP_DEFECTS: tuple[HipDefect, ...] = get_args(HipDefect)
_CEMENTED: frozenset[HipDefect] = frozenset({"debonding", "thin mantle", "cracked mantle"})
_PROXIMAL: tuple[GruenZone, ...] = ("gruen-1", "gruen-7", "gruen-8", "gruen-14")
_RUNS: tuple[tuple[GruenZone, ...], ...] = (
    ("gruen-1", "gruen-2"),
    ("gruen-1", "gruen-8", "gruen-7"),
    ("gruen-3", "gruen-4", "gruen-5"),
    ("gruen-5", "gruen-6"),
    ("gruen-2", "gruen-3", "gruen-4"),
    ("gruen-9", "gruen-10", "gruen-11"),
    ("gruen-6", "gruen-7", "gruen-14"),
)
_BESIDE: tuple[GruenZone, ...] = (
    "gruen-1",
    "gruen-2",
    "gruen-3",
    "gruen-5",
    "gruen-6",
    "gruen-7",
    "gruen-10",
    "gruen-12",
)
_TRIES = 12


@dataclass(frozen=True)
class _Dice:
    random: np.random.Generator

    def between(self, low: float, high: float) -> float:
        return round(float(self.random.uniform(low, high)), 2)

    def index(self, count: int) -> int:
        return int(self.random.integers(count))


def draw_hip(
    *,
    seed: int,
    side: Side | None = None,
    stem: StemShape | None = None,
    cemented: bool | None = None,
    metal: MetalName | None = None,
    loose: bool | None = None,
    defects: tuple[HipDefect, ...] = (),
    clipped: bool = True,
    scan: AnyScan | None = None,
    decoys: bool = True,
) -> HipPhantom:
    """Draw a hip phantom from the population.

    Parameters
    ----------
    seed : int
        The same seed gives the same recipe.
    side : "left", "right" or None
        None: drawn.
    stem : StemShape or None
        None: drawn; a shape that the patient's canal has no room for is left for another.
    cemented : bool or None
        Whether the stem lies in cement. None: as its shape and the defects ask, else drawn.
    metal : MetalName or None
        Of the stem; None: titanium without cement, cobalt-chrome or steel in cement.
    loose : bool or None
        True: a line round the whole stem is added if no defect makes it loose. False: no implant is loose by the rule
        (a stem from half its zones or from a line over 2 mm on, a cup from a line over all its zones on); the defects
        named, partial lines and cavities among them, are there all the same, and gaps with them. A defect that makes
        loose is refused. None: as the defects say. Without defects, a hip that is not loose has no gap: the control.
    defects : tuple of HipDefect
        One of each kind named, in drawn places and sizes; nothing else.
    clipped : bool
        Whether HU are cut off at 3071.
    scan : AnyScan or None
        How he is scanned; None: with the physics of a CT, as `clipped` says.
    decoys : bool
        Whether there are things that may fool a reader, in the patient and round the implant: drawn at random, each to
        be seen in the stored field. Set chosen ones on the recipe (`decoys`, `patient.decoys`).

    Returns
    -------
    HipPhantom

    Raises
    ------
    UsageError
        If a defect is unknown, or what is asked for cannot go together.
    """
    _require_sense(defects, stem=stem, cemented=cemented, loose=loose)
    dice = _Dice(np.random.default_rng([seed, 0x41F]))
    patient, made = _stem_that_fits(seed, dice, side=side, shape=stem, cemented=cemented, metal=metal, defects=defects)
    broken_screw = "broken screw" in defects
    cup_cemented = made.mantle is not None and not broken_screw and dice.random.random() < 0.6
    screws = () if cup_cemented else tuple(_screw(dice, number) for number in range(dice.index(4)))
    if broken_screw:
        screws = (_screw(dice, 0).model_copy(update={"broken": True}), *screws[1:])
    size = float(np.clip(round(patient.head_diameter_mm + 9.0), 46.0, 60.0))
    cup = Cup(
        fixation="cemented" if cup_cemented else "press-fit",
        diameter_mm=max(size - 4.0, 44.0) if cup_cemented else size,
        inclination_deg=dice.between(34.0, 50.0),
        anteversion_deg=dice.between(6.0, 26.0),
        screws=screws,
    )
    faults = _faults(dice, defects, loose=loose)
    sizes = (28.0, 32.0, 36.0) if cup.diameter_mm >= 50.0 else (28.0, 32.0)
    materials: tuple[Literal["cobalt-chrome", "ceramic", "steel"], ...] = ("cobalt-chrome", "ceramic", "steel")
    head = Head(diameter_mm=sizes[dice.index(len(sizes))], material=materials[dice.index(3 if made.mantle else 2)])
    recipe = HipPhantom(
        patient=patient,
        stem=made,
        head=head,
        cup=cup,
        lines=faults.lines,
        toggle=faults.toggle,
        lesions=faults.lesions,
        holes=faults.holes,
        worn=faults.worn,
        fissures=faults.fissures,
        rim_mm=dice.between(0.7, 1.4) if "rim" in defects else 0.0,
        scan=scan or ScanSettings(seed=seed, hu_clipped_at=3071.0 if clipped else None),
        seed=seed,
    )
    return with_decoys(recipe, np.random.default_rng([seed, 0x41D])) if decoys else recipe


def _require_sense(
    defects: tuple[HipDefect, ...], *, stem: StemShape | None, cemented: bool | None, loose: bool | None
) -> None:
    unknown = [d for d in defects if d not in HIP_DEFECTS]
    if unknown:
        raise UsageError(f"there is no defect {unknown[0]!r} of a hip; choose from {', '.join(HIP_DEFECTS)}")
    needs_cement = sorted(_CEMENTED & set(defects))
    if needs_cement and (cemented is False or stem in ("cylindrical", "curved")):
        raise UsageError(f"{needs_cement[0]} needs a stem in cement")
    if "perforation" in defects and (cemented or stem == "polished" or needs_cement):
        raise UsageError("a stem that perforates the femur is made without cement only")
    if cemented is False and stem == "polished":
        raise UsageError("a polished taper needs cement")
    if cemented and stem in ("cylindrical", "curved"):
        raise UsageError(f"a {stem} stem is held by bone: it takes no cement")
    loosening = sorted({"whole line", "toggle", "debonding", "broken stem", "cracked mantle"} & set(defects))
    if loose is False and loosening:
        raise UsageError(f"a stem with {loosening[0]} is not firm")
    if len({"line", "whole line", "toggle"} & set(defects)) > 1:
        raise UsageError("choose one of line, whole line and toggle")


def _stem_that_fits(
    seed: int, dice: _Dice, *, side: Side | None, shape: StemShape | None, cemented: bool | None,
    metal: MetalName | None, defects: tuple[HipDefect, ...],
) -> tuple[HipPatient, Stem]:  # fmt: skip
    """Draw patients and stems until one fits the other; the first patient nearly always does."""
    for attempt in range(_TRIES):
        patient = draw_patient(seed=seed + 100_003 * attempt, side=side)
        femur = bed_of(patient).femur_bone
        for made in _candidates(dice, shape=shape, cemented=cemented, metal=metal, defects=defects):
            try:
                fit_stem(made, femur)
            except UsageError:
                continue
            return patient, made
    raise UsageError("no patient was found whose femur has room for that stem: ask for another shape")


def _candidates(
    dice: _Dice, *, shape: StemShape | None, cemented: bool | None, metal: MetalName | None,
    defects: tuple[HipDefect, ...],
) -> list[Stem]:  # fmt: skip
    in_cement = cemented
    if in_cement is None:
        in_cement = bool(_CEMENTED & set(defects)) or shape == "polished"
        free = shape in (None, "tapered", "collared", "short") and "perforation" not in defects
        in_cement = in_cement or (free and shape is None and dice.random.random() < 0.35)
    uncemented: tuple[StemShape, ...] = ("tapered", "collared", "short", "cylindrical", "curved")
    shapes: tuple[StemShape, ...] = ("polished",) if in_cement else uncemented
    if "perforation" in defects:
        shapes = ("tapered", "short")
    order = [shapes[i] for i in dice.random.permutation(len(shapes))] if shape is None else [shape]
    thickness = dice.between(2.0, 3.0)
    opacifiers: tuple[Opacifier, ...] = ("barium sulphate", "zirconia")
    opacifier = opacifiers[dice.index(2)]
    metals: tuple[MetalName, ...] = ("steel", "cobalt-chrome") if in_cement else ("titanium",)
    chosen = metal or metals[dice.index(len(metals))]
    thin = (int((2, 3, 5, 6)[dice.index(4)]),) if "thin mantle" in defects else ()
    crack = dice.between(0.35, 0.8) if "cracked mantle" in defects else None
    broken = BrokenStem(at_share=dice.between(0.35, 0.65)) if "broken stem" in defects else None
    varus = dice.between(-1.0, 2.0)
    made = []
    for name in order:
        # A narrow canal takes a thinner mantle, or a stem in line with it.
        for mantle_mm, tilt in ((thickness, varus), (thickness, 0.0), (1.5, 0.0)):
            mantle = Mantle(thickness_mm=mantle_mm, opacifier=opacifier, thin_zones=thin, cracked_at=crack)
            made.append(
                Stem(
                    shape=name, material=chosen, mantle=mantle if in_cement else None, broken=broken,
                    varus_deg=tilt, perforates="perforation" in defects,
                )
            )  # fmt: skip
    return made


def _screw(dice: _Dice, number: int) -> CupScrew:
    turns = (126.0, 60.0, 170.0)
    return CupScrew(tilt_deg=dice.between(18.0, 30.0), turn_deg=turns[number] + dice.between(-8.0, 8.0))


@dataclass(frozen=True)
class _Faults:
    lines: tuple[LucentLine, ...]
    toggle: Toggle | None
    lesions: tuple[Osteolysis, ...]
    holes: tuple[Hole, ...]
    worn: tuple[WornWall, ...]
    fissures: tuple[Fissure, ...]


def _faults(dice: _Dice, defects: tuple[HipDefect, ...], *, loose: bool | None) -> _Faults:
    lesions, holes = [], []
    if "osteolysis" in defects:
        lesions.append(_cavity(dice, _BESIDE[dice.index(len(_BESIDE))]))
    if "cup osteolysis" in defects:
        zones: tuple[Literal["charnley-1", "charnley-2"], ...] = ("charnley-1", "charnley-2")
        lesions.append(_cavity(dice, zones[dice.index(2)]))
    if "hole" in defects:
        beside: tuple[GruenZone, ...] = ("gruen-1", "gruen-2", "gruen-3", "gruen-9")
        holes.append(Hole(zone=beside[dice.index(4)], diameter_mm=dice.between(3.5, 7.0)))
    if "cup hole" in defects:
        holes.append(Hole(zone="charnley-2", diameter_mm=dice.between(3.5, 7.0)))
    toggle = None
    if "toggle" in defects:
        toggle = Toggle(
            shoulder_mm=dice.between(1.5, 2.5), tip_mm=dice.between(2.0, 4.0), pivot_mm=dice.between(0.5, 0.9),
            pivot_share=dice.between(0.3, 0.5),
        )  # fmt: skip
    worn = (WornWall(left_mm=dice.between(0.3, 0.6), breadth_mm=dice.between(6.0, 10.0)),)
    fissure_at: tuple[GruenZone, ...] = ("gruen-5", "gruen-6", "gruen-7", "gruen-3", "gruen-9")
    fissure = Fissure(
        zone=fissure_at[dice.index(len(fissure_at))], length_mm=dice.between(22.0, 45.0),
        width_mm=dice.between(0.6, 1.5), slant_deg=dice.between(-25.0, 25.0),
    )  # fmt: skip
    return _Faults(
        lines=_lines(dice, defects, loose=loose),
        toggle=toggle,
        lesions=tuple(lesions),
        holes=tuple(holes),
        worn=worn if "worn calcar" in defects else (),
        fissures=(fissure,) if "fissure" in defects else (),
    )


def _cavity(dice: _Dice, zone: GruenZone | Literal["charnley-1", "charnley-2"]) -> Osteolysis:
    cup = zone.startswith("charnley")
    return Osteolysis(
        zone=zone,
        depth_mm=dice.between(7.0, 12.0),
        height_mm=dice.between(16.0, 24.0) if cup else dice.between(18.0, 34.0),
        breadth_mm=dice.between(14.0, 22.0),
        scalloped=dice.random.random() < 0.7,
    )


def _lines(dice: _Dice, defects: tuple[HipDefect, ...], *, loose: bool | None) -> tuple[LucentLine, ...]:
    lines = []
    partial = LucentLine(zones=_RUNS[dice.index(len(_RUNS))], width_mm=dice.between(1.2, 2.0))
    wider = partial.model_copy(update={"width_mm": dice.between(2.1, 3.2)})
    whole = LucentLine(zones=GRUEN_ALL, width_mm=dice.between(1.2, 2.6))
    shown = {"toggle", "debonding", "broken stem", "cracked mantle"} & set(defects)
    if "whole line" in defects:
        lines.append(whole)
    elif "line" in defects:
        lines.append(wider if loose else partial)
    elif loose and not shown:
        lines.append(whole)
    if "debonding" in defects:
        lines.append(LucentLine(zones=_PROXIMAL, width_mm=dice.between(0.6, 1.2), interface="stem"))
    if "cup line" in defects:
        runs: tuple[tuple[Literal["charnley-1", "charnley-2", "charnley-3"], ...], ...] = (
            ("charnley-1",),
            ("charnley-1", "charnley-2"),
            ("charnley-1", "charnley-2", "charnley-3"),
        )
        # Over all zones a cup is loose.
        lines.append(LucentLine(zones=runs[dice.index(2 if loose is False else 3)], width_mm=dice.between(1.2, 2.5)))
    return tuple(lines)
