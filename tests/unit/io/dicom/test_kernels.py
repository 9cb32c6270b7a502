"""The makers' names of kernels: sharp, soft, or nothing known."""

import pytest

from planner.io.dicom.kernels import sharpness


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("B60f", "sharp"),
        ("B70s", "sharp"),
        ("Br59d", "sharp"),
        ("Br59d 3", "sharp"),
        ("Hr60", "sharp"),
        ("I70f 3", "sharp"),
        ("U90u", "sharp"),
        ("B30f", "soft"),
        ("Br40", "soft"),
        ("H31s", "soft"),
        ("B46f", "medium"),
        ("Bl57", "medium"),
        ("BONE", "sharp"),
        ("BONEPLUS", "sharp"),
        ("EDGE", "sharp"),
        ("STANDARD", "soft"),
        ("SOFT", "soft"),
        ("DETAIL", "medium"),
        ("LUNG", "medium"),
        ("YB", "sharp"),
        ("D", "sharp"),
        ("B", "soft"),
        ("FC30", "sharp"),
        ("FC81", "sharp"),
        ("FC08", "soft"),
        ("FC18-H", "soft"),
        ("FC44", "medium"),
        ("B_SHARP_C", "sharp"),
        ("", "medium"),
        ("9", "medium"),
        ("something new", "medium"),
    ],
)
def test_names(slice_at, kernel, expected):
    assert sharpness(slice_at(0.0, kernel=kernel)) == expected


def test_the_makers_own_word_comes_first(slice_at):
    assert sharpness(slice_at(0.0, kernel="Br40", kernel_group="BONE")) == "sharp"
    assert sharpness(slice_at(0.0, kernel="Br60", kernel_group="CONSTANT_ANGLE")) == "sharp", "the group says nothing"
