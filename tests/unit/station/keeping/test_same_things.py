import pytest

from planner.model.labels import Structure
from planner.station.keeping.same_things import carried_over, same_things
from planner.station.keeping.scene_file import ChosenThing, Scene
from tests.unit.report.conftest import make_plan


@pytest.fixture
def plan():
    labels = (Structure(code=9, kind="bone", id="bone"), Structure(code=8, kind="canal", id="canal"))
    made = make_plan()
    return made.model_copy(update={"labels": (*made.labels, *labels)})


def moved(thing, mm, field="centroid_lps"):
    place = getattr(thing, field)
    return thing.model_copy(update={field: (place[0] + mm, *place[1:])})


def changed(plan, **things):
    return plan.model_copy(update=things)


def test_of_one_plan_all_is_the_same(plan):
    same = same_things(plan, plan)
    for group in (plan.implants, plan.gaps, plan.breaches, plan.ways, plan.picked_targets):
        assert {one.id for one in group} <= same
    assert {"bone", "canal"} <= same and plan.gaps and plan.breaches and plan.ways


def test_what_went_or_is_another_kind_is_not(plan):
    bone = Structure(code=9, kind="bone", id="canal")
    after = changed(plan, breaches=(), labels=(bone,))
    same = same_things(plan, after)
    assert plan.breaches[0].id not in same and not {"bone", "canal"} & same


@pytest.mark.parametrize(("mm", "stays"), [(0.0, True), (2.9, True), (3.1, False)])
def test_a_breach_that_lies_elsewhere_is_another(plan, mm, stays):
    first, *others = plan.breaches
    after = changed(plan, breaches=(moved(first, mm), *others))
    assert (first.id in same_things(plan, after)) is stays


def test_gaps_that_were_numbered_anew_are_others(plan):
    first = plan.gaps[0]
    other = moved(first, 40.0).model_copy(update={"id": "gap-77"})
    before = changed(plan, gaps=(first, other))
    after = changed(plan, gaps=(other.model_copy(update={"id": first.id}),))
    assert first.id not in same_things(before, after)


def test_a_needle_on_another_course_is_another(plan):
    way, *others = plan.trajectories
    bent = way.model_copy(update={"path_lps": (way.path_lps[0], *way.path_lps)})
    turned = way.model_copy(update={"path_lps": tuple((x, y + 4.0 * n, z) for n, (x, y, z) in enumerate(way.path_lps))})
    thick = way.model_copy(update={"needle": way.needle.model_copy(update={"outer_diameter_mm": 9.0})})
    for one in (bent, turned, thick):
        assert way.id not in same_things(plan, changed(plan, trajectories=(one, *others)))


def test_a_scene_hides_and_chooses_nothing_that_nobody_meant(plan):
    first, breach = plan.gaps[0], plan.breaches[0]
    scene = Scene(
        hidden=("bone", breach.id, first.id, "gone"),
        chosen=ChosenThing(kind="breach", id=breach.id),
        cursor_lps=(1, 2, 3),
    )
    assert carried_over(scene, plan, plan).hidden == ("bone", breach.id, first.id)
    assert carried_over(scene, plan, plan).chosen == scene.chosen
    after = changed(plan, breaches=(moved(breach, 30.0), *plan.breaches[1:]))
    told = carried_over(scene, plan, after)
    assert told.hidden == ("bone", first.id) and told.chosen is None and told.cursor_lps == (1, 2, 3)


def test_a_finding_is_chosen_by_its_number_only_while_it_says_the_same(plan):
    first, *others = plan.findings
    scene = Scene(chosen=ChosenThing(kind="finding", id="0"))
    assert carried_over(scene, plan, plan).chosen == scene.chosen
    other = first.model_copy(update={"message": "something else"})
    assert carried_over(scene, plan, changed(plan, findings=(other, *others))).chosen is None
    assert carried_over(scene, plan, changed(plan, findings=())).chosen is None
    beyond = Scene(chosen=ChosenThing(kind="finding", id=str(len(plan.findings))))
    assert carried_over(beyond, plan, plan).chosen is None
