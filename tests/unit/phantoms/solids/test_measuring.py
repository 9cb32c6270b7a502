"""Volumes, their stated errors and centroids, by points spread through solids."""

import math

import numpy as np
import pytest

from planner.phantoms.solids import measuring
from planner.phantoms.solids.basic import Ball, Cylinder, Difference, Intersection, ThreadedShaft, Union
from planner.phantoms.solids.measuring import fill_with_points, measure

_OFF_AXIS = Difference(Cylinder((0, 0, 0), (0, 0, 20), 5.0), Cylinder((0.8, 0, -5), (0.8, 0, 25), 3.0))
_OFF_AXIS_MM3 = math.pi * (25 - 9) * 20


def test_a_closed_form_is_taken_where_there_is_one() -> None:
    found = measure(Difference(Ball((0, 0, 0), 10.0), Ball((0, 0, 0), 8.0)))
    assert found.volume_ml == pytest.approx(4 / 3 * math.pi * 0.488, rel=1e-9)
    assert found.volume_sd_ml == 0.0


def test_a_one_sided_halo_is_counted_with_its_error() -> None:
    found = measure(_OFF_AXIS)
    assert found.volume_ml == pytest.approx(_OFF_AXIS_MM3 / 1000.0, rel=2e-3)
    assert 0.0 < found.volume_sd_ml < 1e-3 * found.volume_ml
    assert found.centroid_lps == pytest.approx((-9 * 0.8 / 16, 0.0, 10.0), abs=0.01)


def test_the_stated_error_is_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    off = []
    for seed in range(8):
        monkeypatch.setattr(measuring, "_SEED", seed)
        volume, sd = fill_with_points(_OFF_AXIS, spacing_mm=0.5).volume_mm3()
        off.append((volume - _OFF_AXIS_MM3) / sd)
    # Without bias, and neither far smaller nor far larger than stated.
    assert abs(np.mean(off)) < 1.2
    assert 0.3 < np.sqrt(np.mean(np.square(off))) < 2.0


def test_a_finer_lattice_states_a_smaller_error() -> None:
    coarse, fine = (fill_with_points(_OFF_AXIS, spacing_mm=mm).volume_mm3()[1] for mm in (0.6, 0.3))
    # The surface has four times the cells, each of an eighth of the volume.
    assert fine == pytest.approx(coarse / 4.0, rel=0.2)


def test_parts_add_up_and_have_errors_of_their_own() -> None:
    filling = fill_with_points(_OFF_AXIS)
    upper = filling.points_lps[..., 2] > 7.0
    parts = [filling.volume_mm3(upper), filling.volume_mm3(~upper)]
    assert sum(v for v, _ in parts) == pytest.approx(filling.volume_mm3()[0], rel=1e-12)
    assert parts[0][0] == pytest.approx(_OFF_AXIS_MM3 * 13 / 20, abs=4 * parts[0][1])
    assert all(0.0 < sd < 0.01 * v for v, sd in parts)


def test_points_lie_where_they_say() -> None:
    solid = Union(
        (ThreadedShaft((0, 0, 0), (0, 0, 20), 6.0, 4.0), Intersection((Ball((0, 0, 0), 6.0), Ball((4, 0, 0), 6.0))))
    )
    filling = fill_with_points(solid, spacing_mm=0.4)
    assert np.array_equal(filling.inside, solid.distance_mm(filling.points_lps.reshape(-1, 3)).reshape(-1, 2) <= 0.0)


def test_a_solid_that_is_not_there_has_no_measure() -> None:
    with pytest.raises(ValueError, match="empty"):
        measure(Difference(Ball((0, 0, 0), 3.0), Ball((0, 0, 0), 4.0)))


def test_a_large_solid_has_larger_cells_and_is_still_exact() -> None:
    bones = Union((Ball((0, 0, 0), 30.0), Ball((20, 20, 0), 30.0), Ball((40, 0, 9), 30.0)))
    assert fill_with_points(bones).cell_mm3.min() > 0.3**3
    found = measure(bones)
    assert 0.0 < found.volume_sd_ml < 1e-3 * found.volume_ml
