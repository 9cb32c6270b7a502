"""npe2 reader: a CT in DICOM (folder, DICOMDIR, zip, file), and a plan's folder (or its ``plan.json``)."""

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from napari_cement._layers import LayerData, display_only_layers, scan_layers
from napari_cement._plan_layers import plan_layers
from planner.errors import CancelledError, InputError, PlannerError
from planner.io import inspect_input, load_scan
from planner.io.nifti import read_label_nifti
from planner.io.plan_json import load_plan
from planner.model.labels import LabelMap
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.progress import SILENT, Monitor

Reader = Callable[[str | list[str]], list[LayerData]]

_FILES_LOOKED_AT = 300
"""Files whose first bytes are read before a folder counts as one without DICOM: napari asks on every folder."""
_PREAMBLE_BYTES = 128
_ZIP = b"PK\x03\x04"


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
    if _is_zip_of_dicom(where) or _has_usable_ct(where):
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
    """Read the CT of a folder, a DICOMDIR, a zip or a file.

    Parameters
    ----------
    path : str or list of str
        Where it is.

    Returns
    -------
    list of LayerData
        The CT, and hidden the same scan with metal artefact reduction where that lies beside it.

    Raises
    ------
    InputError
        If it holds no CT that can be read rightly.
    """
    where = Path(_single(path))
    put_viewer_right()
    scan, alternative = load_scans(where)
    return ct_layers(scan, alternative, name=f"CT {where.name}")


def load_scans(where: Path, *, series: str | None = None, monitor: Monitor = SILENT) -> tuple[Scan, Scan | None]:
    """Load a CT, and what is offered beside it for display.

    Parameters
    ----------
    where : Path
        Anything that `planner.io.load_scan` takes.
    series : str or None
        Which series, as for `planner.io.load_scan`.
    monitor : Monitor
        Follows the loading.

    Returns
    -------
    Scan, Scan or None
        The CT, and the same with metal artefact reduction; None where there is none that can be read.

    Raises
    ------
    InputError
        If there is no CT that can be read rightly.
    """
    scan = load_scan(where, series_instance_uid=series, monitor=monitor)
    if scan.display_alternative is None:
        return scan, None
    try:
        return scan, load_scan(where, series_instance_uid=scan.display_alternative, monitor=monitor)
    except CancelledError:
        raise
    except PlannerError:
        return scan, None


def ct_layers(scan: Scan, alternative: Scan | None, *, name: str) -> list[LayerData]:
    """Show a CT, and hidden over it what is offered beside it for display.

    Parameters
    ----------
    scan : Scan
        The CT.
    alternative : Scan or None
        The same with metal artefact reduction.
    name : str
        The layer's name.

    Returns
    -------
    list of LayerData
    """
    layers = scan_layers(scan, name=name)
    if alternative is not None:
        layers += display_only_layers(alternative, name=f"{name}, metal artefacts reduced (for display only)")
    return layers


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


def _has_usable_ct(where: Path) -> bool:
    is_directory_file = where.name.upper() == "DICOMDIR" and where.is_file()
    files = _files(where.parent if is_directory_file else where) if is_directory_file or where.is_dir() else (where,)
    if not any(_looks_like_dicom(file) for file in islice(files, _FILES_LOOKED_AT)):
        return False
    try:
        return inspect_input(where).chosen_series_instance_uid is not None
    except PlannerError:
        return False


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(root, name) for name in sorted(names))


def _is_zip_of_dicom(file: Path) -> bool:
    """Look at the first files in a zip; what else is wrong with it is said when it is read."""
    try:
        with file.open("rb") as stream:
            if stream.read(len(_ZIP)) != _ZIP:
                return False
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist()[:_FILES_LOOKED_AT]:
                with archive.open(member) as stream:
                    if _begins_like_dicom(stream.read(_PREAMBLE_BYTES + 4)):
                        return True
    except (OSError, RuntimeError, NotImplementedError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        pass
    return False


def _looks_like_dicom(file: Path) -> bool:
    try:
        if not file.is_file():
            return False
        with file.open("rb") as stream:
            return _begins_like_dicom(stream.read(_PREAMBLE_BYTES + 4))
    except OSError:
        return False


def _begins_like_dicom(head: bytes) -> bool:
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
