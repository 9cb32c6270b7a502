import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.labels import LabelMap, Structure
from planner.model.volume import Volume
from planner.segment.anatomy.labelled_canal import canal_of_labels

GRID = Grid((60, 60, 60), np.array([[0, 0, 1.0, -30], [0, 1.0, 0, -30], [1.0, 0, 0, 0], [0, 0, 0, 1]]))


def scene(name="canal", stop=50):
    """A tube round (5, -2) mm with radius 8 mm; bone about it, but not behind."""
    z, y, x = np.indices(GRID.shape)
    away = np.hypot(x - 35, y - 28)
    tube = (away <= 8) & (z >= 5) & (z < stop)
    hu = np.where((away > 9) & (away < 14) & (y < 34), 500, 40).astype(np.int16)
    labels = LabelMap(GRID, tube.astype(np.uint8), (Structure(code=1, kind="canal", id=name),))
    return AnatomyLabels(labels, "DICOM Segmentation", "x.dcm"), Volume(GRID, hu)


def test_the_labelled_canal_has_its_middle_its_walls_and_its_gap_behind():
    canal = canal_of_labels(*scene())
    assert canal is not None
    assert canal.centre_lps[[0, -1]] == pytest.approx(np.array([[5, -2, 5], [5, -2, 49]]), abs=0.1)
    assert np.median(canal.radii_mm) == pytest.approx(8, abs=0.7)
    behind, front = canal.closed[:, 9], canal.closed[:, 27]
    assert front.all() and not behind.any()
    assert 0.3 < canal.score < 0.95
    labels, _ = scene()
    mask = canal.mask(GRID).voxels
    assert np.count_nonzero(mask & (labels.labels.codes > 0)) > 0.95 * np.count_nonzero(labels.labels.codes)


def test_a_cord_or_a_short_piece_is_no_canal():
    assert canal_of_labels(*scene(name="spinal cord")) is None
    assert canal_of_labels(*scene(stop=25)) is None
