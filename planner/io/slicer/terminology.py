"""What a segment shows, in the coded words that 3D Slicer keeps beside its name."""

from dataclasses import dataclass

from pydicom.sr.coding import Code

CATEGORY_CONTEXT = "Segmentation category and type - DICOM master list"
ANATOMY_CONTEXT = "Anatomic codes - DICOM master list"
"""Word lists that 3D Slicer comes with."""
_PARTS, _TRIPLET = "~^|", "^"


@dataclass(frozen=True, slots=True)
class SegmentTerms:
    """Coded words of one segment.

    Parameters
    ----------
    category, kind : Code
        What sort of thing it is, and which (DICOM's property category and type).
    modifier : Code or None
        Which of that kind, or its side where it is anatomy itself.
    region, region_side : Code or None
        Where in the body it lies.
    """

    category: Code
    kind: Code
    modifier: Code | None = None
    region: Code | None = None
    region_side: Code | None = None

    @property
    def entry(self) -> str:
        """The words as 3D Slicer's tag ``TerminologyEntry`` has them."""
        first = (CATEGORY_CONTEXT, *map(_triplet, (self.category, self.kind, self.modifier)))
        return "~".join((*first, ANATOMY_CONTEXT, *map(_triplet, (self.region, self.region_side))))


def _triplet(code: Code | None) -> str:
    """Give scheme, value and meaning; what parts entries and tags in the file is taken out of the words."""
    if code is None:
        return _TRIPLET * 2
    words = (code.scheme_designator, code.value, code.meaning)
    return _TRIPLET.join("".join(letter for letter in word if letter not in _PARTS) for word in words)
