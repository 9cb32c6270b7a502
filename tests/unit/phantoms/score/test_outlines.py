"""Outlines against true ones: a perfect one, one that is shifted, one that is shared, and none."""

import numpy as np
import numpy.typing as npt
import pytest

from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.labels import Structure
from planner.model.volume import Mask
from planner.phantoms.score.known_case import KnownCase, known_case
from planner.phantoms.score.outlines import View, mask_on, score_bones, score_canal, score_discs, view_of
from planner.phantoms.solids.basic import Ball
from planner.phantoms.solids.raster import rasterise
from planner.phantoms.truth.document import AnatomyTruth, TruthDocument

X, Y, Z = np.arange(-20.0, 20.0), np.arange(-10.0, 30.0), np.arange(0.0, 50.0)
z, y, x = np.meshgrid(Z, Y, X, indexing="ij")
BODIES = (np.abs(x) <= 12) & (y >= -5) & (y <= 10)
UPPER, LOWER, BETWEEN = (BODIES & (z >= a) & (z <= b) for a, b in ((28, 44), (4, 20), (21, 27)))
MASS = (np.abs(x) > 14) & (y >= 0) & (z >= 10)
CANAL = np.hypot(x, y - 20.0) <= 6.0
METAL = (np.abs(x - 5) <= 2) & (np.abs(z - 36) <= 2) & (y >= 0)
STRUCTURES = tuple(
    Structure(code=n, kind=kind, id=name)
    for n, (kind, name) in enumerate(
        (("bone", "vertebra-a"), ("bone", "vertebra-b"), ("disc", "disc-a"), ("canal", "canal"), ("implant", "screw")),
        start=1,
    )
)


def _truth() -> AnatomyTruth:
    return AnatomyTruth.model_validate({
        "bones": [
            {"name": "fusion-mass-1", "kind": "other", "code": 1},
            {"name": "vertebra-1", "kind": "vertebra", "code": 2, "level": "L1"},
            {"name": "vertebra-2", "kind": "vertebra", "code": 3, "level": "L2"},
        ],
        "discs": [{"above": "vertebra-1", "below": "vertebra-2", "code": 1}],
    })  # fmt: skip


@pytest.fixture(scope="module")
def known() -> KnownCase:
    bones = np.select([UPPER, LOWER, MASS], [2, 3, 1], 0).astype(np.uint8)
    nothing = np.zeros(bones.shape, dtype=np.uint8)
    arrays = {
        "x": X, "y": Y, "z": Z, "label": nothing, "breach": nothing, "metal": METAL, "env": bones > 0,
        "body": np.ones(bones.shape, bool), "forbidden": nothing > 0, "bones": bones, "discs": BETWEEN.astype(np.uint8),
        "canal": CANAL,
    }  # fmt: skip
    document = TruthDocument(implants=(), gaps=(), breaches=(), anatomy=_truth())
    return known_case(document, arrays)


def _codes(upper: npt.NDArray[np.bool_] = UPPER, canal: npt.NDArray[np.bool_] = CANAL) -> npt.NDArray[np.uint8]:
    return np.select([METAL, canal, BETWEEN, upper, LOWER], [5, 4, 3, 1, 2], 0).astype(np.uint8)


def _view(known: KnownCase, codes: npt.NDArray[np.uint8], scanned: Grid | None = None) -> View:
    view = view_of(known, codes, STRUCTURES, scanned or known.grid)
    assert view is not None
    return view


def _bones(known: KnownCase, *masks: npt.NDArray[np.bool_]) -> list[Bone]:
    return [Bone(f"vertebra-{n}", "vertebra", Mask(known.grid, m)) for n, m in enumerate(masks, start=7)]


def test_a_perfect_label_map_is_right_in_everything(known: KnownCase) -> None:
    codes = _codes()
    view, truth = _view(known, codes), _truth()
    bones = score_bones(truth, view, bones=None, codes=codes, structures=STRUCTURES, grid=known.grid)
    assert [(b.name, b.level, b.found, b.dice) for b in bones] == [
        ("vertebra-1", "L1", "vertebra-a", 1.0),
        ("vertebra-2", "L2", "vertebra-b", 1.0),
    ]
    (disc,) = score_discs(truth, view, discs=None, codes=codes, structures=STRUCTURES, case=known)
    assert (disc.found, disc.dice, disc.true_ml) == ("disc-a", 1.0, pytest.approx(BETWEEN.sum() / 1000.0))
    canal = score_canal(view, canal=None, codes=codes, structures=STRUCTURES, grid=known.grid)
    assert canal is not None
    assert (canal.missed, canal.missed_mm, canal.excess_ml) == (0.0, 0.0, 0.0)


def test_records_are_envelopes_and_judged_with_the_implants_in_them(known: KnownCase) -> None:
    view = _view(known, _codes())
    told = {"codes": _codes(), "structures": STRUCTURES, "grid": known.grid}
    whole, _ = score_bones(_truth(), view, bones=_bones(known, UPPER, LOWER), **told)
    assert (whole.found, whole.dice) == ("vertebra-7", 1.0)
    open_, _ = score_bones(_truth(), view, bones=_bones(known, UPPER & ~METAL, LOWER), **told)
    assert open_.dice is not None
    assert open_.dice < 0.99


