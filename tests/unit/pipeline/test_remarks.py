"""What a plan says in words."""

from planner.model.implant import Implant
from planner.pipeline.remarks import _of_implants, of_search, of_slices


def test_thick_slices_are_said() -> None:
    (finding,) = of_slices((2.0, 0.8, 0.8), fine_mm=1.25)
    assert (finding.code, finding.measured, finding.limit) == ("thick-slices", 2.0, 1.25)


def test_fine_slices_are_not() -> None:
    assert of_slices((1.25, 0.4, 0.4), fine_mm=1.25) == ()


def _metal(kind: str) -> Implant:
    return Implant(
        id="metal-1", kind=kind, volume_ml=1.0, centroid_lps=(0.0, 0.0, 0.0), axis=None, bulls_eye=None, side=None,
        level=None, material="unknown", loosening=None,
    )  # fmt: skip


def test_metal_that_is_no_screw_is_not_called_free_of_gaps() -> None:
    (finding,) = of_search([_metal("rod"), _metal("unknown")])
    assert (finding.code, finding.severity, finding.measured) == ("gaps-not-measured", "warning", 2.0)


def test_a_screw_is_searched() -> None:
    assert of_search([_metal("rod"), _metal("pedicle_screw")]) == ()


def test_why_a_volume_is_missing_is_said_where_it_is_missing() -> None:
    told = _metal("cage")
    untold = told.model_copy(update={"volume_ml": None})
    assert [f.code for f in _of_implants([untold, _metal("cement")])] == ["volume-not-told"]
    assert list(_of_implants([told])) == []
