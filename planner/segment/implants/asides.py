"""What is as bright as metal and is no orthopaedic implant: told where it is sure, else left among the metal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import edt
import numpy as np
import numpy.typing as npt

from planner.config.aside_config import AsideConfig
from planner.geometry.frames import Array, PointsLps, point_tuple
from planner.model.finding import Finding
from planner.model.volume import Volume
from planner.progress import SILENT, Monitor
from planner.segment.anatomy.body import Body, find_body

Bools = npt.NDArray[np.bool_]
Block = tuple[slice, slice, slice]

AsideKind = Literal["external", "lead", "stent", "port", "filling", "contrast", "calcification", "clip"]

_PLACES = 40
"""Places along a piece at which its course is looked at."""
_NEIGHBOURHOOD_MM = 7.0
"""How far round them: several times a lead's width."""
_NAMES: dict[AsideKind, str] = {
    "external": "metal on or outside the skin",
    "lead": "lead",
    "stent": "stent",
    "port": "port or stimulator",
    "filling": "tooth or filling",
    "contrast": "pool of contrast agent",
    "calcification": "calcification",
    "clip": "clip",
}


@dataclass(frozen=True, slots=True, eq=False)
class BrightPiece:
    """A connected piece of what is as bright as metal.

    Parameters
    ----------
    block : tuple of slice
        Its bounding box in the CT.
    own : ndarray of bool
        Its voxels in that box.
    ball_mm : float
        Radius of the largest ball inside.
    peak_hu : float
        Its brightest voxel.
    """

    block: Block
    own: Bools
    ball_mm: float
    peak_hu: float


@dataclass(frozen=True, slots=True, eq=False)
class Aside:
    """Something as bright as metal that is no orthopaedic implant.

    Parameters
    ----------
    kind : {"external", "lead", "stent", "port", "filling", "contrast", "calcification", "clip"}
        What it is told as.
    centroid_lps : PointsLps, shape (3,)
        Its middle.
    volume_ml : float
        Its whole voxels.
    bounds_lps : ndarray, shape (2, 3)
        Its lowest and highest corner, LPS mm.
    why : str
        What told it.
    """

    kind: AsideKind
    centroid_lps: PointsLps
    volume_ml: float
    bounds_lps: Array
    why: str


