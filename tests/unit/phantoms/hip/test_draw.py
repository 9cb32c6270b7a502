"""Random hips are the same for the same seed, and have what was asked for."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest

from planner.config.phantoms.hip.implants import Cup, CupScrew
from planner.config.phantoms.hip.patient import draw_patient
from planner.config.phantoms.hip.phantom import HipPhantom
from planner.config.phantoms.scan import IdealScan
from planner.errors import UsageError
from planner.geometry.frames import PointsLps
from planner.phantoms.hip.build import BuiltHip
from planner.phantoms.hip.defects.decoy_choice import is_seen
from planner.phantoms.hip.design import design_hip, grid_of, scene_of
from planner.phantoms.hip.draw import HIP_DEFECTS, HipDefect, draw_hip
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball
from planner.phantoms.solids.raster import contains
from planner.phantoms.tissues import MUSCLE


@cache
def plain() -> HipPhantom:
    return draw_hip(seed=5, decoys=False)


def test_a_seed_gives_one_recipe_and_another_seed_another() -> None:
    assert draw_hip(seed=3) == draw_hip(seed=3)
    assert draw_hip(seed=3) != draw_hip(seed=4)


def test_a_firm_hip_without_defects_is_a_control() -> None:
    for seed in range(3):
        hip = BuiltHip(draw_hip(seed=seed, loose=False))
        assert hip.gaps == ()
        assert not hip.stem_is_loose


@pytest.mark.parametrize("defect", HIP_DEFECTS)
def test_a_defect_is_there_when_asked_for(defect: HipDefect) -> None:
    faulty = draw_hip(seed=5, defects=(defect,), decoys=False)
    kept = {"patient", "stem", "cup", "head", "seed", "scan", "field", "kind"}
    changed = [n for n in HipPhantom.model_fields if getattr(plain(), n) != getattr(faulty, n)]
    if defect in ("debonding", "thin mantle", "cracked mantle", "broken stem", "perforation"):
        assert "stem" in changed
    elif defect == "broken screw":
        assert any(s.broken for s in faulty.cup.screws)
        assert not any(s.broken for s in plain().cup.screws)
    else:
        assert set(changed) - kept


@pytest.mark.parametrize("loose", [True, False])
def test_a_stem_is_as_loose_as_asked_for(loose: bool) -> None:
    for seed in range(2):
        assert BuiltHip(draw_hip(seed=seed, loose=loose, defects=("line",), decoys=False)).stem_is_loose == loose


def test_a_firm_hip_with_partial_lines_has_gaps_and_no_loose_implant() -> None:
    asked: tuple[HipDefect, ...] = ("line", "osteolysis", "cup line")
    loose_cups = set()
    for seed in range(8):
        hip = BuiltHip(draw_hip(seed=seed, loose=False, defects=asked, decoys=False))
        assert not hip.stem_is_loose
        assert not hip.cup_is_loose
        loose_cups.add(BuiltHip(draw_hip(seed=seed, defects=asked, decoys=False)).cup_is_loose)
    assert hip.gaps
    assert loose_cups == {True, False}  # where nothing is asked for, some cups are loose


def test_no_cup_screw_stands_out_of_the_pelvis_and_none_crosses_another() -> None:
    placed = 0
    screws = tuple(
        CupScrew(tilt_deg=tilt, turn_deg=turn) for tilt, turn in ((26.0, 126.0), (20.0, 60.0), (28.0, 170.0))
    )
    for seed in range(24):
        hip = BuiltHip(HipPhantom(patient=draw_patient(seed=seed), cup=Cup(screws=screws)))
        ends = [(np.array(s.head_lps), np.array(s.tip_lps)) for s in hip.cup.screws]
        placed += len(ends)
        for head, tip in ends:
            beyond = hip.cup.core_radius_mm - np.linalg.norm(head - hip.cup.centre_lps) + 2.5
            way = (tip - head) / np.linalg.norm(tip - head)
            steps = np.linspace(beyond, np.linalg.norm(tip - head), 30)
            depth = -hip.filled_pelvis.distance_mm(PointsLps(head + steps[:, None] * way))
            assert depth.min() > 3.0, seed
            assert steps[-1] >= 12.0
        for (a, _), (b, _) in combinations(ends, 2):
            assert np.linalg.norm(a - b) > 6.5
    assert placed >= 36


def test_a_screw_of_given_length_goes_where_it_is_told_even_out_of_the_bone() -> None:
    hip = BuiltHip(HipPhantom(cup=Cup(screws=(CupScrew(tilt_deg=26.0, turn_deg=126.0, length_mm=60.0),))))
    (screw,) = hip.cup.screws
    assert hip.filled_pelvis.distance_mm(PointsLps(np.array([screw.tip_lps])))[0] > 0.0


def test_drawn_decoys_of_both_kinds_are_to_be_seen() -> None:
    kinds: set[str] = set()
    for seed in range(3):
        recipe = draw_hip(seed=seed, loose=False, cemented=False)
        assert len(recipe.patient.decoys) >= 2
        assert len(recipe.decoys) >= 1
        kinds |= {d.kind for d in recipe.patient.decoys} | set(recipe.decoys)
        made, bare = (design_hip(r) for r in (recipe, draw_hip(seed=seed, loose=False, cemented=False, decoys=False)))
        plain = {p.name for p in bare.scene.parts}
        added = {p.name for p in made.scene.parts} - plain
        low, high = (made.grid.to_lps([corner])[0] for corner in ((0, 0, 0), np.subtract(made.grid.shape, 1)))
        for decoy in recipe.patient.decoys:
            alone = recipe.model_copy(
                update={"patient": recipe.patient.model_copy(update={"decoys": (decoy,)}), "decoys": ()}
            )
            parts = [p for p in scene_of(BuiltHip(alone)).parts if p.name not in plain]
            inside, seen = 0, 0
            for part in parts:
                box = np.maximum(part.solid.bounds_lps[0], low), np.minimum(part.solid.bounds_lps[1], high)
                points = PointsLps(np.random.default_rng(4).uniform(*box, (40_000, 3)))
                points = PointsLps(points[contains(part.solid, points)])
                owners = made.scene.part_index_at(points)
                inside += len(points)
                seen += sum(made.scene.parts[i].name in added for i in owners)
            assert inside > 10, decoy.kind
            assert seen > 0.5 * inside, decoy.kind
    assert len(kinds) >= 6


def test_what_is_hidden_or_outside_of_the_field_is_not_seen() -> None:
    hip = BuiltHip(plain())
    scene, grid = scene_of(hip), grid_of(hip)
    assert is_seen([next(p for p in scene.parts if p.name == "head")], scene, grid)
    core = Part("within the head", Ball(hip.bed.centre_lps, 8.0), MUSCLE)
    assert not is_seen([core], scene, grid)
    x, y, z = hip.bed.centre_lps
    far = Part("far above", Ball((x, y, z + 400.0), 8.0), MUSCLE)
    assert not is_seen([far], Scene((*scene.parts, far)), grid)


def test_signs_of_a_firm_stem_are_not_drawn_round_a_loose_one() -> None:
    firm = {"pedestal", "spot welds", "stress shielding"}
    for seed in range(3):
        assert not firm & set(draw_hip(seed=seed, loose=True, cemented=False).decoys)


def test_choices_are_kept() -> None:
    hip = draw_hip(seed=8, side="right", stem="short", metal="cobalt-chrome", clipped=False, decoys=False)
    assert (hip.side, hip.stem.shape, hip.stem.material, hip.decoys) == ("right", "short", "cobalt-chrome", ())
    assert hip.patient.decoys == ()
    assert hip.scan.hu_clipped_at is None
    assert draw_hip(seed=8, decoys=False).scan.hu_clipped_at == 3071.0
    assert draw_hip(seed=8, decoys=False).scan.kind == "ct"
    assert draw_hip(seed=8, scan=IdealScan(), decoys=False).scan.kind == "ideal"


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"defects": ("crack",)}, "no defect"),
        ({"defects": ("debonding",), "cemented": False}, "in cement"),
        ({"defects": ("perforation",), "cemented": True}, "without cement"),
        ({"defects": ("toggle",), "loose": False}, "not firm"),
        ({"defects": ("toggle", "whole line")}, "choose one"),
        ({"stem": "polished", "cemented": False}, "needs cement"),
        ({"stem": "curved", "cemented": True}, "takes no cement"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(choices: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        draw_hip(seed=1, **choices)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)
