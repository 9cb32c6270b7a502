"""A halo's cells and its wall: told by the learned reader, the wall refined on the screw's own profiles."""

from dataclasses import dataclass

import cc3d
import numpy as np

from planner.config.gap_config import HaloConfig
from planner.geometry.frames import Array
from planner.segment.gaps.halo_look import Look
from planner.segment.gaps.halo_wall import half_height, rim_bias_mm
from planner.segment.reading.network import Reading
from planner.segment.reading.screws import ScrewView, read_screw
from planner.segment.unwrap import Cells, Fan

_ROUNDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """A halo's wall as it was read: every map has shape (rows, angles) of the fan.

    Parameters
    ----------
    lucent : ndarray of bool
        Where there is a gap.
    width_mm : ndarray
        From the thread's crest; 0 where there is none.
    read : ndarray of bool
        Where the profiles show a rise at the wall; elsewhere it is the reader's alone.
    rise_hu : ndarray
        That rise.
    reading : Reading
        What the reader said of each cell.
    """

    lucent: Cells
    width_mm: Array
    read: Cells
    rise_hu: Array
    reading: Reading


def read_wall(look: Look, *, cancellous_hu: float, slice_mm: float, config: HaloConfig) -> Wall:
    """Read a screw's halo.

    Parameters
    ----------
    look : Look
        The screw's unwrapped profiles.
    cancellous_hu : float
        The patient's own bone.
    slice_mm : float
        Distance of the slices.
    config : HaloConfig
        The settings.

    Returns
    -------
    Wall

    Notes
    -----
    Which cells are lucent, and about how wide, is told by networks that were trained on simulated scans
    (`planner.segment.reading`). The wall is then moved to half the height of the rise on this screw's own profiles, and
    the mean of both is taken: they err in different ways, the networks' is drawn too near on bone that is no phantom's.
    """
    reading = read_screw(_view_of(look, cancellous_hu, slice_mm))
    lucent = lucent_cells(reading.chance, look.fan, look.radius_mm, config)
    width = np.where(lucent, np.clip(reading.width_mm, 0.0, config.greatest_width_mm), 0.0)
    rise, read, own = np.zeros(width.shape), np.zeros(width.shape, dtype=bool), width
    for _ in range(_ROUNDS if lucent.any() else 0):
        shift, rise, read = half_height(look.profiles, look.fan, look.radius_mm, own, lucent)
        own = np.where(lucent, np.clip(own + shift, 0.3, config.greatest_width_mm), 0.0)
    bias = rim_bias_mm(look.profiles, look.radius_mm, own, read, bloom=look.bloom, config=config)
    own = np.where(lucent, np.maximum(own + bias, 0.0), 0.0)
    share = config.own_wall_share
    return Wall(lucent, np.where(read, share * own + (1.0 - share) * width, width), read, rise, reading)


def lucent_cells(chance: Array, fan: Fan, radius_mm: float, config: HaloConfig) -> Cells:
    """Take the cells that are likelier lucent than not, but for specks.

    Parameters
    ----------
    chance : ndarray, shape (rows, angles)
        That a cell is lucent.
    fan : Fan
        The rays.
    radius_mm : float
        Of the shaft over its thread.
    config : HaloConfig
        The least chance, and the least patch.

    Returns
    -------
    ndarray of bool, shape (rows, angles)
    """
    likely = chance > config.least_chance
    # seen twice, a patch over the seam is whole in the middle
    twice = np.concatenate([likely, likely], axis=1)
    labels = np.asarray(cc3d.connected_components(twice[..., None].astype(np.uint8), connectivity=26))[..., 0]
    area = np.tile(fan.area_mm2(np.full(chance.shape, radius_mm)), 2)
    sizes = np.bincount(labels.ravel(), weights=area.ravel())
    kept = (sizes >= config.least_patch_mm2)[labels] & twice
    turns = chance.shape[1]
    return np.asarray(kept[:, :turns] | kept[:, turns:])


def _view_of(look: Look, cancellous_hu: float, slice_mm: float) -> ScrewView:
    return ScrewView(
        fan=look.fan, profiles=look.scanned, pattern_hu=look.pattern_hu, radius_mm=look.radius_mm,
        metal_mm=look.metal_mm, limit_mm=look.limit_mm, in_bone=look.in_bone, blur_mm=look.bloom.sigma_mm,
        bloom_hu=look.bloom_scanned_hu, cancellous_hu=cancellous_hu, slice_mm=slice_mm, is_hidden=look.shaft.is_hidden,
    )  # fmt: skip
