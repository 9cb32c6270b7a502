"""The dock "Fill preview": how a simulated injection goes on."""

from napari_cement.widgets.fill.fill_widget import FillPreview

__all__ = ["FillPreview"]
