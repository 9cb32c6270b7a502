"""Screws and rods in the metal; and metal that is neither."""

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple, unit
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, Difference, RoundCone, ThreadedShaft, Union, tube
from planner.phantoms.tissues import MUSCLE, TITANIUM, Tissue
from planner.segment.implants.metal import clipping_level_hu, find_metal
from planner.segment.implants.shaft import Shaft, sides_by_rods
from planner.segment.implants.shafts import Edge
from planner.segment.implants.spine import implant_parts, segment_screws, segment_shafts, sides

CONFIG = ImplantConfig()


def upright_grid(half_mm) -> Grid:
    matrix = np.array([[0, 0, 0.7, -half_mm[0]], [0, 0.7, 0, -half_mm[1]], [0.9, 0, 0, -half_mm[2]], [0, 0, 0, 1.0]])
    counts = np.ceil(2 * np.array([half_mm[2] / 0.9, half_mm[1] / 0.7, half_mm[0] / 0.7])).astype(int) + 1
    return Grid((int(counts[0]), int(counts[1]), int(counts[2])), matrix)


def _scan(solids, half_mm, *, tissue: Tissue = TITANIUM, clipped: bool = False) -> Volume:
    parts = tuple(Part(f"part {k}", s, tissue) for k, s in enumerate(solids))
    settings = IdealScan(seed=3, subsamples=2, hu_clipped_at=3071.0 if clipped else None)
    return ideal_scan(Scene(parts, MUSCLE), upright_grid(half_mm), settings)


def _shafts(volume: Volume):
    return segment_shafts(volume, find_metal(volume, CONFIG), CONFIG)


DIRECTIONS = {
    "lumbar": (-0.25, -0.95, 0.15),
    "sacral": (-0.1, -0.75, -0.65),
    "iliac": (0.55, -0.45, -0.7),
    "steep": (0.1, -0.25, -0.96),
    "lateral": (-1.0, 0.05, 0.0),
}


@pytest.mark.parametrize("name", sorted(DIRECTIONS))
def test_a_screw_is_found_in_any_direction(name, make_screw_scan):
    screw = make_screw_scan(loose=False, direction=DIRECTIONS[name], spacing_mm=(1.0, 0.7, 0.7))
    found = _shafts(screw.volume)
    assert [s.kind for s in found] == ["pedicle_screw"]
    assert np.linalg.norm(found[0].tip_lps - screw.tip_lps) < 1.0
    assert np.linalg.norm(found[0].head_lps - screw.head_lps) < 1.6
    assert np.degrees(np.arccos(found[0].direction @ screw.axis)) < 1.0
    assert found[0].outer_mm == pytest.approx(6.0, abs=0.6)
    assert found[0].has_tulip


def test_a_lone_screw_is_found_and_has_no_tulip(make_screw_scan):
    screw = make_screw_scan(loose=False, tulip=False)
    (found,) = _shafts(screw.volume)
    assert not found.has_tulip
    assert np.linalg.norm(found.tip_lps - screw.tip_lps) < 1.0


def _construct(*, rods: bool = True):
    """Two screws on each side, and their rods."""
    solids = []
    for side in (1.0, -1.0):
        heads = []
        for z in (16.0, -16.0):
            head, axis = np.array([side * 17.0, 12.0, z]), unit([-side * 0.3, -0.95, 0.1])
            heads.append(head + np.array([0.0, 8.0, 0.0]))
            solids.append(ThreadedShaft(point_tuple(head), point_tuple(head + 32.0 * axis), 6.0, 4.4))
            solids.append(Cylinder(point_tuple(head), point_tuple(head + np.array([0.0, 14.0, 0.0])), 5.6))
        over = np.array([0.0, 0.0, 9.0])
        ends = (heads[0] + over, heads[1] - over)
        if rods:
            solids.append(RoundCone(point_tuple(ends[0]), point_tuple(ends[1]), 2.75, 2.75))
    return solids


@pytest.mark.parametrize("clipped", [False, True])
def test_rods_and_screws_are_told_apart(clipped):
    volume = _scan(_construct(), (26.0, 32.0, 32.0), clipped=clipped)
    found = _shafts(volume)
    assert [(s.id, s.kind, s.side) for s in found] == [
        ("screw-1", "pedicle_screw", "left"),
        ("screw-2", "pedicle_screw", "left"),
        ("screw-3", "pedicle_screw", "right"),
        ("screw-4", "pedicle_screw", "right"),
        ("rod-1", "rod", "left"),
        ("rod-2", "rod", "right"),
    ]
    assert found[0].head_lps[2] > found[1].head_lps[2]
    assert found[4].length_mm == pytest.approx(50.0, abs=8.0)
    parts = implant_parts(volume, find_metal(volume, CONFIG), found, CONFIG)
    assert {p.record.material for p in parts} == {"unknown" if clipped else "titanium"}
    screw = parts[0].record
    assert screw.loosening is None
    assert screw.bulls_eye.primary_deg == pytest.approx(np.degrees(np.arctan2(0.3, -0.95)), abs=2.0)
    assert screw.volume_ml == pytest.approx(0.74 + 1.38, rel=0.25)
    owned = np.sum([p.mask.voxels for p in parts], axis=0)
    assert owned.max() == 1
    assert np.array_equal(owned > 0, find_metal(volume, CONFIG).mask.voxels)


