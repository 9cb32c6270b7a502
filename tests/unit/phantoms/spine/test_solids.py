"""The spine's own solids: no distance is overstated, no point lies outside of its box."""

import numpy as np
import pytest

from planner.config.phantoms.spine.altered import (
    CollapsedFracture,
    EcgLead,
    FractureLine,
    FusionMass,
    JunctionalFracture,
    Laminectomy,
)
from planner.config.phantoms.spine.patient import SpinePatient, draw_patient
from planner.geometry.frames import PointsLps
from planner.geometry.rigid import rotation_about
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.measuring import measure
from planner.phantoms.solids.raster import contains
from planner.phantoms.spine.patient.body import VertebralBody
from planner.phantoms.spine.patient.bundles import Bundle, ThickTriangle
from planner.phantoms.spine.patient.column import column_of

ROWS = tuple(tuple(float(v) for v in row) for row in rotation_about((1, 2, 3), 20.0))
BODY = VertebralBody((2.0, -3.0, 5.0), 23.0, 16.0, (14.0, 12.0, 13.0), (13.0, 13.0, 12.0), ROWS)
BROKEN = VertebralBody((2.0, -3.0, 5.0), 23.0, 16.0, (2.0, 1.0, 11.0), (13.0, 13.0, 12.0), ROWS, waist=-0.08)
BUNDLE = Bundle(
    ((10.0, 40.0, -60.0), (14.0, 30.0, 0.0), (8.0, 36.0, 50.0)), ((12.0, 18.0), (6.0, 20.0), (9.0, 9.0)), 2.8, 25.0
)
TRIANGLE = ThickTriangle(((0.0, 0.0, 0.0), (40.0, 5.0, 3.0), (10.0, 30.0, -20.0)), 4.0)
LUMBAR = column_of(
    SpinePatient(
        levels=("L3", "L4", "L5", "S1"),
        altered=(
            CollapsedFracture(level="L3", cleft="gas"),
            FractureLine(level="L4"),
            FusionMass(levels=("L4", "L5", "S1")),
            Laminectomy(levels=("L5",)),
        ),
        decoys=(EcgLead(),),
    )
)
THORACIC = column_of(
    draw_patient("thoracic", seed=5, levels=("T10", "T11", "T12"), deformed=True).model_copy(
        update={"altered": (JunctionalFracture(level="T11"),)}
    )
)
SOLIDS: dict[str, Solid] = {
    "body": BODY,
    "body inside": BODY.shrunk(wall_mm=1.1, endplate_mm=0.9),
    "broken body": BROKEN,
    "bundle": BUNDLE,
    "triangle": TRIANGLE,
    "lumbar bone": LUMBAR.bone,
    "lumbar canal": LUMBAR.hollow,
    "thoracic bone": THORACIC.bone,
    "sacrum inside": LUMBAR.bone_of("S1", inside=True),
    **{f"lumbar {p.name}": p.solid for p in (*LUMBAR.soft.parts, *LUMBAR.parts)},
    **{f"thoracic {p.name}": p.solid for p in (*THORACIC.soft.parts, *THORACIC.parts)},
    **{f"thoracic structure {s.name}": s.solid for s in THORACIC.soft.structures},
    **{f"lumbar structure {s.name}": s.solid for s in LUMBAR.soft.structures},
}


def around(solid: Solid, count: int) -> np.ndarray:
    low, high = (np.clip(corner, -250.0, 250.0) for corner in solid.bounds_lps)
    return np.random.default_rng(3).uniform(low - 8.0, high + 8.0, (count, 3))


@pytest.mark.parametrize("name", SOLIDS)
def test_no_step_shorter_than_the_distance_crosses_the_surface(name: str) -> None:
    solid, random = SOLIDS[name], np.random.default_rng(4)
    points = around(solid, 2_500)
    distance = solid.distance_mm(PointsLps(points))
    step = random.normal(size=points.shape)
    step *= 0.999 * np.abs(distance)[:, None] / np.linalg.norm(step, axis=1, keepdims=True)
    there = solid.distance_mm(PointsLps(points + step))
    assert np.array_equal(distance <= 0.0, there <= 0.0)


@pytest.mark.parametrize("name", ["body", "body inside", "broken body", "bundle", "triangle"])
def test_distance_changes_by_no_more_than_the_way_walked(name: str) -> None:
    solid, random = SOLIDS[name], np.random.default_rng(4)
    points = around(solid, 20_000)
    step = random.normal(size=points.shape)
    step *= random.uniform(0.01, 6.0, (len(points), 1)) / np.linalg.norm(step, axis=1, keepdims=True)
    change = solid.distance_mm(PointsLps(points + step)) - solid.distance_mm(PointsLps(points))
    assert np.all(np.abs(change) <= np.linalg.norm(step, axis=1) * (1.0 + 1e-9))


