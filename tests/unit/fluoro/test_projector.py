"""Line integrals against bodies in closed form, and independence of how the volume is stored."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from planner.config.fluoro_config import FluoroConfig, SpectrumLine
from planner.errors import CancelledError, GeometryError
from planner.fluoro.carm import pixel_lps, pose
from planner.fluoro.projectable import make_projectable
from planner.fluoro.projector import mask_lengths, project_mask, project_volume
from planner.fluoro.radiograph import render_view
from planner.fluoro.views import view_at
from planner.geometry.frames import unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.model.volume import Mask, Volume
from planner.phantoms.solids.basic import Cylinder, Ellipsoid, RoundedBox

CONFIG = FluoroConfig(rows=48, columns=40, pixel_mm=4.0, detector_blur_mm=0.0)
CENTRE = np.array([15.0, -40.0, 220.0])
TURN = rotation_about([1.0, 2.0, 0.5], 25.0)
AXES = tuple(tuple(float(v) for v in row) for row in TURN)
POSES = [(0.0, 0.0), (90.0, 0.0), (37.0, 21.0), (-135.0, -40.0), (160.0, 8.0)]
STEP_MM = 1.0


def grid_about_centre(shape, spacing_mm, turn=None):
    edges = np.array([[0.0, 0.0, spacing_mm[2]], [0.0, spacing_mm[1], 0.0], [spacing_mm[0], 0.0, 0.0]])
    edges = edges if turn is None else turn @ edges
    matrix = np.eye(4)
    matrix[:3, :3] = edges
    matrix[:3, 3] = CENTRE - edges @ ((np.array(shape) - 1) / 2)
    return Grid(shape, matrix)


def voxelised(solid, grid, subsamples=4):
    """Give the share of each voxel that lies in the solid, by subsampling."""
    index = np.indices(grid.shape).reshape(3, -1).T.astype(np.float64)
    distance = solid.distance_mm(grid.to_lps(index))
    share = (distance < 0.0).astype(np.float64)
    rim = np.abs(distance) <= np.linalg.norm(grid.spacing_mm) / 2.0
    offsets = (np.arange(subsamples) + 0.5) / subsamples - 0.5
    inside = np.zeros(np.count_nonzero(rim))
    for offset in itertools.product(offsets, repeat=3):
        inside += solid.distance_mm(grid.to_lps(index[rim] + offset)) < 0.0
    share[rim] = inside / subsamples**3
    return share.reshape(grid.shape)


def as_water(solid, grid):
    return Volume(grid, (1000.0 * voxelised(solid, grid) - 1000.0).astype(np.float32))


def rays(carm, shift=(0.0, 0.0)):
    pixels = np.stack(np.meshgrid(np.arange(carm.rows), np.arange(carm.columns), indexing="ij"), axis=-1)
    source = pose(carm).source_lps
    return source, unit(pixel_lps(carm, pixels + np.array(shift)) - source)


def chords_box(solid, source, along):
    start, run = (source - CENTRE) @ TURN, along @ TURN
    near, far = ((sign * np.array(solid.half_edges_mm) - start) / run for sign in (-1.0, 1.0))
    return np.maximum(np.maximum(near, far).min(-1) - np.minimum(near, far).max(-1), 0.0)


def chords_ellipsoid(solid, source, along):
    start = (source - CENTRE) @ TURN / np.array(solid.half_axes_mm)
    run = along @ TURN / np.array(solid.half_axes_mm)
    a, b, c = (run**2).sum(-1), (run * start).sum(-1), (start**2).sum() - 1.0
    return 2.0 * np.sqrt(np.maximum(b**2 - a * c, 0.0)) / a


def chords_cylinder(solid, source, along):
    first, last = np.array(solid.start_lps), np.array(solid.stop_lps)
    axis, length = unit(last - first), np.linalg.norm(last - first)
    t0, dt = (source - first) @ axis, along @ axis
    start, run = source - first - t0 * axis, along - dt[..., None] * axis
    a, b, c = (run**2).sum(-1), (run * start).sum(-1), (start**2).sum() - solid.radius_mm**2
    root = np.sqrt(np.maximum(b**2 - a * c, 0.0))
    ends = np.sort(np.stack([-t0 / dt, (length - t0) / dt]), axis=0)
    enter, leave = np.maximum((-b - root) / a, ends[0]), np.minimum((-b + root) / a, ends[1])
    return np.where(root > 0.0, np.maximum(leave - enter, 0.0), 0.0)


BOX = RoundedBox(tuple(CENTRE), (24.0, 30.0, 20.0), 0.0, AXES)
ELLIPSOID = Ellipsoid(tuple(CENTRE), (34.0, 22.0, 27.0), AXES)
CYLINDER = Cylinder(tuple(CENTRE - 28.0 * TURN[:, 1]), tuple(CENTRE + 28.0 * TURN[:, 1]), 19.0)
BODIES = [(BOX, chords_box), (ELLIPSOID, chords_ellipsoid), (CYLINDER, chords_cylinder)]


@pytest.fixture(scope="module", params=BODIES, ids=["box", "ellipsoid", "cylinder"])
def body(request):
    solid, chords = request.param
    volume = as_water(solid, grid_about_centre((80, 78, 76), (STEP_MM, STEP_MM, STEP_MM)))
    return solid, chords, volume


@pytest.mark.parametrize(("primary", "secondary"), POSES)
def test_line_integrals_of_bodies_in_closed_form(body, primary, secondary):
    solid, chords, volume = body
    carm = view_at(CENTRE, primary_deg=primary, secondary_deg=secondary, config=CONFIG)
    got = project_volume(make_projectable(volume, config=CONFIG), carm).water_mm
    true = chords(solid, *rays(carm))
    # A voxelised body has no sharp edges: rays whose neighbours, a voxel away, have another chord are left out.
    shifts = [(0.0, 0.5), (0.0, -0.5), (0.5, 0.0), (-0.5, 0.0)]
    beside = np.stack([chords(solid, *rays(carm, shift)) for shift in shifts])
    steady = (true > 0.5 * true.max()) & (np.abs(beside - true).max(axis=0) < 3.0 * STEP_MM)
    assert np.count_nonzero(steady) > 120
    error = got[steady] / true[steady] - 1.0
    assert np.sqrt(np.mean(error**2)) < 0.005
    assert abs(np.mean(error)) < 0.002
    assert got.sum() == pytest.approx(true.sum(), rel=0.005)
    assert np.all(got[ndimage.maximum_filter(true, 3) == 0.0] == 0.0)


@pytest.fixture(scope="module")
def stored_plainly():
    return as_water(ELLIPSOID, grid_about_centre((50, 62, 58), (1.6, 1.2, 1.3)))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[1:])
@pytest.mark.parametrize("flipped", [(), (0,), (1, 2)])
def test_the_picture_does_not_depend_on_the_order_of_storage(stored_plainly, order, flipped):
    plain = stored_plainly
    matrix = plain.grid.lps_from_index.copy()
    for axis in flipped:
        matrix[:3, 3] += matrix[:3, axis] * (plain.grid.shape[axis] - 1)
        matrix[:3, axis] *= -1.0
    hu = np.flip(plain.hu, flipped).transpose(order)
    matrix[:3, :3] = matrix[:3, :3][:, order]
    other = Volume(Grid(hu.shape, matrix), hu)
    carm = view_at(CENTRE, primary_deg=30.0, secondary_deg=-15.0, config=CONFIG)
    first, second = (project_volume(make_projectable(v, config=CONFIG), carm).water_mm for v in (plain, other))
    np.testing.assert_allclose(second, first, atol=2e-3)


def test_an_oblique_finer_grid_gives_the_same_picture(stored_plainly):
    oblique = as_water(ELLIPSOID, grid_about_centre((80, 84, 82), (1.1, 0.9, 1.0), rotation_about([1, 1, 1], 31.0)))
    carm = view_at(CENTRE, primary_deg=30.0, secondary_deg=-15.0, config=CONFIG)
    first, second = (
        project_volume(make_projectable(v, config=CONFIG), carm).water_mm for v in (stored_plainly, oblique)
    )
    inside = first > 0.5 * first.max()
    assert np.sqrt(np.mean((second - first)[inside] ** 2)) < 0.005 * first.max()


def test_a_volume_filled_to_its_border_counts_to_the_voxels_faces():
    grid = grid_about_centre((20, 30, 40), (2.0, 1.0, 1.5))
    full = Volume(grid, np.zeros(grid.shape, dtype=np.int16))
    carm = view_at(CENTRE, primary_deg=0.0, secondary_deg=0.0, config=FluoroConfig(rows=1, columns=1, pixel_mm=0.5))
    assert project_volume(make_projectable(full, config=CONFIG), carm).water_mm[0, 0] == pytest.approx(30.0)


def test_hu_are_split_into_water_and_bone():
    grid = grid_about_centre((10, 10, 10), (1.0, 1.0, 1.0))
    carm = view_at(CENTRE, primary_deg=0.0, secondary_deg=0.0, config=FluoroConfig(rows=1, columns=1, pixel_mm=0.5))
    seen = {}
    for hu in (-2000, -1000, 0, 100, CONFIG.cortical_hu):
        ready = make_projectable(Volume(grid, np.full(grid.shape, hu, dtype=np.float32)), config=CONFIG)
        shadows = project_volume(ready, carm)
        seen[hu] = (float(shadows.water_mm[0, 0]), float(shadows.bone_mm[0, 0]))
    assert seen[-2000] == seen[-1000] == (0.0, 0.0)
    assert seen[0] == pytest.approx((10.0, 0.0))
    assert seen[100] == pytest.approx((11.0, 0.0))
    assert seen[CONFIG.cortical_hu] == pytest.approx((0.0, 10.0), abs=1e-5)


def test_padding_and_what_lies_outside_the_body_are_air():
    grid = grid_about_centre((10, 10, 10), (1.0, 1.0, 1.0))
    carm = view_at(CENTRE, primary_deg=0.0, secondary_deg=0.0, config=FluoroConfig(rows=1, columns=1, pixel_mm=0.5))
    front = np.zeros(grid.shape, dtype=bool)
    front[:, :4] = True
    hu = np.zeros(grid.shape, dtype=np.int16)
    padded = make_projectable(Volume(grid, hu, front), config=CONFIG)
    bare = make_projectable(Volume(grid, hu), body=Mask(grid, front), config=CONFIG)
    assert project_volume(padded, carm).water_mm[0, 0] == pytest.approx(6.0)
    assert project_volume(bare, carm).water_mm[0, 0] == pytest.approx(4.0)


@pytest.mark.parametrize(("material", "per_mm"), [("titanium", 0.328), ("cobalt_chrome", 1.16)])
def test_metal_is_as_dark_as_metal_in_a_clipped_ct(material, per_mm):
    config = FluoroConfig(
        rows=1,
        columns=1,
        pixel_mm=0.4,
        metal_material=material,
        detector_blur_mm=0.0,
        spectrum=(SpectrumLine(energy_kev=60.0, share=1.0),),
    )
    grid = grid_about_centre((40, 60, 60), (1.0, 0.7, 0.7))
    shaft = Cylinder(tuple(CENTRE - [0, 0, 30]), tuple(np.add(CENTRE, [0, 0, 30])), 6.0)
    inside = voxelised(shaft, grid) > 0.5
    hu = np.where(inside, 3071, 0).astype(np.int16)
    carm = view_at(CENTRE, primary_deg=25.0, secondary_deg=0.0, config=config)
    plain, marked = (
        float(render_view(Volume(grid, hu), carm, metal=metal, config=config).attenuation[0, 0])
        for metal in (None, Mask(grid, inside))
    )
    water = float(render_view(Volume(grid, np.zeros_like(hu)), carm, config=config).attenuation[0, 0])
    analytic = 12.0 * (per_mm - 0.02059)
    assert marked - water == pytest.approx(analytic, rel=0.1)
    assert plain - water < 0.5 * analytic


def test_metal_wins_over_cement_and_cement_over_the_ct():
    grid = grid_about_centre((10, 10, 10), (1.0, 1.0, 1.0))
    carm = view_at(CENTRE, primary_deg=0.0, secondary_deg=0.0, config=FluoroConfig(rows=1, columns=1, pixel_mm=0.5))
    metal, cement = np.zeros((2, *grid.shape), dtype=bool)
    metal[:, :3], cement[:, :5] = True, True
    volume = Volume(grid, np.zeros(grid.shape, dtype=np.int16))
    shadows = project_volume(
        make_projectable(volume, metal=Mask(grid, metal), cement=Mask(grid, cement), config=CONFIG), carm
    )
    lengths = [float(a[0, 0]) for a in (shadows.metal_mm, shadows.cement_mm, shadows.water_mm)]
    assert lengths == pytest.approx([3.0, 2.0, 5.0])


def test_a_mask_casts_the_same_shadow_cropped_or_whole():
    grid = grid_about_centre((30, 30, 30), (1.0, 1.0, 1.0))
    voxels = voxelised(Ellipsoid(tuple(CENTRE), (6.0, 8.0, 5.0)), grid) > 0.5
    carm = view_at(CENTRE, primary_deg=40.0, secondary_deg=10.0, config=CONFIG)
    air = Volume(grid, np.full(grid.shape, -1000, dtype=np.int16))
    whole = project_volume(make_projectable(air, metal=Mask(grid, voxels), config=CONFIG), carm).metal_mm
    np.testing.assert_allclose(project_mask(Mask(grid, voxels), carm), whole, atol=1e-4)
    assert whole.max() > 8.0
    assert not project_mask(Mask(grid, np.zeros_like(voxels)), carm).any()


def test_single_rays_agree_with_the_chords_of_a_body():
    grid = grid_about_centre((80, 78, 76), (STEP_MM, STEP_MM, STEP_MM))
    mask = Mask(grid, voxelised(ELLIPSOID, grid) > 0.5)
    carm = view_at(CENTRE, primary_deg=30.0, secondary_deg=-15.0, config=CONFIG)
    source, along = rays(carm)
    ends = (source + 900.0 * along).reshape(-1, 3)
    true = chords_ellipsoid(ELLIPSOID, source, along).reshape(-1)
    got = mask_lengths(mask, source, ends)
    deep = true > 20.0
    assert np.abs(got - true)[deep].max() < 1.5 * STEP_MM
    assert abs(np.mean((got - true)[deep])) < 0.1 * STEP_MM
    grown = Ellipsoid(
        ELLIPSOID.centre_lps, tuple(half + STEP_MM for half in ELLIPSOID.half_axes_mm), ELLIPSOID.axes_lps
    )
    beside = chords_ellipsoid(grown, source, along).reshape(-1) == 0.0
    assert np.count_nonzero(beside) > 300
    assert not got[beside].any()
    # A ray that ends before the body, or begins behind it, passes none of it.
    assert not mask_lengths(mask, source, source + 200.0 * along.reshape(-1, 3)).any()
    assert not mask_lengths(Mask(grid, np.zeros_like(mask.voxels)), source, ends).any()


def test_an_alloy_that_is_known_counts_as_that_alloy():
    grid = grid_about_centre((10, 10, 10), (1.0, 1.0, 1.0))
    carm = view_at(CENTRE, primary_deg=0.0, secondary_deg=0.0, config=FluoroConfig(rows=1, columns=1, pixel_mm=0.5))
    metal, known = np.zeros((2, *grid.shape), dtype=bool)
    metal[:, 2:8], known[:, 5:8] = True, True
    volume = Volume(grid, np.full(grid.shape, -1000, dtype=np.int16))
    shadows = project_volume(
        make_projectable(volume, metal=Mask(grid, metal), alloys={"cobalt_chrome": Mask(grid, known)}, config=CONFIG),
        carm,
    )
    lengths = {name: float(length[0, 0]) for name, length in shadows.metals_mm.items()}
    assert lengths == pytest.approx({"titanium": 3.0, "cobalt_chrome": 3.0, "steel": 0.0})
    assert float(shadows.metal_mm[0, 0]) == pytest.approx(6.0)


def test_air_round_the_body_is_cut_off_and_the_picture_stays():
    near, far = grid_about_centre((40, 40, 40), (2.0, 2.0, 2.0)), grid_about_centre((60, 70, 80), (2.0, 2.0, 2.0))
    small, large = (make_projectable(as_water(ELLIPSOID, grid), config=CONFIG) for grid in (near, far))
    assert large.grid.shape == small.grid.shape
    assert large.whole_grid.shape == (60, 70, 80)
    carm = view_at(CENTRE, primary_deg=30.0, secondary_deg=-15.0, config=CONFIG)
    first, second = (project_volume(ready, carm).water_mm for ready in (small, large))
    np.testing.assert_allclose(first, second, atol=1e-3)


def test_a_mask_of_another_grid_is_refused():
    grid, other = (grid_about_centre((5, 5, 5), (s, 1.0, 1.0)) for s in (1.0, 1.1))
    volume = Volume(grid, np.zeros(grid.shape, dtype=np.int16))
    with pytest.raises(GeometryError):
        make_projectable(volume, metal=Mask(other, np.ones(other.shape, dtype=bool)), config=CONFIG)


class _Stopper:
    def report(self, progress):
        pass

    def cancelled(self):
        return True


def test_the_user_can_stop_it():
    grid = grid_about_centre((5, 5, 5), (1.0, 1.0, 1.0))
    ready = make_projectable(Volume(grid, np.zeros(grid.shape, dtype=np.int16)), config=CONFIG)
    carm = view_at(CENTRE, primary_deg=0.0, secondary_deg=0.0, config=CONFIG)
    with pytest.raises(CancelledError):
        project_volume(ready, carm, monitor=_Stopper())
