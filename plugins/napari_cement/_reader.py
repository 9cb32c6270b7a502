"""npe2 reader: a CT (DICOM in a folder, DICOMDIR, zip or file; NIfTI, NRRD, MetaImage), and a plan's folder.

In a window that a person sees, what is dropped is loaded in the background; for scripts it is read here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_cement._layers import LayerData, ct_layers
from napari_cement.drawn.plan_layers import plan_layers
from planner.model.labels import LabelMap
from planner.model.plan import Plan
from planner.station.keeping.dropped import may_be_ct
from planner.station.keeping.plan_folder import open_plan_folder, plan_file
from planner.station.keeping.shown_scans import load_scans

Reader = Callable[[str | list[str]], list[LayerData]]

NO_LAYER: list[Any] = [(None,)]
"""npe2's word for a file that was read, and gave no layer."""
_OTHERS, _OTHERS_FILES = (".zarr", ".n5"), (".zattrs", ".zgroup", ".zarray", "zarr.json")
"""Folders that are one image to other readers."""


def get_reader(path: str | list[str]) -> Reader | None:
    """Offer to read a path.

    Parameters
    ----------
    path : str or list of str
        What was dropped onto napari.

    Returns
    -------
    Reader or None
        None, cheaply, for what holds neither a plan nor, by a look at a few of its files, a CT; label maps are none.
        What is in a CT's folder in full is looked at when it is read, with progress and a way to stop it. In a window
        that is a planning station any folder is taken: the station says in its own words why there is nothing in it.
    """
    if not isinstance(path, str):
        return None
    where = Path(path)
    if plan_file(where) is not None:
        return read_plan_folder
    return read_scan_folder if may_be_ct(where) or (_is_told_of(where) and _is_station()) else None


def read_scan_folder(path: str | list[str]) -> list[LayerData]:
    """Read the CT of a folder, a DICOMDIR, a zip or a file.

    Parameters
    ----------
    path : str or list of str
        Where it is.

    Returns
    -------
    list of LayerData
        The CT, and hidden the same scan with metal artefact reduction where that lies beside it; npe2's word for "no
        layer" where it is loaded in the background.

    Raises
    ------
    InputError
        If it holds no CT that can be read rightly.
    """
    where = Path(_single(path))
    if hand_over(where):
        return NO_LAYER
    put_viewer_right()
    scan, alternative = load_scans(where)
    return ct_layers(scan, alternative, name=f"CT {where.name}")


def read_plan_folder(path: str | list[str]) -> list[LayerData]:
    """Read a plan's folder: the plan and its labels. The CT is not in it.

    Parameters
    ----------
    path : str or list of str
        The folder, or its ``plan.json``.

    Returns
    -------
    list of LayerData

    Raises
    ------
    InputError
        If the plan or its labels cannot be read.
    """
    where = Path(_single(path))
    if hand_over(where):
        return NO_LAYER
    plan, labels = load_plan_folder(where)
    put_viewer_right()
    return plan_layers(plan, labels, with_bone=True)


def load_plan_folder(where: Path) -> tuple[Plan, LabelMap | None]:
    """Load a plan's folder.

    Parameters
    ----------
    where : Path
        The folder, or its ``plan.json``.

    Returns
    -------
    Plan, LabelMap or None
        None where no ``labels.nii.gz`` lies beside the plan.

    Raises
    ------
    InputError
        If the plan or its labels cannot be read.
    """
    opened = open_plan_folder(where)
    return opened.plan, opened.labels


def hand_over(where: Path) -> bool:
    """Let the station load something in the background, with its progress and a way to stop it.

    Parameters
    ----------
    where : Path
        A CT, or a plan's folder.

    Returns
    -------
    bool
        False, and nothing was done, where nobody sees a window: a script waits for its layers.
    """
    viewer = _seen_viewer()
    if viewer is None:
        return False
    # They load the widgets: not while napari asks who reads a file.
    from napari_cement._station import open_station
    from napari_cement.widgets.opening.opening import opening_of

    open_station(viewer)
    opening_of(viewer).open(where)
    return True


def _seen_viewer() -> Any | None:
    """Give the viewer whose window a person sees; None in a script."""
    from napari import current_viewer

    viewer = current_viewer()
    window = getattr(getattr(viewer, "window", None), "_qt_window", None)  # napari has no public way
    return None if window is None or not window.isVisible() else viewer


def _is_told_of(where: Path) -> bool:
    """Say whether the station tells that there is nothing in a folder; not where it is another reader's format."""
    is_other = where.suffix.lower() in _OTHERS or any((where / name).exists() for name in _OTHERS_FILES)
    return where.is_dir() and not is_other


def _is_station() -> bool:
    from napari_cement._session import has_session

    viewer = _seen_viewer()
    return viewer is not None and has_session(viewer)


def _single(path: str | list[str]) -> str:
    return path if isinstance(path, str) else path[0]


def put_viewer_right() -> None:
    """Set the cameras of the viewer that asks: it would show the patient mirrored otherwise."""
    from napari import current_viewer

    from napari_cement._display import display_of

    viewer = current_viewer()
    if viewer is not None:
        display_of(viewer)
