"""Risk factors out of the plan: measured, whole walls are 0, what cannot be read is None."""

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.bones import Bone
from planner.model.breach import Breach
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.needle import NeedleSet
from planner.model.volume import Mask, Volume
from planner.pipeline.risk_factors import leak_risk_factors

GRID = Grid((8, 8, 8), np.eye(4))
UNREAD = Finding(code="gap-not-reliable", severity="warning", message="gap-1: not to be relied on", gap_id="gap-1")


def block(low, high):
    voxels = np.zeros(GRID.shape, bool)
    voxels[low:high] = True
    return Mask(GRID, voxels)


def anatomy(*, levels=("L4", "L5")):
    """Two bones, one over the other; gap-1 and gap-2 in the upper, gap-3 in the lower."""
    bones = [
        Bone("vertebra-1", "vertebra", block(0, 4), levels[0]),
        Bone("vertebra-2", "vertebra", block(4, 8), levels[1]),
    ]
    spaces = {"gap-1": block(0, 2), "gap-2": block(2, 5), "gap-3": block(5, 7)}
    return Anatomy(
        ct=Volume(GRID, np.zeros(GRID.shape, np.float32)), metal=Mask(GRID, np.zeros(GRID.shape, bool)),
        bone=block(0, 8), gaps=tuple(GapSpace(name, None, mask) for name, mask in spaces.items()), implants=(),
        bones=tuple(bones),
    )  # fmt: skip


def gap(name, level=None):
    return Gap(
        id=name, implant_id=None, level=level, kind="osteolysis", zones=(), volume_ml=None, expected_fill_ml=None,
        width_mm=None, interface_fraction=None, centroid_lps=(0.0, 0.0, 0.0), trust=None,
    )  # fmt: skip


GAPS = tuple(gap(f"gap-{n}") for n in (1, 2, 3))


def breach(name, gap_id, area, *, severity="open", leak_type="cortical"):
    return Breach(
        id=name, gap_id=gap_id, leak_type=leak_type, severity=severity, barrier_mm=0.0, area_mm2=area,
        centroid_lps=(0.0, 0.0, 0.0), outward_lps=None, reached=None, leak_after_ml=None, watch_view=None,
    )  # fmt: skip


def needles(gap_id, count, ml):
    names = tuple(f"t-{n}" for n in range(count))
    return NeedleSet(gap_ids=(gap_id,), trajectory_ids=names, covered_ml=None, covered_fraction=None, cement_ml=ml)


def factors(name, breaches=(), sets=(), *, findings=(), gaps=GAPS, case=None):
    told = leak_risk_factors(
        case or anatomy(), gaps, breaches, sets, findings=findings, viscosity="high", viscosity_pa_s=200.0
    )
    return {factor.level or factor.bone: factor for factor in told if factor.name == name}


def test_open_area_is_summed_by_bone():
    found = factors("cortical defect", [breach("b-1", "gap-1", 10.0), breach("b-2", "gap-2", 2.5, leak_type="canal")])
    assert {level: factor.measured for level, factor in found.items()} == {"L4": 12.5, "L5": 0.0}
    assert found["L4"].bone == "vertebra-1" and found["L4"].unit == "mm²"
    assert "10.12307/2025.427" in found["L4"].source and "no open place" in found["L5"].source


@pytest.mark.parametrize(
    "one",
    [
        breach("b", "gap-1", 9.0, severity="thin"),
        breach("b", "gap-1", 9.0, leak_type="screw_tract"),
        breach("b", "gap-1", 9.0, leak_type="venous"),
    ],
)
def test_thin_walls_the_screws_entry_and_vessels_are_no_defect(one):
    assert factors("cortical defect", [one])["L4"].measured == 0.0


def test_a_way_out_to_nobody_knows_where_is_a_defect():
    assert factors("cortical defect", [breach("b", "gap-1", 9.0, leak_type=None)])["L4"].measured == 9.0


def test_what_cannot_be_read_is_not_zero():
    blind = factors("cortical defect", findings=[UNREAD])
    assert blind["L4"].measured is None and "gap-1 cannot be read" in blind["L4"].source
    assert blind["L5"].measured == 0.0
    unsized = factors("cortical defect", [breach("b-7", "gap-3", None)])
    assert unsized["L5"].measured is None and "b-7" in unsized["L5"].source


def test_what_is_seen_beside_what_is_not_is_said_to_be_at_least_so_much():
    found = factors("cortical defect", [breach("b", "gap-2", 4.0)], findings=[UNREAD])
    assert found["L4"].measured == 4.0 and "at least" in found["L4"].source


def test_cement_of_the_fullest_set_of_each_gap_by_bone():
    sets = [needles("gap-1", 1, 0.8), needles("gap-1", 2, 1.1), needles("gap-2", 1, 0.5)]
    found = factors("injected volume", sets=sets)
    assert {level: factor.measured for level, factor in found.items()} == {"L4": 1.6}
    assert "gap-1, gap-2" in found["L4"].source


def test_cement_that_was_not_simulated_is_not_measured():
    found = factors("injected volume", sets=[needles("gap-1", 1, 0.8), needles("gap-2", 1, None)])
    assert found["L4"].measured is None


def test_a_hip_has_no_level_but_a_bone():
    case = anatomy(levels=(None, None))
    assert set(factors("cortical defect", case=case)) == {"vertebra-1", "vertebra-2"}
    assert factors("cortical defect", gaps=(gap("gap-1", "T12"),), case=case)["T12"].bone == "vertebra-1"


def test_viscosity_is_told_once_and_only_where_something_can_be_filled():
    told = leak_risk_factors(anatomy(), GAPS, (), (), findings=(), viscosity="low")
    mine = [factor for factor in told if factor.name == "cement viscosity"]
    assert len(mine) == 1 and mine[0].measured is None and "low" in mine[0].source
    assert factors("cement viscosity")[None].measured == 200.0
    assert leak_risk_factors(anatomy(), (), (), (), findings=(), viscosity="low") == ()
    unset = leak_risk_factors(anatomy(), GAPS, (), (), findings=())
    assert {factor.name for factor in unset} == {"cortical defect"}
