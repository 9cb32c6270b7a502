"""Points of a wall, parted by what hangs together and what they look into."""

import numpy as np

from planner.geometry.frames import Array
from planner.phantoms.truth.parting import Region, part

_SPACING_MM = 0.25


def _parted(x_mm: Array, votes: Array) -> list[Region]:
    """Part strips of wall 2 mm wide, one column of points for each x."""
    y = np.arange(0.0, 2.0, _SPACING_MM)
    points = np.stack(np.broadcast_arrays(x_mm[:, None], y[None], 0.0), axis=-1).reshape(-1, 3)
    area = np.full(len(points), _SPACING_MM**2)
    return part(points, area, np.repeat(votes, len(y), axis=0), spacing_mm=_SPACING_MM, least_mm2=0.8)


def _strip(start_mm: float, stop_mm: float) -> Array:
    return np.arange(start_mm, stop_mm, _SPACING_MM)


def test_what_hangs_together_is_one_region_and_a_speck_is_none() -> None:
    x = np.concatenate([_strip(0.0, 3.0), _strip(5.0, 10.0), _strip(20.0, 20.25)])
    regions = _parted(x, np.ones((len(x), 1)))
    assert [(len(r.points), r.kind, r.is_whole) for r in regions] == [(160, 0, True), (96, 0, True)]


def test_two_kinds_are_two_regions_that_are_not_whole() -> None:
    x = _strip(0.0, 10.0)
    regions = _parted(x, np.stack([x < 3.0, x >= 3.0], axis=1).astype(float))
    assert [(len(r.points), r.kind, r.is_whole) for r in regions] == [(224, 1, False), (96, 0, False)]


def test_points_that_know_nothing_go_with_the_nearest_that_do() -> None:
    x = _strip(0.0, 10.0)
    (known,) = _parted(x, (x < 3.0).astype(float)[:, None])
    assert (len(known.points), known.kind) == (320, 0)
    (unknown,) = _parted(x, np.zeros((len(x), 1)))
    assert (len(unknown.points), unknown.kind) == (320, -1)
