"""Truth put together from its files, and label maps brought onto its grid."""

import json
from pathlib import Path

import numpy as np
import pytest

from planner.errors import InputError
from planner.geometry.grid import Grid
from planner.model.labels import LabelMap
from planner.phantoms.score.known_case import CodedPoints, KnownCase, codes_on, known_case, read_known_case


def _written(known: KnownCase, folder: Path) -> dict[str, np.ndarray]:
    x, y, z = _axes(known.grid)
    names = ("label", "breach", "metal", "env", "body", "forbidden", "structures")
    arrays = {"x": x, "y": y, "z": z, **{name: getattr(known, name) for name in names}}
    (folder / "truth.json").write_text(json.dumps(known.document.model_dump(mode="json")))
    np.savez(folder / "truth.npz", **arrays)
    return arrays


def _axes(grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    start = grid.to_lps([0.0, 0.0, 0.0])
    x, y, z = (start[a] + np.arange(grid.shape[2 - a]) * grid.spacing_mm[2 - a] for a in range(3))
    return x, y, z


def test_a_case_is_read_as_it_was_written(known: KnownCase, tmp_path: Path) -> None:
    _written(known, tmp_path)
    read = read_known_case(tmp_path)
    assert read.document == known.document
    assert read.grid.is_same(known.grid)
    assert np.array_equal(read.label, known.label)
    assert read.structures is not None and np.array_equal(read.structures, known.structures)


def test_a_case_without_named_structures_is_read_too(known: KnownCase, tmp_path: Path) -> None:
    arrays = _written(known, tmp_path)
    del arrays["structures"]
    assert known_case(known.document, arrays).structures is None


def test_a_missing_array_is_named(known: KnownCase, tmp_path: Path) -> None:
    arrays = _written(known, tmp_path)
    del arrays["metal"]
    with pytest.raises(InputError, match="lack metal"):
        known_case(known.document, arrays)


def test_a_missing_file_is_refused(known: KnownCase, tmp_path: Path) -> None:
    _written(known, tmp_path)
    (tmp_path / "truth.npz").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        read_known_case(tmp_path)


def test_points_outside_of_the_grid_get_what_is_asked_for(known: KnownCase) -> None:
    found = known.at(known.body, np.array([[0.0, 0.0, 10.0], [0.0, 0.0, 500.0]]), outside=0)
    assert found.tolist() == [True, False]


def test_the_skin_is_where_the_body_ends_and_not_where_the_picture_does(known: KnownCase) -> None:
    assert set(known.skin_points.points_lps[:, 1]) == {50.0}


def test_no_voxel_is_infinitely_far() -> None:
    none = CodedPoints(np.zeros((0, 3)), np.zeros(0, dtype=np.uint8))
    distance, codes = none.nearest(np.zeros((2, 3)))
    assert np.isinf(distance).all() and codes.tolist() == [0, 0]


def test_labels_of_another_grid_fall_on_the_same_places(labels: LabelMap, known: KnownCase) -> None:
    """Turned round and stored in another order of axes: nothing may move."""
    matrix = labels.grid.lps_from_index.copy()
    codes = labels.codes.transpose(2, 0, 1)[::-1]
    turned = matrix.copy()
    turned[:3, 0], turned[:3, 1], turned[:3, 2] = -matrix[:3, 2], matrix[:3, 0], matrix[:3, 1]
    turned[:3, 3] = matrix[:3, 3] + (labels.grid.shape[2] - 1) * matrix[:3, 2]
    other = LabelMap(Grid(codes.shape, turned), np.ascontiguousarray(codes), labels.structures)
    assert np.array_equal(codes_on(other, known.grid), labels.codes)


def test_outside_of_the_label_map_there_is_nothing(labels: LabelMap) -> None:
    bigger = labels.grid.lps_from_index.copy()
    bigger[:3, 3] -= bigger[:3, 0] * 5
    grid = Grid((labels.grid.shape[0] + 10, *labels.grid.shape[1:]), bigger)
    moved = codes_on(labels, grid)
    assert not moved[:5].any() and not moved[-5:].any()
    assert np.array_equal(moved[5:-5], labels.codes)
