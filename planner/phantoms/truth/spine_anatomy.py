"""The true anatomy of the spine phantoms: recipes and the standard ones."""

from collections.abc import Sequence
from itertools import pairwise

from planner.config.phantoms.spine.altered import CollapsedFracture, FractureLine, FusionMass, JunctionalFracture
from planner.config.phantoms.spine.patient import SpinePatient
from planner.geometry.frames import POSTERIOR, PointTuple, point_tuple
from planner.model.implant import Side
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Difference, RoundedBox, Solid, Union
from planner.phantoms.solids.nearby import nearby
from planner.phantoms.spine.patient.altered import fusion_mass
from planner.phantoms.spine.patient.chest import chest_oval
from planner.phantoms.spine.patient.column import Column
from planner.phantoms.spine.patient.ribs import rib_pair
from planner.phantoms.spine.patient.sacrum import Sacrum
from planner.phantoms.spine.patient.vertebrae import Vertebra
from planner.phantoms.truth.anatomy import (
    Cap,
    TrueAnatomy,
    TrueBone,
    TrueDisc,
    TrueFracture,
    TruePedicle,
    TrueSpace,
    within,
)
from planner.phantoms.truth.isthmus import isthmus

_SIDES: tuple[Side, Side] = ("left", "right")
_BESIDE_MIDLINE_MM = 6.0
"""The spinous process is looked for this near to the vertebra's own midline: no process of an arch reaches so far in.
By eye."""
_EVERYWHERE_MM = 150.0
_REACH_MM = 3.0
"""Holes further than this from a piece of bone are left away."""


def anatomy_of_column(patient: SpinePatient, column: Column, *, scene: Scene) -> TrueAnatomy:
    """Give the true anatomy of a recipe's spine.

    Parameters
    ----------
    patient : SpinePatient
        Who it is.
    column : Column
        The same patient's spine, built.
    scene : Scene
        All that is scanned.

    Returns
    -------
    TrueAnatomy
        Vertebrae are counted from the top of what is shown.
    """
    vertebrae, sacrum = column.vertebrae, column.sacrum
    names = {v.level: name_of(number) for number, v in enumerate(vertebrae, start=1)}
    bones = [*_ribs(patient, column), *_pelvis(sacrum), *_fusions(patient, column)]
    bones += [
        TrueBone(names[v.level], "vertebra", v.bone(inside=False), v.bone(inside=True), v.level) for v in vertebrae
    ]
    pedicles = tuple(_pedicle(v, names[v.level], side) for v in vertebrae for side in _SIDES)
    return TrueAnatomy(
        bones=tuple(_hollowed(bone, column.holes) for bone in bones),
        discs=_discs(column, names),
        pedicles=pedicles,
        caps=tuple(c for v in vertebrae for c in spinous_cap(v, names[v.level])),
        canal=column.hollow,
        foramina=() if sacrum is None else (TrueSpace("sacral foramina", sacrum.foramina),),
        fractures=_fractures(patient, column, names),
        scene=scene,
    )


def name_of(number: int) -> str:
    """Give the name of a vertebra, counted from the top."""
    return f"vertebra-{number}"


def _hollowed(bone: TrueBone, holes: Solid) -> TrueBone:
    solid, inside = (without(s, holes) for s in (bone.solid, bone.inside))
    return TrueBone(bone.name, bone.kind, solid, inside, bone.level, bone.side)


def without(solid: Solid, holes: Solid) -> Solid:
    """Take holes out of a solid, piece by piece, so that each keeps its small box, and only where they reach it."""
    if isinstance(solid, Union):
        return Union(tuple(without(piece, holes) for piece in solid.solids))
    return nearby(Difference(solid, holes), solid.bounds_lps, reach_mm=_REACH_MM)


def _ribs(patient: SpinePatient, column: Column) -> list[TrueBone]:
    chest = chest_oval(patient, column.vertebrae)
    found: list[TrueBone] = []
    for v in column.vertebrae:
        if v.level.startswith("T"):
            outside, inside = (rib_pair(v, inside=within_it, chest_mm=chest) for within_it in (False, True))
            found += rib_bones(outside, inside, v.level, first=len(found) + 1)
    return found


def rib_bones(outside: Solid, inside: Solid, level: str, *, first: int) -> list[TrueBone]:
    """Part a pair of ribs, the left one first, into two bones; numbered from `first` on."""
    assert isinstance(outside, Union)
    assert isinstance(inside, Union)
    pairs = zip(_SIDES, outside.solids, inside.solids, strict=True)
    return [TrueBone(f"rib-{first + n}", "rib", out, core, level, side) for n, (side, out, core) in enumerate(pairs)]


def _pelvis(sacrum: Sacrum | None) -> list[TrueBone]:
    if sacrum is None:
        return []
    wings = [sacrum.ilia(inside=within_it) for within_it in (False, True)]
    found = []
    for n, side in enumerate(_SIDES):
        outside, inside = (_half(wing, n) for wing in wings)
        found.append(TrueBone(f"ilium-{side}", "ilium", outside, inside, side=side))
    return [*found, TrueBone("sacrum", "sacrum", sacrum.sacrum(inside=False), sacrum.sacrum(inside=True), "S1")]


def _half(wings: Solid, number: int) -> Solid:
    """Give the left (0) or the right (1) half of both wings' pieces."""
    assert isinstance(wings, Union)
    count = len(wings.solids) // 2
    return Union(wings.solids[number * count : (number + 1) * count])


def _fusions(patient: SpinePatient, column: Column) -> list[TrueBone]:
    shown, found = _shown(column), []
    masses = [c for c in patient.altered if isinstance(c, FusionMass)]
    for n, change in enumerate(masses, start=1):
        outside, inside = (fusion_mass(change, shown, column.sacrum, inside=within_it) for within_it in (False, True))
        found.append(TrueBone(f"fusion-mass-{n}", "other", outside, inside))
    return found


