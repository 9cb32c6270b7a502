"""A drawn line is read on a stem's rays, and the stem graded by it."""

import numpy as np
import pytest

from planner.config.hip_config import HipGapConfig
from planner.geometry.grid import Grid
from planner.model.gap import Gap
from planner.model.implant import Implant, LooseningCriterion
from planner.model.volume import Mask
from planner.segment.gaps.given_interfaces import read_line, regraded, regraded_cup
from planner.segment.gaps.interface_rays import Interface
from planner.segment.implants.hips import HipPart
from planner.segment.unwrap import make_fan

EDGE = 0.8
GRID = Grid((100, 50, 50), np.array([[0, 0, EDGE, -20], [0, EDGE, 0, -20], [EDGE, 0, 0, 0], [0, 0, 0, 1]]))
RADIUS = 6.0
POINTS = np.asarray(GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1)))
AWAY = np.linalg.norm(POINTS[..., :2], axis=-1)
METAL = (AWAY < RADIUS + 0.5) & (POINTS[..., 2] > 5) & (POINTS[..., 2] < 75)  # masked wider than it is
GAP = Gap(
    id="gap-1", implant_id="stem-left", level=None, kind="periprosthetic_gap", zones=(), volume_ml=None,
    expected_fill_ml=None, width_mm=None, interface_fraction=None, centroid_lps=(0.0, 0.0, 0.0), trust=None,
)  # fmt: skip


@pytest.fixture(scope="module")
def interface():
    fan = make_fan((0, 0, 75), (0, 0, 5), RADIUS, start_mm=3.0, step_mm=1.0, angles=72)
    shape = (len(fan.along_mm), 72)
    return Interface(
        fan, np.full(shape, RADIUS), np.ones(shape), np.full(shape, np.inf),
        np.broadcast_to(~fan.is_tip[:, None], shape).copy(), np.full(shape, 0.5),
    )  # fmt: skip


def line(width, low=20.0, high=50.0):
    return (RADIUS + width > AWAY) & ~METAL & (POINTS[..., 2] > low) & (POINTS[..., 2] < high)


def test_width_and_share_of_a_line_are_read(interface):
    gap = read_line(interface, line(2.5), METAL, GRID).described(GAP)
    assert gap.width_mm.median == pytest.approx(2.5, abs=0.25)
    area, on_shaft = interface.area_mm2(), interface.in_bone
    lit = on_shaft & (np.abs(75 - interface.fan.along_mm - 35) < 15)[:, None]
    assert gap.interface_fraction == pytest.approx(float(area[lit].sum() / area[on_shaft].sum()), rel=0.06)


def test_nothing_drawn_is_no_line(interface):
    read = read_line(interface, np.zeros(GRID.shape, dtype=bool), METAL, GRID)
    assert not read.lucent.any() and read.described(GAP) is GAP
    away = (AWAY > 10) & (AWAY < 12)
    assert not read_line(interface, away, METAL, GRID).lucent.any()


def stem(loosening):
    return Implant(
        id="stem-left", kind="femoral_stem", volume_ml=None, centroid_lps=(0.0, 0.0, 0.0), axis=None, bulls_eye=None,
        side="left", level=None, material="titanium", loosening=loosening,
        loosening_criteria=tuple(
            LooseningCriterion(name=name, measured=None if loosening is None else 0.0, limit=1.0, unit="1")
            for name in ("share", "width", "fault")
        ),
    )  # fmt: skip


def test_a_stem_is_graded_by_what_was_drawn(interface):
    wide = regraded(stem("none"), [read_line(interface, line(3.5, 8, 72), METAL, GRID)], HipGapConfig())
    assert wide.loosening == "probable"
    assert wide.loosening_criteria[0].measured > 0.9
    assert wide.loosening_criteria[1].measured == pytest.approx(3.5, abs=0.3)
    assert wide.loosening_criteria[2].measured == 0.0
    erased = regraded(wide, [], HipGapConfig())
    assert erased.loosening == "none"
    assert [c.measured for c in erased.loosening_criteria] == [0.0, 0.0, 0.0]


def test_what_the_scan_could_not_tell_stays_untold(interface):
    lines = [read_line(interface, line(3.5, 8, 72), METAL, GRID)]
    assert regraded(stem(None), lines, HipGapConfig()) == stem(None)


def cup(loosening):
    names = ("share", "zone 1", "zone 2", "zone 3", "fault")
    rows = tuple(LooseningCriterion(name=n, measured=0.0, limit=1.0, unit="1") for n in names)
    record = stem(loosening).model_copy(
        update={"id": "cup-left", "kind": "acetabular_cup", "axis": None, "loosening_criteria": rows}
    )
    centre, mouth = np.array([0.0, 0.0, 40.0]), np.array([0.8, 0.0, -0.6])
    return HipPart(record, Mask(GRID, METAL), centre, 24.0, mouth, is_cut=False)


def test_a_cup_is_graded_by_what_was_drawn(interface):
    part = cup("none")
    wide = regraded_cup(
        part.record, part, interface, [read_line(interface, line(2.5, 0, 80), METAL, GRID)], HipGapConfig()
    )
    assert wide.loosening == "probable"
    assert all(row.measured > 0.9 for row in wide.loosening_criteria[:4])
    assert wide.loosening_criteria[4] == part.record.loosening_criteria[4]
    erased = regraded_cup(wide, part, interface, [], HipGapConfig())
    assert erased.loosening == "none" and erased.loosening_criteria[0].measured == 0.0


def test_a_cup_that_could_not_be_told_stays_untold(interface):
    part = cup(None)
    lines = [read_line(interface, line(2.5, 0, 80), METAL, GRID)]
    assert regraded_cup(part.record, part, interface, lines, HipGapConfig()) == part.record
