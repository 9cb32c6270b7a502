"""How a simulated injection goes on: where cement is, what it reached, what comes next; None where nobody simulated."""

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.arrival_map import ArrivalMap
from planner.model.cement_fill import BreachArrival, CementFill, FillStep, NeedleHole
from planner.model.volume import Mask
from planner.pipeline.expected_cement import write_arrivals
from planner.station.fill_preview import cement_surface, courses_of_folder, fill_course
from tests.unit.pipeline.fluoroscopy.conftest import plan  # noqa: F401

GRID = Grid((6, 7, 8), np.array([[0, 0, 1.0, 5.0], [0, 1.0, 0, -4.0], [1.0, 0, 0, 100.0], [0, 0, 0, 1.0]]), "1.2.3.4")


def arrival(gap_id="gap-1", last_ml=2.4):
    """Cement comes slice by slice; to the last slice it never does."""
    values = np.full(GRID.shape, np.inf, np.float32)
    values[:5] = np.linspace(0.1, last_ml, 5)[:, None, None]
    return ArrivalMap(gap_id, GRID, values)


def fill(**changes):
    steps = tuple(
        FillStep(injected_ml=ml, gaps_ml={"gap-1": 0.8 * ml}, trabecular_ml=0.1 * ml, leaked_ml=0.1 * ml, reached=())
        for ml in (1.0, 2.0, 2.4)
    )
    fields = {
        "id": "fill-1", "gap_id": "gap-1", "trajectory_ids": ("trajectory-1",), "tips_lps": ((8.0, -2.0, 102.0),),
        "interface_tissue": "in_place", "viscosity": "high", "steps": steps, "ended": "pressure",
        "arrivals": (
            BreachArrival(breach_id="breach-1", after_ml=0.6), BreachArrival(breach_id="breach-2", after_ml=1.45),
        ),
    }  # fmt: skip
    return CementFill(**{**fields, **changes})


@pytest.fixture
def filled(plan):  # noqa: F811
    """The first breach is a thin wall, through the second cement leaks into a disc."""
    thin, leak = plan.breaches
    holes = tuple(
        NeedleHole(
            trajectory_id=name, gap_id="gap-1", entry_lps=(0.0, 0.0, 0.0), outward_lps=(1.0, 0.0, 0.0),
            diameter_mm=2.0, wall_mm=5.0, leak_after_ml=after,
        )
        for name, after in (("trajectory-1", 1.0), ("trajectory-2", 0.2))
    )  # fmt: skip
    return plan.model_copy(
        update={
            "breaches": (
                thin.model_copy(update={"severity": "thin", "barrier_mm": 0.4, "stop_ml": 0.1}),
                leak.model_copy(update={"stop_ml": 1.2}),
            ),
            "needle_holes": holes,
            "fills": (fill(), fill(id="fill-2", interface_tissue="removed")),
        }
    )


@pytest.fixture
def course(filled):
    return fill_course(filled, arrival(), "gap-1")


def test_cement_grows_with_what_is_injected(course):
    assert course.end_ml == 2.4
    counts = [0 if (m := course.cement_at(ml)) is None else int(m.voxels.sum()) for ml in (0.0, 0.1, 1.0, 2.4)]
    assert counts[0] == 0
    assert 0 < counts[1] < counts[2] < counts[3] == 5 * 7 * 8
    assert course.cement_at(0.0) is None


@pytest.mark.parametrize("ml", [-0.1, 2.5])
def test_what_was_not_simulated_is_not_told(course, ml):
    for told in (course.cement_at, course.reached_by, course.next_after, course.step_at, course.words_at):
        with pytest.raises(ValueError, match="mL"):
            told(ml)


@pytest.mark.parametrize(
    ("ml", "reached", "following"),
    [
        (0.0, [], "breach-1"),
        (0.59, [], "breach-1"),
        (0.6, ["breach-1"], "trajectory-1"),
        (1.2, ["breach-1", "trajectory-1"], "breach-2"),
        (2.4, ["breach-1", "trajectory-1", "breach-2"], None),
    ],
)
def test_what_is_reached_and_what_comes_next(course, ml, reached, following):
    assert [one.id for one in course.reached_by(ml)] == reached
    after = course.next_after(ml)
    assert (None if after is None else after.id) == following


def test_one_stops_for_the_leak_and_not_for_the_thin_wall(course):
    assert course.stop.id == "breach-2"
    assert [one.stops for one in course.reached] == [False, False, True]
    assert course.earliest_stop_ml == 1.2
    assert course.stop_words.startswith("stop before 1.2\u202fmL, the earliest"), "a later one must not be read first"
    assert "other needles" not in course.stop_words, "another needle's own course may come to it earlier still"
    assert course.stop_words.endswith("in this course stop before 1.4\u202fmL: begins to leak into disc (breach-2)")


