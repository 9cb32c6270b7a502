"""A patient's spine as solids: vertebrae, sacrum, canal, discs, what was altered, and the soft tissue round them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from planner.config.phantoms.spine.altered import (
    CollapsedFracture,
    DiscGas,
    FractureLine,
    FusionMass,
    JunctionalFracture,
    Laminectomy,
)
from planner.config.phantoms.spine.patient import SpinePatient
from planner.geometry.frames import PointTuple, point_tuple
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Difference, Solid, Union, tube
from planner.phantoms.solids.columns import EllipticColumn
from planner.phantoms.spine.defects import decoys
from planner.phantoms.spine.patient import altered
from planner.phantoms.spine.patient.altered import Lucency
from planner.phantoms.spine.patient.chest import chest_oval
from planner.phantoms.spine.patient.poses import canal_knots, vertebrae_of
from planner.phantoms.spine.patient.ribs import rib_pair
from planner.phantoms.spine.patient.sacrum import Sacrum
from planner.phantoms.spine.patient.soft_tissue import SoftTissue
from planner.phantoms.spine.patient.trunk import soft_tissue_of
from planner.phantoms.spine.patient.vertebrae import Vertebra
from planner.phantoms.tissues import (
    CANCELLOUS,
    CORD,
    CORTICAL,
    CSF,
    DISC,
    EPIDURAL,
    FIBROUS,
    FUSION_BONE,
    SCLEROTIC,
    Tissue,
)
from planner.phantoms.truth.facts import Canal

_EPIDURAL_MM = 5.5
"""How far fat fills the corners of the canal and the foramina."""
_CANAL_MARGIN_MM = 0.5
_CLEFT = "cleft"
_CORD_SHARE = 0.55
"""Of the canal's radius; below L1 the roots lie there."""


@dataclass(frozen=True)
class Column:
    """A patient's spine.

    Parameters
    ----------
    vertebrae : tuple of Vertebra
        From the top down, without S1.
    sacrum : Sacrum or None
        With both iliac wings; None where S1 is not shown.
    hollow : Solid
        The canal's space; bones are cut by it.
    canal : Canal
        A polyline with a radius wholly inside the hollow.
    parts : tuple of Part
        Bones, discs, fat, clefts, decoys within bone, in painter's order, canal and cord last.
    bone : Solid
        The outside of all bone, canal and sacral foramina taken out.
    soft : SoftTissue
        What lies round the bones, to be painted before `parts`.
    lucencies : tuple of Lucency
        What fractures have opened, with its width and filling.
    fusion : Solid or None
        All fusion masses.
    """

    vertebrae: tuple[Vertebra, ...]
    sacrum: Sacrum | None
    hollow: Solid
    canal: Canal
    parts: tuple[Part, ...]
    bone: Solid
    soft: SoftTissue
    lucencies: tuple[Lucency, ...] = ()
    fusion: Solid | None = None

    @property
    def unbroken(self) -> tuple[Part, ...]:
        """All parts but what fractures have opened."""
        return tuple(p for p in self.parts if not p.name.startswith(f"{_CLEFT} "))

    @property
    def clefts(self) -> tuple[tuple[str, Solid], ...]:
        """Lucent fracture clefts and lines: level and space."""
        return tuple((x.level, x.solid) for x in self.lucencies)

    def vertebra(self, level: str) -> Vertebra:
        """Give the vertebra of a level.

        Raises
        ------
        KeyError
            If it is not shown.
        """
        for vertebra in self.vertebrae:
            if vertebra.level == level:
                return vertebra
        raise KeyError(f"{level} is not shown; there are {', '.join(v.level for v in self.vertebrae)}")

    def bone_of(self, level: str, *, inside: bool) -> Solid:
        """Give the bone of a level, or the cancellous bone in it; "S1" is the sacrum without the ilia.

        Raises
        ------
        KeyError
            If it is not shown.
        """
        if level == "S1":
            if self.sacrum is None:
                raise KeyError("S1 is not shown")
            return self.sacrum.sacrum(inside=inside)
        return self.vertebra(level).bone(inside=inside)

    @cached_property
    def holes(self) -> Solid:
        """Canal and sacral foramina: what is taken out of the bones."""
        return self.hollow if self.sacrum is None else Union((self.hollow, self.sacrum.foramina))


