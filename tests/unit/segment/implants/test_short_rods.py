"""Rods between tulips that stand close together, and what is told where the scan ends in a construct."""

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, ThreadedShaft, tube
from planner.phantoms.tissues import COBALT_CHROME, MUSCLE, TITANIUM
from planner.segment.implants.metal import find_metal
from planner.segment.implants.spine import implant_parts, segment_shafts

CONFIG = ImplantConfig()
HALF_PITCH_MM = 10.5


def _side(tissue, *, ceiling_hu=None, spacing=(1.0, 0.8, 0.8), rod=True) -> Volume:
    """Two screws of one side, their tulips 10 mm apart, on a rod."""
    parts = []
    for z in (-HALF_PITCH_MM, HALF_PITCH_MM):
        head = (16.0, 10.0, z)
        parts += [ThreadedShaft(head, (8.0, -16.0, z + 1.0), 6.0, 4.4), Cylinder(head, (16.0, 24.0, z), 5.6)]
    if rod:
        parts.append(tube([(16.0, 18.0, e) for e in (-19.5, 19.5)], [2.75] * 2))
    matrix = np.array([[0, 0, spacing[2], 2.0], [0, spacing[1], 0, -20.0], [spacing[0], 0, 0, -25.0], [0, 0, 0, 1.0]])
    grid = Grid(tuple(int(n / s) + 1 for n, s in zip((50, 48, 26), spacing, strict=True)), matrix)
    scene = Scene(tuple(Part(f"part {k}", solid, tissue) for k, solid in enumerate(parts)), MUSCLE)
    return ideal_scan(scene, grid, IdealScan(seed=6, subsamples=2, hu_clipped_at=ceiling_hu))


def _records(volume):
    metal = find_metal(volume, CONFIG)
    shafts = segment_shafts(volume, metal, CONFIG)
    return [part.record for part in implant_parts(volume, metal, shafts, CONFIG)]


@pytest.mark.parametrize(
    ("tissue", "ceiling_hu", "slices_mm"),
    [(COBALT_CHROME, 3071.0, 1.0), (COBALT_CHROME, 8191.0, 1.0), (TITANIUM, None, 3.0), (TITANIUM, 3071.0, 3.0)],
)
def test_a_rod_shows_between_two_tulips_however_short(tissue, ceiling_hu, slices_mm):
    records = _records(_side(tissue, ceiling_hu=ceiling_hu, spacing=(slices_mm, 0.8, 0.8)))
    assert [r.kind for r in records] == ["pedicle_screw", "pedicle_screw", "rod"]
    rod = records[2]
    assert rod.axis.head_lps == pytest.approx((16.0, 18.0, 19.5), abs=2.0)
    assert rod.axis.tip_lps == pytest.approx((16.0, 18.0, -19.5), abs=2.0)
    # from one rounded end to the other
    assert rod.metal_length_mm == pytest.approx(44.5, abs=2.5) and rod.metal_length_mm > rod.axis.length_mm
    # 1.6 mL by the scene; a share of the rod's metal would make it 2.4
    assert all(1.0 < r.volume_ml < 2.0 for r in records[:2])


def test_two_tulips_that_nothing_joins_have_no_rod():
    records = _records(_side(TITANIUM, rod=False))
    assert [r.kind for r in records] == ["pedicle_screw", "pedicle_screw"]
    assert all(r.volume_ml is not None and not r.is_cut for r in records)


def test_half_a_construct_is_told_and_what_is_cut_is_said():
    whole = _side(TITANIUM)
    # through the lower screw, along its length
    records = _records(whole.crop((int(25.0 - HALF_PITCH_MM), 0, 0), whole.hu.shape))
    assert [(r.kind, r.is_cut) for r in records] == [("pedicle_screw", False), ("rod", True), ("unknown", True)]
    # the cut screw's metal goes to neither
    assert records[0].volume_ml == pytest.approx(1.6, abs=0.2)
    assert records[2].volume_ml > 0.3


def test_a_tulip_that_the_scan_cuts_off_is_cut():
    whole = _side(TITANIUM)
    records = _records(whole.crop((0, 0, 0), (whole.hu.shape[0], 44, whole.hu.shape[2])))
    screws = [r for r in records if r.kind == "pedicle_screw"]
    assert len(screws) == 2 and all(r.is_cut for r in screws)


def test_tips_hidden_by_padding_are_cut():
    whole = _side(TITANIUM)
    padding = np.zeros(whole.hu.shape, dtype=bool)
    padding[:, :9] = True
    hu = np.where(padding, -1024, whole.hu).astype(whole.hu.dtype)
    screws = [r for r in _records(Volume(whole.grid, hu, padding)) if r.kind == "pedicle_screw"]
    assert len(screws) == 2 and all(r.is_cut for r in screws)
    rods = [r for r in _records(whole) if r.kind == "rod"]
    assert [r.is_cut for r in rods] == [False]
