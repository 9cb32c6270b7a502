import numpy as np
import pytest

from planner.geometry.frames import POSTERIOR
from planner.model.volume import Volume
from planner.segment.anatomy.body import find_body

SKIN_BEHIND_MM = 44.0
UPRIGHT = np.eye(3)[:, ::-1]


@pytest.mark.parametrize("directions", [UPRIGHT, np.eye(3) * [1, -1, -1]], ids=["upright", "permuted and flipped"])
def test_the_skin_is_where_it_is(spine_scan, directions):
    volume, _ = spine_scan(directions=directions)
    body = find_body(volume)
    assert body.skin_towards(volume, (0, 0, 0), POSTERIOR)[1] == pytest.approx(SKIN_BEHIND_MM, abs=0.6)


def test_the_table_is_no_part_of_the_patient(spine_scan):
    volume, _ = spine_scan(table=True)
    body = find_body(volume)
    inside = body.inside.grid.to_lps(np.argwhere(body.inside.voxels))
    assert inside[:, 1].max() < SKIN_BEHIND_MM + 2.0
    assert body.skin_towards(volume, (0, 0, 0), POSTERIOR)[1] == pytest.approx(SKIN_BEHIND_MM, abs=0.6)


def test_gas_within_is_inside_and_not_outside(spine_scan):
    volume, _ = spine_scan(gas=True)
    body = find_body(volume)
    at = tuple(np.rint(body.gas.grid.to_index((33.0, -14.0, 0.0))).astype(int))
    assert body.gas.voxels[at]
    assert body.inside.voxels[at]
    assert not body.outside.voxels[at]


def test_a_patient_without_gas_shows_none(spine_scan):
    volume, _ = spine_scan()
    assert not find_body(volume).gas.voxels.any()


def test_skin_beyond_the_field_of_view_is_unknown(spine_scan):
    volume, _ = spine_scan(half_mm=np.array([68.0, 40.0, 30.0]))
    body = find_body(volume)
    assert body.skin_towards(volume, (0, 0, 0), POSTERIOR) is None


def test_what_the_scanner_did_not_measure_is_neither_inside_nor_air(spine_scan):
    volume, _ = spine_scan()
    hu = np.array(volume.hu)
    points = volume.grid.to_lps(np.moveaxis(np.indices(volume.grid.shape), 0, -1))
    hu[points[..., 1] > 25.0] = -2000
    cut = Volume(volume.grid, hu)
    body = find_body(cut)
    at = tuple(np.rint(body.inside.grid.to_index((0.0, 35.0, 0.0))).astype(int))
    assert not body.inside.voxels[at]
    assert not body.outside.voxels[at]
    assert body.skin_towards(cut, (0, 0, 0), POSTERIOR) is None
