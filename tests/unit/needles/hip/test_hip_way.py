from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from planner.config.needle_config import NeedleConfig
from planner.model.breach import Breach
from planner.model.implant import ImplantSphere
from planner.model.volume import Mask
from planner.needles.candidates import Candidates, target_of
from planner.needles.hip.acetabular import enters_pelvis, in_joint_mm, to_the_cup
from planner.needles.hip.entry_cortex import cortex_at, cortex_density_hu
from planner.needles.hip.hip_way import hip_rules, hip_terms, stays_in_bone
from planner.needles.hip.implant_zone import zones_at
from planner.needles.hip.sure_places import sure_targets, sureness
from planner.needles.hip.weak_spots import shaft_diameter_mm, weak_spots
from planner.needles.search import search_gap
from tests.unit.needles.drawn_hip import AROUND, GRID, X, Y, Z, build_hip, implant, scene_of

CONFIG = NeedleConfig(targets_per_gap=30, direction_step_deg=4.0)
SIDES = [("left", 1.0), ("right", -1.0)]


def target_in(anatomy):
    scene = scene_of(anatomy)
    return scene, target_of(anatomy, anatomy.gaps[0], scene.fields)


def needle(tip, outward):
    tips, way = np.array([tip], float), np.array([outward], float)
    return Candidates("femoral", "lateral", tips, tips, way, way[0])


def breach_at(place):
    return Breach(
        id="breach-1", gap_id="gap-1", leak_type="cortical", severity="open", barrier_mm=0.0, area_mm2=20.0,
        centroid_lps=place, outward_lps=None, reached=None, leak_after_ml=None, watch_view=None,
    )  # fmt: skip


@pytest.mark.parametrize(("side", "lateral"), SIDES)
def test_needles_to_a_stem_lie_in_three_zones_and_come_from_its_side(side, lateral):
    anatomy = build_hip(side)
    found = search_gap(scene_of(anatomy), anatomy.gaps[0]).trajectories
    assert len({t.zones[0] for t in found}) >= 3
    assert all((t.entry_bone_lps[0] - t.target_lps[0]) * lateral > 0 for t in found)
    assert all(t.entry_cortex_mm == pytest.approx(5.0, abs=0.8) for t in found)
    assert {t.family for t in found} >= {"lateral", "anterolateral"}


@pytest.mark.parametrize("wall_mm", [1.5, 2.0, 4.0, 6.0])
def test_cortex_is_as_thick_as_it_was_drawn(wall_mm):
    def shaft(wall):
        inside, marrow = ndtr((15.0 - AROUND) / 0.75), ndtr((15.0 - wall - AROUND) / 0.75)
        return 40.0 + 1160.0 * inside - 1100.0 * marrow

    thick = build_hip(wall_mm=5.0)
    # Lateral walls are as thick as they should be, the others 5 mm, to tell what cortex reads.
    hu = np.where((X > 0) & (np.abs(Y) < 8.0), shaft(wall_mm), shaft(5.0)).astype(np.float32)
    anatomy = replace(thick, ct=replace(thick.ct, hu=hu), metal=Mask(GRID, np.zeros(GRID.shape, bool)))
    scene = scene_of(anatomy)
    density = cortex_density_hu(anatomy, scene.fields, config=CONFIG.hip)
    assert density == pytest.approx(1200.0, abs=30.0)
    entry = np.array([[14.7, 0.0, 50.0]])
    read = cortex_at(anatomy, scene.fields, entry, density_hu=density, config=CONFIG.hip)
    assert read.thickness_mm[0] == pytest.approx(wall_mm, abs=0.4)
    assert read.least_mm[0] <= read.thickness_mm[0]


def test_cortex_stays_unknown_beside_metal_and_where_cortex_reads_are_not_known():
    anatomy = build_hip(metal=(X > 10) & (X < 18) & (np.abs(Y) < 6) & (np.abs(Z - 50) < 6))
    scene = scene_of(anatomy)
    entry = np.array([[14.7, 0.0, 50.0]])
    read = cortex_at(anatomy, scene.fields, entry, density_hu=1200.0, config=CONFIG.hip)
    assert np.isnan([read.thickness_mm, read.least_mm]).all()
    thin = build_hip(wall_mm=1.5)
    scene = scene_of(thin)
    assert cortex_density_hu(thin, scene.fields, config=CONFIG.hip) is None
    assert np.isnan(cortex_at(thin, scene.fields, entry, density_hu=None, config=CONFIG.hip).thickness_mm).all()


