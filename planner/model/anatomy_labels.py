"""Anatomy labels that were made elsewhere, under the names that the planner knows."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.grid import Grid
from planner.model.finding import Finding
from planner.model.implant import Side
from planner.model.labels import LabelMap, StructureKind
from planner.model.volume import Mask

LEVELS = (
    *(f"C{n}" for n in range(1, 8)),
    *(f"T{n}" for n in range(1, 14)),
    *(f"L{n}" for n in range(1, 7)),
    "S1",
)
"""Vertebral levels from the top down, with the thirteenth thoracic and the sixth lumbar one that some people have."""
KEEP_OUT = frozenset(
    (
        "aorta",
        "inferior vena cava",
        "superior vena cava",
        "iliac artery left",
        "iliac artery right",
        "iliac vein left",
        "iliac vein right",
        "kidney left",
        "kidney right",
        "lung left",
        "lung right",
        "colon",
        "small bowel",
        "duodenum",
        "stomach",
        "esophagus",
        "trachea",
        "heart",
        "liver",
        "spleen",
        "pancreas",
        "urinary bladder",
    )
)
"""Soft parts that no needle may cross."""
BONES = frozenset(("sacrum", "coccyx", "femur left", "femur right", "hip left", "hip right"))
_VERTEBRA = re.compile(r"vertebra ([CTLS]\d{1,2})")
_RIB = re.compile(r"rib (?:left|right) \d{1,2}")


def level_of(name: str) -> str | None:
    """Give the level of a vertebra's label.

    Parameters
    ----------
    name : str
        A standard name ("vertebra L4").

    Returns
    -------
    str or None
        "L4"; None for what is no vertebra.
    """
    found = _VERTEBRA.fullmatch(name)
    return found.group(1) if found and found.group(1) in LEVELS else None


def side_of(name: str) -> Side | None:
    """Give the side of the patient that a label's name says.

    Parameters
    ----------
    name : str
        A standard name ("femur left", "rib right 3").

    Returns
    -------
    "left", "right" or None
    """
    words = name.split()
    return "left" if "left" in words else "right" if "right" in words else None


def kind_of(name: str) -> StructureKind | None:
    """Say what a standard name stands for.

    Parameters
    ----------
    name : str
        Such as "vertebra L4", "sacrum", "femur left", "hip right", "rib left 3", "canal", "spinal cord", "disc", or
        one of `KEEP_OUT`.

    Returns
    -------
    StructureKind or None
        "bone", "canal" (the cord too), "disc" or "other" (to keep out of); None where it is no standard name.
    """
    if level_of(name) is not None or name in BONES or _RIB.fullmatch(name):
        return "bone"
    if name in ("canal", "spinal cord"):
        return "canal"
    if name == "disc":
        return "disc"
    return "other" if name in KEEP_OUT else None


@dataclass(frozen=True, slots=True, eq=False)
class AnatomyLabels:
    """Labels of bones, canal, discs and organs, made by another program or by hand.

    Parameters
    ----------
    labels : LabelMap
        Its structures' ids are standard names (`kind_of`); where two of the file's segments overlapped, the cord and
        the canal stand before discs, organs and bones.
    kind : str
        What kind of file they came from ("TotalSegmentator NIfTI").
    name : str
        Words for what was given; never a file's name, which people choose by their patient.
    findings : tuple of Finding
        What the operator must know of them.
    """

    labels: LabelMap
    kind: str
    name: str
    findings: tuple[Finding, ...] = ()

    @property
    def grid(self) -> Grid:
        """Where the labels lie."""
        return self.labels.grid

    @property
    def names(self) -> tuple[str, ...]:
        """Standard names of what is labelled."""
        return tuple(structure.id for structure in self.labels.structures)

    def mask(self, *names: str) -> Mask | None:
        """Give the voxels of some labels together.

        Parameters
        ----------
        *names : str
            Standard names.

        Returns
        -------
        Mask or None
            None where none of them is labelled.
        """
        codes = [structure.code for structure in self.labels.structures if structure.id in names]
        if not codes:
            return None
        return Mask(self.grid, self.table(codes)[self.labels.codes])

    def mask_of_kind(self, kind: StructureKind) -> Mask | None:
        """Give the voxels of all labels of a kind.

        Parameters
        ----------
        kind : StructureKind
            "bone", "canal", "disc" or "other".

        Returns
        -------
        Mask or None
            None where there is none.
        """
        return self.mask(*(structure.id for structure in self.labels.structures if structure.kind == kind))

    def table(self, codes: list[int]) -> npt.NDArray[np.bool_]:
        """Give a table that says of each code whether it is one of these.

        Parameters
        ----------
        codes : list of int
            Codes of the label map.

        Returns
        -------
        ndarray of bool
            To be indexed with the label map's codes.
        """
        table = np.zeros(int(max(structure.code for structure in self.labels.structures)) + 1, dtype=bool)
        table[codes] = True
        return table
