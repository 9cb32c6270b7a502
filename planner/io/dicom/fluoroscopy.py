"""Simulated fluoroscopy pictures as DICOM Secondary Capture, with the C-arm's angles where an angiograph writes them.

One picture is a Secondary Capture Image (PS3.3 A.8.1), the only one of its family that may have layers; a turn of the
C-arm is a Multi-frame Grayscale Secondary Capture Image (A.8.3, of 16 bits A.8.4). What X-ray images say of their
positioner (C.8.7.5) is added to them: Standard Extended SOP Classes (PS3.2), which every reader of Secondary Capture
opens.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from planner.errors import GeometryError, OutputError, UsageError
from planner.io.dicom.overlay_planes import OverlayPlane, add_overlays, plain_text
from planner.io.dicom.plan_series import plan_digest, series_description
from planner.io.dicom.source_study import SourceCt, add_patient_and_study, read_source_ct
from planner.io.dicom.write import MANUFACTURER, SOFTWARE_VERSION, decimal_string, derived_uid, file_meta
from planner.io.quiet import quiet
from planner.io.whole_file import write_whole
from planner.model.carm import CArm
from planner.model.plan import PatientPosition, Plan

_SERIES_NUMBER = 301
"""After the labels' 300. Ours."""
_DERIVATION = (
    "Simulated fluoroscopy, computed from a CT: no X-ray picture was taken. For planning only, not for diagnosis."
)
_DRAWN = " Drawings of the plan are part of the pixels."
_SPACING = "at the isocentre, from the C-arm's distances"
_DESCRIPTION_LENGTH = 1024
_NOTE_LENGTH = 128
_PRIVATE_GROUP = 0x0021
_PRIVATE_ISOCENTRE, _PRIVATE_CONSOLE, _PRIVATE_ROTATION, _PRIVATE_FLIP = 0x01, 0x02, 0x03, 0x04
_FLIPPED = {"none": "", "left_right": "mirrored left to right", "top_bottom": "mirrored top to bottom"}
_ORIENTATION = re.compile(r"(?!.*(.).*\1)[LRAPHF]{1,3}")
_OPPOSITE = str.maketrans("LRAPHF", "RLPAFH")
_MOST_FRAMES = 3800
"""Angles of up to sixteen characters and a backslash fill the 65534 bytes of a value then (PS3.5 7.1.2)."""
_MOST_ROWS, _MOST_BYTES = 65535, 2**32 - 2
"""What the lengths of an image hold (PS3.5 6.2, 7.1)."""


@dataclass(frozen=True, slots=True, eq=False)
class FluoroscopyFrame:
    """One picture of a C-arm, as it is to be shown.

    Parameters
    ----------
    carm : CArm
        Where the C-arm was; angles in the patient's axes.
    pixels : ndarray of uint8 or uint16, shape (rows, columns)
        Grey values, 0 black.
    console_deg : tuple of float or None
        Primary and secondary angle that the console shows in the treatment position; None where that is not known.
    orientation : tuple of str
        The patient's direction at the right edge and at the bottom edge: ("L", "F") for an AP view head up; up to
        three letters of L, R, A, P, H, F.
    """

    carm: CArm
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    console_deg: tuple[float, float] | None
    orientation: tuple[str, str]


