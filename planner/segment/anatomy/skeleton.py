"""The bones round the implants, each apart, and what is measured on them, in one call."""

from dataclasses import dataclass, field, replace

import numpy as np

from planner.config.anatomy_config import AnatomyConfig
from planner.model.bones import Bone, Disc, Landmark, Pedicle
from planner.model.finding import Finding
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, check_cancelled
from planner.segment.anatomy.cortex import Cortex, measure_cortex
from planner.segment.anatomy.hip_bones import HipBones, find_hip_bones, find_other_hip
from planner.segment.anatomy.leg_length import LegLength, findings_of, leg_length
from planner.segment.anatomy.pedicles import find_pedicles
from planner.segment.anatomy.survey import Survey
from planner.segment.anatomy.vertebrae import SpineBones, find_vertebrae

DEFAULT = AnatomyConfig()
_SPINES_OWN = frozenset(("vertebra", "sacrum", "rib"))


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """The bones round the implants.

    Parameters
    ----------
    spine : SpineBones or None
        Vertebrae, ribs, sacrum; None where no spinal canal leads to them.
    hips : HipBones
        Of the hips that hold implants; its joints are empty where there are none.
    other_hip : HipBones
        The natural hip of the other side, on a grid of its own; empty where it is not in view.
    pedicles : tuple of Pedicle
        From the top down.
    legs : LegLength or None
        Both legs' lengths and offsets; None where one hip is not in view.
    cortex : Cortex or None
        The cortex of all bones round the implants; None where it was not asked for.
    findings : tuple of Finding
        What could not be told, and what the anatomy says of leg length and orientation.
    """

    spine: SpineBones | None = None
    hips: HipBones = field(default_factory=HipBones)
    other_hip: HipBones = field(default_factory=HipBones)
    pedicles: tuple[Pedicle, ...] = ()
    legs: LegLength | None = None
    cortex: Cortex | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def bones(self) -> tuple[Bone, ...]:
        """Every bone that was told apart on the working grid, each voxel in one, one bone a name."""
        return _apart(() if self.spine is None else self.spine.bones, self.hips.bones)

    @property
    def discs(self) -> tuple[Disc, ...]:
        """Discs from the top down."""
        return () if self.spine is None else self.spine.discs

    @property
    def landmarks(self) -> tuple[Landmark, ...]:
        """Spinous processes and trochanters."""
        return (*(() if self.spine is None else self.spine.landmarks), *self.hips.landmarks)

    @property
    def disc_mask(self) -> Mask | None:
        """All discs together; None where none was told."""
        if not self.discs:
            return None
        return Mask(self.discs[0].mask.grid, np.any([disc.mask.voxels for disc in self.discs], axis=0))


def _apart(of_spine: tuple[Bone, ...], of_hips: tuple[Bone, ...]) -> tuple[Bone, ...]:
    """Join two searches: vertebrae and sacrum are the spine's to tell, femora and the rest of the pelvis the hips'."""
    if not of_spine or not of_hips:
        return (*of_spine, *of_hips)
    sure = tuple(bone for bone in of_spine if bone.kind in _SPINES_OWN)
    rest = tuple(bone for bone in of_spine if bone.kind not in _SPINES_OWN)
    names = {bone.name for bone in sure}
    hips = _less(tuple(bone for bone in of_hips if bone.name not in names), sure)
    return (*sure, *hips, *_less(rest, hips))


def _less(bones: tuple[Bone, ...], others: tuple[Bone, ...]) -> tuple[Bone, ...]:
    """Take others' voxels out of bones; what is left empty is left out."""
    if not others:
        return bones
    taken = np.any([other.mask.voxels for other in others], axis=0)
    kept = (replace(bone, mask=Mask(bone.mask.grid, bone.mask.voxels & ~taken)) for bone in bones)
    return tuple(bone for bone in kept if bone.mask.voxels.any())


def find_skeleton(
    volume: Volume,
    seen: Survey,
    *,
    implants: tuple[Implant, ...],
    metal: Mask,
    config: AnatomyConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> Skeleton:
    """Tell the bones round the implants apart and measure them.

    Parameters
    ----------
    volume : Volume
        The CT.
    seen : Survey
        The anatomy round the implants.
    implants : tuple of Implant
        What was found.
    metal : Mask
        All metal, on the CT's grid.
    config : AnatomyConfig
        Settings.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    Skeleton

    Raises
    ------
    CancelledError
        If the monitor says stop.
    """
    spine = _spine(seen, config, monitor, bodies_only=False)
    pedicles: tuple[Pedicle, ...] = ()
    if seen.canal is not None:
        check_cancelled(monitor)
        vertebrae = () if spine is None else tuple(b for b in spine.bones if b.kind == "vertebra")
        pedicles = find_pedicles(
            volume,
            bone=seen.envelope,
            metal=metal,
            canal=seen.canal,
            vertebrae=vertebrae,
            config=config.pedicles,
            monitor=monitor,
        )
    hips = find_hip_bones(
        seen.ct,
        metal=seen.metal,
        bone=seen.envelope,
        implants=implants,
        scan_mm=max(volume.grid.spacing_mm),
        config=config.hip_bones,
        monitor=monitor,
    )
    other = HipBones()
    if len(hips.joints) == 1:
        other = find_other_hip(
            volume,
            joint=hips.joints[0],
            metal=metal,
            config=config.hip_bones,
            bone_config=config.bone,
            monitor=monitor,
        )
    legs = leg_length(
        joints=(*hips.joints, *other.joints),
        bones=(*hips.bones, *other.bones),
        landmarks=(*hips.landmarks, *other.landmarks),
    )
    check_cancelled(monitor)
    cortex = measure_cortex(volume, seen.envelope, metal=metal, config=config.cortex, monitor=monitor)
    return Skeleton(
        spine=spine,
        hips=hips,
        other_hip=other,
        pedicles=pedicles,
        legs=legs,
        cortex=cortex,
        findings=(
            *(() if spine is None else spine.findings),
            *hips.findings,
            *other.findings,
            *findings_of(legs),
        ),
    )


def find_spine(seen: Survey, *, config: AnatomyConfig = DEFAULT, monitor: Monitor = SILENT) -> Skeleton:
    """Tell the vertebrae round the implants apart, and nothing else of the skeleton: it is all that gaps need.

    Parameters
    ----------
    seen : Survey
        The anatomy round the implants.
    config : AnatomyConfig
        Settings.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    Skeleton
        With a spine alone, without discs and processes; empty where no spinal canal leads to one.

    Raises
    ------
    CancelledError
        If the monitor says stop.
    """
    spine = _spine(seen, config, monitor, bodies_only=True)
    return Skeleton() if spine is None else Skeleton(spine=spine, findings=spine.findings)


def _spine(seen: Survey, config: AnatomyConfig, monitor: Monitor, *, bodies_only: bool) -> SpineBones | None:
    if seen.canal is None:
        return None
    return find_vertebrae(
        seen.ct,
        bone=seen.envelope,
        metal=seen.metal,
        canal=seen.canal,
        bodies_only=bodies_only,
        config=config.vertebrae,
        monitor=monitor,
    )
