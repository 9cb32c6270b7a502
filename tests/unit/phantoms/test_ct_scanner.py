"""The simulated CT reads what the tables predict, and what a scanner does to it can be told apart, knob by knob."""

from functools import cache

import numpy as np
import pytest

from planner.config.phantoms.scan import ScanSettings
from planner.errors import CancelledError, UsageError
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.phantoms.ct_scanner import scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, HalfSpace, RoundedBox
from planner.phantoms.tissues import COBALT_CHROME, FAT, MUSCLE, TITANIUM, Tissue
from planner.progress import Progress
from planner.xray.attenuation import (
    COCRMO,
    CORTICAL_BONE,
    TI6AL4V,
    WATER,
    Material,
    attenuation_per_mm,
    true_hu,
)
from planner.xray.spectrum import detector_response

BATH = Tissue("water", 0.0)
QUIET = {"tube_mas": None, "kernel": "soft"}
COARSE = {"views": 180, "raster_mm": 0.8, "detector_mm": 0.9}


def _rod(centre: tuple[float, float], radius_mm: float) -> Cylinder:
    return Cylinder((*centre, -40.0), (*centre, 40.0), radius_mm)


def _grid(cells: int, pixel_mm: float, *, slices: int = 1, spacing_mm: float = 1.0, centre=(0.0, 0.0)) -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * [spacing_mm, pixel_mm, pixel_mm]
    low = [c - (cells - 1) / 2 * pixel_mm for c in centre]
    matrix[:3, 3] = [*low, -(slices - 1) / 2 * spacing_mm]
    return Grid((slices, cells, cells), matrix)


def _near(volume, centre: tuple[float, float], radius_mm: float) -> np.ndarray:
    grid = volume.grid
    index = np.indices(grid.shape).reshape(3, -1).T
    points = grid.to_lps(index)
    chosen = np.hypot(points[:, 0] - centre[0], points[:, 1] - centre[1]) < radius_mm
    return np.asarray(volume.hu)[tuple(index[chosen].T)].astype(float)


def _effective_kev(kvp: float) -> float:
    return detector_response(kvp, al_mm=6.0, cu_mm=0.1, bins=16).effective_kev


@pytest.mark.parametrize(
    ("kvp", "radius_mm", "centre"),
    [
        (80.0, 50.0, (0, 0)),
        (120.0, 50.0, (0, 0)),
        (120.0, 110.0, (0, 0)),
        (140.0, 160.0, (0, 0)),
        (100.0, 80.0, (60, 31)),
    ],
)
def test_water_reads_zero(kvp: float, radius_mm: float, centre: tuple[float, float]) -> None:
    scene = Scene((Part("bath", _rod(centre, radius_mm), BATH),))
    grid = _grid(int(2 * radius_mm / 2.0), 2.0, centre=centre)
    volume = scan(scene, grid, ScanSettings(kvp=kvp, raster_mm=0.6, **QUIET))
    for share in (0.1, 0.5, 0.8):
        assert _near(volume, centre, share * radius_mm).mean() == pytest.approx(0.0, abs=2.0)
    assert np.quantile(np.abs(_near(volume, centre, radius_mm - 5.0)), 0.999) < 5.0


RODS: dict[str, tuple[Tissue, Material]] = {
    "cortical bone": (Tissue("bone", 0.0), CORTICAL_BONE),
    "titanium": (TITANIUM, TI6AL4V),
    "cobalt-chrome": (COBALT_CHROME, COCRMO),
}


def _scene_with(name: str, kvp: float, radius_mm: float, *, bath: bool) -> Scene:
    tissue, material = RODS[name]
    if material is CORTICAL_BONE:
        tissue = Tissue("bone", true_hu(CORTICAL_BONE, _effective_kev(kvp)))
    rod = Part("rod", _rod((3.0, -2.0), radius_mm), tissue)
    return Scene((Part("bath", _rod((0.0, 0.0), 45.0), BATH), rod)) if bath else Scene((rod,))


