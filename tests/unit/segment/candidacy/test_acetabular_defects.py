"""Bone that holds a cup."""

from dataclasses import replace

import numpy as np
import pytest

from planner.segment.candidacy.acetabular_defects import AcetabularDefect, acetabular_defect, acetabular_findings
from planner.segment.candidacy.cup_migration import CupMigration
from planner.segment.candidacy.hip_not_told import socket_not_told
from tests.unit.segment.candidacy.socket import CUP, Socket, everywhere, joint


def _of(
    missing: str, *, up_mm: float | None = None, medial_mm: float | None = None, behind_mm: float = 0.0
) -> AcetabularDefect:
    scene = Socket(missing)
    place = CupMigration(joint(), up_mm=up_mm, medial_mm=medial_mm, behind_mm=behind_mm)
    found = acetabular_defect(joint(), pelvis=scene.pelvis, ct=scene.ct, metal=scene.metal, place=place)
    assert found is not None
    return found


def test_a_whole_bowl_holds_the_cup() -> None:
    found = _of("", up_mm=1.0, medial_mm=1.0)
    assert found.rim_lost_share == pytest.approx(0.0, abs=0.05)
    assert found.floor_lost_share == pytest.approx(0.0, abs=0.02)
    assert found.held_share == pytest.approx(1.0, abs=0.04)
    assert found.likeness == "I"
    assert acetabular_findings(found) == ()


def test_a_lost_upper_rim_is_told_and_the_floor_is_not() -> None:
    found = _of("rim", up_mm=1.0, medial_mm=1.0)
    assert [f.code for f in acetabular_findings(found)] == ["acetabular-rim-lost"]
    assert found.likeness == "II"
    # superior is the clock's beginning
    lost = ~found.held
    assert lost[-5:, :3].mean() > 0.6
    assert lost[-5:-1, 16:20].mean() < 0.1


def test_a_lost_floor_is_told_and_the_rim_is_not() -> None:
    found = _of("floor", up_mm=1.0, medial_mm=8.0)
    assert [f.code for f in acetabular_findings(found)] == ["acetabular-floor-lost"]
    assert found.likeness == "IIC"


def test_severe_migration_with_a_lost_rim_is_like_type_three() -> None:
    assert _of("rim", up_mm=26.0, medial_mm=2.0).likeness == "IIIA"
    deep = _of("rim", up_mm=26.0, medial_mm=22.0)
    assert deep.likeness == "IIIB"
    assert "acetabular-defect" in [f.code for f in acetabular_findings(deep)]


def test_a_high_cup_that_is_held_all_round_may_have_been_set_there() -> None:
    assert _of("", up_mm=30.0, medial_mm=0.0).likeness is None


def test_a_cup_that_went_down_outwards_or_behind_is_in_none_of_the_classes() -> None:
    assert _of("", up_mm=-30.0, medial_mm=0.0).likeness is None
    assert _of("", up_mm=0.0, medial_mm=-35.0).likeness is None
    assert _of("", up_mm=0.0, medial_mm=0.0, behind_mm=30.0).likeness is None
    assert _of("", up_mm=-4.0, medial_mm=-4.0, behind_mm=4.0).likeness == "I"


def test_without_the_other_side_there_is_no_class() -> None:
    assert _of("rim").likeness is None


def test_no_bone_at_all_holds_nothing() -> None:
    found = _of("all")
    assert found.held_share == pytest.approx(0.0, abs=0.05)
    assert "cup-nothing-holds" in [f.code for f in acetabular_findings(found)]


def test_a_natural_hip_and_a_cup_out_of_view_give_none() -> None:
    scene = Socket()
    kwargs = {"pelvis": scene.pelvis, "ct": scene.ct, "metal": scene.metal}
    assert acetabular_defect(joint(natural=True), **kwargs) is None
    assert acetabular_defect(joint(cup=np.add(CUP, [0.0, 0.0, 60.0])), **kwargs) is None
    assert acetabular_findings(None) == ()


def test_where_nothing_can_be_read_no_share_is_given() -> None:
    scene = Socket()
    thick = replace(scene.pelvis, mask=scene.pelvis.mask)
    metal = replace(scene.metal, voxels=np.ones_like(scene.metal.voxels))
    found = acetabular_defect(joint(), pelvis=thick, ct=scene.ct, metal=metal)
    assert found is not None
    assert (found.rim_lost_share, found.floor_lost_share, found.held_share) == (None, None, None)


def test_a_rim_that_artefacts_hide_is_not_called_lost() -> None:
    scene = Socket("rim")
    clear, blind = (
        acetabular_defect(joint(), pelvis=scene.pelvis, ct=scene.ct, metal=scene.metal, trust=everywhere(value))
        for value in (0.9, 0.45)
    )
    assert clear is not None and [f.code for f in acetabular_findings(clear)] == ["acetabular-rim-lost"]
    # as the trust map says of itself: unreadable
    assert blind is not None and acetabular_findings(blind) == ()
    assert (blind.rim_lost_share, blind.floor_lost_share, blind.held_share) == (None, None, None)
    place = CupMigration(joint(), up_mm=1.0, medial_mm=1.0, behind_mm=0.0)
    untold = socket_not_told(joint(), place=place, pelvis=scene.pelvis, defect=blind)
    assert "the socket's upper rim (too little can be read beside the metal and its artefacts)" in untold
