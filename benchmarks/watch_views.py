"""Is a leaked drop seen in the planner's watch view? ``python benchmarks/watch_views.py SCANS TRUTHS``.

SCANS and TRUTHS are folders with one folder a case (``<case>-<hash>``), as the accuracy table keeps them: ``scan.npz``
with the simulated CT, ``truth.json`` and ``truth.npz`` with what was built. The planner measures implant, gap and bone
on the CT. It is then asked for the watch view of every true breach, by the true patch's middle and direction; with
``--found`` for those that it finds itself. The judge knows nothing of the planner's drop, masks and figures: 0.2 mL on
the true breach, as a ball that touches it and as a cushion that sits on it, outside of true bone and metal, all true
gaps filled; pictures as `planner.render_view` makes them, with scatter, blur and noise; and two questions (`judge`).
"""

import argparse
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import imageio.v3 as imageio
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.fluoro_config import FluoroConfig
from planner.config.plan_config import PlanConfig
from planner.fluoro.console import console_angles_deg
from planner.fluoro.display import display_image
from planner.fluoro.projectable import Projectable, make_projectable
from planner.fluoro.projector import project_mask
from planner.fluoro.radiograph import Radiograph, take_picture
from planner.fluoro.views import view_at
from planner.geometry.frames import unit
from planner.geometry.grid import Grid
from planner.model.carm import CArm, WatchView
from planner.model.volume import Mask, Volume
from planner.phantoms.score.known_case import KnownCase, read_known_case
from planner.phantoms.truth.document import BreachTruth
from planner.pipeline import measured_gaps, scan_of
from planner.pipeline.found_breaches import watch_scene
from planner.pipeline.run import treatment_position
from planner.pipeline.stages import Stages
from planner.pipeline.steps import measure_gaps
from planner.progress import SILENT
from planner.safety.breaches import find_breaches
from planner.safety.watch import WatchScene

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Form = Literal["ball", "cushion"]
FORMS: tuple[Form, ...] = get_args(Form)

DROP_MM3 = 200.0
WAY_MM = 2.5
"""From the true patch to free space: walls of breaches are 1.3 mm thick at most."""
REALISTIC = FluoroConfig(rows=280, columns=280, scatter_to_primary=1.0, photons_per_pixel=1000.0, detector_blur_mm=0.25)
"""As much scatter as primary beam; four frames averaged, as fluoroscopes do; the middle of the panel."""
METAL_MM, CEMENT_MM = 0.5, 1.0
"""What a ray passes of metal, or of filled gaps, that the eye takes for those."""
LEAST_SHARE = 1.0 / 3.0
"""So much of the drop must stand clear, 0.07 mL of 0.2; beside it is told of how many half does."""
LEAST_INDEX = 3.0
"""With d' = 3 an observer who has to choose between two places is right in 98 % (Green and Swets 1966)."""
RING_MM, SPACE_MM, FIELD_MM = 4.0, 0.8, 12.0
"""Width of the ring and its distance from the shadow; how far round the drop places are compared: at the drop."""
LEAST_SCANNED = 0.25
"""As the screen has it."""
LEAST_PLACES = 100
"""Fewer places tell nothing of the surroundings: they are looked for twice as far, and then it is not seen."""
NEAR_MM = 4.0
"""As the accuracy table: a breach so near to a true patch means that patch."""


@dataclass(frozen=True)
class Sight:
    """What the pictures show of one drop."""

    case: str
    name: str
    leak: str
    area_mm2: float
    form: Form
    in_bone: bool
    view: WatchView | None
    contrast: float = 0.0
    """Share of the straight beam that the drop takes away in what is seen of its shadow."""
    clear: float = 0.0
    index: float = 0.0
    """By how much the drop's disc over ring grows against the picture before, in spreads of places round about."""
    alone: float = 0.0
    """The same without the picture before: against the mean of those places."""
    grey: float = 0.0
    """Grey levels of 255 on the screen."""

    @property
    def seen(self) -> bool:
        """Whether the drop counts as visible."""
        return self.view is not None and self.clear >= LEAST_SHARE and self.index >= LEAST_INDEX


