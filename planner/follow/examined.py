"""One CT of a pair, as the planner sees it, and a pair whose things are registered."""

from collections.abc import Mapping
from dataclasses import dataclass

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy
from planner.model.bones import Bone, Disc
from planner.model.breach import Breach
from planner.model.finding import Finding
from planner.model.follow_motion import Registration
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.unwrapped import UnwrappedMap
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.endplates import VertebralBody
from planner.segment.trust import TrustMap


@dataclass(frozen=True, slots=True, eq=False)
class ExaminedImplant:
    """One implant with its voxels.

    Parameters
    ----------
    record : Implant
        What was measured of it; its kind is "cement" for cement that was told by itself.
    mask : Mask
        Its voxels, on the CT's grid or on a working grid of its own.
    """

    record: Implant
    mask: Mask


@dataclass(frozen=True, slots=True, eq=False)
class ExaminedGap:
    """One gap with its voxels.

    Parameters
    ----------
    record : Gap
        What was measured of it.
    mask : Mask
        Its voxels, on the CT's grid or on a working grid of its own.
    """

    record: Gap
    mask: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """One CT of a pair, as the planner sees it.

    Parameters
    ----------
    ct : Volume
        The original CT, axes along the patient's.
    metal : Mask
        All metal, on the CT's grid; dense cement may be in it.
    anatomy : Anatomy
        Masks on the upright working grid: `anatomy.ct` is the CT read on it, `anatomy.bones` the bones apart
        ("vertebra-1" is counted from the scan's top, so that names of two scans need not agree), canal, foramen, joint.
    implants : tuple of ExaminedImplant
        All of them.
    gaps : tuple of ExaminedGap
        Measured gaps, a person's edits in their place.
    discs : tuple of Disc
        From the top down.
    bodies : tuple of VertebralBody
        Vertebral bodies with their endplates.
    maps : tuple of UnwrappedMap
        The gap's width along and round each shaft.
    breaches : tuple of Breach
        Of the plan; empty where none was made.
    faults : tuple of Finding
        Of the hardware.
    trust : TrustMap or None
        How far metal artefacts leave tissue readable.
    """

    ct: Volume
    metal: Mask
    anatomy: Anatomy
    implants: tuple[ExaminedImplant, ...]
    gaps: tuple[ExaminedGap, ...] = ()
    discs: tuple[Disc, ...] = ()
    bodies: tuple[VertebralBody, ...] = ()
    maps: tuple[UnwrappedMap, ...] = ()
    breaches: tuple[Breach, ...] = ()
    faults: tuple[Finding, ...] = ()
    trust: TrustMap | None = None

    @property
    def bones(self) -> tuple[Bone, ...]:
        """The bones apart."""
        return self.anatomy.bones

    @property
    def grid(self) -> Grid:
        """The working grid."""
        return self.anatomy.grid

    def bone(self, name: str | None) -> Bone | None:
        """Give a bone by its name; None where there is none of it."""
        return next((bone for bone in self.bones if bone.name == name), None)

    def implant(self, implant_id: str | None) -> ExaminedImplant | None:
        """Give an implant by its id; None where there is none of it."""
        return next((one for one in self.implants if one.record.id == implant_id), None)


@dataclass(frozen=True, slots=True, eq=False)
class RegisteredPair:
    """Two CTs whose bones and implants were found again.

    Parameters
    ----------
    early, late : Examined
        The two CTs.
    late_from_early : ndarray, shape (4, 4)
        The whole patient's rigid motion, LPS: where no bone tells better.
    bones, implants : mapping of str to ndarray, shape (4, 4)
        By the earlier name or id, the accepted registrations, LPS.
    late_names : mapping of str to str
        By the earlier name or id, the later one, where both are told.
    records : tuple of Registration
        Of all that was tried, refused ones too.
    host_of : mapping of str to str
        By the implant's earlier id, its bone's earlier name, where it is known.
    findings : tuple of Finding
        What could not be registered, and what it means.
    """

    early: Examined
    late: Examined
    late_from_early: Array
    bones: Mapping[str, Array]
    implants: Mapping[str, Array]
    late_names: Mapping[str, str]
    records: tuple[Registration, ...]
    host_of: Mapping[str, str]
    findings: tuple[Finding, ...] = ()

    def record(self, name: str) -> Registration | None:
        """Give the record of a bone or implant by its earlier name; None where it was not tried."""
        return next((one for one in self.records if one.name == name), None)

    def motion_of_bone(self, name: str | None) -> Array:
        """Give the motion of a bone, or of the whole patient where that bone has none of its own."""
        return self.late_from_early if name is None else self.bones.get(name, self.late_from_early)
