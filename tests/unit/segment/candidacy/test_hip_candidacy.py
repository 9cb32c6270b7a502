"""All that speaks against cement at a hip, in one call."""

from dataclasses import replace

import numpy as np
import pytest

from planner.errors import CancelledError
from planner.geometry.grid import Grid
from planner.model.bones import Landmark
from planner.model.implant import Implant, ImplantSphere
from planner.model.volume import Mask
from planner.progress import Progress
from planner.segment.candidacy.hip_candidacy import NO_CANDIDATE, HipCandidacy, HipScene, hip_candidacy
from tests.unit.segment.candidacy.femur_tube import LESSER, FemurTube
from tests.unit.segment.candidacy.socket import CUP, GRID, Socket, joint


def _implant(kind: str, side: str) -> Implant:
    return Implant(
        id=f"{kind}-{side}",
        kind=kind,
        volume_ml=1.0,
        centroid_lps=(90.0, 0.0, 0.0),
        axis=None,
        bulls_eye=None,
        side=side,
        level=None,
        material="unknown",
        loosening=None,
        sphere=ImplantSphere(centre_lps=(90.0, 0.0, 0.0), diameter_mm=52.0, opening_lps=None),
    )


def _femur_scene(tube: FemurTube) -> HipScene:
    hip = replace(joint(natural=True), axis_lps=tube.axis_lps)
    mark = Landmark("lesser trochanter", "femur-left", LESSER, "left")
    bone = tube.envelope
    return HipScene(tube.ct, tube.metal, bone.mask, _everything(tube.ct.grid), (), (hip,), (bone,), (mark,))


def _everything(grid: Grid) -> Mask:
    return Mask(grid, np.ones(grid.shape, dtype=bool))


def _untold(found: HipCandidacy) -> str:
    (said,) = (f for f in found.findings if f.code == "hip-candidacy-not-told")
    assert said.severity == "info"
    return said.message


def _codes(found: HipCandidacy) -> list[str]:
    return [f.code for f in found.findings if f.code != "hip-candidacy-not-told"]


def _cup_scene(missing: str) -> HipScene:
    scene = Socket(missing)
    cup = _implant("acetabular_cup", "left")
    hole = Mask(GRID, np.linalg.norm(np.asarray(GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1))) - CUP
                                     - [-20.0, 20.0, 20.0], axis=-1) < 10.0)  # fmt: skip
    bone = scene.pelvis
    return HipScene(scene.ct, scene.metal, bone.mask, None, (cup,), (joint(),), (bone,), spaces=(hole,))


def test_a_femur_that_holds_nothing_is_no_candidate() -> None:
    found = hip_candidacy(_femur_scene(FemurTube(lost=((-5.0, 90.0, 90.0, 270.0),))))
    assert found.femora[0].likeness == "IIIB"
    assert NO_CANDIDATE & {f.code for f in found.findings}


def test_a_whole_femur_has_the_reminder_only() -> None:
    found = hip_candidacy(_femur_scene(FemurTube()))
    assert [f.code for f in found.findings] == ["infection-not-ruled-out"]
    assert found.untold == ()


def test_what_could_not_be_measured_of_a_hip_is_said_once_with_the_reasons() -> None:
    message = _untold(hip_candidacy(replace(_cup_scene("floor"), bones=())))
    for words in (
        "the other hip is not in view",
        "the pelvis was not told apart",
        "the femur was not told apart",
        "the skin was not found",
    ):
        assert words in message
    assert message.startswith("left hip")


def test_what_was_measured_is_not_on_the_list() -> None:
    scene = _cup_scene("floor")
    message = _untold(hip_candidacy(replace(scene, body=_everything(GRID))))
    assert "the other hip is not in view" in message and "the femur was not told apart" in message
    for words in ("skin", "the pelvis was not told apart", "upper rim", "medial wall"):
        assert words not in message


def test_a_femur_whose_wall_could_not_be_unrolled_is_on_the_list() -> None:
    scene = _femur_scene(FemurTube())
    assert "lesser trochanter was not found" in _untold(hip_candidacy(replace(scene, landmarks=())))
    lost = replace(scene, joints=(replace(scene.joints[0], axis_lps=None),))
    assert "no axis" in _untold(hip_candidacy(lost))
    short = _untold(hip_candidacy(_femur_scene(FemurTube(length_mm=66, lost=((-5.0, 25.0, 90.0, 270.0),)))))
    assert "class of defect (too little of the shaft is in view)" in short


def test_two_replaced_hips_cannot_be_compared_and_each_has_its_own_list() -> None:
    scene = _cup_scene("")
    right = replace(scene.joints[0], side="right")
    cups = (*scene.implants, _implant("acetabular_cup", "right"))
    found = hip_candidacy(replace(scene, joints=(scene.joints[0], right), implants=cups))
    said = [f.message for f in found.findings if f.code == "hip-candidacy-not-told"]
    assert [m.split()[0] for m in said] == ["left", "right"]
    assert all("the other hip is replaced too" in m for m in said)


def test_a_gap_of_little_trust_makes_no_model() -> None:
    scene = _cup_scene("")
    assert hip_candidacy(replace(scene, space_trusts=(0.1,))).defects == ()
    for trust in (0.8, None):
        assert len(hip_candidacy(replace(scene, space_trusts=(trust,))).defects) == 1


def test_a_cup_without_its_floor_and_its_lost_bone_are_told() -> None:
    found = hip_candidacy(_cup_scene("floor"))
    assert _codes(found) == ["acetabular-floor-lost", "bone-lucent", "infection-not-ruled-out"]
    assert found.defects[0].name == "defect-pelvis-left-against-envelope"
    assert not NO_CANDIDATE & {f.code for f in found.findings}


def test_without_bones_only_what_needs_none_is_said() -> None:
    found = hip_candidacy(replace(_cup_scene("floor"), bones=()))
    assert _codes(found) == ["infection-not-ruled-out"]
    assert len(found.places) == 1
    assert (found.acetabula, found.femora, found.defects) == ((), (), ())


def test_no_hip_has_nothing() -> None:
    assert hip_candidacy(replace(_cup_scene(""), joints=())).findings == ()


def test_it_can_be_stopped() -> None:
    class Stop:
        def cancelled(self) -> bool:
            """Say stop."""
            return True

        def report(self, progress: Progress) -> None:
            """Say nothing."""

    with pytest.raises(CancelledError):
        hip_candidacy(_cup_scene(""), monitor=Stop())
