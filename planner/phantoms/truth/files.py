"""The truth as files: the content of a case's ``truth.json`` and ``truth.npz``."""

from typing import Any

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import PointsLps
from planner.geometry.grid import Grid
from planner.phantoms.scene import Scene
from planner.phantoms.solids.raster import paint, rasterise
from planner.phantoms.truth.anatomy_files import anatomy_arrays, anatomy_entry
from planner.phantoms.truth.document import (
    BreachTruth,
    CanalTruth,
    ForbiddenTruth,
    GapTruth,
    ImplantTruth,
    StructuresTruth,
    TruthDocument,
)
from planner.phantoms.truth.examination import GapExamination, ImplantExamination, examine
from planner.phantoms.truth.facts import TrueBreach, TrueGap, TrueImplant, Truth

_LABEL_LIMIT = 255
_INWARDS_MM = 0.4
"""Half a voxel of the phantoms' truths."""


def truth_document(truth: Truth) -> dict[str, Any]:
    """Give the content of ``truth.json``: plain numbers, strings, lists and None.

    Parameters
    ----------
    truth : Truth
        What is true.

    Returns
    -------
    dict
        Positions LPS mm, lengths mm, areas mm2, volumes mL.
    """
    return document_of(truth).model_dump(mode="json")


def document_of(truth: Truth) -> TruthDocument:
    """Give the truth of a phantom in the form in which written cases are read.

    Parameters
    ----------
    truth : Truth
        What is true.

    Returns
    -------
    TruthDocument
    """
    found = examine(truth)
    canal = None
    if truth.canal is not None:
        canal = CanalTruth(points=truth.canal.points_lps, radius_mm=truth.canal.radius_mm)
    return TruthDocument(
        implants=tuple(_implant_entry(i, found.implants[i.id]) for i in truth.implants),
        gaps=tuple(_gap_entry(g, label, found.gaps[g.id], truth) for label, g in enumerate(truth.gaps, start=1)),
        breaches=tuple(_breach_entry(b, label) for label, b in enumerate(truth.breaches, start=1)),
        structures=StructuresTruth(
            canal=canal,
            forbidden=tuple(ForbiddenTruth(name=s.name, code=code) for code, s in enumerate(truth.structures, start=1)),
        ),
        voxel_mm=truth.grid.spacing_mm,
        anatomy=None if truth.anatomy is None else anatomy_entry(truth.anatomy),
    )


def _implant_entry(implant: TrueImplant, found: ImplantExamination) -> ImplantTruth:
    return ImplantTruth(
        id=implant.id,
        kind=implant.kind,
        head=implant.head_lps,
        tip=implant.tip_lps,
        centre=implant.centre_lps,
        centroid=None if implant.centre_lps is None else implant.measure.centroid_lps,
        diameter_mm=implant.diameter_mm,
        length_mm=implant.length_mm,
        volume_ml=implant.measure.volume_ml,
        volume_sd_ml=implant.measure.volume_sd_ml,
        side=implant.side,
        level=implant.level,
        material=implant.material,
        loose=implant.loose,
        broken=implant.broken,
        moved=implant.moved,
        canal_breach_mm=implant.canal_breach_mm,
        beyond_wall_mm=implant.beyond_wall_mm,
        through=implant.through,
        loosening=found.loosening,
        rim_share=found.rim_share,
    )


def _gap_entry(gap: TrueGap, label: int, found: GapExamination, truth: Truth) -> GapTruth:
    level = gap.level or next((i.level for i in truth.implants if i.id == gap.implant_id), None)
    return GapTruth(
        id=gap.id,
        implant_id=gap.implant_id,
        level=level,
        kind=gap.kind,
        label=label,
        volume_ml=gap.measure.volume_ml,
        volume_sd_ml=gap.measure.volume_sd_ml,
        width_mm=gap.width_mm,
        widths_mm=found.width,
        zones=found.zones,
        interface_fraction=found.interface_fraction,
        centroid=gap.measure.centroid_lps,
    )


def _breach_entry(breach: TrueBreach, label: int) -> BreachTruth:
    return BreachTruth(
        id=breach.id,
        label=label,
        gap_id=breach.gap_id,
        severity=breach.severity,
        leak_type=breach.leak_type,
        barrier_mm=breach.patch.barrier_mm,
        area_mm2=breach.patch.area_mm2,
        centroid=breach.patch.centre_lps,
        outward=breach.patch.direction_lps,
        compartment=breach.compartment,
    )


def truth_arrays(truth: Truth) -> dict[str, npt.NDArray[Any]]:
    """Give the content of ``truth.npz``.

    Parameters
    ----------
    truth : Truth
        What is true.

    Returns
    -------
    dict of ndarray
        The axes `x`, `y`, `z` (mm, LPS) and, in (z, y, x): `label`, `gap`, `metal`, `env`, `breach`, `body`,
        `forbidden`, `structures` (the code of the structure that forbids a voxel, 0 elsewhere), `host_hu` (int16,
        before the implants, without texture and noise). Where bones are told apart, also what `anatomy_arrays` gives.
    """
    grid = truth.grid
    x, y, z = truth.axes_lps
    label = np.zeros(grid.shape, dtype=np.uint8)
    for number, gap in enumerate(truth.gaps, start=1):
        label[rasterise(gap.solid, grid) & (label == 0)] = number
    metal = rasterise(truth.metal, grid)
    label[metal] = 0
    env = rasterise(truth.env, grid)
    body = rasterise(truth.body, grid)
    structures = np.zeros(grid.shape, dtype=np.uint8)
    for code, structure in enumerate(truth.structures, start=1):
        paint(structure.solid, grid, structures, value=code)
    structures[env | metal | ~body] = 0
    return {
        "x": np.asarray(x, dtype=np.float64),
        "y": np.asarray(y, dtype=np.float64),
        "z": np.asarray(z, dtype=np.float64),
        "label": label,
        "gap": label > 0,
        "metal": metal,
        "env": env,
        "breach": _breach_array(truth, label),
        "body": body,
        "forbidden": structures > 0,
        "structures": structures,
        "host_hu": _host_hu(truth.host, grid),
        **anatomy_arrays(truth, metal),
    }


def _breach_array(truth: Truth, label: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    out = np.zeros(truth.grid.shape, dtype=np.uint8)
    if len(truth.breaches) > _LABEL_LIMIT:
        raise ValueError(f"a truth holds {_LABEL_LIMIT} breaches at most, not {len(truth.breaches)}")
    for number, breach in enumerate(truth.breaches, start=1):
        # The patch's points lie on the wall: the voxels on its inner side are meant.
        wall = breach.patch.points_lps
        points = PointsLps(np.concatenate([wall, wall - _INWARDS_MM * breach.patch.outward_lps]))
        index = np.rint(truth.grid.to_index(points)).astype(int)
        index = index[np.all((index >= 0) & (index < truth.grid.shape), axis=1)]
        k, i, j = index.T
        out[k, i, j] = number
        # Where the patch is finer than the voxels, its voxels need not have their centre in the gap.
        kept = (out == number) & (label > 0)
        if kept.any():
            out[(out == number) & ~kept] = 0
    return out


def _host_hu(host: Scene, grid: Grid) -> npt.NDArray[np.int16]:
    out = np.full(grid.shape, host.background.hu, dtype=np.int16)
    for part in host.parts:
        paint(part.solid, grid, out, value=part.tissue.hu)
    return out
