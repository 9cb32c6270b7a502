"""npe2 reader: a folder of DICOM with a CT, and a plan's folder (or its ``plan.json``)."""

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from napari_cement._layers import LayerData, plan_layers, scan_layers
from planner.errors import InputError, PlannerError
from planner.io import inspect_input, load_scan
from planner.io.nifti import read_label_nifti
from planner.io.plan_json import load_plan
from planner.model.labels import LabelMap
from planner.model.plan import Plan

Reader = Callable[[str | list[str]], list[LayerData]]

_FILES_LOOKED_AT = 300
"""Files whose first bytes are read before a folder counts as one without DICOM: napari asks on every folder."""
_PREAMBLE_BYTES = 128


def get_reader(path: str | list[str]) -> Reader | None:
    """Offer to read a path.

    Parameters
    ----------
    path : str or list of str
        What was dropped onto napari.

    Returns
    -------
    Reader or None
        None, cheaply, for what holds neither a plan nor a CT that can be planned on.
    """
    if not isinstance(path, str):
        return None
    where = Path(path)
    if plan_file(where) is not None:
        return read_plan_folder
    if where.is_dir() and _has_usable_ct(where):
        return read_scan_folder
    return None


def plan_file(where: Path) -> Path | None:
    """Find the plan of a plan's folder.

    Parameters
    ----------
    where : Path
        A folder, or a ``plan.json``.

    Returns
    -------
    Path or None
    """
    candidate = where if where.name == "plan.json" else where / "plan.json"
    return candidate if candidate.is_file() else None


def read_scan_folder(path: str | list[str]) -> list[LayerData]:
    """Read the CT of a folder.

    Parameters
    ----------
    path : str or list of str
        The folder.

    Returns
    -------
    list of LayerData

    Raises
    ------
    InputError
        If it holds no CT that can be read rightly.
    """
    where = Path(_single(path))
    put_viewer_right()
    return scan_layers(load_scan(where), name=f"CT {where.name}")


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
    plan, labels = load_plan_folder(Path(_single(path)))
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
    file = plan_file(where)
    if file is None:
        raise InputError(f"{where.name} holds no plan.json; give the folder that 'cement-planner plan' made")
    plan = load_plan(file)
    labels = file.with_name("labels.nii.gz")
    return plan, read_label_nifti(labels, structures=plan.labels) if labels.is_file() else None


def _has_usable_ct(folder: Path) -> bool:
    if not any(_looks_like_dicom(file) for file in islice(_files(folder), _FILES_LOOKED_AT)):
        return False
    try:
        return inspect_input(folder).chosen_series_instance_uid is not None
    except PlannerError:
        return False


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(root, name) for name in sorted(names))


def _looks_like_dicom(file: Path) -> bool:
    try:
        if not file.is_file():
            return False
        with file.open("rb") as stream:
            head = stream.read(_PREAMBLE_BYTES + 4)
    except OSError:
        return False
    # Without a preamble, an older file begins with its first group.
    return head[_PREAMBLE_BYTES:] == b"DICM" or (head[:2] == b"\x08\x00" and head[3:4] == b"\x00")


def _single(path: str | list[str]) -> str:
    return path if isinstance(path, str) else path[0]


def put_viewer_right() -> None:
    """Set the cameras of the viewer that asks: it would show the patient mirrored otherwise."""
    from napari import current_viewer

    from napari_cement._display import display_of

    viewer = current_viewer()
    if viewer is not None:
        display_of(viewer)