def column_of(patient: SpinePatient) -> Column:
    """Build a patient's spine.

    Parameters
    ----------
    patient : SpinePatient
        Who it is.

    Returns
    -------
    Column
    """
    shown = vertebrae_of(patient)
    bony = tuple(v for v in shown if v.level != "S1")
    sacrum = Sacrum(shown[-1], patient.size, patient.cortex_mm) if shown[-1].level == "S1" else None
    knots = _canal_line(shown, sacrum)
    hollow, fat = _hollow(knots, 0.0), _hollow(knots, _EPIDURAL_MM)
    lucencies = _lucencies(patient, bony)
    masses = tuple(c for c in patient.altered if isinstance(c, FusionMass))
    fusion = [altered.fusion_mass(c, shown, sacrum, inside=False) for c in masses]
    chest = chest_oval(patient, bony)
    ribbed = tuple(v for v in bony if v.level.startswith("T"))
    soft = soft_tissue_of(patient, shown, chest_mm=chest)
    bones = [v.bone(inside=False) for v in bony]
    bones += [rib_pair(v, inside=False, chest_mm=chest) for v in ribbed] + fusion
    if sacrum is not None:
        bones.append(sacrum.bone(inside=False))
    holes = hollow if sacrum is None else Union((hollow, sacrum.foramina))
    tissues = _tissues(patient)
    parts = (
        *_between(patient, shown),
        Part("epidural fat", fat, EPIDURAL),
        *(p for c in patient.altered if isinstance(c, Laminectomy) for p in altered.scar(c, bony)),
        *_ribs(ribbed, chest, tissues),
        *_pelvis(sacrum, tissues),
        *_bones(bony, tissues),
        *_fusion_parts(masses, shown, sacrum, tissues),
        *_bands(patient, bony),
        *decoys.in_bodies(patient, bony),
        *(Part(f"{_CLEFT} {x.level} {i}", x.solid, x.tissue) for i, x in enumerate(lucencies, start=1)),
        *(() if sacrum is None else (Part("sacral foramina", sacrum.foramina, EPIDURAL),)),
        Part("canal", hollow, CSF),
        Part("cord", _cord(knots), CORD),
    )
    # Below the first sacral body the canal is too narrow to speak for the rest.
    spinal = knots[: 2 * len(shown)]
    canal = Canal(tuple(k[0] for k in spinal), _canal_radius(spinal))
    whole = Difference(Union(tuple(bones)), holes)
    return Column(bony, sacrum, hollow, canal, parts, whole, soft, lucencies, Union(tuple(fusion)) if fusion else None)


_Knot = tuple[PointTuple, float, PointTuple]
"""Middle of the canal, its radius, and the way to the side of its outer tubes, mm."""


def _canal_line(shown: Sequence[Vertebra], sacrum: Sacrum | None) -> tuple[_Knot, ...]:
    knots: list[_Knot] = []
    for vertebra in shown:
        y, radius, offset = vertebra.shape.canal_mm
        aside = point_tuple(vertebra.axes[:, 0] * offset * vertebra.scale)
        knots += [(vertebra.place((0.0, y, z)), radius, aside) for z in canal_knots(vertebra)]
    if sacrum is not None:
        knots += [(p, r, point_tuple(sacrum.axes[:, 0] * 0.5)) for p, r in sacrum.canal_knots]
    return tuple(knots)


def _hollow(knots: Sequence[_Knot], more_mm: float) -> Solid:
    """Give the canal as three tubes side by side."""
    radii = [k[1] + more_mm for k in knots]
    pieces = []
    for share in (-1.0, 0.0, 1.0):
        points = [point_tuple(np.array(p) + share * np.array(aside)) for p, _, aside in knots]
        pieces.append(tube(points, radii))
    return Union(tuple(pieces))


def _canal_radius(knots: Sequence[_Knot]) -> float:
    return round(min(k[1] for k in knots) - _CANAL_MARGIN_MM, 2)


def _cord(knots: Sequence[_Knot]) -> Solid:
    # The cord, and below it the roots, lie towards the back of a supine patient's canal.
    points = [point_tuple(np.array(p) + np.array([0.0, 0.15 * r, 0.0])) for p, r, _ in knots]
    return tube(points, [_CORD_SHARE * k[1] for k in knots])


@dataclass(frozen=True)
class _Bony:
    """What bones are made of: shell of the arch, shell of the bodies, and what is in them."""

    cortex: Tissue
    wall: Tissue
    cancellous: Tissue


def _tissues(patient: SpinePatient) -> _Bony:
    cortical = replace(CORTICAL, hu=patient.cortical_hu)
    cancellous = replace(
        CANCELLOUS, hu=patient.cancellous_hu, texture_hu=patient.texture_hu, texture_mm=patient.texture_mm
    )
    return _Bony(cortical, replace(CORTICAL, hu=patient.wall_hu), cancellous)


