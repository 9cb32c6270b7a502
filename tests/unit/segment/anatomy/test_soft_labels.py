"""A canal, an organ or a vessel that is labelled where it cannot be is refused, without a bone's label too."""

import numpy as np
import pytest

from planner.errors import LabelError
from planner.geometry.grid import Grid
from planner.model.anatomy_labels import AnatomyLabels, kind_of
from planner.model.labels import LabelMap, Structure
from planner.model.volume import Volume
from planner.segment.anatomy.label_check import fit_labels

SHAPE = (40, 60, 60)
GRID = Grid(SHAPE, np.array([[0, 0, 4.0, -120], [0, 4.0, 0, -120], [4.0, 0, 0, 0], [0, 0, 0, 1]]))
Z, Y, X = np.indices(SHAPE)


def ct():
    """A patient of soft tissue in air, with gas in the belly."""
    hu = np.where(np.hypot(X - 30, Y - 30) < 22, 40, -1000).astype(np.int16)
    hu[gut()] = -800
    return Volume(GRID, hu)


def gut():
    return np.hypot(X - 30, Y - 24) < 7


def tube(row, column, radius=2.0):
    return np.hypot(X - column, Y - row) <= radius


def label(name, mask):
    kind = kind_of(name)
    assert kind is not None
    structure = Structure(code=1, kind=kind, id=name)
    return AnatomyLabels(LabelMap(GRID, mask.astype(np.uint8), (structure,)), "a kind of file", "labels.nii.gz")


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("canal", tube(44, 30)),
        ("aorta", tube(36, 32)),
        ("colon", gut()),
        ("kidney left", tube(34, 40, 6.0) & (Z > 10) & (Z < 30)),
    ],
)
def test_labels_within_the_patient_are_taken(name, mask):
    assert fit_labels(label(name, mask), ct()).names == (name,)


@pytest.mark.parametrize("name", ["canal", "spinal cord", "aorta", "colon", "lung left"])
def test_labels_in_the_air_about_the_patient_are_refused(name):
    with pytest.raises(LabelError, match=f"100% of the voxels labelled as {name} lie in air"):
        fit_labels(label(name, tube(4, 4)), ct())


def test_a_vessel_in_the_gut_is_refused():
    with pytest.raises(LabelError, match="labelled as aorta lie in air"):
        fit_labels(label("aorta", tube(24, 30)), ct())


@pytest.mark.parametrize(
    ("name", "mask", "why"),
    [
        ("canal", np.ones(SHAPE, bool), "the canal fills 100% of the scan"),
        ("canal", tube(40, 30, 6.0), r"the canal is \d\d cm2 wide"),
        ("spinal cord", tube(40, 30, 6.0) & (Z == 5), r"the spinal cord is \d\d cm2 wide"),
        ("aorta", tube(36, 30, 15.0), r"the aorta has \d{4} mL"),
        ("iliac vein left", tube(36, 30, 15.0), r"the iliac vein left has \d{4} mL"),
    ],
)
def test_labels_too_large_for_what_they_name_are_refused(name, mask, why):
    with pytest.raises(LabelError, match=why):
        fit_labels(label(name, mask), ct())


def test_an_organ_may_be_as_large_as_no_vessel_is():
    assert fit_labels(label("liver", tube(40, 30, 8.0)), ct()).names == ("liver",)
