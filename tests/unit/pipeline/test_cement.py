"""What a plan tells of the cement's course, and what it leaves untold."""

import numpy as np
import pytest

from planner.config.flow_config import FlowConfig
from planner.config.plan_config import PlanConfig
from planner.errors import GeometryError
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
        ("in_place", "high"), ("removed", "high"), ("in_place", "low"), ("in_place", "medium")
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
    assert near.reached and near.stop_ml <= near.leak_after_ml < 0.5
    # what runs into the bone does not come so far from the first needle, but the second one ends there
    assert far.reached is False and far.leak_after_ml is None and far.stop_ml < 0.5
    (both,) = (f for f in plan.fills if len(f.trajectory_ids) == 2)
    assert far.stop_ml == pytest.approx(next(a.after_ml for a in both.arrivals if a.breach_id == far.id))
    assert (other.reached, other.leak_after_ml, other.stop_ml) == (None, None, None)


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
    assert simulate_fill(case, (0.0, 0.0, 30.0), gap_id="gap-1").fill.ended == "no_way"
    with pytest.raises(GeometryError, match="gap-2 was not measured"):
        simulate_fill(case, (0.0, 0.0, 12.0))
    with pytest.raises(GeometryError, match="no gap-9"):
        simulate_fill(case, TIP, gap_id="gap-9")
    with pytest.raises(GeometryError, match="above 0 mL"):
        simulate_fill(case, TIP, injected_ml=0.0)
    with pytest.raises(GeometryError, match="tips are points"):
        simulate_fill(case, [1.0, 2.0])
    assert PlanConfig().flow == FlowConfig()
