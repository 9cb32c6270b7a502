"""Gas and fluid round spinal implants: found where they are, and not where streaks, lung or nothing is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.config.spine_pocket_config import SpinePocketConfig
from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Bone, Disc
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.vertebrae import SpineBones
from planner.segment.candidacy.spine_pockets import SpinePockets, SpineScene, find_spine_pockets

EDGE_MM = 1.0
SHAPE = (70, 100, 110)
GRID = Grid(SHAPE, np.array([[0, 0, 1.0, -55.0], [0, 1.0, 0, -35.0], [1.0, 0, 0, -35.0], [0, 0, 0, 1.0]]))
X, Y, Z = np.moveaxis(np.asarray(GRID.to_lps(np.moveaxis(np.indices(SHAPE), 0, -1))), -1, 0)
UPPER = (np.abs(X) < 20) & (np.abs(Y) < 15) & (Z > 4) & (Z < 30)
LOWER = (np.abs(X) < 20) & (np.abs(Y) < 15) & (Z < -4) & (Z > -30)
DISC = (np.abs(X) < 20) & (np.abs(Y) < 15) & (np.abs(Z) <= 4)
CANAL = np.hypot(X, Y - 24) < 8
METAL = np.hypot(X - 30, Y - 34) < 3
IN_DISC, IN_BONE, IN_CANAL, BEHIND, BEFORE = (0, 0, 0), (-6, 0, 17), (0, 24, 5), (6, 48, 4), (0, -26, 0)


def _mask(voxels: np.ndarray) -> Mask:
    return Mask(GRID, np.array(voxels))


def _ball(at: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    return np.asarray((X - at[0]) ** 2 + (Y - at[1]) ** 2 + (Z - at[2]) ** 2 < radius_mm**2)


def _spine() -> SpineBones:
    bones = (Bone("vertebra-1", "vertebra", _mask(UPPER)), Bone("vertebra-2", "vertebra", _mask(LOWER)))
    unused: object = None
    labels = (UPPER * 1 + LOWER * 2).astype(np.int16)
    discs = (Disc("vertebra-1", "vertebra-2", _mask(DISC)),)
    return SpineBones(bones, labels, (), discs, (), unused, unused)  # type: ignore[arg-type]


def _hu() -> np.ndarray:
    hu = np.full(SHAPE, 55.0)
    hu[UPPER | LOWER] = 150.0
    hu[METAL] = 8000.0
    return hu


def _found(
    hu: np.ndarray,
    *,
    spine: SpineBones | None = None,
    lung: np.ndarray | None = None,
    config: SpinePocketConfig | None = None,
) -> SpinePockets:
    noisy = ndi.gaussian_filter(hu, 0.5) + np.random.default_rng(3).normal(0.0, 8.0, SHAPE)
    scene = SpineScene(
        ct=Volume(GRID, noisy.astype(np.float32)),
        spine=_spine() if spine is None else spine,
        metal=_mask(METAL),
        bone=_mask(UPPER | LOWER),
        body=_mask(Y < 60),
        canal=_mask(CANAL),
        implants_lps=points_lps([[-30.0, 0.0, -25.0], [33.0, 37.0, 25.0]]),
        lung=_mask(np.zeros(SHAPE, dtype=bool) if lung is None else lung),
    )
    return find_spine_pockets(scene, config=SpinePocketConfig(reach_mm=60.0) if config is None else config)


def _with_gas(at: tuple[float, float, float], radius_mm: float = 4.0) -> np.ndarray:
    return np.where(_ball(at, radius_mm), -950.0, _hu())


@pytest.mark.parametrize(
    ("at", "place", "beside"),
    [
        (IN_DISC, "disc", ("vertebra-1", "vertebra-2")),
        (IN_BONE, "bone", ("vertebra-1",)),
        (IN_CANAL, "spinal canal", ()),
        (BEHIND, "soft tissue", ()),
    ],
)
def test_gas_is_found_with_its_volume_and_place(at, place, beside):
    (one,) = _found(_with_gas(at)).pockets
    assert (one.pocket.kind, one.place, one.beside) == ("gas", place, beside)
    assert one.pocket.volume_ml == pytest.approx(4 / 3 * np.pi * 0.4**3, rel=0.25)
    np.testing.assert_allclose(one.pocket.centre_lps, at, atol=0.7)


def test_between_the_arches_of_two_vertebrae_it_lies_in_their_joint():
    near = np.hypot(X + 16, Y - 30) < 6
    labels = (near & (Z > 2) & (Z < 20)).astype(np.int16) + 2 * (near & (Z < -2)).astype(np.int16)
    (one,) = _found(_with_gas((-16, 30, 0), 3.0), spine=replace(_spine(), labels=labels)).pockets
    assert one.place == "facet joint" and one.beside == ("vertebra-1", "vertebra-2")


def test_none_is_found_where_there_is_none_or_it_lies_before_the_spine():
    assert _found(_hu()).pockets == ()
    assert _found(_with_gas(BEFORE)).pockets == ()


def test_dark_streaks_with_bright_ones_beside_them_are_no_gas():
    hu = _with_gas(BEHIND)
    hu[(np.abs(Z - BEHIND[2]) < 4) & (np.abs(X - 12) < 1.5) & (Y > 40) & (Y < 58)] = 700.0
    found = _found(hu)
    assert found.pockets == () and len(found.doubted) == 1


def test_what_shares_its_slices_with_dark_streaks_is_not_told_and_what_does_not_is():
    hu = _with_gas((-12, 48, BEHIND[2]))
    hu[_ball((14, 48, BEHIND[2]), 4.0) | _ball((-12, 48, BEHIND[2] - 18), 4.0)] = -950.0
    hu[(np.abs(Z - BEHIND[2]) < 4) & (np.abs(X - 20) < 1.5) & (Y > 40) & (Y < 58)] = 700.0
    found = _found(hu)
    assert len(found.doubted) == 2 and len(found.pockets) == 1
    assert found.pockets[0].pocket.centre_lps[2] == pytest.approx(BEHIND[2] - 18, abs=1.0)


def test_what_is_nowhere_as_dark_as_gas_is_a_streak():
    assert _found(np.where(_ball(BEHIND, 4.0), -500.0, _hu())).pockets == ()


def test_lung_and_what_lies_on_it_is_no_pocket():
    lung = (X < -30) & (Y > 20)
    hu = np.where(lung, -850.0, _with_gas((-27, 40, 0), 2.5))
    assert _found(hu, lung=lung).pockets == ()
    assert len(_found(_with_gas((-27, 40, 0), 4.0)).pockets) == 1


def test_fluid_behind_is_found_and_thin_fluid_is_not():
    pool = _ball((-16, 44, 0), 16.0) & (Y > 34)
    (one,) = _found(np.where(pool, 8.0, _hu())).pockets
    assert (one.pocket.kind, one.place) == ("fluid", "soft tissue")
    in_reach = np.count_nonzero(pool & (Y < 60 - 6)) / 1000.0
    assert one.pocket.volume_ml == pytest.approx(in_reach, rel=0.4)
    assert _found(np.where(_ball((-12, 46, 0), 4.0), 8.0, _hu())).pockets == ()


def test_it_is_told_how_much_could_be_read():
    near = _found(_hu(), config=SpinePocketConfig(reach_mm=14.0)).read_share
    assert near < 0.6 < _found(_hu()).read_share
