"""A small pair of CTs whose cement is known: an ellipsoid of bone with a screw of metal in a lucent gap."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.follow.examined import Examined, ExaminedGap, ExaminedImplant, RegisteredPair
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.model.anatomy import Anatomy
from planner.model.bones import Bone
from planner.model.breach import Breach
from planner.model.gap import Gap, Interval
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume

Array = npt.NDArray[np.float64]
CEMENT_HU, METAL_HU, GAP_HU, BONE_HU, SOFT_HU = 1500.0, 8000.0, 40.0, 250.0, 30.0
BONE_MM = np.array([18.0, 15.0, 14.0])
"""Half axes (x, y, z) of the bone round the origin, LPS."""
METAL_MM, GAP_MM = 2.5, 5.0
"""Radii of the screw along y and of its gap."""
GAP_Y = (-9.0, 9.0)
CANAL_LPS = np.array([0.0, 19.0, 0.0])
_FINE = 0.5


def motion(angle_deg: float, shift_mm: tuple[float, float, float]) -> Array:
    """Give a rigid transform about the x axis, then a shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_about((1.0, 0.0, 0.2), angle_deg)
    matrix[:3, 3] = shift_mm
    return matrix


@dataclass(frozen=True)
class Cement:
    """What is injected, in the earlier frame."""

    ball_lps: tuple[float, float, float] | None = None
    ball_mm: float = 4.0
    gap_share: float = 0.0
    """Of the gap's length, from its low end."""