def test_cortex_is_not_told_where_its_two_readings_differ_and_what_may_be_thin_is_refused():
    anatomy = build_hip()
    scene, target = target_in(anatomy)
    site = scene.hip_site(target)
    entry = np.array([[14.7, 0.0, 50.0]])
    # Another density than the scan's own: the fit then needs less bone than half height shows.
    read = cortex_at(anatomy, scene.fields, entry, density_hu=3.0 * site.density_hu, config=CONFIG.hip)
    assert np.isnan(read.thickness_mm[0])
    cell = tuple(np.floor(entry[0] / CONFIG.hip.entry_lattice_mm).astype(int).tolist())
    doubtful = replace(site, walls={cell: (np.nan, 0.3)})
    way = {"bone_lps": entry, "radius_mm": 1.6, "own_entries": False}
    refused = hip_rules(doubtful, needle((7, 0, 50), (1, 0, 0)), **way)
    assert not refused["cortex missing or too thin at the entry"][0]
    kept = hip_rules(replace(site, walls={cell: (np.nan, 2.0)}), needle((7, 0, 50), (1, 0, 0)), **way)
    assert kept["cortex missing or too thin at the entry"][0]


def test_places_that_read_as_bone_are_less_sure_than_those_that_read_as_a_gap():
    upper = Z > 55
    scene, target = target_in(build_hip(hu=np.where(upper, 50.0, 500.0)))
    sure = sureness(scene.anatomy, target, scene.fields, config=CONFIG.hip)
    high = target.points_lps[:, 2]
    assert sure[high > 60].mean() > 5 * sure[high < 50].mean()
    places = sure_targets(scene.anatomy, target, scene.fields, radius_mm=1.6, config=CONFIG)
    assert len(places)
    assert (places[:, 2] > 50).all()


def test_marrow_below_the_stem_is_no_target_while_there_is_a_gap_beside_it():
    gap = ((AROUND >= 5) & (AROUND < 9) & (Z >= 10) & (Z <= 100)) | ((AROUND < 9) & (Z < 10) & (Z > -10))
    scene, target = target_in(build_hip(gap=gap, hu=np.where(Z < 10, -60.0, 50.0)))
    places = sure_targets(scene.anatomy, target, scene.fields, radius_mm=1.6, config=CONFIG)
    assert len(places)
    assert (places[:, 2] >= 9.0).all()


def test_a_gap_too_narrow_for_the_needle_gets_places_beside_it_but_not_far_from_it():
    narrow = (AROUND >= 5) & (AROUND < 6.6) & (Z >= 10) & (Z <= 100)
    scene, target = target_in(build_hip(gap=narrow))
    places = sure_targets(scene.anatomy, target, scene.fields, radius_mm=1.6, config=CONFIG)
    assert len(places)
    off = [np.linalg.norm(target.points_lps - p, axis=1).min() for p in places]
    assert max(off) <= CONFIG.hip.nudge_mm
    assert not len(sure_targets(scene.anatomy, target, scene.fields, radius_mm=4.0, config=CONFIG))


def test_a_tip_beside_the_far_cortex_is_refused_and_one_that_metal_stops_is_not():
    scene, _ = target_in(build_hip())
    keep = lambda tip, outward: stays_in_bone(  # noqa: E731
        scene.fields, needle(tip, outward), radius_mm=1.6, overshoot_mm=2.0
    )[0]
    assert keep((8.0, 0.0, 50.0), (1.0, 0.0, 0.0))
    assert keep((0.0, 8.0, 50.0), (1.0, 0.0, 0.0))
    assert not keep((-14.0, 0.0, 50.0), (1.0, 0.0, 0.0))
    assert not keep((0.0, 8.0, -24.5), (0.0, 0.0, 1.0))


def rules_for(anatomy, tip, bone, *, breaches=()):
    scene = scene_of(anatomy, breaches=breaches)
    target = target_of(anatomy, anatomy.gaps[0], scene.fields)
    way = np.subtract(bone, tip) / np.linalg.norm(np.subtract(bone, tip))
    rules = hip_rules(scene.hip_site(target), needle(tip, way), bone_lps=np.array([bone]), radius_mm=1.6)
    return {name for name, keeps in rules.items() if not keeps[0]}


