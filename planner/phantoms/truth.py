"""What is true of a phantom: implants, gaps, breaches, canal, and what no needle may cross.

`truth_document` and `truth_arrays` give the content of a case's ``truth.json`` and ``truth.npz``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps, PointTuple, unit
from planner.geometry.grid import Grid
from planner.model.breach import BreachSeverity, LeakType
from planner.model.gap import GapKind
from planner.model.implant import ImplantKind, Side
from planner.phantoms.breach_patches import Patch, find_patches
from planner.phantoms.raster import Measure, measure, rasterise
from planner.phantoms.scene import Scene
from planner.phantoms.solids import Difference, Intersection, Solid, Union

_LABEL_LIMIT = 255
_LEAK_PROBE_MM = 2.0
"""How far out from a patch its leak type is read."""


@dataclass(frozen=True)
class TrueImplant:
    """An implant as it was built.

    Parameters
    ----------
    id : str
        Unique in the phantom.
    kind : ImplantKind
        What it is.
    solid : Solid
        Its metal (or cement).
    head_lps, tip_lps : tuple of float or None
        Ends of its axis; None where it has none (a cup).
    diameter_mm, length_mm : float or None
        Over the thread; from head to tip.
    side : "left", "right" or None
        Side of the patient.
    level : str or None
        Vertebral level.
    loose : bool or None
        None for what is never loose in its bone (a rod).
    """

    id: str
    kind: ImplantKind
    solid: Solid
    head_lps: PointTuple | None = None
    tip_lps: PointTuple | None = None
    diameter_mm: float | None = None
    length_mm: float | None = None
    side: Side | None = None
    level: str | None = None
    loose: bool | None = None


@dataclass(frozen=True)
class TrueGap:
    """A lucent space round an implant.

    Parameters
    ----------
    id : str
        Unique in the phantom.
    implant_id : str
        Whose gap it is.
    kind : GapKind
        What it is.
    width_mm : float
        Its nominal width, from the thread's crest.
    solid : Solid
        Exactly the lucent space: within the bone, without any metal.
    """

    id: str
    implant_id: str
    kind: GapKind
    width_mm: float
    solid: Solid

    @cached_property
    def measure(self) -> Measure:
        """Volume with its error, and centroid, by supersampling."""
        return measure(self.solid)


@dataclass(frozen=True)
class TrueBreach:
    """A patch of a gap's wall through which cement would leave.

    Parameters
    ----------
    id, gap_id : str
        Its own id, and that of its gap.
    severity : "open" or "thin"
        Open: the gap touches what is outside of the bone.
    leak_type : LeakType or None
        Where cement would go.
    patch : Patch
        Points of the gap on the patch, LPS mm, and the least thickness of bone.
    """

    id: str
    gap_id: str
    severity: BreachSeverity
    leak_type: LeakType | None
    patch: Patch


@dataclass(frozen=True)
class Canal:
    """The spinal canal: a polyline with a radius that lies wholly inside the true canal."""

    points_lps: tuple[PointTuple, ...]
    radius_mm: float


@dataclass(frozen=True)
class Truth:
    """All that is true of a phantom.

    Parameters
    ----------
    implants : tuple of TrueImplant
        What is in the patient.
    gaps : tuple of TrueGap
        Lucent spaces; their labels are 1, 2, ... in this order.
    env : Solid
        The bone with its gaps and the implants' tracts filled.
    body : Solid
        All within the skin.
    forbidden : Solid
        Soft tissue and gas that no needle may cross; bone is taken out of it.
    host : Scene
        The phantom before the implants, for `host_hu`.
    axes_lps : tuple of three vectors
        x, y, z of the truth's voxels, LPS mm, evenly spaced and rising.
    canal : Canal or None
        None where there is none.
    thin_mm : float
        A wall thinner than this is a thin breach; the cortex of the phantoms is thicker. No source.
    """

    implants: tuple[TrueImplant, ...]
    gaps: tuple[TrueGap, ...]
    env: Solid
    body: Solid
    forbidden: Solid
    host: Scene
    axes_lps: tuple[Array, Array, Array]
    canal: Canal | None = None
    thin_mm: float = 0.8

    @cached_property
    def grid(self) -> Grid:
        """The truth's voxels: slices along S, rows along P, columns along L."""
        x, y, z = self.axes_lps
        matrix = np.eye(4)
        matrix[:3, :3] = np.diag([x[1] - x[0], y[1] - y[0], z[1] - z[0]])[:, ::-1]
        matrix[:3, 3] = x[0], y[0], z[0]
        return Grid((len(z), len(y), len(x)), matrix)

    @cached_property
    def metal(self) -> Solid:
        """All implants together."""
        return Union(tuple(i.solid for i in self.implants))

    @cached_property
    def breaches(self) -> tuple[TrueBreach, ...]:
        """Every open or thin patch of every gap's wall, found on a fine lattice."""
        found: list[TrueBreach] = []
        for gap in self.gaps:
            patches = find_patches(gap.solid, self.env, self.metal, thin_mm=self.thin_mm)
            for number, patch in enumerate(patches, start=1):
                severity: Literal["open", "thin"] = "open" if patch.is_open else "thin"
                leak = _leak_type(self.host, patch)
                found.append(TrueBreach(f"breach-{gap.id}-{number}", gap.id, severity, leak, patch))
        return tuple(found)


_LEAK_OF_TISSUE: Mapping[str, LeakType] = {
    "canal": "canal",
    "cord": "canal",
    "epidural fat": "canal",
    "disc": "disc",
    "cartilage": "joint",
}


def _leak_type(host: Scene, patch: Patch) -> LeakType:
    """Name where cement would go by the tissue that lies a little way out from most of the patch."""
    outward = unit((patch.outside_lps - patch.points_lps).mean(axis=0) + 1e-9)
    owners = host.part_index_at(PointsLps(patch.outside_lps + _LEAK_PROBE_MM * outward))
    names = [host.parts[i].tissue.name if i >= 0 else host.background.name for i in owners]
    commonest = max(sorted(set(names)), key=names.count)
    return _LEAK_OF_TISSUE.get(commonest, "cortical")


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
    forbidden = rasterise(Intersection((truth.forbidden, truth.body)), grid) & ~env & ~metal
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


def halo_without_metal(halo: Solid, env: Solid, metal: Solid) -> Solid:
    """Give the lucent space of a halo: what of it lies in the bone and is not metal.

    Parameters
    ----------
    halo : Solid
        The hole, metal and all.
    env : Solid
        The bone with its gaps filled.
    metal : Solid
        The implants.

    Returns
    -------
    Solid
    """
    return Difference(Intersection((halo, env)), metal)