def write_fluoroscopy(
    frames: Sequence[FluoroscopyFrame],
    path: Path,
    *,
    source_slice_files: Sequence[Path] | SourceCt,
    treatment_position: PatientPosition | None,
    kv: float | None,
    description: str,
    overlays: Sequence[OverlayPlane] = (),
    burned_in: bool = False,
    instance_number: int = 1,
    frame_time_ms: float = 100.0,
    notes: Sequence[str] = (),
    plan: Plan | None = None,
) -> None:
    """Write one simulated picture, or a turn of the C-arm, as DICOM.

    Parameters
    ----------
    frames : sequence of FluoroscopyFrame
        One picture; or several of one size from one C-arm, which is turned round one isocentre.
    path : Path
        The file to write.
    source_slice_files : sequence of Path, or SourceCt
        The CT's files; patient, study and frame of reference are taken from them, as the standard asks. Whoever writes
        several pictures reads the files once.
    treatment_position : str or None
        How the patient lies when treated; None where that is not decided.
    kv : float or None
        The simulated tube voltage, kV; None where the beam has none.
    description : str
        What the picture shows, for people: "bull's-eye of trajectory-1".
    overlays : sequence of OverlayPlane
        Layers that a viewer shows and hides, at most 16, over one picture only.
    burned_in : bool
        Whether the pixels hold drawings of the plan already.
    instance_number : int
        The picture's place among those of its series.
    frame_time_ms : float
        Pace at which a turn is played. No real time passes in it; ten pictures a second are our choice.
    notes : sequence of str
        Sentences that a reader must not miss: they come first in the Image Comments.
    plan : Plan or None
        The plan that is drawn over the picture; None for a picture of the CT alone.

    Raises
    ------
    UsageError
        If there are no frames, no files of the CT, layers over several frames, or a voltage or time of 0 or less.
    InputError
        If the CT's files cannot be read, or do not say legibly whose they are.
    GeometryError
        If a picture does not have its detector's size, frames are not of one C-arm, an angle or an orientation cannot
        be, or a layer is of another size.
    OutputError
        If pixels are not of 8 or 16 bits, there are too many layers or frames, or the file cannot be written.

    Notes
    -----
    All pictures of one CT, treatment position and plan are one series; those of another plan, or of the same one in
    another state of its review, are another series, whose description begins with "UNREVIEWED" or "EDITED, NOT
    APPROVED" where nobody approved it. UIDs derive from what is in the file: the same picture of the same plan gives
    the same file, byte for byte, which therefore holds no date but the study's.

    - Modality is OT. The standard's word for where the data come from would be CT, but viewers take the grey values of
      CT for HU; and XA would count as an exposure that nobody made, in dose registers as in the eyes of a reader.
    - Positioner angles are the patient's (PS3.3 C.8.7.5.1.2). Of a turn they are the first frame's; the increments are
      each frame's offset from it (C.8.7.5.1.3), and the Frame Angle Vectors say each frame's angles outright
      (C.8.6.4).
    - Imager Pixel Spacing is the detector's; Pixel Spacing is that at the isocentre (10.7), so that what a viewer
      measures is right at that depth, and not nearly twice too large.
    - Patient Orientation is left empty where it changes from frame to frame: a viewer would show the first one's
      letters on all.
    - The standard has no place for the isocentre in the patient. It is in a private block, group 0021, creator
      "periprosthetic-cement-planner": element 01 the isocentre (FD, three values, LPS mm in the CT's frame of
      reference), 02 the console's primary and secondary angle of each frame (FD, degrees), 03 how far the console
      turned the image clockwise (FD, degrees; the standard's Field of View Rotation knows right angles only), 04 how it
      mirrored the image after that (CS: NONE, LEFT_RIGHT, TOP_BOTTOM). Image Comments say them in words.
    - A turn has no layers, for the standard forbids them there (A.8.3.4).
    - Burned In Annotation is NO also over drawings: it asks whether the pixels name the patient (C.7.6.1). Derivation
      Description says that drawings are in the pixels.
    """
    _require_frames(frames, overlays)
    if not frame_time_ms > 0.0 or not (kv is None or kv > 0.0):
        raise UsageError("tube voltage and time per frame must be above 0; a voltage that is not known is None")
    pixels = _stacked(frames)
    source = source_slice_files
    if not isinstance(source, SourceCt):
        source = read_source_ct(source)
    dataset = Dataset()
    _add_image(dataset, pixels)
    _add_carm(dataset, frames)
    if kv is not None:
        dataset.KVP = decimal_string(kv)
    if len(frames) > 1:
        _add_turn(dataset, frames, frame_time_ms)
    add_overlays(dataset, overlays, pixels.shape[1:])
    dataset.DerivationDescription = _DERIVATION + (_DRAWN if burned_in else "")
    dataset.ImageComments = _comments(frames, description, treatment_position, notes)
    dataset.InstanceNumber = instance_number
    if treatment_position is not None:
        dataset.PatientPosition = treatment_position
    with quiet():
        content = _encoded(dataset, source, treatment_position, plan)
    write_whole(content, path)


