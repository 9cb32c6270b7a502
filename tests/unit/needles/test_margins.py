"""What a needle does not keep of the wanted margins, in words that say how much."""

import numpy as np
import pytest

from planner.geometry.frames import unit
from planner.model.needle import Needle
from planner.needles.margins import broken_limits, reduced_margins
from planner.safety.clearance import SECOND_BONE

NEEDLE = Needle(gauge="15G", outer_diameter_mm=1.8, length_mm=150.0)
BACK = np.array([0.0, 1.0, 0.0])


def bone_words(scene, aim, outward=BACK, **limits):
    config = scene.config.model_copy(update=limits)
    said = broken_limits(scene.fields, np.array(aim, float), np.asarray(outward), NEEDLE, config=config)
    return said.get(SECOND_BONE)


def test_a_needle_well_within_bone_keeps_its_surface(scene):
    assert bone_words(scene, (-15.0, -5.0, 0.0)) is None


def test_a_tip_just_below_the_surface_is_not_called_outside_of_bone(scene):
    # the arch ends 24 mm aside; its outermost voxels' surface lies at 24.5 or nearer
    said = bone_words(scene, (-23.2, 20.0, 0.0), inside_margin_mm=1.5)
    assert said.startswith("bone surface: ") and said.endswith("mm below it at the inner end, 1.5 mm wanted")
    assert 0.0 < float(said.split()[2]) < 1.5
    assert bone_words(scene, (-40.0, 20.0, 0.0)) == "target outside bone"


def test_a_run_along_the_surface_says_how_long_it_is(scene):
    flat = unit(np.array([-0.05, 1.0, 0.0]))
    said = bone_words(scene, (-21.9, 5.0, 0.0), flat)
    assert said.startswith("bone surface: runs ") and said.endswith("6 mm allowed")
    assert float(said.split()[3]) > 6.0


def test_a_wider_screw_s_side_is_no_metal_within_for_what_slides_along_it(scene):
    """On the slide the needle may touch: not even a margin of metal is given up for that."""
    axis = scene.anatomy.implants[0].axis
    along = unit(np.subtract(axis.head_lps, axis.tip_lps))
    aim = np.asarray(axis.tip_lps) + 16.0 * along + np.array([0.0, 0.0, 4.2])
    out = unit(along + np.array([-0.25, 0.0, 0.3]))  # past the rod
    margins, words = reduced_margins(
        scene.fields, aim, out, NEEDLE, config=scene.config, slide_to_lps=aim - 8.0 * along
    )
    assert "metal" not in margins and not any("metal" in said for said in words)
    # the same place as a tip that does not slide has a margin, and breaks it
    wide = scene.config.model_copy(update={"metal_margin_mm": 2.0, "tip_metal_margin_mm": 2.0})
    assert "metal" in reduced_margins(scene.fields, aim, out, NEEDLE, config=wide)[0]


@pytest.mark.parametrize("free_mm", [1.0, 3.0])
def test_bone_that_is_passed_outside_says_how_near(scene, free_mm):
    """From the body's front corner straight back past the arch's outer side."""
    x = -(24.0 + 0.5 + 0.9 + free_mm)
    wide = bone_words(scene, (x + 4.0, -8.0, 0.0), unit(np.array([-0.02, 1.0, 0.0])), bone_margin_mm=8.0)
    assert wide is None or wide.startswith(("bone surface: ", "target outside bone", "second bone", "no way out"))
