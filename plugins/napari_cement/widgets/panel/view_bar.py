"""Buttons for the views of napari's own canvas."""

from typing import Any

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QWidget

from napari_cement._display import VIEWS, display_of

_TIPS = {
    "axial": "Show axial slices in the large view, seen from the feet",
    "coronal": "Show coronal slices in the large view, seen from the front",
    "sagittal": "Show sagittal slices in the large view, seen from the left",
    "3d": "Show surfaces in 3D, seen from the side where the needles come from",
}


class ViewBar(QWidget):
    """Chooses the view of napari's canvas.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        display = display_of(viewer)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.buttons: dict[str, QPushButton] = {}
        for view in VIEWS:
            button = QPushButton(view.upper() if view == "3d" else view.capitalize())
            button.setToolTip(_TIPS[view])
            button.setAccessibleName(_TIPS[view])
            button.clicked.connect(lambda checked=False, view=view: display_of(viewer).show(view))
            row.addWidget(button)
            self.buttons[view] = button
        self.volume = QCheckBox("CT in 3D")
        self.volume.setToolTip("Draw the CT's brightest voxels among the surfaces: slow without a graphics card")
        self.volume.toggled.connect(display.visibility.show_scans_in_3d)
        row.addWidget(self.volume)