@pytest.mark.parametrize("lateral", [1.0, -1.0])
def test_entries_at_weak_places_are_refused_and_others_are_not(lateral):
    tip, bone = (7.0 * lateral, 0.0, 60.0), (15.0 * lateral, 0.0, 60.0)
    anatomy = build_hip("left" if lateral > 0 else "right")
    assert rules_for(anatomy, tip, bone) == set()
    assert "entry at a defect, plate, cable or screw" in rules_for(anatomy, tip, bone, breaches=[breach_at(bone)])
    cable = (AROUND > 15) & (AROUND < 17) & (np.abs(Z - 61) < 1.5)
    cabled = build_hip("left" if lateral > 0 else "right", metal=cable)
    assert "entry at a defect, plate, cable or screw" in rules_for(cabled, tip, bone)
    assert rules_for(cabled, (7.0 * lateral, 0.0, 80.0), (15.0 * lateral, 0.0, 80.0)) == set()


@pytest.mark.parametrize("lateral", [1.0, -1.0])
def test_entries_at_a_fissure_are_refused_and_those_near_it_are_named(lateral):
    anatomy = build_hip("left" if lateral > 0 else "right")
    line = np.stack([np.full(20, 15.0 * lateral), np.zeros(20), np.linspace(60.0, 80.0, 20)], axis=1)
    cracked = replace(anatomy, fissures=(line,))
    at = lambda height: ((7.0 * lateral, 0.0, height), (15.0 * lateral, 0.0, height))  # noqa: E731
    name = "entry at a line that may be a fissure"
    assert name in rules_for(cracked, *at(70.0))
    assert name not in rules_for(anatomy, *at(70.0))
    assert name not in rules_for(cracked, *at(50.0))
    spots = scene_of(cracked).hip_site(target_of(cracked, cracked.gaps[0], scene_of(cracked).fields)).spots
    assert spots.from_fissures_mm(np.array([at(50.0)[1]]))[0] == pytest.approx(10.0)
    whole = search_gap(scene_of(anatomy), anatomy.gaps[0]).trajectories
    found = search_gap(scene_of(cracked), cracked.gaps[0]).trajectories
    assert found
    least = CONFIG.hip.fissure_mm
    assert all(np.linalg.norm(line - t.entry_bone_lps, axis=1).min() >= least for t in found)
    near = [t for t in found if np.linalg.norm(line - t.entry_bone_lps, axis=1).min() < CONFIG.hip.near_fissure_mm]
    said = [any("may be a fissure" in words for words in t.cautions) for t in found]
    assert [t in near for t in found] == said
    assert not any("may be a fissure" in words for t in whole for words in t.cautions)


def test_a_trochanteric_way_enters_the_trochanter_and_others_may_enter_the_shaft():
    scene, target = target_in(build_hip())
    entries = np.array([[15.0, 0.0, 100.0], [15.0, 0.0, 40.0]])
    name = "enters the shaft, not the trochanter"

    def rules(family, site):
        tips = entries - np.array([7.0, 0.0, 5.0])
        out = np.tile(np.array([7.0, 0.0, 5.0]) / np.hypot(7.0, 5.0), (2, 1))
        ways = Candidates("femoral", family, tips, tips, out, out[0])
        return hip_rules(site, ways, bone_lps=entries, radius_mm=1.6)

    site = scene.hip_site(target)
    assert rules("trochanteric", site)[name].tolist() == [True, False]
    assert name not in rules("lateral", site)
    # Without the landmark nobody knows.
    assert name not in rules("trochanteric", replace(site, anatomy=replace(scene.anatomy, landmarks=())))


def test_a_way_through_the_cement_mantle_is_refused():
    plain = build_hip()
    mantle = (AROUND > 9.5) & (AROUND < 12) & (Z > 10) & (Z < 100)
    cemented = replace(plain, hardware=Mask(GRID, mantle | plain.metal.voxels))
    assert "through the cement mantle" in rules_for(cemented, (7.0, 0.0, 60.0), (15.0, 0.0, 60.0))
    assert "through the cement mantle" not in rules_for(plain, (7.0, 0.0, 60.0), (15.0, 0.0, 60.0))


def test_a_gap_between_stem_and_mantle_has_no_way_and_the_plan_says_why():
    plain = build_hip()
    mantle = (AROUND >= 9.0) & (AROUND < 12.0) & (Z > -5) & (Z < 113)
    cemented = replace(plain, hardware=Mask(GRID, mantle | plain.metal.voxels))
    found = search_gap(scene_of(cemented), cemented.gaps[0])
    assert not found.trajectories
    assert found.refused["through the cement mantle"] > sum(found.refused.values()) / 2
    assert sum(found.refused.values()) == found.tried
    assert all("without drilling through" in f.why_none for f in found.families if "lateral" in f.family)
    bare = build_hip(metal=(AROUND >= 9.0) & (AROUND < 12.0) & (Z > -5) & (Z < 113))
    refused = search_gap(scene_of(bare), bare.gaps[0])
    assert "through the cement mantle" not in refused.refused
    assert not any("mantle" in (f.why_none or "") for f in refused.families)


