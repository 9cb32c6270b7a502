"""Gaps round a stem in a bone of plain cylinders, whose volumes are known in closed form."""

import numpy as np
import pytest
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.config.trust_config import TrustConfig
from planner.geometry.grid import Grid
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Mask, Volume
from planner.segment.gaps import hip_look, hip_spaces
from planner.segment.gaps.hip_gaps import measure_hip_gaps
from planner.segment.gaps.stem_loosening import stem_loosening
from planner.segment.implants.hips import HipPart
from planner.segment.reading.network import Reading
from planner.segment.trust import TrustMap

CONFIG = HipGapConfig()
EDGE, FINE = 0.8, 0.4
RADIUS, LENGTH = 6.0, 60.0


def femur(gap_mm, *, top=24.0, bottom=48.0, lumen_hu=40.0, round_it=np.pi, bone_hu=220.0):
    """A rod of radius 6 mm in cancellous bone within cortex; lucent between two depths, within an angle of lateral."""
    shape = np.array((176, 96, 96))
    z, y, x = np.meshgrid(*[FINE * (np.arange(n) + 0.5) for n in shape], indexing="ij")
    r, turn, depth = np.hypot(x - 19.2, y - 19.2), np.arctan2(y - 19.2, x - 19.2), 64.0 - z
    hu = np.where(r < 16, np.where(r < 13, bone_hu, 1200.0), 50.0)
    lucent = (r < RADIUS + gap_mm) & (depth > top) & (depth < bottom) & (np.abs(turn) <= round_it)
    hu[(r < RADIUS + gap_mm + 1) & (depth > top) & (depth < bottom) & (np.abs(turn) <= round_it)] = 620.0
    hu[lucent] = lumen_hu
    metal = (r < RADIUS) & (depth > 0) & (depth < LENGTH)
    hu[metal] = 8500.0
    blurred = ndimage.gaussian_filter(hu, 0.38 / FINE)
    coarse = blurred.reshape(88, 2, 48, 2, 48, 2).mean((1, 3, 5)) + np.random.default_rng(1).normal(0, 8, (88, 48, 48))
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([EDGE] * 3)[:, ::-1]
    matrix[:3, 3] = EDGE / 2
    grid = Grid((88, 48, 48), matrix)
    centre = np.asarray(grid.to_lps(np.argwhere(np.ones(grid.shape, dtype=bool)))).reshape(*grid.shape, 3)
    radial, down = np.hypot(*(np.moveaxis(centre, -1, 0)[:2] - 19.2)), 64.0 - centre[..., 2]
    solid = Mask(grid, (radial < RADIUS) & (down > 0) & (down < LENGTH))
    volume = Volume(grid, np.minimum(coarse, 3071).astype(np.float32))
    true_ml = round_it / np.pi * np.pi * ((RADIUS + gap_mm) ** 2 - RADIUS**2) * (bottom - top) / 1000
    return volume, Mask(grid, radial < 16), solid, true_ml


def stem(metal):
    axis = ImplantAxis(
        head_lps=(19.2, 19.2, 64.0), tip_lps=(19.2, 19.2, 4.0), diameter_mm=12.0, core_diameter_mm=None, length_mm=60.0
    )
    record = Implant(
        id="stem-left", kind="femoral_stem", volume_ml=None, centroid_lps=(19.2, 19.2, 34.0), axis=axis, bulls_eye=None,
        side="left", level=None, material="unknown", loosening=None,
    )  # fmt: skip
    return HipPart(record, metal, None, None, None, is_cut=False)


def measured(*args, **settings):
    volume, bone, metal, true_ml = femur(*args, **settings)
    return measure_hip_gaps(volume, (stem(metal),), bone=bone, metal=metal, config=CONFIG), true_ml


@pytest.mark.parametrize("gap_mm", [2.0, 3.0])
def test_volume_and_width_of_a_line_all_round(gap_mm):
    result, true_ml = measured(gap_mm)
    (gap,) = result.gaps
    assert gap.record.volume_ml.estimate == pytest.approx(true_ml, rel=0.2)
    assert gap.record.volume_ml.low < true_ml < gap.record.volume_ml.high
    assert gap.record.width_mm.median == pytest.approx(gap_mm, abs=0.4)
    assert gap.record.kind == "periprosthetic_gap" and gap.record.implant_id == "stem-left"
    assert sum(z.volume_ml for z in gap.record.zones) == pytest.approx(gap.record.volume_ml.estimate)
    assert gap.record.expected_fill_ml is None
    assert gap.mask.volume_ml == pytest.approx(true_ml, rel=0.25)
    # 40 % of the interface: below the share for "possible", so that only the line's width decides
    if gap_mm > 2.5:
        assert result.implants[0].loosening == "probable"


