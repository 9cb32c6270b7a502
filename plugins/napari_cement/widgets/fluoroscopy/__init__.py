"""The dock "Fluoroscopy": a C-arm to be turned."""

from napari_cement.widgets.fluoroscopy.fluoroscopy_dock import FluoroscopyDock

__all__ = ["FluoroscopyDock"]
