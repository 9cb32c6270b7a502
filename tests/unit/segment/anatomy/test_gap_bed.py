import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.segment.anatomy.gap_bed import gap_bed

EDGE_MM = 1.0
AT = np.moveaxis(np.indices((48, 60, 60)) - np.array([24, 30, 30]).reshape(3, 1, 1, 1), 0, -1).astype(float)
NOTHING = np.zeros(AT.shape[:3], dtype=bool)


def block(half: tuple[float, float, float]) -> np.ndarray:
    return np.all(np.abs(AT) <= half, axis=-1)


def vertebra(*, hole: bool = False, halo: bool = False, screw: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A box of cortex round marrow, a screw along the rows in it."""
    whole, marrow = block((13, 16, 18)), block((11, 14, 16))
    hu = np.where(whole, 900.0, 55.0)
    hu[marrow] = 120.0
    away = np.hypot(AT[..., 0], AT[..., 2])
    if hole:
        hu[(away < 3) & (AT[..., 1] < 0) & whole & ~marrow] = 40.0
    along = AT[..., 1] > -12
    if halo:
        hu[(away < 5) & along & marrow] = 40.0
    metal = (away < 2.5) & (AT[..., 1] > -10) if screw else NOTHING
    hu[metal] = 6000.0
    return ndi.gaussian_filter(hu, 0.4).astype(np.float32), metal


TRUE = block((13, 16, 18))


def overlap(mask: np.ndarray, true: np.ndarray) -> float:
    return float(2 * (mask & true).sum() / (mask.sum() + true.sum()))


def test_a_closed_cortex_is_filled():
    hu, metal = vertebra()
    assert overlap(gap_bed(hu, metal, None, EDGE_MM), TRUE) > 0.93


@pytest.mark.parametrize("hole", [False, True])
def test_a_halo_counts_as_bone_also_behind_a_hole(hole):
    hu, metal = vertebra(hole=hole, halo=True, screw=True)
    bone = gap_bed(hu, metal, None, EDGE_MM)
    halo = (np.hypot(AT[..., 0], AT[..., 2]) < 5) & (np.abs(AT[..., 1] - 1) < 12)
    assert bone[halo].mean() > 0.95
    assert bone[metal & TRUE].mean() > 0.95  # where it leaves the bone, a layer of voxels may go


def test_a_rod_in_muscle_is_no_bone():
    hu, _ = vertebra()
    rod = np.hypot(AT[..., 1] - 25, AT[..., 2]) < 2.8
    hu = ndi.gaussian_filter(np.where(rod, 6000.0, hu), 0.7).astype(np.float32)
    bone = gap_bed(hu, rod, None, EDGE_MM)
    assert not bone[rod].any()
    assert overlap(bone, TRUE) > 0.9


def test_muscle_holds_no_bone():
    assert not gap_bed(np.full(NOTHING.shape, 55.0, dtype=np.float32), NOTHING, None, EDGE_MM).any()


def test_what_is_barred_is_no_bone_whatever_surrounds_it():
    hu, metal = vertebra()
    canal = np.hypot(AT[..., 1], AT[..., 2]) < 6
    assert not (gap_bed(hu, metal, canal, EDGE_MM) & canal).any()
