"""How much of a femur's wall is missing at each height, and what class of defect that is like."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from skimage.measure import label

from planner.config.candidacy_config import FemoralDefectConfig
from planner.geometry.frames import Array, PointTuple, point_tuple
from planner.model.finding import Finding
from planner.model.implant import Side
from planner.segment.candidacy.femoral_wall import FemoralWall
from planner.segment.upright import Bools

FemoralClass = Literal["I", "II", "IIIA", "IIIB", "IV"]
DEFAULT = FemoralDefectConfig()
SOURCE = (
    "Paprosky-like, by a rule of this program on the classes as summed up by Ibrahim and Fernando 2017, "
    "doi 10.1007/s11999-016-5012-z"
)
_NO_CANDIDATE_SOURCE = f"no candidate from IIIB on (CLINICAL: custom-made stems); {SOURCE}"


@dataclass(frozen=True, slots=True, eq=False)
class FemoralDefect:
    """What is missing of a femur's wall.

    Parameters
    ----------
    side : {"left", "right"}
        The patient's side.
    below_mm : ndarray, shape (H,)
        Heights below the lesser trochanter, rising.
    lost_share : ndarray, shape (H,)
        Share of the circumference without a wall; NaN where too little of it can be read.
    read_share : ndarray, shape (H,)
        Share of the circumference that can be read.
    is_lost : ndarray of bool, shape (H, A)
        Where the wall is missing.
    lost_mm : float or None
        Longest stretch along the shaft with a segmental loss; 0 where there is none, None where too little of the
        shaft can be read.
    intact_mm : float or None
        Longest stretch of wall below the metaphysis that is surely whole: in view, and read. None where what cannot be
        read may change the class.
    view_mm : float
        How much of the shaft below the metaphysis is in view.
    likeness : str or None
        The class it is like; None where it cannot be told.
    where_lps : tuple of float
        The middle of the largest loss, or of the shaft.
    metaphysis_lost_share : float or None
        Share of the circumference that the metaphysis has lost, 90th percentile over its heights; None where too little
        of it can be read.
    """

    side: Side
    below_mm: Array
    lost_share: Array
    read_share: Array
    is_lost: Bools
    lost_mm: float | None
    intact_mm: float | None
    view_mm: float
    likeness: FemoralClass | None
    where_lps: PointTuple
    metaphysis_lost_share: float | None = None


@dataclass(frozen=True, slots=True)
class _Diaphysis:
    """What the rows of the diaphysis say: each is whole, broken, or cannot be told."""

    at_least_mm: float
    """Longest stretch of rows that are whole."""
    at_most_mm: float
    """The same if all that cannot be told were whole."""
    told_share: float
    """Share of the rows that are whole or broken."""
    view_mm: float

    def intact_mm(self, config: FemoralDefectConfig) -> float | None:
        """Give the longest whole stretch; None where unread rows may change what it means."""
        if self.view_mm <= 0:
            return None
        too_short = self.told_share >= config.least_read_rows and self.at_most_mm < config.intact_mm
        return self.at_least_mm if too_short or self.at_least_mm >= config.intact_mm else None


def femoral_defect(wall: FemoralWall, *, config: FemoralDefectConfig = DEFAULT) -> FemoralDefect:
    """Measure how much of a femur's wall is missing.

    Parameters
    ----------
    wall : FemoralWall
        The unrolled wall.
    config : FemoralDefectConfig
        Limits.

    Returns
    -------
    FemoralDefect
        Its class is None where too little of metaphysis or diaphysis can be read, or the view ends before 40 mm of
        whole diaphysis could show. A height that cannot be read is neither whole nor broken: IIIB and IV are given only
        where heights that were read leave no room for more whole diaphysis.

    Notes
    -----
    A wall is missing where nothing in it reads more than `config.lost_hu`, at a place that artefacts leave readable;
    single spots are dropped. I: whole. II: the metaphysis has lost some of its wall. IIIA: the metaphysis supports
    nothing any more, 40 mm and more of the diaphysis are whole. IIIB: less than that. IV: none is. Trabecular bone is
    not judged, and the isthmus is not told from the rest of the shaft: the classes are likenesses.
    """
    peak = np.nan_to_num(wall.peak_hu, nan=np.inf)
    lost = _without_spots(wall.is_readable & (peak < config.lost_hu), wall, config)
    read_share = wall.is_readable.mean(axis=1)
    enough = read_share >= config.least_read_share
    lost_share = np.where(
        enough, (lost & wall.is_readable).sum(axis=1) / np.maximum(wall.is_readable.sum(axis=1), 1), np.nan
    )
    upper = (wall.below_mm >= config.metaphysis_from_mm) & (wall.below_mm < config.diaphysis_from_mm)
    shaft = (wall.below_mm >= config.diaphysis_from_mm) & (wall.below_mm < config.diaphysis_to_mm)
    view = float(np.count_nonzero(shaft)) * wall.row_mm
    told = float(np.mean(enough)) >= config.least_read_rows
    segmental = np.nan_to_num(lost_share, nan=0.0) >= config.segmental_share
    seen = read_share >= config.whole_read_share
    lost_mm = _longest(segmental) * wall.row_mm if told else None
    metaphysis = _metaphysis(np.where(seen, lost_share, np.nan)[upper]) if told else None
    # of a row that is read in part, what is lost counts against its whole circumference
    at_least = np.where(seen, lost_share, np.where(enough, (lost & wall.is_readable).mean(axis=1), 0.0))
    broken = at_least > config.whole_share
    diaphysis = _diaphysis((seen & ~broken)[shaft], broken[shaft], wall.row_mm)
    intact = diaphysis.intact_mm(config) if told else None
    likeness = _likeness(metaphysis, intact, diaphysis, config)
    return FemoralDefect(
        side=wall.side,
        below_mm=wall.below_mm,
        lost_share=lost_share,
        read_share=read_share,
        is_lost=lost,
        lost_mm=lost_mm,
        intact_mm=intact,
        view_mm=view,
        likeness=likeness,
        where_lps=_where(lost, wall),
        metaphysis_lost_share=metaphysis,
    )


def femoral_findings(defect: FemoralDefect, *, config: FemoralDefectConfig = DEFAULT) -> tuple[Finding, ...]:
    """Say what a femoral defect means for cement.

    Parameters
    ----------
    defect : FemoralDefect
        As measured.
    config : FemoralDefectConfig
        Limits.

    Returns
    -------
    tuple of Finding
        None for a whole femur.
    """
    out = []
    most = _most(defect.lost_share)
    if defect.lost_mm is None:
        return (
            _finding(
                "femoral-wall-not-readable",
                "info",
                f"Too little of the {defect.side} femur's wall can be read beside the metal: a segmental defect cannot "
                "be told.",
                defect,
                round(float(np.mean(defect.read_share)), 2),
                config.least_read_share,
                "share of the wall that can be read",
                "this program's rule",
            ),
        )
    if defect.lost_mm >= config.segmental_mm:
        out.append(
            _finding(
                "femoral-segmental-defect",
                "warning",
                f"{defect.side} femur: over {defect.lost_mm:.0f} mm along the shaft at least "
                f"{100 * config.segmental_share:.0f} % of what can be read of its wall is missing (at most "
                f"{100 * most:.0f} %): little holds cement there.",
                defect,
                round(defect.lost_mm, 1),
                config.segmental_mm,
                "mm",
                "this program's rule",
            )
        )
    if defect.likeness in ("IIIB", "IV"):
        out.append(
            _finding(
                "femoral-defect-no-candidate",
                "warning",
                f"{defect.side} femur: Paprosky-like {defect.likeness}: less than {config.intact_mm:.0f} mm of whole "
                f"diaphysis in view (surely whole: {defect.intact_mm or 0.0:.0f} mm), and a metaphysis that supports "
                "nothing: no candidate for cement; such defects are treated with custom-made stems.",
                defect,
                round(defect.intact_mm or 0.0, 1),
                config.intact_mm,
                "mm",
                _NO_CANDIDATE_SOURCE,
            )
        )
    elif defect.likeness in ("II", "IIIA"):
        out.append(
            _finding(
                "femoral-defect",
                "caution",
                f"{defect.side} femur: Paprosky-like {defect.likeness}: up to {100 * most:.0f} % of the wall lost at "
                f"a height, {defect.intact_mm or 0.0:.0f} mm of surely whole diaphysis in view.",
                defect,
                round(most, 2),
                config.segmental_share,
                "share of the circumference",
                SOURCE,
            )
        )
    return (*out, *_not_told(defect, config))


def _not_told(defect: FemoralDefect, config: FemoralDefectConfig) -> tuple[Finding, ...]:
    """Say that a femur's metaphysis is lost, where nobody can say whether its diaphysis is whole."""
    lost = defect.metaphysis_lost_share
    if defect.likeness is not None or lost is None or lost < config.segmental_share:
        return ()
    return (
        _finding(
            "femoral-class-not-told",
            "caution",
            f"{defect.side} femur: its metaphysis supports nothing any more ({100 * lost:.0f} % of the wall lost); "
            f"whether {config.intact_mm:.0f} mm of whole diaphysis lie below could not be told, for too little of it "
            "can be read or is in view. Look there before any cement.",
            defect,
            round(lost, 2),
            config.segmental_share,
            "share of the circumference",
            SOURCE,
        ),
    )


