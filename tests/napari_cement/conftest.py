"""A small scan, a plan and its labels, made by hand; napari where it is installed, else these tests are skipped."""

import gc
import os
import sys
from contextlib import ExitStack

import numpy as np
import pytest

pytest.importorskip("napari")
pytest.importorskip("qtpy")

from planner.geometry.grid import Grid
from planner.model.breach import Breach
from planner.model.carm import NeedleView, WatchView
from planner.model.gap import Gap, GapWidth, Interval
from planner.model.implant import Implant
from planner.model.labels import LabelMap, Structure
from planner.model.needle import Clearances, Needle, Trajectory
from planner.model.plan import Plan, Review, Series, Software
from planner.model.scan import Scan
from planner.model.volume import Volume
from tests.napari_cement.own_screen import own_screen

MARKER_LPS = np.array([28.0, -22.0, 32.0])
"""Left, in front, above the scan's centre (0, 0, 0)."""


_at_end = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Give each of several workers (pytest -n 2) a screen of its own, and one to a process that has none."""
    has_workers = getattr(config.option, "dist", "no") != "no"
    is_without = sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and not has_workers
    if hasattr(config, "workerinput") or is_without:
        _at_end.enter_context(own_screen())


def pytest_unconfigure() -> None:
    """Switch that screen off."""
    _at_end.close()


@pytest.fixture(scope="session", autouse=True)
def _screen():
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        pytest.skip("napari draws with OpenGL, which needs a screen: install Xvfb")


@pytest.fixture(scope="session", autouse=True)
def _known_objects(_screen):
    """Let searches for garbage pass over what is imported: napari asks for three with each window, half a second."""
    import napari._qt.qt_main_window
    import napari._vispy.canvas
    import napari.viewer  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    """Keep recent cases and unsaved work of the tests away from the user's."""
    monkeypatch.setattr("planner.station.keeping.state_folder.user_state_path", lambda name, **_: tmp_path / "state")


@pytest.fixture(autouse=True)
def _no_button_is_left_down(_screen):
    """Fail a test that presses a mouse button and never lets go: to Qt it stays down in all tests that follow."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication, QWidget

    yield
    held = QApplication.mouseButtons() if QApplication.instance() is not None else Qt.MouseButton.NoButton
    if held == Qt.MouseButton.NoButton:
        return
    aside = QWidget()
    for button in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton):
        if held & button:
            QTest.mouseRelease(aside, button)
    pytest.fail(f"left down: {held}")


def _turned(angle_deg):
    angle = np.radians(angle_deg)
    about_z = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    about_x = np.array([[1.0, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    return about_z @ about_x


# Columns: where slices, rows and columns run to, in LPS.
STORED = {
    "axial": np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]]),
    "head first stored last": np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]]),
    "sagittal": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "coronal, mirrored rows": np.array([[0, 0, -1], [-1, 0, 0], [0, -1, 0]]),
    "oblique": _turned(25.0) @ np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]]),
}


def centred_grid(directions, shape=(50, 60, 70), spacing=(2.0, 1.5, 1.3)):
    matrix = np.eye(4)
    matrix[:3, :3] = np.asarray(directions, dtype=float) * np.array(spacing)
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, matrix)


def scan_with_marker(directions):
    grid = centred_grid(directions)
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
        hu_clipped_at=None,
    )
    return Scan(Volume(grid, hu), series)


@pytest.fixture(params=list(STORED))
def marked_scan(request):
    return scan_with_marker(STORED[request.param])


@pytest.fixture
def scan():
    return scan_with_marker(STORED["axial"])


@pytest.fixture
def plan(scan):
    structures = (
        Structure(code=1, kind="implant", id="screw-1"),
        Structure(code=2, kind="gap", id="gap-1"),
        Structure(code=3, kind="breach", id="breach-1"),
        Structure(code=4, kind="canal", id="canal"),
        Structure(code=5, kind="bone", id="bone"),
    )
    return Plan(
        software=Software(name="cement-planner", version="0"),
        review=Review(),
        series=scan.series,
        treatment_position="HFP",
        settings_sha256="0" * 64,
        implants=(
            Implant(
                id="screw-1",
                kind="pedicle_screw",
                volume_ml=1.2,
                centroid_lps=(10.0, 5.0, 0.0),
                axis=None,
                bulls_eye=None,
                side="left",
                level="L4",
                material="unknown",
                loosening="probable",
            ),
        ),
        gaps=(
            Gap(
                id="gap-1",
                implant_id="screw-1",
                level="L4",
                kind="screw_halo",
                zones=(),
                volume_ml=Interval(estimate=1.25, low=0.9, high=1.6),
                expected_fill_ml=None,
                width_mm=GapWidth(median=1.4, p95=2.0, max=2.3),
                interface_fraction=0.5,
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
                area_mm2=12.0,
                centroid_lps=(20.0, -4.0, 6.0),
                outward_lps=(1.0, 0.0, 0.0),
                reached=None,
                leak_after_ml=None,
                watch_view=WatchView(primary_deg=20.0, secondary_deg=-10.0),
            ),
        ),
        trajectories=tuple(_needle(number, skin) for number, skin in ((1, (25.0, 40.0, 10.0)), (2, None))),
        labels=structures,
    )


def _needle(rank, skin_lps):
    bone, target = (15.0 + rank, 15.0, 6.0), (10.0, -5.0, 4.0)
    return Trajectory(
        id=f"trajectory-{rank}",
        approach="transpedicular",
        gap_id="gap-1",
        implant_id="screw-1",
        rank=rank,
        entry_skin_lps=skin_lps,
        entry_bone_lps=bone,
        aim_lps=target,
        target_lps=target,
        path_lps=(bone, target) if skin_lps is None else (skin_lps, bone, target),
        slides_along_implant=False,
        depth_from_skin_mm=None if skin_lps is None else 49.0,
        depth_in_bone_mm=20.0,
        needle=Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=150.0),
        clearance_mm=Clearances(metal=1.0, canal=None, nearest_breach=6.0),
        crosses=(),
        cortical_crossings=1,
        entry_angle_deg=20.0,
        reachable_ml=None,
        skin_landmark=None,
        bulls_eye=NeedleView(
            primary_deg=160.0,
            secondary_deg=2.0,
            console_primary_deg=-20.0,
            console_secondary_deg=2.0,
            within_gantry_limits=True,
        ),
        score=0.8,
        score_terms={},
    )


@pytest.fixture
def labels(scan, plan):
    codes = np.zeros(scan.volume.grid.shape, np.uint8)
    codes[10:40, 20:50, 20:55] = 5
    codes[20:30, 25:35, 30:40] = 4
    codes[22:26, 30:44, 40:43] = 1
    codes[21:27, 26:30, 40:44] = 2
    codes[24, 26, 44] = 3
    return LabelMap(scan.volume.grid, codes, plan.labels)
