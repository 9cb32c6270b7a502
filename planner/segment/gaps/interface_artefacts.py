"""What metal artefacts make of an interface: how much of it can be read, and which dark lines they explain."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array
from planner.segment.gaps.bone_levels import BoneLevels
from planner.segment.gaps.interface_rays import Interface
from planner.segment.gaps.interface_wall import find_lucent
from planner.segment.gaps.readability import Readability, depths_mm, readability
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells

_BESIDE = 2
"""Cells so near to a line that stays are no line of their own."""


@dataclass(frozen=True, slots=True, eq=False)
class InterfaceArtefacts:
    """What a trust map says of one interface.

    Parameters
    ----------
    trust : TrustMap
        The map.
    seen : Readability or None
        How the interface reads; None where none of it lies in bone.
    refused_ml : float
        Volume of lines that are dark by foretold artefact alone.
    stays : float
        Share, 0..1, of all dark lines' volume that is none.
    where_lps : ndarray of shape (3,) or None
        Middle of what was refused.
    """

    trust: TrustMap
    seen: Readability | None
    refused_ml: float
    stays: float
    where_lps: Array | None


def look_again(
    trust: TrustMap, interface: Interface, lucent: Cells, *, levels: BoneLevels, config: HipGapConfig
) -> InterfaceArtefacts:
    """Look at an interface with the foretold artefact left on it.

    Parameters
    ----------
    trust : TrustMap
        The map.
    interface : Interface
        The unwrapped interface, foretold artefacts taken off.
    lucent : ndarray of bool, shape (rows, angles)
        What is lucent on it.
    levels : BoneLevels
        The patient's own bone.
    config : HipGapConfig
        What counts as a gap.

    Returns
    -------
    InterfaceArtefacts
    """
    fixed = np.zeros(interface.metal_mm.shape)
    places = np.stack([interface.points_lps(depth) for depth in depths_mm(fixed)])
    seen = readability(trust, places, interface.area_mm2(), interface.in_bone)
    dark, width, _ = find_lucent(interface.as_scanned(), levels, config)
    refused = dark & ~ndimage.binary_dilation(lucent, iterations=_BESIDE)
    ml = interface.cells_mm3(width) / 1000.0
    refused_ml, dark_ml = float(ml[refused].sum()), float(ml[dark].sum())
    where = interface.points_lps(width / 2.0)[refused].mean(axis=0) if refused.any() else None
    return InterfaceArtefacts(trust, seen, refused_ml, 1.0 - refused_ml / max(dark_ml, 1e-6), where)
