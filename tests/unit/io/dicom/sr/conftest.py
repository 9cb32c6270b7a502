"""A plan with its segmentation on a small CT, and its report as highdicom reads it again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest

from planner.io import load_scan
from planner.io.dicom.seg import write_seg_on_slices
from planner.io.dicom.sr.document import write_measurements
from planner.model.plan import Plan
from planner.report.review_words import review_line
from tests.unit.io.conftest import make_grid, make_hu, write_bare
from tests.unit.io.dicom.full_plans import make_full_plan


@dataclass(frozen=True)
class Written:
    """A report and what it belongs to."""

    plan: Plan
    path: Path
    labels: pydicom.Dataset
    sr: hd.sr.Comprehensive3DSR

    def group(self, name: str) -> Any:
        """The measurement group of one thing of the plan."""
        content = self.sr.content
        groups = [*content.get_volumetric_roi_measurement_groups(), *content.get_image_measurement_groups()]
        return next(group for group in groups if group.tracking_identifier == name)


@pytest.fixture(scope="session")
def report_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Written]:
    folder = tmp_path_factory.mktemp("sr")
    files = write_bare(folder / "ct", make_hu(), make_grid(), StudyDate="20240229", PatientName="R\u00f6e^Jane",
                       SpecificCharacterSet="ISO_IR 100")  # fmt: skip
    own = load_scan(folder / "ct").own_slices
    codes = np.zeros(own.shape, dtype=np.uint8)
    codes[2, 4:7, 5], codes[1:4, 2:9, 3:5], codes[1:3, 1, 3:5], codes[5:9, 1:4, 10:14] = 1, 5, 7, 8
    seg = folder / "labels.seg.dcm"
    write_seg_on_slices(codes, make_full_plan().labels, own, files, seg, plan=make_full_plan())

    def write_it(name: str = "a.sr.dcm", **changes: Any) -> Written:
        plan = make_full_plan(**changes)
        write_measurements(plan, folder / name, segmentation=seg, review=review_line(plan.review))
        return Written(plan, folder / name, pydicom.dcmread(seg), hd.sr.srread(folder / name))

    return write_it


@pytest.fixture(scope="session")
def written(report_of: Callable[..., Written]) -> Written:
    return report_of()