def test_a_lateral_line_lies_in_lateral_zones():
    result, _ = measured(2.5, round_it=0.7)
    (gap,) = result.gaps
    zones = {z.zone: z.volume_ml for z in gap.record.zones}
    assert zones["gruen-2"] + zones["gruen-3"] > 0.7 * gap.record.volume_ml.estimate
    assert "gruen-6" not in zones and gap.record.interface_fraction < 0.2


def test_a_firm_stem_has_no_gap():
    result, _ = measured(0.0)
    assert result.gaps == ()
    assert result.implants[0].loosening == "none"


def test_marrow_fat_is_hardly_taken_for_a_gap():
    # where fat borders on bone a voxel holds half of each, and reads as interface tissue does
    result, true_ml = measured(3.0, lumen_hu=-95.0)
    assert sum(g.record.volume_ml.estimate for g in result.gaps) < 0.3 * true_ml


def test_loosening_follows_the_limits():
    def call(share, widest, trust=1.0):
        return stem_loosening(share, widest, trust=trust, config=CONFIG)

    assert call(0.2, 1.0) == "none"
    assert call(0.6, 1.0) == "possible"
    assert call(0.2, 2.4) == "probable"
    assert call(1.0, 1.0) == "probable"
    assert call(None, 0.0) is None
    assert call(0.6, 1.0, trust=0.1) is None


