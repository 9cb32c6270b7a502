"""The expected cement on a CT's own voxels: as files of a plan's folder, and back from them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy import ndimage

from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.io.arrival_nifti import read_arrival_nifti, write_arrival_nifti
from planner.model.arrival_map import ArrivalMap
from planner.model.volume import Mask

FLOW_FOLDER = "flow"


def arrival_file(folder: Path, gap_id: str) -> Path:
    """Say where in a plan's folder a gap's map of arrivals lies: ``flow/arrival-<gap id>.nii.gz``."""
    return folder / FLOW_FOLDER / f"arrival-{gap_id}.nii.gz"


def write_arrivals(arrivals: Iterable[ArrivalMap], grid: Grid, folder: Path) -> None:
    """Write when expected cement arrives, a file a gap, for the courses of several gaps may overlap.

    Parameters
    ----------
    arrivals : iterable of ArrivalMap
        Of each gap's expected course.
    grid : Grid
        The CT's: files hold its own voxels, cut to the block that cement comes to.
    folder : Path
        The plan's; ``flow`` is made in it where there is anything to write.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    for one in arrivals:
        placed = arrival_on(one, grid)
        if placed is not None:
            path = arrival_file(folder, one.gap_id)
            path.parent.mkdir(exist_ok=True)
            write_arrival_nifti(placed, path)


def read_arrival(folder: Path, gap_id: str) -> ArrivalMap | None:
    """Read when expected cement arrives from a plan's folder.

    Parameters
    ----------
    folder : Path
        The plan's.
    gap_id : str
        The gap.

    Returns
    -------
    ArrivalMap or None
        None where there is no such file: the course was not simulated, or by an older version.

    Raises
    ------
    SeriesError
        If the file cannot be read.
    """
    path = arrival_file(folder, gap_id)
    return read_arrival_nifti(path, gap_id=gap_id) if path.is_file() else None


def arrival_on(arrival: ArrivalMap, grid: Grid) -> ArrivalMap | None:
    """Bring a map of arrivals onto another grid of the same patient.

    Parameters
    ----------
    arrival : ArrivalMap
        The map.
    grid : Grid
        The other grid.

    Returns
    -------
    ArrivalMap or None
        On the block of the grid's voxels that cement comes to, linear between the map's voxels; the rim is where half
        of what is round a place is reached. None where cement comes to none of them.

    Raises
    ------
    GeometryError
        If both grids name a frame of reference, and not the same.
    """
    uids = {arrival.grid.frame_of_reference_uid, grid.frame_of_reference_uid} - {None}
    if len(uids) > 1:
        raise GeometryError(
            "the cement belongs to another DICOM frame of reference than the CT; give the plan's own CT"
        )
    finite = np.isfinite(arrival.injected_ml)
    if not finite.any():
        return None
    where = np.argwhere(finite)
    low, high = where.min(axis=0) - 1, where.max(axis=0) + 1
    corners = grid.to_index(arrival.grid.to_lps(np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T))
    first = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, grid.shape)
    last = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, grid.shape)
    if (last <= first).any():
        return None
    block = grid.crop((int(first[0]), int(first[1]), int(first[2])), (int(last[0]), int(last[1]), int(last[2])))
    matrix = arrival.grid.index_from_lps @ block.lps_from_index
    read = [
        ndimage.affine_transform(
            field.astype(np.float32), matrix[:3, :3], matrix[:3, 3], block.shape, order=1, mode="grid-constant"
        )
        for field in (finite, np.where(finite, arrival.injected_ml, 0.0))
    ]
    reached = read[0] >= 0.5
    values = np.full(block.shape, np.inf, np.float32)
    values[reached] = read[1][reached] / read[0][reached]
    return ArrivalMap(arrival.gap_id, block, values) if reached.any() else None


def cement_on(arrival: ArrivalMap, injected_ml: float, grid: Grid) -> Mask:
    """Give where expected cement is when so much is in, on another grid of the same patient.

    Parameters
    ----------
    arrival : ArrivalMap
        The map.
    injected_ml : float
        Volume injected.
    grid : Grid
        The other grid: a CT's, say.

    Returns
    -------
    Mask
        On the whole grid.

    Raises
    ------
    GeometryError
        If both grids name a frame of reference, and not the same.
    """
    return mask_on(arrival.cement_at(injected_ml), grid)


def mask_on(mask: Mask, grid: Grid) -> Mask:
    """Bring a mask onto another grid of the same patient; False beyond its own.

    Parameters
    ----------
    mask : Mask
        The mask.
    grid : Grid
        The other grid.

    Returns
    -------
    Mask

    Raises
    ------
    GeometryError
        If both grids name a frame of reference, and not the same.
    """
    placed = arrival_on(ArrivalMap("", mask.grid, np.where(mask.voxels, 0.0, np.inf)), grid)
    voxels = np.zeros(grid.shape, bool)
    if placed is not None:
        start = np.rint(grid.to_index(placed.grid.to_lps((0.0, 0.0, 0.0)))).astype(int)
        block = tuple(slice(int(a), int(a) + n) for a, n in zip(start, placed.grid.shape, strict=True))
        voxels[block] = np.isfinite(placed.injected_ml)
    return Mask(grid, voxels)
