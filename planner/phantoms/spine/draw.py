"""Random recipes of instrumented spines: patients from the population, hardware that fits, chosen defects."""

from collections.abc import Iterable
from typing import Any, Literal, get_args

import numpy as np

from planner.config.phantoms.scan import AnyScan, ScanSettings
from planner.config.phantoms.spine.altered import (
    AorticContrast,
    BoneIsland,
    CollapsedFracture,
    DiscGas,
    EcgLead,
    FractureLine,
    FusionMass,
    JunctionalFracture,
    Laminectomy,
)
from planner.config.phantoms.spine.hardware import Metal
from planner.config.phantoms.spine.morphometry import Level
from planner.config.phantoms.spine.patient import SpinePatient, draw_patient
from planner.config.phantoms.spine.phantom import SpineKind, SpinePhantom
from planner.errors import UsageError
from planner.model.implant import Side
from planner.phantoms.spine.defects.seen import seen_decoys
from planner.phantoms.spine.hardware.aim import Misplaced
from planner.phantoms.spine.hardware.construct import SCREW_DEFECTS, Construct, ScrewDefect
from planner.phantoms.spine.patient.poses import vertebrae_of

DefectName = ScrewDefect | Literal["broken_rod", "disassembled", "cage_subsidence", "fracture_level"]
AlteredName = Literal["laminectomy", "fusion_mass", "deformity", "fracture_line", "junctional_fracture"]
DEFECTS: tuple[str, ...] = (*SCREW_DEFECTS, "broken_rod", "disassembled", "cage_subsidence", "fracture_level")
ALTERED: tuple[str, ...] = get_args(AlteredName)
_FIRM_TOO = {*get_args(Misplaced), "broken_rod", "disassembled", "fracture_level"}
"""Defects that a spine without a loose screw may have."""
_HARDWARE_LEVELS: dict[str, tuple[tuple[Level, ...], ...]] = {
    "lumbar": (("L3", "L4", "L5"), ("L4", "L5", "S1"), ("L3", "L4", "L5", "S1"), ("L2", "L3", "L4")),
    "thoracic": (("T7", "T8", "T9"), ("T6", "T7", "T8", "T9"), ("T8", "T9", "T10")),
}


def draw_spine(
    kind: SpineKind,
    *,
    seed: int,
    loose: bool = True,
    defects: Iterable[DefectName] | None = None,
    metal: Metal = "titanium",
    rod_metal: Metal | None = None,
    clipped: bool = False,
    decoys: bool = True,
    altered: Iterable[AlteredName] = (),
    pelvis: bool = False,
    scan: AnyScan | None = None,
) -> SpinePhantom:
    """Draw a random instrumented spine.

    Parameters
    ----------
    kind : "lumbar" or "thoracic"
        Which part of the spine.
    seed : int
        The same recipe for the same seed and choices.
    loose : bool
        Whether screws are loose.
    defects : iterable of DefectName or None
        One screw, rod, cage or level has each of them; None for the four kinds of halo where screws are loose.
    metal : "titanium", "cobalt-chrome" or "steel"
        Of the screws.
    rod_metal : the same, or None
        Of the rods; None for that of the screws.
    clipped : bool
        Whether the default scan is clipped at 3071 HU; it has extended HU otherwise.
    decoys : bool
        Whether there are things that may fool a reader.
    altered : iterable of AlteredName
        What surgery or disease has changed.
    pelvis : bool
        Whether a lumbar construct is anchored in sacrum and ilium.
    scan : ScanSettings, IdealScan or None
        How it is scanned by default; None for an ideal scan.

    Returns
    -------
    SpinePhantom

    Raises
    ------
    UsageError
        If a defect or alteration is unknown, or does not fit with the other choices.
    """
    wanted = _wanted(loose, defects)
    changes = _known(altered, ALTERED, "alteration")
    if pelvis and kind != "lumbar":
        raise UsageError("only a lumbar phantom has a pelvis")
    random = np.random.default_rng([seed, 0 if kind == "lumbar" else 1, 62])
    patient = draw_patient(kind, seed=seed, deformed="deformity" in changes, decoys=decoys)
    levels = _levels(kind, random, pelvis=pelvis)
    patient = _altered(patient, levels, changes, random, fracture="fracture_level" in wanted)
    if decoys:
        patient = _with_decoys(patient, levels, random)
    construct = Construct(patient, levels, metal, random, loose=loose)
    construct.place(pelvis=pelvis)
    for name in wanted:
        construct.inflict(name)
    rods = construct.rods(rod_metal or metal, wanted)
    cages = construct.cages(sunk="cage_subsidence" in wanted, firm=decoys)
    cements = construct.cements() if decoys else ()
    if decoys:
        construct.touch_fat(cages)
    ceiling = 3071.0 if clipped else None
    recipe = SpinePhantom(
        kind=kind, patient=patient, screws=tuple(construct.screws), rods=rods, cages=cages, cements=cements,
        scan=scan or ScanSettings(seed=seed, hu_clipped_at=ceiling),
        seed=seed,
    )  # fmt: skip
    return recipe.model_copy(update={"patient": _changed(patient, decoys=seen_decoys(recipe))})


