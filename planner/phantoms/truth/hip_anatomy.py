"""The true anatomy of the hip phantoms: recipes and the standard one."""

import numpy as np

from planner.geometry.frames import SUPERIOR, PointTuple, point_tuple
from planner.model.implant import Side
from planner.phantoms.hip.anatomy import HipAnatomy
from planner.phantoms.hip.patient.bed import HipBed
from planner.phantoms.hip.patient.femur import Femur
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Ball, Difference, Intersection, RoundedBox, Solid
from planner.phantoms.solids.blended import Boxed
from planner.phantoms.truth.anatomy import Cap, HipPlace, TrueAnatomy, TrueBone, TrueSpace

_LATERAL_OF_AXIS_MM = 2.0
"""Whatever lies this far lateral of the shaft's axis, and topmost, is the greater trochanter. By eye."""
_REACH_MM = 60.0
"""Further from the shaft's axis than any of its bone."""
_ROUND_GREATER_MM = (_REACH_MM, _REACH_MM, 100.0)
_STANDARD_GREATER, _ROUND_STANDARD_MM = (52.0, 22.0, -9.0), (14.0, 30.0, 30.0)
"""The tip of the standard hip's greater trochanter, from the hip's centre, and half the box round it: without the neck.
By eye."""
_STANDARD_LESSER, _STANDARD_WAY = (34.0, 15.0, -57.0), (-9.5, 7.0, 0.0)
"""The root of its lesser trochanter, and the way from there to its tip."""
_ISCHIUM, _ISCHIUM_HALF = (-22.0, 32.0, -66.0), (26.0, 26.0, 26.0)
"""Middle and half edges of the box round the tuberosity, in the pelvis's frame: the lower ramus is not in it."""
_ABOUT_LESSER_MM = 14.0
"""The lesser trochanter is looked for this far above and below its middle. By eye."""


def anatomy_of_hip(bed: HipBed, *, femur: Solid, pelvis: Solid, pelvis_inside: Solid, scene: Scene) -> TrueAnatomy:
    """Give the true anatomy of a recipe's hip, and of the natural one beside it.

    Parameters
    ----------
    bed : HipBed
        The living part.
    femur, pelvis : Solid
        Envelopes of the femur with its implant, osteophytes included, and of the innominate bone with its cup.
    pelvis_inside : Solid
        What lies within the innominate bone's cortex.
    scene : Scene
        All that is scanned.

    Returns
    -------
    TrueAnatomy
    """
    side, other = bed.side, bed.other
    native = other.pelvis_bone
    opening, radius, plate = native.native_opening_lps, native.native_radius_mm, other.patient.cortex_pelvis_mm
    sacrum, openings = bed.pelvis_bone, bed.pelvis_bone.sacral_openings
    bones = (
        TrueBone(
            "sacrum", "sacrum", Difference(sacrum.sacrum, openings), Difference(sacrum.sacrum_inside, openings), "S1"
        ),
        TrueBone(
            f"pelvis-{other.side}",
            "pelvis",
            native.outside(opening, radius),
            native.inside(opening, radius, bed_wall_mm=plate),
            side=other.side,
        ),
        TrueBone(
            f"femur-{other.side}",
            "femur",
            Boxed(other.femur_bone.whole),
            Boxed(other.femur_bone.whole_inside),
            side=other.side,
        ),
        TrueBone(f"pelvis-{side}", "pelvis", pelvis, pelvis_inside, side=side),
        TrueBone(f"femur-{side}", "femur", femur, Boxed(bed.femur_inside), side=side),
    )
    cartilage = Boxed(Difference(Ball(other.centre_lps, radius), other.femur_bone.head))
    return TrueAnatomy(
        bones=bones,
        caps=(*_caps(bed.femur_bone, bed.femur, side), *_caps(other.femur_bone, other.femur_bone.whole, other.side)),
        joints=(
            TrueSpace(f"joint {side}", bed.soft_tissue.capsule),
            TrueSpace(f"joint {other.side}", cartilage),
        ),
        foramina=(TrueSpace("sacral openings", openings),),
        hip_places=(_place(bed, pelvis), _place(other, bones[1].solid)),
        scene=scene,
    )


def _place(bed: HipBed, pelvis: Solid) -> HipPlace:
    shaft, frame = bed.femur_bone.frame, bed.pelvis_bone.frame
    rows = tuple(point_tuple(row) for row in frame.axes_lps)
    half = point_tuple(np.array(_ISCHIUM_HALF) * frame.scale)
    ischium = RoundedBox(frame.place(_ISCHIUM), half, 0.0, rows)
    up = point_tuple(shaft.direction((0.0, 0.0, 1.0)))
    return HipPlace(bed.side, bed.centre_lps, shaft.origin_lps, up, Intersection((pelvis, ischium)))


def _caps(femur: Femur, solid: Solid, side: Side) -> tuple[Cap, ...]:
    frame, size = femur.frame, femur.patient.size
    rows = tuple(point_tuple(row) for row in frame.axes_lps)
    middle = tuple(_LATERAL_OF_AXIS_MM * size + h if k == 0 else 0.0 for k, h in enumerate(_ROUND_GREATER_MM))
    tip = femur.lesser_trochanter[1]
    greater = RoundedBox(frame.place(middle), _ROUND_GREATER_MM, 0.0, rows)
    lesser = RoundedBox(frame.place((0.0, 0.0, tip[2])), (_REACH_MM, _REACH_MM, _ABOUT_LESSER_MM * size), 0.0, rows)
    way = point_tuple(frame.direction((tip[0], tip[1], 0.0)))
    return caps_of(side, Intersection((solid, greater)), Intersection((solid, lesser)), way)


def caps_of(side: Side, greater: Solid, lesser: Solid, lesser_way_lps: PointTuple) -> tuple[Cap, ...]:
    """Say where both trochanters of a femur end."""
    bone = f"femur-{side}"
    return (
        Cap("trochanter tip", bone, greater, point_tuple(SUPERIOR), side),
        Cap("lesser trochanter", bone, lesser, lesser_way_lps, side),
    )


def anatomy_of_standard_hip(hip: HipAnatomy, *, pelvis: Solid, pelvis_inside: Solid, scene: Scene) -> TrueAnatomy:
    """Give the true anatomy of the standard hip phantom, a left one; there is no other side.

    Parameters
    ----------
    hip : HipAnatomy
        The living part.
    pelvis, pelvis_inside : Solid
        The innominate bone, and what lies within its cortex.
    scene : Scene
        All that is scanned.

    Returns
    -------
    TrueAnatomy
    """
    lesser = RoundedBox(hip.place(_STANDARD_LESSER), (_REACH_MM, _REACH_MM, _ABOUT_LESSER_MM))
    greater = RoundedBox(hip.place(_STANDARD_GREATER), _ROUND_STANDARD_MM)
    return TrueAnatomy(
        bones=(
            TrueBone("pelvis-left", "pelvis", Boxed(pelvis), Boxed(pelvis_inside), side="left"),
            TrueBone("femur-left", "femur", Boxed(hip.femur), Boxed(hip.femur_inside), side="left"),
        ),
        caps=caps_of("left", Intersection((hip.femur, greater)), Intersection((hip.femur, lesser)), _STANDARD_WAY),
        joints=(TrueSpace("joint left", hip.joint_capsule),),
        scene=scene,
    )