@pytest.mark.parametrize("name", SOLIDS)
def test_box_holds_the_solid(name: str) -> None:
    solid = SOLIDS[name]
    points = around(solid, 4_000)
    inside = points[solid.distance_mm(PointsLps(points)) <= 0.0]
    low, high = solid.bounds_lps
    assert np.all((inside >= low) & (inside <= high))


@pytest.mark.parametrize("name", ["body", "broken body", "bundle", "triangle"])
def test_solid_is_not_empty_and_not_its_whole_box(name: str) -> None:
    points = around(SOLIDS[name], 20_000)
    share = float((SOLIDS[name].distance_mm(PointsLps(points)) <= 0.0).mean())
    assert 0.01 < share < 0.9


def test_body_is_as_wide_deep_and_high_as_asked() -> None:
    body = VertebralBody((0.0, 0.0, 0.0), 23.0, 16.0, (14.0, 12.0, 13.0), (13.0, 13.0, 12.0),
                         ((1, 0, 0), (0, 1, 0), (0, 0, 1)), waist=0.1, dish_mm=1.5, notch_mm=1.2)  # fmt: skip
    cases = (
        ((23.0 * 0.9, 0.0, 0.0), (1, 0, 0)),  # the waist
        ((0.0, -16.0 * 0.9, 0.0), (0, -1, 0)),
        ((0.0, 0.0, 10.5), (0, 0, 1)),  # the dish
        ((0.0, 0.0, -11.5), (0, 0, -1)),
    )
    for surface, outward in cases:
        pair = np.array(surface) + np.outer((-0.05, 0.05), outward)
        inner, outer = body.distance_mm(PointsLps(pair))
        assert inner < 0.0 < outer
    assert body.distance_mm(PointsLps(np.array([[0.0, 16.0 - 1.0, 12.0]])))[0] > 0.0  # hollowed behind
    assert body.distance_mm(PointsLps(np.array([[9.0, 14.0, 11.0]])))[0] < 0.0


def test_shrunk_body_leaves_the_wall() -> None:
    inner = BODY.shrunk(wall_mm=1.1, endplate_mm=0.9)
    points = PointsLps(around(BODY, 30_000))
    inside = inner.distance_mm(points) <= 0.0
    assert inside.any()
    assert np.all(BODY.distance_mm(points)[inside] < 0.0)


def test_triangle_is_as_thick_as_asked() -> None:
    a, b, c = (np.array(p) for p in TRIANGLE.corners_lps)
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal)
    middle = (a + b + c) / 3.0
    assert TRIANGLE.distance_mm(PointsLps((middle + 5.0 * normal)[None]))[0] == pytest.approx(1.0)
    assert TRIANGLE.distance_mm(PointsLps(middle[None]))[0] == pytest.approx(-4.0)
    out = a - (middle - a) / np.linalg.norm(middle - a) * 6.0
    assert TRIANGLE.distance_mm(PointsLps(out[None]))[0] == pytest.approx(2.0)


def test_cleft_has_the_volume_of_its_ellipsoid() -> None:
    (cleft,) = [x for x in LUMBAR.lucencies if x.level == "L3"]
    width, depth, height = CollapsedFracture(level="L3").cleft_mm
    closed_ml = 4.0 / 3.0 * np.pi * width * depth * height / 8.0 / 1000.0
    found = measure(cleft.solid)
    assert found.volume_ml == pytest.approx(closed_ml, abs=4.0 * found.volume_sd_ml + 1e-3)


def test_fracture_line_is_as_wide_as_asked_and_stays_in_bone() -> None:
    (line,) = [x for x in LUMBAR.lucencies if x.level == "L4"]
    points = PointsLps(around(line.solid, 100_000))
    inside = PointsLps(points[contains(line.solid, points)])
    assert len(inside) > 50
    assert np.all(contains(LUMBAR.vertebra("L4").bone(inside=False), inside))
    # A thin plane's thickness is what is left across the direction of least spread.
    spread = np.linalg.svd(inside - inside.mean(axis=0), full_matrices=False)[2][2]
    across = inside @ spread
    assert float(across.max() - across.min()) == pytest.approx(line.width_mm, abs=0.12)
