"""Drawn spines: the same for the same seed, without collisions, with the defects that were asked for."""

import numpy as np
import pytest

from planner.errors import UsageError
from planner.geometry.frames import PointsLps
from planner.phantoms import design, draw
from planner.phantoms.solids.basic import Union
from planner.phantoms.solids.raster import contains
from planner.phantoms.spine.draw import ALTERED, DEFECTS, draw_spine
from planner.phantoms.spine.hardware.placed import Hardware
from planner.phantoms.spine.patient.column import column_of


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    assert draw_spine("lumbar", seed=4) == draw_spine("lumbar", seed=4)
    assert draw_spine("lumbar", seed=4) != draw_spine("lumbar", seed=5)


@pytest.mark.parametrize(("kind", "seed"), [("lumbar", 1), ("thoracic", 3)])
def test_firm_screws_are_drawn_clear_of_the_outside_of_their_bone(kind: str, seed: int) -> None:
    recipe = draw_spine(kind, seed=seed, loose=False, decoys=False)  # type: ignore[arg-type]
    assert not any(s.loose for s in recipe.screws)
    column = column_of(recipe.patient)
    out = []
    for screw in Hardware(recipe, column).screws:
        if screw.recipe.level == "S1":
            continue
        turns = np.arange(0.0, 360.0, 15.0)
        ring = np.array([screw.axis.toward(t) for t in turns]) * screw.recipe.diameter_mm / 2.0
        along = np.arange(screw.axis.length_mm * 0.5, screw.axis.length_mm, 1.0)
        points = (np.array(screw.axis.head_lps) + along[:, None, None] * screw.axis.direction + ring).reshape(-1, 3)
        out.append(1.0 - contains(column.bone_of(screw.recipe.level, inside=False), PointsLps(points)).mean())
        assert screw.recipe.halo is None
    # Thoracic pedicles of 4 to 5 mm are hardly wider than the thinnest screw, whose thread grazes their wall.
    assert np.median(out) < (0.001 if kind == "lumbar" else 0.06)
    assert max(out) < (0.02 if kind == "lumbar" else 0.12)


def test_a_firm_spine_has_no_gap() -> None:
    made = design(draw_spine("lumbar", seed=6, loose=False))
    assert made.truth.gaps == ()
    assert {i.loose for i in made.truth.implants if i.kind == "pedicle_screw"} == {False}


@pytest.mark.parametrize("kind", ["lumbar", "thoracic"])
def test_each_halo_that_was_asked_for_is_there_once_and_no_metal_of_another_screw_in_it(kind: str) -> None:
    recipe = draw_spine(kind, seed=8)  # type: ignore[arg-type]
    halos = [s.halo.kind for s in recipe.screws if s.halo is not None]
    assert sorted(halos) == ["even", "one_sided", "tip", "wiper"]
    assert any(not s.loose for s in recipe.screws)
    made = design(recipe)
    assert {g.implant_id for g in made.truth.gaps if g.kind == "screw_halo"} == {s.id for s in recipe.screws if s.loose}
    screws = {i.id: i for i in made.truth.implants if i.kind == "pedicle_screw"}
    for gap in made.truth.gaps:
        low, high = gap.solid.bounds_lps
        points = np.random.default_rng(1).uniform(low, high, (3000, 3))
        inside = PointsLps(points[contains(gap.solid, PointsLps(points))])
        for name, screw in screws.items():
            if name != gap.implant_id:
                assert screw.solid.distance_mm(inside).min() > 0.2


MAKES_A_GAP = {
    "even": "screw_halo", "hole": "screw_halo", "canal": "screw_halo", "pulled_out": "screw_halo",
    "broken_screw": "screw_halo", "cage_subsidence": "cage_interface", "fracture_level": "fracture_level",
}  # fmt: skip


@pytest.mark.parametrize("name", MAKES_A_GAP)
def test_a_defect_makes_its_gap_and_no_other(name: str) -> None:
    made = design(draw_spine("lumbar", seed=20, defects=(name,)))  # type: ignore[arg-type]
    assert {g.kind for g in made.truth.gaps} == {MAKES_A_GAP[name]}
    assert len(made.truth.gaps) == 1


