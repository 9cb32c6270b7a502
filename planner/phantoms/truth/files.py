"""The truth as files: the content of a case's ``truth.json`` and ``truth.npz``."""

from typing import Any

import numpy as np
import numpy.typing as npt

from planner.geometry.grid import Grid
from planner.phantoms.scene import Scene
from planner.phantoms.solids.raster import rasterise
from planner.phantoms.truth.facts import TrueBreach, TrueGap, TrueImplant, Truth

_LABEL_LIMIT = 255


def truth_document(truth: Truth) -> dict[str, Any]:
    """Give the content of ``truth.json``: plain numbers, strings, lists and None.

    Parameters
    ----------
    truth : Truth
        What is true.

    Returns
    -------
    dict
        Positions LPS mm, lengths mm, volumes mL.
    """
    labels = {gap.id: number for number, gap in enumerate(truth.gaps, start=1)}
    document: dict[str, Any] = {
        "implants": [_implant_entry(i) for i in truth.implants],
        "gaps": [_gap_entry(g, labels[g.id]) for g in truth.gaps],
        "breaches": [_breach_entry(b, number) for number, b in enumerate(truth.breaches, start=1)],
        "structures": {},
        "voxel_mm": list(truth.grid.spacing_mm),
    }
    if truth.canal is not None:
        points = [list(p) for p in truth.canal.points_lps]
        document["structures"]["canal"] = {"points": points, "radius_mm": truth.canal.radius_mm}
    return document


def _implant_entry(implant: TrueImplant) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": implant.id,
        "kind": implant.kind,
        "head": None if implant.head_lps is None else list(implant.head_lps),
        "tip": None if implant.tip_lps is None else list(implant.tip_lps),
        "diameter_mm": implant.diameter_mm,
        "length_mm": implant.length_mm,
        "side": implant.side,
        "level": implant.level,
    }
    if implant.loose is not None:
        entry["loose"] = implant.loose
    return entry


def _gap_entry(gap: TrueGap, label: int) -> dict[str, Any]:
    return {
        "id": gap.id,
        "implant_id": gap.implant_id,
        "kind": gap.kind,
        "label": label,
        "volume_ml": gap.measure.volume_ml,
        "volume_sd_ml": gap.measure.volume_sd_ml,
        "width_mm": gap.width_mm,
        "centroid": list(gap.measure.centroid_lps),
    }


def _breach_entry(breach: TrueBreach, label: int) -> dict[str, Any]:
    return {
        "id": breach.id,
        "label": label,
        "gap_id": breach.gap_id,
        "severity": breach.severity,
        "leak_type": breach.leak_type,
        "barrier_mm": breach.patch.barrier_mm,
        "area_mm2": breach.patch.area_mm2,
        "centroid": list(breach.patch.centre_lps),
    }


def truth_arrays(truth: Truth) -> dict[str, npt.NDArray[Any]]:
    """Give the content of ``truth.npz``.

    Parameters
    ----------
    truth : Truth
        What is true.

    Returns
    -------
    dict of ndarray
        The axes `x`, `y`, `z` (mm, LPS) and, in (z, y, x): `label`, `gap`, `metal`, `env`, `breach`, `body`,
        `forbidden`, `host_hu` (int16, before the implants, without texture and noise).
    """
    grid = truth.grid
    x, y, z = truth.axes_lps
    label = np.zeros(grid.shape, dtype=np.uint8)
    for number, gap in enumerate(truth.gaps, start=1):
        label[rasterise(gap.solid, grid) & (label == 0)] = number
    metal = rasterise(truth.metal, grid)
    label[metal] = 0
    env = rasterise(truth.env, grid)
    forbidden = rasterise(truth.forbidden, grid) & ~env & ~metal
    return {
        "x": np.asarray(x, dtype=np.float64),
        "y": np.asarray(y, dtype=np.float64),
        "z": np.asarray(z, dtype=np.float64),
        "label": label,
        "gap": label > 0,
        "metal": metal,
        "env": env,
        "breach": _breach_array(truth, label),
        "body": rasterise(truth.body, grid),
        "forbidden": forbidden,
        "host_hu": _host_hu(truth.host, grid),
    }


def _breach_array(truth: Truth, label: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    out = np.zeros(truth.grid.shape, dtype=np.uint8)
    if len(truth.breaches) > _LABEL_LIMIT:
        raise ValueError(f"a truth holds {_LABEL_LIMIT} breaches at most, not {len(truth.breaches)}")
    for number, breach in enumerate(truth.breaches, start=1):
        index = np.rint(truth.grid.to_index(breach.patch.points_lps)).astype(int)
        index = index[np.all((index >= 0) & (index < truth.grid.shape), axis=1)]
        k, i, j = index.T
        out[k, i, j] = number
        # Where the patch is finer than the voxels, its voxels need not have their centre in the gap.
        kept = (out == number) & (label > 0)
        if kept.any():
            out[(out == number) & ~kept] = 0
    return out


def _host_hu(host: Scene, grid: Grid) -> npt.NDArray[np.int16]:
    out = np.full(grid.shape, host.background.hu, dtype=np.int16)
    for part in host.parts:
        out[rasterise(part.solid, grid)] = part.tissue.hu
    return out
