"""A small vertebra with a loose screw: body, two pedicles, lamina, canal, rod, skin."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.fluoro.console import console_angles_deg
from planner.geometry.grid import Grid
from planner.geometry.rays import segment_distance_mm
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Mask, Volume
from planner.needles.account.describe import Scene
from planner.safety.fields import distance_fields

HEAD, TIP = (18.0, 27.0, 0.0), (10.0, -8.0, 0.0)
SHAPE = (50, 110, 110)
CORNER_LPS = (-55.0, -35.0, -25.0)


def screw(side="left", kind="pedicle_screw"):
    length = float(np.linalg.norm(np.subtract(HEAD, TIP)))
    axis = ImplantAxis(head_lps=HEAD, tip_lps=TIP, diameter_mm=6.0, core_diameter_mm=None, length_mm=length)
    return Implant(
        id="screw-1",
        kind=kind,
        volume_ml=None,
        centroid_lps=(14.0, 9.0, 0.0),
        axis=axis,
        bulls_eye=None,
        side=side,
        level=None,
        material="unknown",
        loosening="probable",
    )


def build_vertebra():
    lps_from_index = np.array(
        [[0, 0, 1, CORNER_LPS[0]], [0, 1, 0, CORNER_LPS[1]], [1, 0, 0, CORNER_LPS[2]], [0, 0, 0, 1]]
    )
    grid = Grid(SHAPE, lps_from_index.astype(float))
    p = np.moveaxis(np.asarray(grid.to_lps(np.moveaxis(np.indices(SHAPE), 0, -1))), -1, 0)
    x, y, z = p
    canal = np.hypot(x, y - 14.0) < 6.0
    body = (np.hypot(x / 22.0, (y + 8.0) / 16.0) < 1.0) & (np.abs(z) < 14.0)
    arch = (np.abs(x) < 24.0) & (y > 0.0) & (y < 28.0) & (np.abs(z) < 9.0)
    metal = segment_distance_mm(np.moveaxis(p, 0, -1), HEAD, TIP) < 3.0
    rod = np.hypot(x - 19.0, y - 34.0) < 3.0
    bone = (body | arch) & ~canal
    halo = (segment_distance_mm(np.moveaxis(p, 0, -1), HEAD, TIP) < 5.8) & ~metal & bone & (y < 16.0)
    hu = np.where(bone, 300.0, 30.0).astype(np.float32)
    hu[halo], hu[metal | rod] = 20.0, 3000.0
    skin = y < 60.0
    hu[~skin] = -1000.0
    mask = lambda voxels: Mask(grid, voxels)  # noqa: E731
    return Anatomy(
        ct=Volume(grid, hu),
        metal=mask(metal | rod),
        bone=mask(bone),
        gaps=(GapSpace("gap-1", "screw-1", mask(halo)),),
        implants=(screw(),),
        canal=mask(canal),
        body=mask(skin),
    )


@pytest.fixture(scope="session")
def vertebra():
    return build_vertebra()


@pytest.fixture(scope="session")
def config():
    return NeedleConfig(targets_per_gap=30, direction_step_deg=4.0)


@pytest.fixture(scope="session")
def scene(vertebra, config):
    return Scene(
        vertebra, distance_fields(vertebra, config=config), (), config, partial(console_angles_deg, position="HFP")
    )


@pytest.fixture
def change(vertebra):
    return lambda **fields: replace(vertebra, **fields)
