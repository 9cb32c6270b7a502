"""What goes into the plan of screws, rods and unnamed metal, and which voxels are whose."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import ndtri

from planner.config.implant_config import ImplantConfig
from planner.geometry.frames import Array, point_tuple, positioner_angles_deg
from planner.geometry.rays import segment_distance_mm
from planner.model.carm import BullsEye
from planner.model.implant import Implant, ImplantAxis, Material
from planner.model.volume import Mask, Volume
from planner.segment.blocks import block_round
from planner.segment.implants.cut import runs_out
from planner.segment.implants.groups import pieces_of_one
from planner.segment.implants.metal import Metal
from planner.segment.implants.shaft import Shaft
from planner.segment.implants.strays import joined_without_rod, strays

_FAR_MM = 3.0
"""A piece that lies farther than this from every shaft of its group, in the median, is no part of them. Ours."""
_STEPS_SHARE = 2.0 / 3.0
"""Area of a smooth surface as share of the faces of the voxels that follow it: the mean over all its directions."""


@dataclass(frozen=True, slots=True, eq=False)
class ImplantPart:
    """An implant's record and its voxels."""

    record: Implant
    mask: Mask


def implant_parts(
    volume: Volume, metal: Metal, shafts: tuple[Shaft, ...], config: ImplantConfig
) -> tuple[ImplantPart, ...]:
    """Turn shafts into the plan's records and share the metal's voxels out among them.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    shafts : tuple of Shaft
        Its screws and rods.
    config : ImplantConfig
        Which metal is which.

    Returns
    -------
    tuple of ImplantPart
        The shafts' in their order (a tulip goes with its screw), then each piece that holds no shaft, and metal beyond
        its shafts and tulips, as "metal-1", ... of kind "unknown". The volume of screws whose tulips are joined by
        metal that is no rod is None: what is whose is not known.
    """
    # only the box of all metal is looked through, once for each part: of a large CT it is a hundredth
    box = _box_of(metal)
    first = [s.start for s in box]
    owner = np.zeros(tuple(s.stop - s.start for s in box), dtype=np.int32)
    held: set[int] = set()
    untold: set[int] = set()
    beyond = 0
    first_lump = len(shafts) + len(metal.blocks) + 1
    for numbers in pieces_of_one(metal):
        own = [k for k, s in enumerate(shafts) if s.piece in numbers]
        for number in numbers:
            block = metal.blocks[number - 1]
            index = np.argwhere(metal.pieces[block] == number) + [b.start for b in block]
            points, where = np.asarray(volume.grid.to_lps(index)), index - first
            whose, far = _nearest(points, [shafts[k] for k in own], own) if own else (None, np.array([np.inf]))
            # of pieces that were searched together, one far from every shaft is something else
            if whose is None or (len(numbers) > 1 and float(np.median(far)) >= _FAR_MM):
                owner[tuple(where.T)] = len(shafts) + number
                continue
            held.add(number)
            owner[tuple(where.T)] = whose
            joined = joined_without_rod(points, [shafts[k] for k in own], volume.grid.voxel_volume_mm3)
            untold |= {own[k] for k in joined}
            if metal.starved and metal.starved[number - 1]:
                continue  # it blooms farther than any tulip reaches
            for lump in strays(points, far, volume.grid):
                owner[tuple(where[lump].T)] = first_lump + beyond
                beyond += 1

    def mask_of(code: int) -> npt.NDArray[np.bool_]:
        mask = np.zeros(volume.grid.shape, dtype=bool)
        mask[box] = owner == code
        return mask

    parts = []
    for k, shaft in enumerate(shafts, start=1):
        mask = mask_of(k)
        record = _record(volume, mask, shaft, metal, config)
        if k - 1 in untold:
            record = record.model_copy(update={"volume_ml": None})
        parts.append(ImplantPart(record, Mask(volume.grid, mask)))
    rest = [len(shafts) + n for n in range(1, len(metal.blocks) + 1) if n not in held]
    for k, number in enumerate((*rest, *range(first_lump, first_lump + beyond)), start=1):
        mask = mask_of(number)
        parts.append(ImplantPart(_unknown(volume, mask, f"metal-{k}", metal, config), Mask(volume.grid, mask)))
    return tuple(parts)


