"""Pedicles: where they stand beside the canal, their axis, and how wide and high they are at the isthmus.

They are found on bone envelopes, as the stretches at which the canal is walled in before its middle, and measured on
the CT itself between voxels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage as ndi

from planner.config.pedicle_config import PedicleConfig
from planner.geometry.frames import Array, points_lps, unit
from planner.model.bones import Bone, Pedicle
from planner.model.implant import Side
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, check_cancelled
from planner.segment.anatomy.canal import Canal
from planner.segment.anatomy.isthmus import Frame, read_isthmus
from planner.segment.interpolation import interpolated
from planner.segment.upright import Floats

DEFAULT = PedicleConfig()
_BESIDE_MM = (1.0, 6.0)
"""Beside the wall a pedicle is at least so wide."""
_AHEAD, _INWARD = 0.2, 0.2
"""An isthmus lies so far before the canal's middle, as a share of the way to its front; its axis turns inwards by some
11 degrees. Set on the spine phantoms' tuning half, whose pedicles follow morphometry."""


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Roughly where a pedicle is."""

    side: Side
    wall_lps: Array
    inward_lps: Array
    up_lps: Array


def find_pedicles(
    volume: Volume,
    *,
    bone: Mask,
    metal: Mask,
    canal: Canal,
    vertebrae: Sequence[Bone] = (),
    config: PedicleConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> tuple[Pedicle, ...]:
    """Find the pedicles along the spinal canal and measure each at its narrowest place.

    Parameters
    ----------
    volume : Volume
        The CT, any orientation; widths are read on it between voxels.
    bone : Mask
        Bone envelopes on an upright grid, metal that lies in bone with them.
    metal : Mask
        All metal, on any grid.
    canal : Canal
        The spinal canal.
    vertebrae : sequence of Bone
        Vertebrae that name the pedicles, on any grid. Without any, levels are counted from the top: "vertebra-1" is the
        highest that shows a pedicle.
    config : PedicleConfig
        Settings.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    tuple of Pedicle
        From the top down, left before right. A width or height is None where it cannot be read: the wall beside a
        screw, missing bone.

    Raises
    ------
    CancelledError
        If the monitor says stop.

    Notes
    -----
    Isthmuses are looked for where they lie in all morphometry: beside the canal's hind half to its middle. The border
    of the outer cortex is where the CT has risen by a share (`PedicleConfig.border_share`, about half) from the soft
    tissue to the cortex's peak, on rays from the canal outwards, and up and down from the pedicle's middle; the width
    is that of the narrowest section, over the middle half of its height.
    """
    found = []
    for place in _places(bone, canal, config):
        check_cancelled(monitor)
        measured = _measured(volume, metal, place, config)
        if measured is not None:
            found.append(measured)
    named = [(_name(pedicle, vertebrae), pedicle) for pedicle in found] if vertebrae else _counted(found, config)
    kept = _alike([(name, pedicle) for name, pedicle in named if name is not None], config)
    kept.sort(key=lambda pair: (-round(pair[1].centre_lps[2] / config.least_apart_mm), pair[1].side))
    return tuple(replace(pedicle, bone=name) for name, pedicle in kept)


def _places(bone: Mask, canal: Canal, config: PedicleConfig) -> list[_Place]:
    line, up = canal.centre_lps, _up(canal)
    out: list[_Place] = []
    sides: tuple[tuple[Side, float, int], ...] = (("left", 1.0, 0), ("right", -1.0, canal.radii_mm.shape[1] // 2))
    front = canal.radii_mm[:, canal.radii_mm.shape[1] * 3 // 4]
    for side, sign, ray in sides:
        wall = ndi.median_filter(canal.radii_mm[:, ray], 5, mode="nearest")
        # canals are wider before their middle than rays through it tell where arches slope
        aside = np.arange(*_BESIDE_MM, 0.8)
        ahead = np.linspace(0.0, 0.5, 5)
        points = np.repeat(line[:, None, None, :], len(aside), axis=1).repeat(len(ahead), axis=2)
        points[..., 0] += sign * (wall[:, None] + aside)[:, :, None]
        points[..., 1] -= front[:, None, None] * ahead
        share = _read(bone, points).mean(axis=(1, 2))
        for start, stop in _stretches(share, config):
            middle = (start + stop) // 2
            centre = line[middle] + np.array([sign * (wall[middle]), -_AHEAD * front[middle], 0.0])
            inward = unit(np.array([-sign * _INWARD, -1.0, 0.0]))
            inward = unit(inward - (inward @ up[middle]) * up[middle])
            out.append(_Place(side, centre, inward, up[middle]))
    return out


def _up(canal: Canal) -> Array:
    line = ndi.gaussian_filter1d(canal.centre_lps, 12.0, axis=0, mode="nearest")
    way = np.gradient(line, axis=0) if len(line) > 1 else np.tile([0.0, 0.0, 1.0], (len(line), 1))
    return np.asarray(way / np.linalg.norm(way, axis=1, keepdims=True))


def _stretches(share: Array, config: PedicleConfig) -> list[tuple[int, int]]:
    """Stretches of the canal, in its points a millimetre apart, beside which a pedicle stands."""
    smooth = ndi.gaussian_filter1d(share, 1.0, mode="nearest")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (smooth >= config.bone_share).astype(int), [0]])))
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    # a pedicle that the scan's end cuts has no middle
    return [(a, b) for a, b in runs if b - a >= config.least_height_mm and a > 0 and b < len(share)]


def _read(mask: Mask, points: Array) -> Floats:
    at = mask.grid.to_index(points_lps(points.reshape(-1, 3)))
    values = interpolated(mask.voxels.view(np.uint8), at, outside=0.0)
    return values.reshape(points.shape[:-1])


def _measured(volume: Volume, metal: Mask, place: _Place, config: PedicleConfig) -> Pedicle | None:
    up = place.up_lps - (place.up_lps @ place.inward_lps) * place.inward_lps
    up = unit(up)
    outward = np.cross(place.inward_lps, up)
    outward = outward if (outward[0] > 0) == (place.side == "left") else -outward
    frame = Frame(place.wall_lps, place.inward_lps, up, outward)
    found = read_isthmus(volume, metal, frame, config)
    if found is None:
        return None
    ahead, high, out = found.centre_mm
    centre = place.wall_lps + ahead * place.inward_lps + high * up + out * outward
    way = points_lps(place.inward_lps)
    return Pedicle("", place.side, points_lps(centre), way, width_mm=found.width_mm, height_mm=found.height_mm)


def _name(pedicle: Pedicle, vertebrae: Sequence[Bone]) -> str | None:
    """Give the vertebra that most of the place round a pedicle's middle belongs to."""
    bones = [b for b in vertebrae if b.kind == "vertebra"]
    reach = np.stack(np.meshgrid(*[np.linspace(-3.0, 3.0, 4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    shares = [float(_read(b.mask, pedicle.centre_lps + reach).mean()) for b in bones]
    if not shares or max(shares) < 0.25:
        return None
    return bones[int(np.argmax(shares))].name


def _counted(pedicles: Sequence[Pedicle], config: PedicleConfig) -> list[tuple[str | None, Pedicle]]:
    """Name levels from the top, a left and a right pedicle at one height being one vertebra's."""
    ordered = sorted(pedicles, key=lambda p: -p.centre_lps[2])
    out: list[tuple[str | None, Pedicle]] = []
    number, top = 0, np.inf
    for pedicle in ordered:
        if top - pedicle.centre_lps[2] > config.least_apart_mm:
            number, top = number + 1, float(pedicle.centre_lps[2])
        out.append((f"vertebra-{number}", pedicle))
    return out


def _alike(named: Sequence[tuple[str, Pedicle]], config: PedicleConfig) -> list[tuple[str, Pedicle]]:
    """Keep one pedicle a side of each vertebra, and no width far greater than the other side's."""
    kept: dict[tuple[str, Side], Pedicle] = {}
    for name, pedicle in named:
        old = kept.get((name, pedicle.side))
        if old is None or (pedicle.width_mm or np.inf) < (old.width_mm or np.inf):
            kept[name, pedicle.side] = pedicle
    out = []
    for (name, side), pedicle in kept.items():
        other = kept.get((name, "right" if side == "left" else "left"))
        mine, its = pedicle.width_mm, None if other is None else other.width_mm
        if mine is not None and its is not None and mine > max(its + config.unlike_mm, 1.5 * its):
            pedicle = replace(pedicle, width_mm=None)
        out.append((name, pedicle))
    return out
