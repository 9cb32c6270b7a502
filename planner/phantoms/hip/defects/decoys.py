"""What may fool a reader of the hip phantom though nothing is wrong; places set by eye."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.config.phantoms.hip.decoys import (
    ArterialCalcification,
    BladderContrast,
    BoneIsland,
    BowelContrast,
    BowelGas,
    EcgLead,
    HeterotopicOssification,
    HipDecoy,
    MarrowFat,
    NutrientCanal,
    VascularChannels,
    VesselContrast,
)
from planner.geometry.frames import PointsLps, PointTuple, point_tuple, unit
from planner.phantoms.hip.patient.femur import Femur
from planner.phantoms.hip.patient.pelvis import Pelvis
from planner.phantoms.hip.patient.sections import Station, rod
from planner.phantoms.hip.patient.soft_tissue import SoftTissue
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import (
    Ball,
    Cylinder,
    Difference,
    Ellipsoid,
    Grown,
    Intersection,
    RoundCone,
    Solid,
    Union,
    tube,
)
from planner.phantoms.tissues import (
    BONE_ISLAND,
    BOWEL_GAS,
    CANCELLOUS,
    CORTICAL,
    ECG_LEAD,
    ORGAN,
    YELLOW_MARROW,
    Tissue,
)

_CHANNEL = Tissue("vascular channel", -20.0)
_PLAQUE = Tissue("calcified plaque", 650.0)
_GAP_BY_BROOKER = {2: 14.0, 3: 6.0}
"""Between the spurs, mm: over and under 1 cm, as the grades ask."""


@dataclass(frozen=True)
class Surroundings:
    """What decoys are laid into.

    Parameters
    ----------
    femur, pelvis, soft_tissue : Femur, Pelvis, SoftTissue
        The living parts.
    pelvis_outside, body : Solid
        Outside of the innominate bone as it is drawn, and of the body.
    """

    femur: Femur
    pelvis: Pelvis
    soft_tissue: SoftTissue
    pelvis_outside: Solid
    body: Solid


def decoy_parts(decoys: tuple[HipDecoy, ...], around: Surroundings) -> tuple[list[Part], list[Part]]:
    """Draw the decoys.

    Parameters
    ----------
    decoys : tuple of HipDecoy
        What to draw.
    around : Surroundings
        What to lay them into.

    Returns
    -------
    soft, hard : list of Part
        What is painted after the soft tissue but before the bones, and what is painted after the bones.
    """
    soft = [part for decoy in decoys if decoy.kind in _SOFT for part in _SOFT[decoy.kind](decoy, around)]
    hard = [part for decoy in decoys if decoy.kind in _HARD for part in _HARD[decoy.kind](decoy, around)]
    return soft, hard


def _bowel_gas(decoy: BowelGas, around: Surroundings) -> list[Part]:
    # The loop itself was made to the decoy's radius.
    return [Part(decoy.kind, around.soft_tissue.bowel_gas, BOWEL_GAS)]


def _bowel_contrast(decoy: BowelContrast, around: Surroundings) -> list[Part]:
    within = Difference(Grown(around.soft_tissue.bowel, -2.5), around.soft_tissue.bowel_gas)
    return [Part(decoy.kind, within, Tissue(decoy.kind, decoy.hu, 15.0, 6.0, "iodine in water"))]


def _vessel_contrast(decoy: VesselContrast, around: Surroundings) -> list[Part]:
    soft = around.soft_tissue
    vessels = (("vein with contrast", soft.vein, decoy.vein_hu), ("artery with contrast", soft.artery, decoy.artery_hu))
    return [Part(name, solid, Tissue(name, hu, material="iodine in water")) for name, solid, hu in vessels]


def _bladder_contrast(decoy: BladderContrast, around: Surroundings) -> list[Part]:
    return [Part(decoy.kind, around.soft_tissue.bladder, Tissue(decoy.kind, decoy.hu, material="iodine in water"))]


def _calcification(decoy: ArterialCalcification, around: Surroundings) -> list[Part]:
    soft = around.soft_tissue
    wall = Difference(Grown(soft.artery, 0.5), Grown(soft.artery, -1.1))
    course = np.array([p for p, _ in soft.artery_stations])
    plaques = []
    for number in range(decoy.plaques):
        along = 0.6 + number * (len(course) - 1.8) / decoy.plaques
        first, share = int(along), along % 1.0
        middle = course[first] + share * (course[first + 1] - course[first])
        turn = 2.4 * number + 0.8
        side = middle + np.array([np.cos(turn), np.sin(turn), 0.0]) * 4.0
        ball = Ball(soft.muscles.frame.place(side), 3.4 + 0.5 * (number % 3))
        plaques.append(Intersection((wall, ball)))
    return [Part(decoy.kind, Union(tuple(plaques)), _PLAQUE)]


def _ossification(decoy: HeterotopicOssification, around: Surroundings) -> list[Part]:
    s = around.femur.patient.size
    start = np.array(around.femur.frame.place((14.0 * s, 6.0 * s, 50.0 * s)))
    stop = np.array(around.pelvis.frame.place((12.0, 4.0, 42.0)))
    way, length = unit(stop - start), float(np.linalg.norm(stop - start))
    shapes: list[RoundCone]
    if decoy.brooker == 1:
        aside = around.femur.body.direction((1.0, 0.2, 0.0))
        middles = [start + share * length * way + 4.0 * aside for share in (0.3, 0.62)]
        shapes = [RoundCone(point_tuple(m - 4.0 * way), point_tuple(m + 3.0 * way), 4.6, 3.4) for m in middles]
    else:
        # The round tips count: their radius is part of each spur.
        tip_mm, half = 3.0, (length - _GAP_BY_BROOKER[decoy.brooker]) / 2.0
        ends = ((start - 6.0 * way, start + (half - tip_mm) * way), (stop + 6.0 * way, stop - (half - tip_mm) * way))
        shapes = [RoundCone(point_tuple(a), point_tuple(b), 6.0, tip_mm) for a, b in ends]
    return [
        Part(decoy.kind, Union(tuple(shapes)), CORTICAL),
        Part(f"{decoy.kind}, inside", Union(tuple(Grown(shape, -1.2) for shape in shapes)), CANCELLOUS),
    ]


def _on_skin(body: Solid, inner_lps: PointTuple, outward: tuple[float, float, float]) -> PointTuple:
    """Give the point of the skin straight out from an inner one, to a hundredth of a millimetre."""
    start, way, near, far = np.array(inner_lps), np.array(outward), 0.0, 300.0
    while far - near > 0.01:
        middle = (near + far) / 2.0
        inside = body.distance_mm(PointsLps((start + middle * way)[None]))[0] <= 0.0
        near, far = (middle, far) if inside else (near, middle)
    return point_tuple(start + near * way)


def _ecg_lead(decoy: EcgLead, around: Surroundings) -> list[Part]:
    frame = around.soft_tissue.muscles.frame
    front = (0.0, -1.0, 0.0)
    # Across the groin, within the field of a scan of one hip.
    course = [(38.0 - 9.0 * n, 0.0, 14.0 + 4.0 * n + 5.0 * np.sin(1.3 * n)) for n in range(11)]
    skin = [np.array(_on_skin(around.body, frame.place(p), front)) for p in course]
    wire = [point_tuple(p + np.array([0.0, -2.5, 0.0])) for p in skin]
    pad = Cylinder(point_tuple(skin[0]), point_tuple(skin[0] + np.array([0.0, -2.5, 0.0])), 14.0)
    snap = Cylinder(
        point_tuple(skin[0] + np.array([0.0, -2.0, 0.0])), point_tuple(skin[0] + np.array([0.0, -5.0, 0.0])), 4.0
    )
    return [
        Part("electrode's pad", pad, ORGAN),
        Part(decoy.kind, Union((tube(wire, [decoy.wire_mm / 2.0] * len(wire)), snap)), ECG_LEAD),
    ]


def _bone_island(decoy: BoneIsland, around: Surroundings) -> list[Part]:
    s, r = around.femur.patient.size, decoy.radius_mm
    in_femur = {"greater trochanter": (9.0 * s, 4.0 * s, 30.0 * s), "metaphysis": (-8.0 * s, 0.0, 2.0)}
    in_pelvis = {"ischium": (-20.0, 32.0, -52.0), "ilium": (-4.0, 6.0, 34.0)}
    if decoy.where in in_femur:
        centre, bone = around.femur.frame.place(in_femur[decoy.where]), around.femur.outside
    else:
        centre, bone = around.pelvis.frame.place(in_pelvis[decoy.where]), around.pelvis_outside
    spot = Union((Ellipsoid(centre, (r, 0.75 * r, 0.9 * r)), Ellipsoid(centre, (0.4 * r, 0.5 * r, 1.25 * r))))
    return [Part(decoy.kind, Intersection((spot, bone)), BONE_ISLAND)]


def _nutrient_canal(decoy: NutrientCanal, around: Surroundings) -> list[Part]:
    femur, low = around.femur, -decoy.below_mm
    way = unit([-0.6, 0.8, 0.0])
    (_, inner), wall = femur.canal_half_widths_mm(low + decoy.up_mm), femur.cortex_mm(low)
    starts = (low - 3.0, inner + wall + 2.0), (low + decoy.up_mm, inner - 0.5)
    ends = [femur.frame.offsets(PointsLps(np.array(femur.canal_axis(h)))) + way * r for h, r in starts]
    radius = decoy.diameter_mm / 2.0
    channel = rod(femur.frame, tuple((point_tuple(e), radius) for e in ends))
    return [Part(decoy.kind, Intersection((channel, femur.outside)), _CHANNEL)]


def _vascular_channels(decoy: VascularChannels, around: Surroundings) -> list[Part]:
    radius = decoy.diameter_mm / 2.0
    femur, pelvis = around.femur, around.pelvis
    in_femur: list[Solid] = []
    for height, turn in ((4.0, 0.3), (-14.0, 2.2), (12.0, 4.0), (-30.0, 5.3)):
        way = np.array([np.cos(turn), np.sin(turn), 0.25])
        middle = femur.frame.offsets(PointsLps(np.array(femur.canal_axis(height))))
        wide, deep = femur.canal_half_widths_mm(height)
        ends: tuple[Station, ...] = (
            (point_tuple(middle + way * 0.7 * deep), radius),
            (point_tuple(middle + way * (wide + 12.0)), radius),
        )
        in_femur.append(rod(femur.frame, ends))
    places = (((-10.0, 0.0, 62.0), (30.0, 4.0, 70.0)), ((-30.0, 30.0, 50.0), (10.0, 44.0, 56.0)))
    in_pelvis = [
        rod(pelvis.frame, ((a, radius / pelvis.frame.scale), (b, radius / pelvis.frame.scale))) for a, b in places
    ]
    return [
        Part("channels of the femur", Intersection((Union(tuple(in_femur)), femur.outside)), _CHANNEL),
        Part("channels of the ilium", Intersection((Union(tuple(in_pelvis)), around.pelvis_outside)), _CHANNEL),
    ]


def _marrow_fat(decoy: MarrowFat, around: Surroundings) -> list[Part]:
    s, r = around.femur.patient.size, decoy.radius_mm
    centre = around.femur.frame.place((9.0 * s, 3.0 * s, 20.0 * s))
    return [
        Part(decoy.kind, Intersection((Ellipsoid(centre, (r, 0.9 * r, 1.25 * r)), around.femur.inside)), YELLOW_MARROW)
    ]


_Drawn = Callable[..., list[Part]]
_SOFT: dict[str, _Drawn] = {
    "bowel contrast": _bowel_contrast,
    "bowel gas": _bowel_gas,
    "vessel contrast": _vessel_contrast,
    "bladder contrast": _bladder_contrast,
    "arterial calcification": _calcification,
    "heterotopic ossification": _ossification,
    "ECG lead": _ecg_lead,
}
_HARD: dict[str, _Drawn] = {
    "bone island": _bone_island,
    "nutrient canal": _nutrient_canal,
    "vascular channels": _vascular_channels,
    "marrow fat": _marrow_fat,
}
