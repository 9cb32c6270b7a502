"""Hip phantoms to a recipe hold the gaps and breaches that were asked for, and no others."""

from functools import cache

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from planner.config.phantoms.hip.defects import (
    GRUEN_ALL,
    Fissure,
    GruenZone,
    Hole,
    LucentLine,
    Osteolysis,
    Toggle,
    WornWall,
)
from planner.config.phantoms.hip.implants import BrokenStem, Cup, CupScrew, Head, Mantle, Stem
from planner.config.phantoms.hip.patient import HipPatient
from planner.config.phantoms.hip.phantom import HipPhantom
from planner.geometry.frames import PointsLps
from planner.phantoms.design import Design
from planner.phantoms.hip.build import BuiltHip
from planner.phantoms.hip.design import design_hip
from planner.phantoms.hip.draw import HipDefect, draw_hip
from planner.phantoms.solids.raster import contains, grid_over, rasterise
from planner.phantoms.truth.facts import TrueGap

CEMENTED = Stem(shape="polished", material="steel", mantle=Mantle(thickness_mm=2.0))
RECIPES = {
    "firm": HipPhantom(decoys=("pedestal", "spot welds", "stress shielding", "neck osteophyte")),
    "lines": HipPhantom(lines=(LucentLine(zones=("gruen-1", "gruen-5", "gruen-4"), width_mm=2.0),), rim_mm=1.0),
    "whole": HipPhantom(stem=CEMENTED, lines=(LucentLine(zones=GRUEN_ALL, width_mm=1.5),)),
    "whole over a plug of cement": HipPhantom(
        stem=CEMENTED.model_copy(update={"mantle": Mantle(thickness_mm=2.0, restrictor="cement")}),
        lines=(LucentLine(zones=GRUEN_ALL, width_mm=1.5),),
    ),
    "thin": HipPhantom(
        stem=Stem(shape="polished", material="steel", mantle=Mantle(thickness_mm=2.0, thin_zones=(2, 6))),
        lines=(LucentLine(zones=("gruen-2", "gruen-3"), width_mm=1.5),),
    ),
    "cracked": HipPhantom(
        stem=Stem(shape="polished", material="steel", mantle=Mantle(thickness_mm=2.0, cracked_at=0.5)),
        lines=(LucentLine(zones=("gruen-2",), width_mm=1.5),),
    ),
    "broken": HipPhantom(
        stem=Stem(broken=BrokenStem(at_share=0.45)), lines=(LucentLine(zones=("gruen-2",), width_mm=1.5),)
    ),
    "debonded": HipPhantom(
        stem=CEMENTED, lines=(LucentLine(zones=("gruen-1", "gruen-7"), width_mm=1.0, interface="stem"),)
    ),
    "swinging": HipPhantom(toggle=Toggle()),
    "held": HipPhantom(toggle=Toggle(pivot_mm=0.0)),
    "cavity": HipPhantom(
        lines=(LucentLine(zones=("gruen-2",), width_mm=1.5),),
        lesions=(Osteolysis(zone="gruen-2", depth_mm=5.0), Osteolysis(zone="gruen-7", depth_mm=9.0)),
    ),
    "hole": HipPhantom(
        lines=(LucentLine(zones=("gruen-1",), width_mm=2.0),), holes=(Hole(zone="gruen-1", diameter_mm=6.0),)
    ),
    "worn": HipPhantom(lines=(LucentLine(zones=("gruen-7",), width_mm=2.0),), worn=(WornWall(left_mm=0.5),)),
    "perforated": HipPhantom(stem=Stem(perforates=True)),
    "fissure": HipPhantom(
        lines=(LucentLine(zones=("gruen-5", "gruen-6"), width_mm=2.0),), fissures=(Fissure(zone="gruen-6"),)
    ),
    "fissure apart": HipPhantom(
        lines=(LucentLine(zones=("gruen-1",), width_mm=2.0),), fissures=(Fissure(zone="gruen-6"),)
    ),
    "cup": HipPhantom(
        cup=Cup(screws=()),
        lines=(LucentLine(zones=("charnley-1",), width_mm=2.0), LucentLine(zones=("charnley-3",), width_mm=1.5)),
    ),
    "cup cavity": HipPhantom(lesions=(Osteolysis(zone="charnley-2"),), holes=(Hole(zone="charnley-2"),)),
    "to joint": HipPhantom(lines=(LucentLine(zones=("gruen-7",), width_mm=2.0),), to_joint=True),
}
GAPS = {
    "firm": [], "lines": ["line", "line"], "whole": ["line"],
    "whole over a plug of cement": ["line"], "thin": ["line"], "cracked": ["line"], "broken": ["line"],
    "debonded": ["line", "line"], "swinging": ["line"],
    "held": ["line", "line"], "cavity": ["line", "osteolysis"], "hole": ["line"], "worn": ["line"],
    "perforated": ["line"], "fissure": ["line"], "fissure apart": ["line"], "cup": ["line", "line"],
    "cup cavity": ["osteolysis"], "to joint": ["line"],
}  # fmt: skip
BREACHES = {
    "hole": ["open cortical"], "worn": ["thin cortical"], "perforated": ["open cortical"], "fissure": ["open fracture"],
    "cup cavity": ["open cortical"], "to joint": ["open joint"],
}  # fmt: skip

