"""What of a hip's gap can be believed, on a rod in bone and a map of artefacts drawn beside it."""

import numpy as np
import pytest

from planner.config.hip_config import HipGapConfig
from planner.config.trust_config import TrustConfig
from planner.geometry.grid import Grid
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.segment.gaps.hip_doubt import (
    Floor,
    floor_of,
    interval_of,
    marrow_fat,
    staying_share,
    sureness_of,
    trace_finding,
)
from planner.segment.gaps.interface_rays import Edge, Interface, stem_interface
from planner.segment.trust import TrustMap

CONFIG = HipGapConfig()
RADIUS, WALL_MM, SIDE = 6.0, 3.0, 44
BONE_HU, GAP_HU = 200.0, 40.0


def _grid() -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1]
    matrix[:3, 3] = -(SIDE - 1) / 2
    return Grid((SIDE, SIDE, SIDE), matrix)


def _from_axis() -> tuple[np.ndarray, np.ndarray]:
    points = np.asarray(_grid().to_lps(np.argwhere(np.ones(_grid().shape, dtype=bool))))
    return np.hypot(points[:, 0], points[:, 1]).reshape(_grid().shape), points[:, 2].reshape(_grid().shape)


def _scene(*, filling_hu: float = GAP_HU) -> tuple[Volume, Interface]:
    """A rod along z in bone, round it a gap 3 mm wide with that in it, and its rays."""
    away, along = _from_axis()
    hu = np.full(away.shape, BONE_HU)
    hu[(away < RADIUS + WALL_MM) & (np.abs(along) < 12)] = filling_hu
    hu[(away < RADIUS) & (np.abs(along) < 18)] = 8000.0
    volume = Volume(_grid(), hu.astype(np.float32))
    bone = Mask(_grid(), away < 18)
    ends = np.array([0.0, 0.0, 18.0]), np.array([0.0, 0.0, -18.0])
    return volume, stem_interface(volume, bone, *ends, 2 * RADIUS, Edge(4000.0, 0.0), CONFIG, is_cut=True)


