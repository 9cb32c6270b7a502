"""How long a fluoroscopy picture takes, ours and plastimatch's, for ``python benchmarks/speed.py drr``.

Both project the same CT from the same places, in turns, so that a slow moment of the machine falls on both. Of
plastimatch's exact ray tracing the time counts that it gives itself ("Total time", which leaves out reading the CT and
turning its HU into attenuation) less what it spends on writing pictures; beside it stands what another picture adds to
its whole process. Of ours counts the call that gives the lengths of water, bone, metal and cement; making the CT ready,
which is done once, stands apart, and so does the first call, which compiles or reads compiled code from the disk.
"""

import os
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from planner.config.fluoro_config import FluoroConfig
    from planner.fluoro.projectable import Projectable
    from planner.fluoro.projector import Shadows
    from planner.model.carm import CArm
    from planner.model.volume import Mask, Volume

CEILING_HU = 3071
AIR_HU, LUNG_HU = -1000, -800
"""Plastimatch takes all of at most -800 HU for nothing: lung, and the air's noise. Both are given air there, so that
they draw one and the same thing."""
VIEW_PIXELS = 512
LIVE_PIXELS = 256


def clipped(volume: "Volume") -> "Volume":
    """Give a CT as most scanners write it, upright and clipped at 12 bits, and without what plastimatch leaves out."""
    from planner.model.volume import Volume

    upright = volume.in_patient_axes()
    hu = np.where(upright.hu <= LUNG_HU, AIR_HU, np.minimum(upright.hu, CEILING_HU))
    return Volume(upright.grid, hu.astype(upright.hu.dtype))


def compare_projectors(volume: "Volume", *, angles: int, repeats: int) -> None:
    """Project a CT from all round with both, and print what a picture takes."""
    import numba

    from planner.config.fluoro_config import FluoroConfig
    from planner.config.plan_config import PlanConfig
    from planner.fluoro.projectable import make_projectable
    from planner.fluoro.projector import project_volume
    from planner.fluoro.views import view_at
    from planner.segment.implants.metal import find_metal

    config = FluoroConfig(rows=VIEW_PIXELS, columns=VIEW_PIXELS)
    centre = volume.grid.centre_lps
    carms = [view_at(centre, primary_deg=p, secondary_deg=0.0, config=config) for p in primaries(angles)]
    metal = find_metal(volume, PlanConfig().implants).mask
    plain, ready_s = _timed(lambda: make_projectable(volume, config=config))
    marked = make_projectable(volume, metal=metal, config=config)
    _, first_s = _timed(lambda: project_volume(marked, carms[0]))
    print(f"{angles} views of {VIEW_PIXELS} x {VIEW_PIXELS}, {repeats} rounds, {os.cpu_count()} cores")
    print(f"ours: CT made ready in {ready_s:.2f} s, first call {first_s:.2f} s")
    ways = {
        "ours, HU alone": (plain, os.cpu_count() or 1),
        "ours, metal marked": (marked, os.cpu_count() or 1),
        "ours, metal, one core": (marked, 1),
    }
    ours: dict[str, list[float]] = {name: [] for name in ways}
    judged: list[Judged] = []
    shadows: list[Shadows] = []
    with tempfile.TemporaryDirectory(prefix="drr-") as folder:
        drawn = Plastimatch(volume, config, Path(folder)) if shutil.which("plastimatch") else None
        for _ in range(repeats):
            if drawn is not None:
                judged.append(drawn.project(angles))
            for name, (projectable, cores) in ways.items():
                numba.set_num_threads(min(cores, numba.config.NUMBA_NUM_THREADS))
                made = [_timed(lambda p=projectable, c=carm: project_volume(p, c)) for carm in carms]
                ours[name] += [seconds for _, seconds in made]
                shadows = [shadow for shadow, _ in made] if projectable is plain else shadows
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    _print_comparison(ours, judged)
    if judged:
        agreement = least_correlation(shadows, judged[-1].pictures, config)
        print(f"least correlation of a view with plastimatch's: {agreement:.5f}")
        cores = statistics.median(run.cores for run in judged)
        print(f"plastimatch kept {cores:.1f} cores busy")
    print()


