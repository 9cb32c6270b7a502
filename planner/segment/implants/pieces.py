"""Detached pieces of metal, and which implants were told in them so far."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, point_tuple
from planner.model.implant import Implant, ImplantKind, Material
from planner.model.volume import Mask
from planner.segment.implants.metal import Block, Metal
from planner.segment.implants.parts import ImplantPart


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A connected piece of metal.

    Parameters
    ----------
    number : int
        Its number in the metal.
    block : tuple of slice
        Its bounding box.
    points_lps : ndarray, shape (N, 3)
        Its voxels' centres, LPS mm.
    members : tuple of int
        Which of the told parts lie in it.
    """

    number: int
    block: Block
    points_lps: Array
    members: tuple[int, ...]


def pieces_of(metal: Metal, parts: Sequence[ImplantPart]) -> tuple[Piece, ...]:
    """List the pieces of metal in which something was told, or left unknown, on the metal's own grid.

    Parameters
    ----------
    metal : Metal
        All metal.
    parts : sequence of ImplantPart
        What was told so far; those on other grids (hip implants) have no part in it, nor has their metal.

    Returns
    -------
    tuple of Piece
        In the metal's order.
    """
    grid = metal.mask.grid
    on_grid = [k for k, part in enumerate(parts) if part.mask.grid is grid or part.mask.grid.is_same(grid)]
    found = []
    for number, block in enumerate(metal.blocks, start=1):
        own = metal.pieces[block] == number
        members = tuple(k for k in on_grid if np.any(parts[k].mask.voxels[block] & own))
        if members:
            index = np.argwhere(own) + [b.start for b in block]
            found.append(Piece(number, block, np.asarray(grid.to_lps(index)), members))
    return tuple(found)


def retold(
    parts: Sequence[ImplantPart], found: Sequence[tuple[tuple[int, ...], ImplantPart]]
) -> tuple[ImplantPart, ...]:
    """Put new parts into the places of those that they were taken for.

    Parameters
    ----------
    parts : sequence of ImplantPart
        What was told so far.
    found : sequence of (tuple of int, ImplantPart)
        Each new part with the numbers of the old ones whose metal it is; none for what is new.

    Returns
    -------
    tuple of ImplantPart
        New parts stand where the first of their old ones stood, or at the end.
    """
    gone = {k for members, _ in found for k in members}
    stands = {min(members): part for members, part in found if members}
    kept = [stands.get(k, part) for k, part in enumerate(parts) if k in stands or k not in gone]
    return (*kept, *(part for members, part in found if not members))


def one_part(
    parts: Sequence[ImplantPart], piece: Piece, metal: Metal, *, name: str, kind: ImplantKind, material: Material
) -> ImplantPart:
    """Make one part of all that was told in a piece.

    Parameters
    ----------
    parts : sequence of ImplantPart
        What was told so far.
    piece : Piece
        The piece.
    metal : Metal
        All metal.
    name, kind, material : str
        What the record says.

    Returns
    -------
    ImplantPart
        With the sum of the volumes, and their common centroid.
    """
    own = np.zeros(metal.mask.grid.shape, dtype=bool)
    own[piece.block] = metal.pieces[piece.block] == piece.number
    records = [parts[k].record for k in piece.members]
    measured = [r.volume_ml for r in records if r.volume_ml is not None]
    centre = piece.points_lps.mean(axis=0)
    if len(records) == 1:
        centre = np.asarray(records[0].centroid_lps)
    record = bare_record(
        name, kind, centre, volume_ml=sum(measured) if len(measured) == len(records) else None, material=material
    )
    at_edge = bool(metal.at_edge) and metal.at_edge[piece.number - 1]
    if at_edge or any(r.is_cut is not None for r in records):
        record = record.model_copy(update={"is_cut": at_edge or any(r.is_cut for r in records)})
    return ImplantPart(record, Mask(metal.mask.grid, own))


def bare_record(
    name: str, kind: ImplantKind, centre_lps: npt.ArrayLike, *, volume_ml: float | None, material: Material
) -> Implant:
    """Give the record of an implant that has no axis.

    Parameters
    ----------
    name, kind : str
        What it is.
    centre_lps : array_like, shape (3,)
        Its centroid, LPS mm.
    volume_ml : float or None
        Its volume, where it was measured.
    material : str
        What it is made of, where that is known.

    Returns
    -------
    Implant
    """
    return Implant(
        id=name, kind=kind, volume_ml=volume_ml, centroid_lps=point_tuple(centre_lps), axis=None, bulls_eye=None,
        side=None, level=None, material=material, loosening=None,
    )  # fmt: skip
