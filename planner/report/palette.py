"""The report's colours, told apart by colour-blind readers too (M. Okabe and K. Ito), and what they stand for."""

from planner.fluoro import overlay
from planner.model.labels import StructureKind

IMPLANT = "#56B4E9"
GAP = "#F0E442"
BREACH = "#D55E00"
CANAL = "#009E73"
NEEDLE = "#CC79A7"
UNREADABLE = "#E69F00"
BONE = "#BBBBBB"
CEMENT = "#CC79F2"
"""Violet, as simulated cement has it in the viewer's canvas: no structure of the plan has it."""
FAULT = "#FF9A4D"
"""Words of what is broken: the breach's vermilion, lighter to be read on black."""
WARNING = "#F0A000"
"""Words that warn, on a screen's dark ground."""

BONE_LEVEL_HU, BONE_WIDTH_HU = 400.0, 2000.0
"""What is grey between black and white in pictures of bone: common practice."""

OUTLINES: dict[StructureKind, tuple[str, float, str]] = {
    "canal": (CANAL, 1.1, "dashed"),
    "gap": (GAP, 1.3, "solid"),
    "implant": (IMPLANT, 0.9, "solid"),
    "breach": (BREACH, 1.9, "solid"),
}
"""Colour, width in points and style of each structure's outline, the last on top."""

LEGEND = (
    ("implant", IMPLANT, "solid"),
    ("gap", GAP, "solid"),
    ("breach (a cross marks its middle)", BREACH, "solid"),
    ("spinal canal", CANAL, "dashed"),
    ("needle, as wide as it is (dotted where it lies off the cut)", NEEDLE, "solid"),
    ("hatched: metal artefacts make tissue unreadable", UNREADABLE, "dotted"),
)
"""Words, colour and line style, for the legend beside the pictures."""


def _hexadecimal(colour: overlay.Colour) -> str:
    return "#{:02X}{:02X}{:02X}".format(*colour)


FLUOROSCOPY_LEGEND = (
    ("gap", _hexadecimal(overlay.GAP), "solid"),
    ("breach: a ring, two where open", _hexadecimal(overlay.BREACH), "double"),
    ("needle, marked every 10 mm; its ring is the entry into bone", _hexadecimal(overlay.NEEDLE), "solid"),
    ("target; a ring where it begins to slide", _hexadecimal(overlay.TARGET), "dotted"),
)
"""Likewise for the simulated fluoroscopy, which has colours of its own: bright ones, for its greys are light."""
