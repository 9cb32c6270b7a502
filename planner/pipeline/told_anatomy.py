"""The anatomy round the implants: outlines, bones apart, and what labels from elsewhere know better."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from planner.config.anatomy_config import AnatomyConfig
from planner.config.soft_tissue_config import SoftTissueConfig
from planner.geometry.frames import point_tuple
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.bones import Bone
from planner.model.finding import Finding
from planner.model.implant import Implant
from planner.model.scan import Scan
from planner.model.volume import Mask
from planner.progress import Monitor
from planner.segment.anatomy.body import Body
from planner.segment.anatomy.canal import Canal
from planner.segment.anatomy.foramina import find_foramina
from planner.segment.anatomy.labelled import Labelled, apply_labels
from planner.segment.anatomy.labelled_canal import canal_of_labels
from planner.segment.anatomy.orientation import check_orientation
from planner.segment.anatomy.skeleton import Skeleton, find_skeleton, find_spine
from planner.segment.anatomy.soft_tissue import SoftTissue, tell_soft_tissue
from planner.segment.anatomy.survey import Survey, survey
from planner.segment.trust import TrustMap

AnatomyScope = Literal["plan", "gaps"]
"""What the anatomy is told for: a plan with needles, or gaps alone, which lie in bone's outline and in vertebrae."""


@dataclass(frozen=True, slots=True, eq=False)
class ToldAnatomy:
    """What is known of the anatomy round the implants.

    Parameters
    ----------
    survey : Survey
        Outlines on the working grid.
    skeleton : Skeleton
        The bones apart, vertebrae with the levels that labels tell.
    bones : tuple of Bone
        The same with their levels, and those that only labels know.
    foramina : Mask or None
        The nerve roots' ways out; None where none was told.
    findings : tuple of Finding
        What could not be told, what contradicts, what was taken from labels.
    """

    survey: Survey
    skeleton: Skeleton
    bones: tuple[Bone, ...]
    foramina: Mask | None
    findings: tuple[Finding, ...]


def tell_anatomy(
    scan: Scan,
    metal: Mask,
    implants: tuple[Implant, ...],
    config: AnatomyConfig,
    *,
    labels: AnatomyLabels | None = None,
    patient: Body | None = None,
    scope: AnatomyScope = "plan",
    monitor: Monitor,
) -> ToldAnatomy:
    """Tell the anatomy round the implants.

    Parameters
    ----------
    scan : Scan
        The CT, its axes along the patient's.
    metal : Mask
        All metal, on the CT's grid.
    implants : tuple of Implant
        What was found.
    config : AnatomyConfig
        Settings.
    labels : AnatomyLabels or None
        Labels made elsewhere, as `planner.segment.anatomy.label_check.fit_labels` gives them.
    patient : Body or None
        What `find_body` found in this very CT before; None to look.
    scope : {"plan", "gaps"}
        What it is told for: for gaps alone the skeleton is the spine's vertebrae, and no foramina are told.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    ToldAnatomy

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    seen = survey(scan.volume, metal=metal, implants=implants, patient=patient, config=config, monitor=monitor)
    refused: tuple[Finding, ...] = ()
    if labels is not None and seen.canal is None:
        labelled = canal_of_labels(labels, seen.ct)
        refused = _without_walls(labels, labelled, config)
        if labelled is not None and not refused:
            seen = survey(
                scan.volume, metal=metal, implants=implants, known_canal=labelled, patient=seen.patient,
                config=config, monitor=monitor,
            )  # fmt: skip
    if scope == "plan":
        skeleton = find_skeleton(scan.volume, seen, implants=implants, metal=metal, config=config, monitor=monitor)
    else:
        skeleton = find_spine(seen, config=config, monitor=monitor)
    bones, said = skeleton.bones, (*seen.findings, *refused, *skeleton.findings)
    if labels is not None:
        taken = apply_labels(
            labels, bone=seen.bone, canal=seen.canal_mask, forbidden=seen.forbidden, metal=seen.metal, bones=bones
        )
        seen = _with_labels(seen, taken)
        skeleton = _with_levels(skeleton, taken.bones)
        bones, said = taken.bones, (*said, *taken.findings)
    contradictions = check_orientation(
        canal=seen.canal,
        bone=seen.envelope,
        vertebrae=[bone for bone in bones if bone.kind == "vertebra"],
        pedicles=skeleton.pedicles,
        volume=scan.volume,
        body=seen.patient,
        position=scan.series.patient_position,
        config=config.orientation,
    )
    foramina = _foramina(seen, skeleton, config) if scope == "plan" else None
    return ToldAnatomy(seen, skeleton, bones, foramina, (*contradictions, *said))


def soft_tissue_of(anatomy: ToldAnatomy, trust: TrustMap | None, config: SoftTissueConfig) -> SoftTissue | None:
    """Tell muscle from fat where needles may pass.

    Parameters
    ----------
    anatomy : ToldAnatomy
        The anatomy round the implants.
    trust : TrustMap or None
        What metal artefacts leave readable.
    config : SoftTissueConfig
        Settings.

    Returns
    -------
    SoftTissue or None
        None where the skin was not found.
    """
    seen = anatomy.survey
    if seen.body is None:
        return None
    solid = seen.bone.voxels | seen.envelope.voxels
    for mask in (seen.canal_mask, anatomy.skeleton.disc_mask):
        if mask is not None:
            solid = solid | mask.voxels
    return tell_soft_tissue(
        seen.ct,
        body=seen.body,
        solid=Mask(seen.grid, solid),
        metal=seen.metal,
        forbidden=seen.forbidden,
        trust=trust,
        config=config,
    )


def _without_walls(labels: AnatomyLabels, canal: Canal | None, config: AnatomyConfig) -> tuple[Finding, ...]:
    """Say where a labelled canal has so little bone about it that it is none."""
    if canal is None or canal.score >= config.canal.least_closed:
        return ()
    return (
        Finding(
            code="label-canal-refused",
            severity="warning",
            message=f"The spinal canal of {labels.name} was not taken for one: bone stands about {canal.score:.0%} of "
            "its wall only. Needles are kept out of it all the same. Look at the labels over the CT.",
            where_lps=point_tuple(canal.centre_lps[len(canal.centre_lps) // 2]),
            measured=round(canal.score, 3),
            limit=config.canal.least_closed,
            unit="1",
            source="this program's rule for canals that it finds itself",
        ),
    )


def _with_labels(seen: Survey, taken: Labelled) -> Survey:
    """Put what labels know into the outlines; a canal that was not trusted is kept out of, not known."""
    canal, forbidden = taken.canal, taken.forbidden
    if seen.canal is None and canal is not None:
        forbidden = Mask(seen.grid, forbidden.voxels | canal.voxels)
        canal = None
    return replace(seen, bone=taken.bone, canal_mask=canal, forbidden=forbidden)


def _with_levels(skeleton: Skeleton, named: tuple[Bone, ...]) -> Skeleton:
    """Give the vertebrae their levels; the order of bones stays, for the spine's label map counts them."""
    spine = skeleton.spine
    if spine is None:
        return skeleton
    return replace(skeleton, spine=replace(spine, bones=named[: len(spine.bones)]))


def _foramina(seen: Survey, skeleton: Skeleton, config: AnatomyConfig) -> Mask | None:
    if seen.canal is None:
        return None
    found = find_foramina(seen.canal, skeleton.pedicles, bone=seen.bone, metal=seen.metal, config=config.pedicles)
    return Mask(seen.grid, np.any([one.mask.voxels for one in found], axis=0)) if found else None