def true_drop(case: KnownCase, breach: BreachTruth, form: Form) -> tuple[Mask, bool] | None:
    """Lay a drop on a true breach: the free space nearest to a place that hangs together.

    A cushion grows from the patch's middle, a ball from as far beyond the wall as its radius.
    """
    patch = case.voxels_lps(case.breach == breach.label)
    start = patch[np.argmin(np.linalg.norm(patch - np.array(breach.centroid), axis=1))]
    out = unit(np.array(breach.outward))
    middle = np.rint(case.grid.to_index(start)).astype(int)
    reach = np.ceil(20.0 / np.array(case.grid.spacing_mm)).astype(int)
    low, high = np.maximum(middle - reach, 0), np.minimum(middle + reach + 1, case.grid.shape)
    grid = case.grid.crop(tuple(low), tuple(high))
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    places = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    ahead = (places - start) @ out
    solid = case.metal[box] | (case.label[box] > 0)
    count = round(DROP_MM3 / grid.voxel_volume_mm3)
    for blocked, in_bone in ((solid | case.env[box], False), (solid, True)):
        room = ~blocked & (ahead > 0.0)
        if not (room & (np.linalg.norm(places - start, axis=-1) <= WAY_MM)).any():
            continue
        seed = places[room][np.argmin(np.linalg.norm(places[room] - start, axis=-1))]
        if form == "ball":
            beyond = seed + (3.0 * DROP_MM3 / (4.0 * np.pi)) ** (1.0 / 3.0) * out
            seed = places[room][np.argmin(np.linalg.norm(places[room] - beyond, axis=-1))]
        away = np.linalg.norm(places - seed, axis=-1)
        labels, _ = ndimage.label(room)
        joined = labels == labels[np.unravel_index(np.argmin(np.where(room, away, np.inf)), room.shape)]
        if np.count_nonzero(joined) >= count:
            limit = np.partition(away[joined], count - 1)[count - 1]
            return Mask(grid, joined & (away <= limit)), in_bone
    return None


class Judge:
    """Takes pictures of a CT with the true metal in it and the true gaps full."""

    def __init__(self, case: KnownCase, volume: Volume) -> None:
        self.case, self.volume = case, volume
        self.metal = Mask(volume.grid, on_grid(case.grid, case.metal, volume.grid))
        self.filled = on_grid(case.grid, case.label > 0, volume.grid)
        self.body = Mask(volume.grid, on_grid(case.grid, case.body, volume.grid, beyond=True))
        self.empty = self._ready(self.filled)

    def _ready(self, cement: Bools) -> Projectable:
        mask = Mask(self.volume.grid, cement & ~self.metal.voxels)
        return make_projectable(self.volume, metal=self.metal, cement=mask, config=REALISTIC)

    def pictures(self, drop: Mask, carm: CArm) -> tuple[Radiograph, Radiograph]:
        """Take one picture without and one with the drop, each with its own noise."""
        with_drop = self._ready(self.filled | on_grid(drop.grid, drop.voxels, self.volume.grid))
        again = REALISTIC.model_copy(update={"noise_seed": 1})
        return take_picture(self.empty, carm, config=REALISTIC), take_picture(with_drop, carm, config=again)


def on_grid(source: Grid, voxels: Bools, grid: Grid, *, beyond: bool = False) -> Bools:
    """Bring voxels onto another grid, by their share of each voxel there (over one half)."""
    matrix = source.index_from_lps @ grid.lps_from_index
    finer = np.maximum(np.round(np.array(grid.spacing_mm) / np.array(source.spacing_mm)).astype(int), 1)
    total = np.zeros(grid.shape)
    for shift in np.ndindex(*finer):
        sub = (np.array(shift) + 0.5) / finer - 0.5
        total += ndimage.affine_transform(
            voxels.astype(np.uint8), matrix[:3, :3], offset=matrix[:3, 3] + matrix[:3, :3] @ sub,
            output_shape=grid.shape, order=0, mode="grid-constant", cval=int(beyond),
        )  # fmt: skip
    return np.asarray(total / finer.prod() >= 0.5)


def judge(before: Radiograph, after: Radiograph, drop: Mask) -> dict[str, float]:
    """Ask the pictures whether the drop is seen.

    How much of the drop is neither behind metal nor filling; and how much further the mean of what is seen of the
    shadow stands out from a ring round it than in the picture before, in spreads of the same figure (disc over ring: a
    plain non-prewhitening observer) at all places round about in the picture before: noise and the patient's structure.
    """
    length = project_mask(drop, after.carm).astype(np.float64)
    metal, cement = before.shadows.metal_mm, before.shadows.cement_mm
    other = (metal > METAL_MM) | (cement > CEMENT_MM)
    pixel = after.carm.pixel_mm * after.carm.source_isocentre_mm / after.carm.source_detector_mm
    shadow = length >= 0.5 * length.max()
    seen = shadow & ~other
    clear = float(length[~other].sum() / length.sum())
    if not seen.any():
        return {"clear": clear}
    distance = ndimage.distance_transform_edt(~shadow) * pixel
    ring = (distance > SPACE_MM) & (distance <= SPACE_MM + RING_MM)
    middle = np.rint(np.argwhere(shadow).mean(axis=0)).astype(int)
    calm, late = (as_if_whole(picture) for picture in (before, after))
    then, now = (float(depth[seen].mean() - depth[ring & ~other].mean()) for depth in (calm, late))
    edges = ndimage.binary_dilation((metal > 0.0) | (cement > 0.0), iterations=2)
    # Where the CT was cut the picture is a guess: such places count only where there are no others.
    tries = ((~edges & ~before.cut, FIELD_MM), (~edges & ~before.cut, 2.0 * FIELD_MM), (~edges, 2.0 * FIELD_MM))
    for plain, field_mm in tries:
        others = elsewhere(calm, seen, ring, plain, middle, round(field_mm / pixel))
        if others.size >= LEAST_PLACES:
            break
    if others.size < LEAST_PLACES:
        return {"clear": clear}
    screens = [display_image(r, config=REALISTIC).astype(np.float64) for r in (before, after)]
    return {
        "clear": clear,
        "contrast": float(np.mean(1.0 - straight(after)[seen] / straight(before)[seen])),
        "index": (now - then) / float(others.std()),
        "alone": (now - float(others.mean())) / float(others.std()),
        "grey": float(np.median((screens[0] - screens[1])[seen])),
    }


