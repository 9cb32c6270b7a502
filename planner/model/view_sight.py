"""What a fluoroscopy view shows of a target and of the landmarks round it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.model.carm import CArm
from planner.model.implant import Side
from planner.model.record import NotNegative, Record, Share
from planner.model.view_landmark import ViewLandmarkName

LandmarkVerdict = Literal["visible", "partly", "hidden", "not in profile", "outside"]
ViewKind = Literal["frontal", "lateral", "endplate frontal", "true lateral", "bull's-eye"]
"""Frontal (of a patient treated prone with the detector behind) and lateral; the same two lined up by the vertebra's
endplates, midline and pedicles; along the gap's first needle."""
TargetVerdict = Literal["visible", "partly", "hidden", "outside"]


class LandmarkSight(Record):
    """What a view shows of one landmark. Shares are of the stretches of its outline."""

    name: ViewLandmarkName
    bone: str
    level: str | None
    side: Side | None
    in_profile_share: Share | None
    """The beam runs along its surface, so that it makes a line; None for a point."""
    hidden_share: Share | None
    """Of what is in profile and in the picture, what metal hides; None where nothing is, or metal that goes on beyond
    the CT may lie in the way."""
    outside_share: Share
    """Of its places, what falls beside the detector."""
    visible_share: Share | None
    """Of the whole landmark: in profile, in the picture, and not behind metal. None where metal that goes on beyond the
    CT may lie in the way."""
    verdict: LandmarkVerdict | None
    """None where that metal decides it."""


class TargetSight(Record):
    """What a view shows of a target. Visible, hidden and outside, and what is not known, make the whole."""

    target_id: str
    visible_share: Share | None
    """In the picture and not behind metal; None where `verdict` is None, as for the next two."""
    hidden_share: Share | None
    """Behind more metal than an edge shows through."""
    mean_metal_mm: NotNegative | None
    """Mean length of metal that its rays pass, of those in the picture; None without any, too."""
    outside_share: Share
    """Beside the detector."""
    unknown_share: Share
    """Its rays run where metal goes on beyond the CT."""
    verdict: TargetVerdict | None
    """None where too much is unknown."""


class ViewSight(Record):
    """A view, and what it shows."""

    carm: CArm
    console_primary_deg: float
    """Primary angle at the console, for the treatment position."""
    console_secondary_deg: float
    within_gantry_limits: bool
    turn_deg: NotNegative
    """How far the beam is turned from the view that was asked for; 0 for that view."""
    target: TargetSight
    landmarks: tuple[LandmarkSight, ...]


class GapView(Record):
    """A view of a gap that the plan proposes, with what it shows."""

    gap_id: str
    kind: ViewKind
    sight: ViewSight
    better: ViewSight | None
    """A view near by that shows more of the gap, and every landmark that the view itself shows; None where there is
    none."""


@dataclass(frozen=True, slots=True, eq=False)
class AngleMap:
    """How much of a target is seen from each direction, over the C-arm's angles.

    Parameters
    ----------
    target_id : str
        The target.
    primary_deg : ndarray, shape (P,)
        Positioner primary angle of each column in the patient's axes, rising, LAO positive. They may run past 180, so
        that the gantry's reach lies in one piece: 200 is 160 degrees RAO.
    secondary_deg : ndarray, shape (S,)
        Positioner secondary angle of each row, rising, cranial positive.
    console_deg : ndarray, shape (S, P, 2)
        Primary and secondary angle to dial at the console in the treatment position, primary in -180..180.
    in_reach : ndarray of bool, shape (S, P)
        Where the gantry can be turned to.
    visible_share : ndarray, shape (S, P)
        Share of the target that is not behind metal; NaN where it was not reckoned (out of reach) or is not known
        (metal goes on beyond the CT).

    Raises
    ------
    ValueError
        If the arrays do not fit together.
    """

    target_id: str
    primary_deg: Array
    secondary_deg: Array
    console_deg: Array
    in_reach: npt.NDArray[np.bool_]
    visible_share: Array

    def __post_init__(self) -> None:
        shape = (len(self.secondary_deg), len(self.primary_deg))
        for name, wanted in (("console_deg", (*shape, 2)), ("in_reach", shape), ("visible_share", shape)):
            if getattr(self, name).shape != wanted:
                raise ValueError(f"{name} of an angle map has shape {getattr(self, name).shape}, not {wanted}")

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Where a share was reckoned, shape (S, P)."""
        return np.isfinite(self.visible_share)

    def share_at(self, primary_deg: float, secondary_deg: float) -> float | None:
        """Give the share of the cell that a view lies in.

        Parameters
        ----------
        primary_deg, secondary_deg : float
            Positioner angles in the patient's axes, primary from any turn.

        Returns
        -------
        float or None
            None beside the map, and where nothing is known.
        """
        steps = [float(v[1] - v[0]) if len(v) > 1 else 360.0 for v in (self.primary_deg, self.secondary_deg)]
        aside = (self.primary_deg - primary_deg + 180.0) % 360.0 - 180.0
        column, row = int(np.argmin(np.abs(aside))), int(np.argmin(np.abs(self.secondary_deg - secondary_deg)))
        off = abs(float(aside[column])), abs(float(self.secondary_deg[row]) - secondary_deg)
        if any(o > s / 2 + 1e-9 for o, s in zip(off, steps, strict=True)) or not self.known[row, column]:
            return None
        return float(self.visible_share[row, column])
