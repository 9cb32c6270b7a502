"""Painted gaps without the empty CT round them."""

import io

import numpy as np
import numpy.typing as npt
from pydantic import Field

from planner.geometry.grid import Grid
from planner.model.labels import LabelMap, Structure
from planner.model.record import Record

_MOST_VOXELS = 1 << 31


class GapsPlace(Record):
    """Where the kept gaps lie: the whole grid, and the box that holds all of them."""

    shape: tuple[int, int, int]
    lps_from_index: tuple[tuple[float, float, float, float], ...] = Field(min_length=4, max_length=4)
    frame_of_reference_uid: str | None
    first: tuple[int, int, int]
    structures: tuple[Structure, ...]


def packed_gaps(gaps: LabelMap) -> tuple[GapsPlace, npt.NDArray[np.uint16]]:
    """Cut the box out of a label map that holds all of its gaps.

    Parameters
    ----------
    gaps : LabelMap
        Only structures of the kind "gap" count.

    Returns
    -------
    (GapsPlace, numpy.ndarray)
        Where the box lies, and its codes (slice, row, column); 0 where no gap is.
    """
    structures = tuple(structure for structure in gaps.structures if structure.kind == "gap")
    codes = np.asarray(gaps.codes)
    is_gap = np.isin(codes, [structure.code for structure in structures])
    box = _box_of(is_gap)
    kept = np.where(is_gap[box], codes[box], 0).astype(np.uint16)
    matrix = tuple(tuple(float(v) for v in row) for row in gaps.grid.lps_from_index)
    place = GapsPlace(
        shape=gaps.grid.shape,
        lps_from_index=matrix,  # type: ignore[arg-type]  # mypy cannot count the columns
        frame_of_reference_uid=gaps.grid.frame_of_reference_uid,
        first=(box[0].start, box[1].start, box[2].start),
        structures=structures,
    )
    return place, kept


def _box_of(marked: npt.NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Give the smallest box round all that is marked; an empty one where nothing is."""
    sides = []
    for axis in range(3):
        where = np.flatnonzero(marked.any(axis=tuple(other for other in range(3) if other != axis)))
        sides.append(slice(int(where[0]), int(where[-1]) + 1) if where.size else slice(0, 0))
    return sides[0], sides[1], sides[2]


def unpacked_gaps(place: GapsPlace, content: bytes) -> LabelMap:
    """Put kept gaps back where they were.

    Parameters
    ----------
    place : GapsPlace
        Where they lie.
    content : bytes
        Their codes, as numpy writes them.

    Returns
    -------
    LabelMap

    Raises
    ------
    ValueError, EOFError, GeometryError
        If they are damaged.
    """
    part = np.load(io.BytesIO(content), allow_pickle=False)
    first = np.array(place.first)
    if part.ndim != 3 or np.prod(place.shape, dtype=np.float64) > _MOST_VOXELS or first.min() < 0:
        raise ValueError("the kept gaps are damaged")
    grid = Grid(place.shape, np.array(place.lps_from_index), place.frame_of_reference_uid)
    codes = np.zeros(place.shape, dtype=np.uint16)
    room = codes[tuple(slice(int(a), int(a) + n) for a, n in zip(first, part.shape, strict=True))]
    if room.shape != part.shape:
        raise ValueError("the kept gaps are damaged")
    room[...] = part
    return LabelMap(grid, codes, place.structures)
