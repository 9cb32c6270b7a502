"""Broken-off ends of screws, and straight metal that is none."""

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple, unit
from planner.geometry.grid import Grid
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, ThreadedShaft, tube
from planner.phantoms.tissues import MUSCLE, TITANIUM
from planner.segment.implants.faults import find_faults
from planner.segment.implants.metal import find_metal
from planner.segment.implants.spine import implant_parts, segment_shafts

CONFIG = ImplantConfig()
HEAD, TIP = np.array([16.0, 10.0, 15.0]), np.array([8.0, -16.0, 16.0])


def _told(upper, *, ceiling_hu=None):
    """A construct of one side whose upper screw is given; its records and faults."""
    parts = [*upper, Cylinder(point_tuple(HEAD), (16.0, 24.0, 15.0), 5.6)]
    parts += [ThreadedShaft((16.0, 10.0, -15.0), (8.0, -16.0, -14.0), 6.0, 4.4)]
    parts += [Cylinder((16.0, 10.0, -15.0), (16.0, 24.0, -15.0), 5.6)]
    parts.append(tube([(16.0, 18.0, e) for e in (-24.0, 24.0)], [2.75] * 2))
    matrix = np.array([[0, 0, 0.7, -4.0], [0, 0.7, 0, -34.0], [1.0, 0, 0, -31.0], [0, 0, 0, 1.0]])
    grid = Grid((63, 88, 44), matrix)
    scene = Scene(tuple(Part(f"part {k}", solid, TITANIUM) for k, solid in enumerate(parts)), MUSCLE)
    volume = ideal_scan(scene, grid, IdealScan(seed=6, subsamples=2, hu_clipped_at=ceiling_hu))
    metal = find_metal(volume, CONFIG)
    records = [p.record for p in implant_parts(volume, metal, segment_shafts(volume, metal, CONFIG), CONFIG)]
    known = [r for r in records if r.kind != "unknown"]
    return records, find_faults(known, metal=metal, volume=volume, bone=None, canal=None)


def _screw(start, stop):
    return ThreadedShaft(point_tuple(start), point_tuple(stop), 6.0, 4.4)


@pytest.mark.parametrize("ceiling_hu", [None, 3071.0])
def test_a_screw_broken_in_its_middle_is_told_as_two_and_is_no_candidate(ceiling_hu):
    middle, way = (HEAD + TIP) / 2, unit(TIP - HEAD)
    records, faults = _told([_screw(HEAD, middle - 2 * way), _screw(middle + 2 * way, TIP)], ceiling_hu=ceiling_hu)
    assert sorted(r.kind for r in records) == ["pedicle_screw"] * 3 + ["rod"]
    (end,) = (r for r in records if r.id in faults.broken_off)
    assert end.axis.tip_lps == pytest.approx(tuple(TIP), abs=1.5)
    assert {"screw-broken", "no-candidate"} <= {f.code for f in faults.findings}
    (criterion,) = faults.criteria(end.id)
    assert criterion.name.startswith("broken-off end") and criterion.measured > 3.0


def test_a_tip_whose_screw_broke_in_the_tulip_is_told():
    way = unit(TIP - HEAD)
    records, _ = _told([_screw(HEAD + 6 * way, TIP)])
    assert sorted(r.kind for r in records if r.kind != "unknown") == ["pedicle_screw"] * 2 + ["rod"]
    assert any(np.linalg.norm(np.subtract(r.axis.tip_lps, TIP)) < 1.5 for r in records if r.axis is not None)


def test_a_piece_that_is_in_line_with_no_tulip_is_no_broken_end():
    aside = np.array([12.0, 0.0, -8.0])
    lost = _screw(TIP + np.array([-3.0, 8.0, -12.0]), TIP + np.array([-3.0, 8.0, -12.0]) + aside)
    records, faults = _told([_screw(HEAD, TIP), lost])
    assert sorted(r.kind for r in records) == ["pedicle_screw", "pedicle_screw", "rod", "unknown"]
    assert not faults.broken_off


def test_a_pin_before_a_whole_screw_is_no_broken_end():
    way = unit(TIP - HEAD)
    records, faults = _told([_screw(HEAD, TIP), _screw(TIP + 3 * way, TIP + 14 * way)])
    assert sorted(r.kind for r in records) == ["pedicle_screw", "pedicle_screw", "rod", "unknown"]
    assert not faults.broken_off
