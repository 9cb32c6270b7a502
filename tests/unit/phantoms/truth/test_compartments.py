"""What lies behind a breach, by name."""

import numpy as np
import pytest

from planner.geometry.frames import PointsLps
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, Grown, HalfSpace
from planner.phantoms.tissues import CANCELLOUS, CSF, DISC, EPIDURAL, FAT, LUNG, MUSCLE, Tissue
from planner.phantoms.truth.compartments import behind
from planner.phantoms.truth.patches import Patch

_BONE = Part("L4", Ball((0, 0, 0), 10.0), CANCELLOUS)


def _patch(way: tuple[float, float, float], at: tuple[float, float, float] | None = None) -> Patch:
    ways = np.tile(np.array(way, dtype=float), (5, 1))
    places = PointsLps(10.0 * ways if at is None else np.tile(np.array(at, dtype=float), (5, 1)))
    return Patch(places, places, ways, (0, 0, 0), True, 0.0, 5.0)


def _scene(*parts: Part) -> Scene:
    return Scene((*parts, _BONE), FAT)


@pytest.mark.parametrize(
    ("name", "tissue", "leak", "compartment"),
    [
        ("disc L3-L4", DISC, "disc", "disc L3-L4"),
        ("psoas", MUSCLE, "cortical", "psoas"),
        ("lungs", LUNG, "cortical", "lungs"),
        ("joint capsule", MUSCLE, "joint", "joint capsule"),
        ("left facet", Tissue("cartilage", 110.0), "joint", "left facet"),
        ("segmental vein", Tissue("blood", 42.0), "venous", "segmental vein"),
        ("cleft of L1", Tissue("fluid", 12.0), "fracture", "cleft of L1"),
        ("discarded", MUSCLE, "cortical", "discarded"),
    ],
)
def test_the_part_behind_gives_its_name(name: str, tissue: Tissue, leak: str, compartment: str) -> None:
    front = Part(name, HalfSpace((0, -5, 0), (0, 1, 0)), tissue)
    assert behind(_scene(front), _patch((0, -1, 0))) == (leak, compartment)
    # On the other side lies the background.
    assert behind(_scene(front), _patch((0, 1, 0))) == ("cortical", "fat")


def test_fat_towards_the_canal_is_canal_and_other_fat_is_foramen() -> None:
    canal = Cylinder((20, 0, -40), (20, 0, 40), 6.0)
    scene = _scene(Part("epidural fat", Grown(canal, 30.0), EPIDURAL), Part("canal", canal, CSF))
    assert behind(scene, _patch((1, 0, 0))) == ("canal", "canal")
    assert behind(scene, _patch((0, 0, -1))) == ("foramen", "foramen")
    assert behind(scene, _patch((-1, 0, 0))) == ("foramen", "foramen")


def test_bone_is_no_compartment() -> None:
    assert behind(_scene(), _patch((0, 1, 0), at=(0, 0, 0))) == (None, None)
