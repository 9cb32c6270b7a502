"""Unwrapped maps: turned alike, with a width only where one was read, and with its error."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from planner.config.gap_config import HaloConfig
from planner.geometry.grid import Grid
from planner.model.implant import Implant, ImplantAxis
from planner.segment.gaps.halo_measurement import Halo
from planner.segment.gaps.interface_rays import Interface
from planner.segment.gaps.unwrapped_maps import Seen, screw_map, stem_map, wall_sd_mm
from planner.segment.implants.shafts import Edge
from planner.segment.implants.spine import Shaft
from planner.segment.unwrap import RHO_MM, make_fan

RADIUS_MM, BLUR_MM, GAP_HU, BONE_HU = 3.0, 0.45, 30.0, 230.0
HEAD, LENGTH_MM = np.array([20.0, 30.0, -100.0]), 40.0
FINE = Grid((4, 4, 4), np.diag([1.0, 0.8, 0.8, 1.0])[[2, 1, 0, 3]])
FRONT, LEFT, FEET = np.array([0.0, -1.0, 0.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, -1.0])


def _implant(kind, way, *, side="right") -> Implant:
    tip = HEAD + LENGTH_MM * way
    axis = ImplantAxis(
        head_lps=tuple(HEAD), tip_lps=tuple(tip), diameter_mm=2 * RADIUS_MM, core_diameter_mm=None, length_mm=LENGTH_MM
    )
    return Implant(
        id="shaft-1", kind=kind, volume_ml=None, centroid_lps=tuple(HEAD), axis=axis, bulls_eye=None, side=side,
        level=None, material="unknown", loosening=None,
    )  # fmt: skip


def _profiles(fan, width_mm, *, noise_hu=0.0):
    """Lucent up to the wall, bone beyond it, blurred; each ray lifted by noise of its own."""
    wall = RADIUS_MM + np.broadcast_to(width_mm, (len(fan.along_mm), len(fan.azimuth_rad)))
    rise = ndtr((RHO_MM - wall[..., None]) / BLUR_MM)
    lift = np.random.default_rng(3).normal(0.0, 1.0, wall.shape)[..., None] * noise_hu
    return (GAP_HU + (BONE_HU - GAP_HU) * rise + lift).astype(np.float32)


def _screw(way, *, towards=None, width_mm=2.0, hides=False, read=None, noise_hu=0.0, grid=FINE, readable=None):
    """The map of a screw with a gap on the side `towards`, all round without one."""
    fan = make_fan(HEAD, HEAD + LENGTH_MM * way, RADIUS_MM)
    shape = len(fan.along_mm), len(fan.azimuth_rad)
    looks = np.cos(fan.azimuth_rad)[:, None] * fan.across[0] + np.sin(fan.azimuth_rad)[:, None] * fan.across[1]
    side = np.ones(shape[1], bool) if towards is None else looks @ towards > 0.7
    lucent = np.broadcast_to(side, shape) & (fan.along_mm > 20.0)[:, None]
    metal, width = np.full(shape, RADIUS_MM), np.where(lucent, width_mm, 0.0)
    in_bone = np.broadcast_to((fan.along_mm > 5.0)[:, None], shape)
    shaft = Shaft(
        id="shaft-1", kind="pedicle_screw", head_lps=HEAD, tip_lps=HEAD + LENGTH_MM * way, outer_mm=2 * RADIUS_MM,
        core_mm=None, sigma_mm=BLUR_MM, plateau_hu=6000.0, edge=Edge(level_hu=3000.0, shift_mm=0.0), has_tulip=True,
        side="right", piece=1, is_hidden=False,
    )  # fmt: skip
    halo = Halo(
        fan, metal, metal + width, width, lucent, lucent if read is None else lucent & read(fan), in_bone,
        np.zeros(shape), 0.0, lucent, 0.0, 0.5, 0.9, hides_gaps=hides,
    )  # fmt: skip
    profiles = _profiles(fan, np.where(lucent, width_mm, -3.0), noise_hu=noise_hu)
    cells = None if readable is None else np.broadcast_to(readable(fan)[:, None], shape)
    seen = Seen(shaft, profiles, BLUR_MM, grid)
    return screw_map(_implant("pedicle_screw", way), halo, seen, HaloConfig(), readable=cells)


@pytest.mark.parametrize(
    ("way", "towards", "turn"),
    [
        (FRONT, -FEET, 0.0),
        (FRONT, -LEFT, 90.0),
        (FRONT, FEET, 180.0),
        (FRONT, LEFT, 270.0),
        (-FRONT, LEFT, 90.0),
        (LEFT, FRONT, 90.0),
        (FEET, FRONT, 0.0),
        (FEET, -LEFT, 90.0),
        (FEET, LEFT, 270.0),
    ],
)
def test_columns_run_clockwise_as_seen_from_the_head_from_cranial_or_anterior_on(way, towards, turn):
    found = _screw(way, towards=towards)
    middle = np.angle(np.exp(1j * np.radians(found.round_deg[(found.width_mm > 0.0).any(axis=0)])).mean(), deg=True)
    assert np.cos(np.radians(middle - turn)) == pytest.approx(1.0, abs=1e-3)
    assert found.looks_lps(turn) @ towards == pytest.approx(1.0, abs=1e-6)
    assert np.all(np.diff(found.round_deg) > 0.0)


def test_rows_run_from_head_to_tip_and_bear_their_zones():
    found = _screw(FRONT)
    assert np.all(np.diff(found.along_mm) >= 0.0)
    assert found.along_mm[-1] == pytest.approx(LENGTH_MM, abs=0.05)
    names = [found.zones[code] for code in found.zone[:, 0]]
    assert list(dict.fromkeys(names)) == ["screw-proximal", "screw-middle", "screw-distal", "screw-tip"]
    assert (np.array(names) == "screw-tip").sum() == found.is_tip.sum()


def test_a_width_is_known_where_its_wall_was_read_and_0_where_bone_shows_no_gap():
    found = _screw(FRONT, towards=LEFT, read=lambda fan: (fan.along_mm < 30.0)[:, None])
    turned, along = np.abs(found.round_deg - 270.0) < 40.0, found.along_mm
    gap = found.width_mm[:, turned]
    assert np.all(gap[(along > 20.5) & (along < 29.5)] == 2.0)
    assert np.isnan(gap[along > 30.5]).all(), "the wall was not seen there"
    assert np.all(found.width_mm[(along > 5.5) & (along < 19.5)] == 0.0)
    assert np.isnan(found.width_mm[along < 4.5]).all(), "outside of bone nothing is measured"
    assert not found.in_bone[along < 4.5].any()
    assert np.array_equal(np.isfinite(found.width_sd_mm), found.width_mm > 0.0)


def test_where_artefacts_hide_gaps_none_is_not_a_measured_0():
    assert np.isnan(_screw(FRONT, towards=LEFT, hides=True).width_mm[:, 0]).all()
    found = _screw(FRONT, towards=LEFT, readable=lambda fan: fan.along_mm > 12.0)
    column = found.width_mm[:, np.argmin(np.abs(found.round_deg - 90.0))]
    assert np.isnan(column[found.along_mm < 11.5]).all()
    assert np.all(column[found.along_mm > 12.5] == 0.0)


def test_a_wall_that_hardly_rises_was_not_read():
    shape = 20, 48
    steep, flat = (
        np.broadcast_to(100.0 + rise * ndtr((RHO_MM - 5.0) / BLUR_MM), (*shape, len(RHO_MM))) for rise in (80.0, 30.0)
    )
    wall, blur = np.full(shape, 5.0), np.full(shape, BLUR_MM)
    assert np.isfinite(wall_sd_mm(steep, 0.15, wall, np.ones(shape, bool), blur_mm=blur)).all()
    assert np.isnan(wall_sd_mm(flat, 0.15, wall, np.ones(shape, bool), blur_mm=blur)).all()
    assert np.isnan(wall_sd_mm(steep, 0.15, wall, np.zeros(shape, bool), blur_mm=blur)).all()


def test_noise_moves_a_wall_by_its_size_over_the_slope():
    fan = make_fan(HEAD, HEAD + LENGTH_MM * FRONT, RADIUS_MM)
    noise_hu = 10.0
    profiles = _profiles(fan, 2.0, noise_hu=noise_hu)
    shape = profiles.shape[:2]
    found = wall_sd_mm(
        profiles, 0.15, np.full(shape, RADIUS_MM + 2.0), np.ones(shape, bool), blur_mm=np.full(shape, BLUR_MM)
    )
    # slope at half height of a blurred step: rise / (sqrt(2 pi) blur)
    expected = noise_hu * np.sqrt(2.0 * np.pi) * BLUR_MM / (BONE_HU - GAP_HU)
    assert np.median(found) == pytest.approx(expected, rel=0.2)
    still = wall_sd_mm(
        _profiles(fan, 2.0),
        0.15,
        np.full(shape, RADIUS_MM + 2.0),
        np.ones(shape, bool),
        blur_mm=np.full(shape, BLUR_MM),
    )
    assert np.nanmax(still) < 0.01


def test_streaks_that_lift_one_side_do_not_make_a_wall_unsure():
    fan = make_fan(HEAD, HEAD + LENGTH_MM * FRONT, RADIUS_MM)
    profiles = _profiles(fan, 2.0) + (150.0 * np.cos(fan.azimuth_rad))[None, :, None].astype(np.float32)
    shape = profiles.shape[:2]
    found = wall_sd_mm(
        profiles, 0.15, np.full(shape, RADIUS_MM + 2.0), np.ones(shape, bool), blur_mm=np.full(shape, BLUR_MM)
    )
    assert np.nanmedian(found) < 0.03


def test_a_cell_is_never_surer_than_the_settings_say_and_less_sure_across_thick_slices():
    config = HaloConfig()
    thin = _screw(FRONT)
    assert np.nanmin(thin.width_sd_mm) >= config.edge_sd_mm
    thick = _screw(FRONT, grid=Grid((4, 4, 4), np.diag([0.8, 0.8, 3.0, 1.0])[[0, 1, 2, 3]][:, [2, 1, 0, 3]]))
    row = int(np.argmin(np.abs(thick.along_mm - 30.0)))
    up, aside = (thick.width_sd_mm[row, np.argmin(np.abs(thick.round_deg - turn))] for turn in (180.0, 90.0))
    assert up > 1.5 * aside
    assert aside == pytest.approx(config.edge_sd_mm, abs=0.02)


# --- stems ---

SPREAD_MM = 0.2


def _stem(*, side="left", sure=None):
    way = FEET
    fan = make_fan(HEAD, HEAD + LENGTH_MM * way, RADIUS_MM, start_mm=3.0, step_mm=1.0, angles=72)
    shape = len(fan.along_mm), 72
    looks = np.cos(fan.azimuth_rad)[:, None] * fan.across[0] + np.sin(fan.azimuth_rad)[:, None] * fan.across[1]
    lucent = np.broadcast_to(looks @ LEFT > 0.8, shape) & ~fan.is_tip[:, None]
    width = np.where(lucent, 2.0, 0.0)
    ones = np.ones(shape)
    interface = Interface(fan, RADIUS_MM * ones, ones, np.full(shape, np.inf), ones > 0, BLUR_MM * ones)
    medial = -LEFT if side == "left" else LEFT
    implant = _implant("femoral_stem", way, side=side)
    return stem_map(implant, interface, width, SPREAD_MM * ones, lucent, medial, sure=sure)


@pytest.mark.parametrize(("side", "gruen"), [("left", {1, 2, 3}), ("right", {5, 6, 7})])
def test_a_stem_has_its_gruen_zones(side, gruen):
    found = _stem(side=side)
    gap = found.width_mm > 0.0
    assert np.median(found.round_deg[gap.any(axis=0)]) == pytest.approx(270.0, abs=3.0)  # the patient's left
    whole = gap & (found.along_mm < LENGTH_MM - 6.0)[:, None] & (np.abs(found.round_deg - 270.0) < 20.0)
    assert {int(found.zones[code].removeprefix("gruen-")) for code in np.unique(found.zone[whole])} == gruen
    # of a normal distribution the mean deviation is 0.8 standard deviations
    assert found.width_sd_mm[gap] == pytest.approx(SPREAD_MM / np.sqrt(2 / np.pi), rel=0.01)
    assert np.isnan(found.width_sd_mm[~gap]).all()


def test_a_stem_beside_which_artefacts_hide_gaps_is_not_read_there():
    known = _stem()
    hidden = _stem(sure=np.zeros(known.width_mm.shape, bool))
    assert np.all(known.width_mm[known.width_mm != 2.0] == 0.0)
    assert np.isnan(hidden.width_mm[known.width_mm == 0.0]).all()
    assert np.all(hidden.width_mm[known.width_mm == 2.0] == 2.0)


def test_a_map_holds_maps_of_one_shape_only():
    found = _screw(FRONT)
    with pytest.raises(ValueError, match="width_mm of an unwrapped map has shape"):
        replace(found, width_mm=found.width_mm[1:])
