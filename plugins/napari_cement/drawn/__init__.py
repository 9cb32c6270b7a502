"""What is drawn into napari's canvas: a plan, its needles, the operator's wishes."""
