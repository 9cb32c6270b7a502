"""The plugin's widgets: they show what a session tells and pass on what the user wants."""

from napari_cement.widgets.panel.plan_widget import PlanWidget
from napari_cement.widgets.slices.slice_views import SliceViews

__all__ = ["PlanWidget", "SliceViews"]
