"""What is painted over a shown plan comes back onto the CT: edited voxels as painted, all others as they were."""

import numpy as np
import pytest

from planner.errors import GeometryError, UsageError
from planner.geometry.grid import Grid
from planner.model.labels import LabelMap, Structure
from planner.model.volume import Volume
from planner.pipeline.given_gaps import given_gaps
from planner.pipeline.scripted import scan_of
from planner.station.edited_gaps import canvas_of, counted_gaps, edited_gaps, new_gap_code, painted_names

SHAPE = (12, 16, 14)
STRUCTURES = tuple(
    Structure(code=code, kind=kind, id=name)
    for code, kind, name in ((1, "implant", "screw-1"), (2, "gap", "gap-1"), (3, "gap", "gap-2"), (4, "bone", "bone"))
)


def matrix(turn=0.0, *, flipped=False):
    """Slices run upwards, rows back, columns to the left; turned about the first axis, or read the other way round."""
    out = np.eye(4)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    out[:3, 0] = (0.0, 0.0, -1.25 if flipped else 1.25)
    out[:3, 1] = np.array((sin, cos, 0.0)) * 0.8
    out[:3, 2] = np.array((cos, -sin, 0.0)) * (-0.8 if flipped else 0.8)
    out[:3, 3] = (-20.0, 31.0, 7.0)
    return out


def labels(turn=0.0, *, flipped=False, gaps=True):
    codes = np.full(SHAPE, 4, np.uint8)
    codes[4:8, 6:10, 5:9] = 1
    if gaps:
        codes[3:8, 4:6, 5:9] = 2
        codes[9:11, 11:14, 10:13] = 3
    structures = STRUCTURES if gaps else tuple(s for s in STRUCTURES if s.kind != "gap")
    return LabelMap(Grid(SHAPE, matrix(turn, flipped=flipped), None), codes, structures)


GRIDS = {"straight": {}, "flipped": {"flipped": True}, "oblique": {"turn": 20.0}}
each_grid = pytest.mark.parametrize("stored", list(GRIDS.values()), ids=list(GRIDS))


def brush(canvas, where_own, code):
    """Paint the shown voxels that lie nearest to some own ones."""
    painted = np.array(canvas.shown.codes, dtype=np.uint16)
    points = canvas.own.grid.to_lps(np.argwhere(where_own))
    index = np.rint(np.asarray(canvas.shown.grid.to_index(points))).astype(int)
    painted[tuple(index.T)] = code
    return painted


def own_gaps(canvas):
    return np.where(np.isin(canvas.own.codes, (2, 3)), canvas.own.codes, 0)


@each_grid
def test_nothing_painted_is_no_edit(stored):
    canvas = canvas_of(labels(**stored))
    assert edited_gaps(canvas, np.array(canvas.shown.codes)) is None
    # another bone's code painted over bone is no gap's business
    assert edited_gaps(canvas, np.where(canvas.shown.codes == 4, 0, canvas.shown.codes)) is None


@each_grid
def test_a_painted_place_is_that_gap_and_all_other_voxels_are_as_they_were(stored):
    canvas = canvas_of(labels(**stored))
    where = np.zeros(SHAPE, bool)
    where[3:8, 2:4, 5:9] = True
    made = edited_gaps(canvas, brush(canvas, where, 2))
    codes = np.asarray(made.labels.codes)
    assert made.labels.grid is canvas.own.grid
    assert (codes[where] == 2).mean() > 0.95
    rim = np.zeros(SHAPE, bool)
    rim[2:9, 1:5, 4:10] = True
    assert np.array_equal(codes[~rim], own_gaps(canvas)[~rim])
    if "turn" not in stored:
        assert np.array_equal(codes, np.where(where, 2, own_gaps(canvas)))
    # left is left: the mirrored place was not painted
    assert not codes[3:8, 12:14, 5:9].any()


@each_grid
def test_a_whole_gap_can_be_erased_and_all_of_them(stored):
    canvas = canvas_of(labels(**stored))
    one = edited_gaps(canvas, np.where(canvas.shown.codes == 3, 4, canvas.shown.codes))
    codes = np.asarray(one.labels.codes)
    assert set(np.unique(codes)) == {0, 2} and one.taken == "gap-1"
    assert np.array_equal(codes == 2, canvas.own.codes == 2)
    none = edited_gaps(canvas, np.where(np.isin(canvas.shown.codes, (2, 3)), 0, canvas.shown.codes))
    assert none.is_empty and "all gaps are erased" in none.taken


@pytest.mark.parametrize("gaps", [True, False])
def test_a_new_code_is_a_new_gap_also_where_there_was_none(gaps):
    canvas = canvas_of(labels(gaps=gaps))
    assert new_gap_code(canvas, canvas.shown.codes) == 5
    where = np.zeros(SHAPE, bool)
    where[1:3, 11:14, 1:4] = True
    made = edited_gaps(canvas, brush(canvas, where, 5))
    assert (np.asarray(made.labels.codes)[where] == 5).all()
    assert {s.kind for s in made.labels.structures} == {"gap"}
    assert ("new gap 5" in made.taken) and ("gap-1" in made.taken) is gaps


