"""Small hips for tests: a left femur and pelvis of plain solids, natural or replaced, 1.5 mm voxels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.geometry.frames import unit
from planner.geometry.grid import Grid
from planner.model.implant import Implant, ImplantAxis, ImplantSphere
from planner.model.volume import Mask, Volume
from planner.phantoms.solids.basic import Ball, Difference, HalfSpace, Intersection, RoundCone, Solid, Union
from planner.phantoms.solids.raster import rasterise

HEAD = (90.0, 0.0, 0.0)
OPENING = tuple(float(v) for v in unit([0.74, -0.18, -0.64]))
NECK = tuple(float(v) for v in unit([-42.0, -8.0, 36.0]))
BASE = (132.0, 8.0, -36.0)
TROCHANTER_TOP = 5.0
LESSER = (113.0, 26.0, -58.0)
LESSER_RADIUS = 6.0
SPACING = 1.5
GRID = Grid(
    (138, 80, 100),
    np.array([[0, 0, SPACING, 30.0], [0, SPACING, 0, -60.0], [SPACING, 0, 0, -140.0], [0, 0, 0, 1.0]]),
)


@dataclass(frozen=True)
class HipScene:
    """A left hip; `replaced` gives it a stem, a head and a cup."""

    replaced: bool = False
    bridged: bool = False
    lesser: bool = True

    @cached_property
    def femur(self) -> np.ndarray:
        """The femur, with the stem's tract."""
        return rasterise(self._femur, GRID)

    @property
    def _femur(self) -> Solid:
        parts: list[Solid] = [
            RoundCone((90.0 + 0.4 * 42, 0.4 * 8, -0.4 * 36), BASE, 15.0, 17.0),
            RoundCone(BASE, (132.0, 8.0, -170.0), 15.0, 14.0),
            RoundCone((141.0, 10.0, -36.0), (143.0, 14.0, TROCHANTER_TOP - 9.0), 12.0, 9.0),
        ]
        if self.lesser:
            parts.append(RoundCone((126.0, 14.0, -60.0), LESSER, 9.0, LESSER_RADIUS))
        if not self.replaced:
            return Union((*parts, Ball(HEAD, 24.0)))
        cut = tuple(np.add(BASE, np.multiply(NECK, 14.0)))
        below = HalfSpace(cut, NECK)
        lateral = HalfSpace((128.0, 0.0, 0.0), (-1.0, 0.0, 0.0))
        return Intersection((Union(tuple(parts)), Union((below, lateral))))

    @cached_property
    def pelvis(self) -> np.ndarray:
        """The innominate bone, with the cup's bed."""
        behind = HalfSpace(HEAD, OPENING)
        socket: Solid = Intersection((Ball(HEAD, 36.0), behind))
        if not self.replaced:
            socket = Difference(socket, Ball(HEAD, 28.0))
        columns = (
            RoundCone((76.0, 0.0, 34.0), (72.0, 0.0, 50.0), 12.0, 9.0),
            RoundCone((70.0, 22.0, -14.0), (62.0, 28.0, -62.0), 11.0, 10.0),
        )
        return rasterise(Union((socket, *columns)), GRID) & ~self.femur

    @cached_property
    def metal(self) -> np.ndarray:
        """Stem, neck, head and cup."""
        if not self.replaced:
            return np.zeros(GRID.shape, dtype=bool)
        shell = Difference(Intersection((Ball(HEAD, 27.0), HalfSpace(HEAD, OPENING))), Ball(HEAD, 22.0))
        stem = RoundCone(BASE, (132.0, 8.0, -120.0), 7.0, 5.0)
        return rasterise(Union((Ball(HEAD, 16.0), RoundCone(HEAD, BASE, 6.0, 6.0), stem, shell)), GRID)

    @cached_property
    def envelope(self) -> np.ndarray:
        """All bone in one, with the metal that touches it, and a bridge where there is one."""
        out = self.femur | self.pelvis | self.metal
        if self.bridged:
            out |= rasterise(RoundCone((122.0, 20.0, -50.0), (66.0, 26.0, -50.0), 5.0, 5.0), GRID)
        return out

    @cached_property
    def volume(self) -> Volume:
        """The CT: muscle, bone, metal; blurred by its voxels alone."""
        hu = np.full(GRID.shape, 50.0, dtype=np.float32)
        hu[self.femur | self.pelvis] = 600.0
        hu[self.metal] = 3000.0
        return Volume(GRID, hu)

    @property
    def implants(self) -> tuple[Implant, ...]:
        """Their records."""
        if not self.replaced:
            return ()
        axis = ImplantAxis(
            head_lps=BASE, tip_lps=(132.0, 8.0, -120.0), diameter_mm=12.0, core_diameter_mm=None, length_mm=84.0
        )
        return (
            _implant("stem", "femoral_stem", (132.0, 8.0, -70.0), axis=axis),
            _implant("head", "femoral_head", HEAD, sphere=_sphere(32.0, None)),
            _implant("cup", "acetabular_cup", HEAD, sphere=_sphere(54.0, OPENING)),
        )

    def mask(self, voxels: np.ndarray) -> Mask:
        """Put an array on the grid."""
        return Mask(GRID, voxels)


def _sphere(diameter_mm: float, opening_lps: tuple[float, ...] | None) -> ImplantSphere:
    return ImplantSphere.model_validate({"centre_lps": HEAD, "diameter_mm": diameter_mm, "opening_lps": opening_lps})


def _implant(name: str, kind: str, centroid: tuple[float, float, float], **more: object) -> Implant:
    fields: dict[str, object] = {"axis": None, "sphere": None, **more}
    return Implant.model_validate(
        {
            "id": name, "kind": kind, "volume_ml": None, "centroid_lps": centroid, "bulls_eye": None, "side": "left",
            "level": None, "material": "unknown", "loosening": None, **fields,
        }
    )  # fmt: skip


def scene_nail() -> Implant:
    """Give the record of a nail in the natural femur."""
    axis = ImplantAxis(
        head_lps=(132.0, 8.0, -12.0),
        tip_lps=(132.0, 8.0, -120.0),
        diameter_mm=11.0,
        core_diameter_mm=None,
        length_mm=108.0,
    )
    return _implant("nail", "nail", (132.0, 8.0, -66.0), axis=axis)


def dice(one: np.ndarray, two: np.ndarray) -> float:
    """Give how far two masks agree."""
    return float(2 * (one & two).sum() / (one.sum() + two.sum()))
