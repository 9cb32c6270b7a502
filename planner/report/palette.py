"""The report's colours, told apart by colour-blind readers too (M. Okabe and K. Ito), and what they stand for."""

from planner.model.labels import StructureKind

IMPLANT = "#56B4E9"
GAP = "#F0E442"
BREACH = "#D55E00"
CANAL = "#009E73"
NEEDLE = "#CC79A7"
UNREADABLE = "#E69F00"

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
