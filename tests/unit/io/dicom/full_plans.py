"""A made-up plan in which every field of gaps, breaches, needles and implants is told once, and once is not."""

from typing import Any

from planner.model.anatomy_record import AnatomyRecord, BoneRecord
from planner.model.breach import Breach
from planner.model.carm import BullsEye, NeedleView, WatchView
from planner.model.finding import Finding
from planner.model.gap import Gap, GapWidth, Interval, ZoneVolume
from planner.model.implant import Implant, ImplantAxis, ImplantSphere, LooseningCriterion
from planner.model.labels import Structure
from planner.model.needle import (
    AimError,
    BevelSetting,
    Clearances,
    Crossing,
    CurvedCannula,
    DepthMark,
    NearStructure,
    Needle,
    NeedleSet,
    PediclePassage,
    Procedure,
    ProposedSet,
    SkinLandmark,
    Trajectory,
)
from planner.model.picked_target import PickedTarget, PickedWay
from planner.model.plan import Plan, Review, Series, Software

# No figure stands twice, and none is short in decimals: what is mixed up or rounded is seen.
SCREW = Implant(
    id="screw-1", kind="pedicle_screw", volume_ml=1.5234567890123, centroid_lps=(-31.0, 20.0, -398.0),
    axis=ImplantAxis(
        head_lps=(-24.0, 30.0, -401.0), tip_lps=(-26.0, 15.0, -396.0),
        diameter_mm=6.4871234, core_diameter_mm=4.9123456, length_mm=41.0987654,
    ),
    bulls_eye=BullsEye(primary_deg=168.0, secondary_deg=6.0), side="left", level="L4", material="titanium",
    loosening="probable",
    loosening_criteria=(
        LooseningCriterion(name="rim > 1 mm, share of shaft", measured=0.68378506894, limit=1.0 / 3.0, unit="1"),
        LooseningCriterion(name="rim width, greatest", measured=None, limit=1.0123, unit="mm"),
    ),
    metal_length_mm=43.219876, is_cut=True,
)  # fmt: skip
BARE = {"volume_ml": None, "axis": None, "bulls_eye": None, "level": None, "material": "unknown", "loosening": None}
STEM = Implant(id="stem-right", kind="femoral_stem", centroid_lps=(-30.0, 14.0, -395.0), side="right", **BARE)
CUP = Implant(
    id="cup-right", kind="acetabular_cup", centroid_lps=(-30.0, 14.0, -395.0), side="right", **BARE,
    sphere=ImplantSphere(centre_lps=(-30.0, 14.0, -395.0), diameter_mm=52.123456, opening_lps=(0.0, 0.0, -1.0)),
)  # fmt: skip
UNKNOWN = Implant(id="unknown-1", kind="unknown", centroid_lps=(-30.0, 14.0, -395.0), side=None, **BARE)
GAP = Gap(
    id="gap-1", implant_id="screw-1", level=None, kind="screw_halo",
    zones=(ZoneVolume(zone="screw-middle", volume_ml=0.41234567), ZoneVolume(zone="screw-tip", volume_ml=None)),
    volume_ml=Interval(estimate=1.2345678901234, low=1.0123456789, high=1.5678901234),
    expected_fill_ml=Interval(estimate=0.8012345, low=0.6543217, high=1.0987651),
    width_mm=GapWidth(median=1.4321, p95=2.1234, max=2.6543), interface_fraction=0.62512345,
    centroid_lps=(-29.0, 16.0, -400.0), trust=0.81234567, made="edited",
)  # fmt: skip
EMPTY_GAP = Gap(
    id="gap-2", implant_id=None, level="L5", kind="fracture_level", zones=(), volume_ml=None, expected_fill_ml=None,
    width_mm=None, interface_fraction=None, centroid_lps=(0.0, 0.0, -20.0), trust=None,
)  # fmt: skip
BREACH = Breach(
    id="breach-1", gap_id="gap-1", leak_type="canal", severity="thin", barrier_mm=0.4123, area_mm2=12.3456789,
    centroid_lps=(-28.5, 17.25, -401.125), outward_lps=(-1.0, 0.0, 0.0), reached=True, leak_after_ml=0.6587,
    watch_view=WatchView(
        primary_deg=88.125, secondary_deg=2.25, console_primary_deg=-91.875, console_secondary_deg=2.375,
        slant_deg=7.1969, contrast=0.675812,
    ),
    literature_type="C", compartment="spinal canal", barrier_hu=312.5, neck_mm=5.0196, trust=0.40910, stop_ml=0.153022,
)  # fmt: skip
EMPTY_BREACH = Breach(
    id="breach-2", gap_id="gap-1", leak_type=None, severity="open", barrier_mm=None, area_mm2=None,
    centroid_lps=(-27.5, 17.25, -401.125), outward_lps=None, reached=None, leak_after_ml=None, watch_view=None,
)  # fmt: skip
NEEDLE = {
    "approach": "transpedicular",
    "entry_skin_lps": (-20.0625, 46.5, -399.0),
    "entry_bone_lps": (-24.0, 36.0, -399.5),
    "aim_lps": (-28.0, 20.0, -400.0),
    "target_lps": (-28.5, 17.0, -400.25),
    "path_lps": ((-20.0625, 46.5, -399.0), (-24.0, 36.0, -399.5), (-28.0, 20.0, -400.0), (-28.5, 17.0, -400.25)),
    "slides_along_implant": True,
    "depth_from_skin_mm": 65.125123,
    "depth_in_bone_mm": 23.448294515,
    "needle": Needle(gauge="15G", outer_diameter_mm=1.8312, length_mm=150.25),
    "clearance_mm": Clearances(metal=-1.2512, canal=5.5123, nearest_breach=4.6751, forbidden=2.571, other_bone=0.5087),
    "crosses": (Crossing(structure="soft tissue", length_mm=41.6767), Crossing(structure="bone", length_mm=23.4483)),
    "cortical_crossings": 1,
    "entry_angle_deg": 25.2398,
    "reachable_ml": 0.7813116,
    "skin_landmark": SkinLandmark(name="midline", offset_mm=(38.06, 0.0, 0.0), in_words="38 mm left of the midline"),
    "bulls_eye": NeedleView(
        primary_deg=151.6167, secondary_deg=10.2793, console_primary_deg=-28.3833, console_secondary_deg=10.2794,
        within_gantry_limits=False,
    ),
    "score": 0.765128,
    "score_terms": {"depth": 1.0},
    "zones": ("screw-middle", "screw-tip"),
    "entry_cortex_mm": 1.8765,
    "violations": ("nearer to the canal than 2 mm",),
    "cautions": ("the tip meets an implant where it is aimed badly",),
    "made": "edited",
    "family": "along the screw",
    "margins_reduced": ("metal",),
    "with_aim_error": AimError(error_mm=2.0, error_deg=2.0, metal=-3.1, canal=2.2, forbidden=0.1, harmless_share=0.5),
    "passage": PediclePassage(
        bone="vertebra-1", side="left", grade="B", beyond_wall_mm=0.5, medial_wall_mm=1.5, width_mm=9.5
    ),
    "depth_marks": (DepthMark(name="bone", from_skin_mm=41.6767, from_bone_mm=0.0),),
    "nearest": (NearStructure(structure="rod-1", distance_mm=2.4, at_lps=(-20.0, 30.0, -399.0), depth_mm=20.0),),
    "bevel": BevelSetting(facing_lps=(0.0, 0.0, 1.0), clock=12, reason="away from the canal"),
    "cannula": CurvedCannula(radius_mm=30.0, arc_mm=12.0, turn_deg=23.0),
}  # fmt: skip
TRAJECTORY = Trajectory(
    id="trajectory-1", rank=1, gap_id="gap-1", implant_id="screw-1", leak_after_ml=0.18435,
    leak_breach_id="breach-1", locked=True, **NEEDLE,
)  # fmt: skip
EMPTY_TRAJECTORY = Trajectory(
    id="trajectory-2", approach="femoral", rank=2, gap_id="gap-1", implant_id=None, entry_skin_lps=None,
    entry_bone_lps=(-24.0, 36.0, -399.5), aim_lps=(-28.0, 20.0, -400.0), target_lps=(-28.0, 20.0, -400.0),
    path_lps=((-24.0, 36.0, -399.5), (-28.0, 20.0, -400.0)), slides_along_implant=False, depth_from_skin_mm=None,
    depth_in_bone_mm=16.5, needle=Needle(gauge="special", outer_diameter_mm=2.1, length_mm=100.0),
    clearance_mm=Clearances(metal=None, canal=None, nearest_breach=None), crosses=(), cortical_crossings=None,
    entry_angle_deg=None, reachable_ml=None, skin_landmark=None,
    bulls_eye=NeedleView(
        primary_deg=10.0, secondary_deg=20.0, console_primary_deg=30.0, console_secondary_deg=40.0,
        within_gantry_limits=True,
    ),
    score=0.0, score_terms={},
)  # fmt: skip
PICKED = PickedTarget(
    id="picked-1", point_lps=(-28.0, 20.0, -400.0), radius_mm=3.0, implant_id="screw-1", gap_id=None,
    ways=(PickedWay(id="picked-1-way-1", rank=1, target_id="picked-1", implant_id="screw-1", **NEEDLE),),
)  # fmt: skip
FINDINGS = (
    Finding(code="position-differs", severity="warning", message="the CT is supine, the treatment prone"),
    Finding(code="trace", severity="caution", message="a rim of 0.4 ± 0.2 mm × 3 at 30°", measured=0.4, limit=1.0,
            unit="mm", where_lps=(1.0, -2.0, 3.0), source="a book"),
)  # fmt: skip
LABELS = (
    Structure(code=1, kind="implant", id="screw-1"),
    Structure(code=5, kind="gap", id="gap-1"),
    Structure(code=6, kind="gap", id="gap-2"),
    Structure(code=7, kind="breach", id="breach-1"),
    Structure(code=8, kind="canal", id="canal"),
    Structure(code=9, kind="bone", id="vertebra-1"),
)