def test_defects_of_rods_leave_the_bone_alone() -> None:
    recipe = draw_spine("lumbar", seed=3, defects=("broken_rod", "disassembled"), loose=False)
    assert sorted((r.broken is not None, bool(r.out_of)) for r in recipe.rods) == [(False, True), (True, False)]
    assert design(recipe).truth.gaps == ()


@pytest.mark.parametrize("name", ["anterior", "canal", "disc", "lateral"])
def test_a_firm_screw_may_be_misplaced(name: str) -> None:
    placed = draw_spine("lumbar", seed=9, loose=False, decoys=False)
    astray = draw_spine("lumbar", seed=9, loose=False, decoys=False, defects=(name,))  # type: ignore[arg-type]
    pairs = zip(placed.screws, astray.screws, strict=True)
    changed = [a.id for a, b in pairs if (a.head_mm, a.tip_mm) != (b.head_mm, b.tip_mm)]
    assert len(changed) == 1
    implants = Hardware(astray, column_of(astray.patient)).implants
    (depth,) = (i.canal_breach_mm for i in implants if i.id == changed[0])
    assert depth is not None
    assert (depth > 1.0) == (name == "canal")
    (wall,) = {i.through for i in implants if i.through is not None}
    assert wall == {"anterior": "front", "canal": "canal", "disc": "upper_endplate", "lateral": "side"}[name]


def test_a_construct_to_the_pelvis_has_sacral_and_iliac_screws() -> None:
    recipe = draw_spine("lumbar", seed=1, pelvis=True)
    assert {"s1-left", "s1-right", "iliac-left", "iliac-right"} <= {s.id for s in recipe.screws}
    assert all(s.length_mm > 60.0 for s in recipe.screws if s.site == "iliac")


def test_metal_clipping_and_alterations_are_as_chosen() -> None:
    recipe = draw_spine(
        "lumbar", seed=2, metal="steel", rod_metal="cobalt-chrome", clipped=True, altered=("laminectomy",)
    )
    assert {s.metal for s in recipe.screws} == {"steel"}
    assert {r.metal for r in recipe.rods} == {"cobalt-chrome"}
    assert recipe.scan.hu_clipped_at == 3071.0
    assert draw_spine("lumbar", seed=2).scan.hu_clipped_at is None
    assert [a.kind for a in recipe.patient.altered] == ["laminectomy"]
    plain = draw_spine("lumbar", seed=2, decoys=False)
    assert (plain.patient.altered, plain.patient.decoys, plain.cements) == ((), (), ())


def test_no_drawn_spine_is_its_own_mirror_image() -> None:
    recipe = draw_spine("thoracic", seed=5)
    metal = Union(Hardware(recipe, column_of(recipe.patient)).hulls)
    low, high = metal.bounds_lps
    points = np.random.default_rng(2).uniform(low, high, (60_000, 3))
    mirrored = points * [-1.0, 1.0, 1.0] + [low[0] + high[0], 0.0, 0.0]
    here, there = (contains(metal, PointsLps(p)) for p in (points, mirrored))
    assert 2.0 * (here & there).sum() / (here.sum() + there.sum()) < 0.7


REFUSED = {
    "unknown defect": ({"defects": ("rust",)}, "there is no defect 'rust'"),
    "unknown alteration": ({"altered": ("tail",)}, "there is no alteration 'tail'"),
    "halo of firm screws": ({"loose": False, "defects": ("even",)}, "nothing is to be loose"),
    "pelvis of a chest": ({"pelvis": True}, "only a lumbar phantom"),
    "more defects than screws": ({"defects": ("even",) * 12}, "ask for fewer defects"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_choices_that_do_not_fit_are_refused_in_one_plain_line(name: str) -> None:
    choices, words = REFUSED[name]
    with pytest.raises(UsageError, match=words) as caught:
        draw("lumbar" if words.startswith("ask") else "thoracic", seed=1, **choices)
    assert "\n" not in str(caught.value)


def test_a_recipe_brings_its_own_seed() -> None:
    recipe = draw("lumbar", seed=1, loose=False)
    with pytest.raises(UsageError, match="seed of its own"):
        design(recipe, seed=3)


def test_names_of_defects_and_alterations_are_all_different() -> None:
    assert len(set(DEFECTS)) == len(DEFECTS)
    assert len(set(ALTERED)) == len(ALTERED)
