from dataclasses import replace

import numpy as np

from planner.model.anatomy import GapSpace
from planner.model.bones import Bone
from planner.model.gap import Gap
from planner.model.volume import Mask, Volume
from planner.safety.wall_findings import wall_findings
from tests.unit.safety.safety_cases import blurred_block

CASE = blurred_block(1.0)


def gap(name="gap-1"):
    return Gap(
        id=name, implant_id=None, level=None, kind="osteolysis", zones=(), volume_ml=None, expected_fill_ml=None,
        width_mm=None, interface_fraction=None, centroid_lps=(0.0, 0.0, 0.0), trust=None,
    )  # fmt: skip


def codes(case, *gaps):
    return [finding.code for finding in wall_findings(case, gaps)]


def test_a_gap_within_the_scan_is_whole():
    assert codes(CASE, gap()) == []


def test_one_at_the_scans_edge_is_cut_off():
    voxels = np.zeros(CASE.grid.shape, bool)
    voxels[0:3, 10:14, 10:14] = True
    at_edge = replace(CASE, gaps=(GapSpace("gap-1", None, Mask(CASE.grid, voxels)),))
    assert codes(at_edge, gap()) == ["gap-cut-off"]
    assert codes(at_edge, gap("gap-2")) == []


def test_one_beside_padding_is_cut_off():
    padding = np.zeros(CASE.grid.shape, bool)
    inside = np.argwhere(CASE.gaps[0].mask.voxels)
    padding[:, :, inside[:, 2].max() + 2 :] = True
    padded = replace(CASE, ct=Volume(CASE.grid, CASE.ct.hu, padding=padding))
    assert codes(padded, gap()) == ["gap-cut-off"]
    padding = np.zeros(CASE.grid.shape, bool)
    padding[:, :, inside[:, 2].max() + 6 :] = True
    assert codes(replace(CASE, ct=Volume(CASE.grid, CASE.ct.hu, padding=padding)), gap()) == []


def test_veins_are_said_not_to_be_looked_for_in_vertebrae_alone():
    mask = Mask(CASE.grid, CASE.bone.voxels)
    spine = replace(CASE, bones=(Bone("vertebra-1", "vertebra", mask),))
    assert codes(spine, gap()) == ["bone-veins-unknown"]
    assert codes(replace(spine, gaps=()), gap()) == []
    assert codes(replace(CASE, bones=(Bone("femur-left", "femur", mask),)), gap()) == []
