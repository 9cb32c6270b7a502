"""Decoys and fracture lines of the hip phantom: there when asked for, of the size asked for, absent otherwise."""

from functools import cache

import numpy as np
import pytest
from pydantic import ValidationError

from planner.config.phantoms.hip.decoys import (
    ArterialCalcification,
    BladderContrast,
    BoneIsland,
    BowelContrast,
    BowelGas,
    EcgLead,
    HeterotopicOssification,
    HipDecoy,
    MarrowFat,
    NutrientCanal,
    VascularChannels,
    VesselContrast,
)
from planner.config.phantoms.hip.fractures import (
    HipFracture,
    LesserTrochanterFracture,
    RamusFracture,
    ShaftFissure,
    TrochantericNonUnion,
)
from planner.config.phantoms.hip.patient import HipPatient
from planner.geometry.frames import Array, PointsLps, point_tuple, unit
from planner.phantoms.hip.patient.bed import HipBed, bed_of
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.raster import contains

OPENING = (0.62, -0.27, -0.735)
DECOYS: tuple[HipDecoy, ...] = (
    BowelGas(),
    BowelContrast(),
    VesselContrast(),
    BladderContrast(),
    BoneIsland(),
    BoneIsland(where="metaphysis"),
    BoneIsland(where="ischium", radius_mm=3.0),
    BoneIsland(where="ilium", radius_mm=3.0),
    NutrientCanal(),
    VascularChannels(),
    MarrowFat(),
    HeterotopicOssification(),
    ArterialCalcification(),
    EcgLead(),
)
FRACTURES: tuple[HipFracture, ...] = (
    ShaftFissure(),
    ShaftFissure(wall="all", obliquity_deg=70.0, below_mm=130.0),
    TrochantericNonUnion(),
    LesserTrochanterFracture(),
    RamusFracture(),
)


@cache
def parts_of(patient: HipPatient) -> tuple[HipBed, tuple[Part, ...]]:
    bed = bed_of(patient)
    return bed, bed.parts(point_tuple(bed.frame.direction(OPENING)), 25.0)


def within(solid: Solid, count: int = 20_000) -> Array:
    low, high = solid.bounds_lps
    points = np.random.default_rng(6).uniform(low, high, (count, 3))
    return np.asarray(points[contains(solid, PointsLps(points))])


def named(parts: tuple[Part, ...], name: str) -> Part:
    return next(p for p in parts if p.name == name)


@pytest.mark.parametrize("decoy", DECOYS, ids=lambda d: f"{d.kind} {getattr(d, 'where', '')}".strip())
def test_decoy_changes_the_scan_where_it_lies_and_is_absent_without_it(decoy: HipDecoy) -> None:
    _, plain = parts_of(HipPatient())
    _, altered = parts_of(HipPatient(decoys=(decoy,)))
    names = {p.name for p in plain}
    added = [p for p in altered if p.name not in names]
    assert added
    for part in added:
        points = within(part.solid)
        assert len(points) > 5, part.name
        # Most of it is seen: only roots of ossifications hide in bone.
        numbers = Scene(altered).part_index_at(PointsLps(points))
        seen = np.mean([altered[n].name in {p.name for p in added} for n in numbers])
        assert seen > 0.5, part.name
        before = Scene(plain).hu_at(PointsLps(points))
        after = Scene(altered).hu_at(PointsLps(points))
        assert np.mean(np.abs(after - before)) > 15.0, part.name


def test_bone_island_and_marrow_fat_lie_within_bone() -> None:
    for decoy in (BoneIsland(), BoneIsland(where="ischium"), MarrowFat(), NutrientCanal()):
        bed, parts = parts_of(HipPatient(decoys=(decoy,)))
        points = PointsLps(within(named(parts, decoy.kind).solid))
        bones = (bed.femur, named(parts, "pelvis").solid)
        assert np.any([contains(bone, points) for bone in bones], axis=0).all()


