"""Slices stay together where they make one regular stack, and are told apart where passes are mixed."""

import numpy as np
import pytest

from planner.io.dicom.passes import split_passes

UP = np.array([0.0, 0.0, 1.0])


def split(*runs):
    """Split the slices of several runs, shuffled; give the places of each part, and the values of a tag."""
    headers = [header for run in runs for header in run]
    np.random.default_rng(3).shuffle(headers)
    parts = split_passes(headers, UP)
    assert sum(map(len, parts)) == len(headers)
    return sorted((sorted(h.position_lps[2] for h in part) for part in parts), key=lambda z: (z[0], len(z)))


@pytest.fixture
def run(slice_at):
    def make(start, stop, step=1.0, **tags):
        return [slice_at(float(z), **tags) for z in np.arange(start, stop, step)]

    return make


def test_one_pass_stays_whole(run):
    assert len(split(run(0, 20))) == 1


def test_an_acquisition_a_slice_is_step_and_shoot(run):
    steps = [slice_ for n in range(20) for slice_ in run(n, n + 1, acquisition_number=str(n + 1))]
    assert len(split(steps)) == 1


def test_four_slices_a_step_are_one_stack(run):
    assert len(split(*(run(4 * n, 4 * n + 4, acquisition_number=str(n)) for n in range(6)))) == 1


def test_two_acquisitions_that_abut_are_one_stack(run):
    assert len(split(run(0, 20, acquisition_number="1"), run(20, 31, acquisition_number="2"))) == 1


def test_two_acquisitions_with_a_slice_missing_between_are_left_to_the_geometry(run):
    assert len(split(run(0, 20, acquisition_number="1"), run(21, 31, acquisition_number="2"))) == 1


@pytest.mark.parametrize(
    "tag",
    [
        {"temporal_position": "2"},
        {"cardiac_phase": 75.0},
        {"acquisition_number": "2"},
        {"image_type": ("ORIGINAL", "PRIMARY", "AXIAL", "DET_B")},
        {"stack_id": "B"},
        {"slice_thickness_mm": 3.0},
        {"trigger_time": 400.0},
        {"acquisition_time": "120001"},
        {"content_time": "120001"},
    ],
)
def test_two_passes_over_the_same_places_are_told_apart(run, tag):
    first, second = split(run(0, 20), run(0, 19, **tag))
    assert (len(first), len(second)) == (19, 20)


def test_two_energies_at_two_times_are_four_stacks(run):
    def energy(name):
        return ("ORIGINAL", "PRIMARY", "AXIAL", name)

    runs = [run(0, 12, temporal_position=t, image_type=energy(e)) for t in "12" for e in ("A", "B")]
    assert [len(part) for part in split(*runs)] == [12] * 4


def test_acquisitions_that_overlap_partly_are_split(run):
    first, second = split(run(0, 20, acquisition_number="1"), run(15, 40, acquisition_number="2"))
    assert (first[-1], second[0]) == (19, 15)


def test_acquisitions_that_overlap_between_each_others_slices_are_split(run):
    first, second = split(run(0, 20, acquisition_number="1"), run(15.5, 40, acquisition_number="2"))
    assert (first[-1], second[0]) == (19, 15.5)


def test_two_interleaved_arms_are_split(run):
    even, odd = split(run(0, 40, 2, acquisition_number="1"), run(1, 41, 2, acquisition_number="2"))
    assert even[1] - even[0] == odd[1] - odd[0] == 2


def test_an_acquisition_number_that_strays_within_a_regular_stack_splits_nothing(run):
    assert len(split(run(0, 8), run(8, 11, acquisition_number="2"), run(11, 20))) == 1


def test_two_sides_in_one_series_are_split(run):
    right_side = [h for z in range(20) for h in run(z, z + 1, position_lps=(60.0, -100.0, float(z)))]
    parts = split_passes([*run(0, 20), *right_side], UP)
    assert sorted({h.position_lps[0] for h in part} for part in parts) == [{-100.0}, {60.0}]


def test_blocks_far_apart_are_stacks_of_their_own(run):
    neck, loin = split(run(400, 460, acquisition_number="1"), run(0, 80, acquisition_number="2"))
    assert (len(neck), len(loin)) == (80, 60)


def test_blocks_of_another_slice_distance_are_stacks_of_their_own(run):
    fine, coarse = split(run(0, 30, 2.5, slice_thickness_mm=2.5), run(30, 80, 5, slice_thickness_mm=5.0))
    assert (len(fine), len(coarse)) == (12, 10)


def test_a_gap_within_one_acquisition_is_no_second_block(run):
    assert len(split(run(0, 20), run(25, 40))) == 1


def test_slices_without_a_place_stay_together(run):
    nowhere = run(0, 20, position_lps=None)
    assert split_passes(nowhere, UP) == [nowhere]


def test_times_of_a_few_slices_each_are_no_passes(run):
    both = [h for first in (0, 100) for z in range(24) for h in run(z, z + 1, content_time=str(first + z // 4))]
    assert len(split(both)) == 1


def test_a_copy_of_an_image_is_no_second_pass(run):
    assert len(split(run(0, 20), run(0, 20))) == 1


def test_what_nothing_tells_apart_stays_together(run):
    # the geometry then refuses it: two different images in one place
    doubled = run(0, 20, sop_instance_uid="")
    again = [
        type(h)(**{n: getattr(h, n) for n in h.__slots__} | {"sop_instance_uid": str(k)}) for k, h in enumerate(doubled)
    ]
    assert len(split(doubled, again)) == 1


def test_times_that_count_up_slice_by_slice_are_no_passes(run):
    first = [h for z in range(20) for h in run(z, z + 1, content_time=str(z))]
    second = [h for z in range(20) for h in run(z, z + 1, content_time=str(100 + z))]
    assert len(split(first, second)) == 1


def test_multi_frame_files_that_go_on_from_each_other_are_one_stack(run, tmp_path):
    parts = [run(10 * n, 10 * n + 10, frames=10, path=tmp_path / str(n)) for n in range(3)]
    assert len(split(*parts)) == 1


def test_multi_frame_files_over_the_same_places_are_not_mixed(run, tmp_path):
    parts = [run(0, 10, frames=10, path=tmp_path / str(n)) for n in range(3)]
    assert len(split(*parts)) == 3


def test_a_leaning_stack_of_steps_is_one(slice_at):
    leaning = [slice_at(float(z), position_lps=(0.0, 0.3 * z, float(z)), acquisition_number=str(z)) for z in range(20)]
    assert len(split_passes(leaning, UP)) == 1