def _box_of(metal: Metal) -> tuple[slice, slice, slice]:
    """Give the box that holds all pieces; an empty one where there are none."""
    if not metal.blocks:
        return slice(0, 0), slice(0, 0), slice(0, 0)
    z, y, x = (slice(min(b[k].start for b in metal.blocks), max(b[k].stop for b in metal.blocks)) for k in range(3))
    return z, y, x


def _nearest(points: Array, shafts: list[Shaft], numbers: list[int]) -> tuple[npt.NDArray[np.int32], Array]:
    """Give each point its shaft's number, from 1, and how far off it is; a screw's surface goes on into its tulip."""
    far = []
    for s in shafts:
        head = s.head_lps
        if s.kind == "pedicle_screw" and s.has_tulip:
            # the tulip is wider than the shaft and reaches 14 mm beyond its head
            tulip = segment_distance_mm(points, head, head - 14.0 * s.direction) - 7.0
            far.append(np.minimum(segment_distance_mm(points, head, s.tip_lps) - s.outer_mm / 2, tulip))
        elif s.course_lps is not None:
            # a rod inside a tulip is still the rod
            own = course_distance_mm(points, s.course_lps) - s.outer_mm / 2 - 0.3
            far.append(np.where(own < 0, -100.0, own))
        else:
            far.append(segment_distance_mm(points, head, s.tip_lps) - s.outer_mm / 2 - 0.3)
    whose = np.array(numbers)[np.argmin(np.stack(far), axis=0)] + 1
    return np.asarray(whose, dtype=np.int32), np.asarray(np.min(np.stack(far), axis=0))


def course_distance_mm(points: Array, course_lps: Array) -> Array:
    """Give the distance of points from a polyline.

    Parameters
    ----------
    points : ndarray, shape (N, 3)
        LPS mm.
    course_lps : ndarray, shape (M, 3)
        Its corners, at least two.

    Returns
    -------
    ndarray, shape (N,)
    """
    far = [segment_distance_mm(points, start, stop) for start, stop in pairwise(course_lps)]
    return np.asarray(np.min(far, axis=0))


@dataclass(frozen=True, slots=True)
class _Surface:
    """How metal's edge shows: its plateau, the level its mask was cut at, the blur, and whether all of it is seen."""

    plateau_hu: float
    level_hu: float
    sigma_mm: float
    is_clipped: bool


def _volume_and_centre(
    volume: Volume, mask: npt.NDArray[np.bool_], surface: _Surface, metal: Metal, config: ImplantConfig
) -> tuple[float, Array]:
    """Volume by partial voxels, mL, and centroid.

    Where the scan is clipped the mask was cut below half of the plateau, so that its surface lies outside the metal's
    by a quantile of the blur: a shell as thick goes off.
    """
    block = block_round(mask, 2)
    assert block is not None, "a part without voxels has no volume"
    low, own = [s.start for s in block], mask[block]
    hu = np.asarray(volume.hu[block], dtype=np.float64)
    bone = config.metal.bone_hu
    if surface.is_clipped:
        share = own.astype(np.float64)
    else:
        near = ndimage.binary_dilation(own) & ~(metal.mask.voxels[block] & ~own)
        share = np.clip((hu - bone) / (surface.plateau_hu - bone), 0.0, 1.0) * near
    index = np.stack(
        np.meshgrid(*[np.arange(a, a + n) for a, n in zip(low, own.shape, strict=True)], indexing="ij"), -1
    )
    centre = (index * share[..., None]).sum((0, 1, 2)) / share.sum()
    volume_mm3 = float(share.sum()) * volume.grid.voxel_volume_mm3
    if surface.is_clipped:
        part = float(np.clip((surface.level_hu - bone) / (surface.plateau_hu - bone), 0.01, 0.99))
        bloom = surface.sigma_mm * float(ndtri(1.0 - part))
        others = metal.mask.voxels[block] & ~own
        volume_mm3 -= _shell_mm3(own, others, volume.grid.spacing_mm, bloom)
    return max(volume_mm3, 0.0) / 1000.0, np.asarray(volume.grid.to_lps(centre))


