"""A small patient under the C-arm, with a plan: nothing in it is the same on both sides."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.projectable import make_projectable
from planner.fluoro.views import ap_view
from planner.geometry.grid import Grid
from planner.model.breach import Breach
from planner.model.carm import NeedleView, WatchView
from planner.model.gap import Gap
from planner.model.implant import Implant, ImplantAxis
from planner.model.needle import Clearances, Needle, Trajectory
from planner.model.plan import Plan, Review, Series, Software
from planner.model.volume import Mask, Volume
from planner.pipeline.fluoroscopy.scene import FluoroScene

CONFIG = FluoroConfig(rows=96, columns=112, pixel_mm=2.0)
CENTRE = np.array([0.0, 0.0, 100.0])
SHAPE = (50, 60, 60)


def grid():
    matrix = np.eye(4)
    matrix[:3, :3] = 2.0 * np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    return Grid(SHAPE, matrix, "1.2.3.4")


def screw(name, side, material):
    x = 20.0 if side == "left" else -20.0
    axis = ImplantAxis(
        head_lps=(x, 40.0, 110.0), tip_lps=(x / 2, 0.0, 104.0), diameter_mm=6.0, core_diameter_mm=4.0, length_mm=42.0
    )
    return Implant(
        id=name, kind="pedicle_screw", volume_ml=1.0, centroid_lps=(0.75 * x, 20.0, 107.0), axis=axis, bulls_eye=None,
        side=side, level="L3", material=material, loosening="probable",
    )  # fmt: skip


def trajectory():
    skin, bone, aim = (45.0, 55.0, 115.0), (25.0, 30.0, 108.0), (8.0, -2.0, 102.0)
    return Trajectory(
        id="trajectory-1", approach="transpedicular", gap_id="gap-1", implant_id="screw-1", rank=1,
        entry_skin_lps=skin, entry_bone_lps=bone, aim_lps=aim, target_lps=aim, path_lps=(skin, bone, aim),
        slides_along_implant=False, depth_from_skin_mm=70.0, depth_in_bone_mm=36.0,
        needle=Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=150.0),
        clearance_mm=Clearances(metal=None, canal=None, nearest_breach=None), crosses=(), cortical_crossings=1,
        entry_angle_deg=None, reachable_ml=None, skin_landmark=None,
        bulls_eye=NeedleView(
            primary_deg=0, secondary_deg=0, console_primary_deg=0, console_secondary_deg=0, within_gantry_limits=True
        ),
        score=0.5, score_terms={},
    )  # fmt: skip


def breach(name, watch_view):
    return Breach(
        id=name, gap_id="gap-1", leak_type="disc", severity="open", barrier_mm=0.0, area_mm2=4.0,
        centroid_lps=(12.0, -4.0, 108.0), outward_lps=(0.0, 0.0, 1.0), reached=None, leak_after_ml=None,
        watch_view=watch_view,
    )  # fmt: skip


@pytest.fixture
def config():
    return CONFIG


@pytest.fixture
def frontal():
    return ap_view(CENTRE, config=CONFIG)


@pytest.fixture
def plan():
    watched = WatchView(primary_deg=40.0, secondary_deg=-10.0)
    gap = Gap(
        id="gap-1", implant_id="screw-1", level="L3", kind="screw_halo", zones=(), volume_ml=None,
        expected_fill_ml=None, width_mm=None, interface_fraction=None, centroid_lps=(10.0, 0.0, 104.0), trust=None,
    )  # fmt: skip
    return Plan(
        software=Software(name="test", version="0"), review=Review(),
        series=Series(
            series_instance_uid="1.2.3", frame_of_reference_uid="1.2.3.4", shape_zyx=SHAPE, spacing_mm=(2.0, 2.0, 2.0),
            patient_position="HFS", hu_min=-1000, hu_max=3071, hu_clipped_at=3071,
        ),
        treatment_position="HFP", settings_sha256="0" * 64,
        implants=(screw("screw-1", "left", "titanium"), screw("screw-2", "right", "cobalt_chrome_or_steel")),
        gaps=(gap,), breaches=(breach("breach-1", watched), breach("breach-2", None)), trajectories=(trajectory(),),
    )  # fmt: skip


@pytest.fixture
def scene(plan):
    where = grid()
    points = np.asarray(where.to_lps(np.moveaxis(np.indices(SHAPE), 0, -1)))
    hu = np.where(np.hypot(points[..., 0] / 50.0, points[..., 1] / 45.0) < 1.0, 40, -1000).astype(np.int16)
    metal = np.zeros(SHAPE, dtype=bool)
    for implant in plan.implants:
        head, tip = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
        along = np.clip((points - head) @ (tip - head) / np.sum((tip - head) ** 2), 0.0, 1.0)
        metal |= np.linalg.norm(points - head - along[..., None] * (tip - head), axis=-1) < 3.0
    hu[metal] = 3071
    gap = np.linalg.norm(points - [10.0, 0.0, 104.0], axis=-1) < 8.0
    volume, masks = Volume(where, hu), {"gap-1": Mask(where, gap & ~metal)}
    ready = make_projectable(volume, metal=Mask(where, metal), config=CONFIG)
    return FluoroScene(volume, Mask(where, metal), ready, plan, masks, "HFP", assumed_alloy=False)
