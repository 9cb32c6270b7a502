"""What lies at a point: HU, structure, in words; what is not known there is None."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import PointTuple, point_tuple
from planner.model.labels import LabelMap
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.model.volume import Mask


@dataclass(frozen=True, slots=True)
class Readout:
    """What is known of a point.

    Parameters
    ----------
    point_lps : PointTuple
        LPS mm.
    hu : float or None
        Of the voxel that it lies in; None outside of the CT and where the scanner measured nothing.
    is_clipped : bool
        Whether the CT's scale ends there: the true value may be higher.
    structure : str or None
        In words; None where there is none, or nothing was segmented.
    is_unreadable : bool or None
        Whether metal artefacts leave the tissue unreadable; None where that is not known.
    is_readability_missing : bool
        Whether that is not known though there is metal: of a plan with implants, whose folder does not tell.
    """

    point_lps: PointTuple
    hu: float | None
    is_clipped: bool
    structure: str | None
    is_unreadable: bool | None
    is_readability_missing: bool = False


def read_at(
    point_lps: npt.ArrayLike,
    *,
    scan: Scan | None,
    labels: LabelMap | None = None,
    plan: Plan | None = None,
    unreadable: Mask | None = None,
) -> Readout:
    """Read what is shown at a point.

    Parameters
    ----------
    point_lps : array_like, shape (3,)
        LPS mm.
    scan : Scan or None
        The CT.
    labels : LabelMap or None
        The plan's structures.
    plan : Plan or None
        The plan; it tells levels of vertebrae.
    unreadable : Mask or None
        Where metal artefacts leave tissue unreadable.

    Returns
    -------
    Readout
    """
    point = point_tuple(point_lps)
    hu = None if scan is None else _hu_at(scan, point)
    top = None if scan is None else scan.series.hu_clipped_at
    return Readout(
        point_lps=point,
        hu=hu,
        is_clipped=hu is not None and top is not None and hu >= top,
        structure=None if labels is None else _structure_at(labels, plan, point),
        is_unreadable=None if unreadable is None else bool(unreadable.at(point)),
        is_readability_missing=unreadable is None and plan is not None and bool(plan.implants),
    )


def position_in_words(point_lps: npt.ArrayLike) -> str:
    """Write a position: "LPS 12.3, −4.5, 7.0 mm"."""
    x, y, z = (f"{value:z.1f}".replace("-", "−") for value in point_tuple(point_lps))
    return f"LPS {x}, {y}, {z} mm"


def in_words(readout: Readout) -> str:
    """Write what is known of a point.

    Parameters
    ----------
    readout : Readout
        What was read.

    Returns
    -------
    str
        "LPS 12.3, −4.5, 7.0 mm · 312 HU · gap-1"; "outside of the CT" where there is no voxel.
    """
    parts = [position_in_words(readout.point_lps)]
    if readout.hu is None:
        parts.append("outside of the CT")
    else:
        value = f"{readout.hu:.0f}".replace("-", "−")
        parts.append(f"{value} HU or more" if readout.is_clipped else f"{value} HU")
    if readout.structure is not None:
        parts.append(readout.structure)
    if readout.is_readability_missing:
        parts.append("not known where metal artefacts make the CT unreadable")
    elif readout.is_unreadable:
        parts.append("unreadable by metal artefacts")
    return " · ".join(parts)


def _voxel(index: npt.NDArray[np.float64], shape: tuple[int, int, int]) -> tuple[int, int, int] | None:
    cell = np.rint(index).astype(int)
    if np.any(cell < 0) or np.any(cell >= np.array(shape)):
        return None
    return int(cell[0]), int(cell[1]), int(cell[2])


def _hu_at(scan: Scan, point: PointTuple) -> float | None:
    volume = scan.volume
    cell = _voxel(volume.grid.to_index(point), volume.grid.shape)
    if cell is None or (volume.padding is not None and volume.padding[cell]):
        return None
    value = float(volume.hu[cell])
    return value if np.isfinite(value) else None


def _structure_at(labels: LabelMap, plan: Plan | None, point: PointTuple) -> str | None:
    cell = _voxel(labels.grid.to_index(point), labels.grid.shape)
    code = 0 if cell is None else int(labels.codes[cell])
    structure = next((s for s in labels.structures if s.code == code), None)
    if structure is None:
        return None
    bones = () if plan is None or plan.anatomy is None else plan.anatomy.bones
    level = next((bone.level for bone in bones if bone.label_code == code), None)
    name = "spinal canal" if structure.kind == "canal" else structure.id
    return name if level is None else f"{name} ({level})"
