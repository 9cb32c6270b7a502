"""Borders that move to necks and walls, and those that must not."""

import numpy as np

from planner.segment.anatomy.flood import Ground
from planner.segment.anatomy.neck_parting import part_at_necks

EDGE_MM = 0.8
OUTSIDER = 3
SHAPE = (24, 24, 72)
AT = np.indices(SHAPE)


def balls():
    """Two balls of 8 voxels that touch in a neck at column 36."""
    return [np.sum((AT - np.array([12, 12, x]).reshape(3, 1, 1, 1)) ** 2, axis=0) <= 81 for x in (28, 44)]


def ground(*, foreign, first=None):
    seeds = np.zeros(SHAPE, dtype=np.int16)
    seeds[12, 12, 26:29], seeds[12, 12, 44:47] = 1, foreign
    first = np.ones(SHAPE, dtype=np.int16) if first is None else first
    everywhere = np.ones(SHAPE, dtype=bool)
    return Ground(everywhere.astype(np.float32), seeds, first, np.full(SHAPE, 2, np.int16), everywhere, OUTSIDER)


def rough(bone, foreign, border):
    """Part bone at a column."""
    return np.where(bone, np.where(AT[2] < border, 1, foreign), 0).astype(np.int16)


def borders(labels, label):
    """Give the columns of the middle row that a label reaches."""
    own = np.flatnonzero(labels[12, 12] == label)
    return int(own[0]), int(own[-1])


BEHIND, BEFORE = (np.full(SHAPE, mm, dtype=np.float32) for mm in (-20.0, 10.0))
SOLID = np.full(SHAPE, 400.0, dtype=np.float32)


def test_arches_part_at_the_neck():
    bone = np.any(balls(), axis=0)
    parted = part_at_necks(rough(bone, 2, 33), ground(foreign=2), SOLID, before_mm=BEHIND, edge_mm=EDGE_MM)
    assert abs(borders(parted, 1)[1] - 36) <= 1
    assert np.array_equal(parted > 0, bone)


def test_bodies_keep_the_border_that_a_disc_gave_them():
    labels = rough(np.any(balls(), axis=0), 2, 33)
    assert np.array_equal(part_at_necks(labels, ground(foreign=2), SOLID, before_mm=BEFORE, edge_mm=EDGE_MM), labels)


def test_a_rib_is_parted_at_the_cortex_not_at_its_own_neck():
    # a body up to column 30, then a head, a neck twice as thin at 46, and a shaft
    thick = np.where(AT[2] < 42, 8, np.where(AT[2] < 50, 4, 8))
    bone = (AT[0] - 12) ** 2 + (AT[1] - 12) ** 2 <= thick**2
    bone &= (AT[2] > 4) & (AT[2] < 68)
    hu = np.full(SHAPE, 150.0, dtype=np.float32)
    hu[:, :, 29:32] = 700.0
    seeds = np.zeros(SHAPE, dtype=np.int16)
    seeds[12, 12, 8:12], seeds[12, 12, 56:60] = 1, OUTSIDER
    everywhere = np.ones(SHAPE, dtype=bool)
    limits = (np.ones(SHAPE, np.int16), np.full(SHAPE, 2, np.int16))
    land = Ground(everywhere.astype(np.float32), seeds, *limits, everywhere, OUTSIDER)
    parted = part_at_necks(rough(bone, OUTSIDER, 40), land, hu, before_mm=BEFORE, edge_mm=EDGE_MM)
    assert abs(borders(parted, 1)[1] - 30) <= 1


def test_no_bone_goes_where_it_may_not():
    first = np.where(AT[2] >= 33, 2, 1).astype(np.int16)
    labels = rough(np.any(balls(), axis=0), 2, 33)
    parted = part_at_necks(labels, ground(foreign=2, first=first), SOLID, before_mm=BEHIND, edge_mm=EDGE_MM)
    assert borders(parted, 1)[1] == 32


def test_bones_that_do_not_touch_stay_as_they_are():
    labels = rough(np.any(balls(), axis=0) & (abs(AT[2] - 36) > 2), 2, 36)
    assert np.array_equal(part_at_necks(labels, ground(foreign=2), SOLID, before_mm=BEHIND, edge_mm=EDGE_MM), labels)
