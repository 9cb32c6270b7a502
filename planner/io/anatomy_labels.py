"""One door for anatomy labels made elsewhere, whatever they are stored in."""

from dataclasses import replace
from pathlib import Path

from planner.errors import InputError, LabelError
from planner.io.labels.dicom_segments import read_dicom_labels
from planner.io.labels.nifti_files import is_nifti, read_mask_folder, read_nifti_labels
from planner.io.labels.slicer_seg import read_slicer_labels
from planner.model.anatomy_labels import AnatomyLabels

_WANTED = (
    "give TotalSegmentator's NIfTI (or its folder of masks), 3D Slicer's .seg.nrrd, DICOM SEG, or NIfTI of vertebra "
    "numbers"
)
_CALLED = "the given file of labels"
"""People name files after their patient, and findings repeat the name into every output."""


def load_labels(path: Path | str) -> AnatomyLabels:
    """Read anatomy labels that another program or a person made.

    Parameters
    ----------
    path : Path or str
        NIfTI with TotalSegmentator's or vertebra numbers, a folder of NIfTI masks, ``.seg.nrrd`` or DICOM SEG.

    Returns
    -------
    AnatomyLabels
        On the file's own grid; `planner.segment.anatomy.label_check.fit_labels` brings them onto a CT. Their name is
        not the file's, which may tell the patient.

    Raises
    ------
    LabelError
        If they cannot be read, or what they label cannot be told; the message says why.
    """
    return replace(_read(Path(path)), name=_CALLED)


def _read(source: Path) -> AnatomyLabels:
    try:
        if source.is_dir():
            return read_mask_folder(source)
        if not source.is_file():
            raise LabelError(f"there are no labels at {source.name}; {_WANTED}")
        if is_nifti(source):
            return read_nifti_labels(source)
        with source.open("rb") as file:
            head = file.read(132)
    except LabelError:
        raise
    except (InputError, OSError, MemoryError) as error:
        raise _of_labels(error, source.name) from error
    return _by_content(source, head)


def _by_content(source: Path, head: bytes) -> AnatomyLabels:
    try:
        if head.startswith(b"NRRD"):
            return read_slicer_labels(source)
        if head[128:] == b"DICM":
            return read_dicom_labels(source)
    except LabelError:
        raise
    except (InputError, OSError, MemoryError) as error:
        raise _of_labels(error, source.name) from error
    raise LabelError(f"{source.name} is no file of labels that is known here; {_WANTED}")


def _of_labels(error: Exception, name: str) -> LabelError:
    """Say of labels what a reader of CTs said."""
    if isinstance(error, InputError):
        text = str(error).replace("convert the CT again", "export the labels again").replace("the CT", "the labels")
        return LabelError(text if name in text else f"{name}: {text}")
    return LabelError(f"{name} cannot be read; copy it again from its source")
