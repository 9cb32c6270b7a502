"""What a truth says of a small phantom, and of the spines."""

import json
import math

import numpy as np
import pytest

from planner.errors import UsageError
from planner.phantoms import design, make, truth_arrays, truth_document
from planner.phantoms.design import Design
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, HalfSpace
from planner.phantoms.tissues import CANCELLOUS, DISC, FAT
from planner.phantoms.truth.facts import Canal, Structure, TrueGap, TrueImplant, Truth, halo_without_metal

_AXIS = np.arange(-24.0, 24.1, 0.6)


def _truth(halo_stop_mm: float) -> Truth:
    bone, screw = Ball((0, 0, 0), 16.0), Cylinder((0, -20, 0), (0, 8, 0), 3.0)
    gap = halo_without_metal(Cylinder((0, -8, 0), (0, halo_stop_mm, 0), 5.0), bone, screw)
    host = Scene((Part("disc", Ball((0, 22, 0), 8.0), DISC), Part("bone", bone, CANCELLOUS)), FAT)
    return Truth(
        implants=(
            TrueImplant("screw", "pedicle_screw", screw, (0, -20, 0), (0, 8, 0), 6.0, 28.0, "left", "L4", True),
            TrueImplant("cup", "acetabular_cup", Ball((20, 0, 0), 1.0)),
        ),
        gaps=(TrueGap("gap-screw", "screw", "screw_halo", 2.0, gap),),
        env=bone,
        body=Ball((0, 0, 0), 23.0),
        structures=(Structure("front", HalfSpace((0, -10, 0), (0, 1, 0))),),
        host=host,
        axes_lps=(_AXIS, _AXIS, _AXIS),
        canal=Canal(((0, 0, -20), (0, 0, 20)), 3.0),
    )


def test_the_gap_is_the_hole_without_the_metal() -> None:
    gap = truth_document(_truth(10.0))["gaps"][0]
    volume_ml = math.pi * (25 * 18 - 9 * 16) / 1000.0
    # Everything in it turns about one axis: a closed form, which needs no counting.
    assert gap["volume_ml"] == pytest.approx(volume_ml, rel=1e-9)
    assert gap["volume_sd_ml"] == 0.0
    assert gap["centroid"][1] == pytest.approx((25 * 18 * 1.0 - 9 * 16 * 0.0) / (25 * 18 - 9 * 16), abs=0.03)


def test_a_gap_deep_in_the_bone_has_no_breach() -> None:
    assert _truth(10.0).breaches == ()
    assert not truth_arrays(_truth(10.0))["breach"].any()


def test_a_gap_that_leaves_the_bone_has_an_open_breach_there() -> None:
    truth = _truth(18.0)
    (breach,) = truth.breaches
    assert (breach.severity, breach.patch.barrier_mm, breach.leak_type) == ("open", 0.0, "disc")
    # The cap that a hole of 5 mm cuts out of a ball of 16 mm.
    cap_mm2 = 2 * math.pi * 16 * (16 - math.sqrt(16**2 - 25))
    assert breach.patch.area_mm2 == pytest.approx(cap_mm2, rel=0.03)
    assert np.linalg.norm(breach.patch.centre_lps) == pytest.approx(16.0, abs=0.7)


def test_a_thin_wall_is_a_thin_breach() -> None:
    (breach,) = _truth(14.8).breaches
    assert breach.severity == "thin"
    # The hole's rim, 5 mm off the axis, comes nearest to the ball's surface.
    assert breach.patch.barrier_mm == pytest.approx(16.0 - math.hypot(14.8, 5.0), abs=0.03)


def test_arrays_fit_each_other() -> None:
    a = truth_arrays(_truth(18.0))
    gap, env, metal, breach = a["gap"], a["env"], a["metal"], a["breach"] > 0
    assert np.array_equal(gap, a["label"] > 0)
    assert not (gap & ~env).any()
    assert not (gap & metal).any()
    assert breach.any()
    assert not (breach & ~gap).any()
    assert not (a["forbidden"] & (env | ~a["body"])).any()
    assert a["forbidden"].any()
    assert a["host_hu"][40, 40, 40] == CANCELLOUS.hu
    assert gap.sum() * 0.6**3 / 1000.0 == pytest.approx(_truth(18.0).gaps[0].measure.volume_ml, rel=0.05)


def test_what_was_not_given_is_null_and_the_document_is_json() -> None:
    document = json.loads(json.dumps(truth_document(_truth(10.0)), allow_nan=False))
    cup = document["implants"][1]
    assert (cup["head"], cup["diameter_mm"], cup["side"]) == (None, None, None)
    assert cup["loose"] is None
    assert cup["loosening"] is None
    assert document["structures"]["canal"]["radius_mm"] == 3.0


def test_there_is_no_other_phantom() -> None:
    with pytest.raises(UsageError, match="hip, lumbar, thoracic"):
        make("knee")  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["lumbar", "thoracic"])
def spine(request: pytest.FixtureRequest) -> Design:
    return design(request.param)


def test_sides_and_looseness_of_the_spines(spine: Design) -> None:
    screws = [i for i in spine.truth.implants if i.kind == "pedicle_screw"]
    assert len(screws) == 6
    for screw in screws:
        assert (screw.head_lps[0] > 0) == (screw.side == "left")
        assert screw.tip_lps[1] < screw.head_lps[1] - 30.0
        assert abs(screw.tip_lps[0]) < abs(screw.head_lps[0])
    assert {g.implant_id for g in spine.truth.gaps} == {s.id for s in screws if s.loose}
    assert sum(bool(s.loose) for s in screws) == 3


def test_a_mirrored_spine_would_not_fit(spine: Design) -> None:
    tips = {i.id: np.array(i.tip_lps) for i in spine.truth.implants if i.kind == "pedicle_screw"}
    for name, tip in tips.items():
        if name.endswith("left"):
            partner = tips[name.replace("left", "right")] * (-1, 1, 1)
            assert np.linalg.norm(tip - partner) > 1.5
    loose = {i.id for i in spine.truth.implants if i.loose}
    swapped = {n.replace("left", "?").replace("right", "left").replace("?", "right") for n in loose}
    assert not loose & swapped


def test_screws_keep_out_of_the_canal(spine: Design) -> None:
    canal = spine.truth.canal
    for screw in (i for i in spine.truth.implants if i.kind == "pedicle_screw"):
        along = np.linspace(screw.head_lps, screw.tip_lps, 100)
        line = np.concatenate(
            [np.linspace(a, b, 50) for a, b in zip(canal.points_lps[:-1], canal.points_lps[1:], strict=True)]
        )
        apart = np.linalg.norm(along[:, None] - line[None], axis=-1).min()
        assert apart > canal.radius_mm + screw.diameter_mm / 2.0


def test_the_picture_shows_what_the_truth_says(spine: Design) -> None:
    truth = spine.truth
    for gap in truth.gaps:
        low, high = gap.solid.bounds_lps
        points = np.random.default_rng(0).uniform(low, high, (20000, 3))
        inside = gap.solid.distance_mm(points) <= 0.0
        owners = spine.scene.part_index_at(points[inside])
        names = {spine.scene.parts[i].name for i in owners}
        assert inside.sum() > 200
        assert names == {gap.id}
        assert np.all(truth.env.distance_mm(points[inside]) <= 0.0)


def test_the_kinds_of_walls(spine: Design) -> None:
    severities = {b.severity for b in spine.truth.breaches}
    assert severities == {"open", "thin"}
    # A hole that opens to the canal and to a foramen beside it counts twice.
    assert 1 < len(spine.truth.breaches) <= 7