def test_nutrient_canal_runs_through_the_whole_wall() -> None:
    bed, parts = parts_of(HipPatient(decoys=(NutrientCanal(below_mm=90.0),)))
    points = PointsLps(within(named(parts, "nutrient canal").solid, 150_000))
    inside, outside = bed.femur_inside.distance_mm(points), bed.femur.distance_mm(points)
    assert inside.min() < 0.4
    assert outside.max() > -0.4


@pytest.mark.parametrize(("grade", "low", "high"), [(2, 10.0, 18.0), (3, 2.0, 10.0)])
def test_spurs_are_as_far_apart_as_the_grade_says(grade: int, low: float, high: float) -> None:
    _, parts = parts_of(HipPatient(decoys=(HeterotopicOssification.model_validate({"brooker": grade}),)))
    spurs = named(parts, "heterotopic ossification").solid
    first, second = spurs.solids  # type: ignore[attr-defined]
    points = within(first, 40_000)
    nearest = float(np.min([np.linalg.norm(points - p, axis=1).min() for p in within(second, 2_000)]))
    assert low < nearest < high


def test_ecg_wire_lies_on_the_skin_and_not_in_the_body() -> None:
    bed, parts = parts_of(HipPatient(decoys=(EcgLead(),)))
    wire = PointsLps(within(named(parts, "ECG lead").solid, 150_000))
    apart = bed.body.distance_mm(wire)
    assert apart.min() > -0.5
    assert apart.max() < 12.0


def test_bowel_gas_grows_with_its_radius() -> None:
    small, large = (
        np.prod(
            np.subtract(*named(parts_of(HipPatient(decoys=(BowelGas(radius_mm=r),)))[1], "bowel gas").solid.bounds_lps)
        )
        for r in (7.0, 15.0)
    )
    assert abs(large) > abs(small)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("fracture", FRACTURES, ids=lambda f: f"{f.kind} {getattr(f, 'wall', '')}".strip())
def test_cleft_lies_in_bone_and_is_as_wide_as_asked(fracture: HipFracture, side: str) -> None:
    bed, parts = parts_of(HipPatient.model_validate({"side": side, "fractures": (fracture,)}))
    (cleft,) = bed.clefts(point_tuple(bed.frame.direction(OPENING)), 25.0)
    points = within(cleft.solid, 150_000)
    assert len(points) > 30
    bone = named(parts, "pelvis").solid if fracture.kind == "ramus fracture" else bed.femur
    assert contains(bone, PointsLps(points)).all()
    # The thinnest direction of the cloud is across the cleft; an even slab spreads by its width.
    across = unit(np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][-1])
    spread = np.ptp((points - points.mean(axis=0)) @ across)
    assert spread == pytest.approx(fracture.width_mm, rel=0.12)


def test_fissure_splits_one_wall_only() -> None:
    bed, _ = parts_of(HipPatient(fractures=(ShaftFissure(wall="medial"),)))
    (cleft,) = bed.clefts(point_tuple(bed.frame.direction(OPENING)), 25.0)
    offsets = bed.femur_bone.frame.offsets(PointsLps(within(cleft.solid, 300_000)))
    assert offsets[:, 0].max() < 0.0
    assert -85.0 - 21.0 < offsets[:, 2].min() < -85.0 < offsets[:, 2].max() < -85.0 + 21.0


def test_non_union_has_dense_borders_and_a_fresh_line_none() -> None:
    for rim, expected in ((1.2, True), (0.0, False)):
        _, parts = parts_of(HipPatient(fractures=(TrochantericNonUnion(rim_mm=rim),)))
        assert any(p.name == "borders of trochanteric non-union" for p in parts) is expected


@pytest.mark.parametrize(
    "wrong", [{"kind": "bone island", "where": "skull"}, {"kind": "unicorn"}, {"kind": "shaft fissure"}]
)
def test_unknown_decoys_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        HipPatient.model_validate({"decoys": (wrong,)})
