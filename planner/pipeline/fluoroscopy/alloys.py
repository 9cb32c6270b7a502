"""Which metal is of which alloy: a fluoroscope tells titanium from cobalt-chrome, which a clipped CT does not."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from planner.config.fluoro_config import ImplantMaterial
from planner.geometry.frames import Array
from planner.model.implant import Implant, Material
from planner.model.volume import Mask

_ALLOY: dict[Material, ImplantMaterial] = {"titanium": "titanium", "cobalt_chrome_or_steel": "cobalt_chrome"}
"""Steel loses a tenth less of the beam than cobalt-chrome: where either may be, the commoner is drawn."""


def alloys_of(metal: Mask, implants: Sequence[Implant]) -> dict[ImplantMaterial, Mask]:
    """Give each metal voxel the alloy of the implant that it is nearest to.

    Parameters
    ----------
    metal : Mask
        All metal.
    implants : sequence of Implant
        The implants, with the material that was told for each.

    Returns
    -------
    dict of str to Mask
        Voxels whose alloy was told; those of implants without one are in none.
    """
    named = [(implant, _ALLOY.get(implant.material)) for implant in implants if implant.kind != "cement"]
    told = {alloy for _, alloy in named}
    if not told - {None}:
        return {}
    if len(told) == 1:
        return {alloy: metal for alloy in told if alloy is not None}
    index = np.argwhere(metal.voxels)
    points = np.asarray(metal.grid.to_lps(index))
    nearest = np.argmin([_distance_mm(points, implant) for implant, _ in named], axis=0)
    masks: Mapping[ImplantMaterial, np.ndarray] = {
        alloy: np.zeros(metal.grid.shape, dtype=np.bool_) for alloy in told if alloy is not None
    }
    for number, (_, alloy) in enumerate(named):
        if alloy is not None:
            masks[alloy][tuple(index[nearest == number].T)] = True
    return {alloy: Mask(metal.grid, voxels) for alloy, voxels in masks.items()}


def _distance_mm(points: Array, implant: Implant) -> Array:
    """Give how far points are from an implant as far as it is known: its course, sphere, axis or middle."""
    if implant.sphere is not None:
        from_centre = np.linalg.norm(points - np.array(implant.sphere.centre_lps), axis=1)
        beyond = from_centre - implant.sphere.diameter_mm / 2.0
        # A cup is a shell, which may hold a head of another alloy.
        return np.asarray(np.abs(beyond) if implant.kind == "acetabular_cup" else np.maximum(beyond, 0.0))
    radius = 0.0
    course = [implant.centroid_lps]
    if implant.axis is not None:
        course = [implant.axis.head_lps, implant.axis.tip_lps]
        radius = (implant.axis.diameter_mm or 0.0) / 2.0
    if len(implant.course_lps) > 1:
        course = list(implant.course_lps)
    line = np.array(course)
    if len(line) == 1:
        return np.asarray(np.linalg.norm(points - line[0], axis=1))
    pieces = [_from_segment_mm(points, start, stop) for start, stop in itertools.pairwise(line)]
    return np.asarray(np.maximum(np.min(pieces, axis=0) - radius, 0.0))


def _from_segment_mm(points: Array, start: Array, stop: Array) -> Array:
    run = stop - start
    along = np.clip((points - start) @ run / max(float(run @ run), 1e-12), 0.0, 1.0)
    return np.asarray(np.linalg.norm(points - start - along[:, None] * run, axis=1))
