"""Where the metal of a stem or a cup ends in this scan, and what its interface shows the learned reader."""

import numpy as np

from planner.config.hip_config import HipGapConfig
from planner.errors import SegmentationError
from planner.geometry.frames import Array
from planner.model.volume import Mask, Volume
from planner.segment.gaps.interface_rays import Edge, Interface, cup_interface, stem_interface
from planner.segment.implants.ceiling import AT_CEILING, clipping_level_hu
from planner.segment.implants.hips import HipPart
from planner.segment.reading.hips import BONE_MM, PATTERN_MM, SHOWN_MM, HipView
from planner.segment.trust import TrustMap
from planner.segment.upright import resample

_BONE_FROM_MM: Array = np.arange(2.75, 8.0, 0.25)
"""Where the patient's own cancellous bone is read: off the metal's blur and most lines."""
_CANCELLOUS_HU = (-100.0, 400.0)
_LEAST_READINGS = 500


def interface_of(
    volume: Volume, part: HipPart, bone: Mask, config: HipGapConfig, mantle: Mask | None = None
) -> Interface:
    """Lay rays round a stem or a cup.

    Parameters
    ----------
    volume : Volume
        The original CT.
    part : HipPart
        The implant.
    bone : Mask
        The bone's envelope, closed over gaps and implants.
    config : HipGapConfig
        How the metal's edge is read.
    mantle : Mask or None
        The cement round a stem, if it was told.

    Returns
    -------
    Interface

    Raises
    ------
    SegmentationError
        If the part has neither an axis nor a sphere.
    """
    edge = _edge(volume, part, config)
    axis = part.record.axis
    if axis is not None:
        ends = np.array(axis.head_lps), np.array(axis.tip_lps)
        wide = axis.diameter_mm if axis.diameter_mm is not None else 12.0
        return stem_interface(volume, bone, *ends, wide, edge, config, is_cut=part.is_cut, mantle=mantle)
    if part.centre_lps is None or part.radius_mm is None or part.opening_lps is None:
        raise SegmentationError(f"{part.record.id} has neither an axis nor a sphere")
    return cup_interface(volume, bone, part.centre_lps, part.radius_mm, part.opening_lps, edge, config)


def _edge(volume: Volume, part: HipPart, config: HipGapConfig) -> Edge:
    clipped = clipping_level_hu(volume.hu, least_pile=30)
    own = np.asarray(resample(volume.hu, volume.grid, part.metal.grid)[part.metal.voxels])
    seen = float(np.percentile(own, 75))
    if clipped is not None and (clipped < 0.6 * config.titanium_hu or seen >= AT_CEILING * clipped):
        return Edge(config.clipped_edge_share * clipped, config.clipped_edge_mm)
    return Edge(0.5 * seen, 0.0)


def view_of(
    volume: Volume, interface: Interface, bone: Mask, trust: TrustMap | None, *, is_cup: bool, is_in_cement: bool,
    config: HipGapConfig,
) -> HipView:  # fmt: skip
    """Read what the networks are shown of an interface.

    Parameters
    ----------
    volume : Volume
        The original CT.
    interface : Interface
        The rays.
    bone : Mask
        The bone's envelope.
    trust : TrustMap or None
        What artefacts are foretold to add; None: nothing.
    is_cup, is_in_cement : bool
        What the interface is of.
    config : HipGapConfig
        What stands in for cancellous bone where too little can be read.

    Returns
    -------
    HipView
    """
    shape = interface.metal_mm.shape
    clipped = clipping_level_hu(volume.hu, least_pile=30)
    if trust is None:
        pattern = np.zeros((*shape, len(PATTERN_MM)))
    else:
        points = [interface.points_lps(np.full(shape, t)) for t in PATTERN_MM]
        pattern = np.stack([trust.pattern_at(p) for p in points], axis=-1)
    return HipView(
        fan=interface.fan,
        profiles=interface.along_rays(volume.hu, volume, SHOWN_MM),
        bone=interface.along_rays(bone.voxels, bone, BONE_MM),
        pattern_hu=pattern,
        metal_mm=interface.metal_mm,
        cosine=interface.cosine,
        sigma_mm=interface.sigma_mm,
        in_bone=interface.in_bone,
        cancellous_hu=_cancellous_hu(volume, interface, bone, config),
        slice_mm=max(volume.grid.spacing_mm),
        is_cup=is_cup,
        is_in_cement=is_in_cement,
        is_clipped=clipped is not None and clipped < 0.6 * config.titanium_hu,
    )


def _cancellous_hu(volume: Volume, interface: Interface, bone: Mask, config: HipGapConfig) -> float:
    hu = interface.along_rays(volume.hu, volume, _BONE_FROM_MM)
    within = (interface.along_rays(bone.voxels, bone, _BONE_FROM_MM) > 0.5) & interface.in_bone[..., None]
    own = hu[within]
    own = own[(own > _CANCELLOUS_HU[0]) & (own < _CANCELLOUS_HU[1])]  # neither cortex, gas nor metal
    return float(np.median(own)) if len(own) > _LEAST_READINGS else config.cancellous_hu