def test_screws_without_rods_are_screws():
    found = _shafts(_scan(_construct(rods=False), (26.0, 32.0, 32.0)))
    assert [s.kind for s in found] == ["pedicle_screw"] * 4


NOT_SCREWS = {
    "stem": (Union((RoundCone((0, 0, 45), (3, 0, -45), 11.0, 5.0), Ball((-18.0, 0, 50.0), 14.0))), (36, 20, 68)),
    "nail": (Cylinder((0, 0, 60), (0, 0, -60), 5.5), (12, 12, 66)),
    "cup": (
        Difference(Difference(Ball((0, 0, 0), 26.0), Ball((0, 0, 0), 22.0)), Cylinder((0, 0, 0), (0, 0, -40), 40.0)),
        (32, 32, 32),
    ),
    "ball": (Ball((0, 0, 0), 14.0), (20, 20, 20)),
    "pin": (Cylinder((0, 25, 0), (0, -25, 0), 1.6), (8, 30, 8)),
    "wire": (tube([(0, 0, 20), (8, 6, 10), (10, 0, 0), (4, -8, -10)], [0.7] * 4), (20, 20, 26)),
    "tooth": (RoundCone((0, 0, 4), (0, 0, -4), 4.0, 3.0), (12, 12, 14)),
}


@pytest.mark.parametrize("name", sorted(NOT_SCREWS))
def test_other_metal_is_left_unknown(name):
    solid, half = NOT_SCREWS[name]
    volume = _scan([solid], half)
    metal = find_metal(volume, CONFIG)
    assert segment_screws(volume, metal, CONFIG) == ()
    assert segment_shafts(volume, metal, CONFIG) == ()
    parts = implant_parts(volume, metal, (), CONFIG)
    assert {p.record.kind for p in parts} <= {"unknown"}
    assert len(parts) == len(metal.blocks)


def test_a_vessel_full_of_contrast_is_no_metal():
    solid = Cylinder((0, 0, 20), (0, 0, -20), 4.0)
    metal = find_metal(_scan([solid], (12, 12, 26), tissue=Tissue("contrast", 700.0)), CONFIG)
    assert metal.blocks == ()
    assert not metal.mask.voxels.any()


def test_cobalt_chrome_does_not_hide_titanium():
    solids = _construct()
    tissues = [Tissue("cobalt-chrome", 20000.0) if isinstance(s, RoundCone) else TITANIUM for s in solids]
    parts = tuple(Part(f"part {k}", s, t) for k, (s, t) in enumerate(zip(solids, tissues, strict=True)))
    volume = ideal_scan(Scene(parts, MUSCLE), upright_grid((26.0, 32.0, 32.0)), IdealScan(seed=3, subsamples=2))
    found = _shafts(volume)
    assert [s.kind for s in found].count("pedicle_screw") == 4
    records = [p.record for p in implant_parts(volume, find_metal(volume, CONFIG), found, CONFIG)]
    assert {r.material for r in records if r.kind == "pedicle_screw"} == {"titanium"}
    assert {r.material for r in records if r.kind == "rod"} == {"cobalt_chrome_or_steel"}


def test_clipping_level():
    rng = np.random.default_rng(1)
    smooth = rng.normal(2900.0, 100.0, 5000)
    assert clipping_level_hu(smooth, least_pile=30) is None
    assert clipping_level_hu(np.minimum(smooth, 2800.0), least_pile=30) == 2800.0


def test_sides_follow_the_midline_where_it_is_known(make_screw_scan):
    screws = list(_shafts(make_screw_scan(loose=False, spacing_mm=(1.0, 0.7, 0.7)).volume))
    assert sides(screws) == ("left",)
    assert sides(screws, midline_x_mm=100.0) == ("right",)
    straight = list(_shafts(make_screw_scan(loose=False, direction=(0.0, -1.0, 0.1), spacing_mm=(1, 0.7, 0.7)).volume))
    assert sides(straight) == (None,)


def _shaft(kind, head, tip, course=None) -> Shaft:
    return Shaft(
        id="",
        kind=kind,
        head_lps=np.array(head, dtype=float),
        tip_lps=np.array(tip, dtype=float),
        outer_mm=6.0,
        core_mm=4.5,
        sigma_mm=0.45,
        plateau_hu=8000.0,
        edge=Edge(4000.0, 0.0),
        has_tulip=True,
        side=None,
        piece=1,
        course_lps=None if course is None else np.array(course, dtype=float),
    )


def test_sides_follow_the_rods_where_the_spine_is_bent():
    # the lower right screws lie farther left than the upper left ones
    out = np.array([18.0, 0, 0])
    bend = np.array([[0.0, 0, 60], [15, 0, 20], [40, 0, -20], [70, 0, -60]])
    rods = [_shaft("rod", c[0], c[-1], c) for c in (bend + out, bend - out)]
    head, tip = np.array([0.0, -8, 0]), np.array([0.0, -40, 0])
    link = _shaft("rod", (0, 0, 0), (30, 0, 0), [(0, 0, 0), (30, 0, 0)])
    screws = [_shaft("pedicle_screw", p + head + s * out, p + tip) for p in bend[1:] for s in (1.0, -1.0)]
    assert sides_by_rods(screws, [*rods, link]) == ("left", "right") * 3
    # a rod without another beside it, and a screw without a rod, tell nothing
    assert sides_by_rods(screws[:1], [rods[0], link]) == (None,)
    assert sides_by_rods([_shaft("pedicle_screw", (150, 0, 0), (140, -40, 0))], rods) == (None,)
