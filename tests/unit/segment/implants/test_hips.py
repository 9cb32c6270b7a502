"""Hip implants in scans whose truth is known by construction: metal and ceramic, clipped and not; left is left."""

from dataclasses import dataclass

import numpy as np
import pytest

from planner.config.hip_config import HipImplantConfig
from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.errors import CancelledError
from planner.geometry.frames import point_tuple, unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import angle_between_deg
from planner.model.volume import Volume
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import (
    Ball,
    Cylinder,
    Difference,
    HalfSpace,
    Intersection,
    RoundCone,
    ThreadedShaft,
    Union,
)
from planner.phantoms.tissues import ALUMINA, COBALT_CHROME, MUSCLE, POLYETHYLENE, TITANIUM
from planner.segment.implants.hips import segment_hips
from planner.segment.implants.metal import find_metal

CONFIG = HipImplantConfig()
EDGE = 1.5
SHAPE = (150, 80, 110)
HEAD_MM, CUP_MM, SHELL_MM = 14.0, 24.0, 3.5
CENTRE = np.array([4.0, -3.0, 30.0])
SCREWS = ((0.25, 0.35, 0.9), (-0.35, 0.3, 0.88))


@dataclass(frozen=True)
class Built:
    """A hip whose parts are known; `lateral` is +1 on the patient's left."""

    lateral: float
    worn: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def head(self):
        return CENTRE + np.array(self.worn) * [self.lateral, 1, 1]

    @property
    def opening(self):
        return unit([0.62 * self.lateral, -0.25, -0.74])

    @property
    def shoulder(self):
        return CENTRE + np.array([38.0 * self.lateral, 2.0, -22.0])

    @property
    def tip(self):
        return CENTRE + np.array([31.0 * self.lateral, -6.0, -112.0])

    def stem(self):
        medial = point_tuple(self.shoulder + np.array([-4.0 * self.lateral, 0, -9.0]))
        neck = RoundCone(medial, point_tuple(self.head + 6 * unit(np.array(medial) - self.head)), 6.5, 5.5)
        return Union((Cylinder(point_tuple(self.shoulder), point_tuple(self.tip), 8.5, 4.5), neck))

    def _cap(self, outer, inner):
        mouth = HalfSpace(point_tuple(CENTRE), point_tuple(self.opening))
        return Difference(Intersection((Ball(point_tuple(CENTRE), outer), mouth)), Ball(point_tuple(CENTRE), inner))

    def screw_ends(self):
        for way in SCREWS:
            axis = unit(np.array(way) * [-self.lateral, 1, 1])
            yield CENTRE + (CUP_MM - SHELL_MM / 2) * axis, CENTRE + (CUP_MM + 22) * axis

    def parts(self, *, head=COBALT_CHROME):
        yield Part("liner", self._cap(CUP_MM - SHELL_MM, HEAD_MM), POLYETHYLENE)
        yield Part("shell", self._cap(CUP_MM, CUP_MM - SHELL_MM), TITANIUM)
        for a, b in self.screw_ends():
            yield Part("screw", ThreadedShaft(point_tuple(a), point_tuple(b), 6.5, 4.6, nose_mm=6.0), TITANIUM)
        yield Part("stem", self.stem(), TITANIUM)
        yield Part("head", Ball(point_tuple(self.head), HEAD_MM), head)


def grid_round(low, high, spacing=(2.0, 0.9, 0.9)):
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(spacing[::-1])[:, ::-1]
    matrix[:3, 3] = low
    count = np.ceil((np.array(high) - low)[::-1] / spacing).astype(int) + 1
    return Grid(tuple(int(n) for n in count), matrix)


def scan(parts, lateral, *, clipped, spacing=(2.0, 0.9, 0.9), bottom=-95.0):
    x = sorted((-30.0 * lateral, 60.0 * lateral))
    grid = grid_round(np.array([x[0], -40.0, bottom]), [x[1], 40.0, 90.0], spacing)
    settings = IdealScan(seed=4, subsamples=4, hu_clipped_at=3071.0 if clipped else None)
    return ideal_scan(Scene(tuple(parts), MUSCLE), grid, settings)