def _shown(column: Column) -> tuple[Vertebra, ...]:
    return column.vertebrae if column.sacrum is None else (*column.vertebrae, column.sacrum.s1)


def _discs(column: Column, names: dict[str, str]) -> tuple[TrueDisc, ...]:
    solids = {p.name: p.solid for p in column.parts}
    found = []
    for upper, lower in pairwise(_shown(column)):
        # Its space from endplate to endplate: that of the bodies and of the canal is taken out.
        taken = Union((upper.body(inside=False), lower.body(inside=False), column.hollow))
        space = Difference(solids[f"disc {upper.level}-{lower.level}"], taken)
        found.append(TrueDisc(names[upper.level], names.get(lower.level, "sacrum"), space))
    return tuple(found)


def _pedicle(vertebra: Vertebra, name: str, side: Side) -> TruePedicle:
    built = vertebra.pedicle(side)
    return TruePedicle(name, vertebra.level, side, built.centre_lps, built.inward_lps, built.width_mm, built.height_mm)


def spinous_cap(vertebra: Vertebra, name: str) -> tuple[Cap, ...]:
    """Say where a vertebra's spinous process ends; nothing where a laminectomy took it."""
    if not (vertebra.shape.spinous or vertebra.shape.midline):
        return ()
    rows = _rows(vertebra)
    half = (_BESIDE_MIDLINE_MM, _EVERYWHERE_MM, _EVERYWHERE_MM)
    beside = RoundedBox(vertebra.centre_lps, half, 0.0, rows)
    return (Cap("spinous process", name, within(vertebra.bone(inside=False), beside), point_tuple(POSTERIOR)),)


def _rows(vertebra: Vertebra) -> tuple[PointTuple, ...]:
    return tuple(point_tuple(row) for row in vertebra.axes)


def _fractures(patient: SpinePatient, column: Column, names: dict[str, str]) -> tuple[TrueFracture, ...]:
    broken = (CollapsedFracture, JunctionalFracture, FractureLine)
    levels = dict.fromkeys(c.level for c in patient.altered if isinstance(c, broken))
    opened = {level for level, _ in column.clefts}
    return tuple(
        TrueFracture(names[level], level, *height_losses(column.vertebra(level)), level in opened) for level in levels
    )


def height_losses(vertebra: Vertebra) -> tuple[float, float, float]:
    """Give the shares of its height that a body has lost in front, in the middle and behind; fractures give way above.

    The lower half of a body still has the height that the upper half had.
    """
    form = vertebra.shape.form
    if form is None:
        return 0.0, 0.0, 0.0
    front, middle, back = (
        (below - above) / (2.0 * below) for above, below in zip(form.upper_mm, form.lower_mm, strict=True)
    )
    return front, middle, back


def anatomy_of_vertebrae(
    vertebrae: Sequence[Vertebra], hollow: Solid, discs: Sequence[Solid], *, ribs: bool, scene: Scene
) -> TrueAnatomy:
    """Give the true anatomy of a standard spine phantom.

    Parameters
    ----------
    vertebrae : sequence of Vertebra
        From the top down.
    hollow : Solid
        The canal.
    discs : sequence of Solid
        From the top down; bodies are painted over them.
    ribs : bool
        Whether it has ribs.
    scene : Scene
        All that is scanned.

    Returns
    -------
    TrueAnatomy
    """
    names = [name_of(number) for number in range(1, len(vertebrae) + 1)]
    bones: list[TrueBone] = []
    for v in vertebrae if ribs else ():
        bones += rib_bones(v.ribs(inside=False), v.ribs(inside=True), v.level, first=len(bones) + 1)
    bones += [
        TrueBone(name, "vertebra", v.bone(inside=False), v.bone(inside=True), v.level)
        for name, v in zip(names, vertebrae, strict=True)
    ]
    spaces = []
    for (above, below), (upper, lower), solid in zip(pairwise(names), pairwise(vertebrae), discs, strict=True):
        taken = Union((upper.body(inside=False), lower.body(inside=False), hollow))
        spaces.append(TrueDisc(above, below, Difference(solid, taken)))
    return TrueAnatomy(
        bones=tuple(_hollowed(bone, hollow) for bone in bones),
        discs=tuple(spaces),
        pedicles=tuple(
            _measured_pedicle(v, name, side, hollow)
            for name, v in zip(names, vertebrae, strict=True)
            for side in _SIDES
        ),
        caps=tuple(c for name, v in zip(names, vertebrae, strict=True) for c in spinous_cap(v, name)),
        canal=hollow,
        scene=scene,
    )


def _measured_pedicle(vertebra: Vertebra, name: str, side: Side, hollow: Solid) -> TruePedicle:
    """Measure the isthmus between the body's back wall and the canal's back; the first two struts are the pedicle."""
    sign = 1.0 if side == "left" else -1.0
    (start, stop, *_), (upper, *_) = vertebra.shape.struts[:2]
    y_canal, radius, _ = vertebra.shape.canal_mm

    def place(y: float) -> PointTuple:
        share = (y - start[1]) / (stop[1] - start[1])
        x = start[0] + share * (stop[0] - start[0])
        return vertebra.place((sign * x, y, (start[2] + upper[2]) / 2.0))

    bone = without(vertebra.bone(inside=False), hollow)
    back, front = place(y_canal + 0.5 * radius), place(vertebra.shape.body_mm[1])
    found = isthmus(bone, back, front, point_tuple(vertebra.axes[:, 2]))
    return TruePedicle(name, vertebra.level, side, found.centre_lps, found.inward_lps, found.width_mm, found.height_mm)
