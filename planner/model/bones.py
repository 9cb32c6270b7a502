"""Bones apart from each other, and what is measured on them: envelopes, discs, pedicles, landmarks."""

from dataclasses import dataclass
from typing import Literal

from planner.geometry.frames import PointsLps
from planner.model.implant import Side
from planner.model.volume import Mask

BoneKind = Literal["vertebra", "sacrum", "ilium", "rib", "femur", "pelvis", "other"]
LandmarkName = Literal["spinous process", "trochanter tip", "lesser trochanter"]


@dataclass(frozen=True, slots=True, eq=False)
class Bone:
    """One bone, apart from its neighbours.

    Parameters
    ----------
    name : str
        Unique in the scan: "vertebra-1" (counted from the top of the scan), "sacrum", "ilium-left", "femur-right",
        "pelvis-left", "rib-1".
    kind : BoneKind
        What it is.
    mask : Mask
        Its envelope: closed over lysis, halos, holes in the cortex, and the implants that lie in it.
    level : str or None
        Vertebral level ("L4"), where something outside of the CT told it; None else.
    side : "left", "right" or None
        Side of the patient; None in the midline.
    is_cut : bool
        It goes on beyond what was outlined.
    """

    name: str
    kind: BoneKind
    mask: Mask
    level: str | None = None
    side: Side | None = None
    is_cut: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Disc:
    """The space between two vertebral bodies.

    Parameters
    ----------
    above, below : str
        Names of the bones that it lies between.
    mask : Mask
        From endplate to endplate.
    """

    above: str
    below: str
    mask: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Pedicle:
    """A pedicle at its narrowest place.

    Parameters
    ----------
    bone : str
        The vertebra's name.
    side : "left" or "right"
        Side of the patient.
    centre_lps : PointsLps, shape (3,)
        The middle of the isthmus.
    inward_lps : PointsLps, shape (3,)
        Unit vector along its axis, from the back into the body.
    width_mm, height_mm : float or None
        Of the isthmus, across the axis, from outer cortex to outer cortex; None where artefacts or missing bone leave
        it unmeasured.
    """

    bone: str
    side: Side
    centre_lps: PointsLps
    inward_lps: PointsLps
    width_mm: float | None = None
    height_mm: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Landmark:
    """A point of a bone that can be felt or seen.

    Parameters
    ----------
    name : LandmarkName
        Which.
    bone : str
        The bone's name.
    point_lps : PointsLps, shape (3,)
        Where.
    side : "left", "right" or None
        Side of the patient.
    """

    name: LandmarkName
    bone: str
    point_lps: PointsLps
    side: Side | None = None
