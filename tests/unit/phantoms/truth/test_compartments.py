"""What lies behind a breach, by name."""

import numpy as np
import pytest

from planner.config.phantoms.spine.altered import Laminectomy, SegmentalVessels
from planner.config.phantoms.spine.patient import SpinePatient
from planner.geometry.frames import PointsLps
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, Grown, HalfSpace, Solid
from planner.phantoms.spine.patient.column import Column, column_of
from planner.phantoms.tissues import BLOOD, CANCELLOUS, CSF, DISC, EPIDURAL, FAT, FIBROUS, LUNG, MUSCLE, Tissue
from planner.phantoms.truth.compartments import behind
from planner.phantoms.truth.places import Place

_BONE = Part("L4", Ball((0, 0, 0), 10.0), CANCELLOUS)
_Way = tuple[float, float, float]


def _told(scene: Scene, way: _Way, at: _Way | None = None, *, ways_out: tuple[tuple[Place, Solid], ...] = ()) -> Place:
    """Say what lies behind five points of a wall."""
    ways = np.tile(np.array(way, dtype=float), (5, 1))
    places = PointsLps(10.0 * ways if at is None else np.tile(np.array(at, dtype=float), (5, 1)))
    votes = behind(scene, places, ways, ways_out=ways_out)
    by_kind = votes.by_kind().sum(axis=0)
    return votes.place(np.arange(5), int(np.argmax(by_kind)) if len(by_kind) else -1)


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
        ("basivertebral vein L4", BLOOD, "venous", "basivertebral vein L4"),
        # Beside the great vessels cement has left through the cortex.
        ("veins", BLOOD, "cortical", "veins"),
        ("arteries", BLOOD, "cortical", "arteries"),
        ("vessels", BLOOD, "cortical", "vessels"),
        ("lung vessels", BLOOD, "cortical", "lung vessels"),
        ("sacroiliac joints", FIBROUS, "joint", "sacroiliac joints"),
        ("sacral foramina", EPIDURAL, "foramen", "foramen"),
        ("cleft of L1", Tissue("fluid", 12.0), "fracture", "cleft of L1"),
        ("discarded", MUSCLE, "cortical", "discarded"),
    ],
)
def test_the_part_behind_gives_its_name(name: str, tissue: Tissue, leak: str, compartment: str) -> None:
    front = Part(name, HalfSpace((0, -5, 0), (0, 1, 0)), tissue)
    assert _told(_scene(front), (0, -1, 0)) == (leak, compartment)
    # On the other side lies the background.
    assert _told(_scene(front), (0, 1, 0)) == ("cortical", "fat")


def test_fat_towards_the_canal_is_canal_and_other_fat_is_foramen() -> None:
    canal = Cylinder((20, 0, -40), (20, 0, 40), 6.0)
    scene = _scene(Part("epidural fat", Grown(canal, 30.0), EPIDURAL), Part("canal", canal, CSF))
    assert _told(scene, (1, 0, 0)) == ("canal", "canal")
    assert _told(scene, (0, 0, -1)) == ("foramen", "foramen")
    assert _told(scene, (-1, 0, 0)) == ("foramen", "foramen")


def test_bone_is_no_compartment() -> None:
    assert _told(_scene(), (0, 1, 0), (0, 0, 0)) == (None, None)


def test_what_lies_on_a_way_out_goes_there_and_the_rest_does_not() -> None:
    line = Place("fracture", "fracture line L4")
    ways_out = ((line, HalfSpace((0, 10.0, 0), (0, -1, 0))),)
    assert _told(_scene(), (0, 1, 0), ways_out=ways_out) == line
    assert _told(_scene(), (1, 0, 0), ways_out=ways_out) == Place("cortical", "fat")


def test_a_disc_and_its_gas_are_one_kind_and_the_next_disc_is_another() -> None:
    parts = (
        Part("disc L3-L4", HalfSpace((0, 0, 5), (0, 0, -1)), DISC),
        Part("disc gas L3", Ball((0, 9, 9), 7.0), Tissue("gas", -900.0)),
        Part("disc L4-L5", HalfSpace((0, 0, -5), (0, 0, 1)), DISC),
    )
    ways = np.array([(0, 0, 1), (0, 0.6, 0.8), (0, 0, -1)])
    votes = behind(_scene(*parts), PointsLps(10.0 * ways), ways)
    above, gas, below = np.argmax(votes.by_kind(), axis=1)
    assert above == gas != below
    assert votes.place(np.array([1]), int(gas)) == Place("disc", "disc gas L3")
    assert votes.place(np.array([2]), int(below)) == Place("disc", "disc L4-L5")


@pytest.fixture(scope="module")
def column() -> Column:
    return column_of(
        SpinePatient(altered=(Laminectomy(levels=("L4",)),), decoys=(SegmentalVessels(level="L4"),)),
    )


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("scar L4", Place("canal", "canal")),
        ("scar fat L4", Place("canal", "canal")),
        ("segmental vessels L4", Place("venous", "segmental vessels L4")),
        ("veins", Place("cortical", "veins")),
        ("arteries", Place("cortical", "arteries")),
    ],
)
def test_names_that_the_spines_use(column: Column, start: str, expected: Place) -> None:
    (part,) = (p for p in (*column.soft.parts, *column.parts) if p.name == start)
    there = Part(part.name, HalfSpace((0, -5, 0), (0, 1, 0)), part.tissue)
    assert _told(_scene(there), (0, -1, 0)) == expected


def test_what_leaves_towards_a_laminectomy_goes_to_the_canal(column: Column) -> None:
    vertebra = next(v for v in column.vertebrae if v.level == "L4")
    y, radius, _ = vertebra.shape.canal_mm
    # 4 mm behind the canal's back, where the lamina was.
    place, ahead = (np.array(vertebra.place((0.0, y + radius + mm, -6.0))) for mm in (4.0, 5.0))
    assert _told(Scene((*column.soft.parts, *column.parts)), tuple(ahead - place), tuple(place)) == Place(
        "canal", "canal"
    )
    intact = column_of(SpinePatient())
    assert _told(Scene((*intact.soft.parts, *intact.parts)), tuple(ahead - place), tuple(place)).leak_type != "canal"
