"""What rays pass of metal: chords in closed form, on grids of any make, and metal that the CT does not hold."""

from itertools import pairwise

import numpy as np
import pytest

from planner.errors import GeometryError
from planner.fluoro.metal_lengths import hidden_behind, metal_block, pass_metal, runs_beyond
from planner.fluoro.projector import mask_lengths
from planner.geometry.frames import unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.model.volume import Mask

CENTRE = np.array([12.0, -30.0, 140.0])
TURN = rotation_about([1.0, 2.0, 0.5], 25.0)
GRIDS = {
    "plain": np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
    "permuted and flipped": np.array([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]]),
    "oblique": TURN @ np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
}


def grid_of(axes, spacing_mm=(0.5, 0.4, 0.6), shape=(70, 80, 60)):
    matrix = np.eye(4)
    matrix[:3, :3] = axes * np.array(spacing_mm)
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, matrix)


def places(grid):
    return np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))


def ball(grid, radius_mm, centre=CENTRE):
    return Mask(grid, np.linalg.norm(places(grid) - centre, axis=-1) <= radius_mm)


def rays(count=300, seed=4):
    """From one source through and beside the middle; the source and the ends lie well outside."""
    rng = np.random.default_rng(seed)
    source = CENTRE + 500.0 * unit([0.3, -0.9, 0.25])
    through = CENTRE + rng.normal(0.0, 4.0, (count, 3))
    return source, source + 2.0 * (through - source)


def chords(source, ends, radius_mm):
    way = unit(ends - source)
    aside = np.linalg.norm(np.cross(CENTRE - source, way), axis=-1)
    return 2.0 * np.sqrt(np.maximum(radius_mm**2 - aside**2, 0.0))


@pytest.mark.parametrize("axes", GRIDS.values(), ids=GRIDS)
def test_chords_of_a_ball_are_those_of_geometry_however_the_metal_is_stored(axes):
    source, ends = rays()
    passed = pass_metal(metal_block(ball(grid_of(axes), 9.0), hiding_mm=2.0), [source], [ends])
    true = chords(source, ends, 9.0)
    assert passed.metal_mm.shape == (1, 300)
    assert abs(passed.metal_mm[0].mean() / true.mean() - 1.0) < 0.005
    assert np.abs(passed.metal_mm[0] - true).max() < 2.0, "at the rim a voxel more or less"
    np.testing.assert_allclose(passed.shade, passed.metal_mm / 2.0)


@pytest.mark.parametrize("axes", GRIDS.values(), ids=GRIDS)
def test_a_block_of_whole_voxels_is_exact(axes):
    grid = grid_of(axes)
    voxels = np.zeros(grid.shape, bool)
    voxels[20:40, 25:60, 10:45] = True
    source, ends = rays()
    start, run = np.asarray(grid.to_index(source)), np.asarray(grid.to_index(ends) - grid.to_index(source))
    near, far = (([20, 25, 10] - start - 0.5) / run, ([40, 60, 45] - start - 0.5) / run)
    share = np.maximum(np.maximum(near, far).min(-1) - np.minimum(near, far).max(-1), 0.0)
    got = pass_metal(metal_block(Mask(grid, voxels), hiding_mm=1.0), [source], [ends]).metal_mm[0]
    np.testing.assert_allclose(got, share * np.linalg.norm(ends - source, axis=-1), atol=1e-9)
    assert share.min() == 0.0 and share.max() > 0.0, "some pass beside it"


def test_the_pictures_own_projector_says_the_same():
    metal = ball(grid_of(GRIDS["oblique"]), 9.0)
    source, ends = rays()
    got = pass_metal(metal_block(metal, hiding_mm=1.0), [source], [ends]).metal_mm[0]
    theirs = mask_lengths(metal, source, ends)
    assert np.corrcoef(got, theirs)[0, 1] > 0.998
    assert abs(got.mean() / theirs.mean() - 1.0) < 0.005


def test_many_sources_at_once_are_the_same_as_one_by_one():
    block = metal_block(ball(grid_of(GRIDS["plain"]), 9.0), hiding_mm=1.0)
    source, ends = rays()
    sources = np.array([source, np.add(source, [40.0, 0.0, -20.0])])
    both = np.array([ends, np.add(ends, [3.0, 1.0, 2.0])])
    together = pass_metal(block, sources, both).metal_mm
    for view in range(2):
        np.testing.assert_array_equal(together[view], pass_metal(block, sources[[view]], both[[view]]).metal_mm[0])


