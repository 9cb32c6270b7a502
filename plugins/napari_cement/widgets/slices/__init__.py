"""Three linked cuts beside the viewer's own canvas."""

from napari_cement.widgets.slices.slice_views import SliceViews

__all__ = ["SliceViews"]
