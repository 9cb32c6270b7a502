"""The frames of Enhanced CT, also of the legacy-converted kind: each as if it were a slice of its own."""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

from pydicom.dataset import Dataset

from planner.io.dicom.datasets import DATASET_DAMAGE, open_dataset
from planner.io.dicom.elements import DamagedFileError
from planner.io.dicom.headers import SliceHeader, as_number, as_vector, tells_metal_reduction
from planner.io.quiet import quiet

_MOST_FRAMES = 20_000
"""More frames than a whole-body scan at 0.2 mm; a file that claims more is damaged."""
_UNASSIGNED = ("UnassignedPerFrameConvertedAttributesSequence", "UnassignedSharedConvertedAttributesSequence")
"""Where a legacy-converted object keeps what had no place of its own (PS3.3 C.7.6.16.2.25, .26)."""


def split_frames(header: SliceHeader) -> tuple[SliceHeader, ...]:
    """Give one header per frame of a multi-frame CT.

    Parameters
    ----------
    header : SliceHeader
        What the file says at its top level.

    Returns
    -------
    tuple of SliceHeader
        Frame by frame as they are stored, with the position, orientation, spacing, rescale and time of each.

    Raises
    ------
    DamagedFileError
        If the functional groups cannot be read or do not fit the number of frames.
    """
    if header.frames > _MOST_FRAMES:
        raise DamagedFileError
    dataset = open_dataset(header.path, with_pixels=False)
    try:
        with quiet():
            shared = (dataset.get("SharedFunctionalGroupsSequence", None) or [Dataset()])[0]
            frames = dataset.get("PerFrameFunctionalGroupsSequence", None) or []
            if not frames or len(frames) != header.frames:
                raise DamagedFileError
            return tuple(_frame(header, number, shared, own) for number, own in enumerate(frames))
    except DATASET_DAMAGE as error:
        raise DamagedFileError from error


def _frame(header: SliceHeader, number: int, shared: Dataset, own: Dataset) -> SliceHeader:
    def group(name: str) -> Dataset:
        """Give a functional group: the frame's own, else the shared one, else an empty one."""
        sequence: Any = own.get(name) or shared.get(name)
        return sequence[0] if sequence else Dataset()

    measures, rescale, content = (
        group(name) for name in ("PixelMeasuresSequence", "PixelValueTransformationSequence", "FrameContentSequence")
    )
    unassigned = tuple(group(name) for name in _UNASSIGNED)
    reconstruction = group("CTReconstructionSequence")
    orientation = _numbers(group("PlaneOrientationSequence").get("ImageOrientationPatient"))
    spacing = _numbers(measures.get("PixelSpacing"))
    kernel = _words(_first("ConvolutionKernel", reconstruction, *unassigned)) or header.kernel
    image_type = _texts(group("CTImageFrameTypeSequence").get("FrameType")) or header.image_type
    tilt = _number(_first("GantryDetectorTilt", group("CTAcquisitionDetailsSequence"), *unassigned))
    kvp = _number(_first("KVP", group("CTXRayDetailsSequence"), *unassigned))
    return dataclasses.replace(
        header,
        frame=number,
        position_lps=as_vector(_numbers(group("PlanePositionSequence").get("ImagePositionPatient"))),
        along_row_lps=as_vector(orientation[:3]),
        along_column_lps=as_vector(orientation[3:]),
        row_spacing_mm=spacing[0] if len(spacing) == 2 else None,
        column_spacing_mm=spacing[1] if len(spacing) == 2 else None,
        slice_thickness_mm=_number(measures.get("SliceThickness")),
        slope=_number(rescale.get("RescaleSlope")),
        intercept=_number(rescale.get("RescaleIntercept")),
        rescale_type=_words(rescale.get("RescaleType")),
        image_type=image_type,
        gantry_tilt_deg=header.gantry_tilt_deg if tilt is None else tilt,
        kvp=header.kvp if kvp is None else kvp,
        kernel=kernel,
        kernel_group=_words(reconstruction.get("ConvolutionKernelGroup")),
        metal_reduced=header.metal_reduced or any(tells_metal_reduction(text) for text in (kernel, *image_type)),
        acquisition_number=_words(content.get("FrameAcquisitionNumber") or _first("AcquisitionNumber", *unassigned)),
        temporal_position=_words(
            content.get("TemporalPositionIndex") or _first("TemporalPositionIdentifier", *unassigned)
        ),
        stack_id=_words(content.get("StackID")),
        **_heartbeat(group("CardiacSynchronizationSequence"), unassigned),
        acquisition_time=_words(content.get("FrameAcquisitionDateTime") or _first("AcquisitionTime", *unassigned)),
        content_time=_words(_first("ContentTime", *unassigned)) or header.content_time,
    )


def _heartbeat(cardiac: Dataset, unassigned: tuple[Dataset, ...]) -> dict[str, Any]:
    return {
        "cardiac_phase": _number(_first("NominalPercentageOfCardiacPhase", cardiac, *unassigned)),
        "trigger_time": _number(cardiac.get("NominalCardiacTriggerDelayTime") or _first("TriggerTime", *unassigned)),
    }


def _first(name: str, *groups: Dataset) -> Any:
    """Give an element of the first group that has it."""
    return next((group[name].value for group in groups if group.get(name) not in (None, "")), None)


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return tuple(map(str, value)) if isinstance(value, Iterable) and not isinstance(value, str) else (str(value),)


def _words(value: Any) -> str:
    """Put one or several values into one line."""
    return " ".join(_texts(value))


def _numbers(value: Any) -> tuple[float, ...]:
    numbers = tuple(map(as_number, _texts(value)))
    return numbers if all(map(math.isfinite, numbers)) else ()


def _number(value: Any) -> float | None:
    return next(iter(_numbers(value)), None)