def _known(names: Iterable[str], known: tuple[str, ...], what: str) -> tuple[str, ...]:
    chosen = tuple(names)
    for name in chosen:
        if name not in known:
            raise UsageError(f"there is no {what} {name!r}; choose from {', '.join(known)}")
    return chosen


def _wanted(loose: bool, defects: Iterable[str] | None) -> tuple[str, ...]:  # noqa: FBT001 - a private pass-through
    if defects is None:
        return ("even", "one_sided", "tip", "wiper") if loose else ()
    wanted = _known(defects, DEFECTS, "defect")
    if not loose and (wrong := [d for d in wanted if d not in _FIRM_TOO]):
        raise UsageError(f"{wrong[0]!r} makes something loose, and nothing is to be loose")
    return wanted


def _levels(kind: SpineKind, random: np.random.Generator, *, pelvis: bool) -> tuple[Level, ...]:
    choices = _HARDWARE_LEVELS[kind]
    if pelvis:
        choices = tuple(c for c in choices if "S1" in c)
    return choices[int(random.integers(len(choices)))]


def _altered(
    patient: SpinePatient, levels: tuple[Level, ...], changes: tuple[str, ...], random: np.random.Generator,
    *, fracture: bool,
) -> SpinePatient:  # fmt: skip
    bony = [name for name in levels if name != "S1"]
    made: list[Any] = list(patient.altered)
    if "laminectomy" in changes:
        made.append(Laminectomy(levels=(bony[len(bony) // 2],)))
    if "fusion_mass" in changes:
        made.append(FusionMass(levels=tuple(bony[-2:]), seed=int(random.integers(1, 1000))))
    if "fracture_line" in changes:
        made.append(FractureLine(level=bony[0], width_mm=round(float(random.uniform(0.8, 2.0)), 2)))
    if "junctional_fracture" in changes:
        above = patient.levels[max(patient.levels.index(levels[0]) - 1, 0)]
        made.append(JunctionalFracture(level=above, front_loss=round(float(random.uniform(0.25, 0.55)), 2)))
    if fracture:
        # In the level above the construct, or in its own middle where there is no other.
        above = patient.levels[max(patient.levels.index(levels[0]) - 1, 0)]
        fill: Literal["gas", "fluid"] = "gas" if random.random() < 0.5 else "fluid"
        made.append(CollapsedFracture(level=above, front_loss=0.35, middle_loss=0.3, cleft=fill))
    return _changed(patient, altered=tuple(made))


def _with_decoys(patient: SpinePatient, levels: tuple[Level, ...], random: np.random.Generator) -> SpinePatient:
    bony = [name for name in patient.levels if name != "S1"]
    collapsed = {a.level for a in patient.altered if hasattr(a, "level")}
    more: list[Any] = list(patient.decoys)
    gas = [name for name in bony[:-1] if name not in collapsed]
    if gas and random.random() < 0.5:
        more.append(DiscGas(level=gas[int(random.integers(len(gas)))]))
    if random.random() < 0.4:
        level = bony[int(random.integers(len(bony)))]
        if level not in collapsed:
            more.append(BoneIsland(level=level, diameter_mm=round(float(random.uniform(4.0, 8.0)), 1)))
    if random.random() < 0.3:
        more.append(AorticContrast())
    if random.random() < 0.3:
        lowest = next(v for v in vertebrae_of(patient) if v.level == levels[-1])
        side: Side = "left" if random.random() < 0.5 else "right"
        more.append(EcgLead(side=side, on="back", up_mm=round(lowest.centre_lps[2], 1)))
    return _changed(patient, decoys=tuple(more))


def _changed(patient: SpinePatient, **update: Any) -> SpinePatient:
    # Through the model, so that what is changed is checked.
    return SpinePatient.model_validate({**dict(patient), **update})
