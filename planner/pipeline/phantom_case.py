"""A phantom written as a case: a DICOM series beside its truth."""

import hashlib
from pathlib import Path

import numpy as np

from planner.errors import OutputError
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.io.plan_json import write_json
from planner.phantoms import Phantom
from planner.phantoms.truth.document import TRUTH_FILE
from planner.phantoms.truth.files import truth_arrays, truth_document
from planner.progress import SILENT, Monitor, Progress, check_cancelled

ARRAYS_FILE = "truth.npz"
CASE_FILES = ("dicom", TRUTH_FILE, ARRAYS_FILE)
"""Every name that `write_case` writes into a case's folder."""
_BODY_PARTS = {"hip": "HIP", "lumbar": "LSPINE", "thoracic": "TSPINE"}
"""DICOM Body Part Examined (PS3.16 annex L)."""


def write_case(phantom: Phantom, folder: Path, *, monitor: Monitor = SILENT) -> None:
    """Write a phantom as a DICOM series beside its truth.

    Parameters
    ----------
    phantom : Phantom
        The phantom.
    folder : Path
        Where, an existing folder; the names are `CASE_FILES`.
    monitor : Monitor
        Follows the work, and may stop it.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    OutputError
        If a file cannot be written.
    """
    identity = SeriesIdentity(
        seed=f"phantom/{phantom.kind}/{phantom.settings.sha256()}/{_fingerprint(phantom)}",
        patient_name=f"Phantom^{phantom.kind.capitalize()}",
        series_description=f"Synthetic {phantom.kind} CT",
        body_part=_BODY_PARTS[phantom.kind],
    )
    write_ct_series(phantom.volume, folder / "dicom", identity=identity, monitor=monitor)
    check_cancelled(monitor)
    monitor.report(Progress("measuring the truth"))
    write_json(truth_document(phantom.truth), folder / TRUTH_FILE)
    check_cancelled(monitor)
    try:
        np.savez_compressed(folder / ARRAYS_FILE, allow_pickle=False, **truth_arrays(phantom.truth))
    except OSError as error:
        raise OutputError(f"{folder / ARRAYS_FILE}: cannot be written: {error}") from error


def _fingerprint(phantom: Phantom) -> str:
    """Tell scans apart that only their recipes tell apart: two of them must not share their UIDs."""
    content = hashlib.sha256(np.ascontiguousarray(phantom.volume.hu).tobytes())
    content.update(np.ascontiguousarray(phantom.volume.grid.lps_from_index).tobytes())
    return content.hexdigest()
