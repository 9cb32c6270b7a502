"""Unwrapped maps for scripts."""

import numpy as np
import pytest

from planner.errors import NoImplantError
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.pipeline.unwrapped import unwrapped_maps


def test_a_ct_without_an_implant_has_no_maps_and_says_why():
    grid = Grid((24, 24, 24), np.eye(4)[[2, 1, 0, 3]])
    with pytest.raises(NoImplantError):
        unwrapped_maps(Volume(grid, np.full(grid.shape, 40, dtype=np.int16)))
