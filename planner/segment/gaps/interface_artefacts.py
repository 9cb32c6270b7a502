"""An interface read again with what metal artefacts are foretold to add taken off."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array
from planner.segment.gaps.interface_rays import OFFSETS_MM, Interface
from planner.segment.gaps.interface_wall import find_lucent
from planner.segment.gaps.lytic_spaces import Surroundings
from planner.segment.gaps.readability import Readability, depths_mm, readability
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells
from planner.segment.upright import Bools

_SMOOTH_MM = 0.6
"""As cavities are told."""


@dataclass(frozen=True, slots=True, eq=False)
class InterfaceArtefacts:
    """What a trust map says of one interface.

    Parameters
    ----------
    trust : TrustMap
        The map.
    seen : Readability or None
        How the interface reads; None where none of it lies in bone.
    cells : ndarray of bool, shape (rows, angles)
        Lucent cells, or their neighbours, once the foretold artefact is taken off.
    darkened : ndarray of bool
        Voxels on the surroundings' grid that are lucent by artefact alone.
    """

    trust: TrustMap
    seen: Readability | None
    cells: Cells
    darkened: Bools

    def staying_share(self, cells: Cells, voxels_idx: npt.NDArray[np.intp], shares_ml: Array) -> float:
        """Give the share of a gap that is no artefact.

        Parameters
        ----------
        cells : ndarray of bool, shape (rows, angles)
            The gap's cells.
        voxels_idx : ndarray of int, shape (N, 3)
            Its cavities' voxels.
        shares_ml : ndarray
            Volume of these cells, then of these voxels.

        Returns
        -------
        float
            0..1.
        """
        stays = np.concatenate([self.cells[cells], ~self.darkened[tuple(voxels_idx.T)]])
        return float((shares_ml * stays).sum() / shares_ml.sum())


def look_again(
    trust: TrustMap, interface: Interface, around: Surroundings, *, lumen_hu: float, config: HipGapConfig
) -> InterfaceArtefacts:
    """Look at an interface with the foretold artefact taken off.

    Parameters
    ----------
    trust : TrustMap
        The map.
    interface : Interface
        The unwrapped interface.
    around : Surroundings
        What lies round its implant.
    lumen_hu : float
        What lies below may be a gap's content.
    config : HipGapConfig
        What counts as a gap.

    Returns
    -------
    InterfaceArtefacts
    """
    fixed = np.zeros(interface.metal_mm.shape)
    places = np.stack([interface.points_lps(depth) for depth in depths_mm(fixed)])
    pattern = np.stack([trust.pattern_at(interface.points_lps(fixed + t)) for t in OFFSETS_MM], axis=-1)
    lucent, _, _ = find_lucent(replace(interface, profiles=interface.profiles - pattern), lumen_hu, config)
    smooth = ndimage.gaussian_filter(around.hu, _SMOOTH_MM / around.edge_mm)
    darkened = around.bone & (smooth < lumen_hu) & (around.from_metal_mm < config.bone_reach_mm)
    where = np.argwhere(darkened)
    added = trust.pattern_at(np.asarray(around.grid.to_lps(where)))
    darkened[darkened] = smooth[darkened] - added >= lumen_hu
    return InterfaceArtefacts(
        trust,
        readability(trust, places, interface.area_mm2(), interface.in_bone),
        ndimage.binary_dilation(lucent),
        darkened,
    )