def _require_frames(frames: Sequence[FluoroscopyFrame], overlays: Sequence[OverlayPlane]) -> None:
    if not frames:
        raise UsageError("no picture to write; give at least one frame")
    if len(frames) > 1 and overlays:
        raise UsageError(
            "DICOM allows no layers over a turn of the C-arm; draw them into the pixels, or write picture by picture"
        )
    first = frames[0].carm
    for number, frame in enumerate(frames, start=1):
        if frame.pixels.shape != (frame.carm.rows, frame.carm.columns):
            raise GeometryError(
                f"frame {number} is of {frame.pixels.shape} pixels, its detector of "
                f"{(frame.carm.rows, frame.carm.columns)}"
            )
        turned = {"primary_deg": first.primary_deg, "secondary_deg": first.secondary_deg}
        if frame.carm.model_copy(update=turned) != first:
            raise GeometryError(
                f"frame {number} is of another C-arm than the first; give frames of one isocentre, distance and size"
            )
        _require_possible(frame.carm)
        _require_orientation(frame.orientation, number)


def _require_possible(carm: CArm) -> None:
    if not 0.0 < carm.source_isocentre_mm < carm.source_detector_mm or carm.pixel_mm <= 0.0:
        raise GeometryError(
            f"a C-arm with the source {carm.source_isocentre_mm:g} mm from the isocentre, {carm.source_detector_mm:g} "
            f"mm from the detector and pixels of {carm.pixel_mm:g} mm cannot be; give distances that rise"
        )
    if abs(carm.secondary_deg) > 90.0:
        raise GeometryError(f"a secondary angle of {carm.secondary_deg:g} degrees cannot be; DICOM has -90 to 90")


def _require_orientation(orientation: tuple[str, str], number: int) -> None:
    """Refuse letters that name no direction, opposite ones together, and one direction along both edges."""
    right, bottom = (set(letters) for letters in orientation)
    turned_right, turned_bottom = (set(letters.translate(_OPPOSITE)) for letters in orientation)
    possible = all(_ORIENTATION.fullmatch(letters) for letters in orientation)
    if not possible or right & turned_right or bottom & turned_bottom or bottom in (right, turned_right):
        raise GeometryError(
            f"frame {number} cannot lie with {orientation[0]!r} at its right and {orientation[1]!r} at its bottom edge"
        )


def _stacked(frames: Sequence[FluoroscopyFrame]) -> npt.NDArray[np.generic]:
    """Give all pixels, shape (frames, rows, columns)."""
    first = frames[0].pixels
    kinds = {frame.pixels.dtype.newbyteorder("=") for frame in frames}
    if len(kinds) > 1 or not kinds <= {np.dtype(np.uint8), np.dtype(np.uint16)}:
        raise OutputError("pictures are written with 8 or 16 bits, all of a turn alike: give uint8 or uint16")
    too_large = max(first.shape) > _MOST_ROWS or len(frames) * first.nbytes > _MOST_BYTES
    if too_large or len(frames) > _MOST_FRAMES:
        raise OutputError(f"{len(frames)} frames of {first.shape} pixels do not fit into one DICOM file; split them")
    return np.stack([frame.pixels for frame in frames])


