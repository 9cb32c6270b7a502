import pytest

from planner.config.wishes_config import LockedNeedle
from planner.errors import UsageError
from planner.model.carm import NeedleView
from planner.model.gap import Gap
from planner.model.needle import Clearances, CurvedCannula, Needle, Trajectory
from planner.model.picked_target import PickedTarget, PickedWay
from planner.model.plan import Plan, Review, Series, Software
from planner.needles.catalogue import CATALOGUE, needle_named
from planner.needles.lock import is_held_by, lock_of, straight_of, why_not_locked

NAME = next(name for name, needle in CATALOGUE.items() if needle == needle_named("13G"))
SKIN, BONE, TIP = (40.0, 120.0, 12.0), (22.0, 30.0, 6.0), (18.0, 10.0, 14 / 3)


def way(**changes):
    fields = {
        "id": "trajectory-1", "approach": "transpedicular", "gap_id": "gap-1", "implant_id": None, "rank": 1,
        "entry_skin_lps": SKIN, "entry_bone_lps": BONE, "aim_lps": TIP, "target_lps": TIP,
        "path_lps": (SKIN, BONE, TIP),
        "slides_along_implant": False, "depth_from_skin_mm": 112.0, "depth_in_bone_mm": 20.0,
        "needle": needle_named("13G"),
        "clearance_mm": Clearances(metal=1.0, canal=None, nearest_breach=None), "crosses": (), "cortical_crossings": 1,
        "entry_angle_deg": None, "reachable_ml": None, "skin_landmark": None,
        "bulls_eye": NeedleView(
            primary_deg=0.0, secondary_deg=0.0, console_primary_deg=0.0, console_secondary_deg=0.0,
            within_gantry_limits=True,
        ),
        "score": 0.5, "score_terms": {},
    }  # fmt: skip
    return Trajectory(**(fields | changes))


def plan_with(*ways, picked=()):
    gap = Gap(
        id="gap-1", implant_id=None, level=None, kind="screw_halo", zones=(), volume_ml=None, expected_fill_ml=None,
        width_mm=None, interface_fraction=None, centroid_lps=TIP, trust=None,
    )  # fmt: skip
    series = Series(
        series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=(1, 1, 1), spacing_mm=(1.0, 1.0, 1.0),
        patient_position=None, hu_min=0.0, hu_max=1.0, hu_clipped_at=None,
    )  # fmt: skip
    return Plan(
        software=Software(name="x", version="0"), review=Review(), series=series, treatment_position=None,
        settings_sha256="0" * 64, gaps=(gap,), trajectories=ways, picked_targets=picked,
    )  # fmt: skip


def picked(gap_id):
    fields = way().model_dump(exclude={"gap_id", "leak_after_ml", "leak_breach_id", "locked"})
    needle = PickedWay(**(fields | {"id": "target-1-needle-1", "target_id": "target-1"}))
    return PickedTarget(id="target-1", point_lps=TIP, radius_mm=2.0, implant_id=None, gap_id=gap_id, ways=(needle,))


def test_a_straight_needle_is_held_from_its_skin_to_its_tip():
    assert lock_of(plan_with(way()), "trajectory-1") == LockedNeedle(
        entry_lps=SKIN, target_lps=TIP, needle=NAME, made="automatic"
    )
    own = lock_of(plan_with(way(made="edited")), "trajectory-1")
    assert own.made == "edited"


def test_without_skin_in_view_the_entry_into_bone_gives_the_direction():
    hidden = way(entry_skin_lps=None, path_lps=(BONE, TIP))
    assert lock_of(plan_with(hidden), "trajectory-1").entry_lps == BONE


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"slides_along_implant": True}, "only straight needles"),
        ({"aim_lps": (19.0, 11.0, 5.0)}, "only straight needles"),
        ({"cannula": CurvedCannula(radius_mm=20.0, arc_mm=10.0, turn_deg=28.0)}, "only straight needles"),
        ({"needle": Needle(gauge="13G", outer_diameter_mm=2.41, length_mm=90.0)}, "not in the catalogue"),
        ({"needle": Needle(gauge="12G", outer_diameter_mm=2.7, length_mm=150.0)}, "not in the catalogue"),
    ],
)
def test_what_a_wish_cannot_say_is_refused(changes, why):
    with pytest.raises(UsageError, match=why):
        lock_of(plan_with(way(**changes)), "trajectory-1")
    words = why_not_locked(plan_with(way(**changes)), "trajectory-1")
    assert words is not None and why in words


def test_nothing_is_said_against_holding_a_straight_needle():
    assert why_not_locked(plan_with(way()), "trajectory-1") is None


def test_a_needle_to_a_picked_target_is_held_only_in_a_gap():
    assert lock_of(plan_with(picked=(picked("gap-1"),)), "target-1-needle-1").target_lps == TIP
    with pytest.raises(UsageError, match="leads to no gap"):
        lock_of(plan_with(picked=(picked(None),)), "target-1-needle-1")


def test_a_needle_that_is_not_there_is_said():
    with pytest.raises(UsageError, match="'trajectory-9'"):
        lock_of(plan_with(way()), "trajectory-9")


def test_the_held_needle_is_known_again_by_any_entry_on_its_line():
    wish = lock_of(plan_with(way()), "trajectory-1")
    assert is_held_by(way(), wish)
    midway = tuple((s + t) / 2 for s, t in zip(SKIN, TIP, strict=True))
    assert is_held_by(way(), wish.model_copy(update={"entry_lps": midway}))


@pytest.mark.parametrize(
    "other",
    [
        {"needle": "15G"},
        {"target_lps": (18.0, 10.0, 5.0)},
        {"entry_lps": (41.0, 120.0, 12.0)},
        {"entry_lps": tuple(2 * t - s for s, t in zip(SKIN, TIP, strict=True))},
    ],
)
def test_another_needle_is_not_the_held_one(other):
    wish = LockedNeedle(entry_lps=SKIN, target_lps=TIP, needle=NAME).model_copy(update=other)
    assert not is_held_by(way(), wish)


def test_a_sliding_needle_is_never_the_held_one():
    assert not is_held_by(way(slides_along_implant=True), LockedNeedle(entry_lps=SKIN, target_lps=TIP, needle=NAME))


def test_a_straight_needle_can_be_moved_even_where_it_leads_to_no_gap():
    plan = plan_with(picked=(picked(None),))
    with pytest.raises(UsageError, match="no gap"):
        lock_of(plan, "target-1-needle-1")
    taken = straight_of(plan, "target-1-needle-1")
    assert taken == LockedNeedle(entry_lps=SKIN, target_lps=TIP, needle=NAME, made="automatic")


def test_what_cannot_be_moved_says_why():
    bent = way(slides_along_implant=True, aim_lps=BONE)
    with pytest.raises(UsageError, match="cannot be moved: it slides along the implant or bends"):
        straight_of(plan_with(bent), "trajectory-1")
    other = way(needle=Needle(gauge="9G", outer_diameter_mm=3.0, length_mm=77.0))
    with pytest.raises(UsageError, match="not in the catalogue"):
        straight_of(plan_with(other), "trajectory-1")
    with pytest.raises(UsageError, match="no needle"):
        straight_of(plan_with(), "trajectory-1")
