"""What napari is told of this plugin, and that it can be had."""

from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManager, PluginManifest

import napari_cement
from napari_cement._focus import Shown, focus_of
from napari_cement._station import dock_there
from napari_cement._writer import write_painted_gaps
from napari_cement.edit.gap_brush import GapBrush
from napari_cement.widgets import PlanWidget
from planner.errors import UsageError
from planner.io.labels.gap_labels import load_gap_labels
from planner.model.labels import LabelMap

PLUGIN = "periprosthetic-cement-planner"


@pytest.fixture
def manifest():
    return PluginManifest.from_file(Path(napari_cement.__file__).with_name("napari.yaml"))


def test_it_is_valid_and_all_that_it_names_is_there(manifest):
    manifest.validate_imports()
    assert manifest.name == PLUGIN
    assert [w.display_name for w in manifest.contributions.widgets] == [
        "Cement plan", "Cuts", "Fluoroscopy", "Fill preview",
    ]  # fmt: skip
    used = {c.command for c in (*manifest.contributions.readers, *manifest.contributions.writers)}
    assert used <= {command.id for command in manifest.contributions.commands}


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("a.nii", True), ("a.nii.gz", True), ("a.nrrd", True), ("a.mha", True), ("a.MHD", True), ("a.ima", True),
        ("a.IMA", True), ("a.gz", False), ("a.tif", False), ("a.png", False),
    ],
)  # fmt: skip
def test_which_files_are_looked_at(manifest, name, taken, tmp_path):
    manager = PluginManager()
    manager.register(manifest)
    assert any(manager.iter_compatible_readers([str(tmp_path / name)])) is taken


def test_the_station_is_opened_from_the_menu(make_napari_viewer):
    from napari._app_model import get_app_model

    viewer = make_napari_viewer()
    command = f"{PLUGIN}.open_station"
    items = get_app_model().menus.get_menu("napari/layers/visualize")
    assert command in [item.command.id for item in items if hasattr(item, "command")]
    get_app_model().commands.execute_command(command).result()
    assert dock_there(viewer, PlanWidget) is not None


@pytest.fixture
def painted(make_napari_viewer, scan, plan, labels):
    from planner.pipeline import PlannedCase

    viewer = make_napari_viewer()
    labels = LabelMap(scan.volume.grid, labels.codes, labels.structures)
    focus_of(viewer).set_shown(Shown(scan, plan, labels, PlannedCase(plan, scan, None, labels, None)))
    brush = GapBrush(viewer)
    assert brush.begin()
    brush.layer.data[21, 26:28, 40] = 0
    return viewer, brush, labels


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_painted_gaps_are_saved_as_planning_takes_them(painted, tmp_path, suffix):
    viewer, brush, labels = painted
    file = tmp_path / f"mine{suffix}"
    viewer.layers.selection = {brush.layer}
    assert viewer.layers.save(str(file), selected=True, plugin=PLUGIN) == [str(file)]
    read = load_gap_labels(file)
    wanted = np.where(labels.codes == 2, 1, 0)
    wanted[21, 26:28, 40] = 0
    assert np.array_equal(np.asarray(read.labels.codes) > 0, wanted > 0)
    assert read.labels.grid.is_same(labels.grid)


def test_other_layers_are_no_gaps(painted, tmp_path):
    viewer, _, _ = painted
    other = viewer.add_labels(np.ones((3, 4, 5), np.uint8), name="somebody's cells")
    data, meta, _ = other.as_layer_data_tuple()
    with pytest.raises(UsageError, match="holds no painted gaps"):
        write_painted_gaps(str(tmp_path / "cells.nrrd"), data, meta)
    assert not list(tmp_path.glob("cells*"))
