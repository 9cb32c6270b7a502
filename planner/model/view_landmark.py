"""What is looked for in a fluoroscopy view: landmarks as pieces of bone's surface, and what a view is lined up by."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps
from planner.model.implant import Side

ViewLandmarkName = Literal[
    "pedicle ring",
    "medial pedicle wall",
    "posterior wall",
    "upper endplate",
    "lower endplate",
    "medial cortex",
    "lateral cortex",
    "anterior cortex",
    "posterior cortex",
    "screw tip",
    "stem tip",
    "nail tip",
]


@dataclass(frozen=True, slots=True, eq=False)
class ViewLandmark:
    """A landmark as fluoroscopy shows it: a piece of bone's surface that makes a line where the beam runs along it.

    Parameters
    ----------
    name : ViewLandmarkName
        Which.
    bone : str
        Name of the bone that it belongs to.
    level : str or None
        Vertebral level of that bone; None where nobody told it.
    side : "left", "right" or None
        Side of the patient; None in the midline.
    points_lps : PointsLps, shape (N, 3)
        Places on the surface, mm.
    normals_lps : ndarray, shape (N, 3), or None
        Unit vectors out of the bone; None for what shows as a point from everywhere.
    parts : ndarray of int, shape (N,)
        Which stretch of the landmark's outline each place belongs to, from 0 on without a number left out: a stretch
        shows as a line where one of its places is in profile.

    Raises
    ------
    ValueError
        If there is no place, or the arrays do not fit together.
    """

    name: ViewLandmarkName
    bone: str
    level: str | None
    side: Side | None
    points_lps: PointsLps
    normals_lps: Array | None
    parts: npt.NDArray[np.intp]

    def __post_init__(self) -> None:
        count = len(self.points_lps)
        if count == 0:
            raise ValueError(f"the {self.name} of {self.bone} has no place; leave a landmark out that was not measured")
        if self.normals_lps is not None and self.normals_lps.shape != (count, 3):
            raise ValueError(f"{count} places of the {self.name} need as many normals, not {self.normals_lps.shape}")
        if self.parts.shape != (count,) or not np.array_equal(np.unique(self.parts), np.arange(self.parts.max() + 1)):
            raise ValueError(f"the parts of the {self.name} must number its {count} places from 0 on")

    @property
    def part_count(self) -> int:
        """How many stretches it has."""
        return int(self.parts.max()) + 1


@dataclass(frozen=True, slots=True, eq=False)
class VertebraMarks:
    """What a view of a vertebra is lined up by, as far as it was measured.

    Parameters
    ----------
    bone : str
        The vertebra's name.
    level : str or None
        Its level; None where nobody told it.
    centre_lps : PointsLps, shape (3,)
        Middle of its body.
    upper_normal_lps, lower_normal_lps : ndarray, shape (3,), or None
        Unit vectors out of the body, square to the endplates' fitted planes; None where a plate was not measured.
    wall_normal_lps : ndarray, shape (3,), or None
        Unit vector backwards, the mean normal of the body's posterior wall; None where that was not measured.
    left_pedicle_lps, right_pedicle_lps : PointsLps, shape (3,), or None
        Middle of each pedicle's isthmus; None where it was not found. Known well across the pedicle, and to some 5 mm
        only along it.
    spinous_lps : PointsLps, shape (3,), or None
        Tip of the spinous process; None where there is none.
    """

    bone: str
    level: str | None
    centre_lps: PointsLps
    upper_normal_lps: Array | None
    lower_normal_lps: Array | None
    wall_normal_lps: Array | None
    left_pedicle_lps: PointsLps | None
    right_pedicle_lps: PointsLps | None
    spinous_lps: PointsLps | None
