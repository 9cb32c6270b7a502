"""What is nothing to plan on: localizers, screen shots, maps, projections, other modalities."""

from collections.abc import Sequence

import numpy as np

from planner.io.dicom.geometry import SAME_PLACE_MM, plane_of
from planner.io.dicom.headers import CT_CLASSES, CT_IMAGE, SliceHeader
from planner.io.dicom.terms import shown_modality

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_MOST_LOCALIZER_IMAGES = 2
"""A scout is one image a direction, two where it was taken again."""
_PROJECTION = "projection of a slab (MIP, MinIP or rendering), not slices"
_KINDS = {
    "LOCALIZER": "localizer",
    "SCOUT": "localizer",
    "TOPOGRAM": "localizer",
    "TOPO": "localizer",
    "SURVIEW": "localizer",
    "PERFUSION": "perfusion map",
    "SCREEN SAVE": "screen shot",
    "SCREENSAVE": "screen shot",
    "SCREEN": "screen shot",
    "PATIENT PROTOCOL": "dose or protocol sheet",
    "PROTOCOL": "dose or protocol sheet",
    "DOSE": "dose or protocol sheet",
    "REPORT": "dose or protocol sheet",
    "MAX_IP": _PROJECTION,
    "MIN_IP": _PROJECTION,
    "MIP": _PROJECTION,
    "MINIP": _PROJECTION,
    "MAXIP": _PROJECTION,
    "PROJECTION IMAGE": _PROJECTION,
    "VRT": _PROJECTION,
    "VOLUME RENDERING": _PROJECTION,
    "SUBTRACTION": "subtraction, not Hounsfield units",
    "EFF_ATOMIC_NUM": "dual-energy map, not Hounsfield units",
    "ELECTRON_DENSITY": "dual-energy map, not Hounsfield units",
    "MAT_SPECIFIC": "dual-energy map, not Hounsfield units",
    "MAT_FRACTIONAL": "dual-energy map, not Hounsfield units",
    "MAT_VALUE_BASED": "dual-energy map, not Hounsfield units",
}
"""Values of Image Type (PS3.3 C.8.2.1.1.1, C.8.16.1, C.8.15.2.1.1.5, and what makers add) whose pixels are no
cross-section in Hounsfield units."""
_SIEMENS_KINDS = {"TOP": "localizer", "PROT": "dose or protocol sheet"}
"""What follows CT_SOM5 and the like."""


def aside_of(headers: Sequence[SliceHeader]) -> str | None:
    """Say why images are nothing to plan on.

    Parameters
    ----------
    headers : sequence of SliceHeader
        The images of one stack.

    Returns
    -------
    str or None
        None for a CT.
    """
    first = headers[0]
    return _by_object(first) or _by_image_type(first) or _by_pixels(first) or _by_places(headers)


def is_grey(header: SliceHeader) -> bool:
    """Say whether pixels are values and not places in a table of colours.

    Parameters
    ----------
    header : SliceHeader
        The slice.

    Returns
    -------
    bool
        True where Photometric Interpretation is missing, too; a CT image may be of no other kind (PS3.3 C.8.2.1.1.3).
    """
    return header.photometric in ("", "MONOCHROME1", "MONOCHROME2")


def _by_object(header: SliceHeader) -> str | None:
    if not header.has_pixels:
        return f"{shown_modality(header.modality) or 'object'} without an image"
    if header.modality != "CT":
        return shown_modality(header.modality) or "images without a known modality"
    if header.sop_class_uid.startswith(_SECONDARY_CAPTURE):
        return "secondary capture"
    if header.sop_class_uid not in ("", *CT_CLASSES):
        return "objects that are no CT image"
    if header.frames > 1 and header.sop_class_uid in ("", CT_IMAGE):
        return "multi-frame file that is no Enhanced CT"
    return None


def _by_image_type(header: SliceHeader) -> str | None:
    for value in map(str.upper, header.image_type):
        if value in _KINDS:
            return _KINDS[value]
        maker, _, rest = value.partition(" ")
        if maker.startswith("CT_SOM") and rest in _SIEMENS_KINDS:
            return _SIEMENS_KINDS[rest]
    return None


def _by_pixels(header: SliceHeader) -> str | None:
    if header.samples != 1 or not is_grey(header):
        return "colour picture"
    if header.position_lps is None and header.along_row_lps is None:
        return "picture without a place in the patient"
    return None


def _by_places(headers: Sequence[SliceHeader]) -> str | None:
    plane = plane_of(headers[0])
    places = [h.position_lps for h in headers if h.position_lps is not None]
    if plane is None or len(places) < len(headers):
        return None
    if len(headers) <= _MOST_LOCALIZER_IMAGES and abs(plane[2]).argmax() != 2:
        return "localizer (one or two images in a plane)"
    images = {(h.sop_instance_uid or h.path, h.frame) for h in headers}
    if len(images) > 1 and float(np.ptp(np.array(places), axis=0).max()) < SAME_PLACE_MM:
        return "one place at several times (bolus tracking)"
    return None
