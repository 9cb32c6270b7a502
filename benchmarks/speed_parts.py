"""The parts that plans are made of, ours beside other libraries on the same arrays, for ``benchmarks/speed.py parts``.

The CT is a hip phantom in a field as large as a scanner's; "region" is the box round its metal, as wide as needles are
long. All ways of doing a part take turns in one process; all give the same answer, which is looked at before any time
counts. A floor is what it takes to read the part's input and to write its output once.
"""

from collections.abc import Callable, Iterator

import cc3d
import edt
import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from skimage.measure import marching_cubes
from speed_rows import Row, in_turns

from planner.config.plan_config import PlanConfig
from planner.geometry.distance import distance_mm
from planner.geometry.grid import Grid
from planner.io.surfaces import surface_of
from planner.model.volume import Mask, Volume
from planner.safety.clearance import least_distances
from planner.safety.fields import Fields
from planner.segment.implants.metal import find_metal

_REACH_MM = 60.0
NEEDLES, SAMPLES, STEP_MM = 50_000, 201, 0.5
_BONE_HU = 200


def time_parts(volume: Volume, *, repeats: int) -> Iterator[list[Row]]:
    """Time distance maps, components, needles and surfaces on one CT; each part's rows as soon as they are there."""
    grid = volume.grid
    metal = find_metal(volume, PlanConfig().implants).mask.voxels
    block = _round(metal, grid)
    near = np.ascontiguousarray(metal[block])
    bone = volume.hu[block] > _BONE_HU
    yield _distances("distance map, whole CT", metal, grid.spacing_mm, repeats=repeats, with_scipy=False)
    yield _distances("distance map, region", near, grid.spacing_mm, repeats=repeats, with_scipy=True)
    yield _components("components, whole CT", volume.hu > _BONE_HU, repeats=repeats)
    yield _components("components, region", bone, repeats=repeats)
    yield _needles(near, grid.spacing_mm, repeats=repeats)
    yield _surfaces(bone, grid.spacing_mm, repeats=repeats)


def _round(mask: np.ndarray, grid: Grid) -> tuple[slice, ...]:
    """Give the box round a mask, as wide as the region of interest is."""
    spans = []
    for axis, step in enumerate(grid.spacing_mm):
        found = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        margin = round(_REACH_MM / step)
        spans.append(slice(max(0, found[0] - margin), min(mask.shape[axis], found[-1] + 1 + margin)))
    return tuple(spans)


def _distances(
    work: str, mask: np.ndarray, spacing_mm: tuple[float, float, float], *, repeats: int, with_scipy: bool
) -> list[Row]:
    image = sitk.GetImageFromArray(mask.view(np.uint8))
    image.SetSpacing(spacing_mm[::-1])
    buffer = np.empty(mask.shape, dtype=np.float32)

    def maurer() -> sitk.Image:
        return sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)

    ways: dict[str, Callable[[], object]] = {
        "planner": lambda: distance_mm(mask, spacing_mm),
        "edt, 2 threads": lambda: edt.edt(~mask, anisotropy=spacing_mm, parallel=2),
        "SimpleITK Maurer": maurer,
        "read and write once": lambda: np.copyto(buffer, mask),
    }
    if with_scipy:
        ways["SciPy"] = lambda: ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    _require_same(work, ways, np.asarray(ways["edt, 2 threads"]()), outside=~mask)
    return in_turns(work, ways, repeats=repeats, ours="planner", floor="read and write once")


def _require_same(work: str, ways: dict[str, Callable[[], object]], wanted: np.ndarray, *, outside: np.ndarray) -> None:
    for name, do in ways.items():
        if name != "read and write once":
            worst = float(np.abs(_array(do()) - wanted)[outside].max())
            # Maurer measures from the mask's edge voxels too: all of these are centre to centre
            if worst > 1e-3:
                raise SystemExit(f"{work}: {name} is {worst:.3g} mm off: it does other work")


def _array(made: object) -> np.ndarray:
    return sitk.GetArrayFromImage(made) if isinstance(made, sitk.Image) else np.asarray(made)


