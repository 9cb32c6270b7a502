"""How newly told parts take the places of old ones."""

import numpy as np

from planner.geometry.grid import Grid
from planner.model.volume import Mask
from planner.segment.implants.metal import Metal
from planner.segment.implants.parts import ImplantPart
from planner.segment.implants.pieces import bare_record, one_part, pieces_of, retold

GRID = Grid((6, 6, 12), np.eye(4))


def part(name, columns, *, grid=GRID, volume_ml=1.0):
    voxels = np.zeros(grid.shape, dtype=bool)
    voxels[2:4, 2:4, columns] = True
    record = bare_record(name, "unknown", (1, 2, 3), volume_ml=volume_ml, material="unknown")
    return ImplantPart(record, Mask(grid, voxels))


def two_pieces():
    pieces = np.zeros(GRID.shape, dtype=np.uint32)
    pieces[2:4, 2:4, 0:4], pieces[2:4, 2:4, 8:12] = 1, 2
    blocks = ((slice(2, 4), slice(2, 4), slice(0, 4)), (slice(2, 4), slice(2, 4), slice(8, 12)))
    return Metal(Mask(GRID, pieces > 0), pieces, blocks, 2000.0, 8000.0, None)


def test_which_parts_lie_in_which_piece():
    elsewhere = Grid((6, 6, 12), np.diag([2.0, 2.0, 2.0, 1.0]))
    parts = (
        part("a", slice(8, 12)),
        part("b", slice(0, 2)),
        part("c", slice(2, 4)),
        part("d", slice(0, 4), grid=elsewhere),
    )
    first, second = pieces_of(two_pieces(), parts)
    assert (first.number, first.members) == (1, (1, 2))
    assert (second.number, second.members) == (2, (0,))
    assert len(first.points_lps) == 16


def test_a_piece_in_which_nothing_was_told_is_not_listed():
    assert [p.number for p in pieces_of(two_pieces(), (part("a", slice(8, 12)),))] == [2]


def test_one_part_of_two_halves():
    parts = (part("b", slice(0, 2)), part("c", slice(2, 4), volume_ml=0.5))
    metal = two_pieces()
    (piece,) = pieces_of(metal, parts)
    whole = one_part(parts, piece, metal, name="cage-1", kind="cage", material="titanium")
    assert (whole.record.id, whole.record.kind, whole.record.volume_ml) == ("cage-1", "cage", 1.5)
    assert np.count_nonzero(whole.mask.voxels) == 16


def test_a_volume_that_was_not_measured_is_not_made_up():
    parts = (part("b", slice(0, 2)), part("c", slice(2, 4), volume_ml=None))
    metal = two_pieces()
    (piece,) = pieces_of(metal, parts)
    assert one_part(parts, piece, metal, name="x", kind="cage", material="unknown").record.volume_ml is None


def test_new_parts_stand_where_the_old_ones_stood():
    a, b, c, new, extra = (part(n, slice(0, 2)) for n in "abcde")
    assert retold((a, b, c), [((1, 2), new), ((), extra)]) == (a, new, extra)
    assert retold((a, b), []) == (a, b)
