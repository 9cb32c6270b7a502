"""Maps of stems and cups drawn without any patient or scanner: bone, cortex, fat, gap, rim and metal, blurred.

The simulated hips are alike in much that real ones are not: how far the cortex is, how dense, whether fat lies at the
metal. Maps drawn at random keep the networks from leaning on that. What is drawn lies far beyond what hips show, ours.
"""

import numpy as np
from hip_reader_maps import FARTHEST_MM, between, cells_mm3, field
from hip_reader_samples import DEPTHS_MM, KEPT_HU, SHOWN_AT, TARGETS, HipSample, on_cells
from reader_samples import summed
from scipy import ndimage

from planner.geometry.frames import Array
from planner.segment.reading.hips import BONE_MM, PATTERN_MM, HipView
from planner.segment.reading.pairs import paired
from planner.segment.unwrap import Cells, Fan, make_fan

SLICES_MM = (0.8, 1.5, 2.0, 2.5)
CANCELLOUS_HU, CORTEX_HU, BEYOND_HU = (50.0, 320.0), (700.0, 1700.0), (-110.0, 60.0)
FAT_HU, FAT_SHARE = (-110.0, -40.0), 0.35
GAP_HU, GAP_HU_SD, GAP_SHARE = 40.0, 25.0, 0.65
NARROWEST_MM, WIDE_MM, WIDEST_MM, WIDEST_SHARE = 0.7, 3.5, 8.0, 0.3
RIM_HU, RIM_MM, RIM_SHARE = (250.0, 1000.0), (0.4, 1.3), 0.55
FAT_RIM_HU, FAT_RIM_MM, FAT_RIM_SHARE = (300.0, 900.0), (0.5, 1.2), 0.4
METAL_HU, CLIPPED_HU = (5000.0, 14000.0), 3071.0
BLUR_MM, NOISE_HU = (0.32, 0.75), (2.0, 35.0)
_ANGLES = 72
_CUP_POLAR = np.radians(88.0)
_LEFT_MM = 0.4
"""Bone that is left beyond a gap, at least."""