def bone(name: str, kind: str, **changes: Any) -> BoneRecord:
    told = {"level": None, "side": None, "label_code": None, "envelope_ml": 1.0, "is_cut": False}
    return BoneRecord(name=name, kind=kind, **{**told, **changes})


def make_full_plan(**changes: Any) -> Plan:
    """The plan; changes replace fields."""
    fields: dict[str, Any] = {
        "software": Software(name="periprosthetic-cement-planner", version="9.8.7"),
        "review": Review(),
        "series": Series(
            series_instance_uid="1.2.3.100", frame_of_reference_uid="1.2.3.4", shape_zyx=(12, 20, 24),
            spacing_mm=(1.25, 0.8, 0.7), patient_position="HFS", hu_min=-1024.0, hu_max=3071.0, hu_clipped_at=3071.0,
        ),
        "treatment_position": "HFP",
        "settings_sha256": "c0ffee" * 10 + "0000",
        "implants": (SCREW, STEM, CUP, UNKNOWN),
        "gaps": (GAP, EMPTY_GAP),
        "breaches": (BREACH, EMPTY_BREACH),
        "trajectories": (TRAJECTORY, EMPTY_TRAJECTORY),
        "picked_targets": (PICKED,),
        "needle_sets": (
            NeedleSet(
                implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=("trajectory-1",), covered_ml=0.9,
                covered_fraction=0.73, cement_ml=1.6, order=("trajectory-1",),
            ),
        ),
        "procedure": Procedure(
            sets=(
                ProposedSet(
                    implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=("trajectory-1",), reason="one reaches",
                    cement_ml=1.6,
                ),
            ),
            needles=1, cement_ml=1.6, in_needles_ml=0.2,
        ),
        "anatomy": AnatomyRecord(
            bones=(
                bone("vertebra-1", "vertebra", level="L4", label_code=9), bone("vertebra-2", "vertebra"),
                bone("femur-right", "femur", side="right"), bone("sacrum", "sacrum"),
            )
        ),
        "labels": LABELS,
        "findings": FINDINGS,
        "timings_s": {"load": 1.25, "total": 7.5},
    }  # fmt: skip
    return Plan(**{**fields, **changes})