def _shell_mm3(
    own: npt.NDArray[np.bool_], others: npt.NDArray[np.bool_], spacing_mm: tuple[float, float, float], thick_mm: float
) -> float:
    """Give the volume of a thin shell under a part's free surface: faces of voxels, less what their steps overstate."""
    free = ~(own | others)
    area = 0.0
    for axis in range(3):
        face = spacing_mm[0] * spacing_mm[1] * spacing_mm[2] / spacing_mm[axis]
        a, b = (slice(None, -1), slice(1, None))
        before = tuple(a if k == axis else slice(None) for k in range(3))
        after = tuple(b if k == axis else slice(None) for k in range(3))
        area += face * float(np.count_nonzero(own[before] & free[after]) + np.count_nonzero(free[before] & own[after]))
    return area * _STEPS_SHARE * thick_mm


def _material(metal: Metal, shaft: Shaft, config: ImplantConfig) -> Material:
    ceiling = metal.clipped_at_hu
    if shaft.is_hidden and ceiling is not None and ceiling <= config.heavy_metal_hu:
        return "unknown"
    return "cobalt_chrome_or_steel" if shaft.plateau_hu > config.heavy_metal_hu else "titanium"


def _record(volume: Volume, mask: npt.NDArray[np.bool_], shaft: Shaft, metal: Metal, config: ImplantConfig) -> Implant:
    measured, centre = (None, (shaft.head_lps + shaft.tip_lps) / 2)
    if mask.any():
        surface = _Surface(shaft.full_hu, metal.piece_level_hu(shaft.piece), shaft.sigma_mm, is_clipped=shaft.is_hidden)
        if metal.starved and metal.starved[shaft.piece - 1]:
            # its mask was narrowed to the metal's own height: whole voxels, and no shell
            surface = replace(surface, sigma_mm=0.0, is_clipped=True)
        measured, centre = _volume_and_centre(volume, mask, surface, metal, config)
    if shaft.is_hidden and shaft.course_lps is not None:
        measured = np.pi / 4 * shaft.outer_mm**2 * shaft.course_mm / 1000.0
    primary, secondary = positioner_angles_deg(-shaft.direction)
    is_screw = shaft.kind == "pedicle_screw"
    return Implant(
        id=shaft.id,
        kind=shaft.kind,
        volume_ml=measured,
        centroid_lps=point_tuple(centre),
        axis=ImplantAxis(
            head_lps=point_tuple(shaft.head_lps),
            tip_lps=point_tuple(shaft.tip_lps),
            diameter_mm=shaft.outer_mm if shaft.has_diameter else None,
            core_diameter_mm=shaft.core_mm if is_screw else None,
            length_mm=shaft.course_mm,
        ),
        bulls_eye=BullsEye(primary_deg=primary, secondary_deg=secondary) if is_screw else None,
        side=shaft.side,
        level=None,
        material=_material(metal, shaft, config),
        loosening=None,
        course_lps=() if shaft.course_lps is None else tuple(point_tuple(p) for p in shaft.course_lps),
        metal_length_mm=shaft.metal_mm,
        is_cut=shaft.is_cut or runs_out(volume, mask),
    )


def _unknown(volume: Volume, mask: npt.NDArray[np.bool_], name: str, metal: Metal, config: ImplantConfig) -> Implant:
    block = block_round(mask, 0)
    assert block is not None, "unknown metal has voxels"
    inside = float(np.median(volume.hu[block][mask[block]].astype(np.float64)))
    surface = _Surface(
        max(inside, 2 * config.metal.least_level_hu), metal.level_hu, config.default_sigma_mm, is_clipped=False
    )
    measured, centre = _volume_and_centre(volume, mask, surface, metal, config)
    return Implant(
        id=name, kind="unknown", volume_ml=measured, centroid_lps=point_tuple(centre), axis=None, bulls_eye=None,
        side=None, level=None, material="unknown", loosening=None, is_cut=runs_out(volume, mask),
    )  # fmt: skip
