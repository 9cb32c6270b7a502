"""What was measured of the anatomy comes into the plan as it was measured; what was not stays None, and is said."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.fracture_config import FractureConfig
from planner.geometry.frames import points_lps
from planner.model.anatomy_record import AnatomyRecord
from planner.model.bones import Bone, Disc, Landmark, Pedicle
from planner.model.finding import Finding
from planner.model.implant import Implant, ImplantSphere
from planner.model.labels import Structure
from planner.model.volume import Mask
from planner.pipeline.anatomy_record import anatomy_record, not_measured
from planner.pipeline.candidacy import Candidacy
from planner.pipeline.told_anatomy import ToldAnatomy
from planner.segment.anatomy.canal import Canal
from planner.segment.anatomy.cortex import Cortex
from planner.segment.anatomy.hip_bones import HipBones
from planner.segment.anatomy.leg_length import leg_length
from planner.segment.anatomy.skeleton import Skeleton
from planner.segment.anatomy.survey import Survey
from planner.segment.candidacy.acetabular_defects import AcetabularDefect
from planner.segment.candidacy.cup_migration import CupMigration, cup_migration
from planner.segment.candidacy.defect_model import DefectModel
from planner.segment.candidacy.fractures import measure_heights
from planner.segment.candidacy.hip_candidacy import HipCandidacy
from tests.unit.segment.anatomy.test_leg_length import BONES, JOINTS, MARKS
from tests.unit.segment.candidacy.socket import joint
from tests.unit.segment.candidacy.spine_blocks import SpineBlocks

SPINE = SpineBlocks([(25.0, 25.0), (17.0, 25.0), (25.0, 25.0)])
GRID = SPINE.grid
CANAL = Canal(
    centre_lps=points_lps([[0.0, 20.0, 10.0], [1.0, 20.0, 50.0], [2.0, 20.0, 90.0]]),
    radii_mm=np.full((3, 4), 8.0),
    closed=np.array([[True] * 4, [True] * 4, [False] * 4]),
    score=0.9,
    cut_below=True,
)
LEFT = Pedicle("vertebra-1", "left", points_lps([14.123, 18.0, 90.0]), points_lps([-0.2, -0.98, 0.0]), 9.318, 14.0)
RIGHT = Pedicle("vertebra-1", "right", points_lps([-13.0, 18.0, 90.0]), points_lps([0.2, -0.98, 0.0]), None, 13.5)
NO_CANAL = Finding(code="canal-not-found", severity="warning", message="The canal was not found.")


def _box(x: slice) -> Mask:
    voxels = np.zeros(GRID.shape, dtype=bool)
    voxels[10:20, 10:20, x] = True
    return Mask(GRID, voxels)


def _told(
    skeleton: Skeleton, *, canal: Canal | None = None, metal: Mask | None = None, **changes: object
) -> ToldAnatomy:
    nothing = SPINE.empty()
    seen = Survey(
        ct=SPINE.volume(), measured=nothing, metal=metal or nothing, patient=None, body=None,  # type: ignore[arg-type]
        bone=nothing, envelope=nothing, canal=canal, canal_mask=None, forbidden=nothing, zones=(), hips=(), findings=(),
    )  # fmt: skip
    return replace(ToldAnatomy(seen, skeleton, skeleton.bones, None, ()), **changes)


def _record(
    told: ToldAnatomy,
    candidacy: Candidacy | None = None,
    *,
    implants: tuple[Implant, ...] = (),
    structures: tuple[Structure, ...] = (),
) -> AnatomyRecord:
    return anatomy_record(
        told, candidacy or Candidacy(), implants=implants, structures=structures, fractures=FractureConfig()
    )


def _spine(**changes: object) -> Skeleton:
    mark = Landmark("spinous process", "vertebra-1", points_lps([0.5, 60.0, 85.0]))
    disc = Disc("vertebra-1", "vertebra-2", _box(slice(10, 20)))
    return Skeleton(spine=replace(SPINE.spine, discs=(disc,), landmarks=(mark,)), pedicles=(LEFT, RIGHT), **changes)


def test_bones_have_their_level_volume_and_label() -> None:
    structures = (Structure(code=4, kind="disc", id="vertebra-2"), Structure(code=7, kind="bone", id="vertebra-2"))
    first, second, _ = _record(_told(_spine()), structures=structures).bones
    assert (first.name, first.kind, first.level, first.side, first.is_cut) == (
        "vertebra-1",
        "vertebra",
        "L1",
        None,
        False,
    )
    assert first.envelope_ml == pytest.approx(SPINE.spine.bones[0].mask.volume_ml, abs=1e-3)
    assert first.label_code is None and second.label_code == 7


def test_pedicles_landmarks_and_discs_say_where_they_are() -> None:
    record = _record(_told(_spine()))
    left, right = record.pedicles
    assert (left.bone, left.level, left.side, left.width_mm) == ("vertebra-1", "L1", "left", 9.32)
    assert left.centre_lps == (14.12, 18.0, 90.0) and left.usual_inward_lps == (-0.2, -0.98, 0.0)
    assert right.width_mm is None and right.height_mm == 13.5
    (disc,) = record.discs
    assert (disc.above, disc.below) == ("vertebra-1", "vertebra-2")
    assert disc.volume_ml == pytest.approx(1000 * GRID.voxel_volume_mm3 / 1000.0, abs=1e-3)
    assert record.landmarks[0].point_lps == (0.5, 60.0, 85.0)


def test_the_canal_is_known_not_known_or_was_not_looked_for() -> None:
    known = _record(_told(_spine(), canal=CANAL)).canal
    assert known is not None and known.known
    assert (known.lower_lps, known.upper_lps) == ((0.0, 20.0, 10.0), (2.0, 20.0, 90.0))
    assert (known.cut_below, known.cut_above) == (True, False)
    assert known.bone_met_share == pytest.approx(2 / 3, abs=1e-3)
    unknown = _record(_told(Skeleton(), findings=(NO_CANAL,))).canal
    assert unknown is not None and not unknown.known
    assert unknown.lower_lps is None and unknown.bone_met_share is None and unknown.cut_below is None
    assert _record(_told(Skeleton())).canal is None


def test_a_broken_body_has_its_heights_and_losses() -> None:
    heights = measure_heights(SPINE.spine, GRID)
    first, second, _ = _record(_told(_spine()), Candidacy(heights=heights)).vertebral_bodies
    assert (second.bone, second.level, second.compared_with, second.genant_like_grade) == (
        "vertebra-2", "L2", "neighbours", 2,
    )  # fmt: skip
    assert second.front_mm == 17.0 and second.back_mm == 25.0
    assert second.front_loss_share == pytest.approx(0.32, abs=0.02) and second.back_loss_share == pytest.approx(
        0, abs=0.02
    )
    assert first.genant_like_grade == 0


def test_a_body_whose_heights_are_hidden_has_none() -> None:
    heights = tuple(
        replace(one, heights_mm=(None, None, None), expected_mm=(None, None, None))
        for one in measure_heights(SPINE.spine, GRID)
    )
    body = _record(_told(_spine()), Candidacy(heights=heights)).vertebral_bodies[1]
    assert (body.front_mm, body.front_loss_share, body.compared_with, body.genant_like_grade) == (
        None,
        None,
        None,
        None,
    )


def _cortex(thickness: list[float]) -> Cortex:
    """Places 2 mm apart to the left of one voxel."""
    start = np.asarray(GRID.to_lps([15.0, 15.0, 15.0]))
    points = start + np.arange(1, len(thickness) + 1)[:, None] * np.array([2.0, 0.0, 0.0])
    outward = np.tile([0.0, 1.0, 0.0], (len(thickness), 1))
    return Cortex(points_lps(points), outward, np.array(thickness), np.full(len(thickness), 900.0), 0.5, 0.31)


def test_the_cortex_is_summed_up_near_metal_and_away_from_it() -> None:
    voxels = np.zeros(GRID.shape, dtype=bool)
    voxels[15, 15, 15] = True
    nan = float("nan")
    told = _told(_spine(cortex=_cortex([nan, nan, 1.0, 2.0, nan, 4.0])), metal=Mask(GRID, voxels))
    cortex = _record(told).cortex
    assert cortex is not None and (cortex.near_metal_mm, cortex.thinnest_mm) == (5.0, 0.31)
    assert (cortex.near_metal.places, cortex.near_metal.told_share, cortex.near_metal.median_mm) == (2, 0.0, None)
    away = cortex.away_from_metal
    assert (away.places, away.told_share, away.median_mm) == (4, 0.75, 2.0)
    few = _record(_told(_spine(cortex=_cortex([1.0, nan, nan])))).cortex
    assert few is not None and few.away_from_metal.told_share == pytest.approx(1 / 3, abs=1e-3)
    assert few.away_from_metal.median_mm is None
    bare = _record(_told(_spine(cortex=_cortex([1.0])))).cortex
    assert bare is not None and (bare.near_metal.places, bare.near_metal.told_share) == (0, None)
    assert _record(_told(_spine())).cortex is None


def _hips(*, both: bool) -> ToldAnatomy:
    right = HipBones(joints=JOINTS[1:], bones=BONES[1:], landmarks=MARKS[1:]) if both else HipBones()
    left = HipBones(joints=(replace(JOINTS[0], is_natural=False),), bones=BONES[:1], landmarks=MARKS[:1])
    marks = (*left.landmarks, *right.landmarks)
    legs = leg_length(joints=(*left.joints, *right.joints), bones=(*left.bones, *right.bones), landmarks=marks)
    return _told(Skeleton(hips=left, other_hip=right, legs=legs))


def test_both_hips_give_leg_length_and_offset_as_numbers() -> None:
    record = _record(_hips(both=True), structures=(Structure(code=2, kind="bone", id="pelvis-left"),))
    left, right = record.hips
    assert (left.side, left.is_natural, left.offset_mm) == ("left", False, 46.0)
    assert (right.side, right.is_natural, right.offset_mm) == ("right", True, 42.0)
    assert left.below_ischia_mm is not None and right.below_ischia_mm is not None
    assert record.legs is not None and record.legs.landmark == "lesser trochanter"
    assert record.legs.left_longer_mm == pytest.approx(left.below_ischia_mm - right.below_ischia_mm, abs=0.02)
    assert record.legs.left_offset_more_mm == 4.0
    # on a grid of its own, so not painted
    assert [(bone.name, bone.label_code) for bone in record.bones] == [("pelvis-left", None), ("pelvis-right", None)]
    assert [mark.bone for mark in record.landmarks] == ["femur-left", "femur-right"]
    assert not_measured(_hips(both=True)) == ()


def test_one_hip_gives_no_leg_length_and_says_so() -> None:
    record = _record(_hips(both=False))
    assert record.legs is None and [hip.below_ischia_mm for hip in record.hips] == [None]
    (said,) = not_measured(_hips(both=False))
    assert said.code == "anatomy-not-measured" and said.severity == "info" and "leg length" in said.message
    bare = _hips(both=True)
    shaftless = replace(bare.skeleton, hips=replace(bare.skeleton.hips, joints=(replace(JOINTS[0], axis_lps=None),)))
    (said,) = not_measured(replace(bare, skeleton=shaftless))
    assert "left hip's offset" in said.message and "leg length" not in said.message


def test_pedicles_that_could_not_be_read_are_named_once() -> None:
    (said,) = not_measured(_told(_spine()))
    assert "pedicles of L1 right (" in said.message and "left" not in said.message
    assert not_measured(_told(replace(_spine(), pedicles=(LEFT,)))) == ()


def _cup(*, has_mouth: bool) -> Implant:
    return Implant(
        id="cup-1", kind="acetabular_cup", volume_ml=1.0, centroid_lps=(90.0, 0.0, 0.0), axis=None, bulls_eye=None,
        side="left", level=None, material="unknown", loosening=None,
        sphere=ImplantSphere(
            centre_lps=(90.0, 0.0, 0.0), diameter_mm=52.0, opening_lps=(0.6, 0.0, -0.8) if has_mouth else None
        ),
    )  # fmt: skip


def _of_cup(place: CupMigration, held: tuple[AcetabularDefect, ...] = ()) -> Candidacy:
    return Candidacy(hips=HipCandidacy(places=(place,), acetabula=held))


def test_a_cup_has_its_place_and_what_holds_it() -> None:
    place = cup_migration(joint())
    assert place is not None
    moved = replace(place, up_mm=3.0, medial_mm=-4.0, behind_mm=0.0)
    nothing = np.zeros((1, 1), dtype=bool)
    held = AcetabularDefect(joint(), nothing, nothing, 0.25, None, 0.8, None)
    (cup,) = _record(_told(Skeleton()), _of_cup(moved, (held,)), implants=(_cup(has_mouth=True),)).cups
    assert (cup.side, cup.implant_id, cup.away_mm) == ("left", "cup-1", 5.0)
    assert (cup.up_mm, cup.medial_mm, cup.behind_mm) == (3.0, -4.0, 0.0)
    assert place.turn is not None and cup.inclination_deg == pytest.approx(place.turn.inclination_deg, abs=0.01)
    assert (cup.rim_lost_share, cup.floor_lost_share, cup.held_share, cup.paprosky_like) == (0.25, None, 0.8, None)


def test_a_cup_without_a_mouth_of_its_own_has_no_angles() -> None:
    place = cup_migration(joint())
    assert place is not None
    (cup,) = _record(_told(Skeleton()), _of_cup(place), implants=(_cup(has_mouth=False),)).cups
    assert (cup.inclination_deg, cup.anteversion_deg, cup.head_out_mm) == (None, None, None)
    assert (cup.away_mm, cup.up_mm, cup.rim_lost_share) == (None, None, None)
    assert cup.head_room_mm == 10.0


def test_what_a_cup_holds_is_not_in_its_bones_volume() -> None:
    middle = np.asarray(GRID.to_lps([40.0, 25.0, 30.0]))
    whole = Mask(GRID, np.ones(GRID.shape, dtype=bool))
    bone = Bone("pelvis-left", "pelvis", whole, side="left", is_cut=True)
    hips = HipBones(joints=(joint(head=middle, cup=middle),), bones=(bone,))
    (record,) = _record(_told(Skeleton(hips=hips))).bones
    assert record.is_cut and 0.0 < record.envelope_ml < whole.volume_ml - 10.0


def test_missing_bone_names_its_bone() -> None:
    model = DefectModel("defect-pelvis-left-against-mirror", "left", "mirrored side", _box(slice(0, 10)), 0.84, 1.5)
    (missing,) = _record(_told(Skeleton()), Candidacy(defects=(model,))).missing_bone
    assert (missing.bone, missing.against, missing.unread_ml, missing.fit_error_mm) == (
        "pelvis-left", "mirrored side", 1.5, 0.84,
    )  # fmt: skip
    assert missing.volume_ml == pytest.approx(model.volume_ml, abs=1e-3)


def test_nothing_told_is_an_empty_record_without_findings() -> None:
    assert _record(_told(Skeleton())) == AnatomyRecord()
    assert not_measured(_told(Skeleton())) == ()
