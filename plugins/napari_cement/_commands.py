"""What napari's menus offer of ours; napari gives the viewer."""

from napari.viewer import Viewer

from napari_cement._station import open_station


def open_planning_station(viewer: Viewer) -> None:
    """Open the plan, the cuts, the C-arm and the fill preview round the viewer's canvas."""
    open_station(viewer)
