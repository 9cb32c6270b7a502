"""Volumes of screws and rods, and whose voxels are whose."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.grid import Grid
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, Union, tube
from planner.phantoms.solids.threads import ScrewShaft
from planner.phantoms.tissues import COBALT_CHROME, MUSCLE, TITANIUM
from planner.segment.implants.groups import pieces_of_one, pieces_searched
from planner.segment.implants.metal import Metal, find_metal
from planner.segment.implants.parts import course_distance_mm, implant_parts
from planner.segment.implants.spine import segment_shafts

CONFIG = ImplantConfig()
ROD = [(8.0, 22.0, 26.0), (10.0, 20.0, 0.0), (8.0, 22.0, -26.0)]


def _construct(ceiling_hu, *, tissue=TITANIUM, subsamples=3, tip_y_mm=-20.0):
    screws = []
    for z in (14.0, -14.0):
        screws.append(ScrewShaft((9.0, 14.0, z), (2.0, tip_y_mm, z), 6.0, 4.4))
        screws.append(Cylinder((9.0, 14.0, z), (9.0, 27.0, z), 5.8))
    solid = Union((*screws, tube(ROD, [2.75] * 3)))
    matrix = np.array([[0, 0, 0.7, -12.0], [0, 0.7, 0, -26.0], [0.9, 0, 0, -34.0], [0, 0, 0, 1.0]])
    settings = IdealScan(seed=4, subsamples=subsamples, hu_clipped_at=ceiling_hu)
    volume = ideal_scan(Scene((Part("all", solid, tissue),), MUSCLE), Grid((76, 84, 48), matrix), settings)
    fine = np.stack(
        np.meshgrid(*[np.arange(a, b, 0.5) for a, b in ((-10, 20), (-24, 32), (-32, 32))], indexing="ij"), -1
    )
    true_ml = float((solid.distance_mm(fine.reshape(-1, 3)) < 0).sum()) * 0.125 / 1000.0
    return volume, true_ml


@pytest.mark.parametrize("ceiling_hu", [None, 3071.0])
def test_volumes_also_on_a_clipped_scan(ceiling_hu):
    volume, true_ml = _construct(ceiling_hu)
    metal = find_metal(volume, CONFIG)
    shafts = segment_shafts(volume, metal, CONFIG)
    assert sorted(s.kind for s in shafts) == ["pedicle_screw", "pedicle_screw", "rod"]
    records = [p.record for p in implant_parts(volume, metal, shafts, CONFIG)]
    assert sum(r.volume_ml for r in records) == pytest.approx(true_ml, rel=0.08 if ceiling_hu else 0.05)
    (rod,) = (r for r in records if r.kind == "rod")
    assert rod.course_lps[0] == rod.axis.head_lps
    assert rod.course_lps[-1] == rod.axis.tip_lps
    assert rod.axis.length_mm == pytest.approx(52.6, abs=1.5)
    assert rod.is_cut is False
    assert all(r.course_lps == () for r in records if r.kind == "pedicle_screw")


@pytest.mark.parametrize(
    ("tissue", "ceiling_hu", "material", "is_hidden"),
    [
        (TITANIUM, 12000.0, "titanium", False),
        (COBALT_CHROME, None, "cobalt_chrome_or_steel", False),
        (COBALT_CHROME, 12000.0, "cobalt_chrome_or_steel", True),
        (TITANIUM, 4095.0, "unknown", True),
        (COBALT_CHROME, 4095.0, "unknown", True),
        (COBALT_CHROME, 8191.0, "unknown", True),
    ],
)
def test_material_is_told_where_the_plateau_is_seen(tissue, ceiling_hu, material, is_hidden):
    volume, _ = _construct(ceiling_hu, tissue=tissue, subsamples=2)
    metal = find_metal(volume, CONFIG)
    shafts = segment_shafts(volume, metal, CONFIG)
    records = [p.record for p in implant_parts(volume, metal, shafts, CONFIG)]
    assert {r.material for r in records if r.kind == "pedicle_screw"} == {material}
    assert {s.is_hidden for s in shafts} == {is_hidden}


def test_what_was_not_measured_is_not_given():
    volume, _ = _construct(3071.0)
    metal = find_metal(volume, CONFIG)
    shafts = segment_shafts(volume, metal, CONFIG)
    told = [p.record.axis for p in implant_parts(volume, metal, shafts, CONFIG)]
    assert all(axis.diameter_mm is not None and axis.core_diameter_mm is None for axis in told)
    unread = tuple(replace(s, has_diameter=False) for s in shafts)
    kept = [p.record.axis for p in implant_parts(volume, metal, unread, CONFIG)]
    assert all(axis.diameter_mm is None for axis in kept)


def test_a_screw_too_short_for_its_thread_to_be_read_has_no_diameter():
    volume, _ = _construct(None, tip_y_mm=1.0)
    shafts = segment_shafts(volume, find_metal(volume, CONFIG), CONFIG)
    screws = [s for s in shafts if s.kind == "pedicle_screw"]
    assert screws
    assert all(not s.has_diameter and s.core_mm is None and 3.0 < s.outer_mm < 8.0 for s in screws)


def test_a_screw_at_the_edge_of_the_scan_is_kept_and_cut():
    whole, _ = _construct(None)
    # the front of the scan is missing, and with it the tips
    kept = type(whole)(whole.grid.crop((0, 22, 0), whole.grid.shape), whole.hu[:, 22:].copy())
    metal = find_metal(kept, CONFIG)
    screws = [s for s in segment_shafts(kept, metal, CONFIG) if s.kind == "pedicle_screw"]
    assert [s.is_cut for s in screws] == [True, True]


def test_distance_from_a_bent_line():
    course = np.array([[0.0, 0, 0], [0, 0, 10], [0, 10, 10]])
    points = np.array([[3.0, 0, 5], [0, 5, 12], [0, 10, 10]])
    assert course_distance_mm(points, course) == pytest.approx([3.0, 2.0, 0.0])


def _metal(starved, clipped):
    volume, _ = _construct(None)
    found = find_metal(volume, CONFIG)
    blocks = (found.blocks[0],) * len(starved)
    return Metal(found.mask, found.pieces, blocks, 2600.0, 6500.0, 3071.0 if clipped else None, starved=starved)


def test_only_starved_pieces_are_searched_together():
    assert pieces_searched(_metal((False, True, True), clipped=True)) == ((1,), (2, 3))
    assert pieces_searched(_metal((False, True, True), clipped=False)) == ((1,), (2,), (3,))
    assert pieces_of_one(_metal((False, True, True), clipped=False)) == ((1,), (2, 3))
    assert pieces_of_one(_metal((False, False), clipped=True)) == ((1,), (2,))
