import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QWidget

from napari_cement._station import dock_there, open_station
from napari_cement.widgets.fluoroscopy import FluoroscopyDock
from napari_cement.widgets.panel.legend import Legend
from napari_cement.widgets.panel.plan_widget import PlanWidget
from napari_cement.widgets.slices import SliceViews


@pytest.fixture
def opened(make_napari_viewer, qtbot):
    def at(width, height):
        viewer = make_napari_viewer(show=True)
        viewer.window._qt_window.resize(width, height)
        qtbot.wait(50)
        return viewer, open_station(viewer)

    return at


def frame(widget):
    return widget.parentWidget()


def test_the_docks_are_opened_once(opened):
    viewer, station = opened(1280, 800)
    assert open_station(viewer).panel is station.panel is dock_there(viewer, PlanWidget)


def test_a_low_and_narrow_window_is_not_pushed_beyond_the_screen(opened, qtbot):
    viewer, station = opened(1280, 800)
    main = viewer.window._qt_window
    qtbot.wait(50)
    assert main.minimumSizeHint().height() <= 800
    assert main.minimumSizeHint().width() <= 1280
    layers, controls = viewer.window._qt_viewer.dockLayerList, viewer.window._qt_viewer.dockLayerControls
    assert controls in main.tabifiedDockWidgets(layers)
    assert frame(station.fluoroscopy) in main.tabifiedDockWidgets(frame(station.panel))
    assert not station.panel.findChild(Legend).button.isChecked()


@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize("width", [1280, 1900])
def test_cuts_that_are_opened_again_come_back_below_the_canvas(opened, qtbot, width, is_closed):
    """As napari's menu opens them: it puts them below the panel, where a low window grows beyond the screen."""
    viewer, station = opened(width, 800)
    main = viewer.window._qt_window
    old = frame(station.slices)
    if is_closed:
        old.destroyOnClose()
    else:
        old.hide()
    qtbot.wait(50)
    again = viewer.window.add_dock_widget(SliceViews(viewer), name="Cuts (again)", add_vertical_stretch=False)
    qtbot.waitUntil(lambda: main.dockWidgetArea(again) == Qt.DockWidgetArea.BottomDockWidgetArea)
    qtbot.waitUntil(lambda: main.height() == 800)
    there = [dock for dock in main.findChildren(QDockWidget) if isinstance(dock.widget(), SliceViews)]
    assert there == [again]
    assert again.isVisible()
    assert "Cuts" not in viewer.window.dock_widgets


def test_a_c_arm_that_is_opened_again_comes_back_beside_the_panel_and_other_docks_stay(opened, qtbot):
    viewer, station = opened(1280, 800)
    main = viewer.window._qt_window
    frame(station.fluoroscopy).destroyOnClose()
    again = viewer.window.add_dock_widget(FluoroscopyDock(viewer), name="Fluoroscopy (again)")
    other = viewer.window.add_dock_widget(QWidget(), name="another plugin's", area="left")
    qtbot.waitUntil(lambda: again in main.tabifiedDockWidgets(frame(station.panel)))
    qtbot.waitUntil(lambda: main.height() == 800)
    assert main.dockWidgetArea(other) == Qt.DockWidgetArea.LeftDockWidgetArea
    assert dock_there(viewer, PlanWidget) is station.panel


def test_cuts_side_by_side_need_one_rows_height(opened, qtbot):
    _, station = opened(1280, 800)
    qtbot.wait(300)
    assert frame(station.slices).minimumSizeHint().height() < 250


def test_a_wide_window_has_the_c_arm_beside_the_panel(opened):
    viewer, station = opened(1900, 1050)
    main = viewer.window._qt_window
    if main.width() < 1900:
        pytest.skip("the screen is too small")
    assert frame(station.fluoroscopy) not in main.tabifiedDockWidgets(frame(station.panel))
    assert station.panel.findChild(Legend).button.isChecked()


def test_layer_docks_that_a_person_moved_stay(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    main, layers = viewer.window._qt_window, viewer.window._qt_viewer.dockLayerList
    main.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, layers)
    open_station(viewer)
    assert viewer.window._qt_viewer.dockLayerControls not in main.tabifiedDockWidgets(layers)


def test_a_window_that_is_made_large_when_it_is_shown_has_the_c_arm_beside_the_panel(make_napari_viewer, qtbot):
    """As `cement-planner view` opens it; then the docks are the user's."""
    viewer = make_napari_viewer(show=False)
    main = viewer.window._qt_window
    main.resize(640, 480)
    station = open_station(viewer)
    panel, c_arm = frame(station.panel), frame(station.fluoroscopy)
    assert c_arm in main.tabifiedDockWidgets(panel)
    main.show()
    main.resize(1900, 1050)
    qtbot.wait(50)
    if main.width() < 1900:
        pytest.skip("the screen is too small")
    qtbot.waitUntil(lambda: c_arm not in main.tabifiedDockWidgets(panel))
    qtbot.waitUntil(lambda: panel.width() == 500 and abs(frame(station.slices).height() - 525) < 40)
    assert station.panel.findChild(Legend).button.isChecked()
    qtbot.wait(1600)
    main.tabifyDockWidget(panel, c_arm)
    main.resize(1880, 1050)
    qtbot.wait(300)
    assert c_arm in main.tabifiedDockWidgets(panel)
