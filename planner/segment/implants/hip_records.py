"""What a hip implant's record says beside its shape: its metal where the scan shows it, and whether it is cut."""

from collections.abc import Sequence
from dataclasses import replace

import edt
import numpy as np

from planner.geometry.frames import Array, point_tuple
from planner.model.implant import Material
from planner.model.volume import Volume
from planner.segment.implants.cut import is_at_padding
from planner.segment.implants.hips import HipPart
from planner.segment.implants.metal import Metal
from planner.segment.unwrap import sampler_round

_DEPTH_MM = 1.6
"""So deep in a part its HU are its own, clear of the blur: half of a cup's wall. Ours."""
_FEWEST_VOXELS = 30
_TITANIUM_HU = (5000.0, 9500.0)
"""What bulky titanium shows: 6200-8900 in six parts of simulated scans with artefacts, 5400-7500 in real ones; 8500 by
the attenuation tables. Its screws read up to 10400 beside a steel stem, and are not told then."""
_NEVER_TITANIUM = frozenset(("femoral_head",))
"""Heads are cobalt-chrome, steel or ceramic. Some of titanium alloy were made once; retrieved ones were badly scarred
(Effect of Counterface Material on the Characteristics of Retrieved Uncemented Cobalt-Chromium and Titanium Alloy Total
Hip Replacements). Ceramic, and cobalt-chrome that an artefact darkens, read as titanium does. Stems, cups, screws and
nails are made of either."""
_HEAVY_HU = 13000.0
"""Cobalt-chrome and steel show more: 14700-22800 in five parts of simulated scans with artefacts."""
_NECK_MM = (1.5, 5.5)
"""So far beneath the head its section is the neck's: clear of the head's blur, and above most collars. Ours."""
_WIDEST_NECK_MM = 24.0
"""Necks are 10-16 mm across; what is wider there is the stem's body. Ours."""
_AT_CEILING = 0.95
"""A median above this share of the clipping level may lie beyond it. Ours."""
_BESIDE_MM = 2.0
"""Metal this near to padding runs into it: the working voxels' centres lie up to 1 mm inside, and so does the mask."""


def completed(volume: Volume, metal: Metal, parts: Sequence[HipPart]) -> tuple[HipPart, ...]:
    """Tell each hip implant's material where its own brightness does, whether the data end in it, and a stem's neck.

    Parameters
    ----------
    volume : Volume
        The CT, with its padding.
    metal : Metal
        All metal, for the clipping level.
    parts : sequence of HipPart
        What was told.

    Returns
    -------
    tuple of HipPart
        The same but for `is_cut`, and `material` and `neck_lps` of the records.
    """
    heads = [part for part in parts if part.record.kind == "femoral_head"]
    return tuple(_completed(volume, metal, part, heads) for part in parts)


def _completed(volume: Volume, metal: Metal, part: HipPart, heads: list[HipPart]) -> HipPart:
    points = np.asarray(part.metal.grid.to_lps(np.argwhere(part.metal.voxels)))
    is_cut = part.is_cut or is_at_padding(volume, points, reach_mm=_BESIDE_MM)
    material = material_of(volume, metal, part)
    neck = next((at for head in heads if (at := neck_lps(part, head)) is not None), None)
    told = {"is_cut": is_cut, "material": material, "neck_lps": None if neck is None else point_tuple(neck)}
    return replace(part, record=part.record.model_copy(update=told), is_cut=is_cut)


def neck_lps(stem: HipPart, head: HipPart) -> Array | None:
    """Give the middle of a stem's neck just beneath a head.

    Parameters
    ----------
    stem, head : HipPart
        Of one hip.

    Returns
    -------
    ndarray, shape (3,), or None
        None for what is no stem, for a head that is not its own, and where no neck leaves the head.
    """
    if stem.record.kind != "femoral_stem" or head.centre_lps is None or head.radius_mm is None:
        return None
    points = np.asarray(stem.metal.grid.to_lps(np.argwhere(stem.metal.voxels)))
    far = np.linalg.norm(points - head.centre_lps, axis=1) - head.radius_mm
    beneath = points[(far > _NECK_MM[0]) & (far < _NECK_MM[1])]
    if len(beneath) < _FEWEST_VOXELS or np.ptp(beneath, axis=0).max() > _WIDEST_NECK_MM:
        return None
    return np.asarray(beneath.mean(axis=0))


def material_of(volume: Volume, metal: Metal, part: HipPart) -> Material:
    """Tell titanium from cobalt-chrome or steel by what a part shows in its depth.

    Parameters
    ----------
    volume : Volume
        The CT.
    metal : Metal
        All metal, for the clipping level.
    part : HipPart
        The part.

    Returns
    -------
    str
        "unknown" for a thin part, one that reads between the two, one that is darker than both (ceramic), a head that
        reads as titanium, and where the scan is clipped beneath it.
    """
    grid = part.metal.grid
    padded = np.pad(part.metal.voxels, 1).astype(np.uint8)
    depth = edt.edt(padded, anisotropy=grid.spacing_mm, parallel=1)[1:-1, 1:-1, 1:-1]
    deep = np.argwhere(depth > _DEPTH_MM)
    if len(deep) < _FEWEST_VOXELS:
        return "unknown"
    points = np.asarray(grid.to_lps(deep))
    inside = float(np.median(sampler_round(volume.hu, volume.grid, points, margin_mm=2.0).at(points)))
    ceiling = np.inf if metal.clipped_at_hu is None else metal.clipped_at_hu
    if inside > _AT_CEILING * ceiling and ceiling < _HEAVY_HU:
        return "unknown"
    if _TITANIUM_HU[0] <= inside <= _TITANIUM_HU[1]:
        return "unknown" if part.record.kind in _NEVER_TITANIUM else "titanium"
    return "cobalt_chrome_or_steel" if inside > _HEAVY_HU else "unknown"