def test_the_pipeline_takes_what_comes_back_also_without_a_voxel():
    canvas = canvas_of(labels())
    scan = scan_of(Volume(canvas.own.grid, np.full(SHAPE, 300, np.int16)))
    erased = edited_gaps(canvas, np.zeros(SHAPE, np.uint8))
    assert given_gaps(erased, scan) is erased


def test_painting_over_an_implant_changes_nothing():
    canvas = canvas_of(labels())
    painted = np.where(canvas.shown.codes == 1, 2, canvas.shown.codes)
    assert edited_gaps(canvas, painted) is None
    assert not any(gap.is_edited for gap in counted_gaps(canvas, painted))


def test_painted_gaps_are_counted_in_voxels():
    canvas = canvas_of(labels())
    voxel_ml = 1.25 * 0.8 * 0.8 / 1000.0
    painted = np.array(canvas.shown.codes, dtype=np.uint16)
    painted[3:8, 2:4, 5:9] = 2
    painted[canvas.shown.codes == 3] = 0
    painted[0, 0, :3] = 9
    one, two, new = counted_gaps(canvas, painted)
    assert (one.gap_id, two.gap_id, new.gap_id, new.code) == ("gap-1", "gap-2", None, 9)
    assert one.before_ml == pytest.approx(40 * voxel_ml) and one.counted_ml == pytest.approx(80 * voxel_ml)
    assert two.counted_ml == 0.0 and two.before_ml == pytest.approx(18 * voxel_ml)
    assert new.counted_ml == pytest.approx(3 * voxel_ml) and new.before_ml == 0.0
    assert all(gap.is_edited for gap in (one, two, new))
    before = counted_gaps(canvas, canvas.shown.codes)
    assert [gap.is_edited for gap in before] == [False, False]


def test_what_moved_but_kept_its_size_is_edited():
    canvas = canvas_of(labels())
    painted = np.array(canvas.shown.codes)
    painted[3, 4, 5], painted[3, 3, 5] = 4, 2
    first = counted_gaps(canvas, painted)[0]
    assert first.counted_ml == first.before_ml and first.is_edited


def test_what_is_no_painting_of_this_plan_is_refused():
    canvas = canvas_of(labels())
    with pytest.raises(GeometryError, match="shape"):
        edited_gaps(canvas, np.zeros((2, 2, 2), np.uint8))
    for wrong in (np.full(SHAPE, -1, np.int16), np.full(SHAPE, 70_000, np.int32), np.zeros(SHAPE)):
        with pytest.raises(UsageError, match="no labels"):
            counted_gaps(canvas, wrong)
    with pytest.raises(UsageError, match="no free value"):
        new_gap_code(canvas, np.full(SHAPE, 255, np.uint8))


def replanned(canvas, codes, ids):
    """A later plan's labels, with gaps numbered anew."""
    structures = tuple(Structure(code=code, kind="gap", id=name) for code, name in ids.items())
    return LabelMap(canvas.own.grid, codes.astype(np.uint8), structures)


@each_grid
def test_what_is_painted_is_named_as_the_later_plan_names_it(stored):
    canvas = canvas_of(labels(**stored))
    where = np.zeros(SHAPE, bool)
    where[3:8, 2:4, 5:9] = True
    painted = brush(canvas, where, 6)
    painted[painted == 2] = 4  # gap-1 is erased, a new one is painted
    own = own_gaps(canvas)
    later = replanned(canvas, np.where(own == 3, 1, np.where(where, 2, 0)), {1: "gap-1", 2: "gap-2"})
    painted[~np.isin(painted, (3, 6))] = 0
    assert painted_names(canvas, painted, later, new=(6, 7)) == {
        2: "no gap of this plan (was gap-1)", 3: "gap-1", 6: "gap-2", 7: "new gap 2",
    }  # fmt: skip
    assert edited_gaps(canvas, painted, {3: "gap-1", 6: "gap-2"}).taken == "gap-1, gap-2"


def test_parts_and_unions_of_painted_gaps_are_named_so():
    canvas = canvas_of(labels())
    painted = np.where(np.isin(canvas.shown.codes, (2, 3)), canvas.shown.codes, 0)
    own = own_gaps(canvas)
    split = np.where(own == 2, 1, 0)
    split[5:] = np.where(own[5:] == 2, 2, 0)
    assert painted_names(canvas, painted, replanned(canvas, split, {1: "gap-1", 2: "gap-2"})) == {
        2: "gap-1 and gap-2",
        3: "no gap of this plan (was gap-2)",
    }
    one = replanned(canvas, np.where(own > 0, 1, 0), {1: "gap-1"})
    assert painted_names(canvas, painted, one) == {2: "gap-1", 3: "part of gap-1"}
    assert (own == 2).sum() > (own == 3).sum()
    nowhere = painted_names(canvas, np.zeros_like(painted), one)
    assert nowhere[2] == "no gap of this plan (was gap-1)"
