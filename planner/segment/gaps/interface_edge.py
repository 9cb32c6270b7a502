"""Where the metal of a stem or a cup ends in a scan, clipped or not."""

import numpy as np

from planner.config.hip_config import HipGapConfig
from planner.errors import SegmentationError
from planner.model.volume import Mask, Volume
from planner.segment.gaps.interface_rays import Interface, cup_interface, stem_interface
from planner.segment.implants.ceiling import AT_CEILING, clipping_level_hu
from planner.segment.implants.hips import HipPart
from planner.segment.upright import resample


def interface_of(volume: Volume, part: HipPart, bone: Mask, config: HipGapConfig) -> Interface:
    """Lay rays round a stem or a cup, from where its metal ends in this scan.

    Parameters
    ----------
    volume : Volume
        The original CT.
    part : HipPart
        The implant.
    bone : Mask
        The bone's envelope, closed over gaps and implants.
    config : HipGapConfig
        The metal's plateau where the scan is clipped, and its blur.

    Returns
    -------
    Interface

    Raises
    ------
    SegmentationError
        If the part has neither an axis nor a sphere.
    """
    clipped = clipping_level_hu(volume.hu, least_pile=30)
    own = np.asarray(resample(volume.hu, volume.grid, part.metal.grid)[part.metal.voxels])
    seen = float(np.percentile(own, 75))
    if clipped is not None and (clipped < 0.6 * config.titanium_hu or seen >= AT_CEILING * clipped):
        plateau = max(config.titanium_hu, seen)
        level = min(0.85 * clipped, 0.5 * plateau)
    else:
        plateau, level = seen, 0.5 * seen
    axis = part.record.axis
    if axis is not None:
        ends = np.array(axis.head_lps), np.array(axis.tip_lps)
        wide = axis.diameter_mm if axis.diameter_mm is not None else 12.0
        return stem_interface(volume, bone, *ends, wide, level, plateau, config, is_cut=part.is_cut)
    if part.centre_lps is None or part.radius_mm is None or part.opening_lps is None:
        raise SegmentationError(f"{part.record.id} has neither an axis nor a sphere")
    return cup_interface(volume, bone, part.centre_lps, part.radius_mm, part.opening_lps, level, plateau, config)
