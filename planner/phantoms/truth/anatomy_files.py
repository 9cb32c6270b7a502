"""The true anatomy as files: its entry in ``truth.json``, its arrays in ``truth.npz``."""

from typing import Any

import numpy as np
import numpy.typing as npt

from planner.phantoms.solids.raster import rasterise
from planner.phantoms.truth.anatomy import TrueAnatomy, TrueFracture, codes_of
from planner.phantoms.truth.cortex import cortex_samples
from planner.phantoms.truth.document import (
    AnatomyTruth,
    BoneTruth,
    DiscTruth,
    FractureTruth,
    HipTruth,
    LandmarkTruth,
    PedicleTruth,
)
from planner.phantoms.truth.facts import Truth
from planner.phantoms.truth.legs import left_longer_mm


def anatomy_entry(anatomy: TrueAnatomy) -> AnatomyTruth:
    """Give what ``truth.json`` says of the anatomy.

    Parameters
    ----------
    anatomy : TrueAnatomy
        What is true.

    Returns
    -------
    AnatomyTruth
    """
    return AnatomyTruth(
        bones=tuple(
            BoneTruth(name=b.name, kind=b.kind, code=code, level=b.level, side=b.side)
            for code, b in enumerate(anatomy.bones, start=1)
        ),
        discs=tuple(
            DiscTruth(above=d.above, below=d.below, code=code) for code, d in enumerate(anatomy.discs, start=1)
        ),
        pedicles=tuple(
            PedicleTruth(
                bone=p.bone,
                level=p.level,
                side=p.side,
                centre=p.centre_lps,
                inward=p.inward_lps,
                width_mm=p.width_mm,
                height_mm=p.height_mm,
            )
            for p in anatomy.pedicles
        ),
        landmarks=tuple(
            LandmarkTruth(name=m.name, bone=m.bone, point=m.point_lps, side=m.side) for m in anatomy.landmarks
        ),
        fractures=tuple(_fracture_entry(f) for f in anatomy.fractures),
        hips=tuple(
            HipTruth(
                side=h.side,
                centre=h.centre_lps,
                ischium=h.ischium_lps,
                lesser_trochanter=h.lesser_trochanter_lps,
                offset_mm=h.offset_mm,
            )
            for h in anatomy.hips
        ),
        left_leg_longer_mm=left_longer_mm(anatomy.hips),
    )


def _fracture_entry(fracture: TrueFracture) -> FractureTruth:
    return FractureTruth(
        bone=fracture.bone,
        level=fracture.level,
        front_loss=fracture.front_loss,
        middle_loss=fracture.middle_loss,
        back_loss=fracture.back_loss,
        is_cleft=fracture.is_cleft,
    )


def anatomy_arrays(truth: Truth, metal: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[Any]]:
    """Give what ``truth.npz`` holds of the anatomy.

    Parameters
    ----------
    truth : Truth
        What is true.
    metal : ndarray of bool, shape ``truth.grid.shape``
        Its implants on voxels.

    Returns
    -------
    dict of ndarray
        In (z, y, x): `bones` and `discs` (the codes of ``truth.json``, 0 for none) and `canal`, all of the canal's
        space. Places of the bones' surface: `cortex_points` and `cortex_outward`, shape (N, 3), LPS mm;
        `cortex_mm`, the thickness along the normal, and `cortex_bone`, the bone's code, shape (N,). Nothing where bones
        are not told apart.
    """
    anatomy, grid = truth.anatomy, truth.grid
    if anatomy is None:
        return {}
    bones = anatomy.bone_codes(grid)
    arrays: dict[str, npt.NDArray[Any]] = {"bones": bones, "discs": codes_of([d.solid for d in anatomy.discs], grid)}
    if anatomy.canal is not None:
        arrays["canal"] = rasterise(anatomy.canal, grid)
    if anatomy.scene is not None:
        samples = cortex_samples(
            anatomy.bones,
            bones,
            grid,
            scene=anatomy.scene,
            lucent=[*(g.solid for g in truth.gaps), *(w.solid for w in truth.ways_out)],
            metal=truth.metal,
            metal_voxels=metal,
        )
        arrays["cortex_points"], arrays["cortex_outward"] = np.asarray(samples.points_lps), samples.outward_lps
        arrays["cortex_mm"], arrays["cortex_bone"] = samples.thickness_mm, samples.bone
    return arrays
