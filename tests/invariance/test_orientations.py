"""All 24 ways that DICOM can order the axes of one CT: the same voxels in the patient, the same plan and labels."""

from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.config.plan_config import PlanConfig
from planner.fluoro.views import view_at
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.io import load_scan
from planner.io.dicom.seg import read_seg
from planner.io.nifti import read_label_nifti
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.model.volume import Volume
from planner.pipeline import (
    PlannedCase,
    estimate_volumes,
    find_breaches,
    plan,
    plan_scan,
    render_view,
    write_plan_files,
)
from planner.pipeline.outputs import own_labels

POSITIONS = {
    "+L+P": "HFS",
    "-L-P": "HFP",
    "+P-L": "HFDR",
    "-P+L": "HFDL",
    "-L+P": "FFS",
    "+L-P": "FFP",
    "-P-L": "FFDR",
    "+P+L": "FFDL",
}
"""Where rows run to (along the table's width), then columns (down): what a scanner writes of a patient who lies so."""
_AXES = "SPL"


def _orientations() -> dict[str, tuple[tuple[int, ...], tuple[bool, ...]]]:
    """The orders and senses whose slices advance along row x column, by where rows and columns run to."""
    out = {}
    to_lps = np.eye(3)[:, ::-1]
    for order, backwards in product(permutations(range(3)), product((False, True), repeat=3)):
        slices, rows, columns = (to_lps[:, order] * np.where(backwards, -1, 1)).T
        if np.allclose(np.cross(columns, rows), slices):
            signs = ["-" if back else "+" for back in backwards]
            out[f"{signs[2]}{_AXES[order[2]]}{signs[1]}{_AXES[order[1]]}"] = (order, backwards)
    return out


ORIENTATIONS = _orientations()


def test_there_are_24_and_eight_of_them_are_lying_patients() -> None:
    assert len(ORIENTATIONS) == 24
    assert set(POSITIONS) < set(ORIENTATIONS)


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_the_same_voxels_plan_and_labels(
    name: str,
    tmp_path: Path,
    ct: Volume,
    planned: PlannedCase,
    stored: Callable[..., Volume],
    write: Callable[..., list[Path]],
    loads_as: Callable[..., Scan],
    differences: Callable[[Plan, Plan], list[tuple[str, float]]],
) -> None:
    turned = stored(ct, *ORIENTATIONS[name])
    position = POSITIONS.get(name, "HFS")
    write(tmp_path, turned, PatientPosition=position)
    scan = loads_as(tmp_path, ct)
    assert scan.series.patient_position == position
    case = plan_scan(scan, PlanConfig())
    assert case.plan.gaps
    assert case.plan.breaches
    assert case.plan.trajectories
    assert [where for where, by in differences(planned.plan, case.plan) if by > 1e-6] == []
    # The plan tells the file's own shape; the labels come out on the file's own voxels.
    assert case.plan.series.shape_zyx == turned.grid.shape
    assert case.plan.series.spacing_mm == pytest.approx(turned.grid.spacing_mm)
    labels = own_labels(case)
    assert labels.grid.is_same(turned.grid)
    back = Volume(labels.grid, np.asarray(labels.codes).astype(np.int16)).in_patient_axes()
    assert np.array_equal(back.hu, planned.labels.codes)


@pytest.mark.parametrize("name", ["+P-S", "-L+P"])
def test_label_files_lie_on_the_dicoms_own_voxels(
    name: str,
    tmp_path: Path,
    ct: Volume,
    planned: PlannedCase,
    stored: Callable[..., Volume],
    write: Callable[..., list[Path]],
) -> None:
    turned = stored(ct, *ORIENTATIONS[name])
    write(tmp_path / "ct", turned)
    (tmp_path / "out").mkdir()
    case = plan_scan(load_scan(tmp_path / "ct"), PlanConfig())
    write_plan_files(case, tmp_path / "out", PlanConfig(), figures=False)
    for labels in (
        read_label_nifti(tmp_path / "out" / "labels.nii.gz"),
        read_seg(tmp_path / "out" / "labels.seg.dcm", turned.grid),
    ):
        assert labels.grid.is_same(turned.grid)
        back = Volume(labels.grid, np.asarray(labels.codes).astype(np.int16)).in_patient_axes()
        assert np.array_equal(back.hu, planned.labels.codes)


