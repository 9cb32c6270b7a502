"""Gas and fluid round a hip implant."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.candidacy_config import InfectionConfig
from planner.config.trust_config import TrustConfig
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.candidacy.gas_collections import Pocket, find_pockets, infection_findings, muscle_hu, readable
from planner.segment.candidacy.hip_not_told import infection_not_told
from planner.segment.trust import TrustMap
from tests.unit.segment.candidacy.socket import CUP, GRID, joint, points

_BESIDE = np.add(CUP, [34.0, 0.0, 10.0])


def _pockets(
    hu: float, *, at: Array = _BESIDE, radius_mm: float = 8.0, muscle: float = 58.0, body: bool = True
) -> tuple[Pocket, ...]:
    here = points()
    values = np.full(GRID.shape, muscle, dtype=np.float32)
    values += np.random.default_rng(0).normal(0.0, 8.0, GRID.shape).astype(np.float32)
    values[np.linalg.norm(here - at, axis=-1) < radius_mm] = hu
    metal = np.linalg.norm(here - CUP, axis=-1) < 14.0
    values[metal] = 8000.0
    inside = Mask(GRID, here[..., 0] < CUP[0] + 56.0)
    return find_pockets(
        joint(),
        ct=Volume(GRID, values),
        metal=Mask(GRID, metal),
        bone=Mask(GRID, np.zeros(GRID.shape, dtype=bool)),
        body=inside if body else None,
    )


def test_a_bubble_is_found_with_its_volume() -> None:
    (found,) = _pockets(-950.0)
    assert found.kind == "gas"
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * 0.8**3, rel=0.2)
    np.testing.assert_allclose(found.centre_lps, _BESIDE, atol=1.0)
    codes = [f.code for f in infection_findings((found,), joint=joint())]
    assert codes == ["gas-near-implant", "infection-not-ruled-out"]


def test_fluid_in_muscle_is_found_where_it_is_thick() -> None:
    (found,) = _pockets(8.0, radius_mm=14.0)
    assert found.kind == "fluid"
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * 1.4**3, rel=0.35)
    codes = [f.code for f in infection_findings((found,), joint=joint())]
    assert codes == ["collection-near-implant", "infection-not-ruled-out"]
    assert _pockets(8.0, radius_mm=4.0) == ()


def test_in_fatty_muscle_no_fluid_is_told() -> None:
    assert _pockets(5.0, radius_mm=14.0, muscle=20.0) == ()


def test_a_streak_that_is_not_as_dark_as_gas_is_left_out() -> None:
    assert _pockets(-480.0) == ()


def test_bowel_inside_of_the_pelvis_air_at_the_skin_and_far_gas_are_left_out() -> None:
    assert _pockets(-950.0, at=CUP - [40.0, 0.0, 0.0]) == ()
    assert _pockets(-950.0, at=np.add(CUP, [54.0, 0.0, 0.0]), radius_mm=3.0) == ()
    assert _pockets(-950.0, at=np.add(CUP, [36.0, 46.0, 40.0]), radius_mm=5.0) == ()


def test_gas_too_large_to_be_judged_is_no_sign_of_infection_but_is_told() -> None:
    found = _pockets(-950.0)
    small = InfectionConfig(most_gas_ml=1.0)
    assert [f.code for f in infection_findings(found, joint=joint(), config=small)] == ["infection-not-ruled-out"]
    body = found[0].mask
    (said,) = infection_not_told(body, found, config=small)
    assert "2 mL of gas" in said and "bowel" in said
    assert infection_not_told(body, found, config=InfectionConfig()) == ()
    assert infection_not_told(body, [replace(p, kind="fluid") for p in found], config=small) == ()


def test_without_a_skin_nothing_is_looked_for() -> None:
    assert _pockets(-950.0, body=False) == ()


def test_the_reminder_comes_without_any_sign() -> None:
    (said,) = infection_findings((), joint=replace(joint(), side="right"))
    assert (said.code, said.severity) == ("infection-not-ruled-out", "info")
    assert "biopsy" in said.message and "right" in said.message


def test_muscle_is_read_beside_fat() -> None:
    rng = np.random.default_rng(1)
    hu = np.concatenate([rng.normal(-100.0, 10.0, 4000), rng.normal(56.0, 6.0, 2000)]).astype(np.float32)[None, None]
    assert muscle_hu(hu, np.ones(hu.shape, dtype=bool)) == pytest.approx(56.0, abs=4.0)
    assert muscle_hu(hu, np.zeros(hu.shape, dtype=bool)) is None


def test_what_is_readable_slice_by_slice_is_what_it_is_place_by_place() -> None:
    rng = np.random.default_rng(1)
    grid = Grid((6, 9, 8), np.array([[0, 0, 1.5, 3], [0, 1.2, 0, -4], [2.0, 0, 0, 5], [0, 0, 0, 1]]))
    coarse = Grid((3, 4, 4), np.array([[0, 0, 3.0, 4], [0, 3.0, 0, -3], [4.0, 0, 0, 6], [0, 0, 0, 1]]))
    trust = TrustMap(
        coarse,
        rng.random(coarse.shape).astype(np.float32),
        np.zeros(coarse.shape, np.float32),
        rng.normal(0.0, 60.0, coarse.shape).astype(np.float32),
        TrustConfig(),
    )
    config = InfectionConfig()
    where = rng.random(grid.shape) < 0.7
    where[2] = False
    expected = np.zeros_like(where)
    for cell in np.argwhere(where):
        point = np.asarray(grid.to_lps(cell))[None]
        clear = trust.trust_at(point)[0] >= config.least_trust
        expected[tuple(cell)] = clear and trust.pattern_at(point)[0] > -config.most_pattern_hu
    np.testing.assert_array_equal(readable(where, trust, grid, config), expected)
    assert 0 < expected.sum() < where.sum()
    assert not readable(np.zeros_like(where), trust, grid, config).any()
