import numpy as np
import pytest

from planner.config.anatomy_config import GapBedConfig
from planner.segment.anatomy.gap_bed import gap_bed

EDGE_MM = 0.8
AT_MM = np.moveaxis(np.indices((50, 60, 60)) - np.array([25, 30, 30]).reshape(3, 1, 1, 1), 0, -1) * EDGE_MM


def block(half_mm: tuple[float, float, float]) -> np.ndarray:
    return np.all(np.abs(AT_MM) <= half_mm, axis=-1)


BONE = block((14.0, 14.0, 14.0))
AWAY_MM = np.hypot(AT_MM[..., 0], AT_MM[..., 2])
SCREW = (AWAY_MM < 2.5) & (AT_MM[..., 1] > -10.0)
"""From behind into the bone, 4 mm short of its front."""


def eaten(radius_mm: float) -> np.ndarray:
    """The outline of a bone whose front a halo has opened as far as the screw's tip."""
    hole = (radius_mm > AWAY_MM) & (AT_MM[..., 1] < -10.0)
    return BONE & ~hole


@pytest.mark.parametrize("radius_mm", [2.0, 3.0])
def test_what_a_halo_has_eaten_beside_its_screw_is_closed(radius_mm):
    outline = eaten(radius_mm)
    # at its mouth a ball leaves a dimple
    lost = BONE & ~outline & (AT_MM[..., 1] > -13.0)
    assert gap_bed(outline, SCREW, None, EDGE_MM)[lost].mean() > 0.95


def test_a_hole_wider_than_any_halo_stays_open():
    outline = eaten(9.0)
    lost = BONE & ~outline & (np.abs(AT_MM[..., 1] + 13.0) < 1.0) & (AWAY_MM < 4.0)
    assert not gap_bed(outline, SCREW, None, EDGE_MM)[lost].any()


def test_the_outline_is_kept_and_away_from_metal_nothing_is_added():
    outline = eaten(3.0)
    bed = gap_bed(outline, SCREW, None, EDGE_MM)
    far = AWAY_MM > 2.5 + 9.0 + 2 * EDGE_MM
    assert (bed | ~outline).all()
    assert np.array_equal(bed[far], outline[far])


def test_a_hole_without_metal_in_the_bone_stays_a_hole():
    outline = eaten(3.0)
    rod = (np.hypot(AT_MM[..., 1] - 19.0, AT_MM[..., 2]) < 2.5) & ~BONE
    for metal in (np.zeros_like(SCREW), rod):
        assert np.array_equal(gap_bed(outline, metal, None, EDGE_MM), outline)


def test_beside_metal_it_errs_outwards_by_no_more_than_a_voxel():
    through = AWAY_MM < 2.5
    shell = ~BONE & block((14.0, 14.0 + 2.5 * EDGE_MM, 14.0)) & (AWAY_MM < 5.0)
    beyond = shell & (np.abs(AT_MM[..., 1]) > 14.0 + EDGE_MM)
    for wider_mm, added in ((0.0, False), (0.8, True)):
        bed = gap_bed(BONE, through, None, EDGE_MM, config=GapBedConfig(wider_mm=wider_mm))
        assert bool((bed & shell).any()) is added
        assert not (bed & beyond).any()


def test_what_is_barred_is_in_no_bed_whatever_surrounds_it():
    canal = (np.hypot(AT_MM[..., 1] - 4.0, AT_MM[..., 2] - 7.0) < 3.0) & (np.abs(AT_MM[..., 0]) < 20.0)
    outline = BONE & ~canal
    assert gap_bed(outline, SCREW & ~canal, None, EDGE_MM)[canal & BONE].any()
    assert not (gap_bed(outline, SCREW & ~canal, canal, EDGE_MM) & canal).any()
