"""The lumbar and the thoracic phantom: instrumented spines with firm and loose screws.

Nothing is symmetric: vertebrae are turned and shifted, screws differ in length, halos in width and side; liver and
aorta lie where they lie. A result that is mirrored, or upside down, does not fit.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from planner.config.phantoms.scan import IdealScan, ScanSettings
from planner.config.phantoms.spine.phantom import FieldOfView, SpinePhantom
from planner.geometry.frames import Array, PointsLps, PointTuple
from planner.geometry.grid import Grid
from planner.phantoms.design import Design, ideal_like
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Difference, Grown, Intersection, Solid, Union
from planner.phantoms.solids.nearby import nearby
from planner.phantoms.solids.raster import contains
from planner.phantoms.spine.defects.gaps import LucentSpaces, lucent_spaces, rims_of
from planner.phantoms.spine.hardware.placed import Hardware
from planner.phantoms.spine.hardware.screws import Halo, PedicleScrew, Rod
from planner.phantoms.spine.patient.column import column_of
from planner.phantoms.spine.patient.soft_tissue import SoftTissue, lumbar_soft_tissue, thoracic_soft_tissue
from planner.phantoms.spine.patient.vertebrae import LUMBAR, THORACIC, Vertebra, canal, canal_line, disc
from planner.phantoms.tissues import (
    BLOOD,
    CANCELLOUS,
    CORD,
    CORTICAL,
    CSF,
    DISC,
    EPIDURAL,
    FIBROUS,
    SCLEROTIC,
    TITANIUM,
)
from planner.phantoms.truth.facts import Canal, TrueGap, TrueImplant, Truth, WayOut, halo_without_metal
from planner.phantoms.truth.spine_anatomy import anatomy_of_column, anatomy_of_vertebrae

_RIM_MM = 1.0
"""Sclerotic rim round a halo."""
_EPIDURAL_MM = 6.5
"""How far fat fills the corners of the canal and the foramina."""
_CEILING_12_BIT_HU = 3071.0
_BACK_REACH_MM = 200.0
"""Further behind the hardware than any skin."""
_AIR_BEHIND_MM = 6.0
_VEIN = "basivertebral vein"
_METAL_MARGIN_MM = 10.0
_NEEDLE_SIDE_MM = 40.0
"""Beside the hardware, for needles that come from the side."""


def design_lumbar(*, seed: int) -> Design:
    """Design L3-L5 with six screws, three of them loose, stored with extended HU.

    Parameters
    ----------
    seed : int
        Turns the textures.

    Returns
    -------
    Design
    """
    l2 = Vertebra("L2", LUMBAR, (-3.0, 4.5, 72.5), 5.0, -9.0, 2.0, 0.97)
    l3 = Vertebra("L3", LUMBAR, (-1.0, 1.0, 36.5), 4.0, -3.0, 2.5)
    l4 = Vertebra("L4", LUMBAR, (1.5, 0.0, 0.0), 2.0, 4.0, 0.5, 1.02)
    l5 = Vertebra("L5", LUMBAR, (1.0, 3.0, -36.5), -2.0, 14.0, -2.0, 1.03)
    s1 = Vertebra("S1", LUMBAR, (0.0, 13.0, -71.5), -2.0, 30.0, -1.0, 1.04)
    screws = (
        PedicleScrew(
            l3, "right", (22.5, 43.0, 7.0), (10.5, -5.0, 4.0), 6.0, 4.2,
            Halo(((19.0, -0.6), (20.0, 0.3), (28.0, 0.9), (35.0, 2.1), (50.5, 2.2), (52.0, 1.2), (52.8, -1.0))),
        ),
        PedicleScrew(l3, "left", (22.5, 43.0, 6.5), (10.5, -1.0, 5.0), 6.0, 4.2),
        PedicleScrew(l4, "right", (22.5, 43.0, 6.5), (10.0, -2.0, 2.5), 6.5, 4.6),
        PedicleScrew(
            l4, "left", (22.5, 43.0, 7.0), (10.5, -9.5, 3.0), 6.5, 4.6,
            Halo(((21.0, -0.6), (22.0, 0.2), (32.0, 1.2), (40.0, 2.2), (56.0, 2.8), (58.0, 1.6), (58.8, -0.5))),
        ),
        PedicleScrew(
            l5, "right", (23.5, 42.5, 6.5), (12.5, -4.0, 5.0), 6.5, 4.6,
            Halo(
                ((23.0, -0.6), (24.0, 0.3), (28.0, 1.2), (32.0, 1.8), (48.5, 1.8), (50.0, 0.6), (50.6, -1.5)),
                (-0.4, 0.0, 0.0),
            ),
        ),
        PedicleScrew(l5, "left", (23.5, 42.5, 6.5), (11.0, 0.0, 5.5), 6.5, 4.6),
    )  # fmt: skip
    grid = _grid((-133.6, -112.0, -61.5), (0.8, 0.8, 1.0), (335, 238, 123))
    axes = (np.arange(-84.0, 84.1, 0.7), np.arange(-50.0, 80.0, 0.7), np.arange(-61.5, 61.0, 0.8))
    return _design(
        (l2, l3, l4, l5, s1), screws, lumbar_soft_tissue(), rod_mm=5.5, ribs=False, canal_radius_mm=6.5,
        grid=grid, axes=axes,
        ideal=IdealScan(seed=11 + seed, noise_sd_hu=16.0), seed=seed,
    )  # fmt: skip


def design_thoracic(*, seed: int) -> Design:
    """Design T7-T9 with six screws, three of them loose, clipped at 3071 HU.

    Parameters
    ----------
    seed : int
        Turns the textures.

    Returns
    -------
    Design
    """
    vertebrae = (
        Vertebra("T5", THORACIC, (-4.0, -6.0, 74.0), -1.0, 14.0, 1.0, 0.94),
        Vertebra("T6", THORACIC, (-3.0, -2.5, 49.8), -2.0, 9.0, 2.0, 0.96),
        Vertebra("T7", THORACIC, (-1.5, -0.6, 25.2), -4.0, 5.0, 2.5, 0.98),
        Vertebra("T8", THORACIC, (0.0, 0.0, 0.0), -5.0, 0.0, 1.0),
        Vertebra("T9", THORACIC, (0.5, -1.0, -25.8), -3.0, -4.0, -1.0, 1.03),
        Vertebra("T10", THORACIC, (0.0, -3.5, -52.2), -1.0, -8.0, -1.5, 1.06),
        Vertebra("T11", THORACIC, (-1.0, -8.0, -79.5), 0.0, -11.0, -1.0, 1.10),
    )
    t7, t8, t9 = vertebrae[2:5]
    screws = (
        PedicleScrew(
            t7, "right", (16.4, 37.5, 6.0), (9.0, -4.0, 3.5), 4.5, 3.2,
            Halo(((18.0, -0.5), (19.0, 0.2), (26.0, 0.7), (31.0, 1.9), (41.5, 2.2), (42.5, 1.2), (43.2, -0.5))),
        ),
        PedicleScrew(t7, "left", (16.4, 37.5, 6.0), (7.0, -1.0, 4.5), 4.5, 3.2),
        PedicleScrew(t8, "right", (16.4, 37.5, 6.0), (7.0, -3.0, 3.0), 4.5, 3.2),
        PedicleScrew(
            t8, "left", (16.4, 37.5, 6.0), (7.0, -5.0, 3.0), 5.0, 3.6,
            Halo(
                ((19.0, -0.5), (20.0, 0.4), (24.0, 0.9), (30.0, 1.6), (44.0, 2.0), (45.0, 1.0), (45.6, -1.0)),
                (-0.6, 0.0, 0.0),
            ),
        ),
        PedicleScrew(
            t9, "right", (16.4, 37.5, 6.0), (8.0, -4.0, 2.5), 4.5, 3.2,
            Halo(((25.0, -0.5), (26.0, 0.1), (29.5, 1.1), (32.0, 1.5), (43.0, 2.3), (44.5, 1.2), (45.2, -0.8))),
        ),
        PedicleScrew(t9, "left", (16.4, 37.5, 6.0), (7.0, -2.0, 3.5), 5.0, 3.6),
    )  # fmt: skip
    grid = _grid((-133.6, -118.0, -47.5), (0.8, 0.8, 1.0), (335, 235, 96))
    axes = (np.arange(-78.0, 78.1, 0.7), np.arange(-44.0, 72.0, 0.7), np.arange(-47.5, 47.6, 0.8))
    return _design(
        vertebrae, screws, thoracic_soft_tissue(), rod_mm=5.5, ribs=True, canal_radius_mm=6.0, grid=grid, axes=axes,
        ideal=IdealScan(seed=12 + seed, noise_sd_hu=18.0, hu_clipped_at=_CEILING_12_BIT_HU), seed=seed,
    )  # fmt: skip


def _grid(
    start_lps: tuple[float, float, float], spacing_mm: tuple[float, float, float], counts: tuple[int, int, int]
) -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(spacing_mm)[:, ::-1]
    matrix[:3, 3] = start_lps
    return Grid((counts[2], counts[1], counts[0]), matrix)


def _design(
    vertebrae: Sequence[Vertebra],
    screws: Sequence[PedicleScrew],
    soft: SoftTissue,
    *,
    rod_mm: float,
    ribs: bool,
    canal_radius_mm: float,
    grid: Grid,
    axes: tuple[Array, Array, Array],
    ideal: IdealScan,
    seed: int,
) -> Design:
    hollow = canal(vertebrae)
    host = Scene((*soft.parts, *_bones(vertebrae, hollow, ribs=ribs)), texture_seed=seed)
    bones = [v.bone(inside=False) for v in vertebrae] + ([v.ribs(inside=False) for v in vertebrae] if ribs else [])
    gaps, rims = _halos(screws, hollow)
    rods = tuple(Rod(s, tuple(x for x in screws if x.side == s), rod_mm) for s in ("right", "left"))
    implants = (*(_true_screw(s) for s in screws), *(_true_rod(r) for r in rods))
    lucent = tuple(Part(g.id, g.solid, FIBROUS) for g in gaps)
    metal = tuple(Part(i.id, i.solid, TITANIUM) for i in implants)
    scene = Scene((*host.parts, *rims, *lucent, *metal), texture_seed=seed)
    truth = Truth(
        implants=implants,
        gaps=gaps,
        env=Difference(Union(tuple(bones)), hollow),
        body=soft.body,
        structures=soft.structures,
        host=host,
        axes_lps=axes,
        canal=Canal(canal_line(vertebrae), canal_radius_mm),
        anatomy=anatomy_of_vertebrae(
            vertebrae, hollow, [disc(a, b) for a, b in pairwise(vertebrae)], ribs=ribs, scene=scene
        ),
    )
    settings = ScanSettings(seed=ideal.seed, hu_clipped_at=ideal.hu_clipped_at)
    return Design(scene, truth, grid, settings, ideal)


def _bones(vertebrae: Sequence[Vertebra], hollow: Solid, *, ribs: bool) -> list[Part]:
    parts = [Part(f"disc {a.level}-{b.level}", disc(a, b), DISC) for a, b in pairwise(vertebrae)]
    # Fat fills the corners of the canal that the bones leave; the bones are painted over it.
    parts.append(Part("epidural fat", Grown(hollow, _EPIDURAL_MM), EPIDURAL))
    for v in vertebrae:
        if ribs:
            parts.append(Part(f"ribs {v.level} cortex", v.ribs(inside=False), CORTICAL))
            parts.append(Part(f"ribs {v.level}", v.ribs(inside=True), CANCELLOUS))
    for v in vertebrae:
        parts.append(Part(f"{v.level} cortex", v.bone(inside=False), CORTICAL))
        parts.append(Part(v.level, v.bone(inside=True), CANCELLOUS))
    return [*parts, Part("canal", hollow, CSF), Part("cord", Grown(hollow, -3.2), CORD)]


def _halos(screws: Sequence[PedicleScrew], hollow: Solid) -> tuple[tuple[TrueGap, ...], tuple[Part, ...]]:
    gaps, rims = [], []
    for screw in screws:
        if screw.hole is None or screw.halo is None:
            continue
        bone = Difference(screw.vertebra.bone(inside=False), hollow)
        lucent = halo_without_metal(screw.hole, bone, screw.metal)
        width = screw.halo.nominal_width_mm
        gaps.append(TrueGap(f"gap-{screw.id}", screw.id, "screw_halo", width, lucent))
        rim = Intersection((Grown(screw.hole, _RIM_MM), screw.vertebra.bone(inside=True)))
        rims.append(Part(f"rim {screw.id}", rim, SCLEROTIC))
    return tuple(gaps), tuple(rims)


def _true_screw(screw: PedicleScrew) -> TrueImplant:
    return TrueImplant(
        id=screw.id,
        kind="pedicle_screw",
        solid=screw.metal,
        head_lps=screw.head_lps,
        tip_lps=screw.tip_lps,
        diameter_mm=screw.diameter_mm,
        length_mm=screw.length_mm,
        side=screw.side,
        level=screw.vertebra.level,
        loose=screw.halo is not None,
        material="titanium",
    )


def _true_rod(rod: Rod) -> TrueImplant:
    return TrueImplant(
        id=f"rod-{rod.side}",
        kind="rod",
        solid=rod.metal,
        head_lps=rod.line_lps[0],
        tip_lps=rod.line_lps[-1],
        diameter_mm=rod.diameter_mm,
        length_mm=rod.length_mm,
        side=rod.side,
        material="titanium",
    )


def design_spine(recipe: SpinePhantom) -> Design:
    """Design the phantom of a recipe.

    Parameters
    ----------
    recipe : SpinePhantom
        Patient, hardware, defects and decoys.

    Returns
    -------
    Design
        Its grid lies round hardware and gaps and reaches beyond the skin of the back; so do the truth's voxels, nearer
        by.

    Raises
    ------
    ConfigError
        If hardware collides, or a defect lies where it can leave no gap.
    """
    column = column_of(recipe.patient)
    hardware = Hardware(recipe, column)
    hardware.require_apart()
    host = Scene((*column.soft.parts, *column.parts), texture_seed=recipe.seed)
    lucent = lucent_spaces(hardware)
    veins = _veins(hardware, lucent)
    # What is lucent lies over all that is drawn in bone, rims and fat too, and only metal lies over it.
    ways = tuple(Part(w.name, w.solid, BLOOD) for w in veins)
    bony = (*column.soft.parts, *column.unbroken, *rims_of(hardware), *hardware.decoys)
    scene = Scene((*bony, *ways, *lucent.parts, *hardware.parts), texture_seed=recipe.seed)
    low, high = _region(hardware, lucent)
    back = _skin_behind(column.soft.body, low, high)
    truth = Truth(
        implants=hardware.implants,
        gaps=lucent.gaps,
        env=column.bone,
        body=column.soft.body,
        structures=column.soft.structures,
        host=host,
        axes_lps=_truth_axes(recipe.field, low, high, back),
        canal=column.canal,
        ways_out=(*lucent.lines, *veins),
        anatomy=anatomy_of_column(recipe.patient, column, scene=scene),
    )
    return Design(scene, truth, _field(recipe.field, low, high, back), recipe.scan, ideal_like(recipe.scan))


def _veins(hardware: Hardware, lucent: LucentSpaces) -> tuple[WayOut, ...]:
    """Give the basivertebral veins, as far as nothing lucent and no metal has taken their place."""
    taken = Union((*hardware.hulls, *(p.solid for p in lucent.parts)))
    found = []
    for part in hardware.column.parts:
        if part.name.startswith(_VEIN) and taken.solids:
            left = nearby(Difference(part.solid, taken), part.solid.bounds_lps, reach_mm=1.0)
            found.append(WayOut(part.name, "venous", left))
    return tuple(found)


def _region(hardware: Hardware, lucent: LucentSpaces) -> tuple[Array, Array]:
    """Give a box round all hardware and all gaps; round the bodies where there is no hardware."""
    bodies = (v.body(inside=False) for v in hardware.column.vertebrae)
    boxes = [*(s.bounds_lps for s in hardware.hulls or tuple(bodies)), *lucent.bounds_lps]
    return np.min([b[0] for b in boxes], axis=0), np.max([b[1] for b in boxes], axis=0)


def _skin_behind(body: Solid, low: Array, high: Array) -> float:
    """Give the y of the rearmost skin behind a box."""
    x, z = np.meshgrid(np.linspace(low[0], high[0], 7), np.linspace(low[2], high[2], 7))
    y = high[1] + np.arange(0.0, _BACK_REACH_MM, 1.0)
    points = np.stack([np.repeat(x.ravel(), len(y)), np.tile(y, x.size), np.repeat(z.ravel(), len(y))], axis=-1)
    inside = contains(body, PointsLps(points)).reshape(-1, len(y)).any(axis=0)
    return float(y[np.flatnonzero(inside)[-1]]) if inside.any() else float(high[1])


def _field(field: FieldOfView, low: Array, high: Array, back: float) -> Grid:
    middle = (low[0] + high[0]) / 2.0
    width = max(field.width_mm, high[0] - low[0] + 2.0 * _METAL_MARGIN_MM)
    start = np.array([middle - width / 2.0, low[1] - field.front_mm, low[2] - field.margin_mm])
    stop = np.array([middle + width / 2.0, back + _AIR_BEHIND_MM, high[2] + field.margin_mm])
    spacing = np.array([field.pixel_mm, field.pixel_mm, field.slice_mm])
    nx, ny, nz = (int(n) for n in np.ceil((stop - start) / spacing))
    return _grid(_rounded(start), (field.pixel_mm, field.pixel_mm, field.slice_mm), (nx, ny, nz))


def _truth_axes(field: FieldOfView, low: Array, high: Array, back: float) -> tuple[Array, Array, Array]:
    margin = np.array([max(field.truth_margin_mm, _NEEDLE_SIDE_MM), field.truth_margin_mm, field.truth_margin_mm])
    start, stop = low - margin, high + margin
    stop[1] = back + _AIR_BEHIND_MM
    x, y, z = (np.arange(a, b, field.truth_mm) for a, b in zip(_rounded(start), stop, strict=True))
    return x, y, z


def _rounded(point: Array) -> PointTuple:
    x, y, z = (round(float(v), 1) for v in point)
    return x, y, z