def test_rays_along_an_axis_and_rays_that_end_before_the_metal():
    grid = grid_of(GRIDS["plain"])
    block = metal_block(ball(grid, 9.0), hiding_mm=1.0)
    source = CENTRE - [0.0, 100.0, 0.0]
    ends = np.array(
        [np.add(CENTRE, [0.0, 100.0, 0.0]), CENTRE - [0.0, 20.0, 0.0], np.add(CENTRE, [30.0, 100.0, 0.0]), CENTRE]
    )
    through, before, beside, half = pass_metal(block, [source], [ends]).metal_mm[0]
    assert through == pytest.approx(18.0, abs=0.5)
    assert (before, beside) == (0.0, 0.0)
    assert half == pytest.approx(9.0, abs=0.4)


def test_each_alloy_hides_as_it_does():
    grid = grid_of(GRIDS["plain"])
    z = places(grid)[..., 2]
    metal = ball(grid, 9.0)
    dense = Mask(grid, metal.voxels & (z > CENTRE[2]))
    block = metal_block(metal, hiding_mm=4.0, others=[(dense, 1.0)])
    source = np.add(CENTRE, [0.0, -300.0, 0.0])
    ends = np.array([np.add(CENTRE, [0.0, 300.0, z]) for z in (-8.0, 8.0)])
    passed = pass_metal(block, [source], [ends])
    below, above = passed.metal_mm[0]
    assert below == pytest.approx(above, rel=0.05)
    np.testing.assert_allclose(passed.shade[0], [below / 4.0, above / 1.0], rtol=0.02)


def test_what_passes_no_more_than_the_hiding_length_is_not_hidden():
    grid = grid_of(GRIDS["plain"])
    source, ends = rays()
    metal = ball(grid, 9.0)
    long = chords(source, ends, 9.0) > 14.0
    hidden = pass_metal(metal_block(metal, hiding_mm=13.0), [source], [ends]).hidden[0]
    assert hidden[long].all() and not hidden[chords(source, ends, 9.0) < 12.0].any()
    assert not pass_metal(metal_block(metal, hiding_mm=30.0), [source], [ends]).hidden.any()


def test_where_any_metal_hides_what_passes_none_is_seen():
    source, ends = rays()
    passed = pass_metal(metal_block(ball(grid_of(GRIDS["plain"]), 9.0), hiding_mm=0.0), [source], [ends])
    np.testing.assert_array_equal(passed.hidden, passed.metal_mm > 1e-6)
    assert 0.1 < passed.hidden.mean() < 1.0


def test_no_metal_hides_nothing():
    grid = grid_of(GRIDS["plain"])
    source, ends = rays()
    block = metal_block(Mask(grid, np.zeros(grid.shape, bool)), hiding_mm=1.0)
    assert not pass_metal(block, [source], [ends]).metal_mm.any()
    assert not runs_beyond(block, [source], [ends]).any()


def rod(grid, *, to_z):
    at = places(grid)
    inside = np.hypot(at[..., 0] - CENTRE[0], at[..., 1] - CENTRE[1]) <= 3.0
    return Mask(grid, inside & (at[..., 2] < to_z))


@pytest.mark.parametrize("name", ["plain", "permuted and flipped"])
def test_a_rod_that_the_ct_cuts_off_is_unknown_beyond_its_end_and_only_there(name):
    grid = grid_of(GRIDS[name], spacing_mm=(0.5, 0.5, 0.5), shape=(80, 80, 80))
    z_edges = np.sort(np.asarray(grid.corners_lps)[:, 2])[[0, -1]] + [-0.25, 0.25]
    source = np.add(CENTRE, [0.0, -400.0, 0.0])
    heights = np.array([z_edges[0] - 6.0, CENTRE[2], z_edges[1] + 6.0])
    ends = np.stack([np.full(3, CENTRE[0]), np.full(3, CENTRE[1] + 400.0), 2 * heights - CENTRE[2]], axis=-1)
    cut_below = metal_block(rod(grid, to_z=CENTRE[2] + 5.0), hiding_mm=1.0)
    np.testing.assert_array_equal(runs_beyond(cut_below, [source], [ends])[0], [True, False, False])
    cut_twice = metal_block(rod(grid, to_z=np.inf), hiding_mm=1.0)
    np.testing.assert_array_equal(runs_beyond(cut_twice, [source], [ends])[0], [True, False, True])
    aside = np.add(ends, [2 * 60.0, 0.0, 0.0])
    assert not runs_beyond(cut_twice, [source], [aside]).any(), "a ray far beside the rod does not meet it further on"


