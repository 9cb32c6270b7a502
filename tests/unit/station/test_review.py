"""Nobody approves what was not confirmed, and an edit takes the approval away."""

from datetime import UTC, datetime

import pytest

from planner.errors import UsageError
from planner.model.carm import NeedleView
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.needle import Clearances, Needle, Trajectory
from planner.model.picked_target import PickedTarget
from planner.model.plan import Plan, Review, Series, Software
from planner.station.review import approve, edited, places_to_confirm, to_know_first, unsafe_needles

NOON = datetime(2026, 3, 4, 12, 0, 7, 999, tzinfo=UTC)


def implant(number, **changes):
    fields = {
        "id": f"screw-{number}", "kind": "pedicle_screw", "volume_ml": 1.0, "centroid_lps": (0.0, 0.0, 0.0),
        "axis": None, "bulls_eye": None, "side": "left", "level": None, "material": "unknown", "loosening": None,
        "loosening_criteria": (),
    }  # fmt: skip
    return Implant(**(fields | changes))


def gap(number, implant_id, level=None):
    return Gap(
        id=f"gap-{number}", implant_id=implant_id, level=level, kind="screw_halo" if implant_id else "fracture_level",
        zones=(), volume_ml=None, expected_fill_ml=None, width_mm=None, interface_fraction=None,
        centroid_lps=(0.0, 0.0, 0.0), trust=None,
    )  # fmt: skip


def needle(**changes):
    tip, skin = (0.0, 0.0, 0.0), (0.0, 60.0, 0.0)
    fields = {
        "id": "trajectory-1", "approach": "transpedicular", "gap_id": "gap-1", "implant_id": "screw-1", "rank": 1,
        "entry_skin_lps": skin, "entry_bone_lps": skin, "aim_lps": tip, "target_lps": tip, "path_lps": (skin, tip),
        "slides_along_implant": False, "depth_from_skin_mm": 60.0, "depth_in_bone_mm": 20.0,
        "needle": Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=150.0),
        "clearance_mm": Clearances(metal=1.0, canal=None, nearest_breach=None), "crosses": (), "cortical_crossings": 1,
        "entry_angle_deg": None, "reachable_ml": None, "skin_landmark": None,
        "bulls_eye": NeedleView(
            primary_deg=0.0, secondary_deg=0.0, console_primary_deg=0.0, console_secondary_deg=0.0,
            within_gantry_limits=True,
        ),
        "score": 0.5, "score_terms": {},
    }  # fmt: skip
    return Trajectory(**(fields | changes))


def plan(**parts):
    series = Series(
        series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=(1, 1, 1), spacing_mm=(1.0, 1.0, 1.0),
        patient_position=None, hu_min=0.0, hu_max=1.0, hu_clipped_at=None,
    )  # fmt: skip
    fields = {
        "implants": (implant(1), implant(2, side=None), implant(3)),
        "gaps": (gap(1, "screw-1", "L4"), gap(2, "screw-2"), gap(3, None, "L1")), "trajectories": (needle(),),
    }  # fmt: skip
    return Plan(
        software=Software(name="x", version="0"), review=Review(), series=series, treatment_position=None,
        settings_sha256="0" * 64, **(fields | parts),
    )  # fmt: skip


ALL = ("screw-1", "screw-2", "gap-3")


def approved(made=None, by="A. Surgeon", at=NOON, **confirmed):
    said = {"patient_confirmed": True, "places_confirmed": ALL} | confirmed
    return approve(made or plan(), by, at, **said)


def test_places_are_those_with_gaps_and_say_what_is_not_told():
    assert [(place.id, place.side, place.level) for place in places_to_confirm(plan())] == [
        ("screw-1", "left", "L4"), ("screw-2", None, None), ("gap-3", None, "L1")
    ]  # fmt: skip
    words = [place.words for place in places_to_confirm(plan())]
    assert words[0] == "screw-1, pedicle screw: left, L4"
    assert words[1] == "screw-2, pedicle screw: side not known, level not known"
    assert words[2] == "gap-3, fracture level: side not known, L1"


def test_nobody_confirms_a_level_or_side_that_the_plan_does_not_name():
    known, nothing, no_side = (place.confirms for place in places_to_confirm(plan()))
    assert known == "You confirm: the level and side are right."
    assert nothing == (
        "You confirm: the screw is right. The level and side are NOT known here: find them on the pictures first."
    )
    assert no_side == "You confirm: the level is right. The side is NOT known here: find it on the pictures first."
    (one,) = places_to_confirm(plan(implants=(implant(1),), gaps=(gap(1, "screw-1"),)))
    assert one.confirms == (
        "You confirm: the side and screw are right. The level is NOT known here: find it on the pictures first."
    )


