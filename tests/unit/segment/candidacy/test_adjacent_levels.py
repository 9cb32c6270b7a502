"""Prophylactic targets: only next to screws, only whole bodies whose walls are seen, and why others are not offered."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.config.prophylaxis_config import ProphylaxisConfig
from planner.model.bones import Bone
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Mask, Volume
from planner.segment.candidacy.adjacent_levels import AdjacentScene, adjacent_targets
from planner.segment.candidacy.fractures import measure_heights
from tests.unit.segment.candidacy.spine_blocks import DEPTH_MM, HALF_WIDTH_MM, SpineBlocks

WHOLE = [(24.0, 24.0), (24.0, 24.0), (25.0, 25.0)]


def _screw(made: SpineBlocks, number: int) -> Implant:
    z = made.bottoms[number]
    head, tip = (12.0, 20.0, z), (6.0, -6.0, z)
    axis = ImplantAxis(
        head_lps=head,
        tip_lps=tip,
        length_mm=float(np.linalg.norm(np.subtract(head, tip))),
        diameter_mm=6.0,
        core_diameter_mm=None,
    )
    return Implant(
        id="screw-1", kind="pedicle_screw", volume_ml=1.0, centroid_lps=(9.0, 7.0, z), axis=axis, bulls_eye=None,
        side="left", level=None, material="titanium", loosening=None,
    )  # fmt: skip


def _scene(made: SpineBlocks, *, walls: bool = True) -> AdjacentScene:
    if walls:
        for number in range(1, int(made.labels.max()) + 1):
            own = made.labels == number
            made.hu = np.where(own & ~ndi.binary_erosion(own), 400.0, made.hu)
    return AdjacentScene(
        made.volume(), made.spine, made.empty(), (_screw(made, 1),), measure_heights(made.spine, made.grid)
    )


def test_whole_neighbours_are_offered_with_room_in_their_front_half() -> None:
    made = SpineBlocks(WHOLE)
    targets, said = adjacent_targets(_scene(made))
    assert [(t.bone, t.level) for t in targets] == [("vertebra-1", "L1"), ("vertebra-3", "L3")]
    assert [f.code for f in said] == ["prophylactic-target"] * 2
    upper = targets[0]
    assert (made.labels[upper.space.voxels] == 1).all()
    at = made.points[upper.space.voxels]
    assert at[:, 1].max() <= 0.0 and at[:, 1].min() > -DEPTH_MM / 2 + 2.0
    assert at[:, 0].min() < -5.0 and at[:, 0].max() > 5.0
    box = 2 * 0.6 * HALF_WIDTH_MM * (DEPTH_MM / 2 - 4.0) * 0.6 * 24.0 / 1000.0
    assert upper.space_ml == pytest.approx(box, rel=0.2)
    assert upper.body_ml == pytest.approx(2 * HALF_WIDTH_MM * DEPTH_MM * 24.0 / 1000.0, rel=0.08)
    assert upper.walls_share == 1.0


def test_without_a_screw_in_a_vertebra_nothing_is_offered_and_it_is_said() -> None:
    targets, said = adjacent_targets(replace(_scene(SpineBlocks(WHOLE)), implants=()))
    assert targets == ()
    assert [f.code for f in said] == ["prophylactic-not-offered"]
    assert "no screw" in said[0].message


def test_a_level_that_lost_height_is_not_offered() -> None:
    targets, said = adjacent_targets(_scene(SpineBlocks([(14.0, 24.0), (24.0, 24.0), (25.0, 25.0)])))
    assert [t.bone for t in targets] == ["vertebra-3"]
    assert "not intact" in said[0].message and said[0].message.startswith("L1")


def test_a_level_whose_endplate_is_not_seen_is_not_offered() -> None:
    targets, said = adjacent_targets(_scene(SpineBlocks(WHOLE, unseen=(1,))))
    assert [t.bone for t in targets] == ["vertebra-3"]
    assert "endplate" in said[0].message


def test_a_body_whose_walls_are_not_seen_is_not_offered() -> None:
    made = SpineBlocks(WHOLE)
    made.hu = np.full(made.hu.shape, 60.0)
    targets, said = adjacent_targets(_scene(made, walls=False))
    assert targets == ()
    assert all(f.measured == 0.0 and f.limit == ProphylaxisConfig().least_walls_share for f in said)
    assert all("walls" in f.message for f in said)


def test_walls_at_the_end_of_what_was_scanned_are_not_seen() -> None:
    scene = _scene(SpineBlocks(WHOLE))
    blank = np.zeros(scene.ct.grid.shape, dtype=bool)
    blank[:, : round(8.0 / 0.8)] = True
    targets, said = adjacent_targets(replace(scene, ct=Volume(scene.ct.grid, scene.ct.hu, blank)))
    assert targets == () and {f.code for f in said} == {"prophylactic-not-offered"}


def test_metal_in_the_level_takes_its_room() -> None:
    made = SpineBlocks(WHOLE)
    scene = _scene(made)
    metal = Mask(made.grid, (np.hypot(made.points[..., 0], made.points[..., 1] + 5.0) < 2.0) & (made.labels == 1))
    less, _ = adjacent_targets(replace(scene, metal=metal))
    more, _ = adjacent_targets(scene)
    assert less[0].space_ml < more[0].space_ml - 0.3
    assert less[0].bone == more[0].bone == "vertebra-1"
    assert not (less[0].space.voxels & metal.voxels).any()
    tight, said = adjacent_targets(scene, config=ProphylaxisConfig(least_ml=50.0))
    assert tight == () and "mL of room" in said[0].message


def test_beyond_what_was_told_apart_it_is_said_and_the_sacrum_is_no_level() -> None:
    made = SpineBlocks(WHOLE)
    scene = replace(_scene(made), implants=(_screw(made, 0),))
    targets, said = adjacent_targets(scene)
    assert [t.bone for t in targets] == ["vertebra-2"]
    assert said[0].message.startswith("The level above")
    bodies = (*made.spine.bodies[:2], replace(made.spine.bodies[2], bone="sacrum"))
    bones = (*made.spine.bones[:2], Bone("sacrum", "sacrum", made.spine.bones[2].mask))
    spine = replace(made.spine, bodies=bodies, bones=bones)
    _, below = adjacent_targets(replace(scene, spine=spine, implants=(_screw(made, 1),)))
    assert [f.code for f in below] == ["prophylactic-target"]
