"""The bed of gaps: the bones' outline, closed over what lysis and halos have eaten of it beside metal.

A gap ends where its bed does. The outline follows what is left of a bone: where a halo has eaten the cortex it runs
along the halo's floor, and cuts off the gap that is to be measured. So beside metal that lies in bone it is closed over
all that is narrower than a wide halo, and it errs outwards there by half a voxel. A gap cut short is a volume lost;
one that reaches half a voxel into muscle ends at its own wall.
"""

from planner.config.anatomy_config import GapBedConfig
from planner.segment.anatomy.bone import bridged
from planner.segment.anatomy.walls import within
from planner.segment.upright import Bools

DEFAULT = GapBedConfig()


def gap_bed(
    bone: Bools, metal: Bools, barred: Bools | None, edge_mm: float, *, config: GapBedConfig = DEFAULT
) -> Bools:
    """Close the bones' outline over gaps, on an upright isotropic grid.

    Parameters
    ----------
    bone : ndarray of bool, shape (S, R, C)
        The outline, with the metal that lies in it, as `planner.segment.anatomy.bone.bone_envelope` gives it.
    metal : ndarray of bool, shape (S, R, C)
        All metal.
    barred : ndarray of bool, shape (S, R, C) or None
        What is not bone whatever surrounds it: the spinal canal.
    edge_mm : float
        Edge of a voxel, mm.
    config : GapBedConfig
        How wide a hole is closed, and how far from metal.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
        The outline is in it; away from metal that lies in bone it is the outline.
    """
    near = within(metal & bone, config.beside_mm, edge_mm)
    if barred is not None:
        near &= ~barred
    return bone | bridged(bone, config.bridge_mm, edge_mm, where=near, wider_mm=config.wider_mm)