def test_at_the_hip_no_level_is_asked_for():
    stem = implant(1, id="stem-left", kind="femoral_stem")
    (one,) = places_to_confirm(plan(implants=(stem,), gaps=(gap(1, "stem-left"),), trajectories=()))
    assert one.words == "stem-left, femoral stem: left"
    assert one.confirms == "You confirm: the side and femoral stem are right." and not one.lacks


def test_a_place_says_what_is_planned_there():
    alone = PickedTarget(id="target-1", point_lps=(0.0, 0.0, 0.0), radius_mm=2.0, implant_id="screw-1", gap_id=None)
    first, second, _ = places_to_confirm(plan(picked_targets=(alone,)))
    assert first.planned == (
        "gap-1: volume not measured",
        "no needle is proposed; first of 1: trajectory-1: transpedicular, 60 mm deep from the skin",
        "when to stop is not known: no injection was simulated",
        "target-1: no needle",
    )
    assert second.planned[1] == "no needle"


def test_a_target_picked_by_hand_is_a_place_too():
    alone = PickedTarget(id="target-1", point_lps=(0.0, 0.0, 0.0), radius_mm=2.0, implant_id=None, gap_id="gap-3")
    beside = alone.model_copy(update={"id": "target-2", "implant_id": "screw-3", "gap_id": None})
    ids = [place.id for place in places_to_confirm(plan(picked_targets=(alone, beside)))]
    assert ids == ["screw-1", "screw-2", "screw-3", "gap-3", "target-1"]


def test_an_approval_has_a_name_and_a_time_and_changes_nothing_else():
    made = approved(by="  A.   Surgeon ")
    assert made.review == Review(state="approved", by="A. Surgeon", at="2026-03-04T12:00:07+00:00")
    assert made.model_copy(update={"review": Review()}) == plan()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"by": " \n "}, "nobody is named"),
        ({"by": "x" * 81}, "longer than 80"),
        ({"by": "A\u202eB"}, "nobody is named"),
        ({"at": NOON.replace(tzinfo=None)}, "no time zone"),
        ({"patient_confirmed": False}, "patient is not confirmed"),
        ({"places_confirmed": ("screw-1", "gap-3")}, "not confirmed of: screw-2, pedicle screw: side not known"),
    ],
)
def test_what_is_not_confirmed_is_not_approved(wrong, words):
    with pytest.raises(UsageError, match=words):
        approved(**wrong)


def test_an_unsafe_needle_is_approved_by_its_own_name_or_not_at_all():
    unsafe = plan(trajectories=(needle(locked=True, violations=("1.0 mm from the canal",)),))
    assert unsafe_needles(plan()) == () and [way.id for way in unsafe_needles(unsafe)] == ["trajectory-1"]
    with pytest.raises(UsageError, match=r"trajectory-1 breaks hard limits \(1.0 mm from the canal\)"):
        approved(unsafe)
    with pytest.raises(UsageError):
        approved(unsafe, unsafe_confirmed=("trajectory-2",))
    made = approved(unsafe, unsafe_confirmed=("trajectory-1",))
    assert made.review.state == "approved" and unsafe_needles(made)


def test_an_edit_takes_the_approval_away():
    assert edited(approved()).review == Review(state="edited")
    assert edited(plan()).review == Review(state="edited")


def test_who_approves_reads_first_what_speaks_against_the_plan():
    said = [
        ("no-halo", "info"),
        ("canal", "warning"),
        ("locked-needle-not-judged", "caution"),
        ("no-candidate", "warning"),
    ]
    findings = tuple(Finding(code=code, severity=severity, message=code) for code, severity in said)
    assert to_know_first(plan(findings=findings)) == (
        "no-candidate",
        "locked-needle-not-judged",
        "canal",
    )
    assert to_know_first(plan()) == ()


def test_cautions_are_read_too_after_the_warnings_and_each_kind_once():
    def said(number, severity, words):
        return Finding(
            code=severity, severity=severity, message=f"screw-{number}: {words}", implant_id=f"screw-{number}"
        )

    findings = (
        said(1, "caution", "seems to stand up to 1.9 mm into the spinal canal"),
        said(2, "caution", "seems to stand up to 4.4 mm into the spinal canal"),
        said(1, "warning", "is broken"),
        said(3, "info", "is long"),
    )
    assert to_know_first(plan(findings=findings)) == (
        "screw-1: is broken",
        "screw-1, screw-2: seems to stand up to 1.9–4.4 mm into the spinal canal",
    )
