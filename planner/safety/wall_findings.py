"""What cannot be told of gaps' walls: where the scan ends, and by which veins cement may leave unseen."""

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

from planner.geometry.frames import point_tuple
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.finding import Finding
from planner.model.gap import Gap

_EDGE_VOXELS = 2
"""Nearer to the end of what was scanned a wall is not seen: the reach of interpolation, and one voxel."""
VEINS_UNKNOWN = Finding(
    code="bone-veins-unknown",
    severity="info",
    message="Veins inside a vertebral body are not looked for: where a gap reaches the middle of a body, cement may "
    "leave by the basivertebral vein towards the spinal canal (type B). Watch the back wall in the lateral view.",
    source="PMC8449924; this program's limit",
)
"""Said of every spine with a gap."""
_SPINE = frozenset(("vertebra", "sacrum"))


def wall_findings(anatomy: Anatomy, gaps: Iterable[Gap]) -> tuple[Finding, ...]:
    """Say of which gaps the wall was not wholly scanned, and that veins in bone are not looked for.

    Parameters
    ----------
    anatomy : Anatomy
        CT, gaps and bones.
    gaps : iterable of Gap
        The plan's records.

    Returns
    -------
    tuple of Finding
        Empty for gaps that end within the scan, in bones that have no basivertebral vein.
    """
    spaces = {space.id: space for space in anatomy.gaps}
    said = []
    for gap in gaps:
        space = spaces.get(gap.id)
        if space is not None and is_cut_off(anatomy, space):
            said.append(
                Finding(
                    code="gap-cut-off",
                    severity="caution",
                    message=f"{gap.id} reaches the end of the scan: its wall there was not seen. It holds at least the "
                    "volume that is told, and cement may leave where nothing is told of it.",
                    where_lps=point_tuple(gap.centroid_lps),
                    source="the scan's field of view",
                )
            )
    if spaces and any(bone.kind in _SPINE for bone in anatomy.bones):
        said.append(VEINS_UNKNOWN)
    return tuple(said)


def is_cut_off(anatomy: Anatomy, space: GapSpace) -> bool:
    """Say whether a gap reaches the end of what was scanned.

    Parameters
    ----------
    anatomy : Anatomy
        The CT with what of it is padding.
    space : GapSpace
        The gap.

    Returns
    -------
    bool
    """
    voxels = space.mask.voxels
    index = np.argwhere(voxels)
    if not len(index):
        return False
    last = np.array(voxels.shape) - 1 - _EDGE_VOXELS
    if np.any(index < _EDGE_VOXELS) or np.any(index > last):
        return True
    padding = anatomy.ct.padding
    if padding is None or not padding.any():
        return False
    low, high = index.min(axis=0) - _EDGE_VOXELS, index.max(axis=0) + _EDGE_VOXELS + 1
    block = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return bool((ndimage.binary_dilation(voxels[block], iterations=_EDGE_VOXELS) & padding[block]).any())
