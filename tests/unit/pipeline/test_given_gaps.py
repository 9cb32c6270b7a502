"""A person's gaps stand in the place of the measured ones."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from planner.config.phantoms.scan import IdealScan
from planner.config.plan_config import PlanConfig
from planner.errors import LabelError
from planner.geometry.frames import point_tuple
from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.gap import Gap, Interval
from planner.model.implant import Implant, ImplantAxis, LooseningCriterion
from planner.model.labels import LabelMap
from planner.model.volume import Mask, Volume
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, RoundCone, ThreadedShaft
from planner.phantoms.solids.raster import rasterise
from planner.phantoms.tissues import CANCELLOUS, CORTICAL, FIBROUS, MUSCLE, SCLEROTIC, TITANIUM
from planner.pipeline.given_gaps import correct_gaps, given_gaps
from planner.pipeline.scripted import scan_of
from planner.pipeline.told_implants import tell_implants
from planner.progress import SILENT
from planner.segment.gaps.halos import measure_halos
from planner.segment.implants.hips import HipPart
from planner.segment.implants.spine import ImplantPart

CONFIG = PlanConfig()
AXIS = np.array([-0.25, -0.95, 0.15]) / np.linalg.norm([-0.25, -0.95, 0.15])


def at(mm):
    return point_tuple((mm - 18.0) * AXIS)


def anatomy_of(bone, *bones):
    return SimpleNamespace(survey=SimpleNamespace(bone=bone), bones=bones)


@pytest.fixture(scope="module")
def screw():
    """One loose screw in a vertebra, and what was measured round it."""
    whole = RoundCone(at(6), at(38), 15, 15)
    parts = (
        Part("bone", whole, CORTICAL),
        Part("marrow", RoundCone(at(6), at(38), 13.5, 13.5), CANCELLOUS),
        Part("rim", Cylinder(at(11), at(39), 6.0), SCLEROTIC),
        Part("gap", Cylinder(at(12), at(38), 5.0), FIBROUS),
        Part("screw", ThreadedShaft(at(0), at(36), 6.0, 4.4), TITANIUM),
        Part("tulip", Cylinder(at(-13), at(1), 6.0), TITANIUM),
    )
    grid = Grid((49, 110, 75), np.array([[0, 0, 0.7, -26], [0, 0.7, 0, -38.5], [1.0, 0, 0, -24], [0, 0, 0, 1]]))
    volume = ideal_scan(Scene(parts, MUSCLE), grid, IdealScan(seed=5, subsamples=2))
    told = tell_implants(volume, CONFIG, monitor=SILENT)
    bone = Mask(grid, rasterise(whole, grid))
    halos = measure_halos(volume, told.metal, told.shafts, bone, CONFIG.halos)
    found = [(h.gap, h.mask) for h in halos]
    assert len(found) == 1 and found[0][0] is not None
    vertebra = Bone("vertebra-1", "vertebra", bone, "L4", None, is_cut=False)
    return SimpleNamespace(
        volume=volume, grid=grid, own=found[0][1].voxels,
        rest={
            "told": told, "anatomy": anatomy_of(bone, vertebra), "halos": halos, "hips": (), "found": found,
            "trust": None, "config": CONFIG,
        },
    )  # fmt: skip


def corrected(case, given):
    return correct_gaps(given_gaps(given, scan_of(case.volume)), case.volume, **case.rest)


def codes_of(made):
    return [finding.code for finding in made.findings]


def ball(grid, centre, radius):
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    return np.linalg.norm(points - centre, axis=-1) < radius


def test_none_given_is_none(screw):
    assert given_gaps(None, scan_of(screw.volume)) is None


def test_an_unedited_mask_gives_the_measured_gap_also_on_another_grid(screw):
    was = screw.rest["found"][0][0]
    made = corrected(screw, Mask(screw.grid, screw.own))
    assert made.gaps[0][0] == was
    assert codes_of(made) == ["gaps-given"] and "1 as measured" in made.findings[0].message
    fine = Grid((98, 132, 90), np.array([[0, 0, 0.58, -26], [0, 0.58, 0, -38.5], [0.5, 0, 0, -24], [0, 0, 0, 1]]))
    index = np.clip(
        np.rint(screw.grid.to_index(fine.to_lps(np.moveaxis(np.indices(fine.shape), 0, -1)))).astype(int),
        0, np.array(screw.grid.shape) - 1,
    )  # fmt: skip
    made = corrected(screw, Mask(fine, screw.own[tuple(np.moveaxis(index, -1, 0))]))
    assert made.gaps[0][0].volume_ml.estimate == pytest.approx(was.volume_ml.estimate, rel=0.02)
    assert "another grid" in made.findings[0].message


def test_half_erased_is_about_half_and_doubled_is_larger(screw):
    was = screw.rest["found"][0][0].volume_ml.estimate
    points = np.asarray(screw.grid.to_lps(np.moveaxis(np.indices(screw.grid.shape), 0, -1)))
    along = points @ AXIS
    half = screw.own & (along > np.median(along[screw.own]))
    made = corrected(screw, Mask(screw.grid, half))
    assert 0.4 * was < made.gaps[0][0].volume_ml.estimate < 0.6 * was
    assert np.array_equal(made.gaps[0][1].voxels.sum(), half.sum())
    away = np.linalg.norm(points - along[..., None] * AXIS, axis=-1)
    wide = (away < 7.0) & (along > along[screw.own].min()) & (along < along[screw.own].max())
    made = corrected(screw, Mask(screw.grid, (screw.own | wide)))
    assert made.gaps[0][0].volume_ml.estimate > 1.6 * was
    assert "1 corrected" in made.findings[0].message


def test_a_gap_is_edited_where_a_person_changed_a_voxel_of_it(screw):
    assert corrected(screw, Mask(screw.grid, screw.own)).gaps[0][0].made == "automatic"
    one_less = screw.own.copy()
    one_less[tuple(np.argwhere(screw.own)[0])] = False
    made = corrected(screw, Mask(screw.grid, one_less))
    # too little to be measured anew, and yet a person's hand
    assert made.gaps[0][0].made == "edited" and "1 as measured" in made.findings[0].message
    assert made.gaps[0][0].model_copy(update={"made": "automatic"}) == screw.rest["found"][0][0]
    moved = screw.grid.lps_from_index.copy()
    moved[:3, 3] += 0.1
    resampled = corrected(screw, Mask(Grid(screw.grid.shape, moved), screw.own))
    assert resampled.gaps[0][0].made == "automatic"


def test_an_erased_gap_is_no_gap_and_the_finding_says_who_removed_it(screw):
    rod = ball(screw.grid, np.array(at(22.0)) + 9.5 * np.array([0.95, -0.25, 0.0]), 2.0)
    made = corrected(screw, Mask(screw.grid, rod))
    assert made.halos[0].gap is None and made.halos[0].loosening in (None, "none")
    removed = next(f for f in made.findings if f.code == "gap-removed")
    assert removed.implant_id == "screw-1" and "was removed in the given mask" in removed.message


def test_a_space_in_bone_that_touches_nothing_stands_alone_and_one_in_flesh_is_refused(screw):
    beside = np.array([0.95, -0.25, 0.0]) / np.linalg.norm([0.95, -0.25, 0.0])
    in_bone = ball(screw.grid, np.array(at(22.0)) + 10.5 * beside, 2.5)
    in_flesh = ball(screw.grid, np.array(at(22.0)) + 20.5 * beside, 2.0)
    codes = screw.own * 1 + in_bone * 2 + in_flesh * 3
    made = corrected(screw, LabelMap(screw.grid, codes.astype(np.uint8), ()))
    assert [(g.implant_id, g.kind, g.level) for g, _ in made.gaps] == [
        ("screw-1", "screw_halo", None), (None, "fracture_level", "L4")
    ]  # fmt: skip
    new = made.gaps[1][0]
    assert new.volume_ml.estimate == pytest.approx(Mask(screw.grid, in_bone).volume_ml)
    assert [g.made for g, _ in made.gaps] == ["automatic", "edited"]
    assert new.width_mm is None and new.interface_fraction is None and new.trust is None
    assert codes_of(made) == ["gaps-given", "gap-counted-in-voxels", "gap-given-refused"]
    assert made.findings[1].gap_id == "gap-2"
    assert made.findings[2].measured == pytest.approx(Mask(screw.grid, in_flesh).volume_ml, abs=1e-3)


def test_a_moved_mask_is_refused(screw):
    matrix = screw.grid.lps_from_index.copy()
    matrix[0, 3] += 7.0
    with pytest.raises(LabelError, match="to the right it would fit"):
        corrected(screw, Mask(Grid(screw.grid.shape, matrix), screw.own))


RADIUS = 6.0


@pytest.fixture(scope="module")
def stem():
    """A straight stem in bone, with a line round its lower half that was measured."""
    grid = Grid((90, 56, 56), np.array([[0, 0, 0.9, -25], [0, 0.9, 0, -25], [0.9, 0, 0, 0], [0, 0, 0, 1]]))
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    away, z = np.linalg.norm(points[..., :2], axis=-1), points[..., 2]
    metal = (away < RADIUS) & (z > 5) & (z < 75)
    line = (away < RADIUS + 2.5) & ~metal & (z > 10) & (z < 40)
    hu = np.where(metal, 8000.0, np.where(line, 40.0, np.where(away < 16, 300.0, 50.0)))
    hu = ndimage.gaussian_filter(hu, 0.6) + np.random.default_rng(3).normal(0, 8, grid.shape)
    record = Implant(
        id="stem-left", kind="femoral_stem", volume_ml=None, centroid_lps=(0.0, 0.0, 40.0),
        axis=ImplantAxis(head_lps=(0, 0, 75), tip_lps=(0, 0, 5), diameter_mm=12, core_diameter_mm=None, length_mm=70),
        bulls_eye=None, side="left", level=None, material="titanium", loosening="probable",
        loosening_criteria=tuple(
            LooseningCriterion(name=name, measured=0.9, limit=1.0, unit="1") for name in ("share", "width")
        ),
    )  # fmt: skip
    part = HipPart(record, Mask(grid, metal), None, None, None, is_cut=False)
    ml = 1.1 * Mask(grid, line).volume_ml
    gap = Gap(
        id="gap-1", implant_id="stem-left", level=None, kind="periprosthetic_gap", zones=(),
        volume_ml=Interval(estimate=ml, low=0.7 * ml, high=1.3 * ml), expected_fill_ml=None, width_mm=None,
        interface_fraction=None, centroid_lps=(0.0, 0.0, 25.0), trust=0.8,
    )  # fmt: skip
    told = SimpleNamespace(
        metal=SimpleNamespace(mask=Mask(grid, metal)), parts=(ImplantPart(record, Mask(grid, metal)),), shafts=(),
        hips=(part,),
    )  # fmt: skip
    return SimpleNamespace(
        volume=Volume(grid, hu.astype(np.int16)), grid=grid, line=line, z=z, gap=gap,
        rest={
            "told": told, "anatomy": anatomy_of(Mask(grid, away < 16)), "halos": (), "hips": (record,),
            "found": [(gap, Mask(grid, line))], "trust": None, "config": CONFIG,
        },
    )  # fmt: skip


def test_a_stems_unedited_gap_keeps_its_record_and_its_grade(stem):
    made = corrected(stem, Mask(stem.grid, stem.line))
    assert made.gaps[0][0] is stem.gap and made.stems == ()
    assert codes_of(made) == ["gaps-given"]


def test_a_stems_line_that_was_cut_has_width_zones_and_a_new_grade(stem):
    made = corrected(stem, Mask(stem.grid, stem.line & (stem.z < 20)))
    gap = made.gaps[0][0]
    assert gap.volume_ml.estimate == pytest.approx(stem.gap.volume_ml.estimate / 3, rel=0.1)
    assert gap.width_mm.median == pytest.approx(2.5, abs=0.4)
    assert 0.05 < gap.interface_fraction < 0.3
    assert {zone.zone for zone in gap.zones} >= {"gruen-3", "gruen-5"}
    assert sum(zone.volume_ml for zone in gap.zones) == pytest.approx(gap.volume_ml.estimate)
    assert made.stems[0].loosening_criteria[0].measured == pytest.approx(gap.interface_fraction)
    assert "gap-counted-in-voxels" in codes_of(made)


def test_a_stem_whose_gap_was_erased_is_not_loose_by_it(stem):
    far = (stem.z > 60) & (stem.z < 63) & ~stem.line & ball(stem.grid, (9.0, 0.0, 61.0), 3.0)
    made = corrected(stem, Mask(stem.grid, far & ~stem.rest["told"].metal.mask.voxels))
    assert made.stems[0].loosening == "none"
    assert [g.kind for g, _ in made.gaps] == ["periprosthetic_gap"]
    assert "gap-removed" in codes_of(made)


def an_island(case, size):
    """Give the measured gap and a block of its own in bone beside it, that does not touch it."""
    near = np.argwhere(case.own)
    far = ndimage.binary_dilation(case.own, iterations=3) & ~ndimage.binary_dilation(case.own, iterations=2)
    z, y, x = min(np.argwhere(far).tolist(), key=lambda cell: abs(cell[0] - np.median(near[:, 0])))
    given = case.own.copy()
    given[z : z + 1, y : y + size, x : x + size] |= ~ndimage.binary_dilation(case.own)[
        z : z + 1, y : y + size, x : x + size
    ]
    assert given.sum() > case.own.sum()
    return given


def test_a_small_stroke_apart_from_every_gap_is_told_of(screw):
    made = corrected(screw, Mask(screw.grid, an_island(screw, 2)))
    (said,) = (f for f in made.findings if f.code == "gaps-given-too-small")
    assert said.severity == "caution" and 0.0 < said.measured < 0.02 and "left out" in said.message
    assert "1 as measured" in made.findings[0].message


def test_nothing_is_said_to_be_left_out_of_the_mask_as_it_was_measured(screw):
    assert "gaps-given-too-small" not in codes_of(corrected(screw, Mask(screw.grid, screw.own)))
