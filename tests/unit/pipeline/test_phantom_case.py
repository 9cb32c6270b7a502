"""A phantom written as a case."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from planner.config.phantoms.scan import IdealScan
from planner.errors import CancelledError, OutputError
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.phantoms import Phantom
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, HalfSpace
from planner.phantoms.tissues import CANCELLOUS, FAT
from planner.phantoms.truth.document import read_truth
from planner.phantoms.truth.facts import Structure, TrueGap, TrueImplant, Truth, halo_without_metal
from planner.pipeline import CASE_FILES, write_case
from planner.progress import Progress

_AXIS = np.arange(-16.0, 16.1, 1.6)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    bone, screw = Ball((0, 0, 0), 12.0), Cylinder((0, -14, 0), (0, 6, 0), 2.0)
    hole = Cylinder((0, -6, 0), (0, 7, 0), 4.0)
    host = Scene((Part("bone", bone, CANCELLOUS),), FAT)
    truth = Truth(
        implants=(TrueImplant("screw", "pedicle_screw", screw, (0, -14, 0), (0, 6, 0), 4.0, 20.0, "left", "L4", True),),
        gaps=(TrueGap("gap", "screw", "screw_halo", 2.0, halo_without_metal(hole, bone, screw)),),
        env=bone,
        body=Ball((0, 0, 0), 15.0),
        structures=(Structure("lungs", HalfSpace((0, -10, 0), (0, 1, 0))),),
        host=host,
        axes_lps=(_AXIS, _AXIS, _AXIS),
    )
    hu = np.random.default_rng(0).normal(40.0, 20.0, (6, 8, 8)).astype(np.int16)
    return Phantom("lumbar", Volume(Grid(hu.shape, np.eye(4)), hu), host, truth, IdealScan())


def _series_uid(folder: Path) -> str:
    return str(pydicom.dcmread(next((folder / "dicom").iterdir()), stop_before_pixels=True).SeriesInstanceUID)


def test_a_case_holds_series_and_truth(phantom: Phantom, tmp_path: Path) -> None:
    write_case(phantom, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(CASE_FILES)
    assert len(list((tmp_path / "dicom").iterdir())) == 6
    truth = read_truth(tmp_path)
    assert [z.zone for z in truth.gaps[0].zones] == ["screw-middle", "screw-distal", "screw-tip"]
    with np.load(tmp_path / "truth.npz", allow_pickle=False) as arrays:
        assert arrays["label"].max() == truth.gaps[0].label
        assert set(np.unique(arrays["structures"])) == {0, truth.structures.forbidden[0].code}


def test_the_same_phantom_has_the_same_uids_and_another_has_others(phantom: Phantom, tmp_path: Path) -> None:
    other_hu = phantom.volume.hu.copy()
    other_hu[0, 0, 0] += 1
    other = replace(phantom, volume=Volume(phantom.volume.grid, other_hu))
    moved = Grid(phantom.volume.grid.shape, np.diag([2.0, 1.0, 1.0, 1.0]))
    elsewhere = replace(phantom, volume=Volume(moved, phantom.volume.hu))
    uids = []
    for name, made in (("a", phantom), ("b", phantom), ("c", other), ("d", elsewhere)):
        (tmp_path / name).mkdir()
        write_case(made, tmp_path / name)
        uids.append(_series_uid(tmp_path / name))
    assert uids[0] == uids[1]
    assert len(set(uids)) == 3


def test_the_work_stops_when_asked(phantom: Phantom, tmp_path: Path) -> None:
    class Stop:
        def report(self, progress: Progress) -> None:
            pass

        def cancelled(self) -> bool:
            return True

    with pytest.raises(CancelledError):
        write_case(phantom, tmp_path, monitor=Stop())
    assert not (tmp_path / "truth.json").exists()


def test_a_place_that_cannot_be_written_is_told(phantom: Phantom, tmp_path: Path) -> None:
    (tmp_path / "truth.npz").mkdir()
    with pytest.raises(OutputError, match=r"truth\.npz"):
        write_case(phantom, tmp_path)