def tell_asides(
    volume: Volume, pieces: Sequence[BrightPiece], config: AsideConfig, *, monitor: Monitor = SILENT
) -> tuple[tuple[Aside | None, ...], Body | None]:
    """Tell pieces of metal that are positively no orthopaedic implant.

    Parameters
    ----------
    volume : Volume
        The CT.
    pieces : sequence of BrightPiece
        The metal.
    config : AsideConfig
        The thresholds.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    told : tuple of Aside or None
        For each piece what it is, None where it may be an implant.
    patient : Body or None
        The patient, where a piece was held against the skin.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    seen = [_Piece(volume, piece, config) for piece in pieces]
    fillings = _fillings(seen, config)
    body: Body | None = None
    told: list[Aside | None] = []
    for number, piece in enumerate(seen):
        if number in fillings:
            told.append(piece.aside("filling", "small, in enamel, with others on one level"))
            continue
        if body is None and (_may_be_aside(piece, config) or piece.volume_mm3 <= 1000.0 * config.external_ml):
            body = find_body(volume, monitor=monitor)
        told.append(None if body is None else _told(piece, body, config))
    return tuple(told), body


def tell_dim(volume: Volume, pieces: Sequence[BrightPiece], config: AsideConfig) -> tuple[Aside, ...]:
    """Name what is too small or too dim for metal: clips, calcifications, pools of contrast agent.

    Parameters
    ----------
    volume : Volume
        The CT.
    pieces : sequence of BrightPiece
        Bright pieces that are no metal, away from all metal.
    config : AsideConfig
        The thresholds.

    Returns
    -------
    tuple of Aside
        What is under `config.clip_mm3` is noise, and what lies in or on bone is its dense part: both are left out.
    """
    asides = []
    for piece in pieces:
        one = _Piece(volume, piece, config)
        if one.volume_mm3 < config.clip_mm3 or not one.is_clear_of_bone():
            continue
        if piece.peak_hu > config.contrast_hu:
            asides.append(one.aside("clip", "as bright as metal, smaller than any implant"))
        elif one.volume_mm3 >= 1000.0 * config.contrast_ml:
            asides.append(one.aside("contrast", "large, and nowhere as bright as metal"))
        else:
            asides.append(one.aside("calcification", "small, and nowhere as bright as metal"))
    return tuple(asides)


def findings_of_asides(asides: Sequence[Aside]) -> tuple[Finding, ...]:
    """Say what was seen beside implants, one finding for each kind.

    Parameters
    ----------
    asides : sequence of Aside
        What was told.

    Returns
    -------
    tuple of Finding
        Codes "bright-external", "bright-lead", "bright-stent", "bright-port", "bright-filling", "bright-contrast",
        "bright-calcification" and "bright-clip"; `measured` is the volume of all of the kind.
    """
    found = []
    for kind, name in _NAMES.items():
        own = [aside for aside in asides if aside.kind == kind]
        if own:
            largest = max(own, key=lambda aside: aside.volume_ml)
            found.append(
                Finding(
                    code=f"bright-{kind}",
                    severity="info",
                    message=f"{_counted(len(own), name)}, as bright as metal and no implant of bone: {largest.why}",
                    where_lps=point_tuple(largest.centroid_lps),
                    measured=round(sum(aside.volume_ml for aside in own), 3),
                    unit="mL",
                )
            )
    return tuple(found)


def asides_in_words(asides: Sequence[Aside]) -> str:
    """Name what was seen in a few words, for a message that refuses a CT.

    Parameters
    ----------
    asides : sequence of Aside
        What was told.

    Returns
    -------
    str
        "2 x lead, 1 x stent"; empty where nothing was told.
    """
    return ", ".join(
        _counted(count, name) for kind, name in _NAMES.items() if (count := sum(a.kind == kind for a in asides))
    )


def _counted(count: int, name: str) -> str:
    return f"{count} x {name}"


class _Piece:
    """A piece with what is asked of it more than once."""

    def __init__(self, volume: Volume, piece: BrightPiece, config: AsideConfig) -> None:
        self.piece, self.grid, self.config = piece, volume.grid, config
        self._volume = volume
        start = np.array([s.start for s in piece.block])
        self.points: Array = np.asarray(volume.grid.to_lps(np.argwhere(piece.own) + start))
        self.volume_mm3 = len(self.points) * volume.grid.voxel_volume_mm3
        half = 0.5 * np.abs(volume.grid.lps_from_index[:3, :3]).sum(axis=1)
        self.bounds_lps: Array = np.stack([self.points.min(axis=0) - half, self.points.max(axis=0) + half])

    @property
    def extent_mm(self) -> float:
        return float(np.ptp(self.bounds_lps, axis=0).max())

    def around_hu(self) -> npt.NDArray[Any]:
        """HU of the voxels a little away from the piece."""
        low_mm, high_mm = self.config.round_mm
        reach = [int(np.ceil(high_mm / s)) for s in self.grid.spacing_mm]
        low = [max(0, s.start - r) for s, r in zip(self.piece.block, reach, strict=True)]
        wide = tuple(slice(a, s.stop + r) for a, s, r in zip(low, self.piece.block, reach, strict=True))
        hu = self._volume.hu[wide]
        own = np.zeros(hu.shape, dtype=bool)
        own[tuple(slice(s.start - a, s.stop - a) for a, s in zip(low, self.piece.block, strict=True))] = self.piece.own
        away = edt.edt((~own).astype(np.uint8), anisotropy=self.grid.spacing_mm, parallel=1)
        around: npt.NDArray[Any] = hu[(away > low_mm) & (away <= high_mm)]
        return around

    def is_clear_of_bone(self) -> bool:
        around = self.around_hu()
        return bool(len(around)) and float(np.mean(around > self.config.bone_hu)) <= self.config.most_bone_share

    def aside(self, kind: AsideKind, why: str) -> Aside:
        return Aside(kind, PointsLps(self.points.mean(axis=0)), self.volume_mm3 / 1000.0, self.bounds_lps, why)


def _may_be_aside(piece: _Piece, config: AsideConfig) -> bool:
    """Whether a piece is small or thin enough for any of the kinds, so that the skin must be known."""
    return piece.extent_mm <= config.port_extent_mm[1] or piece.piece.ball_mm <= config.lead_radius_mm


def _told(piece: _Piece, body: Body, config: AsideConfig) -> Aside | None:
    depth = _depth_mm(piece.points, body)
    if depth is not None and depth <= config.skin_mm:
        return piece.aside("external", f"no deeper than {config.skin_mm:g} mm under the skin")
    if not _may_be_aside(piece, config) or not piece.is_clear_of_bone():
        return None
    if _is_stent(piece, config):
        return piece.aside("stent", "a thin tube in soft tissue")
    if _is_lead(piece, config):
        return piece.aside("lead", "long, thin and bent, in soft tissue")
    low, high = config.port_extent_mm
    is_box = piece.piece.ball_mm >= config.port_ball_mm and low <= piece.extent_mm <= high
    if is_box and depth is not None and depth <= config.port_depth_mm:
        return piece.aside("port", "a box close under the skin, away from bone")
    return None


def _depth_mm(points: Array, body: Body) -> float | None:
    """How deep the deepest point lies under the skin; None where no skin was measured."""
    outside, grid = body.outside.voxels, body.outside.grid
    if not outside.any():
        return None
    index = np.rint(grid.to_index(points)).astype(int)
    index = np.clip(index, 0, np.array(grid.shape) - 1)
    reach = np.ceil(40.0 / np.array(grid.spacing_mm)).astype(int)
    low, high = np.maximum(index.min(axis=0) - reach, 0), index.max(axis=0) + reach + 1
    block = outside[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))]
    if not block.any():
        return float("inf")
    depth = edt.edt((~block).astype(np.uint8), anisotropy=grid.spacing_mm, parallel=1)
    return float(depth[tuple((index - low).T)].max())


def _principal(points: Array) -> tuple[Array, Array]:
    """Points in their own axes, longest first, and the spreads along these."""
    centred = points - points.mean(axis=0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes.T, spread / np.sqrt(max(len(points), 1))


def _is_stent(piece: _Piece, config: AsideConfig) -> bool:
    if piece.piece.ball_mm > config.stent_wall_mm or len(piece.points) < 20:
        return False
    along, _ = _principal(piece.points)
    radius = np.hypot(along[:, 1], along[:, 2])
    middle = float(np.median(radius))
    low, high = config.stent_radius_mm
    turn = np.arctan2(along[:, 2], along[:, 1])
    sectors = np.unique(np.floor((turn + np.pi) / (np.pi / 4)).astype(int) % 8)
    is_hollow = float(np.mean(radius < 0.5 * middle)) <= config.stent_core_share
    return low <= middle <= high and is_hollow and len(sectors) == 8 and float(np.ptp(along[:, 0])) >= 2 * middle


def _is_lead(piece: _Piece, config: AsideConfig) -> bool:
    """Whether a thin piece is longer than it can be if it were straight: leads bend, pins and wires hardly."""
    if piece.piece.ball_mm > config.lead_radius_mm:
        return False
    section = np.pi * max(piece.piece.ball_mm, 0.5) ** 2
    length = piece.volume_mm3 / (2.0 * section)
    _, spread = _principal(piece.points)
    is_bent = bool(spread[1] > 0.08 * spread[0])
    return length >= config.lead_length_mm and piece.extent_mm >= 20.0 and is_bent and _is_line(piece.points)


def _is_line(points: Array) -> bool:
    """Whether a piece runs along a line nearly everywhere: a sheet's neighbourhoods spread two ways."""
    places = points[:: max(1, len(points) // _PLACES)]
    around = [points[np.linalg.norm(points - place, axis=1) <= _NEIGHBOURHOOD_MM] for place in places]
    lines = [_principal(near)[1] for near in around if len(near) >= 4]
    return float(np.mean([spread[1] < 0.45 * spread[0] for spread in lines])) > 0.75 if lines else False


def _fillings(pieces: Sequence[_Piece], config: AsideConfig) -> frozenset[int]:
    """Numbers of the pieces that are fillings: small ones in enamel, several on one level."""
    small = [n for n, piece in enumerate(pieces) if piece.extent_mm <= config.tooth_extent_mm]
    if len(small) < config.least_teeth:
        return frozenset()
    low, high = config.enamel_hu
    in_enamel = []
    for n in small:
        around = pieces[n].around_hu()
        if len(around) and float(np.mean((around > low) & (around < high))) >= config.enamel_share:
            in_enamel.append(n)
    heights = {n: float(pieces[n].points[:, 2].mean()) for n in in_enamel}
    return frozenset(
        n
        for n in in_enamel
        if sum(abs(heights[m] - heights[n]) <= config.jaw_height_mm for m in in_enamel) >= config.least_teeth
    )
