"""The expected cement on the CT's own voxels: in files, in masks, in pictures."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.config.plan_config import PlanConfig
from planner.errors import GeometryError, SeriesError
from planner.fluoro.views import ap_view
from planner.geometry.grid import Grid
from planner.model.arrival_map import ArrivalMap
from planner.model.volume import Mask, Volume
from planner.pipeline.expected_cement import arrival_file, arrival_on, cement_on, mask_on, read_arrival, write_arrivals
from planner.pipeline.fluoroscopy.pictures import picture_of, render_view
from planner.pipeline.fluoroscopy.scene import ExpectedCement, scene_of_ct

TIP = np.array((10.0, -6.0, 104.0))
REACH_MM = 9.0


def _grid(shape, spacing, origin, *, turn_deg=0.0, uid=None):
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.array([[0, 0, spacing[2]], [0, spacing[1], 0], [spacing[0], 0, 0]])
    matrix[:3, 3] = origin
    return Grid(shape, matrix, uid)


def _rising(grid):
    """Cement that spreads as a ball: at r mm after r / 4 mL."""
    places = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    away = np.linalg.norm(places - TIP, axis=-1)
    return ArrivalMap("gap-1", grid, np.where(away < REACH_MM, away / 4.0, np.inf).astype(np.float32))


WORKING = _grid((40, 40, 40), (0.8, 0.8, 0.8), (-2.0, -22.0, 90.0), turn_deg=17.0, uid="1.2")
CTS = [
    _grid((60, 120, 130), (1.25, 0.5, 0.5), (-30.0, -40.0, 60.0), uid="1.2"),
    _grid((60, 120, 130), (-1.25, 0.5, -0.5), (35.0, -40.0, 135.0), uid="1.2"),
]


@pytest.mark.parametrize("ct", CTS)
def test_files_tell_on_the_ct_when_cement_arrives(tmp_path, ct) -> None:
    write_arrivals([_rising(WORKING)], ct, tmp_path)
    back = read_arrival(tmp_path, "gap-1")
    assert back is not None and back.gap_id == "gap-1"
    # the CT's own voxels, cut
    start = np.asarray(ct.to_index(back.grid.to_lps((0, 0, 0))))
    assert np.allclose(start, np.rint(start), atol=1e-3) and np.allclose(back.grid.spacing_mm, ct.spacing_mm, atol=1e-4)
    places = np.asarray(back.grid.to_lps(np.moveaxis(np.indices(back.grid.shape), 0, -1)))
    away = np.linalg.norm(places - TIP, axis=-1)
    reached = np.isfinite(back.injected_ml)
    assert np.abs(back.injected_ml[reached] - away[reached] / 4.0).max() < 0.2
    assert reached[away < REACH_MM - 0.8].all() and not reached[away > REACH_MM + 0.8].any()
    (tmp_path / "again").mkdir()
    write_arrivals([_rising(WORKING)], ct, tmp_path / "again")
    assert arrival_file(tmp_path, "gap-1").read_bytes() == arrival_file(tmp_path / "again", "gap-1").read_bytes()


def test_without_cement_there_is_no_file(tmp_path) -> None:
    nothing = ArrivalMap("gap-1", WORKING, np.full(WORKING.shape, np.inf, np.float32))
    far = _grid((8, 8, 8), (1.0, 1.0, 1.0), (300.0, 300.0, 300.0), uid="1.2")
    write_arrivals([nothing], CTS[0], tmp_path)
    write_arrivals([_rising(WORKING)], far, tmp_path)
    assert list(tmp_path.iterdir()) == [] and read_arrival(tmp_path, "gap-1") is None
    arrival_file(tmp_path, "gap-1").parent.mkdir()
    arrival_file(tmp_path, "gap-1").write_bytes(b"no NIfTI")
    with pytest.raises(SeriesError):
        read_arrival(tmp_path, "gap-1")


@pytest.mark.parametrize("ct", CTS)
def test_cement_has_the_same_volume_on_every_grid(ct) -> None:
    arrival = _rising(WORKING)
    for ml in (0.8, 1.6, 99.0):
        mask = cement_on(arrival, ml, ct)
        assert mask.grid is ct
        radius = min(4.0 * ml, REACH_MM)
        assert mask.volume_ml == pytest.approx(4.0 / 3.0 * np.pi * radius**3 / 1000.0, rel=0.05)
        middle = np.asarray(ct.to_lps(np.argwhere(mask.voxels))).mean(axis=0)
        assert np.linalg.norm(middle - TIP) < 0.3
    assert not cement_on(arrival, 0.0, ct).voxels.any()
    other = replace(ct, frame_of_reference_uid="9.9")
    with pytest.raises(GeometryError, match="frame of reference"):
        arrival_on(arrival, other)
    with pytest.raises(GeometryError, match="frame of reference"):
        mask_on(arrival.cement_at(1.0), other)


@pytest.fixture(scope="module")
def body():
    ct = _grid((70, 60, 60), (2.0, 2.0, 2.0), (-55.0, -65.0, 35.0), uid="1.2")
    places = np.asarray(ct.to_lps(np.moveaxis(np.indices(ct.shape), 0, -1)))
    inside = np.hypot(places[..., 0] / 50.0, (places[..., 1] + 5.0) / 45.0) < 1.0
    return Volume(ct, np.where(inside, 40, -1000).astype(np.int16))


def test_the_clean_picture_holds_the_cement_and_the_layer_its_outline(body) -> None:
    config = PlanConfig(fluoroscopy=FluoroConfig(rows=96, columns=96, pixel_mm=3.0))
    carm = ap_view(tuple(TIP), config=config.fluoroscopy)
    seen = {}
    for ml in (None, 0.8, 1.6):
        cement = None if ml is None else ExpectedCement(cement_on(_rising(WORKING), ml, body.grid), ml)
        scene = scene_of_ct(body, config, expected=cement)
        seen[ml] = picture_of(scene, carm, config.fluoroscopy)
    none, little, much = (seen[ml].radiograph.attenuation for ml in (None, 0.8, 1.6))
    assert (little - none).max() > 0.05 and np.count_nonzero(much - none > 0.05) > np.count_nonzero(
        little - none > 0.05
    )
    assert np.abs(little - none)[:20].max() < 1e-4
    names = {ml: [layer.name for layer in picture.layers] for ml, picture in seen.items()}
    assert "cement at 1.6 mL" in names[1.6] and not any("cement" in name for name in names[None])
    astray = ExpectedCement(Mask(WORKING, np.ones(WORKING.shape, bool)), 1.0)
    with pytest.raises(GeometryError):
        scene_of_ct(body, config, expected=astray)


def test_a_script_adds_cement_from_its_own_grid(body) -> None:
    config = FluoroConfig(rows=96, columns=96, pixel_mm=3.0)
    carm = ap_view(tuple(TIP), config=config)
    plain = render_view(body, carm, config=config).attenuation
    mine = render_view(body, carm, cement=_rising(WORKING).cement_at(1.6), config=config).attenuation
    onto = render_view(body, carm, cement=cement_on(_rising(WORKING), 1.6, body.grid), config=config).attenuation
    assert (mine - plain).max() > 0.05 and np.abs(mine - onto).max() < 0.6 * (mine - plain).max()
