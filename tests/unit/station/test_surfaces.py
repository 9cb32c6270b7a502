import numpy as np
import pytest

from planner.config.surface_config import SurfaceConfig
from planner.errors import CancelledError
from planner.geometry.grid import Grid
from planner.model.labels import LabelMap, Structure
from planner.progress import Progress
from planner.station.surfaces import BONE_ID, far_first, needle_surface, surfaces_of, tube


def volume_mm3(points, triangles):
    """Signed: positive where triangles are counter-clockwise seen from outside."""
    middle = points.mean(axis=0)
    a, b, c = (points[triangles[:, k]] - middle for k in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


def labelled(radius_mm=9.0):
    """A ball of gap in a block of bone, oblique in the patient; the implant's code is used by no voxel."""
    turn = np.deg2rad(20.0)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[0, np.sin(turn), -np.cos(turn)], [0, np.cos(turn), np.sin(turn)], [0.7, 0, 0]])
    matrix[:3, 3] = (30.0, -12.0, 900.0)
    grid = Grid((60, 50, 48), matrix)
    where = np.moveaxis(np.indices(grid.shape), 0, -1)
    middle = np.array([30.0, 25.0, 24.0])
    far = np.linalg.norm((where - middle) * grid.spacing_mm, axis=-1)
    codes = np.zeros(grid.shape, np.uint8)
    codes[8:52, 8:42, 8:40] = 3
    codes[far < radius_mm] = 2
    structures = (
        Structure(code=1, kind="implant", id="screw-1"),
        Structure(code=2, kind="gap", id="gap-1"),
        Structure(code=3, kind="bone", id="vertebra-1"),
        Structure(code=4, kind="disc", id="discs"),
    )
    return LabelMap(grid, codes, structures), np.asarray(grid.to_lps(middle))


def test_structures_become_closed_surfaces_where_they_are(plan):
    labels, middle = labelled()
    made = {surface.id: surface for surface in surfaces_of(plan, labels)}
    assert set(made) == {"gap-1", BONE_ID, "trajectory-1", "trajectory-2"}, "no surface without a voxel, none of discs"
    ball = made["gap-1"]
    assert ball.kind == "gap"
    np.testing.assert_allclose(ball.points_lps.mean(axis=0), middle, atol=0.2)
    counted = float((labels.codes == 2).sum()) * 0.7
    assert volume_mm3(ball.points_lps, ball.triangles) == pytest.approx(counted, rel=0.02)
    block = float(np.isin(labels.codes, (2, 3)).sum()) * 0.7
    bone = made[BONE_ID]
    assert volume_mm3(bone.points_lps, bone.triangles) == pytest.approx(block, rel=0.02), (
        "the gap is no hole in the bone"
    )


def test_fewer_triangles_keep_the_shape(plan):
    labels, middle = labelled()
    fine = next(s for s in surfaces_of(plan, labels) if s.id == "gap-1")
    coarse = next(
        s for s in surfaces_of(plan, labels, config=SurfaceConfig(structure_triangles=400)) if s.id == "gap-1"
    )
    assert len(coarse.triangles) <= 400 < len(fine.triangles)
    whole = volume_mm3(fine.points_lps, fine.triangles)
    assert volume_mm3(coarse.points_lps, coarse.triangles) == pytest.approx(whole, rel=0.01)
    np.testing.assert_allclose(np.linalg.norm(coarse.points_lps - middle, axis=1), 9.0, atol=0.8)


def test_without_labels_there_are_only_needles(plan):
    assert [surface.id for surface in surfaces_of(plan, None)] == ["trajectory-1", "trajectory-2"]


def test_a_tube_has_its_width_and_is_closed():
    points, triangles = tube(((0, 0, 0), (0, 0, 40.0)), diameter_mm=3.0, sides=48)
    assert np.hypot(points[:, 0], points[:, 1]).max() == pytest.approx(1.5, abs=1e-6)
    assert (points[:, 2].min(), points[:, 2].max()) == pytest.approx((0.0, 40.0))
    assert volume_mm3(points, triangles) == pytest.approx(np.pi * 1.5**2 * 40.0, rel=0.01)


def test_a_path_without_length_is_no_tube():
    with pytest.raises(ValueError, match="some length"):
        tube(((1, 2, 3), (1, 2, 3)), diameter_mm=2.0, sides=8)


def test_a_needle_is_drawn_along_its_bend(plan):
    surface = needle_surface(plan.trajectories[1])
    points = surface.points_lps

    def near(place):
        return np.linalg.norm(points - np.asarray(place), axis=1).min()

    assert near((140.0, 30.0, 10.0)) < 1.1, "the corner"
    assert near((150.0, 30.0, 10.0)) < 1.7, "the tip behind it"
    straight_on = (145.0, 55.0, 10.0)  # on the way from the skin to the tip as the crow flies
    assert near(straight_on) > 2.0
    # the tube's own corners between skin and bone stand off its axis by half its width
    shaft = points[(points[:, 1] > 79.0) & (np.hypot(points[:, 0] - 140.0, points[:, 2] - 10.0) < 1.5)]
    assert np.hypot(shaft[:, 0] - 140.0, shaft[:, 2] - 10.0).max() == pytest.approx(1.0, abs=1e-6)


def test_no_mark_where_the_skin_is_not_in_the_picture(plan):
    way = plan.trajectories[0]
    inside = way.model_copy(update={"entry_skin_lps": None, "path_lps": way.path_lps[1:]})
    with_skin, without = needle_surface(way).points_lps, needle_surface(inside).points_lps
    across = [np.hypot(p[:, 0] - 100.0, p[:, 2] - 10.0) for p in (with_skin, without)]
    assert across[0].max() == pytest.approx(4.5, abs=0.1), "the disc at the skin"
    assert across[1].max() == pytest.approx(2.5, abs=0.1), "only that at the bone"
    assert without[:, 1].max() < 51.0


def test_far_triangles_are_drawn_first(plan):
    labels, _ = labelled()
    bone = next(s for s in surfaces_of(plan, labels) if s.id == BONE_ID)
    for eye in ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)):
        turned = far_first(bone, eye)
        near = turned.points_lps[turned.triangles].mean(axis=1) @ np.asarray(eye)
        assert (np.diff(near) >= -1e-9).all()
        assert sorted(map(tuple, turned.triangles)) == sorted(map(tuple, bone.triangles))


class _Stopped:
    def report(self, progress: Progress) -> None:
        pass

    def cancelled(self) -> bool:
        return True


def test_it_can_be_stopped(plan):
    labels, _ = labelled()
    with pytest.raises(CancelledError):
        surfaces_of(plan, labels, monitor=_Stopped())
