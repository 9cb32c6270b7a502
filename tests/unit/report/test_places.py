"""Where a target lies, in words."""

from planner.model.anatomy_record import AnatomyRecord, PedicleRecord
from planner.report.places import bone_of, implants_at_hips, is_spinal, place_of


def pedicles(*places):
    records = tuple(
        PedicleRecord(
            bone=bone, level=None, side=side, centre_lps=at, usual_inward_lps=(0.0, -1.0, 0.0), width_mm=None,
            height_mm=None,
        )
        for bone, side, at in places
    )  # fmt: skip
    return AnatomyRecord(pedicles=records)


def test_a_screw_lies_in_the_pedicle_that_it_passes_on_its_own_side(plan_with):
    near, far = ("vertebra-2", "left", (13.0, 0.0, 3.0)), ("vertebra-3", "left", (10.0, 0.0, -30.0))
    other = ("vertebra-9", "right", (10.0, 0.0, 0.0))
    plan = plan_with(anatomy=pedicles(far, near, other))
    assert bone_of(plan.implants[0], plan) == "vertebra-2"
    for anatomy in (None, pedicles(far, other)):
        plan = plan_with(anatomy=anatomy)
        assert bone_of(plan.implants[0], plan) is None
    bare = plan.implants[0].model_copy(update={"axis": None})
    assert bone_of(bare, plan_with(anatomy=pedicles(near))) is None


def test_a_level_is_told_or_said_not_to_be(plan_with):
    plan = plan_with(anatomy=pedicles(("vertebra-2", "left", (13.0, 0.0, 3.0))))
    screw, gap = plan.implants[0], plan.gaps[0]
    assert place_of(gap, screw, plan) == "L4"
    blind = screw.model_copy(update={"level": None})
    assert place_of(gap, blind, plan) == "vertebra-2 of the scan, level not told"
    assert place_of(gap, blind, plan_with()) == "level not told"
    stem = blind.model_copy(update={"kind": "femoral_stem"})
    assert place_of(gap, stem, plan) == ""


def test_a_plate_lies_at_the_hip_where_there_is_no_spine(plan_with, plan):
    screw = plan.implants[0]
    stem, plate = (screw.model_copy(update={"id": kind, "kind": kind}) for kind in ("femoral_stem", "plate"))
    bare = {"gaps": (), "trajectories": (), "breaches": (), "needle_sets": ()}

    def at_hips(*implants):
        return [one.id for one in implants_at_hips(plan_with(implants=implants, **bare))]

    assert at_hips(stem, plate) == ["femoral_stem", "plate"]
    assert at_hips(stem, plate, screw) == ["femoral_stem"]
    assert at_hips(plate) == [] and at_hips() == []
    assert is_spinal(plan) and not is_spinal(plan_with(implants=(stem, plate), **bare))
    assert is_spinal(plan_with(implants=(), **(bare | {"gaps": plan.gaps[1:]})))