def as_if_whole(picture: Radiograph) -> Floats:
    """Give the attenuation as the screen shows it where the CT was cut: the rest of a ray is like what was scanned."""
    return np.asarray(picture.attenuation / np.maximum(picture.scanned_share, LEAST_SCANNED), dtype=np.float64)


def straight(picture: Radiograph) -> Floats:
    """Give the straight beam's share, without scatter and noise."""
    from planner.fluoro.beam import make_beam, transmission

    return transmission(picture.shadows.by_material, make_beam(REALISTIC))


def elsewhere(
    picture: Floats, disc: Bools, ring: Bools, open_rays: Bools, middle: npt.NDArray[np.intp], reach: int
) -> Floats:
    """Give disc over ring at all places round about where at least half of both is neither metal nor filling."""
    from scipy.signal import fftconvolve

    kernels = [centred(mask, middle) for mask in (disc, ring)]
    field = np.zeros(picture.shape, dtype=np.bool_)
    field[max(middle[0] - reach, 0) : middle[0] + reach + 1, max(middle[1] - reach, 0) : middle[1] + reach + 1] = True
    means, enough = [], field
    level = float(picture[open_rays].mean())
    for kernel in kernels:
        flipped = kernel[::-1, ::-1].astype(np.float64)
        weight = fftconvolve(open_rays.astype(np.float64), flipped, mode="same")
        total = fftconvolve(np.where(open_rays, picture - level, 0.0), flipped, mode="same")
        enough = enough & (weight >= 0.5 * kernel.sum())
        means.append(total / np.maximum(weight, 1.0))
    return (means[0] - means[1])[enough]


def centred(mask: Bools, middle: npt.NDArray[np.intp]) -> Bools:
    """Cut a mask to an odd box round a pixel that holds all of it."""
    index = np.argwhere(mask) - middle
    half = int(np.abs(index).max())
    kernel = np.zeros((2 * half + 1, 2 * half + 1), dtype=np.bool_)
    kernel[tuple((index + half).T)] = True
    return kernel


def sights(name: str, scan_file: Path, truth: Path, *, found: bool, pictures: Path | None) -> Iterator[Sight]:
    """Judge every breach of a case."""
    case = read_known_case(truth)
    with np.load(scan_file) as arrays:
        volume = Volume(Grid(arrays["hu"].shape, arrays["lps_from_index"]), arrays["hu"])
    config = PlanConfig()
    measured = measure_gaps(scan_of(volume), config, Stages(SILENT))
    anatomy = measured_gaps.anatomy_of(measured)
    console = partial(console_angles_deg, position=treatment_position(measured.implants, config))
    scene = watch_scene(anatomy, config, console)
    judged = Judge(case, volume)
    views = found_views(case, scene, config) if found else true_views(case, scene)
    for (breach, view), form in itertools.product(views, FORMS):
        laid = true_drop(case, breach, form)
        if laid is None:
            print(f"{name} {breach.id}: no room for a {form} in the truth; left out")
            continue
        drop, in_bone = laid
        common = (name, breach.id, str(breach.leak_type), float(breach.area_mm2 or 0.0), form, in_bone)
        if view is None:
            yield Sight(*common, None)
            continue
        carm = view_at(
            breach.centroid, primary_deg=view.primary_deg, secondary_deg=view.secondary_deg, config=REALISTIC
        )
        before, after = judged.pictures(drop, carm)
        sight = Sight(*common, view, **judge(before, after, drop))
        if pictures is not None:
            draw(pictures / f"{name}_{breach.id}_{form}.png", before, after, drop, sight)
        yield sight


def true_views(case: KnownCase, scene: WatchScene) -> Iterator[tuple[BreachTruth, WatchView | None]]:
    """Give the view for each true breach, by its true place and direction."""
    for breach in case.document.breaches:
        if breach.outward is not None:
            yield breach, scene.view(breach.centroid, breach.outward)


