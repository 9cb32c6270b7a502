"""Flat cuts through a CT in any direction, held the way radiologists hold them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.errors import GeometryError
from planner.geometry.frames import LEFT, POSTERIOR, SUPERIOR, Array, PointsLps, points_lps, unit
from planner.geometry.grid import Grid

_LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))
"""Towards plus and minus along x, y, z of LPS: left, right, posterior, anterior, superior, inferior."""
_OBLIQUE_SHARE = 0.35
"""A second letter is written where a direction leans at least about 20 degrees towards it."""
_STEEP = float(np.cos(np.radians(30.0)))
"""A needle that leans less than 30 degrees from the body's long axis is looked along with the front up; all others with
the head up, as on the bull's-eye view of fluoroscopy, whose gantry does not reach steeper ones. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A rectangle in the patient, as the viewer sees it.

    Parameters
    ----------
    centre_lps : PointsLps, shape (3,)
        Its middle.
    right_lps, down_lps : PointsLps, shape (3,)
        Unit vectors to the viewer's right and downwards, at right angles.
    half_mm : tuple of float
        From the middle to the right edge and to the lower edge.
    """

    centre_lps: PointsLps
    right_lps: PointsLps
    down_lps: PointsLps
    half_mm: tuple[float, float]

    @property
    def normal_lps(self) -> PointsLps:
        """Unit vector away from the viewer."""
        return points_lps(np.cross(self.right_lps, self.down_lps))

    def edge_letters(self) -> dict[str, str]:
        """Name the patient's side at each edge: R, L, A, P, S(uperior), I(nferior), two where it is oblique."""
        right, down = direction_letters(self.right_lps), direction_letters(self.down_lps)
        left, up = direction_letters(-self.right_lps), direction_letters(-self.down_lps)
        return {"right": right, "left": left, "bottom": down, "top": up}

    def project(self, positions_lps: npt.ArrayLike) -> tuple[Array, Array]:
        """Say where positions fall on the cut.

        Parameters
        ----------
        positions_lps : array_like, shape (..., 3)
            LPS mm.

        Returns
        -------
        across_down_mm : ndarray, shape (..., 2)
            To the right of the middle, and below it.
        off_mm : ndarray, shape (...)
            Distance from the cut's plane, away from the viewer positive.
        """
        offset = np.asarray(positions_lps, dtype=np.float64) - self.centre_lps
        return np.stack([offset @ self.right_lps, offset @ self.down_lps], axis=-1), offset @ self.normal_lps

    def points(self, step_mm: float) -> PointsLps:
        """Give the centres of its pixels, shape (rows, columns, 3), LPS mm."""
        across, down = (_steps(half, step_mm) for half in self.half_mm)
        return points_lps(
            self.centre_lps + across[None, :, None] * self.right_lps + down[:, None, None] * self.down_lps
        )


def axial(centre_lps: npt.ArrayLike, half_mm: float) -> Cut:
    """Cut across the body, seen from the feet: the patient's right on the viewer's left, front up."""
    return Cut(points_lps(centre_lps), LEFT, POSTERIOR, (half_mm, half_mm))


def coronal(centre_lps: npt.ArrayLike, half_mm: float) -> Cut:
    """Cut seen from the front: the patient's right on the viewer's left, head up."""
    return Cut(points_lps(centre_lps), LEFT, points_lps(-SUPERIOR), (half_mm, half_mm))


def sagittal(centre_lps: npt.ArrayLike, half_mm: float) -> Cut:
    """Cut seen from the patient's left: front on the viewer's left, head up."""
    return Cut(points_lps(centre_lps), POSTERIOR, points_lps(-SUPERIOR), (half_mm, half_mm))


def along(centre_lps: npt.ArrayLike, direction_lps: npt.ArrayLike, *, facing_lps: npt.ArrayLike, half_mm: float) -> Cut:
    """Cut that holds a direction, and otherwise faces as nearly as it can one way.

    Parameters
    ----------
    centre_lps : array_like, shape (3,)
        Its middle.
    direction_lps : array_like, shape (3,)
        What lies in the plane (a needle, a screw), any length but zero.
    facing_lps : array_like, shape (3,)
        Where the viewer would look: `SUPERIOR` for a tilted axial cut, `POSTERIOR` for a tilted coronal one.
    half_mm : float
        Half its edge.

    Returns
    -------
    Cut
        The patient's left is towards the viewer's right.

    Raises
    ------
    GeometryError
        If the viewer would look along the direction.
    """
    direction, facing = unit(direction_lps), unit(facing_lps)
    rest = facing - (facing @ direction) * direction
    if np.linalg.norm(rest) < 1e-3:
        raise GeometryError("a cut along a direction cannot face along it")
    return _facing(centre_lps, unit(rest), half_mm)


