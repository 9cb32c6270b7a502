"""Short columns of vertebrae for tests: the phantoms' standard solids on 1 mm voxels, leaning to the patient's left."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.phantoms.solids.raster import rasterise
from planner.phantoms.spine.patient.vertebrae import LUMBAR, THORACIC, Vertebra, VertebraShape, canal
from planner.segment.anatomy.canal import Canal
from planner.segment.anatomy.vertebrae import SpineBones, find_vertebrae

MARROW_HU, CORTEX_HU, SOFT_HU = 150.0, 500.0, 50.0
LEAN_DEG = 6.0


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Give the share that two masks have in common."""
    return float(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))


@dataclass(frozen=True)
class ColumnScene:
    """Vertebrae of one shape, the middle one turned; `crop_mm` cuts the scan above, `bridged` fills a disc."""

    shape: VertebraShape = LUMBAR
    apart_mm: float = 36.0
    count: int = 3
    crop_mm: float = 12.0
    laminectomy: bool = False
    ribs: bool = False
    bridged: bool = False

    @cached_property
    def vertebrae(self) -> tuple[Vertebra, ...]:
        """From the top down."""
        lean = np.tan(np.radians(LEAN_DEG))
        heights = [self.apart_mm * (self.count - 1) / 2 - self.apart_mm * k for k in range(self.count)]
        made = [Vertebra(f"V{k}", self.shape, (lean * z, 0.0, z), lean_deg=LEAN_DEG) for k, z in enumerate(heights)]
        made[1] = replace(made[1], turn_deg=5.0)
        if self.laminectomy:
            made[1] = replace(made[1], shape=replace(self.shape, spinous=(), midline=(), plates=()))
        return tuple(made)

    @cached_property
    def grid(self) -> Grid:
        """Upright, 1 mm."""
        top = self.vertebrae[0].centre_lps[2] + self.shape.body_mm[2] + self.crop_mm
        bottom = self.vertebrae[-1].centre_lps[2] - self.shape.body_mm[2] - 22.0
        wide = 60.0
        matrix = np.array([[0, 0, 1, -wide], [0, 1, 0, -26.0], [1, 0, 0, bottom], [0, 0, 0, 1.0]])
        return Grid((int(top - bottom), 100, int(2 * wide)), matrix)

    @cached_property
    def canal_space(self) -> np.ndarray:
        """The hollow of the canal."""
        return rasterise(canal(self.vertebrae), self.grid)

    @cached_property
    def truth(self) -> tuple[np.ndarray, ...]:
        """Each vertebra; where two touch, the lower one's."""
        masks: list[np.ndarray] = []
        taken = self.canal_space.copy()
        for vertebra in reversed(self.vertebrae):
            own = rasterise(vertebra.bone(inside=False), self.grid) & ~taken
            taken |= own
            masks.append(own)
        return tuple(reversed(masks))

    @cached_property
    def rib_space(self) -> np.ndarray:
        """All ribs, beside the vertebrae."""
        out = np.zeros(self.grid.shape, dtype=bool)
        if self.ribs:
            for vertebra in self.vertebrae:
                out |= rasterise(vertebra.ribs(inside=False), self.grid)
        return out & ~np.any(self.truth, axis=0) & ~self.canal_space

    @cached_property
    def bridge(self) -> np.ndarray:
        """Healed bone right across the uppermost disc."""
        z = self.grid.to_lps(np.argwhere(np.ones(self.grid.shape, dtype=bool)))[:, 2].reshape(self.grid.shape)
        upper, lower = self.vertebrae[0].centre_lps[2], self.vertebrae[1].centre_lps[2]
        x = np.arange(self.grid.shape[2])[None, None, :] + self.grid.lps_from_index[0, 3]
        y = np.arange(self.grid.shape[1])[None, :, None] + self.grid.lps_from_index[1, 3]
        within = (z < upper) & (z > lower) & (np.abs(x - 2.0) < 12.0) & (np.abs(y) < 9.0)
        return within if self.bridged else np.zeros(self.grid.shape, dtype=bool)

    @cached_property
    def bone(self) -> np.ndarray:
        """The union of all bone."""
        return np.any(self.truth, axis=0) | self.rib_space | (self.bridge & ~self.canal_space)

    @cached_property
    def ct(self) -> Volume:
        """HU with a cortex a voxel thick."""
        hu = np.where(self.bone, CORTEX_HU, SOFT_HU)
        for vertebra in self.vertebrae:
            inside = rasterise(vertebra.bone(inside=True), self.grid) & self.bone
            hu[inside] = MARROW_HU
        return Volume(self.grid, hu.astype(np.float32))

    @cached_property
    def canal(self) -> Canal:
        """The canal as it was built, one row for each mm."""
        middle, radius, offset = self.shape.canal_mm
        ends = [v.place((0.0, middle, 0.0)) for v in (self.vertebrae[-1], self.vertebrae[0])]
        ends_z = self.grid.lps_from_index[2, 3] + np.array([0.0, self.grid.shape[0] - 1.0])
        z = np.arange(ends_z[0], ends_z[1] + 0.5)
        share = (z - ends[0][2]) / (ends[1][2] - ends[0][2])
        line = np.array(ends[0]) + share[:, None] * (np.array(ends[1]) - np.array(ends[0]))
        turn = np.arange(48) * 2 * np.pi / 48
        radii = np.broadcast_to(radius + offset * np.abs(np.cos(turn)), (len(z), 48)).copy()
        return Canal(points_lps(line), radii, np.ones((len(z), 48), dtype=bool), 1.2)

    def found(self) -> SpineBones | None:
        """Part it."""
        nothing = Mask(self.grid, np.zeros(self.grid.shape, dtype=bool))
        return find_vertebrae(self.ct, bone=Mask(self.grid, self.bone), metal=nothing, canal=self.canal)


THORACIC_COLUMN = ColumnScene(THORACIC, apart_mm=24.0, count=4, ribs=True)