def found_views(
    case: KnownCase, scene: WatchScene, config: PlanConfig
) -> Iterator[tuple[BreachTruth, WatchView | None]]:
    """Give the view of each breach that the planner finds, with the true one that it lies at."""
    for patch in find_breaches(scene.anatomy, config=config.breaches, watch=scene):
        distance, code = case.breach_voxels.nearest(np.array([patch.breach.centroid_lps]))
        true = next((b for b in case.document.breaches if b.label == code[0]), None)
        if true is not None and distance[0] <= NEAR_MM:
            yield true, patch.breach.watch_view


def draw(path: Path, before: Radiograph, after: Radiograph, drop: Mask, sight: Sight) -> None:
    """Draw the screen without the drop, with it, and with its outline in white."""
    length = project_mask(drop, after.carm)
    shadow = length > 0.5
    outline = ndimage.binary_dilation(shadow, iterations=2) & ~ndimage.binary_dilation(shadow)
    screens = [display_image(r, config=REALISTIC) for r in (before, after, after)]
    screens[2] = np.where(outline, 255, screens[2]).astype(np.uint8)
    row = np.concatenate([np.pad(s[50:-50, 50:-50], 2, constant_values=255) for s in screens], axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(path, np.kron(row, np.ones((2, 2), dtype=np.uint8)))


def case_folders(scans: Path, truths: Path, wanted: str) -> Iterator[tuple[str, Path, Path]]:
    """Give the cases that have both a scan and a truth."""
    for folder in sorted(scans.iterdir()):
        name = folder.name.rsplit("-", 1)[0]
        known = [t for t in sorted(truths.glob(f"{name}-*")) if (t / "truth.npz").exists()]
        if re.fullmatch(wanted, name) and known and (folder / "scan.npz").exists():
            yield name, folder / "scan.npz", known[0]


FIGURES = ("contrast", "clear", "index", "alone", "grey")


def line(label: str, group: list[Sight]) -> str:
    """Sum up a group of breaches: how many, how many without a view, how many seen, and medians of those shown."""
    shown = [s for s in group if s.view is not None]
    seen = sum(s.seen for s in group)
    half = sum(s.seen and s.clear >= 0.5 for s in group)
    shares = " ".join(
        f"{part / max(of, 1):8.1%}" for part, of in ((seen, len(group)), (seen, len(shown)), (half, len(group)))
    )
    medians = [f"{np.median([getattr(s, what) for s in shown]):8.2f}" for what in FIGURES] if shown else []
    return f"{label:24s} {len(group):4d} {len(group) - len(shown):7d} {seen:4d} {shares} {' '.join(medians)}"


def told(sight: Sight) -> str:
    """Write down one breach; a star stands before one whose drop is not seen."""
    start = f"{' ' if sight.seen else '*'}{sight.case} {sight.name:26s} {sight.leak:9s} {sight.form:7s}"
    view = sight.view
    if view is None:
        return f"{start} {sight.area_mm2:5.1f} mm2 no view"
    figures = " ".join(f"{what} {getattr(sight, what):.2f}" for what in FIGURES)
    return (
        f"{start} {sight.area_mm2:5.1f} mm2 console {view.console_primary_deg:4.0f} {view.console_secondary_deg:4.0f} "
        f"slant {view.slant_deg:3.0f} told {view.contrast:.2f} {figures}"
    )


def main() -> None:
    """Judge all cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scans", type=Path)
    parser.add_argument("truths", type=Path)
    parser.add_argument("--cases", default=".*-t.*", help="regular expression; the tuning cases unless told")
    parser.add_argument("--found", action="store_true", help="breaches that the planner finds, not the true ones")
    parser.add_argument("--pictures", type=Path, help="folder for pictures")
    chosen = parser.parse_args()
    every: list[Sight] = []
    for name, scan_file, truth in case_folders(chosen.scans, chosen.truths, chosen.cases):
        for sight in sights(name, scan_file, truth, found=chosen.found, pictures=chosen.pictures):
            every.append(sight)
            print(told(sight), flush=True)
    head = " ".join(f"{what:>8s}" for what in FIGURES)
    print(f"{'':24s} {'n':>4s} {'no view':>7s} {'seen':>4s} {'of all':>8s} {'of shown':>8s} {'half':>8s} {head}")
    for form in FORMS:
        group = [s for s in every if s.form == form]
        print(line(f"{form}, all", group))
        for leak in sorted({s.leak for s in group}):
            print(line(f"  {leak}", [s for s in group if s.leak == leak]))
        print(line("  of 3 mm2 or more", [s for s in group if s.area_mm2 >= 3.0]))


if __name__ == "__main__":
    main()
