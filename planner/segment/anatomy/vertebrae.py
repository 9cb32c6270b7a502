"""Each vertebra apart from its neighbours, from ribs and from the sacrum; discs, endplates and spinous processes."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from planner.config.vertebra_config import LevelConfig, VertebraConfig
from planner.geometry.frames import point_tuple
from planner.model.bones import Bone, Disc, Landmark
from planner.model.finding import Finding
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.anatomy.canal import Canal
from planner.segment.anatomy.disc_frame import disc_frame
from planner.segment.anatomy.discs import disc_between
from planner.segment.anatomy.endplates import VertebralBody, measure_body
from planner.segment.anatomy.flood import Labels
from planner.segment.anatomy.hidden_plates import hidden_places
from planner.segment.anatomy.levels import SpineLevels, find_levels
from planner.segment.anatomy.spine_course import SpineCourse, course_of
from planner.segment.anatomy.spine_names import NamedBones, named_bones
from planner.segment.anatomy.spine_parting import part_spine
from planner.segment.anatomy.spinous import goes_on_behind, spinous_tip
from planner.segment.upright import Bools

DEFAULT = VertebraConfig()


@dataclass(frozen=True, slots=True, eq=False)
class SpineBones:
    """The bones of a spine, apart.

    Parameters
    ----------
    bones : tuple of Bone
        Vertebrae from the top down, sacrum, ilia, ribs.
    labels : ndarray of int16, shape of the grid
        0, or one more than the place of the voxel's bone in `bones`.
    bodies : tuple of VertebralBody
        Endplates and heights, from the top down; the sacrum's is last.
    discs : tuple of Disc
        From the top down; one whose bodies are joined is left out.
    landmarks : tuple of Landmark
        Tips of spinous processes, where there are any.
    course : SpineCourse
        The midline: the canal's course, with front and left along it.
    levels : SpineLevels
        Bodies and discs on the course.
    findings : tuple of Finding
        Where two vertebrae are parted by what their neighbours call for, for no disc is seen.
    hidden : ndarray of bool or None
        On the labels' grid: where it cannot be read whether a body ends; None where all can be read.
    """

    bones: tuple[Bone, ...]
    labels: Labels
    bodies: tuple[VertebralBody, ...]
    discs: tuple[Disc, ...]
    landmarks: tuple[Landmark, ...]
    course: SpineCourse
    levels: SpineLevels
    findings: tuple[Finding, ...] = ()
    hidden: Bools | None = None


def find_vertebrae(
    ct: Volume,
    *,
    bone: Mask,
    metal: Mask,
    canal: Canal,
    bodies_only: bool = False,
    config: VertebraConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> SpineBones | None:
    """Tell the vertebrae of a spine from each other, from ribs, sacrum and ilia.

    Parameters
    ----------
    ct : Volume
        The CT on an upright isotropic grid, HU; `padding` where nothing was measured.
    bone : Mask
        Bone envelopes on that grid.
    metal : Mask
        All metal on that grid.
    canal : Canal
        The spinal canal.
    bodies_only : bool
        Whether discs and spinous processes are left out.
    config : VertebraConfig
        Settings.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    SpineBones or None
        None where no body stands before the canal.

    Raises
    ------
    GeometryError
        If the masks lie on another grid.
    CancelledError
        If the monitor says stop.

    Notes
    -----
    Bodies are parted by planes through the discs. Arches go with the pedicle that they hang on: cores of bodies,
    pedicles and laminae grow along bone, ways across joints and through narrow necks being dear: a watershed by
    markers, with the cost of ways in place of heights. Ours.
    """
    monitor.report(Progress("telling vertebrae apart"))
    grid = ct.grid
    for mask in (bone, metal):
        grid.require_same(mask.grid)
    hu = np.asarray(ct.hu, dtype=np.float32)
    course = course_of(canal, bone.voxels, grid, beyond_mm=config.beyond_canal_mm)
    levels = find_levels(course, hu, bone.voxels, metal.voxels, grid, config=config.levels)
    check_cancelled(monitor)
    if levels is None:
        return None
    parted = part_spine(hu, bone.voxels, metal.voxels, grid, course, levels, config)
    check_cancelled(monitor)
    if parted is None:
        return None
    named = named_bones(parted, ct, least_ml=config.least_ml)
    check_cancelled(monitor)
    places = {bone.name: number for number, bone in enumerate(named.bones, start=1)}
    hidden = hidden_places(ct, metal, named.labels)
    bodies = tuple(
        measure_body(number, name, places[name], named.labels, grid, course, parted.levels, hidden=hidden)
        for number, name in enumerate(named.of_level)
        if name is not None
    )
    behind = () if bodies_only else tuple(b for b in bodies if b.bone != "sacrum")
    tips = (spinous_tip(b, places[b.bone], named.labels, grid, course) for b in behind)
    landmarks = tuple(
        tip
        for tip in tips
        if tip is not None and not goes_on_behind(tip, places[tip.bone], named.labels, hu, metal.voxels, grid)
    )
    return SpineBones(
        bones=named.bones,
        labels=named.labels,
        bodies=bodies,
        discs=() if bodies_only else _discs(named, places, canal.mask(grid), course, parted.levels),
        landmarks=landmarks,
        course=course,
        levels=parted.levels,
        findings=_findings(course, parted.levels, config.levels),
        hidden=hidden,
    )


def _findings(course: SpineCourse, levels: SpineLevels, config: LevelConfig) -> tuple[Finding, ...]:
    """Tell of discs that are not seen."""
    unseen = [number for number, disc in enumerate(levels.discs) if disc.evidence < config.least_evidence]
    return tuple(
        Finding(
            code="disc-not-seen",
            severity="caution",
            message="No disc is seen here, healed over or hidden by metal: the vertebrae above and below are parted "
            "where their neighbours' heights call for it.",
            where_lps=point_tuple(disc_frame(number, levels, course).centre_lps),
            measured=round(levels.discs[number].evidence, 2),
            limit=config.least_evidence,
            unit="share of an open disc's evidence",
        )
        for number in unseen
    )


def _discs(
    named: NamedBones, places: dict[str, int], canal: Mask, course: SpineCourse, levels: SpineLevels
) -> tuple[Disc, ...]:
    found = []
    for number, (above, below) in enumerate(pairwise(named.of_level)):
        if above is None or below is None:
            continue
        codes = (places[above], places[below])
        disc = disc_between(number, (above, below), codes, named.labels, canal, course, levels)
        if disc is not None:
            found.append(disc)
    return tuple(found)
