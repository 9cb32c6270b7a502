"""All that speaks against cement at a hip, in one call."""

from dataclasses import replace

import numpy as np
import pytest

from planner.errors import CancelledError
from planner.model.bones import Landmark
from planner.model.implant import Implant, ImplantSphere
from planner.model.volume import Mask
from planner.progress import Progress
from planner.segment.candidacy.hip_candidacy import NO_CANDIDATE, HipScene, hip_candidacy
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
    hip = replace(joint(), axis_lps=tube.axis_lps)
    mark = Landmark("lesser trochanter", "femur-left", LESSER, "left")
    bone = tube.envelope
    return HipScene(tube.ct, tube.metal, bone.mask, None, (), (hip,), (bone,), (mark,))


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


def test_a_cup_without_its_floor_and_its_lost_bone_are_told() -> None:
    found = hip_candidacy(_cup_scene("floor"))
    assert [f.code for f in found.findings] == ["acetabular-floor-lost", "bone-missing", "infection-not-ruled-out"]
    assert found.defects[0].name == "defect-pelvis-left"
    assert not NO_CANDIDATE & {f.code for f in found.findings}


def test_without_bones_only_what_needs_none_is_said() -> None:
    found = hip_candidacy(replace(_cup_scene("floor"), bones=()))
    assert [f.code for f in found.findings] == ["infection-not-ruled-out"]
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
