"""Each known error of an implant is told as it is."""

import numpy as np
import pytest

from planner.model.implant import Implant, ImplantSphere
from planner.model.plan import Plan
from planner.phantoms.score.implants import score_implants
from planner.phantoms.score.known_case import KnownCase
from planner.phantoms.truth.document import ImplantTruth


def _changed(implant: Implant, *, tip_by: tuple[float, float, float] = (0, 0, 0), **fields: object) -> Implant:
    assert implant.axis is not None
    tip = tuple(float(v) for v in np.add(implant.axis.tip_lps, tip_by))
    axis = implant.axis.model_copy(update={"tip_lps": tip, "length_mm": 30.0, **fields})
    return implant.model_copy(update={"axis": axis})


def test_tip_axis_and_diameter_errors_are_what_they_are(perfect: Plan, known: KnownCase) -> None:
    moved = _changed(perfect.implants[0], tip_by=(3.0, 0.0, 0.0), diameter_mm=5.5)
    right, left = score_implants((moved, perfect.implants[1]), known.document.implants)
    assert right.tip_error_mm == pytest.approx(3.0)
    assert right.head_error_mm == pytest.approx(0.0)
    assert right.axis_error_deg == pytest.approx(np.degrees(np.arctan(3.0 / 30.0)))
    assert right.diameter_error_mm == pytest.approx(-0.5)
    assert left.tip_error_mm == pytest.approx(0.0)


def test_an_unmeasured_diameter_has_no_error(perfect: Plan, known: KnownCase) -> None:
    untold = _changed(perfect.implants[0], diameter_mm=None)
    assert score_implants((untold,), known.document.implants)[0].diameter_error_mm is None


def test_the_order_in_the_plan_does_not_matter(perfect: Plan, known: KnownCase) -> None:
    rows = score_implants(perfect.implants[::-1], known.document.implants)
    assert [row.found_id for row in rows] == ["screw-right", "screw-left"]


def test_a_screw_far_off_is_missed_and_invented(perfect: Plan, known: KnownCase) -> None:
    far = _changed(perfect.implants[0], tip_by=(0.0, 0.0, 9.0))
    rows = score_implants((far, perfect.implants[1]), known.document.implants)
    assert [(r.true_id, r.found_id) for r in rows] == [
        ("l4-right", None),
        ("l4-left", "screw-left"),
        (None, "screw-right"),
    ]
    assert rows[2].found_kind == "pedicle_screw"


def test_a_screw_taken_for_a_rod_is_found_but_mistaken(perfect: Plan, known: KnownCase) -> None:
    rod = perfect.implants[0].model_copy(update={"kind": "rod"})
    right = score_implants((rod, perfect.implants[1]), known.document.implants)[0]
    assert (right.found_id, right.kind, right.found_kind) == ("screw-right", "pedicle_screw", "rod")
    assert right.tip_error_mm is None


def test_a_rod_may_be_told_from_either_end(perfect: Plan) -> None:
    true = ImplantTruth(id="rod", kind="rod", head=(0, 0, 0), tip=(0, 0, 50), diameter_mm=5.5)
    axis = perfect.implants[0].axis
    assert axis is not None
    upside_down = axis.model_copy(update={"head_lps": (0.0, 0.0, 51.0), "tip_lps": (0.0, 0.0, 0.0)})
    found = perfect.implants[0].model_copy(update={"kind": "rod", "axis": upside_down})
    (row,) = score_implants((found,), (true,))
    assert (row.head_error_mm, row.tip_error_mm) == pytest.approx((0.0, 1.0))
    assert row.axis_error_deg == pytest.approx(0.0)


def test_an_implant_without_a_told_place_is_paired_by_kind_and_side(perfect: Plan) -> None:
    true = ImplantTruth(id="cup", kind="acetabular_cup", side="left")
    cup = perfect.implants[0].model_copy(update={"kind": "acetabular_cup", "axis": None})
    assert score_implants((cup.model_copy(update={"side": "left"}),), (true,))[0].found_id == "screw-right"
    other_side, invented = score_implants((cup.model_copy(update={"side": "right"}),), (true,))
    assert (other_side.found_id, invented.true_id) == (None, None)


def test_calls_and_truth_stand_side_by_side(perfect: Plan, known: KnownCase) -> None:
    uncalled = perfect.implants[1].model_copy(update={"loosening": None})
    right, left = score_implants((perfect.implants[0], uncalled), known.document.implants)
    assert (right.loose, right.found_loosening) == (False, "none")
    assert (left.loose, left.found_loosening) == (True, None)


def _cup(plan: Plan, centroid: tuple[float, float, float]) -> Implant:
    return plan.implants[0].model_copy(update={"kind": "acetabular_cup", "axis": None, "centroid_lps": centroid})


