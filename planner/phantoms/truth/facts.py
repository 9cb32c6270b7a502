"""What is true of a phantom: implants, gaps, breaches, canal, and what no needle may cross."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from planner.geometry.frames import Array, PointsLps, PointTuple, unit
from planner.geometry.grid import Grid
from planner.model.breach import BreachSeverity, LeakType
from planner.model.gap import GapKind
from planner.model.implant import ImplantKind, Side
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Difference, Intersection, Solid, Union
from planner.phantoms.solids.raster import Measure, measure
from planner.phantoms.truth.patches import Patch, find_patches

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
class Structure:
    """Soft tissue or gas that no needle may cross.

    Parameters
    ----------
    name : str
        What it is ("lungs", "great vessels", "sciatic nerve").
    solid : Solid
        Where it is, its margin included.
    """

    name: str
    solid: Solid


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
    structures : tuple of Structure
        Soft tissue and gas that no needle may cross, by name; bone is taken out of them.
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
    structures: tuple[Structure, ...]
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
    def forbidden(self) -> Solid:
        """All structures that no needle may cross, within the skin."""
        return Intersection((Union(tuple(s.solid for s in self.structures)), self.body))

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