@pytest.mark.parametrize("kvp", [80.0, 120.0])
@pytest.mark.parametrize("name", ["cortical bone", "titanium"])
def test_without_artefacts_materials_read_what_the_tables_say(name: str, kvp: float) -> None:
    settings = ScanSettings(kvp=kvp, artefacts=False, **QUIET)
    volume = scan(_scene_with(name, kvp, 6.0, bath=True), _grid(24, 0.4, centre=(3.0, -2.0)), settings)
    expected = true_hu(RODS[name][1], _effective_kev(kvp))
    assert _near(volume, (3.0, -2.0), 3.0).mean() == pytest.approx(expected, rel=0.012)


def _predicted_hu(material: Material, kvp: float, radius_mm: float, at_mm: float) -> float:
    """Work out what a polychromatic scanner with a water correction reads in a rod in air, by Abel's inversion.

    With x**2 = r**2 + (R**2 - r**2) sin(a)**2, mu(r) = 2 / pi times the integral of p'(chord(a)) da from 0 to pi / 2.
    """
    energies, share = detector_response(kvp, al_mm=6.0, cu_mm=0.1, bins=1).fine
    water, own = (attenuation_per_mm(m, energies) for m in (WATER, material))
    thickness = np.linspace(0.0, 900.0, 9001)
    raw_water = -np.log(np.exp(-np.outer(thickness, water)) @ share)
    chord = np.linspace(0.0, 2.0 * radius_mm, 2001)
    raw = -np.log(np.exp(-np.outer(chord, own)) @ share)
    effective = attenuation_per_mm(WATER, [_effective_kev(kvp)])[0]
    slope = np.gradient(np.interp(raw, raw_water, thickness) * effective, chord)
    angle = (np.arange(4000) + 0.5) / 4000 * np.pi / 2.0
    mu = np.interp(2.0 * np.sqrt(radius_mm**2 - at_mm**2) * np.cos(angle), chord, slope).mean()
    return float(1000.0 * (mu / effective - 1.0))


@pytest.mark.parametrize(
    ("name", "kvp", "radius_mm"),
    [("cortical bone", 120.0, 6.0), ("titanium", 120.0, 4.0), ("titanium", 80.0, 4.0), ("cobalt-chrome", 140.0, 4.0)],
)
def test_with_artefacts_materials_read_what_the_beam_predicts(name: str, kvp: float, radius_mm: float) -> None:
    settings = ScanSettings(kvp=kvp, energy_bins=60, metal_raster_mm=0.15, rays_per_detector=8, **QUIET)
    volume = scan(_scene_with(name, kvp, radius_mm, bath=False), _grid(20, 0.4, centre=(3.0, -2.0)), settings)
    predicted = np.mean([_predicted_hu(RODS[name][1], kvp, radius_mm, r) for r in (0.3, 0.7, 1.0, 1.2)])
    assert _near(volume, (3.0, -2.0), 1.4).mean() == pytest.approx(predicted, rel=0.02)
    # And that is far from what one energy would read, for metal.
    if name != "cortical bone":
        assert predicted < 0.95 * true_hu(RODS[name][1], _effective_kev(kvp))


@cache
def _noise(mas: float, electronic: float, *, kernel: str = "bone", thickness_mm: float = 1.0) -> float:
    scene = Scene((Part("bath", _rod((0.0, 0.0), 60.0), BATH),))
    settings = ScanSettings(
        tube_mas=mas, electronic_noise_quanta=electronic, kernel=kernel, slice_thickness_mm=thickness_mm, **COARSE
    )
    volume = scan(scene, _grid(72, 0.8, slices=4, spacing_mm=4.0), settings)
    return float(np.std([_near(volume, (0.0, 0.0), 25.0)]))


def test_twice_the_dose_halves_the_variance() -> None:
    assert _noise(50.0, 0.0) ** 2 / _noise(100.0, 0.0) ** 2 == pytest.approx(2.0, rel=0.06)


def test_electronics_spoil_that_where_quanta_are_few() -> None:
    assert _noise(50.0, 400.0) > 1.3 * _noise(50.0, 0.0)


def test_soft_kernels_and_thick_slices_are_quieter() -> None:
    assert _noise(50.0, 0.0, kernel="soft") < 0.6 * _noise(50.0, 0.0)
    assert _noise(50.0, 0.0, thickness_mm=4.0) ** 2 == pytest.approx(_noise(50.0, 0.0) ** 2 / 4.0, rel=0.1)