NOT_HELD_FOR_BREACHES = (
    "firm", "whole", "whole over a plug of cement", "thin", "cracked", "broken", "swinging", "held", "debonded",
)  # fmt: skip


@cache
def made(name: str) -> Design:
    return design_hip(RECIPES[name])


def lattice(gap: TrueGap) -> tuple[np.ndarray, PointsLps]:
    grid = grid_over(gap.solid.bounds_lps, 0.6)
    mask = rasterise(gap.solid, grid)
    return mask, grid.to_lps(np.argwhere(mask))


@pytest.mark.parametrize("name", RECIPES)
def test_there_are_the_gaps_that_were_asked_for(name: str) -> None:
    kinds = sorted("osteolysis" if g.kind == "osteolysis" else "line" for g in made(name).truth.gaps)
    assert kinds == sorted(GAPS[name])


@pytest.mark.parametrize("name", [n for n in RECIPES if GAPS[n]])
def test_each_gap_is_one_space_in_bone_without_metal(name: str) -> None:
    truth = made(name).truth
    for gap in truth.gaps:
        mask, points = lattice(gap)
        labels, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
        sizes = np.bincount(labels.ravel())[1:]
        assert sizes.max() >= 0.995 * sizes.sum()  # a lattice may cut off a grain at a sharp edge
        assert truth.env.distance_mm(points).max() <= 1e-9
        assert not contains(truth.metal, points).any()
        for other in truth.gaps:
            assert other is gap or not contains(other.solid, points).any()