def test_entries_near_the_stems_end_score_less_and_unknown_shafts_do_not_count():
    anatomy = build_hip()
    scene, target = target_in(anatomy)
    assert shaft_diameter_mm(anatomy, anatomy.implants[0]) == pytest.approx(30.0, abs=1.0)
    entries = np.array([[15.0, 0.0, 10.0], [15.0, 0.0, 60.0]])
    tips = entries - np.array([8.0, 0.0, 0.0])
    terms = hip_terms(scene.hip_site(target), tips, bone_lps=entries, entry_angle_deg=np.array([0.0, np.nan]))
    assert terms["stress_riser"][0] < 0.1 < terms["stress_riser"][1]
    assert terms["entry_angle"].tolist() == [1.0, 0.0]
    below = implant(axis=anatomy.implants[0].axis.model_copy(update={"tip_lps": (0.0, 0.0, -29.0)}))
    assert shaft_diameter_mm(anatomy, below) is None
    lone = weak_spots(anatomy, replace(target, implant=None), ())
    assert np.isinf(lone.from_stem_end_shafts(entries)).all()
    assert np.isinf(lone.from_defects_mm(entries)).all()


@pytest.mark.parametrize(("side", "lateral"), SIDES)
def test_zones_are_named_on_either_side(side, lateral):
    anatomy = build_hip(side)
    points = np.array([[8.0 * lateral, 0, 95], [-8.0 * lateral, 0, 95], [0, -8.0, 60], [0, 8.0, 20], [1, 0, 8.0]])
    assert zones_at(anatomy, anatomy.implants[0], points) == ("gruen-1", "gruen-7", "gruen-9", "gruen-12", "gruen-4")
    assert zones_at(anatomy, implant(side=None), points) == ()
    assert zones_at(anatomy, None, points) == ()


def cup_hip(side):
    lateral = 1.0 if side == "left" else -1.0
    ball = ImplantSphere(centre_lps=(0.0, 0.0, 30.0), diameter_mm=30.0, opening_lps=(0.7 * lateral, 0.0, -0.7))
    cup = implant("acetabular_cup", side, axis=None, sphere=ball, id="stem-1")
    return build_hip(side, implants=(cup,))


@pytest.mark.parametrize(("side", "lateral"), SIDES)
def test_ways_to_a_cup_come_from_the_side_and_above(side, lateral):
    anatomy = cup_hip(side)
    _, target = target_in(anatomy)
    ways = to_the_cup(target, np.array([[0.0, 0.0, 60.0]]), config=CONFIG)
    assert ways.family == "to the cup"
    out = ways.outward_lps
    assert (out[:, 0] * lateral > 0).all()
    assert (out[:, 2] > -0.2).all()
    # Not from in front, where the femoral vessels lie.
    assert (-out[:, 1] <= np.tan(np.radians(CONFIG.hip.cup_anterior_deg)) * np.abs(out[:, 0]) + 1e-9).all()
    unknown = replace(target, implant=anatomy.implants[0].model_copy(update={"side": None}))
    assert to_the_cup(unknown, np.zeros((1, 3)), config=CONFIG) is None
    assert to_the_cup(target, np.empty((0, 3)), config=CONFIG) is None


def test_ways_to_a_cup_keep_out_of_femur_and_joint():
    anatomy = build_hip()
    entry, way = np.array([[15.0, 0.0, 60.0]]), np.array([[1.0, 0.0, 0.0]])
    assert not enters_pelvis(anatomy, entry, way)[0]
    assert enters_pelvis(replace(anatomy, bones=()), entry, way)[0]
    assert np.isnan(in_joint_mm(anatomy, entry, way)[0])
    joint = Mask(GRID, (AROUND > 18) & (AROUND < 24))
    assert in_joint_mm(replace(anatomy, joint=joint), entry, way)[0] == pytest.approx(6.0, abs=1.6)
    assert in_joint_mm(replace(anatomy, joint=joint), entry, np.array([[0.0, 0.0, 1.0]]))[0] == 0.0
