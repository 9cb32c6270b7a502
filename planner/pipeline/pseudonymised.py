"""A loaded CT under a pseudonym: whatever is made from it afterwards tells no more than that."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from planner.geometry.grid import Grid
from planner.io.anatomy_labels import load_labels
from planner.io.dicom.datasets import open_dataset
from planner.io.dicom.pseudonyms import Pseudonyms, write_pseudonymised
from planner.io.labels.gap_labels import GapLabels, load_gap_labels
from planner.io.staging import temporary_folder
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.labels import LabelMap
from planner.model.scan import Scan


@contextmanager
def under_pseudonym(scan: Scan, pseudonyms: Pseudonyms | None) -> Iterator[Scan]:
    """Let a CT be planned on, and its plan be written, under a pseudonym.

    Parameters
    ----------
    scan : Scan
        As it was loaded.
    pseudonyms : Pseudonyms or None
        What stands for what; None leaves the scan as it is.

    Yields
    ------
    Scan
        The same voxels. Its files are pseudonymised copies (`planner.model.privacy.KEPT`) in a folder that goes when
        the context ends: every writer takes patient, study and UIDs from them, and cannot tell more.

    Raises
    ------
    InputError
        If the CT's files cannot be read any more.
    """
    if pseudonyms is None:
        yield scan
        return
    with temporary_folder() as folder:
        yield _named_anew(scan, write_pseudonymised(scan.slice_files, folder, pseudonyms), pseudonyms)


def labels_under_pseudonym(
    labels: Path | None, scan: Scan, pseudonyms: Pseudonyms | None
) -> AnatomyLabels | Path | None:
    """Read labels, and bring them into the frame of reference that a CT has under its pseudonym.

    Parameters
    ----------
    labels : Path or None
        The file or folder; None for none.
    scan : Scan
        The CT under its pseudonym.
    pseudonyms : Pseudonyms or None
        What stands for what; None leaves the file to whoever plans.

    Returns
    -------
    AnatomyLabels, Path or None
        In the frame of reference of the scan, where the file names that of the CT or of its pseudonym.

    Raises
    ------
    LabelError
        If they cannot be read.
    """
    if labels is None or pseudonyms is None:
        return labels
    read = load_labels(labels)
    return replace(read, labels=_in_frame_of(scan, read.labels, pseudonyms))


def gaps_under_pseudonym(gaps: Path | None, scan: Scan, pseudonyms: Pseudonyms | None) -> GapLabels | Path | None:
    """Read a mask of gaps as `labels_under_pseudonym` reads labels.

    Parameters
    ----------
    gaps, scan, pseudonyms
        As there.

    Returns
    -------
    GapLabels, Path or None

    Raises
    ------
    LabelError
        If it cannot be read.
    """
    if gaps is None or pseudonyms is None:
        return gaps
    read = load_gap_labels(gaps)
    return replace(read, labels=_in_frame_of(scan, read.labels, pseudonyms))


def _in_frame_of(scan: Scan, labels: LabelMap, pseudonyms: Pseudonyms) -> LabelMap:
    """Give the frame of reference its pseudonym; labels of an earlier plan under it have that already."""
    grid, frame = labels.grid, labels.grid.frame_of_reference_uid
    if frame is None or frame == scan.volume.grid.frame_of_reference_uid:
        return labels
    return replace(labels, grid=Grid(grid.shape, grid.lps_from_index, pseudonyms.uid(frame)))


def _named_anew(scan: Scan, files: tuple[Path, ...], pseudonyms: Pseudonyms) -> Scan:
    def uid(old: str | None) -> str | None:
        return None if old is None else pseudonyms.uid(old)

    grid = scan.volume.grid
    moved = Grid(grid.shape, grid.lps_from_index, uid(grid.frame_of_reference_uid))
    stored = scan.stored
    if stored is not None:
        stored = replace(stored, frame_of_reference_uid=uid(stored.frame_of_reference_uid))
    known = _uids_of(scan)
    told = {
        "series_instance_uid": uid(scan.series.series_instance_uid),
        "frame_of_reference_uid": uid(scan.series.frame_of_reference_uid),
    }
    return replace(
        scan,
        volume=replace(scan.volume, grid=moved),
        series=scan.series.model_copy(update=told),
        findings=tuple(f.model_copy(update={"message": pseudonyms.text(f.message, known)}) for f in scan.findings),
        slice_files=files,
        stored=stored,
        display_alternative=None,
    )


def _uids_of(scan: Scan) -> frozenset[str]:
    """Give the UIDs of a CT that a message might repeat."""
    uids = {scan.series.series_instance_uid, scan.series.frame_of_reference_uid, scan.display_alternative}
    uids.add(scan.volume.grid.frame_of_reference_uid)
    if scan.slice_files:
        header = open_dataset(scan.slice_files[0], with_pixels=False)
        names = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
        uids |= {str(header.get(name, "") or "") for name in names}
    return frozenset(uid for uid in uids if uid)
