"""A made-up plan: a left femur as a tube with a stem in it, and two vertebral bodies as blocks; sides differ."""

from typing import Any, cast

import numpy as np

from planner.geometry.frames import points_lps, unit
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.bones import Bone, Landmark, Pedicle
from planner.model.carm import BullsEye
from planner.model.gap import Gap
from planner.model.implant import Implant, ImplantAxis
from planner.model.labels import LabelMap
from planner.model.plan import Plan, Review, Series, Software
from planner.model.volume import Mask, Volume
from planner.pipeline.planned_case import PlannedCase
from planner.segment.anatomy.cortex import Cortex
from planner.segment.anatomy.skeleton import Skeleton

SHAPE = (100, 60, 60)
GRID = Grid(SHAPE, np.array([[0, 0, 1.0, -30.0], [0, 1.0, 0, -30.0], [1.0, 0, 0, -50.0], [0, 0, 0, 1.0]]))
X, Y, Z = np.moveaxis(np.asarray(GRID.to_lps(np.moveaxis(np.indices(SHAPE), 0, -1))), -1, 0)
FEMUR_MM, STEM_MM = 15.0, 5.0


def mask(voxels):
    return Mask(GRID, np.asarray(voxels, dtype=bool))


def implant(name, kind, *, material="titanium", head=(0.0, 0.0, 40.0), tip=(0.0, 0.0, -30.0), side=None, is_cut=False):
    axis = ImplantAxis(head_lps=head, tip_lps=tip, diameter_mm=10.0, core_diameter_mm=None, length_mm=70.0)
    return Implant(
        id=name, kind=kind, volume_ml=None, centroid_lps=(0.0, 0.0, 5.0), axis=axis,
        bulls_eye=BullsEye(primary_deg=0.0, secondary_deg=0.0), side=side, level=None, material=material,
        loosening=None, is_cut=is_cut,
    )  # fmt: skip


def gap(name, implant_id):
    return Gap(
        id=name, implant_id=implant_id, level=None, kind="periprosthetic_gap", zones=(), volume_ml=None,
        expected_fill_ml=None, width_mm=None, interface_fraction=None, centroid_lps=(0.0, 0.0, 0.0), trust=None,
    )  # fmt: skip


def case_of(
    *, bones=(), spaces=(), implants=(), skeleton=None, canal=None, metal=None, position="HFS", trajectories=()
):
    """Put a case together: spaces are (id, implant's id, voxels)."""
    nothing = mask(np.zeros(SHAPE))
    plan = Plan(
        software=Software(name="cement-planner", version="0"), review=Review(),
        series=Series(
            series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=SHAPE, spacing_mm=(1.0, 1.0, 1.0),
            patient_position=None, hu_min=0.0, hu_max=0.0, hu_clipped_at=None,
        ),
        treatment_position=position, settings_sha256="0" * 64, implants=tuple(implants),
        gaps=tuple(gap(name, owner) for name, owner, _ in spaces), trajectories=tuple(trajectories),
    )  # fmt: skip
    gaps = tuple(GapSpace(name, owner, mask(voxels)) for name, owner, voxels in spaces)
    ct = Volume(GRID, np.zeros(SHAPE, dtype=np.int16))
    anatomy = Anatomy(
        ct, nothing, nothing, gaps, tuple(implants), canal=None if canal is None else mask(canal), bones=tuple(bones)
    )
    labels = LabelMap(GRID, np.zeros(SHAPE, dtype=np.uint8), ())
    metal = nothing if metal is None else mask(metal)
    return PlannedCase(plan, cast(Any, None), anatomy, labels, metal, skeleton=skeleton)


def cortex_of(points, outward):
    count = len(points)
    return Cortex(points_lps(points), np.asarray(outward), np.ones(count), np.full(count, 900.0), 0.5, 0.3)


def tube_surface():
    turn, along = (v.ravel() for v in np.meshgrid(np.radians(np.arange(0, 360, 4)), np.arange(-45.0, 45.0, 1.2)))
    out = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], axis=-1)
    return FEMUR_MM * out + along[:, None] * [0.0, 0.0, 1.0], out


def femur_case(*, side="left", with_cortex=True, with_stem=True, **changes):
    """A stem in a femur, with a gap at its lateral side from -10 to 20 mm."""
    bone = Bone(f"femur-{side}", "femur", mask(np.hypot(X, Y) <= FEMUR_MM), side=side)
    space = (np.hypot(X, Y) > STEM_MM) & (np.hypot(X, Y) < 9.0) & (Z > -10.5) & (Z < 20.5)
    skeleton = Skeleton(cortex=cortex_of(*tube_surface()) if with_cortex else None)
    stem = implant("stem", "femoral_stem", side=side)
    return case_of(
        bones=[bone], spaces=[("gap-1", "stem" if with_stem else None, space)], implants=[stem] if with_stem else [],
        skeleton=skeleton, metal=(np.hypot(X, Y) <= STEM_MM) & (Z > -30.5) & (Z < 40.5), **changes,
    )  # fmt: skip


def pedicle(bone, side, x):
    return Pedicle(bone, side, points_lps([x, 10.0, 0.0]), points_lps(unit([0.0, -1.0, 0.0])), 9.0, 14.0)


def tip(bone):
    return Landmark("spinous process", bone, points_lps([0.0, 28.0, -4.0]))
