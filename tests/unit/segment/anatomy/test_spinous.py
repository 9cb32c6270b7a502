"""A spinous process whose outline was cut short has no tip."""

import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Landmark
from planner.segment.anatomy.spinous import goes_on_behind

GRID = Grid((50, 60, 40), np.array([[0, 0, 0.8, -16], [0, 0.8, 0, -20], [0.8, 0, 0, -20], [0, 0, 0, 1.0]]))
TIP = Landmark("spinous process", "vertebra-1", points_lps([0.0, 0.0, 0.0]))
OWN = 3


def scene(*, behind_hu: float, owner: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bone up to the tip, and something of 8 x 6 x 8 mm behind it."""
    hu, labels = np.full(GRID.shape, 40.0, dtype=np.float32), np.zeros(GRID.shape, dtype=np.int16)
    hu[20:31, 5:25, 17:24], labels[20:31, 5:25, 17:24] = 500.0, OWN
    hu[20:30, 29:36, 15:25], labels[20:30, 29:36, 15:25] = behind_hu, owner
    return hu, labels


@pytest.mark.parametrize(
    ("behind_hu", "owner", "cut"),
    [(450.0, 0, True), (450.0, OWN, True), (450.0, 5, False), (60.0, 0, False), (2500.0, 0, False)],
    ids=["bone that nobody claims", "its own bone", "another vertebra's", "muscle", "metal's glare"],
)
def test_a_tip_with_bone_behind_it_is_none(behind_hu, owner, cut):
    hu, labels = scene(behind_hu=behind_hu, owner=owner)
    assert goes_on_behind(TIP, OWN, labels, hu, np.zeros(GRID.shape, dtype=bool), GRID) == cut


def test_what_is_bright_beside_metal_tells_nothing():
    hu, labels = scene(behind_hu=450.0)
    metal = np.zeros(GRID.shape, dtype=bool)
    metal[18:32:3, 27:38:3, 13:27:3] = True
    assert not goes_on_behind(TIP, OWN, labels, hu, metal, GRID)