TWO_RODS = Scene(
    (
        Part("bath", _rod((0.0, 0.0), 50.0), MUSCLE),
        Part("left", _rod((20.0, 0.0), 5.0), COBALT_CHROME),
        Part("right", _rod((-20.0, 0.0), 5.0), COBALT_CHROME),
    )
)


@cache
def _two_rods(**knobs: object):
    return scan(TWO_RODS, _grid(64, 1.5), ScanSettings.model_validate({**COARSE, **knobs}))


def test_metal_casts_dark_bands_unless_artefacts_are_off() -> None:
    dark, none = (_near(_two_rods(artefacts=on, tube_mas=None), (0.0, 0.0), 6.0).mean() for on in (True, False))
    assert dark < MUSCLE.hu - 100.0
    assert none == pytest.approx(MUSCLE.hu, abs=12.0)


def test_low_kilovolts_make_it_worse() -> None:
    spread = [_near(_two_rods(kvp=kvp, tube_mas=None), (0.0, 0.0), 6.0).std() for kvp in (80.0, 100.0, 120.0, 140.0)]
    assert np.all(np.diff(spread) < 0.0)


def _grain(**knobs: object) -> float:
    """Give the noise between the rods, streaks left out: they are the same for each seed."""
    one, other = (_near(_two_rods(seed=seed, **knobs), (0.0, 0.0), 6.0) for seed in (1, 2))
    return float(np.std(one - other))


def test_low_dose_makes_it_worse_and_starved_readings_are_smoothed() -> None:
    assert _grain(tube_mas=30.0, smoothed_below_quanta=0.0) > 2.0 * _grain(tube_mas=480.0, smoothed_below_quanta=0.0)
    assert _grain(tube_mas=30.0) < 0.8 * _grain(tube_mas=30.0, smoothed_below_quanta=0.0)


def test_scatter_darkens_further() -> None:
    clean, foggy = (
        _near(_two_rods(tube_mas=None, scatter_share=s), (0.0, 0.0), 6.0).mean() for s in (0.0, 0.05)
    )  # fmt: skip
    assert foggy < clean - 20.0


def test_clipping_and_extended_numbers() -> None:
    assert _two_rods(hu_clipped_at=3071.0).hu.max() == 3071
    extended = _two_rods().hu
    assert extended.max() > 9000
    assert extended.dtype == np.int16
    assert extended.min() >= -1024


def test_the_same_settings_give_the_same_noise_and_others_another() -> None:
    first = _two_rods(seed=5).hu
    assert np.array_equal(first, scan(TWO_RODS, _grid(64, 1.5), ScanSettings(seed=5, **COARSE)).hu)
    assert not np.array_equal(first, _two_rods(seed=6).hu)


THIN = Tissue("thin water", -500.0)


def test_a_thick_slice_holds_what_lies_in_its_profile() -> None:
    scene = Scene((Part("bath", _rod((0.0, 0.0), 20.0), THIN), Part("plate", RoundedBox((0, 0, 0), (9, 9, 1)), BATH)))
    thin, thick = (
        scan(scene, _grid(16, 1.0, slices=9), ScanSettings(slice_thickness_mm=t, row_mm=0.5, views=180, **QUIET))
        for t in (1.0, 4.0)
    )
    heights = [np.array([_near_slice(v, k) for k in range(9)]) for v in (thin, thick)]
    share = [(h - heights[0][0]) / (heights[0][4] - heights[0][0]) for h in heights]
    assert share[0] == pytest.approx([0, 0, 0, 0.5, 1, 0.5, 0, 0, 0], abs=0.06)
    assert share[1] == pytest.approx([0, 0.0, 0.25, 0.5, 0.5, 0.5, 0.25, 0.0, 0], abs=0.06)


