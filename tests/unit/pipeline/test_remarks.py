"""What a plan says in words."""

from planner.pipeline.remarks import of_slices


def test_thick_slices_are_said() -> None:
    (finding,) = of_slices((2.0, 0.8, 0.8), fine_mm=1.25)
    assert (finding.code, finding.measured, finding.limit) == ("thick-slices", 2.0, 1.25)


def test_fine_slices_are_not() -> None:
    assert of_slices((1.25, 0.4, 0.4), fine_mm=1.25) == ()
