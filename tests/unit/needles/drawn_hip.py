"""A small hip: a shaft with a stem in a wide gap, cortex round it, skin; the left one by default."""

from functools import partial

import numpy as np

from planner.config.needle_config import NeedleConfig
from planner.fluoro.console import console_angles_deg
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.bones import Bone, Landmark
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Mask, Volume
from planner.needles.account.describe import Scene
from planner.safety.fields import distance_fields

SHAPE = (150, 90, 90)
CORNER_LPS = (-45.0, -45.0, -30.0)
HEAD, TIP = (0.0, 0.0, 100.0), (0.0, 0.0, 10.0)
GRID = Grid(SHAPE, np.array([[0, 0, 1, -45.0], [0, 1, 0, -45.0], [1, 0, 0, -30.0], [0, 0, 0, 1]]))
X, Y, Z = np.moveaxis(np.asarray(GRID.to_lps(np.moveaxis(np.indices(SHAPE), 0, -1))), -1, 0)
AROUND = np.hypot(X, Y)


def implant(kind="femoral_stem", side="left", **more):
    axis = ImplantAxis(head_lps=HEAD, tip_lps=TIP, diameter_mm=10.0, core_diameter_mm=None, length_mm=90.0)
    fields = {
        "id": "stem-1", "kind": kind, "volume_ml": None, "centroid_lps": (0.0, 0.0, 55.0), "axis": axis,
        "bulls_eye": None, "side": side, "level": None, "material": "unknown", "loosening": None,
    }  # fmt: skip
    return Implant(**(fields | more))


def build_hip(side="left", *, wall_mm=5.0, gap=None, hu=None, metal=None, implants=None):
    """A shaft of 15 mm radius; the gap 5 to 9 mm from the axis over the stem's length unless another is given."""
    outward = 1.0 if side == "left" else -1.0
    bone = (AROUND < 15.0) & (Z > -25.0) & (Z < 115.0)
    stem = (AROUND < 5.0) & (Z >= 10.0) & (Z <= 100.0)
    space = (AROUND >= 5.0) & (AROUND < 9.0) & (Z >= 10.0) & (Z <= 100.0) if gap is None else gap
    ct = np.where(AROUND < 40.0, 40.0, -1000.0)
    ct = np.where((AROUND < 40.0) & (AROUND > 36.0), -90.0, ct)
    ct = np.where(bone, 200.0, ct)
    ct = np.where(bone & (wall_mm > 15.0 - AROUND), 1200.0, ct)
    ct = np.where(space, 50.0, ct) if hu is None else np.where(space, hu, ct)
    ct = np.where(stem, 3000.0, ct).astype(np.float32)
    mask = lambda voxels: Mask(GRID, np.asarray(voxels))  # noqa: E731
    all_metal = stem if metal is None else stem | metal
    tip = (10.0 * outward, 0.0, 112.0)
    return Anatomy(
        ct=Volume(GRID, np.where(all_metal, 3000.0, ct).astype(np.float32)),
        metal=mask(all_metal),
        bone=mask(bone),
        gaps=(GapSpace("gap-1", "stem-1", mask(space)),),
        implants=(implant(side=side),) if implants is None else implants,
        body=mask(AROUND < 40.0),
        bones=(Bone(f"femur-{side}", "femur", mask(bone), side=side),),
        landmarks=(Landmark("trochanter tip", f"femur-{side}", np.array(tip), side),),
        muscle=mask((AROUND >= 15.0) & (AROUND <= 36.0)),
        fat=mask((AROUND > 36.0) & (AROUND < 40.0)),
    )


def scene_of(anatomy, *, breaches=(), config=None):
    config = config or NeedleConfig(targets_per_gap=30, direction_step_deg=4.0)
    fields = distance_fields(anatomy, config=config)
    return Scene(anatomy, fields, tuple(breaches), config, partial(console_angles_deg, position="HFP"))
