"""The frames of Enhanced CT: each as if it were a slice of its own."""

import dataclasses
import warnings
from typing import Any

from pydicom.dataset import Dataset

from planner.io.dicom.elements import DamagedFileError, open_dataset
from planner.io.dicom.headers import SliceHeader, as_vector

_MOST_FRAMES = 20_000
"""More frames than a whole-body scan at 0.2 mm; a file that claims more is damaged."""


def split_frames(header: SliceHeader) -> tuple[SliceHeader, ...]:
    """Give one header per frame of a multi-frame CT.

    Parameters
    ----------
    header : SliceHeader
        What the file says at its top level.

    Returns
    -------
    tuple of SliceHeader
        Frame by frame, with the position, orientation, spacing and rescale of each.

    Raises
    ------
    DamagedFileError
        If the functional groups cannot be read or do not fit the number of frames.
    """
    dataset = open_dataset(header.path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shared = dataset.get("SharedFunctionalGroupsSequence", None) or [Dataset()]
            frames = dataset.get("PerFrameFunctionalGroupsSequence", None) or []
            if not frames or len(frames) != header.frames or len(frames) > _MOST_FRAMES:
                raise DamagedFileError
            return tuple(_frame(header, number, shared[0], own) for number, own in enumerate(frames))
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise DamagedFileError from error


def _frame(header: SliceHeader, number: int, shared: Dataset, own: Dataset) -> SliceHeader:
    measures = _group(shared, own, "PixelMeasuresSequence")
    rescale = _group(shared, own, "PixelValueTransformationSequence")
    content = _group(shared, own, "FrameContentSequence")
    kind = _group(shared, own, "CTImageFrameTypeSequence")
    orientation = _numbers(_group(shared, own, "PlaneOrientationSequence").get("ImageOrientationPatient"))
    spacing = _numbers(measures.get("PixelSpacing"))
    thickness = measures.get("SliceThickness")
    return dataclasses.replace(
        header,
        frame=number,
        position_lps=as_vector(_numbers(_group(shared, own, "PlanePositionSequence").get("ImagePositionPatient"))),
        along_row_lps=as_vector(orientation[:3]),
        along_column_lps=as_vector(orientation[3:]),
        row_spacing_mm=spacing[0] if len(spacing) == 2 else None,
        column_spacing_mm=spacing[1] if len(spacing) == 2 else None,
        slice_thickness_mm=None if thickness is None else float(thickness),
        slope=_number(rescale.get("RescaleSlope")),
        intercept=_number(rescale.get("RescaleIntercept")),
        rescale_type=str(rescale.get("RescaleType", "") or ""),
        image_type=tuple(str(part) for part in kind.get("FrameType", header.image_type)),
        acquisition_number=str(content.get("FrameAcquisitionNumber", "") or ""),
        temporal_position=str(content.get("TemporalPositionIndex", "") or ""),
        kernel=str(_group(shared, own, "CTReconstructionSequence").get("ConvolutionKernel", "") or header.kernel),
    )


def _group(shared: Dataset, own: Dataset, name: str) -> Dataset:
    """Give a functional group: the frame's own, else the shared one, else an empty one."""
    sequence: Any = own.get(name) or shared.get(name)
    return sequence[0] if sequence else Dataset()


def _numbers(values: Any) -> tuple[float, ...]:
    return () if values is None else tuple(float(v) for v in values)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