def _metaphysis(upper: Array) -> float | None:
    seen = upper[np.isfinite(upper)]
    if not len(seen) or len(seen) < 0.5 * len(upper):
        return None
    return float(np.percentile(seen, 90))


def _diaphysis(whole: npt.NDArray[np.bool_], broken: npt.NDArray[np.bool_], row_mm: float) -> _Diaphysis:
    return _Diaphysis(
        at_least_mm=_longest(whole) * row_mm,
        at_most_mm=_longest(~broken) * row_mm,
        told_share=float((whole | broken).mean()) if len(whole) else 0.0,
        view_mm=len(whole) * row_mm,
    )


def _likeness(
    metaphysis: float | None, intact_mm: float | None, shaft: _Diaphysis, config: FemoralDefectConfig
) -> FemoralClass | None:
    if metaphysis is None or intact_mm is None:
        return None
    whole_shaft = intact_mm >= config.intact_mm
    if metaphysis < config.segmental_share:
        if not whole_shaft and shaft.view_mm >= config.intact_mm:
            return None  # a whole metaphysis over a lost diaphysis is in none of the classes
        return "II" if metaphysis > config.whole_share else "I"
    if whole_shaft:
        return "IIIA"
    if shaft.view_mm < config.intact_mm:
        return None
    return "IIIB" if shaft.at_most_mm >= config.none_mm else "IV"