def _add_image(dataset: Dataset, pixels: npt.NDArray[np.generic]) -> None:
    """Put the pixels in, grey values as they are to be seen."""
    count, rows, columns = pixels.shape
    bits = 8 * pixels.dtype.itemsize
    dataset.SOPClassUID = _sop_class(count, bits)
    dataset.ImageType = ["DERIVED", "SECONDARY", "DRR"]  # "digitally reconstructed radiograph", as of RT images
    dataset.ConversionType = "SYN"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = 0
    dataset.BurnedInAnnotation = "NO"
    if count == 1:
        # The whole range: without it viewers stretch what the picture happens to hold.
        dataset.WindowCenter, dataset.WindowWidth = str(2 ** (bits - 1)), str(2**bits)
    stored = pixels.astype(f"<u{bits // 8}", copy=False).tobytes()
    dataset.add_new("PixelData", "OW" if bits == 16 else "OB", stored + b"\0" * (len(stored) % 2))


def _sop_class(count: int, bits: int) -> UID:
    if count == 1:
        return SecondaryCaptureImageStorage
    if bits == 8:
        return MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    return MultiFrameGrayscaleWordSecondaryCaptureImageStorage


def _add_carm(dataset: Dataset, frames: Sequence[FluoroscopyFrame]) -> None:
    """Put in what an angiograph says of its C-arm, with the first frame's angles."""
    carm = frames[0].carm
    enlarged = carm.source_detector_mm / carm.source_isocentre_mm
    dataset.DistanceSourceToDetector = decimal_string(carm.source_detector_mm)
    dataset.DistanceSourceToPatient = decimal_string(carm.source_isocentre_mm)
    dataset.EstimatedRadiographicMagnificationFactor = decimal_string(enlarged)
    dataset.ImagerPixelSpacing = [decimal_string(carm.pixel_mm)] * 2
    dataset.PixelSpacing = [decimal_string(carm.pixel_mm / enlarged)] * 2
    dataset.PixelSpacingCalibrationType, dataset.PixelSpacingCalibrationDescription = "GEOMETRY", _SPACING
    dataset.PositionerMotion = "STATIC"
    dataset.PositionerPrimaryAngle = decimal_string(_wrapped_deg(carm.primary_deg))
    dataset.PositionerSecondaryAngle = decimal_string(carm.secondary_deg)
    seen = {frame.orientation for frame in frames}
    dataset.PatientOrientation = list(frames[0].orientation) if len(seen) == 1 else None
    block = dataset.private_block(_PRIVATE_GROUP, MANUFACTURER, create=True)
    block.add_new(_PRIVATE_ISOCENTRE, "FD", list(carm.isocentre_lps))
    console = [angle for frame in frames if frame.console_deg is not None for angle in frame.console_deg]
    if len(console) == 2 * len(frames):
        block.add_new(_PRIVATE_CONSOLE, "FD", console)
    block.add_new(_PRIVATE_ROTATION, "FD", carm.image_rotation_deg)
    block.add_new(_PRIVATE_FLIP, "CS", carm.image_flip.upper())


def _add_turn(dataset: Dataset, frames: Sequence[FluoroscopyFrame], frame_time_ms: float) -> None:
    """Put in what several frames need: their pace, and each one's angles."""
    primary = np.array([frame.carm.primary_deg for frame in frames])
    secondary = np.array([frame.carm.secondary_deg for frame in frames])
    dataset.NumberOfFrames = len(frames)
    dataset.FrameTime = decimal_string(frame_time_ms)
    dataset.RecommendedDisplayFrameRate = max(1, round(1000.0 / frame_time_ms))
    dataset.FramePrimaryAngleVector = [decimal_string(_wrapped_deg(float(angle))) for angle in primary]
    dataset.FrameSecondaryAngleVector = [decimal_string(float(angle)) for angle in secondary]
    # The time first: viewers that know only one pointer play the frames by it.
    dataset.FrameIncrementPointer = [
        Tag("FrameTime"), Tag("FramePrimaryAngleVector"), Tag("FrameSecondaryAngleVector")
    ]  # fmt: skip
    if np.ptp(primary) > 0.0 or np.ptp(secondary) > 0.0:
        dataset.PositionerMotion = "DYNAMIC"
        # Past 180 degrees the offsets run on, as the C-arm does.
        along = np.unwrap(primary, period=360.0)
        dataset.PositionerPrimaryAngleIncrement = [decimal_string(float(v)) for v in along - along[0]]
        dataset.PositionerSecondaryAngleIncrement = [decimal_string(float(v)) for v in secondary - secondary[0]]
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"