def found_in(volume):
    metal = find_metal(volume, ImplantConfig()).mask
    return segment_hips(volume, metal=metal, config=CONFIG)


@pytest.mark.parametrize(("lateral", "head", "clipped"), [(1.0, ALUMINA, True), (-1.0, COBALT_CHROME, False)])
def test_all_parts_of_a_replaced_hip_are_measured(lateral, head, clipped):
    built = Built(lateral, worn=(0.4, 0.2, 1.8))
    parts = found_in(scan(built.parts(head=head), lateral, clipped=clipped))
    side = "left" if lateral > 0 else "right"
    told = {p.record.id: p for p in parts}
    names = {f"{n}-{side}" for n in ("stem", "head", "cup")} | {f"cup-screw-{side}-{k}" for k in (1, 2)}
    assert set(told) == names and {p.record.side for p in parts} == {side}
    ball, cup, stem = (told[f"{n}-{side}"].record for n in ("head", "cup", "stem"))
    assert np.linalg.norm(np.array(ball.sphere.centre_lps) - built.head) < 0.3
    assert np.linalg.norm(np.array(cup.sphere.centre_lps) - CENTRE) < 0.3
    assert ball.sphere.diameter_mm == pytest.approx(2 * HEAD_MM, abs=0.5) and ball.sphere.opening_lps is None
    assert cup.sphere.diameter_mm == pytest.approx(2 * CUP_MM, abs=0.5)
    assert angle_between_deg(cup.sphere.opening_lps, built.opening) < 2.0
    assert np.linalg.norm(np.array(stem.axis.tip_lps) - built.tip) < 1.0
    assert np.linalg.norm(np.array(stem.axis.head_lps) - built.shoulder) < 1.0
    way = np.subtract(stem.axis.tip_lps, stem.axis.head_lps)
    assert angle_between_deg(way, built.tip - built.shoulder) < 1.0
    assert stem.is_cut is False and stem.bulls_eye is not None
    shell_ml = 2 / 3 * np.pi * (CUP_MM**3 - (CUP_MM - SHELL_MM) ** 3) / 1000
    assert cup.volume_ml == pytest.approx(shell_ml, rel=0.1)
    _screws_fit([told[f"cup-screw-{side}-{k}"].record for k in (1, 2)], built)


def _screws_fit(found, built):
    for head, tip in built.screw_ends():
        nearest = min(found, key=lambda r: float(np.linalg.norm(np.array(r.axis.tip_lps) - tip)))
        assert np.linalg.norm(np.array(nearest.axis.tip_lps) - tip) < 1.0
        assert angle_between_deg(np.subtract(nearest.axis.tip_lps, nearest.axis.head_lps), tip - head) < 1.5
        assert nearest.axis.diameter_mm == pytest.approx(6.5, abs=0.6)


def test_a_stem_without_a_shaft_in_the_scan_has_no_axis_and_is_not_told():
    built = Built(1.0)
    parts = found_in(scan(built.parts(), 1.0, clipped=False, bottom=0.0))
    kinds = {p.record.kind for p in parts}
    assert "femoral_stem" not in kinds and {"femoral_head", "acetabular_cup"} <= kinds


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


def test_two_hips_in_one_scan_are_two_cases():
    left, right = (np.asarray(scene(side)[0].hu) for side in ("left", "right"))
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([EDGE] * 3)[:, ::-1]
    both = np.concatenate([right[60:], left[60:]], axis=2)  # columns run to the patient's left
    parts = segment_hips(Volume(Grid(both.shape, matrix), both), metal=None, config=CONFIG)
    assert [p.record.id for p in parts if p.record.kind == "femoral_head"] == ["head-right", "head-left"]
    assert {p.record.side for p in parts if p.record.centroid_lps[0] < EDGE * SHAPE[2]} == {"right"}