def _walls(interface: Interface) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gap's inner and outer edge, and the cells in the rod's middle."""
    shape = interface.metal_mm.shape
    along = interface.fan.along_mm
    cells = ((along > 10) & (along < 26) & ~interface.fan.is_tip)[:, None] & np.ones(shape, dtype=bool)
    return np.zeros(shape), np.full(shape, WALL_MM), cells


def _trust(dark_hu: float, *, trust: float = 0.95) -> TrustMap:
    """A map on which artefacts add so much as far as to the wall of the gap, half way round."""
    away, _ = _from_axis()
    points = np.asarray(_grid().to_lps(np.argwhere(np.ones(_grid().shape, dtype=bool)))).reshape(*_grid().shape, 3)
    even = np.full(_grid().shape, trust, dtype=np.float32)
    pattern = np.where((away < RADIUS + WALL_MM + 1.0) & (points[..., 0] > 0), dark_hu, 0.0).astype(np.float32)
    return TrustMap(_grid(), even, np.zeros_like(even), pattern, TrustConfig())


def _floor(trust: TrustMap | None, **scene: float) -> tuple[Floor, np.ndarray, Interface]:
    volume, interface = _scene(**scene)
    inner, outer, cells = _walls(interface)
    return floor_of(volume, interface, inner, outer, cells, trust), cells, interface


def _stays(trust: TrustMap | None, *, bone_hu: float = BONE_HU) -> float:
    floor, cells, interface = _floor(trust)
    return staying_share(floor, cells, interface.area_mm2(), bone_hu=bone_hu)


# --- how sure ---


def test_sureness_is_a_mean_by_area():
    chance = np.array([[0.9, 0.6], [0.2, 0.1]])
    cells = np.array([[True, True], [False, False]])
    assert sureness_of(chance, cells, np.array([[1.0, 1.0], [5.0, 5.0]])) == pytest.approx(0.75)
    assert sureness_of(chance, cells, np.array([[3.0, 1.0], [5.0, 5.0]])) == pytest.approx(0.825)


def test_without_a_cell_nothing_is_sure():
    assert sureness_of(np.ones((2, 2)), np.zeros((2, 2), dtype=bool), np.ones((2, 2))) == 0.0
    assert sureness_of(np.ones((2, 2)), np.ones((2, 2), dtype=bool), np.zeros((2, 2))) == 0.0


# --- where a gap is darkest ---


def test_a_floor_is_the_gap_s_own_hu_and_no_cell_s_beside_it():
    floor, cells, _ = _floor(None)
    assert np.median(floor.hu[cells]) == pytest.approx(GAP_HU, abs=5.0)
    assert np.isnan(floor.hu[~cells]).all() and np.isnan(floor.added_hu[~cells]).all()


def test_without_a_trust_map_nothing_is_added_and_all_is_readable():
    floor, cells, _ = _floor(None)
    assert not floor.added_hu[cells].any()
    assert floor.readable.all()


def test_what_is_foretold_is_read_where_the_gap_is_darkest():
    floor, cells, interface = _floor(_trust(-70.0))
    ahead = cells & (interface.points_lps(np.ones(cells.shape))[..., 0] > 2)
    behind = cells & (interface.points_lps(np.ones(cells.shape))[..., 0] < -2)
    assert floor.added_hu[ahead] == pytest.approx(-70.0, abs=1.0)
    assert floor.added_hu[behind] == pytest.approx(0.0, abs=1.0)
    assert floor.readable[cells].all()
    assert not _floor(_trust(0.0, trust=0.5))[0].readable.any()


def test_no_gap_has_no_floor():
    volume, interface = _scene()
    inner, outer, cells = _walls(interface)
    floor = floor_of(volume, interface, inner, outer, np.zeros_like(cells), _trust(-70.0))
    assert np.isnan(floor.hu).all()


# --- marrow fat ---


def test_fat_is_told_by_its_hu_and_interface_tissue_is_none():
    fat, cells, _ = _floor(None, filling_hu=-90.0)
    assert marrow_fat(fat, cells, CONFIG)[cells].mean() > 0.95
    tissue, cells, _ = _floor(None)
    assert not marrow_fat(tissue, cells, CONFIG).any()


def test_fat_is_told_in_a_gap_s_cells_alone():
    fat, cells, _ = _floor(None, filling_hu=-90.0)
    assert not marrow_fat(fat, cells, CONFIG)[~cells].any()
    assert not marrow_fat(fat, np.zeros_like(cells), CONFIG).any()


def test_where_artefacts_may_darken_nothing_is_called_fat():
    fat, cells, _ = _floor(_trust(0.0, trust=0.5), filling_hu=-90.0)
    assert not marrow_fat(fat, cells, CONFIG).any()


def test_the_noise_of_one_cell_is_no_fat():
    cells = np.ones((20, 36), dtype=bool)
    hu = np.full(cells.shape, GAP_HU)
    hu[10, 10] = -300.0
    floor = Floor(hu, np.zeros(cells.shape), cells)
    assert not marrow_fat(floor, cells, CONFIG).any()
    hu[7:14, 7:14] = -300.0
    assert marrow_fat(floor, cells, CONFIG)[10, 10]


# --- what artefacts explain ---


def test_without_foretold_artefacts_all_of_a_gap_stays():
    assert _stays(None) == 1.0
    assert _stays(_trust(0.0)) == 1.0


def test_artefacts_that_make_the_dip_explain_it_where_they_lie():
    assert _stays(_trust(-300.0)) == pytest.approx(0.5, abs=0.05), "half way round"
    assert _stays(_trust(-60.0)) == 1.0, "not up to bone"
    assert _stays(_trust(-60.0), bone_hu=80.0) == pytest.approx(0.5, abs=0.05), "up to bone that is thinner"


def test_what_brightens_a_gap_leaves_all_of_it():
    assert _stays(_trust(300.0)) == 1.0


def test_what_is_as_bright_as_bone_is_not_explained():
    assert _stays(_trust(-300.0), bone_hu=GAP_HU - 30.0) == 1.0


def test_shares_are_by_area():
    cells = np.array([[True, True]])
    floor = Floor(np.full((1, 2), 40.0), np.array([[-300.0, 0.0]]), cells)
    assert staying_share(floor, cells, np.array([[3.0, 1.0]]), bone_hu=200.0) == pytest.approx(0.25)


def test_no_cell_has_nothing_to_explain():
    cells = np.zeros((2, 2), dtype=bool)
    floor = Floor(np.full((2, 2), np.nan), np.full((2, 2), np.nan), cells)
    assert staying_share(floor, cells, np.ones((2, 2)), bone_hu=200.0) == 1.0


# --- the interval ---


def test_an_interval_holds_its_estimate_and_widens_with_doubt():
    widths = []
    for sureness in (1.0, 0.9, 0.7):
        interval = interval_of(2.0, sureness, CONFIG)
        assert interval.estimate == 2.0
        assert 0.0 < interval.low < 2.0 < interval.high
        widths.append(interval.high / interval.low)
    assert widths[0] < widths[1] < widths[2]


def test_an_interval_is_a_factor_of_the_volume():
    one, ten = interval_of(1.0, 0.85, CONFIG), interval_of(10.0, 0.85, CONFIG)
    assert ten.low == pytest.approx(10.0 * one.low)
    assert ten.high == pytest.approx(10.0 * one.high)
    assert one.low == pytest.approx(np.exp(-CONFIG.low_at_best - 0.15 * CONFIG.low_per_doubt))
    assert one.high == pytest.approx(np.exp(CONFIG.high_at_best + 0.15 * CONFIG.high_per_doubt))


# --- a trace ---


def test_a_trace_is_named_where_it_is_and_with_what_it_fell_short_of():
    record = Implant(
        id="stem-left", kind="femoral_stem", volume_ml=None, centroid_lps=(0.0, 0.0, 0.0), axis=None, bulls_eye=None,
        side="left", level=None, material="unknown", loosening=None,
    )  # fmt: skip
    finding = trace_finding(record, 0.62, (1.0, 2.0, 3.0), CONFIG)
    assert (finding.code, finding.severity, finding.implant_id) == ("trace-of-a-gap", "caution", "stem-left")
    assert finding.where_lps == (1.0, 2.0, 3.0)
    assert finding.measured == pytest.approx(0.62)
    assert finding.limit == CONFIG.least_sureness
    assert finding.measured < finding.limit
    assert "stem-left" in finding.message and "62%" in finding.message
