"""Line integrals of bodies in closed form, and what an element of the detector makes of them."""

import numpy as np
import pytest

from planner.config.phantoms.scan import ScanSettings
from planner.fluoro.projector import project_mask
from planner.geometry.grid import Grid
from planner.model.carm import CArm
from planner.model.volume import Mask
from planner.phantoms.scanner.gantry import Scanner
from planner.phantoms.scanner.patient_maps import MaterialMaps, maps_of_scene
from planner.phantoms.scanner.projection import (
    Beam,
    Raster,
    Shadow,
    detector_signal,
    line_integrals,
    no_shadow,
    view_angles,
)
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder
from planner.phantoms.tissues import TITANIUM, Tissue

WATER = Tissue("water", 0.0)
CENTRE, RADIUS_MM = (12.0, -7.0), 30.0
SCENE = Scene(
    (
        Part("bath", Cylinder((*CENTRE, -20.0), (*CENTRE, 20.0), RADIUS_MM), WATER),
        Part("rod", Cylinder((30.0, -7.0, -20.0), (30.0, -7.0, 20.0), 4.0), TITANIUM),
    )
)
SETTINGS = ScanSettings()


@pytest.fixture(scope="module")
def maps() -> tuple[MaterialMaps, np.ndarray]:
    return maps_of_scene(SCENE, SETTINGS, Scanner(SETTINGS).response, z_mm=(-1.0, 1.0, 3))


def _chord(t_mm: np.ndarray, angle: float, centre: np.ndarray, radius_mm: float) -> np.ndarray:
    away = t_mm - centre @ [np.cos(angle), np.sin(angle)]
    return np.asarray(2.0 * np.sqrt(np.maximum(radius_mm**2 - away**2, 0.0)))


def test_the_shadow_of_a_cylinder_is_its_chord(maps: tuple[MaterialMaps, np.ndarray]) -> None:
    drawn, axis = maps
    angles, rays, ray_mm = view_angles(36), 700, 0.3
    t_mm = (np.arange(rays) - rays / 2) * ray_mm
    first = np.full(len(angles), t_mm[0])
    for stack, where, radius in ((drawn.light, CENTRE, RADIUS_MM), (drawn.heavy, (30.0, -7.0), 4.0)):
        found = line_integrals(stack.maps, stack.raster, angles=angles, first_mm=first, ray_mm=ray_mm, rays=rays)
        assert found.shape == (36, rays, 1, 3)
        for view, angle in enumerate(angles):
            true = _chord(t_mm, angle, np.array(where) - axis, radius)
            if stack is drawn.light:
                true = true - _chord(t_mm, angle, np.array([30.0, -7.0]) - axis, 4.0)
            edge = np.abs(np.abs(np.gradient(true, ray_mm))) > 2.5
            apart = np.abs(found[view, :, 0, 1] - true)[~edge]
            assert apart.max() < 0.6
            assert np.sqrt(np.mean(apart**2)) < 0.1
        # Across all rays of a view the whole area is found, in every view alike.
        area = found[..., 0, 1].sum(axis=1) * ray_mm
        assert area == pytest.approx(np.full(36, area.mean()), rel=1e-3)
    assert area.mean() == pytest.approx(np.pi * 16.0, rel=5e-3)


def test_the_fluoroscopic_projector_agrees() -> None:
    """Another projector, from far away, where its cone is all but parallel."""
    cells, pitch = 80, 0.5
    place = (np.arange(cells) - (cells - 1) / 2) * pitch
    y, x = np.meshgrid(place, place, indexing="ij")
    disc = np.hypot(x - 3.0, y + 4.0) <= 11.0
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * pitch
    matrix[:3, 3] = -19.75
    grid = Grid((cells, cells, cells), matrix)
    mask = Mask(grid, np.repeat(disc[None], cells, axis=0))
    far = CArm(
        isocentre_lps=(0.0, 0.0, 0.0), primary_deg=0.0, secondary_deg=0.0, source_detector_mm=2e5,
        source_isocentre_mm=1e5, pixel_mm=1.0, rows=1, columns=80,
    )  # fmt: skip
    there = project_mask(mask, far)[0]
    here = line_integrals(
        disc[None, None].astype(np.float32), Raster(-19.75, -19.75, pitch), angles=np.zeros(1),
        first_mm=np.array([-19.75]), ray_mm=pitch, rays=80,
    )[0, :, 0, 0]  # fmt: skip
    assert there.max() > 21.0
    assert np.abs(there - here).max() < 0.05


def _strip(amount: float) -> Shadow:
    lengths = np.zeros((1, 41, 1, 1), np.float32)
    lengths[0, 20:, 0, 0] = amount
    return Shadow(lengths, np.array([-2.0]), 0.1)


@pytest.mark.parametrize(("linear", "expected"), [(False, -np.log(0.5 + 0.5 * np.exp(-3.0))), (True, 1.5)])
def test_an_element_averages_transmission_not_attenuation(*, linear: bool, expected: float) -> None:
    beam = Beam(np.ones(1), np.array([60.0]), np.zeros((0, 1)), np.array([[1.0]]))
    rays = np.linspace(-0.3, 0.3, 7)
    nothing = no_shadow(1, 1)
    signal, quantum = detector_signal(
        nothing, _strip(3.0), beam, sample_mm=np.array([-0.05]), aperture=(rays, np.full(7, 1 / 7)), linear=linear
    )
    assert -np.log(signal[0, 0, 0]) == pytest.approx(expected, rel=0.15)
    assert quantum[0, 0, 0] == pytest.approx(60.0, rel=1e-4)


def test_quanta_harden_behind_the_body() -> None:
    beam = Beam(np.array([0.5, 0.5]), np.array([40.0, 100.0]), np.array([[0.05, 0.01]]), np.zeros((0, 2)))
    body = Shadow(np.full((1, 3, 1, 1), 100.0, np.float32), np.array([-1.0]), 1.0)
    signal, quantum = detector_signal(
        body, no_shadow(1, 1), beam, sample_mm=np.array([0.0, 50.0]), aperture=(np.zeros(1), np.ones(1)), linear=False
    )
    assert signal[0, 0, 0] == pytest.approx(0.5 * np.exp(-5.0) + 0.5 * np.exp(-1.0), rel=1e-4)
    assert quantum[0, 0, 0] > 95.0
    assert signal[0, 1, 0] == pytest.approx(1.0, rel=1e-4)
    assert quantum[0, 1, 0] == pytest.approx(70.0, rel=1e-4)
