"""CT numbers of bone beside a bar, at the same places of two scans, against what was drawn."""

from dataclasses import replace

import numpy as np
import pytest

from planner.follow.bone_density import density_changes
from planner.geometry.implant_zones import SCREW_ZONES
from planner.model.volume import Mask
from tests.unit.follow.loose_bar import Scene, pair_of

FIRM = Scene(width_mm=0.0)


def _beside(examined, hu):
    """Tell muscle of some HU along the front of the scan, away from everything."""
    voxels = np.zeros(examined.grid.shape, dtype=bool)
    voxels[:, :8, :] = True
    values = np.array(examined.anatomy.ct.hu)
    values[voxels] = hu
    ct = replace(examined.anatomy.ct, hu=values)
    return replace(examined, anatomy=replace(examined.anatomy, ct=ct, muscle=Mask(examined.grid, voxels)))


def _changes(before, after, *, muscle=None, **told):
    pair, cement = pair_of(before, after, **told)
    if muscle is not None:
        pair = replace(pair, early=_beside(pair.early, muscle[0]), late=_beside(pair.late, muscle[1]))
    return {change.zone: change for change in density_changes(pair, new_cement=cement)}


def test_unchanged_bone_did_not_change() -> None:
    changes = _changes(FIRM, FIRM)
    assert tuple(changes) == SCREW_ZONES
    middle = changes["screw-middle"]
    assert middle.before_hu == pytest.approx(220.0, abs=25.0)
    assert abs(middle.change_hu) < 8.0
    assert abs(middle.change_hu) < middle.limit_hu


def test_lost_density_is_lost() -> None:
    middle = _changes(FIRM, Scene(width_mm=0.0, density_hu=-60.0), muscle=(55.0, 55.0))["screw-middle"]
    assert middle.change_hu == pytest.approx(-60.0, abs=10.0)
    assert abs(middle.change_hu) > middle.limit_hu


def test_another_scanners_offset_is_no_change() -> None:
    middle = _changes(FIRM, FIRM, offset_hu=30.0, muscle=(55.0, 85.0))["screw-middle"]
    assert middle.change_hu == pytest.approx(0.0, abs=8.0)


def test_without_muscle_the_limit_says_so() -> None:
    told = _changes(FIRM, FIRM, muscle=(55.0, 55.0))["screw-middle"]
    untold = _changes(FIRM, FIRM)["screw-middle"]
    assert untold.limit_hu > told.limit_hu + 20.0


def test_cement_is_not_denser_bone() -> None:
    gap = Scene(width_mm=1.8)
    middle = _changes(gap, Scene(width_mm=1.8, cement="all"))["screw-middle"]
    assert abs(middle.change_hu) < middle.limit_hu


def test_a_bone_that_was_not_registered_tells_nothing() -> None:
    changes = _changes(FIRM, FIRM, registered=False)
    assert tuple(changes) == SCREW_ZONES
    assert all(change.change_hu is None and change.limit_hu is None for change in changes.values())
