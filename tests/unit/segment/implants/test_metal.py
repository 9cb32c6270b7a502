"""Where the metal is, under ceilings, beside other metal, at the edge of the data, and among streaks."""

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.errors import InputError
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder
from planner.phantoms.tissues import COBALT_CHROME, MUSCLE, TITANIUM
from planner.segment.implants.metal import clipping_level_hu, find_metal
from planner.segment.implants.metal_levels import tissue_noise_hu
from planner.segment.implants.starved import is_starved, within_height

CONFIG = ImplantConfig()
SPACING_MM = (1.0, 0.7, 0.7)


def _grid(shape=(44, 60, 60)) -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * np.array(SPACING_MM)[None, :]
    return Grid(shape, matrix)


def _rod(x_mm, y_mm, z_mm=(8.0, 36.0), radius_mm=2.75) -> Cylinder:
    return Cylinder((x_mm, y_mm, z_mm[0]), (x_mm, y_mm, z_mm[1]), radius_mm)


def _scan(*parts, clipped=None, noise_sd_hu=15.0) -> Volume:
    scene = Scene(tuple(Part(f"part {k}", solid, tissue) for k, (solid, tissue) in enumerate(parts)), MUSCLE)
    settings = IdealScan(seed=3, subsamples=4, hu_clipped_at=clipped, noise_sd_hu=noise_sd_hu)
    return ideal_scan(scene, _grid(), settings)


def _true_ml(radius_mm=2.75, length_mm=28.0) -> float:
    return np.pi * radius_mm**2 * length_mm / 1000.0


def test_a_titanium_rod_has_its_volume():
    metal = find_metal(_scan((_rod(14.0, 25.0), TITANIUM)), CONFIG)
    assert len(metal.blocks) == 1
    assert metal.mask.volume_ml == pytest.approx(_true_ml(), rel=0.05)
    assert metal.plateaus_hu[0] == pytest.approx(8500.0, rel=0.05)
    assert not metal.is_clipped
    assert metal.clipped_at_hu is None


def test_each_metal_ends_at_half_of_its_own_plateau():
    rods = ((_rod(10.0, 25.0), TITANIUM), (_rod(30.0, 20.0), COBALT_CHROME))
    metal = find_metal(_scan(*rods), CONFIG)
    assert metal.pieces.dtype == np.uint8
    own = [np.count_nonzero(metal.pieces == n) * metal.mask.grid.voxel_volume_mm3 / 1000.0 for n in (1, 2)]
    assert own == pytest.approx([_true_ml()] * 2, rel=0.06)
    assert sorted(metal.plateaus_hu) == pytest.approx([8500.0, 20000.0], rel=0.06)
    assert sorted(metal.levels_hu) == pytest.approx([4350.0, 10100.0], rel=0.06)


def test_titanium_that_touches_cobalt_chrome_is_not_lost():
    metal = find_metal(_scan((_rod(14.0, 20.0), COBALT_CHROME), (_rod(19.5, 20.0), TITANIUM)), CONFIG)
    assert len(metal.blocks) == 1
    assert metal.mask.volume_ml == pytest.approx(2 * _true_ml(), rel=0.08)


@pytest.mark.parametrize("ceiling", [2047.0, 2976.0, 3071.0, 4095.0, 6000.0, 8191.0])
@pytest.mark.parametrize(("tissue", "off"), [(TITANIUM, 0.3), (COBALT_CHROME, 0.45)])
def test_any_ceiling_is_read_from_the_scan(tissue, off, ceiling):
    # what blooms round cobalt-chrome is as bright as titanium is within: its mask is wider
    metal = find_metal(_scan((_rod(14.0, 25.0), tissue), clipped=ceiling), CONFIG)
    assert metal.clipped_at_hu == ceiling
    assert len(metal.blocks) == 1
    assert metal.level_hu < ceiling
    assert metal.mask.volume_ml == pytest.approx(_true_ml(), rel=off)
    assert metal.is_clipped
    assert metal.hides(1)


def test_a_ceiling_above_a_metal_hides_it_not():
    rods = ((_rod(10.0, 25.0), TITANIUM), (_rod(30.0, 20.0), COBALT_CHROME))
    metal = find_metal(_scan(*rods, clipped=12000.0), CONFIG)
    assert metal.clipped_at_hu == 12000.0
    assert {round(p, -3): metal.hides(n) for n, p in enumerate(metal.plateaus_hu, start=1)} == {
        8000: False,
        12000: True,
    }


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused_with_its_place(bad):
    volume = _scan((_rod(14.0, 25.0), TITANIUM))
    hu = volume.hu.astype(np.float32)
    hu[20, 30:32, 40] = bad
    with pytest.raises(InputError, match=r"2 voxels .* slice 20, row 30, column 40 \(LPS 28\.0, 21\.0, 20\.0 mm\)"):
        find_metal(Volume(volume.grid, hu), CONFIG)


