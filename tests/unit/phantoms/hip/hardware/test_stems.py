"""Stems fit the canals of the patients they are made for, and no metal stands outside of the bone unasked."""

import numpy as np
import pytest

from planner.config.phantoms.hip.implants import BrokenStem, Mantle, Stem, StemShape
from planner.config.phantoms.hip.patient import HipPatient, draw_patient
from planner.errors import UsageError
from planner.geometry.frames import PointsLps
from planner.phantoms.hip.hardware.cement import cement_stem
from planner.phantoms.hip.hardware.implants import TAPERED, StemBody
from planner.phantoms.hip.hardware.stems import FittedStem, fit_stem, point_on_surface
from planner.phantoms.hip.lattices import lattice_points
from planner.phantoms.hip.patient.bed import bed_of
from planner.phantoms.hip.patient.femur import Femur
from planner.phantoms.solids.basic import Ball
from planner.phantoms.solids.raster import contains

SHAPES: tuple[StemShape, ...] = ("tapered", "collared", "short", "cylindrical", "curved", "polished")
FEMUR = bed_of(HipPatient(size=1.0)).femur_bone


def stem_of(shape: StemShape, **more: object) -> Stem:
    return Stem.model_validate({"shape": shape, "mantle": Mantle() if shape == "polished" else None, **more})


def in_bone(fitted: FittedStem, femur: Femur) -> PointsLps:
    """Points of the stem's body below the neck's cut."""
    points = lattice_points(fitted.body.bounds_lps, 1.7)
    points = PointsLps(points[contains(fitted.body, points)])
    return PointsLps(points[femur.kept.distance_mm(points) < -2.5])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stem_lies_within_the_cortex(shape: StemShape) -> None:
    fitted = fit_stem(stem_of(shape), FEMUR)
    points = in_bone(fitted, FEMUR)
    assert len(points) > 1000
    assert FEMUR.inside.distance_mm(points).max() <= 0.0


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stem_ends_at_its_tip(shape: StemShape) -> None:
    fitted = fit_stem(stem_of(shape), FEMUR)
    length = fitted.axis.length_mm
    line = PointsLps(np.array([fitted.axis.at(t) for t in (1.0, 0.5 * length, length - 0.3, length + 0.3)]))
    assert (fitted.whole.distance_mm(line) <= 0.0).tolist() == [True, True, True, False]


def test_left_and_right_are_mirror_images() -> None:
    for shape in ("curved", "collared"):
        left, right = (
            fit_stem(stem_of(shape), bed_of(HipPatient(side=side), centre_lps=centre).femur_bone)
            for side, centre in (("left", (80.0, 5.0, 9.0)), ("right", (-80.0, 5.0, 9.0)))
        )
        points = lattice_points(left.whole.bounds_lps, 3.0)
        mirrored = PointsLps(points * [-1.0, 1.0, 1.0])
        assert left.whole.distance_mm(points) == pytest.approx(right.whole.distance_mm(mirrored), abs=1e-6)


def test_a_curved_stem_follows_the_bow_and_a_cylindrical_one_does_not() -> None:
    middles = []
    for shape in ("curved", "cylindrical"):
        fitted = fit_stem(stem_of(shape, length_mm=160.0), FEMUR)
        start, back = fitted.axis.at(100.0), fitted.axis.frame[2]
        middles.append((point_on_surface(fitted.body, start, back) - point_on_surface(fitted.body, start, -back)) / 2.0)
    assert abs(middles[1]) < 0.1
    assert middles[0] < -0.25  # the bow is hollow behind: there the canal lies in front of the chord


def test_a_wide_canal_takes_a_thicker_stem() -> None:
    narrow, wide = (
        fit_stem(Stem(), bed_of(HipPatient(isthmus_mm=mm, canal_flare_index=flare)).femur_bone).girth
        for mm, flare in ((12.0, 3.2), (17.0, 2.4))
    )
    assert wide > narrow


def test_a_narrow_canal_refuses_a_thick_stem_in_one_line() -> None:
    with pytest.raises(UsageError, match="has no room for a tapered stem") as refused:
        fit_stem(Stem(girth=1.6), FEMUR)
    assert "\n" not in str(refused.value)


def test_only_a_collared_stem_has_metal_outside_of_the_cut_beside_its_neck() -> None:
    beside = []
    for shape in ("tapered", "collared"):
        fitted = fit_stem(stem_of(shape), FEMUR)
        points = lattice_points(fitted.whole.bounds_lps, 1.0)
        out = FEMUR.kept.distance_mm(points)
        shell = PointsLps(points[(out > 0.2) & (out < 2.8) & (fitted.body.distance_mm(points) > 3.0)])
        beside.append(int((contains(fitted.whole, shell) & ~contains(fitted.neck, shell)).sum()))
    assert beside[0] == 0
    assert beside[1] > 50


