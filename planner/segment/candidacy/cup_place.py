"""Where a cup stands: how it is turned, and how far it lies from where the other side says the hip was."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

from planner.config.candidacy_config import MirrorConfig
from planner.geometry.frames import Array, PointsLps, points_lps, unit
from planner.model.bones import Bone
from planner.segment.anatomy.joint_space import HipJoint
from planner.segment.upright import Bools

DEFAULT = MirrorConfig()
_MIRROR = np.diag([-1.0, 1.0, 1.0])
_MOST_POINTS = 4000
_ROUNDS = 60
_SETTLED_MM = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class MirroredSide:
    """The other hip's pelvis, mirrored and laid onto this one's.

    Parameters
    ----------
    turn : ndarray, shape (3, 3)
        With the mirroring in it.
    shift_mm : ndarray, shape (3,)
        A point of the other side p lies at turn @ p + shift here.
    error_mm : float
        Median distance of the surfaces that were laid on each other.
    native_lps : PointsLps, shape (3,)
        Where this hip's centre would be if it were as the other one.
    """

    turn: Array
    shift_mm: Array
    error_mm: float
    native_lps: PointsLps

    def back_lps(self, points: Array) -> Array:
        """Give where points of this side lie on the other, shape (..., 3)."""
        return np.asarray((np.asarray(points) - self.shift_mm) @ self.turn)


@dataclass(frozen=True, slots=True, eq=False)
class CupTurn:
    """How a cup is turned, by the patient's axes on the table.

    Parameters
    ----------
    inclination_deg, anteversion_deg : float
        Radiographic ones.
    """

    inclination_deg: float
    anteversion_deg: float


def cup_turn(joint: HipJoint) -> CupTurn:
    """Measure how a cup is turned.

    Parameters
    ----------
    joint : HipJoint
        With the direction out of the cup's mouth.

    Returns
    -------
    CupTurn
        Radiographic inclination (in the coronal plane, from the patient's axis) and anteversion (out of it). By the
        axes of the table: a tilted pelvis shifts both.
    """
    x, y, z = np.asarray(unit(joint.opening_lps))
    return CupTurn(
        inclination_deg=float(np.degrees(np.arctan2(joint.outwards * x, -z))),
        anteversion_deg=float(np.degrees(np.arcsin(np.clip(-y, -1.0, 1.0)))),
    )


def mirrored_side(
    joint: HipJoint, pelvis: Bone, other: HipJoint, other_pelvis: Bone, *, config: MirrorConfig = DEFAULT
) -> MirroredSide | None:
    """Lay the other side's pelvis, mirrored, onto this one.

    Parameters
    ----------
    joint : HipJoint
        This hip, with a cup.
    pelvis : Bone
        Its pelvis.
    other : HipJoint
        The other hip; a natural one.
    other_pelvis : Bone
        Its pelvis, on any grid.
    config : MirrorConfig
        Limits.

    Returns
    -------
    MirroredSide or None
        None where the other hip is replaced too, where too little of both is in view, or they do not fit.

    Notes
    -----
    Iterated closest points (Besl and McKay 1992, doi 10.1109/34.121791), trimmed: the worst third of the pairs is left
    out each round, and so is bone near the cup, which may be lost or have moved.
    """
    if not other.is_natural or other.side == joint.side:
        return None
    fixed = _surface(pelvis, joint.socket_lps, joint.socket_radius_mm + config.round_cup_mm)
    moving = _surface(other_pelvis, other.socket_lps, other.socket_radius_mm + config.round_cup_mm)
    if min(len(fixed), len(moving)) < config.fewest_points:
        return None
    mirrored = moving @ _MIRROR
    centre = np.asarray(other.head_lps) @ _MIRROR
    tree = cKDTree(fixed)
    best: tuple[float, Array, Array] | None = None
    for rise in (-config.start_up_mm, 0.0, config.start_up_mm):
        start = np.asarray(joint.socket_lps) - centre + np.array([0.0, 0.0, rise])
        turn, shift, error = _laid(mirrored, tree, fixed, start, config)
        if best is None or error < best[0]:
            best = (error, turn, shift)
    assert best is not None
    error, turn, shift = best
    if error > config.most_error_mm:
        return None
    whole = turn @ _MIRROR
    return MirroredSide(whole, shift, error, points_lps(whole @ np.asarray(other.head_lps) + shift))


def _surface(bone: Bone, centre_lps: PointsLps, clear_mm: float) -> Array:
    """Give points of a bone's surface, shape (N, 3); none where the picture cuts it, and none near its socket."""
    voxels = bone.mask.voxels
    grid = bone.mask.grid
    rim = voxels & ~_eroded(voxels)
    cells = np.argwhere(rim)
    inner = np.all((cells > 0) & (cells < np.array(voxels.shape) - 1), axis=1)
    points = np.asarray(grid.to_lps(cells[inner]))
    points = points[np.linalg.norm(points - np.asarray(centre_lps), axis=1) > clear_mm]
    return np.asarray(points[:: max(1, len(points) // _MOST_POINTS)])


def _eroded(mask: Bools) -> Bools:
    return np.asarray(ndi.binary_erosion(mask, border_value=1))


def _laid(moving: Array, tree: cKDTree, fixed: Array, start: Array, config: MirrorConfig) -> tuple[Array, Array, float]:
    turn: Array = np.eye(3)
    shift, error = start, np.inf
    for _ in range(_ROUNDS):
        placed = moving @ turn.T + shift
        distance, index = tree.query(placed, workers=1)
        keep = distance <= np.quantile(distance, config.kept_share)
        was, error = error, float(np.median(distance[keep]))
        more, step = _rigid(placed[keep], fixed[index[keep]])
        turn, shift = more @ turn, more @ shift + step
        if abs(was - error) < _SETTLED_MM and np.linalg.norm(step) < 1.0:
            break
    return turn, shift, error


def _rigid(source: Array, target: Array) -> tuple[Array, Array]:
    """Give the turn and shift that lay points best onto others (Kabsch)."""
    a, b = source.mean(axis=0), target.mean(axis=0)
    u, _s, vt = np.linalg.svd((source - a).T @ (target - b))
    sign = np.sign(np.linalg.det(vt.T @ u.T))
    turn = vt.T @ np.diag([1.0, 1.0, sign]) @ u.T
    return turn, b - turn @ a