def bone_at(p: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(((p / BONE_MM) ** 2).sum(axis=-1) < 1.0)


def _ring(p: Array) -> Array:
    return np.hypot(p[..., 0], p[..., 2])


def gap_at(p: Array) -> npt.NDArray[np.bool_]:
    return np.asarray((_ring(p) < GAP_MM) & (_ring(p) >= METAL_MM) & (p[..., 1] > GAP_Y[0]) & (p[..., 1] < GAP_Y[1]))


def metal_at(p: Array) -> npt.NDArray[np.bool_]:
    return np.asarray((_ring(p) < METAL_MM) & (np.abs(p[..., 1]) < 14.0))


def cement_at(p: Array, cement: Cement) -> npt.NDArray[np.bool_]:
    inside = np.zeros(p.shape[:-1], dtype=bool)
    if cement.ball_lps is not None:
        inside |= np.linalg.norm(p - np.array(cement.ball_lps), axis=-1) < cement.ball_mm
    upto = GAP_Y[0] + cement.gap_share * (GAP_Y[1] - GAP_Y[0])
    return np.asarray(inside | (gap_at(p) & (p[..., 1] < upto)))


def ball_ml(cement: Cement) -> float:
    return 4.0 / 3.0 * np.pi * cement.ball_mm**3 / 1000.0


def gap_ml() -> float:
    return float(np.pi * (GAP_MM**2 - METAL_MM**2) * (GAP_Y[1] - GAP_Y[0]) / 1000.0)


def _grid(spacing: tuple[float, float, float], half_mm: float) -> Grid:
    matrix = np.zeros((4, 4))
    matrix[2, 0], matrix[1, 1], matrix[0, 2], matrix[3, 3] = *spacing, 1.0
    matrix[:3, 3] = -half_mm
    shape = tuple(int(2 * half_mm / s) + 1 for s in spacing)
    return Grid((shape[0], shape[1], shape[2]), matrix, "1.2.3")


def _places(grid: Grid, early_from_here: Array) -> Array:
    lps = grid.to_lps(np.stack(np.indices(grid.shape), axis=-1))
    return np.asarray(lps @ early_from_here[:3, :3].T + early_from_here[:3, 3])


def scan(
    spacing: tuple[float, float, float], *, late_from_early: Array, implant: Array, cement: Cement, has_metal: bool,
    seed: int, old: Cement | None = None, half_mm: float = 26.0,
) -> tuple[Volume, npt.NDArray[np.bool_]]:  # fmt: skip
    """Scan the scene: HU on the wanted grid, blurred and noisy, and the metal on it."""
    rng = np.random.default_rng(seed)
    fine = _grid((_FINE, _FINE, _FINE), half_mm)
    p = _places(fine, np.linalg.inv(late_from_early))
    q = _places(fine, np.linalg.inv(implant))
    hu = np.where(bone_at(p), BONE_HU + 60.0 * np.sin(p[..., 0]) * np.cos(p[..., 2]), SOFT_HU)
    hu[gap_at(p) | ((_ring(p) < METAL_MM) & (np.abs(p[..., 1]) < GAP_Y[1]))] = GAP_HU
    for one in (old, cement):
        if one is not None:
            hu[cement_at(p, one)] = CEMENT_HU
    if has_metal:
        hu[metal_at(q)] = METAL_HU
    hu = ndi.gaussian_filter(hu, 0.5 / _FINE)
    grid = _grid(spacing, half_mm)
    at = np.moveaxis(np.asarray(fine.to_index(grid.to_lps(np.stack(np.indices(grid.shape), axis=-1)))), -1, 0)
    read = ndi.map_coordinates(hu, at, order=1, mode="nearest") + rng.normal(0.0, 20.0, grid.shape)
    return Volume(grid, read.astype(np.float32)), np.asarray(
        metal_at(_places(grid, np.linalg.inv(implant))) & has_metal
    )


def _examined(volume: Volume, metal: npt.NDArray[np.bool_], frame: Array, implant: Array, *, has_metal: bool,
              has_gap: bool, old: Cement | None, breaches: tuple[Breach, ...]) -> Examined:  # fmt: skip
    work = _grid((0.8, 0.8, 0.8), 25.0)
    p, q = (_places(work, np.linalg.inv(m)) for m in (frame, implant))
    bone, canal = bone_at(p), np.linalg.norm(p - CANAL_LPS, axis=-1) < 6.0
    canal &= ~bone
    solid = metal_at(q) & has_metal
    ones = []
    if has_metal:
        ones.append(ExaminedImplant(_implant("screw-1", "pedicle_screw"), Mask(work, solid)))
    if old is not None:
        ones.append(ExaminedImplant(_implant("cement-1", "cement"), Mask(work, cement_at(p, old))))
    anatomy = Anatomy(
        ct=Volume(work, np.zeros(work.shape, np.float32)),
        metal=Mask(work, solid),
        bone=Mask(work, bone),
        gaps=(),
        implants=tuple(one.record for one in ones),
        canal=Mask(work, canal),
        bones=(Bone("vertebra-1", "vertebra", Mask(work, bone)),),
    )
    gaps = ()
    if has_gap:
        space = gap_at(p) if has_metal else np.asarray((_ring(p) < GAP_MM) & (np.abs(p[..., 1]) < GAP_Y[1]))
        gaps = (ExaminedGap(_gap(), Mask(work, space)),)
    return Examined(volume, Mask(volume.grid, metal), anatomy, tuple(ones), gaps, breaches=breaches)


def _implant(name: str, kind: str) -> Implant:
    return Implant(
        id=name, kind=kind, volume_ml=None, centroid_lps=(0, 0, 0), axis=None, bulls_eye=None, side=None,
        level=None, material="unknown", loosening=None,
    )  # type: ignore[arg-type]  # fmt: skip


def _gap() -> Gap:
    volume = gap_ml()
    return Gap(
        id="gap-1", implant_id="screw-1", level=None, kind="screw_halo", zones=(),
        volume_ml=Interval(estimate=volume, low=0.95 * volume, high=1.05 * volume),
        expected_fill_ml=None, width_mm=None,
        interface_fraction=None, centroid_lps=(0, 0, 0), trust=None,
    )  # fmt: skip


def breach(name: str, where: tuple[float, float, float], kind: str) -> Breach:
    return Breach(
        id=name, gap_id="gap-1", leak_type=kind, severity="open", barrier_mm=0.0, area_mm2=9.0, centroid_lps=where,
        outward_lps=None, reached=True, leak_after_ml=1.0, watch_view=None,
    )  # type: ignore[arg-type]  # fmt: skip


def pair(
    cement: Cement, *, has_metal: bool = True, has_gap: bool = True, old: Cement | None = None,
    implant_shift_mm: float = 0.0, breaches: tuple[Breach, ...] = (), far: bool = False,
) -> RegisteredPair:  # fmt: skip
    """Make a registered pair; the implant may have moved along its own axis' normal x within the bone."""
    move = motion(4.0, (1.3, -0.7, 0.9))
    shift = np.eye(4)
    shift[0, 3] = implant_shift_mm
    implant = move @ shift
    still = np.eye(4)
    early_ct, early_metal = scan(
        (0.9, 0.7, 0.7), late_from_early=still, implant=still, cement=Cement(), has_metal=has_metal, seed=1, old=old
    )
    late_ct, late_metal = scan(
        (0.8, 0.6, 0.6), late_from_early=move, implant=implant, cement=cement, has_metal=has_metal, seed=2, old=old
    )
    early = _examined(
        early_ct, early_metal, still, still, has_metal=has_metal, has_gap=has_gap, old=old, breaches=breaches
    )
    late = _examined(late_ct, late_metal, move, implant, has_metal=has_metal, has_gap=False, old=old, breaches=())
    if far:
        early = replace(early, ct=Volume(_shifted(early_ct.grid), early_ct.hu))
        early = replace(early, metal=Mask(early.ct.grid, early_metal))
    return RegisteredPair(
        early=early, late=late, late_from_early=move, bones={"vertebra-1": move},
        implants={"screw-1": implant} if has_metal else {}, late_names={"vertebra-1": "vertebra-1"}, records=(),
        host_of={"screw-1": "vertebra-1"},
    )  # fmt: skip


def _shifted(grid: Grid) -> Grid:
    matrix = grid.lps_from_index.copy()
    matrix[0, 3] += 500.0
    return Grid(grid.shape, matrix, grid.frame_of_reference_uid)