def test_a_cup_a_metre_off_is_not_the_one_that_was_built(perfect: Plan) -> None:
    true = ImplantTruth(id="cup", kind="acetabular_cup", side="right", centre=(90, 0, 0), centroid=(78, 0, 5))
    missed, invented = score_implants((_cup(perfect, (90.0, 0.0, 1000.0)),), (true,))
    assert (missed.found_id, missed.centroid_error_mm, invented.true_id) == (None, None, None)
    (found,) = score_implants((_cup(perfect, (78.0, 3.0, 1.0)),), (true,))
    assert found.found_id == "screw-right"
    assert found.centroid_error_mm == pytest.approx(5.0)
    assert found.diameter_error_mm is None


def test_the_centre_of_a_sphere_places_a_cup_but_its_metal_lies_elsewhere(perfect: Plan) -> None:
    true = ImplantTruth(id="cup", kind="acetabular_cup", side="right", centre=(90, 0, 0))
    (found,) = score_implants((_cup(perfect, (78.0, 0.0, 5.0)),), (true,))
    assert (found.found_id, found.centroid_error_mm) == ("screw-right", None)


def test_a_told_diameter_of_a_cup_is_scored(perfect: Plan) -> None:
    true = ImplantTruth(
        id="cup", kind="acetabular_cup", side="right", centre=(90, 0, 0), centroid=(90, 0, 0), diameter_mm=54.0
    )
    wide = _changed(_cup(perfect, (90.0, 0.0, 0.0)).model_copy(update={"axis": perfect.implants[0].axis}))
    wide = _changed(wide, diameter_mm=52.5)
    assert score_implants((wide,), (true,))[0].diameter_error_mm == pytest.approx(-1.5)


def test_a_sphere_is_held_against_its_centre_and_its_diameter(perfect: Plan) -> None:
    true = ImplantTruth(
        id="cup", kind="acetabular_cup", centre=(80.0, 0.0, 0.0), centroid=(80.0, 0.0, 8.0), diameter_mm=54
    )
    sphere = ImplantSphere(centre_lps=(80.0, 0.0, 1.5), diameter_mm=53.0, opening_lps=(0.0, 0.0, -1.0))
    cup = _cup(perfect, (80.0, 0.0, 8.0))
    (row,) = score_implants((cup.model_copy(update={"sphere": sphere}),), (true,))
    assert row.centre_error_mm == pytest.approx(1.5)
    assert row.diameter_error_mm == pytest.approx(-1.0)
    (unfitted,) = score_implants((cup,), (true,))
    assert (unfitted.centre_error_mm, unfitted.diameter_error_mm) == (None, None)


def test_metal_is_weighed_unless_the_scan_cuts_it(perfect: Plan, known: KnownCase) -> None:
    true = known.document.implants[0].model_copy(update={"volume_ml": 2.0})
    heavy = perfect.implants[0].model_copy(update={"volume_ml": 2.1})
    assert score_implants((heavy,), (true,))[0].volume_error == pytest.approx(0.05)
    cut = heavy.model_copy(update={"is_cut": True})
    assert score_implants((cut,), (true,))[0].volume_error is None
    assert score_implants((heavy,), (known.document.implants[0],))[0].volume_error is None


def test_both_pieces_of_a_broken_stem_are_the_stem_that_was_told_as_one(perfect: Plan) -> None:
    pieces = [
        ImplantTruth(id="stem", kind="femoral_stem", head=(0, 0, 0), tip=(0, 0, -80), length_mm=80.0, broken=True),
        ImplantTruth(
            id="stem-tip", kind="femoral_stem", head=(0, 0, -80), tip=(0, 0, -145), length_mm=65.0, broken=True
        ),
    ]
    axis = perfect.implants[0].axis
    assert axis is not None
    one = axis.model_copy(update={"head_lps": (1.0, 0.0, 0.0), "tip_lps": (0.0, 0.0, -143.0), "length_mm": 143.0})
    found = perfect.implants[0].model_copy(update={"kind": "femoral_stem", "axis": one})
    upper, lower = score_implants((found,), pieces)
    assert upper.found_id == lower.found_id == found.id
    assert (upper.head_error_mm, upper.tip_error_mm, upper.length_error_mm) == (pytest.approx(1.0), None, None)
    assert (lower.head_error_mm, lower.tip_error_mm, lower.length_error_mm) == (None, pytest.approx(2.0), None)


def test_a_stem_beside_the_pieces_is_neither(perfect: Plan) -> None:
    piece = ImplantTruth(id="stem-tip", kind="femoral_stem", head=(0, 0, -80), tip=(0, 0, -145), broken=True)
    axis = perfect.implants[0].axis
    assert axis is not None
    one = axis.model_copy(update={"head_lps": (40.0, 0.0, 0.0), "tip_lps": (40.0, 0.0, -143.0)})
    found = perfect.implants[0].model_copy(update={"kind": "femoral_stem", "axis": one})
    rows = score_implants((found,), (piece,))
    assert [(row.true_id, row.found_id) for row in rows] == [("stem-tip", None), (None, found.id)]