def _components(work: str, mask: np.ndarray, *, repeats: int) -> list[Row]:
    image = sitk.GetImageFromArray(mask.view(np.uint8))
    buffer = np.empty(mask.shape, dtype=np.uint32)
    corners = np.ones((3, 3, 3), dtype=bool)
    parted = sitk.ConnectedComponentImageFilter()
    parted.FullyConnectedOn()
    ways: dict[str, Callable[[], object]] = {
        "planner (cc3d)": lambda: cc3d.connected_components(mask, connectivity=26),
        "SimpleITK": lambda: parted.Execute(image),
        "SciPy": lambda: ndimage.label(mask, corners)[0],
        "read and write once": lambda: np.copyto(buffer, mask),
    }
    counts = {name: int(_array(do()).max()) for name, do in ways.items() if name != "read and write once"}
    if len(set(counts.values())) > 1:
        raise SystemExit(f"{work}: they do not count alike: {counts}")
    return in_turns(work, ways, repeats=repeats, ours="planner (cc3d)", floor="read and write once")


def _needles(metal: np.ndarray, spacing_mm: tuple[float, float, float], *, repeats: int) -> list[Row]:
    """Measure how near random needles come to metal: the planner looks at four other fields on the way, too."""
    grid = Grid(metal.shape, np.diag([*spacing_mm[::-1], 1.0])[:, [2, 1, 0, 3]])
    away = distance_mm(metal, spacing_mm)
    channels = np.repeat(away[..., None], 5, axis=-1)
    fields = Fields(grid, channels, canal_known=True, body_known=True)
    random = np.random.default_rng(7)
    length_mm = (SAMPLES - 1) * STEP_MM
    middle_lps = grid.to_lps(np.array(metal.shape) / 2.0)
    outward = random.normal(size=(NEEDLES, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    inner = middle_lps + random.uniform(-5.0, 5.0, (NEEDLES, 3)) - 0.5 * length_mm * outward
    places = np.linspace(0.0, length_mm, SAMPLES)
    index_from_lps = grid.index_from_lps

    def by_scipy() -> np.ndarray:
        points = inner[:, None] + places[:, None] * outward[:, None]
        index = points.reshape(-1, 3) @ index_from_lps[:3, :3].T + index_from_lps[:3, 3]
        found = ndimage.map_coordinates(away, index.T, order=1, cval=np.inf)
        return found.reshape(NEEDLES, SAMPLES).min(axis=1)

    buffer = np.empty(NEEDLES * SAMPLES, dtype=np.float32)
    flat = away.ravel()
    some = random.integers(0, len(flat), len(buffer))
    ways: dict[str, Callable[[], object]] = {
        "planner": lambda: least_distances(fields, inner, outward, length_mm, radius_mm=0.0).metal_mm,
        "SciPy map_coordinates": by_scipy,
        "fetch one value a sample": lambda: np.take(flat, some, out=buffer),
    }
    apart = np.abs(np.asarray(ways["planner"]()) - by_scipy())
    if np.percentile(apart, 99) > STEP_MM:
        raise SystemExit(f"needles: the two are {np.percentile(apart, 99):.2f} mm apart: they do other work")
    work = f"{NEEDLES} needles of {length_mm:g} mm against a distance map"
    return in_turns(work, ways, repeats=repeats, ours="planner", floor="fetch one value a sample")


def _surfaces(mask: np.ndarray, spacing_mm: tuple[float, float, float], *, repeats: int) -> list[Row]:
    whole = Mask(Grid(mask.shape, np.diag([*spacing_mm[::-1], 1.0])[:, [2, 1, 0, 3]]), mask)
    padded = np.pad(mask, 1).astype(np.float32)
    buffer = np.empty(mask.shape, dtype=np.uint8)
    ways: dict[str, Callable[[], object]] = {
        "planner (VTK flying edges)": lambda: surface_of(whole, smoothing_iterations=0),
        "scikit-image marching cubes": lambda: marching_cubes(padded, 0.5, spacing=spacing_mm),
        "read and write once": lambda: np.copyto(buffer, mask),
    }
    ours, theirs = surface_of(whole, smoothing_iterations=0)[1], marching_cubes(padded, 0.5)[1]
    # in noise the two part ambiguous cells differently
    if abs(len(ours) - len(theirs)) > 0.03 * len(theirs):
        raise SystemExit(f"surfaces: {len(ours)} and {len(theirs)} triangles: they do other work")
    work = f"surface of bone, {len(ours) / 1e6:.1f} M triangles"
    return in_turns(work, ways, repeats=repeats, ours="planner (VTK flying edges)", floor="read and write once")
