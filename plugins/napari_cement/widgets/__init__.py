"""The plugin's widgets: they show what a session tells and pass on what the user wants."""

from napari_cement.widgets.plan_widget import PlanWidget

__all__ = ["PlanWidget"]
