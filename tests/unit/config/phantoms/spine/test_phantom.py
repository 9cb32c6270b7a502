"""Recipes of spines: what fits together is taken, what does not is refused in one plain line."""

from typing import Any

import pytest
from pydantic import ValidationError

from planner.config.phantoms.spine.phantom import SpinePhantom

SCREW = {"level": "L4", "side": "left", "head_mm": (20.0, 42.0, 6.0), "tip_mm": (10.0, 0.0, 4.0)}
RIGHT = {**SCREW, "side": "right"}
TIP = {**SCREW, "halo": {"kind": "tip"}}
DEFECT = {"at_mm": 9.0, "toward_deg": 0.0}
OUT = {"side": "left", "out_of": ("L3",)}
LOWER = {**SCREW, "level": "L5"}


def recipe(**fields: Any) -> SpinePhantom:
    return SpinePhantom.model_validate(fields)


def test_by_default_nothing_is_in_the_patient() -> None:
    plain = SpinePhantom()
    assert (plain.screws, plain.rods, plain.cages, plain.cements, plain.cross_links) == ((), (), (), (), ())
    assert plain.patient.altered == ()
    assert hash(plain) == hash(SpinePhantom())


def test_a_whole_recipe_is_taken_and_comes_back_from_its_json() -> None:
    made = recipe(
        screws=(
            {**SCREW, "halo": {"kind": "wiper"}, "wall_defects": ({"at_mm": 30.0, "toward_deg": 90.0},)},
            {**LOWER, "broken": {"at_mm": 15.0}},
        ),
        rods=({"side": "left", "out_of": ("L5",)},),
        cages=({"upper": "L4", "lower": "L5", "sunk_mm": 3.0, "interface_mm": 1.5},),
        cements=({"level": "L3"},),
    )
    assert SpinePhantom.model_validate_json(made.model_dump_json()) == made
    assert [s.loose for s in made.screws] == [True, True]
    assert [s.id for s in made.screws] == ["l4-left", "l5-left"]


REFUSED = {
    "halo of no width": ({"screws": ({**SCREW, "halo": {"kind": "even", "width_mm": -1.0}},)}, "greater than 0"),
    "level that is not there": ({"screws": ({**SCREW, "level": "T9"},)}, "a screw is at T9, which this patient"),
    "core as thick as the thread": ({"screws": ({**SCREW, "core_mm": 6.5},)}, "must be thinner than the thread"),
    "bore that leaves no wall": ({"screws": ({**SCREW, "core_mm": 3.6, "cannula_mm": 3.0},)}, "leaves no wall"),
    "thread deeper than its pitch": ({"screws": ({**SCREW, "core_mm": 3.0, "pitch_mm": 1.5},)}, "does not fit a pitch"),
    "halo beyond the tip": ({"screws": ({**SCREW, "halo": {"kind": "even", "start_mm": 90.0}},)}, "beyond its ends"),
    "pivot beyond the tip": ({"screws": ({**SCREW, "halo": {"kind": "wiper", "pivot_mm": 60.0}},)}, "the pivot lies"),
    "break beyond the tip": ({"screws": ({**SCREW, "broken": {"at_mm": 42.0}},)}, "the break lies"),
    "no length of a screw": ({"screws": ({**SCREW, "tip_mm": (20.0, 40.0, 6.0)},)}, "no length of a screw"),
    "hole without a halo": ({"screws": ({**SCREW, "wall_defects": (DEFECT,)},)}, "needs a halo"),
    "fat beside a loose screw": ({"screws": ({**TIP, "fat_at_mm": (30.0,)},)}, "decoy of firm"),
    "the same screw twice": ({"screws": (SCREW, SCREW)}, "two screws l4-left"),
    "rod on one screw": ({"screws": (SCREW, RIGHT), "rods": ({"side": "left"},)}, "needs two screws"),
    "rod out of no screw": ({"screws": (SCREW, LOWER), "rods": (OUT,)}, "there is none"),
    "two rods on a side": ({"screws": (SCREW, LOWER), "rods": ({"side": "left"}, {"side": "left"})}, "two rods"),
    "cross-link on one rod": (
        {"screws": (SCREW, LOWER), "rods": ({"side": "left"},), "cross_links": ({},)}, "a rod on each side",
    ),
    "cage without a graft": (
        {"cages": ({"upper": "L4", "lower": "L5", "depth_mm": 8.0, "wall_mm": 4.0},)}, "no room for a graft",
    ),
    "cage at no level": ({"cages": ({"upper": "T4", "lower": "T5"},)}, "a cage is at T4"),
    "misspelt name": ({"screw": ()}, "Extra inputs"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_plain_line(name: str) -> None:
    fields, words = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        recipe(**fields)
    (error,) = caught.value.errors()
    assert words in error["msg"]
    assert "\n" not in error["msg"]
