"""How long a fluoroscopy picture takes, ours, plastimatch's and RTK's, for ``python benchmarks/speed.py drr``.

All project the same CT from the same places, in turns, so that a slow moment of the machine falls on all. Of
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
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from speed_rows import Row

if TYPE_CHECKING:
    from planner.config.fluoro_config import FluoroConfig
    from planner.fluoro.projectable import Projectable
    from planner.fluoro.projector import Shadows
    from planner.model.carm import CArm
    from planner.model.volume import Mask, Volume

CEILING_HU = 3071
_OURS, _RTK, _FLOOR = "planner", "RTK Joseph", "read and write the CT once"
_LEAST_LIKENESS = 0.99
"""Correlation of two pictures of one view. Ours: they differ at edges alone."""
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


def compare_projectors(volume: "Volume", *, angles: int, repeats: int) -> list[Row]:
    """Project a CT from all round with each program that is there, and give the seconds of each picture."""
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
    print(f"{angles} views of {VIEW_PIXELS} x {VIEW_PIXELS}, {repeats} rounds, {os.cpu_count()} cores", file=sys.stderr)
    print(f"ours: CT made ready in {ready_s:.2f} s, first call {first_s:.2f} s", file=sys.stderr)
    ways = {
        _OURS: (plain, os.cpu_count() or 1),
        "planner, metal told apart": (marked, os.cpu_count() or 1),
        "planner, metal told apart, one core": (marked, 1),
    }
    rtk = joseph_of_rtk(volume, config, primaries(angles))
    seconds: dict[str, list[float]] = {name: [] for name in (*ways, *([_RTK] if rtk else []))}
    judged: list[Judged] = []
    shadows: list[Shadows] = []
    theirs: list[np.ndarray] = []
    buffer = np.empty_like(volume.hu)
    with tempfile.TemporaryDirectory(prefix="drr-") as folder:
        drawn = Plastimatch(volume, config, Path(folder)) if shutil.which("plastimatch") else None
        for _ in range(repeats):
            if drawn is not None:
                judged.append(drawn.project(angles))
            for name, (projectable, cores) in ways.items():
                numba.set_num_threads(min(cores, numba.config.NUMBA_NUM_THREADS))
                made = [_timed(lambda p=projectable, c=carm: project_volume(p, c)) for carm in carms]
                seconds[name] += [taken for _, taken in made]
                shadows = [shadow for shadow, _ in made] if projectable is plain else shadows
            if rtk is not None:
                made = [_timed(project) for project in rtk]
                seconds[_RTK] += [taken for _, taken in made]
                theirs = [picture for picture, _ in made]
            seconds.setdefault(_FLOOR, []).append(_timed(lambda: np.copyto(buffer, volume.hu))[1])
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    if judged:
        seconds["plastimatch exact, its own time"] = [run.picture_s for run in judged]
        seconds["plastimatch exact, added by one picture"] = [run.added_s for run in judged]
        _say_likeness("plastimatch", shadows, judged[-1].pictures, config)
        print(f"plastimatch kept {statistics.median(run.cores for run in judged):.1f} cores busy", file=sys.stderr)
    if theirs:
        _say_likeness("RTK", shadows, theirs, config)
    work = f"simulated fluoroscopy, {VIEW_PIXELS} x {VIEW_PIXELS}"
    return [Row(work, name, taken, name == _OURS, name == _FLOOR) for name, taken in seconds.items()]


def _say_likeness(who: str, shadows: "list[Shadows]", pictures: list[np.ndarray], config: "FluoroConfig") -> None:
    """Say how like their pictures are to ours: whoever is faster must have made the same picture."""
    found = least_correlation(shadows, pictures, config)
    print(f"least correlation of a view with {who}'s: {found:.5f}", file=sys.stderr)
    if found < _LEAST_LIKENESS:
        raise SystemExit(f"{who} draws another picture: the times cannot be compared")


def joseph_of_rtk(
    volume: "Volume", config: "FluoroConfig", angles_deg: list[float]
) -> list[Callable[[], np.ndarray]] | None:
    """Give what projects a CT by RTK's Joseph projector from each angle; None where RTK is not installed."""
    try:
        import itk
        from itk import RTK as rtk
    except ImportError:
        print("RTK is not installed", file=sys.stderr)
        return None
    picture = itk.Image[itk.F, 3]
    # RTK turns about its second axis, here to the feet; its third runs to the source at 0 degrees, here to the back
    turned = volume.hu[::-1].transpose(1, 0, 2)
    water = np.ascontiguousarray((turned.astype(np.float32) + 1000.0) / 1000.0)
    image = itk.image_from_array(water)
    z_mm, y_mm, x_mm = volume.grid.spacing_mm
    spacing = (x_mm, z_mm, y_mm)
    image.SetSpacing(spacing)
    image.SetOrigin([-0.5 * (n - 1) * step for n, step in zip(water.shape[::-1], spacing, strict=True)])

    def projector(angle_deg: float) -> Callable[[], np.ndarray]:
        geometry = rtk.ThreeDCircularProjectionGeometry.New()
        geometry.AddProjection(config.source_isocentre_mm, config.source_detector_mm, -angle_deg)
        empty = rtk.ConstantImageSource[picture].New()
        size = (config.columns, config.rows, 1)
        empty.SetSize(size)
        empty.SetSpacing([config.pixel_mm, config.pixel_mm, 1.0])
        empty.SetOrigin([-0.5 * (n - 1) * config.pixel_mm for n in size[:2]] + [0.0])
        empty.SetConstant(0.0)
        empty.Update()
        made = rtk.JosephForwardProjectionImageFilter[picture, picture].New()
        made.SetInput(0, empty.GetOutput())
        made.SetInput(1, image)
        made.SetGeometry(geometry)
        made.InPlaceOff()  # or the second picture finds the empty one used up

        def project() -> np.ndarray:
            made.Modified()
            made.Update()
            return np.array(itk.array_from_image(made.GetOutput())[0])

        return project

    return [projector(angle) for angle in angles_deg]


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