def test_a_ct_in_memory_is_planned_on_as_a_file_is(
    ct: Volume,
    planned: PlannedCase,
    stored: Callable[..., Volume],
    differences: Callable[[Plan, Plan], list[tuple[str, float]]],
) -> None:
    """Also one of the other hand, as NIfTI holds it, and in 32-bit numbers."""
    left_handed = stored(ct, (0, 1, 2), (False, False, True))
    assert np.linalg.det(left_handed.grid.lps_from_index) > 0 > np.linalg.det(ct.grid.lps_from_index)
    wide = Volume(left_handed.grid, left_handed.hu.astype(np.float32))
    for volume in (left_handed, wide):
        found = differences(planned.plan, plan(volume))
        assert [where for where, by in found if by > 1e-6] == []
    # what cement does is the plan's alone to tell: neither of these lets it run
    course = {"expected_fill_ml", "reached", "leak_after_ml", "stop_ml"}
    alone = (*estimate_volumes(left_handed), *find_breaches(left_handed))
    in_plan = (*planned.plan.gaps, *planned.plan.breaches)
    assert [one.model_dump(exclude=course) for one in alone] == [one.model_dump(exclude=course) for one in in_plan]
    assert all(getattr(one, name, None) is None for one in alone for name in course)
    assert any(getattr(one, name, None) is not None for one in in_plan for name in course)


def test_a_view_is_the_same_from_any_storage(ct: Volume, planned: PlannedCase, stored: Callable[..., Volume]) -> None:
    turned = stored(ct, *ORIENTATIONS["+P-S"])
    carm = view_at(ct.grid.centre_lps, primary_deg=25.0, secondary_deg=-10.0, config=FluoroConfig())
    one, other = render_view(ct, carm, planned), render_view(turned, carm, planned)
    assert one.attenuation.any()
    assert np.array_equal(one.attenuation, other.attenuation)
    assert np.array_equal(one.cut, other.cut)


@pytest.mark.parametrize(
    "spoil", ["one slice a column to the side", "slices in reverse", "another spacing", "mirrored"]
)
def test_a_ct_that_is_not_the_same_is_noticed(
    spoil: str,
    tmp_path: Path,
    ct: Volume,
    planned: PlannedCase,
    write: Callable[..., list[Path]],
    loads_as: Callable[..., Scan],
    differences: Callable[[Plan, Plan], list[tuple[str, float]]],
) -> None:
    hu, matrix = np.array(ct.hu), ct.grid.lps_from_index.copy()
    if spoil == "one slice a column to the side":
        hu[20] = np.roll(hu[20], 1, axis=1)
    elif spoil == "slices in reverse":
        hu = hu[::-1]
    elif spoil == "another spacing":
        matrix[:3, 0] *= 1.02
    else:
        hu = hu[:, :, ::-1]
    wrong = Volume(Grid(ct.grid.shape, matrix, ct.grid.frame_of_reference_uid), hu)
    write(tmp_path, wrong)
    with pytest.raises(AssertionError):
        loads_as(tmp_path, ct)
    loads_as(tmp_path, wrong)
    assert max(by for _, by in differences(planned.plan, plan(wrong))) > 1e-3


def test_an_oblique_ct_is_the_same_in_any_order(
    tmp_path: Path, ct: Volume, stored: Callable[..., Volume], write: Callable[..., list[Path]]
) -> None:
    """Turned by 23 degrees the numbers of the geometry have no end: they are written with the digits that DICOM has."""
    matrix = ct.grid.lps_from_index.copy()
    matrix[:3] = rotation_about((0.3, 0.5, 0.8), 23) @ matrix[:3]
    oblique = Volume(Grid(ct.grid.shape, matrix, ct.grid.frame_of_reference_uid), ct.hu)
    for name in ("+L+P", "-L-P", "+P-S", "-S+L"):
        write(tmp_path / name, stored(oblique, *ORIENTATIONS[name]))
        found = load_scan(tmp_path / name).in_patient_axes().volume
        assert np.array_equal(found.hu, ct.hu)
        assert np.abs(found.grid.lps_from_index - matrix).max() < 1e-8