def artefact_map(*, trust, dark_hu=0.0, top=-np.inf, bottom=np.inf):
    """A map of even trust; within 9.5 mm of the stem's axis, between two depths, artefacts are said to darken."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1]
    grid = Grid((72, 40, 40), matrix)
    points = grid.to_lps(np.argwhere(np.ones(grid.shape, dtype=bool)))
    away = np.hypot(points[:, 0] - 19.2, points[:, 1] - 19.2).reshape(grid.shape)
    depth = 64.0 - np.asarray(points)[:, 2].reshape(grid.shape)
    pattern = np.where((away < 9.5) & (depth > top) & (depth < bottom), dark_hu, 0.0).astype(np.float32)
    even = np.full(grid.shape, trust, dtype=np.float32)
    return TrustMap(grid, even, np.zeros_like(even), pattern, TrustConfig())


def mapped(gap_mm, trust):
    volume, bone, metal, _ = femur(gap_mm)
    return measure_hip_gaps(volume, (stem(metal),), bone=bone, metal=metal, config=CONFIG, trust=trust)


@pytest.fixture(scope="module")
def plain():
    return mapped(3.0, None)


def test_a_clear_map_changes_nothing(plain):
    seen = mapped(3.0, artefact_map(trust=0.995))
    assert [g.record.volume_ml for g in seen.gaps] == [g.record.volume_ml for g in plain.gaps]
    assert seen.gaps[0].record.trust == pytest.approx(plain.gaps[0].record.trust, abs=0.01)
    assert seen.implants == plain.implants
    assert seen.findings == ()


def test_a_line_that_artefacts_explain_is_doubted_and_loosens_nothing(plain, monkeypatch):
    assert plain.implants[0].loosening == "probable"
    told(monkeypatch, 0.95, 3.0, where=lambda along: (along > 22) & (along < 46))
    seen = mapped(3.0, artefact_map(trust=0.4, dark_hu=-500.0))
    assert seen.gaps[0].record.trust < 0.2 < plain.gaps[0].record.trust
    assert seen.implants[0].loosening is None
    assert [f.code for f in seen.findings] == ["unreadable-by-artefact"]


def test_a_line_that_the_reader_puts_down_to_artefacts_is_named(plain):
    seen = mapped(3.0, artefact_map(trust=0.4, dark_hu=-500.0, top=24.0, bottom=48.0))
    assert sum(g.record.volume_ml.estimate for g in seen.gaps) < 0.25 * plain.gaps[0].record.volume_ml.estimate
    assert seen.implants[0].loosening is None
    codes = [f.code for f in seen.findings]
    assert codes[:2] == ["unreadable-by-artefact", "dark-by-artefact"]
    assert seen.findings[1].measured < 0.25


def test_no_stem_is_firm_where_its_surroundings_are_unreadable():
    assert mapped(0.0, None).implants[0].loosening == "none"
    seen = mapped(0.0, artefact_map(trust=0.45))
    assert [c.measured for c in seen.implants[0].loosening_criteria] == [None, None]
    assert seen.gaps == ()
    assert seen.implants[0].loosening is None


def a_cup(metal_mm, bone_mm):
    """A hemisphere of metal that looks down, and a ball of bone round it, in soft tissue."""
    grid = Grid((70, 70, 70), np.diag([1.0, 1, 1, 1])[:, [2, 1, 0, 3]])
    points = np.asarray(grid.to_lps(np.argwhere(np.ones(grid.shape, dtype=bool)))) - 35.0
    away = np.linalg.norm(points, axis=1).reshape(grid.shape)
    metal = (away < metal_mm) & (away > metal_mm - 4) & (points[:, 2].reshape(grid.shape) > 0)
    bone = (away < bone_mm) & (away > metal_mm - 4)
    hu = np.where(metal, 8500.0, np.where(bone, 220.0, 40.0))
    volume = Volume(grid, np.minimum(ndimage.gaussian_filter(hu, 0.5), 3071).astype(np.float32))
    record = Implant(
        id="cup-left", kind="acetabular_cup", volume_ml=None, centroid_lps=(35.0, 35.0, 55.0), axis=None,
        bulls_eye=None, side="left", level=None, material="unknown", loosening=None,
    )  # fmt: skip
    centre, mouth = np.array([35.0, 35.0, 35.0]), np.array([0.0, 0.0, -1.0])
    part = HipPart(record, Mask(grid, metal), centre, metal_mm, mouth, is_cut=False)
    return measure_hip_gaps(volume, (part,), bone=Mask(grid, bone), metal=Mask(grid, metal), config=CONFIG)


def test_a_cup_whose_metal_does_not_lie_in_bone_is_not_read():
    # as where plastic and cement stand between a wire ring and the bone
    seen = a_cup(22.0, 22.5)
    assert [f.code for f in seen.findings] == ["interface-not-seen"]
    assert seen.findings[0].measured < 0.5 and seen.gaps == () and seen.implants[0].loosening is None
    assert "interface-not-seen" not in [f.code for f in a_cup(22.0, 32.0).findings]


# --- what follows from a reading, whatever the networks say ---


def told(monkeypatch, chance, width_mm=2.0, *, where=None):
    """Let the reader say the same of every cell, or of those that `where` takes by their depth."""

    def reader(view):
        shape = view.in_bone.shape
        seen = np.broadcast_to(True if where is None else where(view.fan.along_mm)[:, None], shape)
        return Reading(np.where(seen, chance, 0.02), np.full(shape, width_mm), np.full(shape, 0.2), np.zeros(shape))

    monkeypatch.setattr(hip_look, "read_hip", reader)


def test_what_is_too_unsure_to_be_measured_loosens_nothing(monkeypatch):
    told(monkeypatch, 0.6, 3.0)
    result, _ = measured(3.0)
    assert result.gaps == () and {f.code for f in result.findings} == {"trace-of-a-gap"}
    (implant,) = result.implants
    assert implant.loosening is None and all(row.measured is None for row in implant.loosening_criteria)
    assert not np.any(result.maps[0].width_mm >= 0), "neither a gap nor none"
    told(monkeypatch, 0.6, 3.0, where=lambda along: along > 40)
    (seen,) = measured(3.0)[0].maps
    above = (seen.along_mm < 38)[:, None] & seen.in_bone
    assert np.all(seen.width_mm[above] == 0.0) and np.isnan(seen.width_mm[(seen.along_mm > 42)]).all()


def test_a_complete_line_is_a_whole_one_from_end_to_end(monkeypatch):
    told(monkeypatch, 0.95, 1.5)
    result, _ = measured(1.5, top=0.0, bottom=60.0)
    assert result.implants[0].loosening == "probable"
    assert result.implants[0].loosening_criteria[0].measured == pytest.approx(1.0)


def test_a_wide_space_is_osteolysis_and_a_line_is_none(monkeypatch):
    told(monkeypatch, 0.95, 6.5, where=lambda along: (along > 20) & (along < 40))
    (gap,) = measured(6.5)[0].gaps
    assert gap.record.kind == "osteolysis"
    told(monkeypatch, 0.95, 2.5, where=lambda along: (along > 20) & (along < 40))
    (gap,) = measured(2.5)[0].gaps
    assert gap.record.kind == "periprosthetic_gap"


def test_each_gap_has_its_own_trust(monkeypatch):
    # artefacts explain the upper of two lines, and not the lower
    told(monkeypatch, 0.95, 2.5, where=lambda along: ((along > 25) & (along < 32)) | ((along > 40) & (along < 47)))
    monkeypatch.setattr(hip_spaces, "linked", lambda owner, bridge, most: np.arange(most + 1))
    volume, bone, metal, _ = femur(2.5)
    trust = artefact_map(trust=1.0, dark_hu=-500.0, bottom=36.0)
    result = measure_hip_gaps(volume, (stem(metal),), bone=bone, metal=metal, config=CONFIG, trust=trust)
    high, low = sorted(result.gaps, key=lambda gap: -gap.record.centroid_lps[2])
    assert high.record.trust < 0.3 < 0.8 < low.record.trust


def test_no_artefact_is_blamed_where_none_is_foretold(monkeypatch):
    told(monkeypatch, 0.95, 3.0)
    volume, bone, metal, _ = femur(3.0, lumen_hu=-95.0)
    seen = measure_hip_gaps(
        volume, (stem(metal),), bone=bone, metal=metal, config=CONFIG, trust=artefact_map(trust=1.0)
    )  # fmt: skip
    assert "dark-by-artefact" not in [f.code for f in seen.findings]


def test_marrow_fat_loosens_nothing():
    assert measured(3.0, lumen_hu=-95.0)[0].implants[0].loosening != "probable"


@pytest.mark.parametrize("gap_mm", [4.0, 5.0, 6.5])
def test_wide_gaps_are_seen_on_a_clean_scan(gap_mm):
    result, true_ml = measured(gap_mm)
    assert sum(g.record.volume_ml.estimate for g in result.gaps) == pytest.approx(true_ml, rel=0.25)
    assert result.implants[0].loosening == "probable"


def test_a_cup_with_a_line_over_all_its_zones_is_probably_loose(monkeypatch):
    told(monkeypatch, 0.95, 2.0)
    seen = a_cup(22.0, 32.0)
    assert seen.implants[0].loosening == "probable"
    zones = {row.name: row.measured for row in seen.implants[0].loosening_criteria}
    assert [zones[f"lucent share of charnley-{k}"] for k in (1, 2, 3)] == pytest.approx([1.0, 1.0, 1.0])
    (gap,) = seen.gaps
    whole = 2 * np.pi / 3 * (24.0**3 - 22.0**3) / 1000
    assert gap.record.volume_ml.estimate == pytest.approx(whole, rel=0.1)
    assert {z.zone for z in gap.record.zones} == {"charnley-1", "charnley-2", "charnley-3"}


def test_a_wide_gap_needs_no_network(monkeypatch):
    told(monkeypatch, 0.02)
    result, true_ml = measured(5.0)
    (gap,) = result.gaps
    assert gap.record.volume_ml.estimate == pytest.approx(true_ml, rel=0.15)
    assert gap.record.width_mm.median == pytest.approx(5.0, abs=0.45)
    assert measured(0.0)[0].gaps == ()


def test_no_ray_is_dark_where_artefacts_may_darken_it(monkeypatch):
    told(monkeypatch, 0.02)
    volume, bone, metal, _ = femur(5.0)
    seen = measure_hip_gaps(
        volume, (stem(metal),), bone=bone, metal=metal, config=CONFIG, trust=artefact_map(trust=0.8)
    )  # fmt: skip
    assert seen.gaps == ()


def test_no_stem_is_firm_in_bone_that_hides_gaps():
    result, _ = measured(0.0, bone_hu=100.0)
    assert result.gaps == () and [f.code for f in result.findings] == ["bone-hides-gaps"]
    assert result.findings[0].measured == pytest.approx(100.0, abs=15.0)
    assert result.implants[0].loosening is None
