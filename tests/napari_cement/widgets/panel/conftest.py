"""The panel in a viewer."""

import pytest


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def widget(viewer):
    _, widget = viewer.window.add_plugin_dock_widget("periprosthetic-cement-planner", "Cement plan")
    return widget
