"""What 3D Slicer opens of a plan: labels, needles, surfaces and the scene of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from planner.geometry.grid import Grid
from planner.io.dicom.structure_terms import structure_term
from planner.io.slicer.markups import write_markups
from planner.io.slicer.scene import SceneModel, write_scene
from planner.io.slicer.segmentation import SegmentStatus, write_slicer_segmentation
from planner.io.slicer.terminology import SegmentTerms
from planner.model.labels import LabelMap
from planner.model.plan import Plan
from planner.model.proposal import no_candidate, proposed_needles
from planner.model.record import PointLps
from planner.pipeline.plan_surfaces import KIND_COLOURS, WrittenSurface, colour_of
from planner.pipeline.planned_case import PlannedCase
from planner.report.review_words import review_line

_SEGMENTATION = "labels.seg.nrrd"
_STATUS: dict[str, SegmentStatus] = {"unreviewed": "inprogress", "edited": "inprogress", "approved": "completed"}
_ABOVE_MM = 15.0
"""How far over the labels the words about the plan's review stand. Ours."""


def write_slicer_files(case: PlannedCase, labels: LabelMap, surfaces: Sequence[WrittenSurface], folder: Path) -> None:
    """Write what 3D Slicer opens of a plan.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    labels : LabelMap
        On the CT's own grid. Where that is sheared, which Slicer's segmentations cannot be, the labels are written on
        the grid that was planned on: they lie at the same places in the patient.
    surfaces : sequence of WrittenSurface
        What was written into ``surfaces``.
    folder : Path
        The plan's folder.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    note = review_line(case.plan.review)
    write_markups(case.plan.ways, folder / "trajectories.mrk.json", note=note)
    straight = labels if labels.grid.is_rectangular else case.labels
    write_slicer_segmentation(
        straight,
        folder / _SEGMENTATION,
        colours={s.id: colour_of(KIND_COLOURS[s.kind]) for s in straight.structures},
        terms=_terms(straight, case.plan),
        status=_STATUS[case.plan.review.state],
        note=note,
    )
    write_scene(
        folder,
        segmentation=_SEGMENTATION,
        models=[_model(one) for one in surfaces if one.files],
        needles=case.plan.ways,
        shown=_shown_first(case.plan),
        note=note,
        note_at_lps=_above(straight.grid),
    )


def _model(one: WrittenSurface) -> SceneModel:
    return SceneModel(
        one.named.id, f"surfaces/{one.files[0]}", one.named.colour, one.named.opacity, visible=one.in_scene
    )


def _shown_first(plan: Plan) -> set[str]:
    """Give the needles that are proposed; where none are, the first of each target; none where none may be."""
    if no_candidate(plan.findings):
        return set()
    return {way.id for way in proposed_needles(plan)} or {way.id for way in plan.ways if way.rank == 1}


def _above(grid: Grid) -> PointLps:
    """Give a place over the middle of a grid, outside of it."""
    ends = np.array(np.meshgrid(*((0.0, size - 1.0) for size in grid.shape), indexing="ij")).reshape(3, -1).T
    corners = np.asarray(grid.to_lps(ends))
    x, y, _ = corners.mean(axis=0)
    return float(x), float(y), float(corners[:, 2].max() + _ABOVE_MM)


def _terms(labels: LabelMap, plan: Plan) -> dict[str, SegmentTerms]:
    """Give the words that the DICOM Segmentation has too."""
    terms = {}
    for structure in labels.structures:
        term = structure_term(structure, plan)
        place = () if term.place is None else (term.place.region, term.place.side)
        terms[structure.id] = SegmentTerms(term.category, term.type, term.modifier, *place)
    return terms
