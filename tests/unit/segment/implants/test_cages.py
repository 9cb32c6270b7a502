"""Cages between two plain vertebral bodies: of titanium, and of plastic with pins."""

import numpy as np
import pytest

from planner.config.hardware_config import CageConfig
from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.grid import Grid
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Mask
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, Difference, RoundedBox
from planner.phantoms.tissues import CANCELLOUS, CORTICAL, FUSION_BONE, MUSCLE, TANTALUM, TITANIUM
from planner.segment.implants.cages import tell_cages
from planner.segment.implants.metal import find_metal
from planner.segment.implants.parts import ImplantPart, implant_parts

CONFIG = CageConfig()
METAL = ImplantConfig()
CENTRE = (3.0, -4.0, 0.0)
FRAME = Difference(RoundedBox(CENTRE, (11.0, 9.0, 5.0), 1.0), RoundedBox(CENTRE, (8.5, 6.5, 9.0), 0.5))
PLACES = ((-4.0, -10.0), (10.0, -10.0), (3.0, 2.0))


def bodies():
    parts = []
    for low, high in ((-31.0, -5.0), (5.0, 31.0)):
        parts.append(Part("bone", Cylinder((0, 0, low), (0, 0, high), 21.0), CORTICAL))
        parts.append(Part("marrow", Cylinder((0, 0, low + 1.2), (0, 0, high - 1.2), 19.8), CANCELLOUS))
    return parts


def pins(*, heights=(4.0, 4.0, 4.0), at=PLACES):
    return [
        Part("pin", Cylinder((x, y, -half), (x, y, half), 0.5), TANTALUM)
        for (x, y), half in zip(at, heights, strict=True)
    ]


def scanned(parts, *, clipped=False):
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, 0.8], [0, 0.8, 0], [1.0, 0, 0]]
    matrix[:3, 3] = (-26.4, -26.4, -36.0)
    settings = IdealScan(seed=1, hu_clipped_at=3071.0 if clipped else None)
    return ideal_scan(Scene(tuple(parts), MUSCLE), Grid((73, 67, 67), matrix), settings)


def screw(volume):
    """A screw as an earlier step told it, high above; it only says that this is a spine."""
    axis = ImplantAxis(head_lps=(-15, 30, 30), tip_lps=(-15, 0, 25), diameter_mm=6, core_diameter_mm=4, length_mm=30.4)
    record = Implant(
        id="screw-1", kind="pedicle_screw", volume_ml=1.0, centroid_lps=(-15, 15, 27), axis=axis, bulls_eye=None,
        side="right", level=None, material="titanium", loosening=None,
    )  # fmt: skip
    return ImplantPart(record, Mask(volume.grid, np.zeros(volume.grid.shape, dtype=bool)))


def told(parts, *, clipped=False, spine=True):
    volume = scanned(parts, clipped=clipped)
    metal = find_metal(volume, METAL)
    left = implant_parts(volume, metal, (), METAL)
    given = (screw(volume), *left) if spine else left
    return volume, tell_cages(volume, metal, given, CONFIG)


@pytest.mark.parametrize("clipped", [False, True])
def test_a_frame_between_two_endplates_is_a_cage(clipped):
    _, parts = told(
        [*bodies(), Part("graft", FRAME.solid, FUSION_BONE), Part("cage", FRAME, TITANIUM)], clipped=clipped
    )
    assert [p.record.id for p in parts] == ["screw-1", "cage-1"]
    record = parts[1].record
    assert record.kind == "cage" and record.side is None and record.level is None
    assert np.linalg.norm(np.subtract(record.centroid_lps, CENTRE)) < (0.8 if clipped else 0.4)
    assert record.material == ("unknown" if clipped else "titanium")
    true_ml = (22 * 18 - 17 * 13) * 10 / 1000
    assert record.volume_ml == pytest.approx(true_ml, rel=0.3)


def test_a_frame_in_soft_tissue_is_none():
    _, parts = told([Part("port", FRAME, TITANIUM)])
    assert [p.record.kind for p in parts] == ["pedicle_screw", "unknown"]


@pytest.mark.parametrize("ends", [((-17, -4, 0), (17, -4, 0)), ((3, -4, -25), (3, -4, 25))])
def test_a_bar_is_no_cage(ends):
    _, parts = told([*bodies(), Part("bar", Cylinder(*ends, 2.5), TITANIUM)])
    assert [p.record.kind for p in parts] == ["pedicle_screw", "unknown"]


def test_what_was_taken_for_rods_in_a_frame_is_one_cage():
    volume = scanned([*bodies(), Part("cage", FRAME, TITANIUM)])
    metal = find_metal(volume, METAL)
    (whole,) = implant_parts(volume, metal, (), METAL)
    x = volume.grid.to_lps(np.argwhere(whole.mask.voxels))[:, 0]
    halves = []
    for number, own in enumerate((x < 3, x >= 3), start=1):
        voxels = np.zeros(volume.grid.shape, dtype=bool)
        voxels[tuple(np.argwhere(whole.mask.voxels)[own].T)] = True
        record = whole.record.model_copy(update={"id": f"rod-{number}", "kind": "rod", "volume_ml": 0.9})
        halves.append(ImplantPart(record, Mask(volume.grid, voxels)))
    (cage,) = tell_cages(volume, metal, tuple(halves), CONFIG)
    assert cage.record.id == "cage-1" and cage.record.volume_ml == pytest.approx(1.8)
    assert np.array_equal(cage.mask.voxels, whole.mask.voxels)


@pytest.mark.parametrize("clipped", [False, True])
def test_three_pins_in_a_disc_mark_a_plastic_cage(clipped):
    volume, parts = told([*bodies(), *pins()], clipped=clipped)
    cages = [p for p in parts if p.record.kind == "cage"]
    assert [p.record.id for p in cages] == ["peek-cage-1"]
    assert cages[0].record.volume_ml is None and cages[0].record.material == "unknown"
    assert np.linalg.norm(np.subtract(cages[0].record.centroid_lps, CENTRE)) < 0.8
    inside = volume.grid.to_lps(np.argwhere(cages[0].mask.voxels))
    assert inside[:, 0].min() > -6 and inside[:, 0].max() < 12 and np.abs(inside[:, 2]).max() < 6
    assert not [p for p in parts if p.record.kind == "unknown"]


def test_pins_are_not_looked_for_without_spinal_hardware():
    _, parts = told([*bodies(), *pins()], spine=False)
    assert "cage" not in {p.record.kind for p in parts}


@pytest.mark.parametrize(
    "scene",
    [pins(), [*bodies(), pins()[0]], [*bodies(), *pins(heights=(4.0, 15.0, 1.0))]],
    ids=["clips in soft tissue", "one pin", "pins of unlike length"],
)
def test_what_is_no_cage_of_pins(scene):
    _, parts = told(scene)
    assert "cage" not in {p.record.kind for p in parts}