def primaries(angles: int) -> list[float]:
    """Give the primary angles that plastimatch takes: from the detector at the patient's right by way of his back."""
    return [-90.0 - number * 360.0 / angles for number in range(angles)]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What plastimatch took for a picture, how many cores it kept busy, and its pictures."""

    pictures: list[np.ndarray]
    picture_s: float
    added_s: float
    cores: float


class Plastimatch:
    """Plastimatch's exact ray tracing of one CT, by its command."""

    def __init__(self, volume: "Volume", config: "FluoroConfig", folder: Path) -> None:
        import SimpleITK as sitk

        image = sitk.GetImageFromArray(volume.hu)
        image.SetSpacing(volume.grid.spacing_mm[::-1])
        image.SetOrigin([float(v) for v in volume.grid.lps_from_index[:3, 3]])
        self.folder, self.file, self.config = folder, folder / "ct.mha", config
        self.isocentre = " ".join(f"{v:.6f}" for v in volume.grid.centre_lps)
        sitk.WriteImage(image, str(self.file))

    def project(self, angles: int) -> Judged:
        """Take pictures from all round (two at least), and one alone: the difference is what a picture adds."""
        before = _worked_s()
        _, one_s = _timed(lambda: self._run(1))
        between = _worked_s()
        said, all_s = _timed(lambda: self._run(angles))
        worked_s = (_worked_s() - between) - (between - before)
        total = float(_number(r"Total time: (\S+)", said)[0])
        written = sum(_number(r"I/O time: (\S+)", said))
        pictures = [_read_pfm(self.folder / f"drr_{angles}_{number:04d}.pfm") for number in range(angles)]
        return Judged(pictures, (total - written) / angles, (all_s - one_s) / (angles - 1), worked_s / (all_s - one_s))

    def _run(self, angles: int) -> str:
        c = self.config
        size = f"{c.columns * c.pixel_mm} {c.rows * c.pixel_mm}"
        # No angle between pictures is named: it goes all round.
        command = ["plastimatch", "drr", "-i", "exact", "-t", "pfm", "-a", str(angles), "-o", self.isocentre]
        command += ["-r", f"{c.columns} {c.rows}", "-z", size, "--sad", str(c.source_isocentre_mm)]
        command += ["--sid", str(c.source_detector_mm), "-O", str(self.folder / f"drr_{angles}_"), str(self.file)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _worked_s() -> float:
    """Give the processor time of all programs that were started and have ended."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def _number(pattern: str, text: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, text)]


def _read_pfm(path: Path) -> np.ndarray:
    _, size, _, pixels = path.read_bytes().split(b"\n", 3)
    columns, rows = (int(n) for n in size.split())
    # Plastimatch looks from the source, we from the detector.
    return np.frombuffer(pixels, "<f4").reshape(rows, columns)[:, ::-1]


def _timed(call: Callable[[], object]) -> tuple:
    start = time.perf_counter()
    made = call()
    return made, time.perf_counter() - start


def _print_comparison(ours: dict[str, list[float]], judged: list[Judged]) -> None:
    rows = {}
    if judged:
        rows["plastimatch, its own time"] = [run.picture_s for run in judged]
        rows["plastimatch, added by one"] = [run.added_s for run in judged]
    else:
        print("plastimatch is not installed: ours alone")
    rows |= ours
    print(f"{'s a view':<28}{'median':>9}{'fastest':>9}{'slowest':>9}{'x faster, medians':>19}{'fastest':>9}")
    for name, seconds in rows.items():
        middle, least = statistics.median(seconds), min(seconds)
        ratios = ""
        if judged:
            base = rows["plastimatch, its own time"]
            ratios = f"{statistics.median(base) / middle:>19.2f}{min(base) / least:>9.2f}"
        print(f"{name:<28}{middle:>9.3f}{least:>9.3f}{max(seconds):>9.3f}{ratios}", flush=True)


def least_correlation(shadows: "list[Shadows]", pictures: list[np.ndarray], config: "FluoroConfig") -> float:
    """Correlate the two pictures of each angle: whoever is faster must have made the same picture."""
    found = []
    for shadow, theirs in zip(shadows, pictures, strict=True):
        ours = shadow.water_mm + (1.0 + config.cortical_hu / 1000.0) * shadow.bone_mm
        crossed = (ours > 0.0) | (theirs > 0.0)
        found.append(float(np.corrcoef(ours[crossed], theirs[crossed])[0, 1]))
    return min(found)


def time_live_views(volume: "Volume", *, views: int) -> None:
    """Turn the C-arm about the region of interest, and print how many pictures a second there are."""
    from planner.config.fluoro_config import FluoroConfig
    from planner.fluoro.display import display_image
    from planner.fluoro.projectable import make_projectable
    from planner.fluoro.projector import project_volume
    from planner.fluoro.radiograph import take_picture
    from planner.fluoro.views import view_at

    region, metal = region_of_interest(volume)
    usual = FluoroConfig()
    # The same field on fewer pixels.
    pixel_mm = usual.pixel_mm * usual.rows / LIVE_PIXELS
    config = FluoroConfig(rows=LIVE_PIXELS, columns=LIVE_PIXELS, pixel_mm=pixel_mm)
    ready, ready_s = _timed(lambda: make_projectable(region, metal=metal, config=config))
    # As a mouse turns it: round the patient, and up and down on the way.
    turns = np.linspace(0.0, 2.0 * np.pi, views, endpoint=False)
    carms = [
        view_at(region.grid.centre_lps, primary_deg=np.degrees(t), secondary_deg=30.0 * np.sin(3.0 * t), config=config)
        for t in turns
    ]
    size = " x ".join(str(n) for n in region.grid.shape)
    print(f"{views} views of {LIVE_PIXELS} x {LIVE_PIXELS} within the region of interest, {size} voxels")
    print(f"made ready in {ready_s:.2f} s")
    work: dict[str, Callable[[Projectable, CArm], object]] = {
        "line integrals": lambda p, c: project_volume(p, c),
        "picture on the screen": lambda p, c: display_image(take_picture(p, c, config=config), config=config),
    }
    print(f"{'':<24}{'first s':>9}{'median s':>9}{'slowest':>9}{'a second':>10}")
    for name, call in work.items():
        _, first_s = _timed(lambda call=call: call(ready, carms[0]))
        seconds = [_timed(lambda call=call, carm=carm: call(ready, carm))[1] for carm in carms]
        middle, all_s = statistics.median(seconds), sum(seconds)
        print(f"{name:<24}{first_s:>9.3f}{middle:>9.3f}{max(seconds):>9.3f}{views / all_s:>10.1f}", flush=True)
    print()


def region_of_interest(volume: "Volume") -> "tuple[Volume, Mask]":
    """Cut a CT to the box round its first group of implants, as the planner does for its anatomy, and its metal."""
    from planner.config.plan_config import PlanConfig
    from planner.model.volume import Mask
    from planner.pipeline import volume_plan_labelled
    from planner.pipeline.scripted import scan_of
    from planner.segment.implants.metal import find_metal
    from planner.segment.region import block_of, regions_of

    config = PlanConfig()
    metal = find_metal(volume, config.implants).mask
    implants = volume_plan_labelled(scan_of(volume), config).implants
    block = block_of(volume.grid, regions_of(implants, metal, None, config.anatomy.region)[0].box_lps)
    region = volume.crop(tuple(part.start for part in block), tuple(part.stop for part in block))
    return region, Mask(region.grid, metal.voxels[block])
