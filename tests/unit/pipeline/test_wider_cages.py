"""Cages of plastic get a rim, for their outline on CT is not sure."""

import numpy as np

from planner.pipeline.measured_gaps import _wider


def test_a_cage_s_outline_is_widened_by_two_voxels():
    plastic = np.zeros((12, 12, 12), bool)
    plastic[5:7, 5:7, 5:7] = True
    wide = _wider(plastic)
    assert wide[plastic].all()
    assert wide[3, 5, 5] and wide[8, 6, 6] and not wide[2, 5, 5] and not wide[9, 6, 6]