def test_a_piece_is_found_along_a_line():
    metal = find_metal(_scan((_rod(10.0, 25.0), TITANIUM), (_rod(30.0, 20.0), COBALT_CHROME)), CONFIG)
    z = np.arange(10.0, 34.0, 2.0)[:, None]
    found = [metal.piece_along(np.hstack([np.full_like(z, x), np.full_like(z, y), z])) for x, y in ((10, 25), (30, 20))]
    assert [metal.piece_level_hu(k) for k in found] == pytest.approx([4350.0, 10100.0], rel=0.06)
    assert metal.piece_along(np.array([[20.0, 5.0, 20.0], [500.0, 0.0, 0.0]])) is None


def test_a_scan_without_a_pile_has_no_ceiling():
    smooth = np.random.default_rng(1).normal(3000.0, 400.0, (20, 20, 20))
    assert clipping_level_hu(smooth, least_pile=30) is None


def test_bone_is_no_metal():
    volume = Volume(_grid(), np.full((44, 60, 60), 40, dtype=np.int16))
    bone = volume.hu.copy()
    bone[10:30, 20:40, 20:40] = 1900
    metal = find_metal(Volume(_grid(), bone), CONFIG)
    assert metal.blocks == ()
    assert not metal.mask.voxels.any()
    assert metal.asides == ()


def test_noise_is_measured_in_soft_tissue():
    assert tissue_noise_hu(_scan(noise_sd_hu=25.0).hu) == pytest.approx(25.0, rel=0.15)


def test_noise_without_soft_tissue_is_not_measured():
    assert tissue_noise_hu(np.full((20, 30, 30), -1000, dtype=np.int16)) is None
    assert tissue_noise_hu(np.zeros((3, 30, 30), dtype=np.int16)) is None


def test_a_piece_at_the_end_of_the_data_says_so():
    cut, whole = _rod(10.0, 25.0, z_mm=(-10.0, 30.0)), _rod(30.0, 20.0)
    metal = find_metal(_scan((cut, TITANIUM), (whole, TITANIUM)), CONFIG)
    centre = [b[2].start * SPACING_MM[2] for b in metal.blocks]
    assert dict(zip((c > 20.0 for c in centre), metal.at_edge, strict=True)) == {False: True, True: False}


def test_a_piece_at_padding_says_so():
    volume = _scan((_rod(10.0, 25.0), TITANIUM), (_rod(30.0, 20.0), TITANIUM))
    padding = np.zeros(volume.grid.shape, dtype=bool)
    padding[..., : int(8.0 / 0.7)] = True
    hu = volume.hu.copy()
    hu[padding] = -1024
    metal = find_metal(Volume(volume.grid, hu, padding), CONFIG)
    assert sorted(metal.at_edge) == [False, True]
    assert metal.at_edge[int(np.argmin([b[2].start for b in metal.blocks]))]


def test_a_thin_web_beside_metal_is_dropped_and_the_same_alone_is_kept():
    web = np.zeros((44, 60, 60), dtype=bool)
    web[12:32, 40, 30:50] = True
    alone = np.full(web.shape, 40, dtype=np.int16)
    alone[web] = 4000
    beside = _scan((_rod(10.0, 14.0, radius_mm=4.0), TITANIUM)).hu.copy()
    beside[web] = 4000
    assert len(find_metal(Volume(_grid(), alone), CONFIG).blocks) == 1
    kept = find_metal(Volume(_grid(), beside), CONFIG)
    assert len(kept.blocks) == 1
    assert not kept.mask.voxels[web].any()


def _shaft(width_mm: float, height_mm: float) -> np.ndarray:
    """A saturated band in the slices' plane along rows."""
    index = np.indices((44, 60, 60)).astype(float)
    z, x = (index[0] - 22.0) * SPACING_MM[0], (index[2] - 30.0) * SPACING_MM[2]
    band = (np.abs(x) <= width_mm / 2) & (np.abs(z) <= height_mm / 2)
    return np.asarray(band & (index[1] > 10) & (index[1] < 50))


def test_a_band_wider_than_high_is_narrowed_to_its_height_about_its_middle():
    wide = _shaft(12.6, 5.0)
    kept = within_height(wide, spacing_mm=SPACING_MM, config=CONFIG.metal)
    middle = kept[22, 30]
    # heavy metal saturates slices of which it fills a seventh: five of them are 4.3 mm; one voxel's rounding
    assert np.count_nonzero(middle) * SPACING_MM[2] == pytest.approx(4.3, abs=0.85)
    assert np.flatnonzero(middle).mean() == pytest.approx(30.0, abs=0.6)


