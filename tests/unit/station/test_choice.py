import pytest

from planner.station.choice import (
    bone_entry_depth_mm,
    choice_of,
    findings_about,
    hidden_with,
    may_be_loose,
    target_place,
)


@pytest.mark.parametrize(
    ("kind", "thing", "place"),
    [
        ("implant", "screw-1", (100.0, 40.0, 0.0)),
        ("gap", "gap-12", (100.0, 20.0, 120.0)),
        ("breach", "breach-1", (110.0, 20.0, 10.0)),
        ("needle", "trajectory-2", (150.0, 30.0, 10.0)),
        ("finding", "1", (1.0, 2.0, 3.0)),
        ("finding", "0", None),
    ],
)
def test_a_thing_is_where_the_plan_says(plan, kind, thing, place):
    found = choice_of(plan, kind, thing)
    assert found is not None and found.place_lps == place
    assert (found.way is not None) == (kind == "needle")


@pytest.mark.parametrize("kind", ["implant", "gap", "breach", "needle", "target", "level", "hole", "finding"])
def test_what_the_plan_does_not_hold_is_not_found(plan, kind):
    assert choice_of(plan, kind, "none-9") is None


def test_depth_of_the_bone_entry(plan):
    straight, bent = plan.trajectories
    assert bone_entry_depth_mm(straight) == pytest.approx(30.0)
    assert bone_entry_depth_mm(bent) == pytest.approx(30.0)
    inside = straight.model_copy(update={"entry_skin_lps": None, "path_lps": straight.path_lps[1:]})
    assert bone_entry_depth_mm(inside) == 0.0


def test_a_gap_hides_with_its_needles_and_breaches(plan):
    assert hidden_with(plan, {"gap-1"}) == {"gap-1", "trajectory-1", "trajectory-2", "breach-1"}
    assert hidden_with(plan, {"gap-12"}) == {"gap-12"}
    assert hidden_with(plan, {"screw-1"}) == {"screw-1"}
    assert hidden_with(plan, {"trajectory-1", "screw-1"}) == {"trajectory-1", "screw-1"}
    assert hidden_with(None, {"gap-1"}) == {"gap-1"}


def test_findings_of_one_thing_are_not_those_of_another(plan):
    assert [f.code for f in findings_about(plan, "gap-1")] == ["c", "b"], "the gravest first"
    assert [f.code for f in findings_about(plan, "gap-12")] == ["a"]
    assert findings_about(plan, "gap-2") == ()


def test_an_implant_not_judged_may_be_loose(plan):
    screw = plan.implants[0]
    assert may_be_loose(screw)
    assert may_be_loose(screw.model_copy(update={"loosening": "possible"}))
    assert not may_be_loose(screw.model_copy(update={"loosening": "none"}))


def test_a_target_goes_where_a_needle_to_the_gap_ends_not_into_its_screw(plan):
    needle = min(plan.trajectories, key=lambda way: way.rank)
    assert target_place(plan, "gap", needle.gap_id) == needle.target_lps
    assert target_place(plan.model_copy(update={"trajectories": ()}), "gap", needle.gap_id) is None
    assert target_place(plan, "implant", plan.implants[0].id) is None
    assert target_place(plan, "breach", plan.breaches[0].id) == plan.breaches[0].centroid_lps
