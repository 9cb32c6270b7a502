"""What is true of a phantom: implants, gaps, breaches, canal, and what no needle may cross."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np

from planner.geometry.frames import Array, PointTuple
from planner.geometry.grid import Grid
from planner.model.breach import BreachSeverity, LeakType
from planner.model.gap import GapKind
from planner.model.implant import ImplantKind, Material, Side
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Difference, Intersection, Solid, Union
from planner.phantoms.solids.measuring import Filling, Measure, fill_with_points, measure
from planner.phantoms.truth.anatomy import TrueAnatomy
from planner.phantoms.truth.compartments import behind
from planner.phantoms.truth.patches import Patch, find_patches
from planner.phantoms.truth.places import Place

Wall = Literal["canal", "foramen", "front", "side", "upper_endplate", "lower_endplate", "cortex"]
"""Through what a spinal screw leaves its bone; "cortex" of sacrum and ilium."""


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
    material : Material or None
        What it is made of; None where nobody asks.
    broken : bool
        The implant itself is broken or has come apart.
    moved : bool
        It has moved, or broken out of its bone.
    canal_breach_mm : float or None
        How deep a screw's thread stands in the spinal canal, 0 where it does not; None where nobody asks.
    beyond_wall_mm : float or None
        How far a spinal screw's thread stands out of its bone, beyond the pedicle's isthmus; None where nobody asks.
    through : Wall or None
        Through what, there where it stands out furthest; None where it only grazes a wall.
    centre_lps, opening_lps : tuple of float or None
        Of a cup, centre and unit vector out of its mouth; of a head, its centre.
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
    material: Material | None = None
    broken: bool = False
    moved: bool = False
    canal_breach_mm: float | None = None
    beyond_wall_mm: float | None = None
    through: Wall | None = None
    centre_lps: PointTuple | None = None
    opening_lps: PointTuple | None = None

    @cached_property
    def measure(self) -> Measure:
        """Volume with its standard error, and centroid."""
        return measure(self.solid)


@dataclass(frozen=True)
class TrueGap:
    """A lucent space round an implant, or in a fractured level.

    Parameters
    ----------
    id : str
        Unique in the phantom.
    implant_id : str or None
        Whose gap it is; None in a fractured level without an implant.
    kind : GapKind
        What it is.
    width_mm : float
        Its nominal width, from the thread's crest.
    solid : Solid
        Exactly the lucent space: within the bone, without any metal.
    level : str or None
        Vertebral level; None for its implant's.
    """

    id: str
    implant_id: str | None
    kind: GapKind
    width_mm: float
    solid: Solid
    level: str | None = None

    @cached_property
    def filling(self) -> Filling:
        """Points spread evenly through it."""
        return fill_with_points(self.solid)

    @cached_property
    def measure(self) -> Measure:
        """Volume with its standard error, and centroid."""
        return measure(self.solid, filling=self.filling)


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
    compartment : str or None
        The name of what lies behind.
    patch : Patch
        Points of the gap on the patch, LPS mm, and the least thickness of bone.
    """

    id: str
    gap_id: str
    severity: BreachSeverity
    leak_type: LeakType | None
    compartment: str | None
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
class WayOut:
    """A space within the bone through which cement would leave: a vein, a fracture line, an empty screw tract.

    Parameters
    ----------
    name : str
        What it is ("basivertebral vein").
    leak_type : LeakType
        What a leak through it is called.
    solid : Solid
        Where it is; it may overlap neither gap nor metal.
    """

    name: str
    leak_type: LeakType
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
        Soft tissue and gas that no needle may cross, by name; bone is taken out of them. Where two overlap, the later
        one names the place.
    host : Scene
        The phantom before the implants, for `host_hu`.
    axes_lps : tuple of three vectors
        x, y, z of the truth's voxels, LPS mm, evenly spaced and rising.
    canal : Canal or None
        None where there is none.
    thin_mm : float
        A wall thinner than this is a thin breach; the cortex of the phantoms is thicker. No source.
    ways_out : tuple of WayOut
        Spaces within the bone that lead out of it.
    anatomy : TrueAnatomy or None
        Bones one by one, and what is measured on them; None where nobody asks.
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
    ways_out: tuple[WayOut, ...] = ()
    anatomy: TrueAnatomy | None = None

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
        """Every open or thin patch of every gap's wall, by its gap, open ones first."""
        found: list[TrueBreach] = []
        ways = [(Place(w.leak_type, w.name), w.solid) for w in self.ways_out]
        look = partial(behind, self.host, ways_out=ways)
        solids = tuple(solid for _, solid in ways)
        for gap in self.gaps:
            patches = find_patches(gap.solid, self.env, self.metal, thin_mm=self.thin_mm, ways_out=solids, behind=look)
            for number, patch in enumerate(patches, start=1):
                severity: Literal["open", "thin"] = "open" if patch.is_open else "thin"
                found.append(TrueBreach(f"breach-{gap.id}-{number}", gap.id, severity, *patch.place, patch))
        return tuple(found)


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