def _bones(vertebrae: Sequence[Vertebra], tissues: _Bony) -> list[Part]:
    parts = []
    for v in vertebrae:
        parts.append(Part(f"{v.level} cortex", v.bone(inside=False), tissues.cortex))
        # A body's shell is thinner than an arch's: it looks less dense.
        parts.append(Part(f"{v.level} wall", v.body(inside=False), tissues.wall))
        parts.append(Part(v.level, v.bone(inside=True), tissues.cancellous))
    return parts


def _ribs(vertebrae: Sequence[Vertebra], chest: tuple[float, float, float], tissues: _Bony) -> list[Part]:
    parts = []
    for v in vertebrae:
        parts.append(Part(f"ribs {v.level} cortex", rib_pair(v, inside=False, chest_mm=chest), tissues.cortex))
        parts.append(Part(f"ribs {v.level}", rib_pair(v, inside=True, chest_mm=chest), tissues.cancellous))
    return parts


def _pelvis(sacrum: Sacrum | None, tissues: _Bony) -> list[Part]:
    if sacrum is None:
        return []
    return [
        Part("sacroiliac joints", sacrum.joints, FIBROUS),
        Part("ilia cortex", sacrum.ilia(inside=False), tissues.cortex),
        Part("ilia", sacrum.ilia(inside=True), tissues.cancellous),
        Part("sacrum cortex", sacrum.sacrum(inside=False), tissues.wall),
        Part("sacrum", sacrum.sacrum(inside=True), tissues.cancellous),
    ]


def _fusion_parts(
    masses: Sequence[FusionMass],
    shown: Sequence[Vertebra],
    sacrum: Sacrum | None,
    tissues: _Bony,
) -> list[Part]:
    parts = []
    for number, change in enumerate(masses, start=1):
        outside = altered.fusion_mass(change, shown, sacrum, inside=False)
        parts.append(Part(f"fusion mass {number} cortex", outside, tissues.cortex))
        parts.append(
            Part(f"fusion mass {number}", altered.fusion_mass(change, shown, sacrum, inside=True), FUSION_BONE)
        )
    return parts


def _between(patient: SpinePatient, shown: Sequence[Vertebra]) -> list[Part]:
    gas = {d.level: d for d in patient.decoys if isinstance(d, DiscGas)}
    parts = []
    for upper, lower in pairwise(shown):
        parts.append(Part(f"disc {upper.level}-{lower.level}", _disc(upper, lower), DISC))
        if upper.level in gas:
            parts.append(decoys.disc_gas(gas[upper.level], upper, lower))
    return parts


def _disc(upper: Vertebra, lower: Vertebra) -> Solid:
    """Give a disc that reaches into both bodies, which are to be painted over it."""
    top, bottom = np.array(upper.centre_lps), np.array(lower.centre_lps)
    above, below = upper.shape.form, lower.shape.form
    assert above is not None and below is not None
    low = top - upper.axes[:, 2] * above.lower_mm[1]
    high = bottom + lower.axes[:, 2] * below.upper_mm[1]
    left, _, right = np.linalg.svd(upper.axes + lower.axes)
    rows = tuple(point_tuple(row) for row in left @ right)
    half = [0.97 * (upper.shape.body_mm[i] + lower.shape.body_mm[i]) / 2.0 for i in (0, 1)]
    apart = float(np.linalg.norm(low - high)) / 2.0
    return EllipticColumn(point_tuple((low + high) / 2.0), (half[0], half[1], apart + 4.0), -0.02, rows)


def _lucencies(patient: SpinePatient, vertebrae: Sequence[Vertebra]) -> tuple[Lucency, ...]:
    by_level = {v.level: v for v in vertebrae}
    out: list[Lucency | None] = []
    for change in patient.altered:
        if isinstance(change, CollapsedFracture):
            out.append(altered.collapse_cleft(change, by_level[change.level]))
        elif isinstance(change, FractureLine):
            out.append(altered.fracture_line(change, by_level[change.level]))
        elif isinstance(change, JunctionalFracture):
            out.append(altered.junctional_line(change, by_level[change.level]))
    return tuple(x for x in out if x is not None)


def _bands(patient: SpinePatient, vertebrae: Sequence[Vertebra]) -> list[Part]:
    by_level = {v.level: v for v in vertebrae}
    return [
        Part(f"condensed bone {c.level}", altered.condensed_band(c, by_level[c.level]), replace(SCLEROTIC, hu=380.0))
        for c in patient.altered
        if isinstance(c, CollapsedFracture)
    ]
