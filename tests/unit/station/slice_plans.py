"""A CT with a marker at the left, in front, above; a plan with two needles and a breach; labels."""

import numpy as np

from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.model.breach import Breach
from planner.model.carm import NeedleView
from planner.model.gap import Gap, GapWidth
from planner.model.labels import LabelMap, Structure
from planner.model.needle import Clearances, Needle, Trajectory
from planner.model.needle import DepthMark as PlannedMark
from planner.model.plan import Plan, Review, Series, Software
from planner.model.scan import Scan
from planner.model.volume import Volume

MARKER_LPS = np.array([28.0, -22.0, 32.0])
"""Left, in front, above the CT's centre (0, 0, 0)."""
_AXIAL = np.eye(3)[:, ::-1]
# Columns: where slices, rows and columns run to, in LPS.
STORED = {
    "axial": _AXIAL,
    "columns to the right": _AXIAL * np.array([1.0, 1.0, -1.0]),
    "sagittal": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "coronal, mirrored rows": np.array([[0, 0, -1.0], [-1, 0, 0], [0, -1, 0]]),
    "oblique": rotation_about((0.3, 1.0, 0.2), 25.0) @ _AXIAL,
}
STRUCTURES = (
    Structure(code=1, kind="implant", id="screw-1"),
    Structure(code=2, kind="gap", id="gap-1"),
    Structure(code=3, kind="breach", id="breach-1"),
    Structure(code=4, kind="canal", id="canal"),
    Structure(code=5, kind="bone", id="vertebra-1"),
)


def grid_of(stored="axial", shape=(50, 60, 70), spacing=(2.0, 1.5, 1.3)):
    matrix = np.eye(4)
    matrix[:3, :3] = STORED[stored] * np.array(spacing)
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, matrix)


def scan_of(stored="axial", *, clipped_at=None, padding=None):
    grid = grid_of(stored)
    points = grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))
    near = np.linalg.norm(points - MARKER_LPS, axis=-1) < 9.0
    body = np.linalg.norm(points, axis=-1) < 55.0
    hu = np.where(near, 2500, np.where(body, 40, -1000)).astype(np.int16)
    series = Series(
        series_instance_uid=None,
        frame_of_reference_uid=None,
        shape_zyx=grid.shape,
        spacing_mm=grid.spacing_mm,
        patient_position="HFS",
        hu_min=-1000.0,
        hu_max=2500.0,
        hu_clipped_at=clipped_at,
    )
    return Scan(Volume(grid, hu, padding), series)


def labels_of(grid):
    codes = np.zeros(grid.shape, np.uint8)
    codes[10:40, 20:50, 20:55] = 5
    codes[20:30, 25:35, 30:40] = 4
    codes[22:26, 30:44, 40:43] = 1
    codes[21:27, 26:30, 40:44] = 2
    codes[24, 26, 44] = 3
    return LabelMap(grid, codes, STRUCTURES)


def needle(rank, *, skin=(25.0, 40.0, 10.0), **changes):
    bone, target = (15.0 + rank, 15.0, 6.0), (10.0, -5.0, 4.0)
    fields = {
        "id": f"trajectory-{rank}",
        "approach": "transpedicular",
        "gap_id": "gap-1",
        "implant_id": None,
        "rank": rank,
        "entry_skin_lps": skin,
        "entry_bone_lps": bone,
        "aim_lps": target,
        "target_lps": target,
        "path_lps": (bone, target) if skin is None else (skin, bone, target),
        "slides_along_implant": False,
        "depth_from_skin_mm": None,
        "depth_in_bone_mm": 20.0,
        "needle": Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=150.0),
        "clearance_mm": Clearances(metal=None, canal=None, nearest_breach=None),
        "crosses": (),
        "cortical_crossings": 1,
        "entry_angle_deg": None,
        "reachable_ml": None,
        "skin_landmark": None,
        "bulls_eye": NeedleView(
            primary_deg=0.0,
            secondary_deg=0.0,
            console_primary_deg=0.0,
            console_secondary_deg=0.0,
            within_gantry_limits=True,
        ),
        "score": 0.5,
        "score_terms": {},
        "depth_marks": (
            PlannedMark(name="bone", from_skin_mm=None, from_bone_mm=0.0),
            PlannedMark(name="gap", from_skin_mm=None, from_bone_mm=12.0),
            PlannedMark(name="target", from_skin_mm=None, from_bone_mm=21.0),
        ),
    }
    return Trajectory(**(fields | changes))


def plan_of(scan, *needles):
    return Plan(
        software=Software(name="cement-planner", version="0"),
        review=Review(),
        series=scan.series,
        treatment_position="HFP",
        settings_sha256="0" * 64,
        gaps=(
            Gap(
                id="gap-1",
                implant_id=None,
                level="L4",
                kind="screw_halo",
                zones=(),
                volume_ml=None,
                expected_fill_ml=None,
                width_mm=GapWidth(median=1.4, p95=2.0, max=2.3),
                interface_fraction=None,
                centroid_lps=(10.0, 0.0, 4.0),
                trust=None,
            ),
        ),
        breaches=(
            Breach(
                id="breach-1",
                gap_id="gap-1",
                leak_type="cortical",
                severity="thin",
                barrier_mm=0.6,
                area_mm2=None,
                centroid_lps=(20.0, -4.0, 6.0),
                outward_lps=None,
                reached=None,
                leak_after_ml=None,
                watch_view=None,
            ),
        ),
        trajectories=needles or (needle(1), needle(2, skin=None)),
        labels=STRUCTURES,
    )
