"""The planning station: the plugin's docks, laid out round napari's canvas."""

from dataclasses import dataclass
from typing import Any, TypeVar

from qtpy.QtWidgets import QDockWidget, QWidget

from napari_cement._dock_layout import DockLayout
from napari_cement._own_places import OwnPlaces
from napari_cement._per_viewer import real_viewer
from napari_cement._session import session_of
from napari_cement.widgets.fill import FillPreview
from napari_cement.widgets.fluoroscopy import FluoroscopyDock
from napari_cement.widgets.panel.plan_widget import PlanWidget
from napari_cement.widgets.slices import SliceViews
from planner.config.plan_config import PlanConfig

_Dock = TypeVar("_Dock", bound=QWidget)

PANEL, SLICES, FLUOROSCOPY, FILL = "Cement plan", "Cuts", "Fluoroscopy", "Fill preview"


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """The docks of one viewer.

    Parameters
    ----------
    panel : PlanWidget
        The plan, and what is edited.
    slices : SliceViews
        Three linked cuts.
    fluoroscopy : FluoroscopyDock
        The C-arm.
    fill : FillPreview
        The cement.
    """

    panel: PlanWidget
    slices: SliceViews
    fluoroscopy: FluoroscopyDock
    fill: FillPreview


def open_station(viewer: Any, config: PlanConfig | None = None) -> Station:
    """Open the docks of a viewer; those that are open stay where they are.

    Parameters
    ----------
    viewer : napari.Viewer
        A viewer with a window, or napari's proxy of it.
    config : PlanConfig or None
        The settings, where no session has begun; None for the defaults.

    Returns
    -------
    Station
    """
    real = real_viewer(viewer)
    session_of(real, config)
    # The panel may be there alone, from napari's menu.
    there = [dock_there(real, kind) for kind in (SliceViews, FluoroscopyDock, FillPreview)]
    panel = _dock(real, PlanWidget, PANEL, "right")
    slices = _dock(real, SliceViews, SLICES, "bottom")
    fluoroscopy = _dock(real, FluoroscopyDock, FLUOROSCOPY, "right")
    fill = _dock(real, FillPreview, FILL, "right")
    if there == [None] * len(there):
        DockLayout(real, *(_frame(widget) for widget in (panel, slices, fluoroscopy, fill)))
        OwnPlaces(real)
    return Station(panel, slices, fluoroscopy, fill)


def dock_there(viewer: Any, kind: type[_Dock]) -> _Dock | None:
    """Give the dock of one kind that a window has.

    Parameters
    ----------
    viewer : napari.Viewer
        A viewer with a window.
    kind : type of QWidget
        Which.

    Returns
    -------
    QWidget or None
    """
    docks = viewer.window.dock_widgets.values()
    return next((widget for widget in docks if isinstance(widget, kind)), None)


def _dock(viewer: Any, kind: type[_Dock], name: str, area: str) -> _Dock:
    there = dock_there(viewer, kind)
    if there is not None:
        return there
    widget = kind(viewer)
    viewer.window.add_dock_widget(widget, name=name, area=area, add_vertical_stretch=False)
    return widget


def _frame(widget: QWidget) -> QDockWidget:
    """Give the frame that a widget is docked in."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    assert isinstance(parent, QDockWidget)
    return parent
