"""A plan with needles of which everything is told, and one of which nothing is."""

from typing import Any

from planner.model.cement_fill import BreachArrival, CementFill, FillStep
from planner.model.needle import (
    AimError,
    BevelSetting,
    Clearances,
    Crossing,
    CurvedCannula,
    DepthMark,
    NearStructure,
    NeedleSet,
    PediclePassage,
    Procedure,
    ProposedSet,
    SkinLandmark,
    Trajectory,
)
from planner.model.needle_search import FamilySearch, NeedleSearch
from planner.model.plan import Plan

MARKS: tuple[tuple[Any, float], ...] = (
    ("bone", 41.0), ("pedicle", 52.0), ("posterior wall", 63.0), ("contact with the screw", 66.0), ("target", 83.0)
)  # fmt: skip


def told_needle(plain: Trajectory, **changes: Any) -> Trajectory:
    """A needle along the screw, of which everything is told."""
    fields: dict[str, Any] = {
        "entry_skin_lps": (31.0, 66.0, 9.0),
        "path_lps": ((31.0, 66.0, 9.0), (20.0, 26.0, 3.0), (12.0, 4.0, 1.0), (9.0, -14.0, -1.0)),
        "aim_lps": (12.0, 4.0, 1.0),
        "target_lps": (9.0, -14.0, -1.0),
        "slides_along_implant": True,
        "depth_from_skin_mm": 83.0,
        "depth_in_bone_mm": 42.0,
        "clearance_mm": Clearances(metal=0.7, canal=2.6, nearest_breach=9.3, forbidden=14.0, other_bone=1.4),
        "crosses": (
            Crossing(structure="skin and fat", length_mm=12.0),
            Crossing(structure="muscle", length_mm=29.0),
            Crossing(structure="bone", length_mm=42.0),
        ),
        "skin_landmark": SkinLandmark(name="midline", offset_mm=(31.0, 0.0, 0.0)),
        "skin_offsets": (
            SkinLandmark(name="midline", offset_mm=(31.0, 0.0, 0.0)),
            SkinLandmark(name="tip of the spinous process of L4", offset_mm=(31.0, 0.0, -12.0)),
        ),
        "family": "along the screw",
        "with_aim_error": AimError(
            error_mm=2.0, error_deg=2.0, metal=-1.1, canal=0.4, forbidden=11.0, harmless_share=0.96
        ),
        "passage": PediclePassage(
            bone="vertebra-2", side="left", grade="B", beyond_wall_mm=0.6, medial_wall_mm=2.6, width_mm=9.1,
            posterior_wall_after_mm=22.0,
        ),
        "depth_marks": tuple(DepthMark(name=n, from_skin_mm=mm, from_bone_mm=mm - 41.0) for n, mm in MARKS),
        "nearest": (
            NearStructure(structure="screw-1", distance_mm=0.7, at_lps=(12.0, 4.0, 1.0), depth_mm=18.0),
            NearStructure(structure="rod-1", distance_mm=3.4, at_lps=(20.0, 26.0, 3.0), depth_mm=44.0),
            NearStructure(structure="spinal canal", distance_mm=2.6, at_lps=(12.0, 8.0, 1.0), depth_mm=25.0),
        ),
        "bevel": BevelSetting(
            facing_lps=(1.0, 0.0, 0.0), clock=9, reason="away from the screw, so that the tip slides along it"
        ),
        "zones": ("screw-middle", "screw-tip"),
        "entry_cortex_mm": 1.8,
        "cautions": ("the tip lies 3 mm before the front wall",),
        "margins_reduced": ("metal", "canal"),
        "leak_after_ml": 0.8,
        "leak_breach_id": "breach-1",
        "score_terms": {
            "clearance_metal": 0.35, "clearance_canal": 0.8, "depth": 0.7, "reach": 0.9, "entry_angle": 0.66,
            "obliquity": 0.8, "robustness": 0.96, "breach_distance": 1.0, "skin_in_view": 1.0, "cement": 0.62,
        },
    }  # fmt: skip
    return plain.model_copy(update={**fields, **changes})