def across(centre_lps: npt.ArrayLike, direction_lps: npt.ArrayLike, half_mm: float) -> Cut:
    """Cut at right angles to a direction (a screw's shaft), held like the standard cut that it is nearest to.

    Parameters
    ----------
    centre_lps : array_like, shape (3,)
        Its middle.
    direction_lps : array_like, shape (3,)
        Any length but zero.
    half_mm : float
        Half its edge.

    Returns
    -------
    Cut
    """
    direction = unit(direction_lps)
    nearest = int(np.argmax(np.abs(direction)))
    standard = (-LEFT, POSTERIOR, SUPERIOR)[nearest]
    return _facing(centre_lps, direction * np.sign(direction @ standard), half_mm)


def needles_eye(place_lps: npt.ArrayLike, direction_lps: npt.ArrayLike, half_mm: float) -> Cut:
    """Cut at right angles to a needle, seen from its hub towards its tip.

    Parameters
    ----------
    place_lps : array_like, shape (3,)
        Where on the needle; the cut's middle.
    direction_lps : array_like, shape (3,)
        Towards the tip, any length but zero.
    half_mm : float
        Half its edge.

    Returns
    -------
    Cut
        Head up; front up for a needle along the body. Never mirrored.
    """
    direction = unit(direction_lps)
    up = -POSTERIOR if abs(direction @ SUPERIOR) > _STEEP else SUPERIOR
    down = unit((up @ direction) * direction - up)
    return Cut(points_lps(place_lps), points_lps(np.cross(down, direction)), points_lps(down), (half_mm, half_mm))


def _facing(centre_lps: npt.ArrayLike, normal: Array, half_mm: float) -> Cut:
    """Hold a cut so that left is right or, where one looks from the side, back is right."""
    sideways = abs(normal[0]) > max(abs(normal[1]), abs(normal[2]))
    guide = POSTERIOR if sideways else LEFT
    right = unit(guide - (guide @ normal) * normal)
    return Cut(points_lps(centre_lps), points_lps(right), points_lps(np.cross(normal, right)), (half_mm, half_mm))


def direction_letters(direction_lps: npt.ArrayLike) -> str:
    """Name a direction in the patient.

    Parameters
    ----------
    direction_lps : array_like, shape (3,)
        Any length but zero.

    Returns
    -------
    str
        One of R, L, A, P, S, I, or two of them, the stronger first.
    """
    direction = unit(direction_lps)
    order = np.argsort(-np.abs(direction), kind="stable")
    strong = [axis for place, axis in enumerate(order) if place == 0 or abs(direction[axis]) >= _OBLIQUE_SHARE]
    return "".join(_LETTERS[axis][0 if direction[axis] > 0 else 1] for axis in strong[:2])


def sample(
    grid: Grid, voxels: npt.NDArray[np.generic], positions_lps: npt.ArrayLike, *, outside: float
) -> npt.NDArray[np.float32]:
    """Read voxels at any positions, by trilinear interpolation.

    Parameters
    ----------
    grid : Grid
        Where the voxels are.
    voxels : ndarray, shape ``grid.shape``
        HU, or a mask.
    positions_lps : array_like, shape (..., 3)
        LPS mm.
    outside : float
        What stands for positions outside the grid.

    Returns
    -------
    ndarray of float32, shape (...)
    """
    index = grid.to_index(positions_lps)
    flat = index.reshape(-1, 3)
    along = [np.ascontiguousarray(flat[:, k]) for k in range(3)]  # whose ends are found ten times as fast as rows'
    last = np.array(grid.shape) - 1
    low = np.clip(np.floor([at.min() for at in along]).astype(int) - 1, 0, last)
    high = np.clip(np.ceil([at.max() for at in along]).astype(int) + 2, low + 1, last + 1)
    # Only the block that is looked at is turned into floats.
    block = np.asarray(voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], dtype=np.float32)
    places = [at - first for at, first in zip(along, low, strict=True)]
    values = ndimage.map_coordinates(block, places, order=1, mode="nearest", output=np.float32)
    for at, end in zip(along, last, strict=True):
        values[(at < -0.5) | (at > end + 0.5)] = outside
    return np.asarray(values.reshape(index.shape[:-1]))


def _steps(half_mm: float, step_mm: float) -> Array:
    count = max(int(np.ceil(2.0 * half_mm / step_mm)), 1)
    return np.asarray((np.arange(count, dtype=np.float64) + 0.5) * (2.0 * half_mm / count) - half_mm, np.float64)