def _without_spots(lost: Bools, wall: FemoralWall, config: FemoralDefectConfig) -> Bools:
    """Drop patches smaller than what counts: noise, nutrient canals."""
    wide = np.concatenate([lost, lost], axis=1)
    labels = label(wide, connectivity=1)  # type: ignore[no-untyped-call]
    cell = wall.row_mm * np.radians(360.0 / lost.shape[1]) * wall.radius_mm
    area = np.bincount(labels.ravel(), weights=np.concatenate([cell, cell], axis=1).ravel())
    keep = area >= config.least_patch_mm2
    keep[0] = False
    kept = keep[labels]
    half = lost.shape[1]
    return np.asarray(kept[:, :half] | kept[:, half:])


def _longest(rows: npt.NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]]).astype(int)))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def _most(share: Array) -> float:
    return float(np.nanmax(share)) if np.isfinite(share).any() else 0.0


def _where(lost: Bools, wall: FemoralWall) -> PointTuple:
    points = wall.points_lps[lost] if lost.any() else wall.points_lps.reshape(-1, 3)
    return point_tuple(np.round(points.mean(axis=0), 1))


def _finding(
    code: str,
    severity: Literal["info", "caution", "warning"],
    message: str,
    defect: FemoralDefect,
    measured: float,
    limit: float,
    unit: str,
    source: str,
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        message=message,
        where_lps=defect.where_lps,
        measured=measured,
        limit=limit,
        unit=unit,
        source=source,
    )