def test_only_a_perforating_tip_stands_out_of_the_femur() -> None:
    for perforates in (False, True):
        fitted = fit_stem(Stem(perforates=perforates), FEMUR)
        points = in_bone(fitted, FEMUR)
        outside = points[FEMUR.outside.distance_mm(points) > 0.0]
        assert (len(outside) > 0) == perforates
        if perforates:
            along = (outside - np.array(fitted.axis.shoulder_lps)) @ fitted.axis.frame[0]
            assert along.min() > 0.6 * fitted.axis.length_mm
            lateral = (outside - np.array(fitted.axis.tip_lps)) @ FEMUR.frame.direction((1.0, 0.0, 0.0))
            assert np.median(lateral) > 0.0


def test_a_broken_stem_is_in_two_pieces() -> None:
    whole, broken = (fit_stem(Stem(broken=b), FEMUR) for b in (None, BrokenStem(at_share=0.5, opened_mm=1.2)))
    assert len(whole.pieces) == 1
    upper, lower = broken.pieces
    line = PointsLps(np.array([broken.axis.at(0.5 * broken.axis.length_mm + t) for t in (-0.7, -0.5, 0.5, 0.7)]))
    assert contains(upper, line).tolist() == [True, False, False, False]
    assert contains(lower, line).tolist() == [False, False, False, True]


@pytest.mark.parametrize("thickness", [1.5, 2.5])
def test_a_mantle_has_its_thickness_and_stays_within_the_cortex(thickness: float) -> None:
    mantle = Mantle(thickness_mm=thickness)
    fitted = fit_stem(stem_of("polished", mantle=mantle), FEMUR)
    cement = cement_stem(mantle, fitted, FEMUR)
    for share in (0.4, 0.6, 0.8):
        for quadrant in range(4):
            start, way = fitted.axis.at(share * fitted.axis.length_mm), fitted.axis.outward(quadrant)
            metal, outer = (point_on_surface(s, start, way) for s in (fitted.body, cement.whole))
            assert outer - metal == pytest.approx(thickness, abs=0.12)
    points = lattice_points(cement.whole.bounds_lps, 2.0)
    points = PointsLps(points[contains(cement.whole, points)])
    assert FEMUR.inside.distance_mm(points).max() <= 0.0
    below = PointsLps(np.array([fitted.axis.at(fitted.axis.length_mm + t) for t in (8.0, 17.0)]))
    assert contains(cement.whole, below).tolist() == [True, False]
    assert cement.plug is not None
    assert contains(cement.plug, below).tolist() == [False, True]


def test_faults_of_a_mantle_are_there_when_asked_for() -> None:
    fitted = fit_stem(stem_of("polished"), FEMUR)
    assert cement_stem(Mantle(), fitted, FEMUR).faults == ()
    faulty = cement_stem(Mantle(thin_zones=(2,), cracked_at=0.7), fitted, FEMUR)
    length, lateral, medial = fitted.axis.length_mm, fitted.axis.outward(0), fitted.axis.outward(2)
    start = fitted.axis.at(0.5 * length)
    reach = [point_on_surface(fitted.body, start, way) + 1.0 for way in (lateral, medial)]
    beside = np.array([np.array(start) + r * way for r, way in zip(reach, (lateral, medial), strict=True)])
    assert contains(faulty.faults[0], PointsLps(beside)).tolist() == [True, False]
    assert faulty.crack is not None
    assert contains(
        faulty.crack, PointsLps(np.array([fitted.axis.at(0.7 * length), fitted.axis.at(0.75 * length)]))
    ).tolist() == [
        True,
        False,
    ]


def test_scaled_outline_is_thicker_and_longer() -> None:
    wide = TAPERED.scaled(across=1.2, along=1.1)
    body = StemBody((0.0, 0.0, 0.0), (0.0, 0.0, -140.0), (-1.0, 0.0, 0.0), wide)
    x = wide.medial_mm[2][1]
    assert x == pytest.approx(1.2 * TAPERED.medial_mm[2][1])
    inner, outer = body.distance_mm(PointsLps(np.array([[-x + 0.05, 0.0, -33.0], [-x - 0.05, 0.0, -33.0]])))
    assert inner < 0.0 < outer


def test_surface_is_found_to_a_twentieth() -> None:
    assert point_on_surface(Ball((0.0, 0.0, 0.0), 7.0), (1.0, 0.0, 0.0), np.array([1.0, 0.0, 0.0])) == pytest.approx(
        6.0, abs=0.06
    )
    assert point_on_surface(Ball((0.0, 0.0, 0.0), 7.0), (9.0, 0.0, 0.0), np.array([1.0, 0.0, 0.0])) == 0.0


def test_most_patients_take_a_tapered_stem() -> None:
    taken = 0
    for seed in range(10):
        try:
            fit_stem(Stem(), bed_of(draw_patient(seed=seed)).femur_bone)
        except UsageError:
            continue
        taken += 1
    assert taken >= 8
