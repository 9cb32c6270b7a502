"""Cement in a plain vertebral body, and what is as bright without being cement."""

import numpy as np
import pytest

from planner.config.hardware_config import CementConfig
from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.grid import Grid
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Mask, Volume
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder
from planner.phantoms.tissues import BONE_ISLAND, CANCELLOUS, CORTICAL, MUSCLE, PMMA, SCLEROTIC, TITANIUM, Tissue
from planner.segment.implants.cement import find_spine_cement
from planner.segment.implants.metal import find_metal
from planner.segment.implants.parts import ImplantPart

CONFIG = CementConfig()
PLACE = (4.0, -5.0, 1.0)
BODY = [
    Part("bone", Cylinder((0, 0, -15), (0, 0, 15), 20.0), CORTICAL),
    Part("marrow", Cylinder((0, 0, -13.8), (0, 0, 13.8), 18.8), CANCELLOUS),
]
SHAFT = Part("screw", Cylinder((-12, 26, 2), (2, -6, 1), 2.5), TITANIUM)
CONTRAST = Tissue("contrast", 1500.0, material="iodine in water")


def grid():
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, 0.8], [0, 0.8, 0], [1.0, 0, 0]]
    matrix[:3, 3] = (-28.0, -36.0, -24.0)
    return Grid((49, 84, 71), matrix)


def scanned(*parts):
    return ideal_scan(Scene((*BODY, *parts), MUSCLE), grid(), IdealScan(seed=2))


def screw(volume):
    axis = ImplantAxis(head_lps=(-12, 26, 2), tip_lps=(2, -6, 1), diameter_mm=5, core_diameter_mm=4, length_mm=35)
    record = Implant(
        id="screw-1", kind="pedicle_screw", volume_ml=1.0, centroid_lps=(-5, 10, 1), axis=axis, bulls_eye=None,
        side="right", level=None, material="titanium", loosening=None,
    )  # fmt: skip
    return ImplantPart(record, Mask(volume.grid, np.zeros(volume.grid.shape, dtype=bool)))


def found(volume, *, spine=True):
    metal = find_metal(volume, ImplantConfig())
    return find_spine_cement(volume, metal, (screw(volume),) if spine else (), CONFIG)


def test_a_blob_in_a_body_is_cement():
    (cement,) = found(scanned(Part("cement", Ball(PLACE, 7.0), PMMA)))
    record = cement.record
    assert record.id == "cement-1" and record.kind == "cement" and record.material == "pmma"
    assert record.volume_ml == pytest.approx(4 / 3 * np.pi * 7**3 / 1000, rel=0.1)
    assert np.linalg.norm(np.subtract(record.centroid_lps, PLACE)) < 0.4
    assert record.side is None and record.loosening is None


def test_cement_round_a_screw_leaves_out_the_metal():
    volume = scanned(Part("cement", Ball((1, -4, 1), 8.0), PMMA), SHAFT)
    (cement,) = found(volume)
    # the shaft runs 10 mm through the blob
    true_ml = (4 / 3 * np.pi * 8**3 - np.pi * 2.5**2 * 10) / 1000
    assert cement.record.volume_ml == pytest.approx(true_ml, rel=0.2)
    metal = find_metal(volume, ImplantConfig()).mask
    index = np.rint(volume.grid.to_index(cement.mask.grid.to_lps(np.argwhere(cement.mask.voxels)))).astype(int)
    assert metal.voxels[tuple(index.T)].mean() < 0.05


@pytest.mark.parametrize(
    "part",
    [
        Part("island", Ball(PLACE, 4.5), BONE_ISLAND),
        Part("small blob", Ball(PLACE, 4.0), PMMA),
        Part("sclerosis", Ball(PLACE, 8.0), SCLEROTIC),
        Part("bowel", Ball((4.0, -29.0, 0.0), 7.0), CONTRAST),
        SHAFT,
    ],
    ids=["bone island", "too small to be told", "sclerosis", "contrast in front of the spine", "a screw alone"],
)
def test_what_is_not_cement(part):
    assert found(scanned(part)) == ()


def test_a_fading_streak_between_screws_is_not_cement():
    volume = scanned(SHAFT)
    points = volume.grid.to_lps(np.argwhere(np.ones(volume.grid.shape, dtype=bool))).reshape(*volume.grid.shape, 3)
    away = (points - np.array([10.0, -2.0, 1.0])) / [9.0, 6.0, 4.0]
    streak = 1600.0 * np.exp(-0.5 * (away**2).sum(axis=-1))
    brighter = Volume(volume.grid, (volume.hu + streak).astype(np.float32))
    assert np.count_nonzero((brighter.hu > 1000) & (brighter.hu < 2500)) * 0.64 > 600.0
    assert found(brighter) == ()


def test_nothing_is_looked_for_without_spinal_hardware():
    assert found(scanned(Part("cement", Ball(PLACE, 7.0), PMMA)), spine=False) == ()