@pytest.mark.parametrize(("thickness_mm", "spacing_mm"), [(1.0, 1.0), (2.0, 1.5), (2.0, 1.25), (3.0, 0.8)])
def test_a_slice_lies_where_it_says(thickness_mm: float, spacing_mm: float) -> None:
    plate = RoundedBox((0.0, 0.0, 0.0), (20.0, 20.0, 0.6))
    grid = _grid(16, 1.0, slices=11, spacing_mm=spacing_mm)
    settings = ScanSettings(slice_thickness_mm=thickness_mm, row_mm=1.25, views=180, artefacts=False, **QUIET)
    volume = scan(Scene((Part("plate", plate, BATH),)), grid, settings)
    profile = np.asarray(volume.hu)[:, 6:10, 6:10].mean(axis=(1, 2)) + 1000.0
    heights = (np.arange(11) - 5) * spacing_mm
    assert profile @ heights / profile.sum() == pytest.approx(0.0, abs=0.01)


def _near_slice(volume, number: int) -> float:
    return float(np.asarray(volume.hu)[number, 5:11, 5:11].mean())


BLOB = Scene(
    (
        Part("body", Ball((2.0, 1.0, 0.0), 14.0), MUSCLE),
        Part("rod", Cylinder((-6, 3, -4), (7, -2, 5), 2.5), TITANIUM),
    )
)


@pytest.mark.parametrize(("order", "flip"), [((0, 1, 2), (0, 2)), ((1, 2, 0), ()), ((2, 0, 1), (1,))])
def test_any_storage_holds_the_same_voxels(order: tuple[int, ...], flip: tuple[int, ...]) -> None:
    plain = _grid(26, 1.3, slices=20, spacing_mm=1.5)
    matrix = plain.lps_from_index.copy()
    for axis in flip:
        matrix[:3, 3] += matrix[:3, axis] * (plain.shape[axis] - 1)
        matrix[:3, axis] *= -1.0
    stored = Grid(tuple(plain.shape[a] for a in order), np.column_stack([matrix[:, :3][:, order], matrix[:, 3]]))
    settings = ScanSettings(views=120, tube_mas=None)
    there = np.asarray(scan(BLOB, stored, settings).hu).astype(int)
    here = np.flip(np.asarray(scan(BLOB, plain, settings).hu), flip).transpose(order)
    assert np.abs(there - here).max() <= 2


def test_an_oblique_grid_holds_the_same_numbers_at_the_same_place() -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_about((1, 2, 0.5), 20.0) @ np.eye(3)[:, ::-1]
    matrix[:3, 3] = -matrix[:3, :3] @ [12.0, 12.0, 12.0]
    settings = ScanSettings(views=120, **QUIET)
    oblique = scan(BLOB, Grid((25, 25, 25), matrix), settings)
    plain = scan(BLOB, _grid(25, 1.0, slices=25), settings)
    for place in ((0.5, 0.4, 0.5), (8.0, 6.0, -3.0), (-6.0, -4.0, 6.0)):
        values = [float(v.hu[tuple(np.rint(v.grid.to_index(place)).astype(int))]) for v in (oblique, plain)]
        assert values[0] == pytest.approx(values[1], abs=max(25.0, 0.12 * abs(values[1])))


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (Scene((Part("ball", Ball((0, 0, 0), 5.0), MUSCLE),), FAT), r"background of fat has no end"),
        (Scene((Part("table", HalfSpace((0, 50, 0), (0, -1, 0)), FAT),)), r"cannot scan table"),
        (Scene(()), r"nothing in the scene"),
    ],
)
def test_a_scene_without_an_end_is_refused(scene: Scene, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        scan(scene, _grid(8, 1.0), ScanSettings())


class _Follower:
    def __init__(self, *, stop_at: str | None = None) -> None:
        self.stages: list[str] = []
        self.stop_at = stop_at

    def report(self, progress: Progress) -> None:
        self.stages.append(progress.stage)

    def cancelled(self) -> bool:
        return self.stop_at is not None and self.stop_at in self.stages


def test_the_work_is_told_stage_by_stage_and_stops_when_asked() -> None:
    settings, grid = ScanSettings(views=90, tube_mas=None), _grid(12, 2.0, slices=2)
    calm = _Follower()
    scan(BLOB, grid, settings, monitor=calm)
    stages = list(dict.fromkeys(calm.stages))
    assert stages == ["drawing the phantom", "scanning the phantom", "reconstructing the phantom"]
    for stage in stages:
        with pytest.raises(CancelledError):
            scan(BLOB, grid, settings, monitor=_Follower(stop_at=stage))
