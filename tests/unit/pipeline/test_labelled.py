"""Labels are read, held against the CT, and name a plan's levels."""

import numpy as np
import pytest

from planner.errors import LabelError
from planner.geometry.grid import Grid
from planner.io.nifti import write_label_nifti
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.implant import Implant
from planner.model.labels import LabelMap, Structure
from planner.model.plan import Plan, Review, Software
from planner.model.volume import Volume
from planner.pipeline.labelled import fitted_labels, levelled
from planner.pipeline.scripted import plan, scan_of

SHAPE = (60, 40, 40)
GRID = Grid(SHAPE, np.array([[0, 0, 2.0, -40], [0, 2.0, 0, -20], [2.0, 0, 0, 0], [0, 0, 0, 1]]))


def scene():
    codes = np.zeros(SHAPE, np.uint8)
    codes[34:48, 10:32, 8:32], codes[17:31, 10:32, 8:32] = 22, 23
    hu = np.random.default_rng(2).normal(40, 20, SHAPE)
    hu[codes > 0] += 250
    hu[:, :4] = -1000
    return codes, Volume(GRID, np.rint(hu).astype(np.int16))


def test_no_labels_are_no_labels():
    assert fitted_labels(None, scan_of(scene()[1])) is None


def test_a_file_is_read_and_fitted(tmp_path):
    codes, ct = scene()
    write_label_nifti(LabelMap(GRID, codes, ()), tmp_path / "v.nii.gz")
    fitted = fitted_labels(str(tmp_path / "v.nii.gz"), scan_of(ct))
    assert fitted is not None and set(fitted.names) == {"vertebra L3", "vertebra L4"}
    assert np.array_equal(fitted.mask("vertebra L3").voxels, codes == 22)


def test_labels_of_another_ct_are_refused_before_anything_is_planned(tmp_path):
    codes, ct = scene()
    write_label_nifti(LabelMap(GRID, np.roll(codes, 8, 1), ()), tmp_path / "v.nii.gz")
    # The CT has no implant: a plan would end with NoImplantError.
    with pytest.raises(LabelError, match="Moved by 16 mm forwards it would fit"):
        plan(ct, labels=tmp_path / "v.nii.gz")


def test_a_plan_gets_levels_and_says_from_where():
    codes, _ = scene()
    structures = tuple(Structure(code=c, kind="bone", id=f"vertebra {n}") for c, n in ((22, "L3"), (23, "L4")))
    labels = AnatomyLabels(LabelMap(GRID, codes, structures), "DICOM Segmentation", "x.dcm")
    cement = Implant(
        id="cement-1", kind="cement", volume_ml=2, centroid_lps=tuple(map(float, GRID.to_lps((24, 20, 20)))), axis=None,
        bulls_eye=None, side=None, level=None, material="pmma", loosening=None,
    )  # fmt: skip
    made = Plan(
        software=Software(name="cement-planner", version="0"), review=Review(), series=scan_of(scene()[1]).series,
        treatment_position="HFP", settings_sha256="0" * 64, implants=(cement,), gaps=(),
    )  # fmt: skip
    told = levelled(made, labels)
    assert told.implants[0].level == "L4" and made.implants[0].level is None
    assert [f.code for f in told.findings] == ["labels-taken"]
    assert "x.dcm (DICOM Segmentation): the levels of 1 implant(s)" in told.findings[0].message
