"""NIfTI in and out: the only place where its RAS axes are turned to LPS."""

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.spatialimages import HeaderDataError

from planner.errors import GeometryError, LabelError, OutputError, SeriesError
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.io.dicom.pixels import PADDING_HU
from planner.io.nifti_claim import require_nifti_claim
from planner.io.quiet import quiet
from planner.io.slice_layout import MOST_VOXELS, refuse_spacing
from planner.io.stored_claims import require_whole
from planner.model.finding import Finding
from planner.model.labels import LabelMap, Structure
from planner.model.volume import Volume

_LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_REVERSED = np.eye(4)[[2, 1, 0, 3]]
"""Turns NIfTI's (i, j, k) into the library's (slice, row, column) = (k, j, i)."""
_MM_PER_UNIT = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
_SAME_FORMS_MM = 0.1
_SCANNER = 1
_TEMPLATES = (3, 4, 5)
"""NIfTI's codes of a transform: 1 the scanner's, 2 another scan's, 3 to 5 a template's."""
_CONTRADICTION = 0.5
"""Two transforms whose axes differ by more than half of themselves (30 degrees, or half the size). Ours: a fit to
another scan of the patient turns and scales less."""
_SINGULAR = 1e-12

Voxels = npt.NDArray[Any]


def read_nifti(path: Path) -> tuple[Volume, tuple[Finding, ...]]:
    """Read a CT from NIfTI.

    Parameters
    ----------
    path : Path
        ``.nii`` or ``.nii.gz``.

    Returns
    -------
    volume : Volume
        On the file's own grid, its axes in reverse order; values that are not finite count as padding.
    findings : tuple of Finding
        What is unsure about its geometry.

    Raises
    ------
    SeriesError
        If it is not readable, not three-dimensional, or says nothing of its orientation.
    """
    image = _open(path)
    grid, findings = _grid_of(image, path)
    hu, padding = compact_hu(_voxels_of(image, path))
    return Volume(grid, hu, padding), (*require_nifti_claim(path).findings, *findings)


def inspect_nifti(path: Path) -> tuple[Grid, tuple[Finding, ...]]:
    """Read the geometry of a NIfTI file, and nothing else.

    Parameters
    ----------
    path : Path
        ``.nii`` or ``.nii.gz``.

    Returns
    -------
    grid : Grid
        Where its voxels are.
    findings : tuple of Finding
        What is unsure about it.

    Raises
    ------
    SeriesError
        As `read_nifti`.
    """
    grid, findings = _grid_of(_open(path), path)
    return grid, (*require_nifti_claim(path).findings, *findings)


