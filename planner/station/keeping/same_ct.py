"""Whether two loaded CTs are one and the same, whatever folders they were read from."""

import numpy as np

from planner.model.scan import Scan


def is_same_ct(one: Scan, other: Scan) -> bool:
    """Say whether two scans are the same CT: the same series, and the same voxels in the same places.

    Parameters
    ----------
    one, other : Scan
        As they were loaded. Voxels are compared only where everything else is equal.

    Returns
    -------
    bool
        False too where the same voxels are called another series: whose they are is not known then.
    """
    if one is other:
        return True
    if one.series.name != other.series.name or not one.volume.grid.is_same(other.volume.grid):
        return False
    return bool(np.array_equal(one.volume.hu, other.volume.hu))
