"""Screws in S1 and in the ilium have ways, too: through the sacrum's pedicle, and within the ilium alone."""

from dataclasses import replace

import numpy as np
import pytest

from planner.model.bones import Bone
from planner.model.volume import Mask
from planner.needles.search import search_gap
from planner.safety.fields import distance_fields


def found(change, scene, *bones):
    seen = change(bones=bones)
    return search_gap(replace(scene, anatomy=seen, fields=distance_fields(seen, config=scene.config)), seen.gaps[0])


@pytest.fixture(scope="module")
def lateral(vertebra):
    """What lies farther than 25 mm from the midline: bone of its own where there is any."""
    points = np.asarray(vertebra.grid.to_lps(np.moveaxis(np.indices(vertebra.grid.shape), 0, -1)))
    return Mask(vertebra.grid, np.abs(points[..., 0]) > 23.5)


def test_an_iliac_screw_is_followed_and_passed_beside_but_never_from_past_a_pedicle(vertebra, change, scene):
    search = found(change, scene, Bone("ilium", "ilium", vertebra.bone))
    assert search.trajectories
    assert {f.family for f in search.families if f.tried} == {"along the screw", "beside the screw"}
    head = np.array(vertebra.implants[0].axis.head_lps)
    for way in search.trajectories:
        assert np.linalg.norm(np.array(way.entry_bone_lps) - head) <= scene.config.spine.iliac_entry_mm
        assert way.passage is None


def test_a_screw_in_s1_has_the_ways_of_a_pedicle_and_meets_no_ilium(vertebra, change, scene, lateral):
    ilium = Bone("ilium-left", "ilium", lateral)
    alone = found(change, scene, Bone("sacrum", "sacrum", vertebra.bone))
    beside = found(change, scene, Bone("sacrum", "sacrum", vertebra.bone), ilium)
    for search in (alone, beside):
        assert any(way.approach == "transpedicular" for way in search.trajectories)
    assert "another bone" not in alone.refused
    assert beside.refused["another bone"] > 0
    assert all(way.clearance_mm.other_bone > 0.0 for way in beside.trajectories)