def write_label_nifti(label_map: LabelMap, path: Path) -> None:
    """Write a label map as NIfTI, byte for byte the same each time.

    Parameters
    ----------
    label_map : LabelMap
        What to write; its grid becomes the file's sform and, where it is rectangular, qform.
    path : Path
        ``.nii`` or ``.nii.gz``.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    codes = np.asarray(label_map.codes)
    wide = int(codes.max(initial=0)) > 255
    write_array_nifti(codes.astype(np.uint16 if wide else np.uint8, copy=False), label_map.grid, path)


def write_array_nifti(values: Voxels, grid: Grid, path: Path, *, description: str = "") -> None:
    """Write numbers on a grid as NIfTI, byte for byte the same each time.

    Parameters
    ----------
    values : ndarray, shape ``grid.shape``
        What to write, in its own type.
    grid : Grid
        Becomes the file's sform and, where it is rectangular, qform.
    path : Path
        ``.nii`` or ``.nii.gz``.
    description : str
        What the numbers are, up to 79 letters.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    affine = _LPS_FROM_RAS @ grid.lps_from_index @ _REVERSED
    nifti_image: Any = nib.Nifti1Image  # nibabel's own types stop here
    image = nifti_image(values.transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description
    image.set_sform(affine, code="scanner")
    if grid.is_rectangular:
        image.set_qform(affine, code="scanner")
    content: bytes = image.to_bytes()
    if path.name.endswith(".gz"):
        content = gzip.compress(content, compresslevel=3, mtime=0)
    try:
        path.write_bytes(content)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise OutputError(f"{path.name} cannot be written: {reason}") from error


def read_label_nifti(path: Path, *, structures: tuple[Structure, ...] = ()) -> LabelMap:
    """Read a label map from NIfTI.

    Parameters
    ----------
    path : Path
        ``.nii`` or ``.nii.gz`` with whole numbers.
    structures : tuple of Structure
        What the values stand for; values that it does not name come out as kind "other" with the id ``label-N``.

    Returns
    -------
    LabelMap
        On the file's own grid.

    Raises
    ------
    LabelError
        If the values are not whole numbers from 0 to 65535.
    SeriesError
        If the file or its geometry cannot be read.
    """
    image = _open(path)
    grid, _ = _grid_of(image, path)
    voxels = _voxels_of(image, path)
    codes = np.zeros(voxels.shape, dtype=np.uint16)
    with np.errstate(invalid="ignore"):
        codes[...] = np.asarray(voxels).astype(np.int64) & 0xFFFF
    if not np.array_equal(codes, voxels):
        raise LabelError(f"{path.name} holds values that are no labels (whole numbers from 0 to 65535)")
    named = {s.code for s in structures}
    others = [int(code) for code in np.unique(codes) if code and int(code) not in named]
    extra = tuple(Structure(code=code, kind="other", id=f"label-{code}") for code in others)
    return LabelMap(grid, codes, (*structures, *extra))


def compact_hu(values: Voxels) -> tuple[Voxels, npt.NDArray[np.bool_] | None]:
    """Store values as HU in the smallest type that holds them exactly.

    Parameters
    ----------
    values : ndarray
        Integers or floats, any shape.

    Returns
    -------
    hu : ndarray of int16, int32 or float32
        int16 or int32 where every value is whole and fits.
    padding : ndarray of bool or None
        True where a value was not finite; it is set to -1024.
    """
    padding = None
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.all():
            padding = ~finite
            values = np.where(finite, values, PADDING_HU)
        if not all(np.array_equal(plane, np.rint(plane)) for plane in np.atleast_2d(values)):
            return np.ascontiguousarray(values, dtype=np.float32), padding
    low, high = float(values.min()), float(values.max())
    for dtype in (np.int16, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return np.ascontiguousarray(values, dtype=dtype), padding
    return np.ascontiguousarray(values, dtype=np.float32), padding


def _open(path: Path) -> Any:
    require_nifti_claim(path)
    try:
        with quiet():
            image: Any = nib.load(path)
    except Exception as error:  # nibabel raises many kinds on damaged headers
        raise SeriesError(f"{path.name} is not a readable NIfTI file; convert the CT again") from error
    if not isinstance(image, nib.Nifti1Pair):  # of which every kind of NIfTI image is one
        raise SeriesError(f"{path.name} is no NIfTI; Analyze files do not say left from right: convert the CT again")
    return image


def _shape_of(image: Any, path: Path) -> tuple[int, int, int]:
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]) or min(shape) < 1:
        raise SeriesError(f"{path.name} has shape {shape}; a CT has three axes: give one volume")
    if shape[0] * shape[1] * shape[2] > MOST_VOXELS:
        raise SeriesError(f"{path.name} claims {shape} voxels, more than any CT holds; the file is damaged")
    return shape[0], shape[1], shape[2]


def _voxels_of(image: Any, path: Path) -> Voxels:
    shape = _shape_of(image, path)
    if image.get_data_dtype().kind not in "iuf":
        raise SeriesError(f"{path.name} holds {image.get_data_dtype()}, not numbers; convert the CT again")
    require_whole(require_nifti_claim(path))
    try:
        with quiet():
            values = np.asanyarray(image.dataobj)
    except Exception as error:  # cut-off and bit-flipped gzip raise many kinds
        raise SeriesError(f"{path.name} is cut off or damaged; copy it again from its source") from error
    turned: Voxels = values.reshape(shape).transpose(2, 1, 0)
    return turned