def _wrapped_deg(angle_deg: float) -> float:
    """Turn a primary angle into -180..180, the range of the standard."""
    return angle_deg if abs(angle_deg) <= 180.0 else (angle_deg + 180.0) % 360.0 - 180.0


def _comments(
    frames: Sequence[FluoroscopyFrame], description: str, position: PatientPosition | None, notes: Sequence[str]
) -> str:
    """Say in words what the picture shows and how the C-arm stands."""
    first, last = frames[0], frames[-1]
    lines = [*(plain_text(note, _NOTE_LENGTH) for note in notes)]
    lines += [plain_text(description, _DESCRIPTION_LENGTH), "Simulated from CT."]
    patient = [(_wrapped_deg(f.carm.primary_deg), f.carm.secondary_deg) for f in (first, last)]
    lines.append(_angles("C-arm in the patient's axes", *patient))
    if first.console_deg is not None and last.console_deg is not None:
        lying = f"console, patient {position}" if position is not None else "console"
        lines.append(_angles(lying, first.console_deg, last.console_deg))
    turned = f"turned {first.carm.image_rotation_deg:g} degrees clockwise" if first.carm.image_rotation_deg else ""
    done = " and ".join(part for part in (turned, _FLIPPED[first.carm.image_flip]) if part)
    lines.append(f"Image {done}." if done else "")
    x, y, z = first.carm.isocentre_lps
    lines.append(f"Isocentre (L, P, S): {x:z.1f}, {y:z.1f}, {z:z.1f} mm in the CT's frame of reference.")
    return "\n".join(line for line in lines if line)


def _angles(name: str, first: tuple[float, float], last: tuple[float, float]) -> str:
    text = f"{name}: primary {first[0]:z.1f}, secondary {first[1]:z.1f} degrees"
    if last != first:
        text += f" to primary {last[0]:z.1f}, secondary {last[1]:z.1f} degrees"
    return f"{text[0].upper()}{text[1:]}."


def _encoded(dataset: Dataset, source: SourceCt, position: PatientPosition | None, plan: Plan | None) -> bytes:
    """Put patient, study and series in, and give the whole file."""
    dataset.Modality = "OT"
    dataset.Laterality = ""  # both sides may be in view
    dataset.SeriesNumber = _SERIES_NUMBER
    dataset.SeriesDescription = series_description("simulated fluoroscopy", None if plan is None else plan.review)
    dataset.Manufacturer = dataset.ManufacturerModelName = MANUFACTURER
    dataset.SoftwareVersions = SOFTWARE_VERSION
    told = "" if plan is None else plan_digest(plan)
    series = (source.study_instance_uid, source.series_instance_uid, position or "", SOFTWARE_VERSION, told)
    dataset.StudyInstanceUID = source.study_instance_uid
    dataset.SeriesInstanceUID = derived_uid("fluoroscopy-series", *series)
    dataset.FrameOfReferenceUID = source.frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    dataset.SourceImageSequence = [_reference(*image) for image in source.images]
    # Of the picture alone: from a pseudonymised file nobody shall be able to try names.
    digest = hashlib.sha256(_file(dataset, derived_uid("fluoroscopy"))).hexdigest()
    add_patient_and_study(dataset, source.patient_and_study)
    return _file(dataset, derived_uid("fluoroscopy", *series, digest))


def _reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class_uid, sop_instance_uid
    return item


def _file(dataset: Dataset, sop_instance_uid: str) -> bytes:
    dataset.SOPInstanceUID = sop_instance_uid
    dataset.file_meta = file_meta(dataset.SOPClassUID, sop_instance_uid)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
