"""Which decoys a drawn hip has: some of each kind, all of them to be seen in the scan."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from planner.config.phantoms.hip.decoys import (
    ArterialCalcification,
    BladderContrast,
    BoneIsland,
    BowelContrast,
    BowelGas,
    EcgLead,
    HeterotopicOssification,
    HipDecoy,
    MarrowFat,
    NutrientCanal,
    VascularChannels,
    VesselContrast,
)
from planner.config.phantoms.hip.defects import ImplantDecoy
from planner.config.phantoms.hip.phantom import HipPhantom
from planner.geometry.frames import PointsLps
from planner.geometry.grid import Grid
from planner.phantoms.hip.build import BuiltHip
from planner.phantoms.hip.defects.decoys import decoy_parts
from planner.phantoms.hip.defects.reactions import decoy_parts as sign_parts
from planner.phantoms.hip.design import grid_of, scene_of
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.raster import contains, pieces_of

_OF_FIRM_STEMS: tuple[ImplantDecoy, ...] = ("pedestal", "spot welds", "stress shielding")
"""Signs of an uncemented stem that bone holds."""
_POINTS = 12_000
_LEAST_PAINTED = 0.6
"""Share that must lie under nothing else (by eye; a little over half)."""
_LEAST_STORED, _LEAST_STORED_ML = 0.5, 2.0


def with_decoys(recipe: HipPhantom, random: np.random.Generator) -> HipPhantom:
    """Give a hip a few things that may fool a reader though nothing is wrong.

    Parameters
    ----------
    recipe : HipPhantom
        Without decoys.
    random : Generator
        By which they are drawn; how many and which is set by eye, as no source was found.

    Returns
    -------
    HipPhantom
        Up to five decoys of the patient, up to two of the implant (the signs of a firm stem only where the stem
        is firm: no cement, no line), each of which is to be seen (`is_seen`).
    """
    candidates, signs = _candidates(random), _signs(recipe, random)[: int(random.integers(1, 3))]
    wanted = int(random.integers(3, 6))
    hip = BuiltHip(_changed(recipe, tuple(candidates), signs))
    scene, grid = scene_of(hip), grid_of(hip)
    around = hip.bed.surroundings(hip.cup.opening_lps, hip.cup.core_radius_mm)
    drawn = {d: [p for some in decoy_parts((d,), around) for p in some] for d in candidates}
    seen = tuple(d for d in candidates if is_seen(drawn[d], scene, grid))[:wanted]
    shown = (s for s in signs if is_seen(sign_parts((s,), hip.bed, hip.stem), scene, grid))
    return _changed(recipe, seen, tuple(shown))


def is_seen(parts: Sequence[Part], scene: Scene, grid: Grid) -> bool:
    """Say whether a decoy is to be seen in the scan.

    Parameters
    ----------
    parts : sequence of Part
        Of one decoy.
    scene : Scene
        The phantom with it.
    grid : Grid
        Of its scan.

    Returns
    -------
    bool
        Over half of it lies in the stored field, or 2 mL of it (as of a bladder, that no scan of one hip holds), and
        most of that under nothing else.
    """
    names = {p.name for p in parts}
    points, each_ml = _points_of(parts)
    stored = PointsLps(points[grid.contains(points)])
    if not len(stored):
        return False
    painted = np.mean([i >= 0 and scene.parts[i].name in names for i in scene.part_index_at(stored)])
    enough = len(stored) >= _LEAST_STORED * len(points) or len(stored) * each_ml >= _LEAST_STORED_ML
    return bool(enough and painted >= _LEAST_PAINTED)


def _points_of(parts: Sequence[Part]) -> tuple[PointsLps, float]:
    """Spread points evenly over a decoy, and say what volume each stands for, mL."""
    random = np.random.default_rng(5)
    pieces = [piece for part in parts for piece in pieces_of(part.solid)]
    boxes = np.array([float(np.prod(np.subtract(*piece.bounds_lps[::-1]))) for piece in pieces])
    found = []
    for piece, box_mm3 in zip(pieces, boxes, strict=True):
        count = int(np.ceil(_POINTS * box_mm3 / boxes.sum()))
        points = PointsLps(random.uniform(*piece.bounds_lps, (count, 3)))
        found.append(points[contains(piece, points)])
    return PointsLps(np.concatenate(found)), float(boxes.sum()) / _POINTS / 1000.0


def _changed(recipe: HipPhantom, decoys: tuple[HipDecoy, ...], signs: tuple[ImplantDecoy, ...]) -> HipPhantom:
    patient = recipe.patient.model_copy(update={"decoys": decoys})
    return recipe.model_copy(update={"patient": patient, "decoys": signs})


def _signs(recipe: HipPhantom, random: np.random.Generator) -> tuple[ImplantDecoy, ...]:
    stem_lines = any(line.zones[0].startswith("gruen") for line in recipe.lines)
    stem = recipe.stem
    held = not (stem_lines or recipe.toggle or stem.mantle or stem.broken or stem.perforates)
    names: tuple[ImplantDecoy, ...] = (*(_OF_FIRM_STEMS if held else ()), "neck osteophyte")
    return tuple(names[i] for i in random.permutation(len(names)))


def _candidates(random: np.random.Generator) -> list[HipDecoy]:
    """Draw one of each kind, in drawn order."""

    def between(low: float, high: float) -> float:
        return round(float(random.uniform(low, high)), 1)

    bones: tuple[Literal["greater trochanter", "ischium", "ilium"], ...] = ("greater trochanter", "ischium", "ilium")
    grades: tuple[Literal[1, 2, 3], ...] = (1, 2, 3)
    kinds: list[Callable[[], HipDecoy]] = [
        lambda: BowelGas(radius_mm=between(7.0, 15.0)),
        lambda: BowelContrast(hu=between(200.0, 600.0)),
        lambda: VesselContrast(artery_hu=between(180.0, 350.0), vein_hu=between(80.0, 160.0)),
        lambda: BladderContrast(hu=between(150.0, 800.0)),
        lambda: BoneIsland(where=bones[int(random.integers(3))], radius_mm=between(2.5, 5.0)),
        lambda: NutrientCanal(below_mm=between(70.0, 105.0), diameter_mm=between(1.2, 2.0)),
        lambda: VascularChannels(diameter_mm=between(0.8, 1.6)),
        lambda: MarrowFat(radius_mm=between(5.0, 9.0)),
        lambda: HeterotopicOssification(brooker=grades[int(random.integers(3))]),
        lambda: ArterialCalcification(plaques=int(random.integers(2, 7))),
        lambda: EcgLead(),
    ]
    return [kinds[i]() for i in random.permutation(len(kinds))]
