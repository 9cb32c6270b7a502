"""Slices that would go on with the chosen stack are told of, wherever they were put."""

import pytest

from planner.io.dicom.series import find_stacks
from planner.io.dicom.strays import find_strays


def strays_of(headers):
    stacks = find_stacks(headers)
    chosen = max(stacks, key=lambda stack: len(stack.headers))
    return find_strays(chosen, stacks)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"kvp": 100.0}, "tube voltage"),
        ({"image_type": ("DERIVED", "PRIMARY", "AXIAL")}, "image type"),
        ({"kernel": "Br60"}, "kernel"),
        ({"rows": 256}, "matrix"),
        ({"study_instance_uid": "1.9"}, "study"),
    ],
)
@pytest.mark.parametrize("places", [range(50, 60), range(30, 33), (0,)])
def test_slices_at_free_places_are_counted(slice_at, other, words, places):
    found = strays_of([slice_at(float(k), **(other if k in places else {"kvp": 120.0})) for k in range(60)])
    (finding,) = found.findings
    assert (finding.code, finding.severity, finding.measured) == ("slices-apart", "caution", len(places))
    assert words in finding.message and len(found.stacks) == 1


@pytest.mark.parametrize(
    "others",
    [
        {"step": 1.0, "start": 0.0, "kernel": "Br60"},  # over the same places
        {"step": 1.0, "start": 100.0, "kernel": "Br60"},  # far away
        {"step": 1.0, "start": 40.5, "kernel": "Br60"},  # off the lattice
        {"step": 1.0, "start": 40.0, "kernel": "Br60", "series_instance_uid": "1.2.9"},
        {"step": 1.0, "start": 40.0, "image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")},
        {"step": 1.0, "start": 40.0, "kernel": "Br60", "along_row_lps": (0, 1, 0), "along_column_lps": (0, 0, -1)},
    ],
)
def test_other_slices_are_none_of_its_business(slice_at, others):
    tags = {name: value for name, value in others.items() if name not in ("step", "start")}
    rest = [slice_at(others["start"] + k * others["step"], **tags) for k in range(20)]
    found = strays_of([*(slice_at(float(k)) for k in range(40)), *rest])
    assert (found.stacks, found.findings) == ((), ())


def test_a_scan_that_shrinks_to_nothing_has_no_lattice(slice_at):
    assert strays_of([slice_at(0.0), slice_at(1.0, kvp=100.0)]).findings == ()
