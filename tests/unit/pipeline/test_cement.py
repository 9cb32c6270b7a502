"""What a plan tells of the cement's course, and what it leaves untold."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.flow_config import FlowConfig
from planner.config.plan_config import PlanConfig
from planner.errors import CancelledError, GeometryError, UsageError
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.breach import Breach
from planner.model.carm import NeedleView
from planner.model.gap import Gap, Interval
from planner.model.implant import Implant
from planner.model.needle import Clearances, Needle, NeedleSet, Trajectory
from planner.model.plan import Plan, Review, Series, Software
from planner.model.volume import Mask, Volume
from planner.pipeline.cement import with_cement
from planner.pipeline.planned_case import PlannedCase
from planner.pipeline.simulated_fill import simulate_fill
from planner.report.leaks import leaks_of
from planner.safety.breaches import BreachPatch

HALF_MM, WIDE_MM = 10.0, 1.6


def _anatomy():
    """Two flat gaps in cancellous bone, a good way apart."""
    shape, h = (60, 40, 40), 0.8
    matrix = np.zeros((4, 4))
    matrix[2, 0] = matrix[1, 1] = matrix[0, 2] = h
    matrix[:3, 3], matrix[3, 3] = [-0.5 * (n - 1) * h for n in shape[::-1]], 1.0
    grid = Grid(shape, matrix)
    p = np.asarray(grid.to_lps(np.moveaxis(np.indices(shape), 0, -1)))
    flat = np.abs(p[..., :2]).max(axis=-1) < HALF_MM
    masks = [flat & (np.abs(p[..., 2] - z) < WIDE_MM / 2) for z in (-12.0, 12.0)]
    every = np.ones(shape, bool)
    hu = np.where(masks[0] | masks[1], 20, 250).astype(np.int16)
    return Anatomy(
        ct=Volume(grid, hu),
        metal=Mask(grid, ~every),
        bone=Mask(grid, every),
        gaps=tuple(GapSpace(f"gap-{n}", None, Mask(grid, m)) for n, m in enumerate(masks, start=1)),
        implants=(),
    )


def _gap(name, estimate):
    volume = None if estimate is None else Interval(estimate=estimate, low=0.8 * estimate, high=1.3 * estimate)
    return Gap(
        id=name, implant_id=None, level=None, kind="osteolysis", zones=(), volume_ml=volume, width_mm=None,
        expected_fill_ml=Interval(estimate=0.1, low=0.1, high=0.1), interface_fraction=None,
        centroid_lps=(0.0, 0.0, 0.0), trust=1.0,
    )  # fmt: skip


def _needle(number, tip, gap="gap-1"):
    view = NeedleView(
        primary_deg=0, secondary_deg=0, console_primary_deg=0, console_secondary_deg=0, within_gantry_limits=True
    )
    return Trajectory(
        id=f"trajectory-{number}", approach="femoral", rank=number, entry_skin_lps=None, entry_bone_lps=(0, 0, 0),
        aim_lps=tip, target_lps=tip, path_lps=(tip,), slides_along_implant=False, depth_from_skin_mm=None,
        depth_in_bone_mm=1, needle=Needle(gauge="15G", outer_diameter_mm=1.8, length_mm=150),
        clearance_mm=Clearances(metal=None, canal=None, nearest_breach=None), crosses=(), cortical_crossings=0,
        entry_angle_deg=None, reachable_ml=None, skin_landmark=None, bulls_eye=view, score=0.5, score_terms={},
        gap_id=gap, implant_id=None,
    )  # fmt: skip


def _breach(number, place, severity="open", gap="gap-1", leak="canal"):
    record = Breach(
        id=f"breach-{number}", gap_id=gap, leak_type=leak, severity=severity, barrier_mm=0.0, area_mm2=9.0,
        centroid_lps=place, outward_lps=(1, 0, 0), reached=None, leak_after_ml=None, watch_view=None,
    )  # fmt: skip
    return BreachPatch(record, np.array([place]), np.array([place]))


def _set(*names):
    return NeedleSet(gap_ids=("gap-1",), trajectory_ids=names, covered_ml=1, covered_fraction=1, cement_ml=None)


def _stem():
    return Implant(
        id="stem-1", kind="femoral_stem", volume_ml=None, centroid_lps=(0, 0, 0), axis=None, bulls_eye=None, side=None,
        level=None, material="unknown", loosening=None,
    )  # fmt: skip


def _plan(gaps, needles=(), patches=(), sets=(), implants=()):
    series = Series(
        series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=(60, 40, 40), spacing_mm=(0.8, 0.8, 0.8),
        patient_position=None, hu_min=0, hu_max=0, hu_clipped_at=None,
    )  # fmt: skip
    return Plan(
        software=Software(name="x", version="0"), review=Review(), series=series, treatment_position="HFS",
        settings_sha256="0", gaps=gaps, trajectories=needles, breaches=tuple(p.breach for p in patches),
        needle_sets=sets, implants=implants,
    )  # fmt: skip


TIP = (-8.0, 0.0, -12.0)
FAR = (8.0, 0.0, -12.0)
VOLUME_ML = (2 * HALF_MM) ** 2 * WIDE_MM / 1000.0


@pytest.fixture(scope="module")
def anatomy():
    return _anatomy()


@pytest.fixture(scope="module")
def told(anatomy):
    patches = (_breach(1, (9.8, 0.0, -12.0)), _breach(2, (-9.8, 4.0, -12.0)), _breach(3, (9.8, 0, 12.0), gap="gap-2"))
    gaps = (_gap("gap-1", VOLUME_ML), _gap("gap-2", VOLUME_ML))
    sets = (_set("trajectory-1"), _set("trajectory-1", "trajectory-2"))
    plan = _plan(gaps, (_needle(1, TIP), _needle(2, FAR)), patches, sets)
    made, maps = with_cement(plan, anatomy, patches, FlowConfig())
    return Plan.model_validate(made.model_dump(by_alias=True)), maps


def test_the_expected_course_comes_first_and_every_course_keeps_its_volume(told) -> None:
    plan, _ = told
    first = plan.fills[0]
    assert (first.interface_tissue, first.viscosity, first.trajectory_ids) == ("in_place", "high", ("trajectory-1",))
    assert {(f.interface_tissue, f.viscosity) for f in plan.fills} == {
        ("in_place", "high"), ("removed", "high")
    }  # fmt: skip
    assert any(f.trajectory_ids == ("trajectory-1", "trajectory-2") for f in plan.fills)
    for fill in plan.fills:
        for step in fill.steps:
            inside = sum(step.gaps_ml.values()) + step.trabecular_ml + step.leaked_ml
            assert inside == pytest.approx(step.injected_ml, rel=0.01)
        assert [s.injected_ml for s in fill.steps[:-1]] == pytest.approx(list(range(1, len(fill.steps))))


def test_breaches_are_reached_in_the_order_of_their_distance(told) -> None:
    plan, _ = told
    far, near, other = plan.breaches
    assert near.reached and near.stop_ml <= near.leak_after_ml < 0.1
    # far from the first needle, but the second one ends there
    assert far.reached and far.leak_after_ml > 2.0 * near.leak_after_ml
    (both,) = (f for f in plan.fills if len(f.trajectory_ids) == 2)
    at = next(a.after_ml for a in both.arrivals if a.breach_id == far.id)
    assert far.stop_ml == pytest.approx(at) and at < 0.5 * far.leak_after_ml
    assert (other.reached, other.leak_after_ml, other.stop_ml) == (None, None, None)


def test_every_needle_of_the_list_has_a_course_and_the_first_its_own_first(told) -> None:
    plan, _ = told
    assert [f.trajectory_ids for f in plan.fills] == [
        ("trajectory-1",), ("trajectory-1",), ("trajectory-1", "trajectory-2"), ("trajectory-2",)
    ]  # fmt: skip
    second = plan.fills[3]
    assert (second.interface_tissue, second.viscosity) == ("in_place", "high") and second.tips_lps == (FAR,)
    # it ends beside the far breach: that is told by its fill, not by the first needle's volumes
    at = {a.breach_id: a.after_ml for a in second.arrivals}
    far, near, _ = plan.breaches
    assert at[far.id] < 0.5 * at.get(near.id, np.inf) and at[far.id] < far.stop_ml
    assert [f.id for f in plan.fills] == [f"fill-{n}" for n in range(1, 5)]


def test_a_cement_that_the_syringe_cannot_drive_so_far_has_a_course_of_its_own(anatomy) -> None:
    weak = FlowConfig(pressure_limit_mpa=0.06, cannula_mpa_s_per_ml=0.0, slowest_ml_s=0.067)
    plan = _plan((_gap("gap-1", VOLUME_ML),), (_needle(1, TIP),))
    made, _ = with_cement(plan, anatomy, (), weak)
    by_cement = {f.viscosity: f for f in made.fills if f.interface_tissue == "in_place"}
    assert by_cement["high"].ended == "pressure" and by_cement["low"].ended == "gaps_full"
    assert by_cement["high"].steps[-1].injected_ml < by_cement["low"].steps[-1].injected_ml


def test_needles_that_are_not_proposed_are_followed_less_far(anatomy) -> None:
    plan = _plan((_gap("gap-1", VOLUME_ML),), (_needle(1, TIP), _needle(2, FAR)))
    usual, _ = with_cement(plan, anatomy, (), FlowConfig())
    short, _ = with_cement(plan, anatomy, (), FlowConfig(most_other_needle_ml=0.1))
    assert short.fills[0] == usual.fills[0] and usual.fills[-1].ended == "gaps_full"
    assert short.fills[-1].ended == "volume" and short.fills[-1].steps[-1].injected_ml == pytest.approx(0.1)
    least, _ = with_cement(plan, anatomy, (), FlowConfig(most_ml=0.05))
    assert {f.steps[-1].injected_ml for f in least.fills} == {0.05}


def test_another_gaps_injection_is_none_that_one_stops_for_a_breach(anatomy) -> None:
    # one sheet in two halves, a needle in each: what goes into the second runs into the first
    sheet = anatomy.gaps[0].mask.voxels
    x = np.asarray(anatomy.grid.to_lps(np.moveaxis(np.indices(sheet.shape), 0, -1)))[..., 0]
    halves = tuple(
        GapSpace(f"gap-{n}", None, Mask(anatomy.grid, sheet & side)) for n, side in ((1, x < 0), (2, x >= 0))
    )
    split = replace(anatomy, gaps=halves)
    patch = _breach(1, (-2.0, 0.0, -12.8))
    gaps = (_gap("gap-1", VOLUME_ML / 2), _gap("gap-2", VOLUME_ML / 2))
    needles = (_needle(1, TIP), _needle(2, (2.0, 0.0, -12.0), gap="gap-2").model_copy(update={"rank": 1}))
    both, _ = with_cement(_plan(gaps, needles, (patch,)), split, (patch,), FlowConfig())
    alone, _ = with_cement(_plan(gaps, needles[:1], (patch,)), split, (patch,), FlowConfig())
    other = next(f for f in both.fills if f.gap_id == "gap-2")
    assert other.arrivals[0].after_ml < 0.5 * both.breaches[0].stop_ml
    assert both.breaches[0].stop_ml == alone.breaches[0].stop_ml is not None
    without, _ = with_cement(_plan(gaps, needles[1:], (patch,)), split, (patch,), FlowConfig())
    assert without.breaches[0].stop_ml is None and without.breaches[0].reached is None


def test_one_looks_earlier_by_what_the_aim_may_be_off(anatomy) -> None:
    patch = _breach(1, (8.0, 0.0, -12.0))
    along = _needle(1, (2.0, 0.0, -12.0)).model_copy(update={"path_lps": ((-9.0, 0, -12), (2.0, 0, -12))})
    plan = _plan((_gap("gap-1", VOLUME_ML),), (along,), (patch,))
    told = {
        error: with_cement(plan, anatomy, (patch,), FlowConfig(), aim_error_mm=error)[0] for error in (0.0, 2.0, 50.0)
    }
    exact, off, outside = (told[error].breaches[0] for error in (0.0, 2.0, 50.0))
    assert exact.stop_ml == exact.leak_after_ml == off.leak_after_ml
    # 6 mm away, 4 mm at the worst: the volume grows with the square of the way
    assert off.stop_ml < 0.75 * off.leak_after_ml
    # where a moved tip lies in nothing that takes cement nothing is told of it, and moved tips are not written
    assert outside.stop_ml == exact.stop_ml and len(told[2.0].fills) == len(told[0.0].fills)


@pytest.mark.parametrize("is_large", [True, False])
def test_a_target_that_most_cement_leaves_is_warned_of(anatomy, is_large) -> None:
    x = np.arange(-9.2, -6.7, 0.4)
    patch = _breach(1, (-8.0, 0.0, -12.8))
    record = patch.breach.model_copy(update={"area_mm2": 9.0 if is_large else 0.05})
    patch = BreachPatch(record, np.array([(a, b, -12.8) for a in x for b in x + 8.0]), np.zeros((49, 3)))
    plan = _plan((_gap("gap-1", VOLUME_ML),), (_needle(1, TIP),), (patch,))
    made, _ = with_cement(plan, anatomy, (patch,), FlowConfig())
    told = [f for f in made.findings if f.code == "cement-leaks-away"]
    assert (made.fills[0].ended == "leaks_away") is is_large and len(told) == is_large
    if is_large:
        assert told[0].gap_id == "gap-1" and told[0].measured == pytest.approx(0.5, abs=0.1)
        assert made.fills[0].steps[-1].leaked_ml >= 0.49 * made.fills[0].steps[-1].injected_ml


def test_an_injection_is_stopped_between_two_courses(anatomy) -> None:
    class Impatient:
        asked = 0

        def report(self, progress) -> None:
            """Take no note."""

        def cancelled(self) -> bool:
            self.asked += 1
            return self.asked > 3

    plan = _plan((_gap("gap-1", VOLUME_ML),), (_needle(1, TIP), _needle(2, FAR)))
    with pytest.raises(CancelledError):
        with_cement(plan, anatomy, (), FlowConfig(), monitor=Impatient())


def _course_with(anatomy, patch, *, stem=False):
    gap = _gap("gap-1", VOLUME_ML)
    implants = (_stem(),) if stem else ()
    if stem:
        gap = gap.model_copy(update={"implant_id": "stem-1"})
    plan = _plan((gap,), (_needle(1, TIP),), (patch,), (_set("trajectory-1"),), implants)
    made, _ = with_cement(plan, anatomy, (patch,), FlowConfig())
    return made


@pytest.mark.parametrize(
    ("leak", "severity", "stem", "stops"),
    [
        ("canal", "open", False, True), ("canal", "thin", False, False), (None, "open", False, True),
        ("cortical", "open", False, False), ("cortical", "open", True, True), ("cortical", "thin", True, False),
        ("joint", "thin", True, False), ("screw_tract", "open", False, False),
    ],
)  # fmt: skip
def test_filling_and_cement_end_where_the_report_says_stop(anatomy, leak, severity, stem, stops) -> None:
    made = _course_with(anatomy, _breach(2, (-9.8, 4.0, -12.0), severity, leak=leak), stem=stem)
    (fill,), (one,), told = [made.gaps[0].expected_fill_ml], made.needle_sets, leaks_of(made, made.gaps[0])
    first = made.fills[0]
    assert made.breaches[0].reached and (told.stop is not None) is stops
    end = first.steps[-1]
    if stops:
        assert one.cement_ml == pytest.approx(told.stop.after_ml) and one.cement_ml < 0.5 * end.injected_ml
        assert fill.estimate < 0.5 * end.gaps_ml["gap-1"]
    else:
        assert one.cement_ml == pytest.approx(end.injected_ml)
        assert fill.estimate == pytest.approx(end.gaps_ml["gap-1"])
    assert 0.0 < fill.low <= fill.estimate <= fill.high <= 1.3 * VOLUME_ML


def test_nothing_is_told_without_needle_or_volume(told, anatomy) -> None:
    plan, maps = told
    assert plan.gaps[1].expected_fill_ml is None and [m.gap_id for m in maps] == ["gap-1"]
    patches = (_breach(1, (9.8, 0.0, -12.0)),)
    unmeasured = _plan((_gap("gap-1", None),), (_needle(1, TIP),), patches, (_set("trajectory-1"),))
    made, maps = with_cement(unmeasured, anatomy, patches, FlowConfig())
    assert made.fills == () and maps == () and made.gaps[0].expected_fill_ml is None
    assert made.needle_sets[0].cement_ml is None and made.breaches[0].reached is None
    empty = _plan((_gap("gap-1", 0.0),), (_needle(1, TIP),), patches, (_set("trajectory-1"),))
    made, maps = with_cement(empty, anatomy, patches, FlowConfig())
    assert made.fills == () and maps == () and made.breaches[0].stop_ml is None
    astray = _plan((_gap("gap-1", 0.6),), (_needle(1, (0.0, 0.0, 40.0)),), patches, (_set("trajectory-1"),))
    made, _ = with_cement(astray, anatomy, patches, FlowConfig())
    assert made.fills[0].ended == "no_way" and made.fills[0].steps == ()
    assert made.breaches[0].reached is None and made.needle_sets[0].cement_ml is None


def test_cement_to_prepare_is_what_goes_in_until_one_stops_or_it_ends(told, anatomy) -> None:
    plan, _ = told
    one, two = plan.needle_sets
    by_needles = {f.trajectory_ids: f for f in reversed(plan.fills)}
    for chosen in (one, two):
        first = min(a.after_ml for a in by_needles[chosen.trajectory_ids].arrivals)
        assert chosen.cement_ml == pytest.approx(first)
    plan = _plan((_gap("gap-1", VOLUME_ML),), (_needle(1, TIP),), (), (_set("trajectory-1"),))
    made, _ = with_cement(plan, anatomy, (), FlowConfig())
    last = made.fills[0].steps[-1]
    # also where the gap does not become full
    assert made.needle_sets[0].cement_ml == pytest.approx(last.injected_ml)
    assert last.injected_ml == pytest.approx(last.gaps_ml["gap-1"] + last.trabecular_ml, rel=0.01)


def test_the_map_shows_more_cement_the_more_is_in(told) -> None:
    _, (arrival,) = told
    little, much = arrival.cement_at(0.1), arrival.cement_at(0.5)
    assert 0 < little.volume_ml < much.volume_ml and not (little.voxels & ~much.voxels).any()
    assert not arrival.cement_at(0.0).voxels.any()


def test_a_script_simulates_any_tip_of_a_planned_case(anatomy) -> None:
    plan = _plan((_gap("gap-1", VOLUME_ML), _gap("gap-2", None)))
    case = PlannedCase.__new__(PlannedCase)
    object.__setattr__(case, "plan", plan)
    object.__setattr__(case, "anatomy", anatomy)
    object.__setattr__(case, "breaches", ())
    done = simulate_fill(case, TIP, injected_ml=0.4, viscosity="low")
    assert done.fill.gap_id == "gap-1" and done.fill.tips_lps == (TIP,) and done.fill.ended == "volume"
    assert done.fill.steps[-1].injected_ml == pytest.approx(0.4)
    assert np.isfinite(done.arrival.injected_ml).any()
    with pytest.raises(GeometryError, match="gap-2 was not measured"):
        simulate_fill(case, (0.0, 0.0, 12.0))
    with pytest.raises(GeometryError, match="no gap-9"):
        simulate_fill(case, TIP, gap_id="gap-9")
    assert PlanConfig().flow == FlowConfig()


def _case(anatomy, volume_ml=VOLUME_ML):
    case = PlannedCase.__new__(PlannedCase)
    object.__setattr__(case, "plan", _plan((_gap("gap-1", volume_ml),)))
    object.__setattr__(case, "anatomy", anatomy)
    object.__setattr__(case, "breaches", ())
    return case


def test_the_same_volume_leaks_whatever_a_script_intends(anatomy) -> None:
    case = _case(anatomy)
    patch = _breach(1, (0.0, 0.0, -12.0))
    object.__setattr__(case, "breaches", (patch,))
    told = [simulate_fill(case, TIP, injected_ml=ml).fill.arrivals[0].after_ml for ml in (0.3, 1, 10.0, 1000.0)]
    assert 0.02 < told[0] < 0.3 and told == pytest.approx([told[0]] * 4, rel=1e-6)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"viscosity": "thick"}, "one of low, medium, high, not 'thick'"),
        ({"interface_tissue": "kept"}, "one of in_place, removed, not 'kept'"),
        ({"injected_ml": "2"}, "a number of mL, not '2'"),
        ({"injected_ml": True}, "a number of mL"),
        ({"injected_ml": np.inf}, "up to 1000 mL, not inf"),
        ({"injected_ml": np.nan}, "above 0 mL"),
        ({"injected_ml": 0.0}, "above 0 mL"),
        ({"injected_ml": 1001}, "up to 1000 mL"),
        ({"config": {"flow": 1}}, "a PlanConfig, not a dict"),
        ({"source": "scan.nii"}, "not in a str"),
    ],
)
def test_a_script_is_told_what_a_name_or_a_number_may_be(anatomy, asked, says) -> None:
    call = {"source": _case(anatomy), "tips_lps": TIP} | asked
    with pytest.raises(UsageError, match=says) as told:
        simulate_fill(call.pop("source"), call.pop("tips_lps"), **call)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("tips", "says"),
    [
        ("11.6, 3.9, 7.5", "not str"), ([1.0, 2.0], "shape"), (np.zeros((0, 3)), "shape"), ([1j, 0, 0], "complex"),
        ([np.nan, 0.0, 0.0], "not finite"), ([[1.0, 2.0, 3.0], [1.0]], "three numbers"), (None, "not object"),
        (np.zeros((2, 2, 3)), "shape"),
        ((0.0, 0.0, 19.0), "takes cement into this gap; the nearest gap is [0-9.]+ mm away"),
        ((500.0, 500.0, 500.0), "the nearest gap is 8[0-9]+"),
    ],
)  # fmt: skip
def test_tips_that_are_no_points_or_lie_nowhere_are_refused(anatomy, tips, says) -> None:
    with pytest.raises(GeometryError, match=says) as told:
        simulate_fill(_case(anatomy), tips, gap_id="gap-1")
    assert "\n" not in str(told.value)


def test_a_tip_in_metal_is_refused_and_a_gap_that_takes_nothing_is_told(anatomy) -> None:
    voxels = anatomy.gaps[0].mask.voxels
    x = np.asarray(anatomy.grid.to_lps(np.moveaxis(np.indices(voxels.shape), 0, -1)))[..., 0]
    steel = replace(anatomy, metal=Mask(anatomy.grid, voxels & (x < 0)))
    with pytest.raises(GeometryError, match=r"lies in metal; the nearest gap is 8\.[0-9] mm away"):
        simulate_fill(_case(steel), TIP)
    assert simulate_fill(_case(steel), FAR).fill.ended != "no_way"
    nothing = simulate_fill(_case(anatomy, 0.0), TIP, injected_ml=1.0).fill
    assert nothing.ended == "no_way" and nothing.steps == () and nothing.arrivals == ()
