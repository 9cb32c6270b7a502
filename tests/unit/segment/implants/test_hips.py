"""Hip implants in scenes of plain metal whose truth is known by construction."""

import numpy as np
import pytest

from planner.config.hip_config import HipImplantConfig
from planner.errors import CancelledError
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.segment.implants.hips import segment_hips

CONFIG = HipImplantConfig()
EDGE = 1.5
SHAPE = (150, 80, 110)


def scene(side, *, flip=False):
    """A head of 16 mm radius in a shell of 27 mm, on a neck and a conical stem; x grows to the patient's left."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([EDGE] * 3)[:, ::-1]
    grid = Grid(SHAPE, matrix)
    z, y, x = np.meshgrid(*[EDGE * np.arange(n) for n in SHAPE], indexing="ij")
    lateral = 1.0 if side == "left" else -1.0
    centre = np.array([82.0 - 20 * lateral, 60.0, 180.0])
    dx, dy, dz = lateral * (x - centre[0]), y - centre[1], z - centre[2]
    far = np.sqrt(dx**2 + dy**2 + dz**2)
    metal = far < 16
    opening = np.array([np.sqrt(0.5), 0.0, -np.sqrt(0.5)])
    metal |= (far < 27) & (far > 23) & (dx * opening[0] + dz * opening[2] < 0)
    along = (dx - dz) / np.sqrt(2)
    metal |= (along > 0) & (along < 52) & (far**2 - along**2 < 6.5**2)
    shaft = np.hypot(dx - 42, dy)
    metal |= (dz < -26) & (dz > -150) & (shaft < 6 + 4 * (dz + 150) / 124)
    hu = np.where(metal, 3071, 40).astype(np.int16)
    truth = {"centre": centre, "tip": centre + np.array([42.0 * lateral, 0.0, -150.0])}
    if flip:
        matrix = grid.lps_from_index.copy()
        matrix[:3, 3] = grid.to_lps([0, SHAPE[1] - 1, SHAPE[2] - 1])
        matrix[:3, 1:3] *= -1
        return Volume(Grid(SHAPE, matrix), hu[:, ::-1, ::-1]), truth
    return Volume(grid, hu), truth


@pytest.mark.parametrize("side", ["left", "right"])
def test_parts_of_a_prosthesis(side):
    volume, truth = scene(side)
    parts = {p.record.id: p for p in segment_hips(volume, metal=None, config=CONFIG)}
    assert set(parts) == {f"stem-{side}", f"head-{side}", f"cup-{side}"}
    head, cup, stem = (parts[f"{n}-{side}"] for n in ("head", "cup", "stem"))
    assert np.linalg.norm(head.centre_lps - truth["centre"]) < 1.0
    assert np.linalg.norm(cup.centre_lps - truth["centre"]) < 1.0
    assert head.radius_mm == pytest.approx(16, abs=1)
    assert cup.radius_mm == pytest.approx(27, abs=1)
    assert np.linalg.norm(np.array(stem.record.axis.tip_lps) - truth["tip"]) < 2.0
    assert stem.record.bulls_eye.secondary_deg > 85
    assert {p.record.side for p in parts.values()} == {side}
    assert not stem.is_cut
    assert stem.record.material == "unknown" and stem.record.loosening is None and head.record.axis is None


def test_the_way_round_it_is_stored_does_not_matter():
    plain, flipped = (segment_hips(scene("left", flip=f)[0], metal=None, config=CONFIG) for f in (False, True))
    assert [p.record.id for p in plain] == [p.record.id for p in flipped]
    for a, b in zip(plain, flipped, strict=True):
        assert np.allclose(a.record.centroid_lps, b.record.centroid_lps, atol=0.5)


def test_a_stem_that_runs_out_of_the_scan_is_cut():
    volume, _ = scene("left")
    parts = segment_hips(volume.crop((45, 0, 0), SHAPE), metal=None, config=CONFIG)
    assert {p.record.kind: p.is_cut for p in parts}["femoral_stem"]
    assert not {p.record.kind: p.is_cut for p in parts}["femoral_head"]


def rods(radius_mm, *, length_mm=150.0):
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1]
    z, y, x = np.meshgrid(*[np.arange(n) for n in (180, 60, 90)], indexing="ij")
    metal = np.zeros(z.shape, dtype=bool)
    for at in (25, 65):
        metal |= (np.hypot(x - at, y - 30) < radius_mm) & (z > 12) & (z < 12 + length_mm)
    return Volume(Grid(z.shape, matrix), np.where(metal, 3071, 40).astype(np.int16))


def test_a_nail_is_found_and_rods_are_not():
    found = segment_hips(rods(5.5), metal=None, config=CONFIG)
    assert [p.record.kind for p in found] == ["nail", "nail"]
    axis = found[0].record.axis
    assert axis.length_mm == pytest.approx(149, abs=2) and axis.diameter_mm == pytest.approx(11, abs=1)
    assert found[0].record.side is None
    assert segment_hips(rods(3.0), metal=None, config=CONFIG) == ()


def test_contrast_and_small_bulky_metal_are_no_hips():
    volume = rods(6.0, length_mm=20.0)
    assert segment_hips(volume, metal=None, config=CONFIG) == ()
    contrast = Volume(volume.grid, np.where(np.asarray(rods(9.0).hu) > 1000, 600, 40).astype(np.int16))
    assert segment_hips(contrast, metal=None, config=CONFIG) == ()


class _Stop:
    def report(self, progress):
        pass

    def cancelled(self):
        return True


def test_it_can_be_stopped():
    with pytest.raises(CancelledError):
        segment_hips(rods(5.5), metal=None, config=CONFIG, monitor=_Stop())
