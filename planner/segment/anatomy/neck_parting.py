"""Where bones that touch are parted: arches in the narrowest place between them, ribs at the cortex of what they join.

Ways along bone, summed, let the nearer of two bones take a share of the other's head: that of a rib lies nearer to the
pedicle than to the rib's own shaft. Where a neck or a wall stands does not depend on how far away either bone begins.
"""

import cc3d
import edt
import numpy as np
from scipy import ndimage as ndi
from skimage.segmentation import watershed

from planner.segment.anatomy.flood import Ground, Labels
from planner.segment.anatomy.walls import within
from planner.segment.anatomy.windows import greatest_round, grown, least_round
from planner.segment.upright import Bools, Floats

_RIB_REACH_MM, _ARCH_REACH_MM = 12.0, 4.0
"""So far from where two bones met their border may move: a rib's head is 8 to 10 mm thick, an articular process 5 to 8
(the phantoms' figures); farther ones reach across the next neck. Tuned on four of the tuning cases."""
_BODY_MM = 1.0
"""What lies farther in front of the bodies' back wall is parted by the discs' planes, but for ribs."""
_SLIVER_ML = 0.05
"""Less of a bone, cut off from the rest of it, is no place for it to grow from. Ours."""
_EVEN = 0.5
"""Voxels over which the depth is smoothed: its steps make no necks."""
_MARROW_HU, _RISE_HU, _MIDWAY_HU = 100.0, 600.0, 400.0
"""What marrow reads at least, and by how much cortex more."""
_WALL_STEPS, _RIB_STEPS = 60.0, 4.0
"""Of a cortex's height, and of a voxel's depth, at ribs. Heads of ribs are wider where they touch a body than their
necks are, but a cortex stands between; depth decides where metal hides it. On two tuning cases the mean Dice of 22 ribs
was 0.947 with 0, 4 or 8 steps a voxel, and 0.905 with the depth alone."""
_STEPS = 8.0
"""The same of a voxel's depth between arches, whose cortices touch without marrow between them."""


def part_at_necks(labels: Labels, ground: Ground, hu: Floats, *, before_mm: Floats, edge_mm: float) -> Labels:
    """Move the borders of bones that touch to the necks and walls between them.

    Parameters
    ----------
    labels : ndarray of int16, shape (S, R, C)
        Bones, roughly apart; 0 for none.
    ground : Ground
        Where they were grown, and from where.
    hu : ndarray, shape (S, R, C)
        CT; NaN where metal and its bloom say nothing of walls.
    before_mm : ndarray of float32, shape (S, R, C)
        How far before the bodies' back wall a bone voxel lies, mm.
    edge_mm : float
        Edge of a voxel, mm.

    Returns
    -------
    ndarray of int16, shape (S, R, C)
        The same voxels, each with a bone.

    Notes
    -----
    Watershed by markers (Meyer 2012, arXiv 1202.0216), from what lies farther from the rough border and what is sure:
    between arches on the depth below the surface of all bone, at ribs on how bright the CT is, less some of the depth.
    """
    at_ribs, at_arches = _near_borders(labels, before_mm, ground.outsider, edge_mm)
    near = at_ribs | at_arches
    if not near.any():
        return labels
    solid = labels > 0
    depth = ndi.gaussian_filter(np.asarray(edt.edt(solid, parallel=2), dtype=np.float32), _EVEN)
    markers = np.where(near, 0, labels)
    height = np.where(at_ribs, _WALL_STEPS * _walls(hu) - _RIB_STEPS * depth, -_STEPS * depth)
    least = max(2, round(_SLIVER_ML * 1000.0 / edge_mm**3))
    markers = cc3d.dust(markers.astype(np.uint16), threshold=least, connectivity=26)
    markers = np.where(near & (ground.seeds > 0), ground.seeds, markers).astype(np.int32)
    room = solid & grown(near)
    parted = watershed(height.astype(np.int16), markers, mask=room)  # type: ignore[no-untyped-call]
    foreign = parted == ground.outsider
    near &= np.where(foreign, ground.open_to, (parted >= ground.first) & (parted <= ground.last))
    return np.asarray(np.where(near & (parted > 0), parted, labels), dtype=np.int16)


def _walls(hu: Floats) -> Floats:
    """Say how bright each place is, from marrow at 0 to cortex at 1; half way where it cannot be read."""
    share = (np.asarray(ndi.gaussian_filter(np.nan_to_num(hu, nan=_MIDWAY_HU), _EVEN)) - _MARROW_HU) / _RISE_HU
    return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float32)


def _near_borders(labels: Labels, before_mm: Floats, outsider: int, edge_mm: float) -> tuple[Bools, Bools]:
    """Say which voxels lie so near to a border with ribs, and to one between arches, that it may move across them."""
    solid = labels > 0
    highest = greatest_round(np.where(solid, labels, -1), 3)
    lowest = least_round(np.where(solid, labels, np.iinfo(np.int16).max), 3)
    border = solid & (highest != lowest)
    with_ribs = border & (highest == outsider)
    between_arches = border & ~with_ribs & (before_mm < -_BODY_MM)
    return (
        solid & within(with_ribs, _RIB_REACH_MM, edge_mm),
        solid & within(between_arches, _ARCH_REACH_MM, edge_mm),
    )
