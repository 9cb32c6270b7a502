import numpy as np
import pytest

from planner.config.anatomy_config import CanalConfig
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.segment.anatomy.canal import find_canal
from planner.segment.anatomy.canal_search import find_column
from planner.segment.upright import upright_grid, upright_hu

EDGE_MM = 1.5


def turned(volume: Volume, degrees: float) -> Volume:
    """The patient bent forwards about the body's left-right axis."""
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return Volume(Grid(volume.grid.shape, turn @ volume.grid.lps_from_index), volume.hu)


def upright(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    hu = upright_hu(volume, upright_grid(volume.grid, EDGE_MM))
    return hu, hu > 2000.0


@pytest.mark.parametrize("degrees", [-25.0, 25.0])
def test_a_leaning_spine_is_followed_along_its_lean(spine_scan, degrees):
    volume, _ = spine_scan()
    canal = find_canal(turned(volume, degrees))
    assert canal is not None
    middle = canal.centre_lps[np.abs(canal.centre_lps[:, 2]) < 30]
    assert len(middle) > 50
    expected = -np.tan(np.radians(degrees)) * middle[:, 2]
    assert np.abs(middle[:, 1] - expected).max() < 3.0
    assert np.abs(middle[:, 0]).max() < 2.0


def test_a_spine_whose_cortex_reads_little_is_found(spine_scan):
    volume, _ = spine_scan()
    soft = np.asarray(volume.hu, dtype=np.float32)
    faint = np.where(soft > 60, np.minimum(60 + 0.4 * (soft - 60), 190.0), soft)
    hu, metal = upright(Volume(volume.grid, faint.astype(np.float32)))
    assert find_column(hu, metal, EDGE_MM, config=CanalConfig()) is not None
    assert find_column(hu, metal, EDGE_MM, config=CanalConfig(column_hu=200.0)) is None


def test_no_column_in_soft_tissue_however_it_is_turned(spine_scan):
    volume, _ = spine_scan(vertebrae=False)
    hu, metal = upright(volume)
    assert find_column(hu, metal, EDGE_MM, config=CanalConfig()) is None


def test_metal_that_spoils_all_but_the_discs_does_not_hide_the_canal(spine_scan):
    volume, _ = spine_scan()
    hu, metal = upright(volume)
    heights = (np.arange(len(hu)) - (len(hu) - 1) / 2) * EDGE_MM
    from_body = np.abs((heights + 17.0) % 34.0 - 17.0)
    screws = (from_body < 8.0) & (heights > -30.0)
    metal[screws, 10:30, 10:30] = True
    whole = find_column(hu, metal, EDGE_MM, config=CanalConfig())
    assert whole is not None
    assert len(whole.cells) > 0.7 * len(hu)
