"""What the benchmark of fluoroscopy compares: the same view of the same CT."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

# The benchmarks are scripts, not a package: they find each other in their own folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import speed_drr

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.projectable import make_projectable
from planner.fluoro.projector import project_volume
from planner.fluoro.views import view_at
from planner.geometry.grid import Grid
from planner.model.volume import Volume

BENCHMARKS = Path(speed_drr.__file__).parent
CONFIG = FluoroConfig(rows=60, columns=48, pixel_mm=3.0)


@pytest.fixture
def volume():
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * (1.5, 1.0, 1.2)
    grid = Grid((44, 56, 48), matrix)
    slices, rows, columns = np.indices(grid.shape)
    hu = np.where((slices - 30) ** 2 + (rows - 20) ** 2 + (columns - 30) ** 2 < 12**2, 900, -1000)
    hu[5:12, 40:50, 8:16] = 4500
    return Volume(grid, ndimage.gaussian_filter(hu.astype(np.float32), 1.0).astype(np.int16))


def test_the_ct_is_clipped_as_scanners_clip_it(volume):
    ct = speed_drr.clipped(volume)
    assert ct.hu.max() == 3071 and ct.hu.min() == -1000 and volume.hu.max() > 3071


@pytest.mark.skipif(shutil.which("plastimatch") is None, reason="plastimatch (Debian's package) is not installed")
def test_both_take_the_same_views(volume, tmp_path):
    ct = speed_drr.clipped(volume)
    judged = speed_drr.Plastimatch(ct, CONFIG, tmp_path).project(3)
    assert judged.picture_s > 0.0 and [p.shape for p in judged.pictures] == [(60, 48)] * 3
    ready = make_projectable(ct, config=CONFIG)
    carms = [
        view_at(ct.grid.centre_lps, primary_deg=p, secondary_deg=0.0, config=CONFIG) for p in speed_drr.primaries(3)
    ]
    shadows = [project_volume(ready, carm) for carm in carms]
    assert speed_drr.least_correlation(shadows, judged.pictures, CONFIG) > 0.99
    assert speed_drr.least_correlation(shadows, judged.pictures[::-1], CONFIG) < 0.9
    assert speed_drr.least_correlation(shadows, [p[:, ::-1] for p in judged.pictures], CONFIG) < 0.9


@pytest.mark.skipif(importlib.util.find_spec("itk") is None, reason="itk-rtk is not installed")
def test_rtk_takes_the_same_views(volume, tmp_path):
    ct = speed_drr.clipped(volume)
    angles = [-90.0, -130.0, -200.0]
    np.savez(tmp_path / "ct.npz", hu=ct.hu, matrix=ct.grid.lps_from_index)
    # in a process of its own: beside Qt and SimpleITK, ITK's libraries end this one
    script = f"""
import sys
sys.path[:0] = {[str(BENCHMARKS), str(BENCHMARKS.parent)]!r}
import numpy as np
import speed_drr
from planner.config.fluoro_config import FluoroConfig
from planner.geometry.grid import Grid
from planner.model.volume import Volume
with np.load({str(tmp_path / "ct.npz")!r}) as kept:
    ct = Volume(Grid(kept["hu"].shape, kept["matrix"]), kept["hu"])
config = FluoroConfig.model_validate_json({CONFIG.model_dump_json()!r})
np.save({str(tmp_path / "rtk.npy")!r}, [project() for project in speed_drr.joseph_of_rtk(ct, config, {angles!r})])
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    pictures = list(np.load(tmp_path / "rtk.npy"))
    ready = make_projectable(ct, config=CONFIG)
    carms = [view_at(ct.grid.centre_lps, primary_deg=p, secondary_deg=0.0, config=CONFIG) for p in angles]
    shadows = [project_volume(ready, carm) for carm in carms]
    assert speed_drr.least_correlation(shadows, pictures, CONFIG) > 0.999
    assert speed_drr.least_correlation(shadows, [p[::-1] for p in pictures], CONFIG) < 0.9
    assert speed_drr.least_correlation(shadows, [p[:, ::-1] for p in pictures], CONFIG) < 0.9
