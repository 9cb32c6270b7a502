"""A small plan, made up, with things that were and were not measured."""

from collections.abc import Callable
from typing import Any

import pytest

from planner.model.breach import Breach
from planner.model.carm import BullsEye, NeedleView, WatchView
from planner.model.finding import Finding
from planner.model.gap import Gap, GapWidth, Interval, ZoneVolume
from planner.model.implant import Implant, ImplantAxis, LooseningCriterion
from planner.model.needle import Clearances, Crossing, Needle, NeedleSet, Trajectory
from planner.model.plan import Plan, Review, RiskFactor, Series, Software


def make_plan(**changes: Any) -> Plan:
    """One measured gap with a needle and a breach, one gap of which nothing could be measured."""
    implant = Implant(
        id="screw-1", kind="pedicle_screw", volume_ml=1.5, centroid_lps=(10.0, 0.0, 0.0),
        axis=ImplantAxis(
            head_lps=(14.0, 20.0, 2.0), tip_lps=(6.0, -20.0, -2.0),
            diameter_mm=6.5, core_diameter_mm=None, length_mm=41.0,
        ),
        bulls_eye=BullsEye(primary_deg=168.0, secondary_deg=6.0), side="left", level="L4", material="titanium",
        loosening="probable",
        loosening_criteria=(LooseningCriterion(name="widest rim", measured=1.75, limit=1.0, unit="mm"),),
    )  # fmt: skip
    gap = Gap(
        id="gap-1", implant_id="screw-1", level=None, kind="screw_halo",
        zones=(ZoneVolume(zone="screw-middle", volume_ml=0.41), ZoneVolume(zone="screw-tip", volume_ml=None)),
        volume_ml=Interval(estimate=1.23, low=1.01, high=1.5),
        expected_fill_ml=Interval(estimate=0.8, low=0.6, high=1.0),
        width_mm=GapWidth(median=1.4, p95=2.1, max=2.6), interface_fraction=0.625, centroid_lps=(10.0, 0.0, 0.0),
        trust=0.8,
    )  # fmt: skip
    unknown = Gap(
        id="gap-2", implant_id=None, level="L5", kind="fracture_level", zones=(), volume_ml=None,
        expected_fill_ml=None, width_mm=None, interface_fraction=None, centroid_lps=(0.0, 0.0, -20.0), trust=None,
    )  # fmt: skip
    needle = Trajectory(
        id="trajectory-1", approach="transpedicular", gap_id="gap-1", implant_id="screw-1", rank=1, entry_skin_lps=None,
        entry_bone_lps=(20.0, 26.0, 3.0), aim_lps=(9.0, -4.0, 0.5), target_lps=(9.0, -4.0, 0.5),
        path_lps=((20.0, 26.0, 3.0), (9.0, -4.0, 0.5)), slides_along_implant=False, depth_from_skin_mm=None,
        depth_in_bone_mm=32.0, needle=Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=150.0),
        clearance_mm=Clearances(metal=1.25, canal=5.5, nearest_breach=None),
        crosses=(Crossing(structure="pedicle", length_mm=15.0),), cortical_crossings=1, entry_angle_deg=21.0,
        reachable_ml=0.9, skin_landmark=None,
        bulls_eye=NeedleView(
            primary_deg=160.0, secondary_deg=4.0, console_primary_deg=-20.0, console_secondary_deg=4.0,
            within_gantry_limits=True,
        ),
        score=0.77, score_terms={},
    )  # fmt: skip
    breach = Breach(
        id="breach-1", gap_id="gap-1", leak_type="canal", severity="thin", barrier_mm=0.4, area_mm2=12.0,
        centroid_lps=(2.0, 4.0, 0.0), outward_lps=(-1.0, 0.0, 0.0), reached=True, leak_after_ml=0.65,
        watch_view=WatchView(primary_deg=88.0, secondary_deg=2.0),
    )  # fmt: skip
    fields: dict[str, Any] = {
        "software": Software(name="cement-planner", version="9.8.7"),
        "review": Review(),
        "series": Series(
            series_instance_uid="1.2.3", frame_of_reference_uid=None, shape_zyx=(3, 4, 5), spacing_mm=(1.0, 0.5, 0.5),
            patient_position="HFS", hu_min=-1024.0, hu_max=3071.0, hu_clipped_at=3071.0,
        ),
        "treatment_position": "HFP",
        "settings_sha256": "c0ffee" * 10 + "0000",
        "implants": (implant,),
        "gaps": (gap, unknown),
        "breaches": (breach,),
        "trajectories": (needle,),
        "needle_sets": (
            NeedleSet(
                gap_ids=("gap-1",), trajectory_ids=("trajectory-1",), covered_ml=0.9, covered_fraction=0.73,
                cement_ml=1.6,
            ),
        ),
        "risk_factors": (
            RiskFactor(name="trabecular CT value", measured=88.0, unit="HU", level="L4", source="a paper"),
        ),
        "findings": (
            Finding(code="a", severity="warning", message="the first thing"),
            Finding(code="b", severity="caution", message="the second thing", measured=1.5, limit=2.0, unit="mm"),
            Finding(code="c", severity="info", message="the third thing", where_lps=(1.0, -2.0, 3.0), source="a book"),
        ),
        "timings_s": {"load": 1.25, "total": 7.5},
    }  # fmt: skip
    return Plan(**{**fields, **changes})


@pytest.fixture
def plan() -> Plan:
    return make_plan()


@pytest.fixture
def plan_with() -> Callable[..., Plan]:
    return make_plan
