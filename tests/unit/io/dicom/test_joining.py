"""A slice that does not name a value stays with its neighbours; one that names another does not."""

import pytest

from planner.io.dicom.joining import lies_on_lattice
from planner.io.dicom.series import find_stacks


@pytest.mark.parametrize(
    "absent",
    [
        {"kvp": None},
        {"kernel": ""},
        {"image_type": ()},
        {"row_spacing_mm": None, "column_spacing_mm": None},
        {"frame_of_reference_uid": None},
    ],
)
@pytest.mark.parametrize("places", [range(0, 60, 10), (59,), range(30, 40)])
def test_an_absent_value_is_no_difference(slice_at, absent, places):
    headers = [slice_at(float(k), **({"kvp": 120.0} | (absent if k in places else {}))) for k in range(60)]
    (stack,) = find_stacks(headers)
    assert len(stack.headers) == 60 and stack.findings == ()
    assert {h.row_spacing_mm for h in stack.headers} == {1.0}
    assert {(h.kvp, h.kernel, h.frame_of_reference_uid) for h in stack.headers} == {(120.0, "Br40", "1.2.4")}


def test_another_value_stays_apart(slice_at):
    headers = [slice_at(float(k), kvp=100.0 if k > 50 else 120.0) for k in range(60)]
    assert [len(stack.headers) for stack in find_stacks(headers)] == [51, 9]


def test_what_fits_two_stacks_or_a_taken_place_stays_apart(slice_at):
    named = [slice_at(float(k), kernel=kernel) for k in range(0, 40, 2) for kernel in ("B30f", "B70f")]
    between = [slice_at(float(k), kernel="") for k in range(1, 40, 2)]
    assert sorted(len(s.headers) for s in find_stacks([*named, *between])) == [20, 20, 20]
    taken = [slice_at(float(k), kernel="") for k in range(0, 20)]
    assert [len(s.headers) for s in find_stacks([*named[::2], *taken])] == [20, 20]
    off = [slice_at(k + 0.4, kernel="") for k in range(0, 6, 2)]
    assert [len(s.headers) for s in find_stacks([*(slice_at(float(k)) for k in range(40)), *off])] == [40, 3]


def test_a_lattice_needs_places_and_one_direction(slice_at):
    hosts = [slice_at(float(k)) for k in range(10)]
    assert lies_on_lattice([slice_at(10.0)], hosts)
    assert not lies_on_lattice([slice_at(10.0, position_lps=None)], hosts)
    assert not lies_on_lattice([slice_at(9.0, kvp=80.0)], hosts)
    assert not lies_on_lattice([slice_at(10.0, along_row_lps=(0.0, 1.0, 0.0), along_column_lps=(1.0, 0.0, 0.0))], hosts)


def test_a_frame_of_reference_that_is_new_in_each_file_is_none(slice_at):
    (stack,) = find_stacks([slice_at(float(k), frame_of_reference_uid=f"1.9.{k}") for k in range(40)])
    assert {h.frame_of_reference_uid for h in stack.headers} == {None} and len(stack.headers) == 40
    assert [(f.code, f.severity) for f in stack.findings] == [("frames-of-reference-differ", "caution")]


@pytest.mark.parametrize(
    "frame_and_place",
    [
        lambda k: (k // 20, float(k)),  # two scans
        lambda k: (k, float(k // 2)),  # two slices in each place
        lambda k: (k, float(k * k)),  # no regular stack
    ],
)
def test_frames_of_reference_that_mean_something_are_kept(slice_at, frame_and_place):
    places = map(frame_and_place, range(40))
    stacks = find_stacks([slice_at(z, frame_of_reference_uid=f"1.9.{frame}") for frame, z in places])
    assert len(stacks) > 1 and all(stack.findings == () for stack in stacks)


def test_two_patients_or_studies_are_never_one_stack(slice_at):
    for tag in ("patient", "study_instance_uid"):
        for one, other in (("a", "b"), ("a", "")):
            headers = [slice_at(float(k), **{tag: one if k % 2 else other}) for k in range(40)]
            assert [len(s.headers) for s in find_stacks(headers)] == [20, 20]


def test_pixels_to_be_shown_inverted_are_taken_with_a_caution(slice_at):
    (stack,) = find_stacks([slice_at(float(k), photometric="MONOCHROME1") for k in range(12)])
    assert stack.aside is None and [f.code for f in stack.findings] == ["shown-inverted"]
    (palette,) = find_stacks([slice_at(float(k), photometric="PALETTE COLOR") for k in range(12)])
    assert palette.aside == "colour picture"
