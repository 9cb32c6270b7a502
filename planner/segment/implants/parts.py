"""What goes into the plan of screws, rods and unnamed metal, and which voxels are whose."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.implant_config import ImplantConfig
from planner.geometry.frames import Array, point_tuple, positioner_angles_deg
from planner.geometry.rays import segment_distance_mm
from planner.model.carm import BullsEye
from planner.model.implant import Implant, ImplantAxis, Material
from planner.model.volume import Mask, Volume
from planner.segment.implants.metal import Metal
from planner.segment.implants.shaft import Shaft


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
        The shafts' in their order (a tulip goes with its screw), then each piece that holds no shaft, as "metal-1", ...
        of kind "unknown".
    """
    owner = np.zeros(volume.grid.shape, dtype=np.int32)
    for number, block in enumerate(metal.blocks, start=1):
        own = [k for k, s in enumerate(shafts) if s.piece == number]
        where = np.argwhere(metal.pieces[block] == number) + [b.start for b in block]
        points = np.asarray(volume.grid.to_lps(where))
        owner[tuple(where.T)] = _nearest(points, [shafts[k] for k in own], own) if own else len(shafts) + number
    parts = []
    for k, shaft in enumerate(shafts, start=1):
        mask = owner == k
        parts.append(ImplantPart(_record(volume, mask, shaft, metal, config), Mask(volume.grid, mask)))
    rest = [n for n in range(1, len(metal.blocks) + 1) if not any(s.piece == n for s in shafts)]
    for k, number in enumerate(rest, start=1):
        mask = owner == len(shafts) + number
        parts.append(ImplantPart(_unknown(volume, mask, f"metal-{k}", metal, config), Mask(volume.grid, mask)))
    return tuple(parts)


def _nearest(points: Array, shafts: list[Shaft], numbers: list[int]) -> npt.NDArray[np.int32]:
    """Give each point its shaft's number, from 1: the nearest surface; a screw's goes on into its tulip."""
    far = []
    for s in shafts:
        head = s.head_lps
        if s.kind == "pedicle_screw" and s.has_tulip:
            # the tulip is wider than the shaft and reaches 14 mm beyond its head
            tulip = segment_distance_mm(points, head, head - 14.0 * s.direction) - 7.0
            far.append(np.minimum(segment_distance_mm(points, head, s.tip_lps) - s.outer_mm / 2, tulip))
        else:
            # a rod inside a tulip is still the rod
            own = segment_distance_mm(points, head, s.tip_lps) - s.outer_mm / 2 - 0.3
            far.append(np.where(own < 0, -100.0, own))
    return np.asarray(np.array(numbers)[np.argmin(np.stack(far), axis=0)] + 1, dtype=np.int32)


def _volume_and_centre(
    volume: Volume, mask: npt.NDArray[np.bool_], plateau_hu: float, metal: Metal, config: ImplantConfig
) -> tuple[float, Array]:
    """Volume by partial voxels, mL, and centroid; whole voxels where the scan is clipped."""
    where = np.argwhere(mask)
    low, high = np.maximum(where.min(0) - 1, 0), where.max(0) + 2
    block = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    own = mask[block]
    share = own.astype(np.float64)
    if not metal.is_clipped:
        near = ndimage.binary_dilation(own) & ~(metal.mask.voxels[block] & ~own)
        part = (np.asarray(volume.hu[block], dtype=np.float64) - config.bone_hu) / (plateau_hu - config.bone_hu)
        share = np.clip(part, 0.0, 1.0) * near
    index = np.stack(
        np.meshgrid(*[np.arange(a, a + n) for a, n in zip(low, own.shape, strict=True)], indexing="ij"), -1
    )
    centre = (index * share[..., None]).sum((0, 1, 2)) / share.sum()
    return float(share.sum()) * volume.grid.voxel_volume_mm3 / 1000.0, np.asarray(volume.grid.to_lps(centre))


def _material(metal: Metal, plateau_hu: float, config: ImplantConfig) -> Material:
    if metal.is_clipped:
        return "unknown"
    return "cobalt_chrome_or_steel" if plateau_hu > config.heavy_metal_hu else "titanium"


def _record(volume: Volume, mask: npt.NDArray[np.bool_], shaft: Shaft, metal: Metal, config: ImplantConfig) -> Implant:
    measured, centre = (None, (shaft.head_lps + shaft.tip_lps) / 2)
    if mask.any():
        measured, centre = _volume_and_centre(volume, mask, shaft.plateau_hu, metal, config)
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
            diameter_mm=shaft.outer_mm,
            core_diameter_mm=shaft.core_mm if is_screw else None,
            length_mm=shaft.length_mm,
        ),
        bulls_eye=BullsEye(primary_deg=primary, secondary_deg=secondary) if is_screw else None,
        side=shaft.side,
        level=None,
        material=_material(metal, shaft.plateau_hu, config),
        loosening=None,
    )


def _unknown(volume: Volume, mask: npt.NDArray[np.bool_], name: str, metal: Metal, config: ImplantConfig) -> Implant:
    inside = float(np.median(volume.hu[mask].astype(np.float64)))
    measured, centre = _volume_and_centre(volume, mask, max(inside, 2 * config.least_level_hu), metal, config)
    return Implant(
        id=name, kind="unknown", volume_ml=measured, centroid_lps=point_tuple(centre), axis=None, bulls_eye=None,
        side=None, level=None, material="unknown", loosening=None,
    )  # fmt: skip