def fibrous_and_truth(design: Design, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Say of points round stem and cup, in bone, which are painted as lucent tissue, in gaps, in ways out of them."""
    truth, sample = design.truth, np.random.default_rng(seed)
    boxes = [g.solid.bounds_lps for g in truth.gaps] + [w.solid.bounds_lps for w in truth.ways_out]
    points = PointsLps(np.concatenate([sample.uniform(*box, (8_000, 3)) for box in boxes]))
    owners = design.scene.part_index_at(points)
    painted = np.array([i >= 0 and design.scene.parts[i].tissue.name == "fibrous interface" for i in owners])
    gaps = np.sum([contains(g.solid, points) for g in truth.gaps], axis=0)
    ways = np.sum([contains(w.solid, points) for w in truth.ways_out] or [np.zeros(len(points))], axis=0)
    return painted, gaps, ways


@pytest.mark.parametrize("name", [n for n in RECIPES if GAPS[n]])
def test_the_painted_scene_holds_the_gap_and_nothing_over_it(name: str) -> None:
    painted, gaps, ways = fibrous_and_truth(made(name), 2)
    assert gaps.sum() > 40
    assert np.array_equal(painted, gaps + ways == 1)
    assert (gaps + ways).max() == 1


def test_in_drawn_hips_nothing_is_painted_over_a_gap_and_nothing_lucent_is_left_out_of_the_truth() -> None:
    choices: tuple[tuple[HipDefect, ...], ...] = (
        ("whole line", "debonding", "cup line", "osteolysis"),
        ("line", "thin mantle", "cracked mantle", "cup osteolysis"),
        ("toggle", "broken stem", "hole"),
        ("line", "perforation", "fissure", "cup hole"),
        ("whole line", "broken screw", "worn calcar", "rim"),
    )
    for seed, defects in enumerate(choices):
        drawn = draw_hip(seed=seed, defects=defects)
        painted, gaps, ways = fibrous_and_truth(design_hip(drawn), seed)
        assert np.array_equal(painted, gaps + ways == 1), defects
        assert (gaps + ways).max() == 1, defects


def test_a_plug_of_cement_is_cement_and_one_of_plastic_is_no_implant() -> None:
    for name, expected in (("whole over a plug of cement", True), ("whole", False)):
        hip = BuiltHip(RECIPES[name])
        assert hip.cement is not None
        assert hip.cement.plug is not None
        low, high = hip.cement.plug.bounds_lps
        points = PointsLps(np.random.default_rng(3).uniform(low, high, (4_000, 3)))
        points = PointsLps(points[contains(hip.cement.plug, points) & ~contains(hip.cement.whole, points)])
        cement = next(i for i in made(name).truth.implants if i.id == "cement-stem")
        assert contains(cement.solid, points).all() == expected
        assert contains(cement.solid, points).any() == expected
        assert not any(contains(g.solid, points).any() for g in made(name).truth.gaps)


def test_a_crack_or_break_that_meets_a_gap_is_part_of_it_and_a_way_out_of_its_own_otherwise() -> None:
    zones = {"cracked": ("gruen-2", "gruen-7"), "broken": ("gruen-2", "gruen-5")}
    for name, (near, far) in zones.items():
        joined, apart = (
            BuiltHip(RECIPES[name].model_copy(update={"lines": (LucentLine(zones=(zone,), width_mm=1.5),)}))
            for zone in (near, far)
        )
        assert len(joined.gaps) == len(apart.gaps) == 1
        assert joined.ways_out == ()
        (way,) = apart.ways_out
        assert way.leak_type == "fracture"
        _, points = lattice(apart.gaps[0])
        assert way.solid.distance_mm(points).min() > 0.5


@pytest.mark.parametrize(
    ("zones", "width_mm", "loose"),
    [
        (("gruen-1",), 2.6, False),  # wide, but above the break
        (("gruen-3",), 1.2, False),
        (("gruen-3",), 2.6, True),
        (("gruen-3", "gruen-4", "gruen-5", "gruen-10"), 1.2, True),
    ],
)
def test_only_lines_that_reach_it_make_a_broken_stems_tip_loose(
    zones: tuple[GruenZone, ...], width_mm: float, loose: bool
) -> None:
    recipe = HipPhantom(
        stem=Stem(broken=BrokenStem(at_share=0.66)), lines=(LucentLine(zones=zones, width_mm=width_mm),)
    )
    found = {i.id: i.loose for i in BuiltHip(recipe).implants if i.kind == "femoral_stem"}
    assert found == {"stem": True, "stem-tip": loose}


@pytest.mark.parametrize("name", [n for n in RECIPES if n not in NOT_HELD_FOR_BREACHES])
def test_there_are_the_breaches_that_were_asked_for(name: str) -> None:
    found = [f"{b.severity} {b.leak_type}" for b in made(name).truth.breaches]
    # The neck may part a way out in two.
    assert sorted(set(found)) == BREACHES.get(name, [])


def test_a_worn_wall_keeps_what_was_asked_for() -> None:
    (breach,) = made("worn").truth.breaches
    assert breach.patch.barrier_mm == pytest.approx(0.5, abs=0.15)


def test_a_hole_has_its_size() -> None:
    (breach,) = made("hole").truth.breaches
    assert breach.patch.area_mm2 == pytest.approx(np.pi * 3.0**2, rel=0.4)


def test_a_firm_stem_has_nothing_lucent_within_two_millimetres() -> None:
    made_one = made("firm")
    hip = BuiltHip(RECIPES["firm"])
    low, high = hip.stem.body.bounds_lps
    points = np.random.default_rng(3).uniform(low - 2.0, high + 2.0, (40_000, 3))
    apart = hip.stem.body.distance_mm(PointsLps(points))
    inside = hip.bed.femur_inside.distance_mm(PointsLps(points)) < 0.0
    near = PointsLps(points[(apart > 0.0) & (apart < 2.0) & inside])
    owners = made_one.scene.part_index_at(near)
    tissues = {made_one.scene.parts[i].tissue.name for i in owners}
    assert len(near) > 500
    assert not tissues & {"fibrous interface", "marrow", "fat"}
    assert made_one.truth.gaps == ()
    assert [i.loose for i in made_one.truth.implants if i.id in ("stem", "cup")] == [False, False]


def test_a_line_is_as_wide_as_asked_for_in_the_middle_of_its_zone() -> None:
    hip = BuiltHip(RECIPES["lines"])
    axis = hip.stem.axis
    steps = np.arange(0.0, 25.0, 0.02)
    # Zone 5: the lower third, medially. There the stem is a straight taper.
    line = PointsLps(np.array(axis.at(axis.length_mm * 2.4 / 3.0)) + steps[:, None] * axis.outward(2))
    width = 0.02 * sum(int(contains(g.solid, line).sum()) for g in hip.gaps)
    assert width == pytest.approx(2.0, abs=0.1)
    other = PointsLps(np.array(axis.at(axis.length_mm * 0.5)) + steps[:, None] * axis.outward(2))
    assert not any(contains(g.solid, other).any() for g in hip.gaps)


def test_what_makes_a_stem_loose() -> None:
    loose = {
        name: next(i.loose for i in made(name).truth.implants if i.id == "stem")
        for name in ("lines", "whole", "debonded", "swinging", "hole", "cavity")
    }
    expected = {"lines": False, "whole": True, "debonded": True, "swinging": True, "hole": False, "cavity": False}
    assert loose == expected


def test_left_and_right_are_mirror_images() -> None:
    patients = [HipPatient(side=side) for side in ("left", "right")]
    left, right = (BuiltHip(RECIPES["cavity"].model_copy(update={"patient": patient})) for patient in patients)
    shift = np.array(right.bed.centre_lps) - np.array(left.bed.centre_lps) * [-1.0, 1.0, 1.0]
    for one, other in zip(left.gaps, right.gaps, strict=True):
        _, points = lattice(one)
        mirrored = PointsLps(points * [-1.0, 1.0, 1.0] + shift)
        assert contains(other.solid, mirrored).mean() > 0.999
        assert not contains(other.solid, points).any()


def test_broken_hardware_is_in_pieces() -> None:
    recipe = HipPhantom(
        stem=Stem(broken=BrokenStem()), cup=Cup(screws=(CupScrew(broken=True), CupScrew(turn_deg=60.0)))
    )
    truth = design_hip(recipe).truth
    assert [i.id for i in truth.implants if i.kind == "femoral_stem"] == ["stem", "stem-tip"]
    assert [i.broken for i in truth.implants if i.kind == "cup_screw"] == [True, False]
    screw = next(i for i in truth.implants if i.broken and i.kind == "cup_screw")
    mask = rasterise(screw.solid, grid_over(screw.solid.bounds_lps, 0.4))
    assert ndimage.label(mask, structure=np.ones((3, 3, 3)))[1] == 2


def test_cemented_parts_are_cement() -> None:
    recipe = HipPhantom(
        stem=CEMENTED, cup=Cup(fixation="cemented", diameter_mm=50.0, screws=()), head=Head(diameter_mm=28.0)
    )
    truth = design_hip(recipe).truth
    assert [i.id for i in truth.implants if i.kind == "cement"] == ["cement-stem", "cement-cup"]
    assert {i.material for i in truth.implants if i.kind == "cement"} == {"pmma"}


def test_field_of_view_holds_the_metal_and_the_lateral_skin() -> None:
    for side in ("left", "right"):
        recipe = HipPhantom(patient=HipPatient(side=side, fat_mm=12.0))
        made_one = design_hip(recipe)
        low, high = made_one.truth.metal.bounds_lps
        assert made_one.grid.contains([low, high]).all()
        assert made_one.truth.grid.contains([low, high]).all()
        slices, rows, columns = made_one.grid.shape
        edge = made_one.grid.to_lps([[slices // 2, row, columns - 1 if side == "left" else 0] for row in range(rows)])
        assert made_one.truth.body.distance_mm(PointsLps(edge)).min() > 0.0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"lines": ({"zones": ("gruen-1", "charnley-1"), "width_mm": 2.0},)}, "not both"),
        ({"lines": ({"zones": ("gruen-1", "gruen-1"), "width_mm": 2.0},)}, "once"),
        ({"lines": ({"zones": ("gruen-1",), "width_mm": 2.0, "interface": "stem"},)}, "needs cement"),
        ({"lines": ({"zones": ("gruen-1",), "width_mm": 2.0}, {"zones": ("gruen-1",), "width_mm": 1.0})}, "two lines"),
        ({"lines": ({"zones": ("gruen-4", "gruen-11"), "width_mm": 2.0},)}, "one space"),
        ({"holes": ({"zone": "gruen-4"},)}, "under the tip"),
        ({"stem": {"shape": "polished"}}, "needs cement"),
        ({"stem": {"shape": "curved", "mantle": {}}}, "takes no mantle"),
        ({"stem": {"perforates": True, "mantle": {}}}, "without cement"),
        ({"stem": {"mantle": {"thin_zones": (4,)}}}, "not in 4"),
        ({"cup": {"fixation": "cemented"}}, "no screws"),
        ({"cup": {"diameter_mm": 46.0}, "head": {"diameter_mm": 36.0}}, "no room"),
        ({"toggle": {"shoulder_mm": 0.5, "tip_mm": 0.5, "pivot_mm": 0.7}}, "pivot"),
        ({"stemm": {}}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        HipPhantom.model_validate(wrong)