def test_a_round_shaft_keeps_its_width():
    shaft = _shaft(4.9, 6.0)
    kept = within_height(shaft, spacing_mm=SPACING_MM, config=CONFIG.metal)
    assert np.count_nonzero(kept) > 0.85 * np.count_nonzero(shaft)


def test_blur_alone_starves_nothing():
    volume = _scan((_rod(14.0, 20.0), COBALT_CHROME), clipped=3071.0)
    assert not is_starved(volume.hu, level_hu=2600.0, spacing_mm=SPACING_MM, config=CONFIG.metal)
    assert find_metal(volume, CONFIG).starved == (False,)


def test_a_wide_bright_rim_with_black_bands_is_starvation():
    hu = _scan((_rod(14.0, 20.0), COBALT_CHROME), clipped=3071.0).hu.copy()
    bright = hu > 2600
    wide = bright.copy()
    wide[:, 1:] |= bright[:, :-1]
    wide[:, 2:] |= bright[:, :-2]
    hu[wide & ~bright] = 2500
    hu[:, :, 24:26] = np.where(bright[:, :, 24:26], hu[:, :, 24:26], -1024)
    assert is_starved(hu, level_hu=2600.0, spacing_mm=SPACING_MM, config=CONFIG.metal)


@pytest.mark.parametrize("ceiling", [2047.0, 2976.0])
def test_starvation_is_told_under_a_lower_ceiling(ceiling):
    hu = _scan((_rod(14.0, 20.0), COBALT_CHROME), clipped=ceiling).hu.copy()
    level = 0.85 * ceiling
    args = {"level_hu": level, "spacing_mm": SPACING_MM, "config": CONFIG.metal, "ceiling_hu": ceiling}
    assert not is_starved(hu, **args)
    bright = hu > level
    wide = bright.copy()
    wide[:, 1:] |= bright[:, :-1]
    wide[:, 2:] |= bright[:, :-2]
    hu[wide & ~bright] = round(0.8 * ceiling)
    hu[:, :, 24:26] = np.where(bright[:, :, 24:26], hu[:, :, 24:26], -1024)
    assert is_starved(hu, **args)


def test_the_higher_the_ceiling_the_more_of_a_slice_metal_fills_to_reach_it():
    wide, fine_mm = _shaft(12.6, 5.0), (1.0, 0.25, 0.25)
    kept = [within_height(wide, spacing_mm=fine_mm, config=CONFIG.metal, ceiling_hu=c) for c in (2047.0, 6000.0)]
    low, high = (np.count_nonzero(k[22, 30]) for k in kept)
    assert low < high <= np.count_nonzero(wide[22, 30])


def test_a_band_that_widens_keeps_its_shaft_from_end_to_end():
    index = np.indices((44, 60, 60)).astype(float)
    wide = np.abs(index[2] - 30.0) <= 3.0 + 0.15 * index[1]
    band = wide & (np.abs(index[0] - 22.0) <= 2.0) & (index[1] > 10) & (index[1] < 50)
    kept = within_height(band, spacing_mm=SPACING_MM, config=CONFIG.metal)
    assert kept[22, 14:43, 30].all()  # its broad end is cut off square, where a band has no middle line


def _posts_and(wall: tuple[slice, slice, slice]) -> tuple[np.ndarray, np.ndarray]:
    """Two blocks of metal, and a thin wall."""
    posts, sheet = np.zeros((44, 60, 60), dtype=bool), np.zeros((44, 60, 60), dtype=bool)
    posts[10:34, 20:38, 4:20] = posts[10:34, 20:38, 40:56] = True
    sheet[wall] = True
    return posts | sheet, sheet & ~posts


def test_a_bright_wall_between_metals_is_dropped():
    both, wall = _posts_and((slice(12, 32), slice(28, 31), slice(20, 40)))
    kept = within_height(both, spacing_mm=SPACING_MM, config=CONFIG.metal)
    assert np.count_nonzero(kept & wall) < 0.25 * np.count_nonzero(wall)
    assert np.count_nonzero(kept) > 0.6 * np.count_nonzero(both & ~wall)


def test_a_wall_that_hangs_on_nothing_is_a_cage():
    both, wall = _posts_and((slice(12, 32), slice(48, 51), slice(20, 40)))
    kept = within_height(both, spacing_mm=SPACING_MM, config=CONFIG.metal)
    assert np.count_nonzero(kept & wall) > 0.6 * np.count_nonzero(wall)