def _grid_of(image: Any, path: Path) -> tuple[Grid, tuple[Finding, ...]]:
    header = image.header
    i, j, k = _shape_of(image, path)
    affine, findings = _chosen_form(header, path)
    scale = _mm_per_unit(header, path)
    affine = np.diag([scale, scale, scale, 1.0]) @ _as_meant(affine)
    try:
        grid = Grid((k, j, i), _LPS_FROM_RAS @ affine @ _REVERSED)
    except GeometryError as error:
        raise SeriesError(f"{path.name} has a useless orientation: {error}") from error
    refuse_spacing(grid.spacing_mm)
    return grid, findings


def _mm_per_unit(header: Any, path: Path) -> float:
    try:
        return _MM_PER_UNIT[header.get_xyzt_units()[0]]
    except KeyError as error:
        raise SeriesError(f"{path.name} names no known unit of length; convert the CT again") from error


def _as_meant(affine: Array) -> Array:
    """Take the shortest decimals that single precision stands for: 0.8 mm, where the file can only hold 0.80000001."""
    return np.array([[float(str(np.float32(value))) for value in row] for row in affine])


def _chosen_form(header: Any, path: Path) -> tuple[Array, tuple[Finding, ...]]:
    """Choose between the file's two transforms: the scanner's, else the sform as most programs do."""
    codes = int(header["sform_code"]), int(header["qform_code"])
    if max(codes) <= 0:
        raise SeriesError(f"{path.name} says nothing of its orientation (sform and qform 0); convert the CT again")
    take_sform = codes[0] == _SCANNER or (codes[0] > 0 and codes[1] != _SCANNER)
    try:
        forms: list[Array] = [header.get_sform(), header.get_qform()] if min(codes) > 0 else []
        chosen: Array = header.get_sform() if take_sform else header.get_qform()
    except (ValueError, HeaderDataError) as error:
        raise SeriesError(f"{path.name} has an orientation that makes no sense; convert the CT again") from error
    findings = []
    if forms:
        findings.extend(_form_findings(forms[0], forms[1], header, "sform" if take_sform else "qform", path))
    if codes[0 if take_sform else 1] in _TEMPLATES:
        message = "positions are those of a template that the CT was fitted to, not the patient's; check distances"
        findings.append(Finding(code="nifti-template-space", severity="caution", message=message))
    return chosen, tuple(findings)


def _form_findings(sform: Array, qform: Array, header: Any, taken: str, path: Path) -> list[Finding]:
    if not np.all(np.isfinite(sform)) or abs(np.linalg.det(sform[:3, :3])) < _SINGULAR:
        return []  # the grid refuses it
    between = np.linalg.solve(sform[:3, :3], qform[:3, :3])
    if np.linalg.det(between) <= 0 or np.abs(between - np.eye(3)).max() > _CONTRADICTION:
        raise SeriesError(
            f"{path.name} has an sform and a qform that contradict each other (mirrored, turned or scaled), so "
            "left and right cannot be told; convert the CT again"
        )
    corners = np.indices((2, 2, 2)).reshape(3, -1).T * (np.array(header.get_data_shape()[:3]) - 1)
    scale = _mm_per_unit(header, path)
    apart_mm = scale * float(np.abs(np.c_[corners, np.ones(8)] @ (sform - qform).T).max())
    if apart_mm <= _SAME_FORMS_MM:
        return []
    message = f"the file's sform and qform lie up to {apart_mm:.1f} mm apart; the {taken} was taken"
    return [Finding(code="nifti-forms-differ", severity="caution", message=message, measured=apart_mm, unit="mm")]