def test_a_shifted_outline_loses_what_it_should(known: KnownCase) -> None:
    moved = np.roll(UPPER, 4, axis=2)
    first, second = score_bones(
        _truth(), _view(known, _codes()), bones=_bones(known, moved, LOWER), codes=_codes(), structures=STRUCTURES,
        grid=known.grid,
    )  # fmt: skip
    # 4 of 25 columns lie outside; what of them lies in the fusion mass belongs to nobody.
    assert first.dice == pytest.approx(21.0 / 25.0, abs=0.03)
    assert second.dice == 1.0


def test_one_outline_over_two_bones_is_one_bones_only(known: KnownCase) -> None:
    both = score_bones(
        _truth(), _view(known, _codes()), bones=_bones(known, UPPER | LOWER), codes=_codes(), structures=STRUCTURES,
        grid=known.grid,
    )  # fmt: skip
    assert sorted(b.found or "" for b in both) == ["", "vertebra-7"]
    assert {b.dice is None for b in both} == {True, False}


def test_a_fusion_mass_is_nobodys(known: KnownCase) -> None:
    view = _view(known, _codes())
    bones = _bones(known, UPPER | (MASS & (z > 24)), LOWER)
    first, _ = score_bones(_truth(), view, bones=bones, codes=_codes(), structures=STRUCTURES, grid=known.grid)
    assert first.dice == 1.0


def test_nothing_found_is_no_nought(known: KnownCase) -> None:
    empty = np.zeros(known.grid.shape, np.uint8)
    view = _view(known, empty)
    told = {"codes": empty, "structures": STRUCTURES}
    assert [b.dice for b in score_bones(_truth(), view, bones=None, grid=known.grid, **told)] == [None, None]
    assert [d.dice for d in score_discs(_truth(), view, discs=[], case=known, **told)] == [None]
    canal = score_canal(view, canal=None, grid=known.grid, **told)
    assert canal is not None
    assert (canal.missed, canal.missed_mm) == (1.0, None)


def test_a_cut_canal_says_how_deep(known: KnownCase) -> None:
    told = {"structures": STRUCTURES, "grid": known.grid}
    for reach, depth in ((5.0, 1.0), (3.0, 3.0)):
        codes = _codes(canal=np.hypot(x, y - 20.0) <= reach)
        canal = score_canal(_view(known, codes), canal=None, codes=codes, **told)
        assert canal is not None
        assert canal.missed_mm == pytest.approx(depth, abs=0.5)
        assert canal.missed == pytest.approx(1.0 - (reach / 6.0) ** 2, abs=0.07)
    wide = np.hypot(x, y - 18.0) <= 9.0
    canal = score_canal(_view(known, _codes()), canal=Mask(known.grid, wide), codes=_codes(), **told)
    assert canal is not None
    assert (canal.missed, canal.excess_ml) == (
        0.0,
        pytest.approx((wide & (UPPER | LOWER | MASS)).sum() / 1000.0, rel=0.02),
    )


def test_what_the_ct_does_not_show_is_not_judged(known: KnownCase) -> None:
    upper_half = known.grid.crop((24, 0, 0), known.grid.shape)
    view = _view(known, _codes(), upper_half)
    found = score_bones(_truth(), view, bones=None, codes=_codes(), structures=STRUCTURES, grid=known.grid)
    assert [b.name for b in found] == ["vertebra-1"]


def test_a_truth_that_does_not_tell_bones_apart_is_not_judged(known: KnownCase) -> None:
    bare = known_case(
        known.document,
        {name: getattr(known, name) for name in ("label", "metal", "env", "breach", "body", "forbidden")}
        | {"x": X, "y": Y, "z": Z},
    )
    assert view_of(bare, _codes(), STRUCTURES, known.grid) is None


def test_no_canal_in_view_is_not_judged(known: KnownCase) -> None:
    view = _view(known, _codes())
    bare = View(view.bones, view.discs, None, view.judged, view.overlaid)
    assert score_canal(bare, canal=None, codes=_codes(), structures=STRUCTURES, grid=known.grid) is None


def test_a_mask_keeps_its_place_on_another_grid(known: KnownCase) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([0.5, 0.5, 2.0])[:, ::-1]
    matrix[:3, 3] = (-15.0, -8.0, 3.0)
    fine = Grid((21, 60, 70), matrix)
    ball = rasterise(Ball((2.0, 5.0, 22.0), 9.0), fine)
    moved = mask_on(Mask(fine, ball), known.grid)
    centre = np.asarray(known.grid.to_lps(np.argwhere(moved))).mean(axis=0)
    assert centre == pytest.approx((2.0, 5.0, 22.0), abs=0.2)
    assert moved.sum() == pytest.approx(4.0 / 3.0 * np.pi * 9.0**3, rel=0.06)
    assert not mask_on(Mask(fine, np.zeros(fine.shape, bool)), known.grid).any()
    assert not mask_on(Mask(fine, np.ones(fine.shape, bool)), known.grid.crop((45, 0, 30), (50, 5, 40))).any()


def test_a_grid_half_a_voxel_aside_hardly_changes_a_mask(known: KnownCase) -> None:
    matrix = known.grid.lps_from_index.copy()
    matrix[:3, 3] += 0.5
    aside = Grid(known.grid.shape, matrix)
    ball = Ball((2.3, 8.1, 22.2), 8.0)
    moved, true = mask_on(Mask(aside, rasterise(ball, aside)), known.grid), rasterise(ball, known.grid)
    assert 2.0 * (moved & true).sum() / (moved.sum() + true.sum()) > 0.95
    assert moved.sum() == pytest.approx(true.sum(), rel=0.08)
