"""One phantom, stored in many ways: its metal, canal and gaps stay where they are in the patient."""

from pathlib import Path

import numpy as np
import pytest

from planner import load_ct
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.model.volume import Volume
from planner.phantoms.case import design, make

LPS_AXES = np.eye(3)[:, ::-1]
"""Columns: slices along S, rows along P, columns along L."""
TURN = rotation_about((0.3, 0.5, 0.8), 23)
STORAGES = {
    "axial": (LPS_AXES, (1.0, 0.8, 0.8)),
    "axial, feet to head reversed": (LPS_AXES * (-1, 1, -1), (1.0, 0.8, 0.8)),
    "sagittal": (LPS_AXES[:, [2, 0, 1]], (0.8, 1.0, 0.8)),
    "coronal": (LPS_AXES[:, [1, 0, 2]] * (1, -1, 1), (0.8, 1.0, 0.8)),
    "prone": (LPS_AXES * (1, -1, -1), (1.0, 0.8, 0.8)),
    "oblique": (TURN @ LPS_AXES, (0.9, 0.8, 0.8)),
    "oblique, permuted": (TURN @ LPS_AXES[:, [2, 0, 1]], (0.9, 0.8, 0.8)),
    "anisotropic": (LPS_AXES, (2.0, 0.6, 0.7)),
}
EXTENT_MM = 58.0


def _grid_round(centre: np.ndarray, axes: np.ndarray, spacing: tuple[float, float, float]) -> Grid:
    """A cube of voxels round a point, its slices, rows and columns along the given axes (made right-handed)."""
    if np.linalg.det(axes[:, ::-1]) < 0:
        axes = axes * (-1, 1, 1)  # DICOM's slices run along row x column
    shape = tuple(round(EXTENT_MM / s) for s in spacing)
    matrix = np.eye(4)
    matrix[:3, :3] = axes * spacing
    matrix[:3, 3] = centre - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, matrix, "2.25.1")


def _metal(volume: Volume, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroid and main direction of the metal within 20 mm of a point."""
    index = np.argwhere(volume.hu > 2000)
    points = volume.grid.to_lps(index)
    near = np.linalg.norm(points - centre, axis=1) < 20
    weights = np.asarray(volume.hu)[tuple(index[near].T)].astype(float)
    centroid = np.average(points[near], axis=0, weights=weights)
    spread = np.linalg.svd((points[near] - centroid) * np.sqrt(weights)[:, None], full_matrices=False)[2][0]
    return centroid, spread * np.sign(spread[1])


@pytest.fixture(scope="module")
def screw_centre() -> np.ndarray:
    screw = next(i for i in design("lumbar").truth.implants if i.kind == "pedicle_screw")
    assert screw.head_lps is not None
    assert screw.tip_lps is not None
    return (np.array(screw.head_lps) + np.array(screw.tip_lps)) / 2


@pytest.fixture(scope="module")
def reference(screw_centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    axes, spacing = STORAGES["axial"]
    return _metal(make("lumbar", grid=_grid_round(screw_centre, axes, spacing)).volume, screw_centre)


@pytest.mark.parametrize("name", STORAGES)
def test_metal_stays_in_its_place(
    name: str, tmp_path: Path, screw_centre: np.ndarray, reference: tuple[np.ndarray, np.ndarray]
) -> None:
    axes, spacing = STORAGES[name]
    phantom = make("lumbar", grid=_grid_round(screw_centre, axes, spacing))
    write_ct_series(phantom.volume, tmp_path / "ct", identity=SeriesIdentity(seed=name))
    loaded = load_ct(tmp_path / "ct")
    centroid, direction = _metal(loaded, screw_centre)
    # A third of the finest voxel, and half a degree: what noise and partial volume leave.
    assert np.linalg.norm(centroid - reference[0]) < 0.3
    assert np.degrees(np.arccos(min(1.0, float(direction @ reference[1])))) < 0.6
    np.testing.assert_allclose(
        loaded.grid.corners_lps.min(axis=0), phantom.volume.grid.corners_lps.min(axis=0), atol=1e-3
    )
    inside = phantom.volume.grid.to_lps(np.array(phantom.volume.grid.shape) // 3)
    index = tuple(np.rint(loaded.grid.to_index(inside)).astype(int))
    assert loaded.hu[index] == phantom.volume.hu[tuple(np.array(phantom.volume.grid.shape) // 3)]


def test_a_mirrored_patient_would_be_noticed(
    screw_centre: np.ndarray, reference: tuple[np.ndarray, np.ndarray]
) -> None:
    axes, spacing = STORAGES["axial"]
    volume = make("lumbar", grid=_grid_round(screw_centre, axes, spacing)).volume
    mirrored = Volume(volume.grid, np.asarray(volume.hu)[:, :, ::-1])
    _, direction = _metal(mirrored, screw_centre)
    assert np.degrees(np.arccos(min(1.0, float(direction @ reference[1])))) > 5