def drawn_map(rng: np.random.Generator, *, is_cup: bool) -> HipSample:
    """Draw a stem's or a cup's surroundings, and what is true of them.

    Parameters
    ----------
    rng : Generator
        Draws it all.
    is_cup : bool
        A cup, or else a stem.

    Returns
    -------
    HipSample
        Named "drawn".
    """
    fan = _cup_fan(rng.uniform(23.0, 30.0)) if is_cup else _stem_fan(rng)
    rows = len(fan.along_mm)
    shape = (-(-rows // 2), _ANGLES // 2)
    metal, cosine = _surface(fan, shape, rng, is_cup=is_cup)
    in_bone = _in_bone(fan, shape, rng, is_cup=is_cup)

    cancellous = rng.uniform(*CANCELLOUS_HU)
    near, end = _cortex(shape, rng, is_cup=is_cup)
    hu = _with_fat(_bone(cancellous, near, end, rng), end, rng)
    inner = rng.normal(0.0, 0.1) + field(shape, (3, 2), 0.06, rng)
    lucent, outer = _gap(in_bone, end, rng)
    hu = _with_gap(hu, between(inner, outer) * lucent[..., None], lucent, outer, end, rng)
    metal_share = between(np.full(shape, -FARTHEST_MM), inner)
    hu = hu * (1.0 - metal_share) + rng.uniform(*METAL_HU) * metal_share
    blur, is_clipped = float(rng.uniform(*BLUR_MM)), bool(rng.random() < 0.5)
    profiles = np.clip(_scanned(hu, blur, rng), KEPT_HU[0], CLIPPED_HU if is_clipped else KEPT_HU[1])

    bone = np.clip((end[..., None] + rng.normal(0.0, 0.3) - BONE_MM) / 0.8 + 0.5, 0.0, 1.0)
    view = HipView(
        fan=fan, profiles=on_cells(profiles[..., SHOWN_AT].astype(np.float32), rows), bone=on_cells(bone, rows),
        pattern_hu=np.zeros((rows, _ANGLES, len(PATTERN_MM))), metal_mm=on_cells(metal, rows),
        cosine=on_cells(cosine, rows), sigma_mm=np.full((rows, _ANGLES), blur), in_bone=on_cells(in_bone, rows),
        cancellous_hu=float(cancellous + rng.normal(0.0, 15.0)), slice_mm=float(rng.choice(SLICES_MM)), is_cup=is_cup,
        is_in_cement=not is_cup and bool(rng.random() < 0.2), is_clipped=is_clipped,
    )  # fmt: skip
    one = np.ones((rows, _ANGLES))
    planes = {
        "lucent": lucent,
        "outer_mm": outer * lucent,
        "inner_mm": inner * lucent,
        "metal_mm": metal,
        "cosine": cosine,
        "is_tip": paired(fan.is_tip[:, None] * one),
        "weight": summed(fan.weight[:, None] * one),
        "in_bone": in_bone,
    }
    targets = np.zeros((*shape, len(TARGETS)), dtype=np.float32)
    for name, values in planes.items():
        targets[..., TARGETS.index(name)] = values
    targets[..., TARGETS.index("volume_mm3")] = cells_mm3(targets, inner, outer) * lucent
    return HipSample("drawn", view, profiles.astype(np.float32), targets)


# --- the implant ---


def _stem_fan(rng: np.random.Generator) -> Fan:
    length, diameter = rng.uniform(60.0, 160.0), rng.uniform(9.0, 14.0)
    return make_fan((0, 0, 0), (0, 0, -length), 0.4 * diameter, start_mm=3.0, step_mm=1.0, angles=_ANGLES)


def _cup_fan(radius_mm: float) -> Fan:
    """Lay rays as `cup_interface` does, from the mouth to the pole."""
    rows = round(_CUP_POLAR * radius_mm)
    tilt, turn = _CUP_POLAR / rows, 2 * np.pi / _ANGLES
    polar = _CUP_POLAR - (np.arange(rows) + 0.5) * tilt
    return Fan(
        head_lps=np.zeros(3), axis=np.array([0.0, 0.0, 1.0]), across=np.eye(3)[:2], along_mm=np.zeros(rows),
        polar_rad=polar, azimuth_rad=np.arange(_ANGLES) * turn, weight=np.sin(polar) * tilt * turn,
        is_tip=np.ones(rows, dtype=bool),
    )  # fmt: skip


def _surface(fan: Fan, shape: tuple[int, int], rng: np.random.Generator, *, is_cup: bool) -> tuple[Array, Array]:
    """Where the metal ends on each ray, and how steeply the ray leaves it."""
    if is_cup:
        return np.full(shape, len(fan.along_mm) / _CUP_POLAR), np.ones(shape)
    taper = np.linspace(rng.uniform(5.0, 10.0), rng.uniform(4.5, 7.0), shape[0])[:, None]
    turn = np.arange(shape[1]) * 2 * np.pi / shape[1]
    flat = 1.0 + rng.uniform(0.0, 0.25) * np.cos(2 * turn + rng.uniform(0.0, 6.3))
    steep = 1.0 - abs(rng.normal(0.0, 0.04)) + field(shape, (6, 3), 0.02, rng)
    return taper * flat + field(shape, (6, 3), 0.15, rng), np.clip(steep, 0.8, 1.0)


def _in_bone(fan: Fan, shape: tuple[int, int], rng: np.random.Generator, *, is_cup: bool) -> Cells:
    """Leave out a stem's tip, and of some implants what lies near the shoulder or the mouth."""
    out = np.ones(shape, dtype=bool)
    if not is_cup:
        out &= ~fan.is_tip[::2][:, None]
    if rng.random() < 0.4:
        out[: int(rng.integers(0, shape[0] // 2))] = False
    return out


# --- the tissues ---


def _cortex(shape: tuple[int, int], rng: np.random.Generator, *, is_cup: bool) -> tuple[Array, Array]:
    begin = np.clip(rng.uniform(1.0, 14.0) + field(shape, (8, 5), rng.uniform(0.3, 3.0), rng), 0.0, 30.0)
    thick = np.clip(rng.uniform(1.5, 6.0) + field(shape, (8, 5), 0.5, rng), 0.8, 9.0)
    return begin, begin + (np.clip(0.5 * thick, 0.6, 3.0) if is_cup else thick)


def _bone(cancellous_hu: float, begin_mm: Array, end_mm: Array, rng: np.random.Generator) -> Array:
    texture = ndimage.gaussian_filter(rng.standard_normal((*begin_mm.shape, len(DEPTHS_MM))), (0.7, 0.7, 3.0))
    patches = field(begin_mm.shape, (10, 6), rng.uniform(0.0, 50.0), rng)
    hu = cancellous_hu + rng.uniform(0.0, 45.0) / texture.std() * texture + patches[..., None]
    hu = _painted(hu, between(begin_mm, end_mm), rng.uniform(*CORTEX_HU))
    return _painted(hu, between(end_mm, np.full(end_mm.shape, np.inf)), rng.uniform(*BEYOND_HU))


def _with_fat(hu: Array, end_mm: Array, rng: np.random.Generator) -> Array:
    """Marrow fat at the metal is dark and no gap; some of it has a rim, too."""
    if rng.random() >= FAT_SHARE:
        return hu
    patch, shape = _patch(end_mm.shape, rng)[..., None] * (end_mm[..., None] > DEPTHS_MM), end_mm.shape
    wall = np.clip(rng.uniform(0.8, 7.0) + field(shape, (5, 3), 0.5, rng), 0.3, FARTHEST_MM)
    hu = _painted(hu, between(np.full(shape, -FARTHEST_MM), wall) * patch, rng.uniform(*FAT_HU))
    if rng.random() < FAT_RIM_SHARE:
        hu = _painted(hu, between(wall, wall + rng.uniform(*FAT_RIM_MM)) * patch, rng.uniform(*FAT_RIM_HU))
    return hu


def _gap(in_bone: Cells, end_mm: Array, rng: np.random.Generator) -> tuple[Cells, Array]:
    """Where there is a gap, and where it ends: none, or one or two patches."""
    lucent, outer = np.zeros(in_bone.shape, dtype=bool), np.zeros(in_bone.shape)
    if rng.random() >= GAP_SHARE:
        return lucent, outer
    for _ in range(int(rng.integers(1, 3))):
        patch = _patch(in_bone.shape, rng) & in_bone & ~lucent
        widest = WIDEST_MM if rng.random() < WIDEST_SHARE else WIDE_MM
        width = np.exp(rng.uniform(np.log(NARROWEST_MM), np.log(widest)) + field(in_bone.shape, (4, 3), 0.1, rng))
        wall = np.minimum(np.clip(width, 0.5, FARTHEST_MM - 0.5), end_mm - _LEFT_MM)
        patch &= wall > _LEFT_MM
        outer = np.where(patch, wall, outer)
        lucent |= patch
    return lucent, outer


def _with_gap(
    hu: Array, share: Array, lucent: Cells, outer_mm: Array, end_mm: Array, rng: np.random.Generator
) -> Array:
    hu = _painted(hu, share, rng.normal(GAP_HU, GAP_HU_SD))
    if rng.random() >= RIM_SHARE:
        return hu
    rim = between(outer_mm, outer_mm + rng.uniform(*RIM_MM)) * lucent[..., None] * (end_mm[..., None] > DEPTHS_MM)
    return np.maximum(hu, _painted(hu, rim, rng.uniform(*RIM_HU)))


def _patch(shape: tuple[int, int], rng: np.random.Generator) -> Cells:
    """Draw a stretch of the implant; half of them on one side of it, most with a ragged border."""
    rows, angles = shape
    middle, half = rng.uniform(0, rows), rng.uniform(3, rows)
    out = np.repeat((np.abs(np.arange(rows) - middle) < half)[:, None], angles, axis=1)
    if rng.random() < 0.5:
        turn, reach = rng.uniform(0, angles), rng.uniform(3, angles / 2)
        out &= np.abs((np.arange(angles) - turn + angles / 2) % angles - angles / 2) < reach
    if rng.random() < 0.6:
        out &= field(shape, (5, 4), 1.0, rng) > -rng.uniform(0.0, 2.0)
    return out


def _painted(hu: Array, share: Array, value_hu: float) -> Array:
    return np.asarray(hu * (1.0 - share) + value_hu * share)


def _scanned(hu: Array, blur_mm: float, rng: np.random.Generator) -> Array:
    mode = ("nearest", "wrap", "nearest")
    sigma = (rng.uniform(0.0, 0.4), rng.uniform(0.0, 0.4), blur_mm / (DEPTHS_MM[1] - DEPTHS_MM[0]))
    noise = ndimage.gaussian_filter(rng.standard_normal(hu.shape), (0.4, 0.4, 1.2), mode=mode)
    return np.asarray(ndimage.gaussian_filter(hu, sigma, mode=mode) + rng.uniform(*NOISE_HU) / noise.std() * noise)