@pytest.mark.parametrize(("ml", "past"), [(0.0, False), (1.19, False), (1.2, True), (2.4, True)])
def test_past_the_earliest_stop_it_says_so(course, ml, past):
    assert course.is_past_stop(ml) is past


def test_a_stop_at_once_is_passed_with_the_first_drop(filled):
    thin, leak = filled.breaches
    early = filled.model_copy(update={"breaches": (thin, leak.model_copy(update={"stop_ml": 0.04}))})
    course = fill_course(early, arrival(), "gap-1")
    assert (course.is_past_stop(0.0), course.is_past_stop(0.01)) == (False, True)


def test_without_a_leak_there_is_nothing_to_stop_for(filled):
    dry = filled.model_copy(
        update={"fills": (fill(arrivals=()),), "breaches": tuple(
            b.model_copy(update={"stop_ml": None}) for b in filled.breaches
        )}
    )  # fmt: skip
    course = fill_course(dry, arrival(), "gap-1")
    assert (course.stop, course.earliest_stop_ml) == (None, None)
    assert course.stop_words == "nothing to stop for is reached in this course"
    assert not course.is_past_stop(2.4)


def test_at_the_hip_one_stops_for_soft_tissue_too(filled):
    soft = tuple(b.model_copy(update={"leak_type": "cortical", "severity": "open"}) for b in filled.breaches)
    spine = filled.model_copy(update={"breaches": soft})
    assert fill_course(spine, arrival(), "gap-1").stop is None
    stem = spine.implants[0].model_copy(update={"kind": "femoral_stem"})
    hip = spine.model_copy(update={"implants": (stem, *spine.implants[1:])})
    assert fill_course(hip, arrival(), "gap-1").stop.id == "breach-1"


def test_words_on_the_way(course):
    assert course.words_at(0.0).splitlines() == [
        "Nothing is in yet.", "next, after 0.6\u202fmL: lies against a thin wall towards disc (breach-1)",
    ]  # fmt: skip
    assert "STOP before 1.4\u202fmL: begins to leak into disc (breach-2)" in course.words_at(2.0)
    assert "nothing more is reached until the simulation ends at 2.4" in course.words_at(2.0)
    assert course.words_at(2.4).endswith("the simulation ends here: the syringe drives it no further")


def test_amounts_are_those_of_the_last_whole_millilitre(course):
    assert course.amounts_at(0.9) == ""
    assert course.step_at(0.9) is None
    assert course.amounts_at(1.7).startswith("Of 1.0 mL: 0.8 in the gap")
    assert course.amounts_at(2.4).startswith("Of 2.4 mL: 1.9 in the gap")


@pytest.mark.parametrize(
    ("change", "given", "gap_id"),
    [
        ({}, None, "gap-1"),
        ({"fills": ()}, arrival(), "gap-1"),
        ({"fills": (fill(steps=(), ended="no_way", arrivals=()),)}, arrival(), "gap-1"),
        ({}, arrival(), "gap-9"),
        ({}, arrival("gap-2"), "gap-1"),
        ({}, arrival(last_ml=3.0), "gap-1"),
        ({}, ArrivalMap("gap-1", GRID, np.full(GRID.shape, np.inf, np.float32)), "gap-1"),
    ],
)
def test_what_was_not_simulated_or_is_another_plans_has_no_course(filled, change, given, gap_id):
    assert fill_course(filled.model_copy(update=change), given, gap_id) is None


def test_a_plans_folder_gives_the_same_course(filled, course, tmp_path):
    assert courses_of_folder(filled, tmp_path) == {}
    whole = Grid((20, 20, 20), np.array([[0, 0, 1.0, 0], [0, 1.0, 0, -9.0], [1.0, 0, 0, 95.0], [0, 0, 0, 1.0]]),
                 "1.2.3.4")  # fmt: skip
    write_arrivals([arrival()], whole, tmp_path)
    read = courses_of_folder(filled, tmp_path, grid=whole)["gap-1"]
    assert (read.end_ml, [one.id for one in read.reached]) == (course.end_ml, [one.id for one in course.reached])
    for ml in (0.5, 1.5, 2.4):
        mine, its = (np.argwhere(c.cement_at(ml).voxels) for c in (course, read))
        where = {tuple(np.round(p, 3)) for p in course.arrival.grid.to_lps(mine)}
        assert {tuple(np.round(p, 3)) for p in read.arrival.grid.to_lps(its)} == where


def test_the_surface_of_cement_encloses_it_and_without_cement_there_is_none():
    grid = Grid((20, 20, 20), np.diag([2.0, 1.0, 0.5, 1.0]))
    voxels = np.zeros(grid.shape, bool)
    assert cement_surface(Mask(grid, voxels)) is None
    voxels[5:10, 4:12, 3:9] = True
    points, triangles = cement_surface(Mask(grid, voxels))
    corners = points[triangles]
    enclosed = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6.0
    assert enclosed == pytest.approx(1000.0 * Mask(grid, voxels).volume_ml, rel=0.15)