def _fill(number: int, names: tuple[str, ...], leak_ml: float) -> CementFill:
    step = FillStep(injected_ml=1.6, gaps_ml={"gap-1": 0.8}, trabecular_ml=0.6, leaked_ml=0.2, reached=("breach-1",))
    return CementFill(
        id=f"fill-{number}", gap_id="gap-1", trajectory_ids=names, tips_lps=((0.0, 0.0, 0.0),) * len(names),
        interface_tissue="in_place", viscosity="high", steps=(step,),
        arrivals=(BreachArrival(breach_id="breach-1", after_ml=leak_ml),), ended="gaps_full",
    )  # fmt: skip


def with_told_needles(plan: Plan) -> Plan:
    """Give a plan with three needles, two of them proposed together, and with the search's counts."""
    plain = plan.trajectories[0]
    one = told_needle(plain)
    two = told_needle(
        plain,
        id="trajectory-2",
        rank=2,
        family="juxtapedicular",
        approach="extrapedicular",
        slides_along_implant=False,
        passage=None,
        bevel=None,
        margins_reduced=(),
        cautions=(),
        with_aim_error=AimError(error_mm=2.0, error_deg=2.0, metal=1.1, canal=3.4, forbidden=11.0, harmless_share=1.0),
        cannula=CurvedCannula(radius_mm=25.0, arc_mm=18.0, turn_deg=41.0),
    )
    bare = plain.model_copy(update={"id": "trajectory-3", "rank": 3})
    pair = ("trajectory-1", "trajectory-2")
    sets = (
        NeedleSet(
            implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=("trajectory-1",), covered_ml=0.7,
            covered_fraction=0.57, cement_ml=0.8, order=("trajectory-1",), vents_mm=31.0,
        ),
        NeedleSet(
            implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=pair, covered_ml=1.15, covered_fraction=0.93,
            gap_shares={"gap-1": 0.93}, cement_ml=1.4, order=("trajectory-2", "trajectory-1"),
            order_reason="in the simulated injections the needle whose cement leaks last comes first (our rule)",
            vents_mm=14.0, hub_distance_mm=46.0, leak_after_ml=1.4,
        ),
    )  # fmt: skip
    procedure = Procedure(
        sets=(
            ProposedSet(
                implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=("trajectory-2", "trajectory-1"),
                reason="2 needles within reach of 93% of the gap; 1 needle of 57%", cement_ml=1.4,
            ),
        ),
        needles=2, cement_ml=1.4, in_needles_ml=0.44, without_needle=("gap-2",),
    )  # fmt: skip
    counts = {"metal": 20411, "canal": 9120, "forbidden": 3344, "second bone": 871, "too long": 12, "grazes bone": 0}
    search = NeedleSearch(
        gap_id="gap-1",
        families=(
            FamilySearch(
                approach="transpedicular", family="along the screw", tried=1250, kept=14, listed=1,
                refused={"metal": 1200, "entry too oblique to the cortex": 36}, why_none=None,
            ),
            FamilySearch(
                approach="extrapedicular", family="juxtapedicular", tried=41200, kept=7442, listed=1, refused=counts,
                why_none=None,
            ),
            FamilySearch(
                approach="extrapedicular", family="between pedicle and rib head", tried=0, kept=0, listed=0, refused={},
                why_none="a lumbar level has no rib",
            ),
        ),
        needles_tried=("15G", "16G"),
    )  # fmt: skip
    fields = {
        "trajectories": (one, two, bare), "needle_sets": sets, "procedure": procedure, "needle_searches": (search,),
        "fills": (
            _fill(1, ("trajectory-1",), 0.8), _fill(2, pair, 1.4), _fill(3, ("trajectory-2",), 1.1)
        ),
    }  # fmt: skip
    return Plan.model_validate(plan.model_copy(update=fields).model_dump(by_alias=True))