def test_metal_within_the_ct_is_all_known():
    source, ends = rays()
    assert not runs_beyond(metal_block(ball(grid_of(GRIDS["plain"]), 9.0), hiding_mm=1.0), [source], [ends]).any()


def test_negative_lengths_and_parts_on_other_grids_are_refused():
    metal = ball(grid_of(GRIDS["plain"]), 9.0)
    with pytest.raises(ValueError, match="0 mm or more"):
        metal_block(metal, hiding_mm=-0.1)
    with pytest.raises(ValueError, match="0 mm or more"):
        metal_block(metal, hiding_mm=1.0, others=[(metal, -1.0)])
    with pytest.raises(GeometryError):
        metal_block(metal, hiding_mm=1.0, others=[(ball(grid_of(GRIDS["oblique"]), 9.0), 1.0)])


def walked(block, source, end):
    """Follow one ray from voxel to voxel in plain Python: the length in metal, and that length by what hides."""
    start, stop = np.asarray(block.grid.to_index(source)), np.asarray(block.grid.to_index(end))
    run = stop - start
    cuts = {0.0, 1.0}
    for axis, count in enumerate(block.codes.shape):
        if run[axis]:
            shares = (np.arange(count + 1) - 0.5 - start[axis]) / run[axis]
            cuts.update(float(share) for share in shares if 0.0 < share < 1.0)
    cuts = sorted(cuts)
    metal = shade = 0.0
    for first, second in pairwise(cuts):
        cell = np.rint(start + 0.5 * (first + second) * run).astype(int)
        if np.all((cell >= 0) & (cell < block.codes.shape)):
            code = int(block.codes[tuple(cell)])
            if code:
                metal += second - first
                shade += (second - first) / block.hiding_mm[code]
    whole = float(np.linalg.norm(np.asarray(end) - source))
    return metal * whole, shade * whole


@pytest.mark.parametrize("axes", GRIDS.values(), ids=GRIDS)
def test_rays_say_what_a_walk_in_plain_python_says_and_hide_by_it(axes):
    grid = grid_of(axes, shape=(20, 24, 18))
    rng = np.random.default_rng(2)
    voxels = rng.random(grid.shape) < 0.15
    voxels[0], voxels[:, :, -1] = True, True
    other = Mask(grid, voxels & (rng.random(grid.shape) < 0.5))
    block = metal_block(Mask(grid, voxels), hiding_mm=1.5, others=[(other, 4.0)])
    towards = np.concatenate([unit(rng.normal(size=(12, 3))), grid.directions_lps.T])
    sources = CENTRE - 60.0 * towards
    through = CENTRE + rng.normal(0.0, 3.0, (10, 3))
    through[0] = CENTRE
    ends = sources[:, None] + 2.0 * (through[None] - sources[:, None])
    ends[-3:, 1] = sources[-3:] + 120.0 * towards[-3:]  # along an axis of the grid
    ends[0, 2], ends[0, 3] = CENTRE, sources[0]  # ends within; has no length
    passed = pass_metal(block, sources, ends)
    told = np.array([[walked(block, s, e) for e in row] for s, row in zip(sources, ends, strict=True)])
    np.testing.assert_allclose(passed.metal_mm, told[..., 0], atol=1e-7)
    np.testing.assert_allclose(passed.shade, told[..., 1], atol=1e-7)
    np.testing.assert_array_equal(hidden_behind(block, sources, ends), passed.hidden)
    assert 0.0 < passed.hidden.mean() < 1.0, "some are hidden, some are not"


def test_nothing_hides_behind_no_metal():
    grid = grid_of(GRIDS["plain"], shape=(6, 5, 4))
    block = metal_block(Mask(grid, np.zeros(grid.shape, bool)), hiding_mm=0.0)
    source, ends = rays(count=20)
    assert not hidden_behind(block, [source], [ends]).any()
    assert not pass_metal(block, [source, source], [ends, ends]).metal_mm.any()
