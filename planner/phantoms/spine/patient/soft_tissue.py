"""Trunk, muscles, organs and vessels round the spine phantoms."""

from dataclasses import dataclass

from planner.geometry.frames import PointTuple
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import (
    Difference,
    Ellipsoid,
    Grown,
    HalfSpace,
    Intersection,
    Solid,
    Union,
    tube,
)
from planner.phantoms.solids.columns import EllipticColumn
from planner.phantoms.tissues import BLOOD, BOWEL_GAS, FAT, LUNG, MUSCLE, ORGAN, SKIN
from planner.phantoms.truth.facts import Structure

_TALL_MM = 400.0
_SKIN_MM = 1.6
_BACK_MM = 1.5


@dataclass(frozen=True)
class SoftTissue:
    """What lies round the bones.

    Parameters
    ----------
    body : Solid
        All within the skin.
    parts : tuple of Part
        In painter's order, skin first.
    structures : tuple of Structure
        What no needle may cross: lung, bowel, great vessels, the front of the spine.
    """

    body: Solid
    parts: tuple[Part, ...]
    structures: tuple[Structure, ...]


def _column(x: float, y: float, half_x: float, half_y: float) -> Solid:
    return EllipticColumn((x, y, 0.0), (half_x, half_y, _TALL_MM))


def _trunk(middle_y: float, half_x: float, half_y: float, back_y: float) -> Solid:
    """Give an elliptic trunk that lies flat on its back."""
    return Intersection((_column(0.0, middle_y, half_x, half_y), HalfSpace((0.0, back_y, 0.0), (0.0, 1.0, 0.0))))


def _vessel(line: tuple[PointTuple, ...], radius_mm: float) -> Solid:
    return tube(line, [radius_mm] * len(line))


def lumbar_soft_tissue() -> SoftTissue:
    """Give the abdomen round L3-L5: liver on the right, gas in bowel in front, aorta on the left."""
    body = _trunk(-18.0, 132.0, 96.0, 76.0)
    aorta = _vessel(((9.0, -31.0, 120.0), (7.0, -30.0, 20.0), (3.0, -29.0, -18.0), (24.0, -24.0, -90.0)), 8.0)
    iliac = _vessel(((3.0, -29.0, -18.0), (-22.0, -27.0, -90.0)), 6.0)
    cava = _vessel(((-19.0, -29.0, 120.0), (-16.0, -27.0, -20.0), (-30.0, -18.0, -95.0)), 9.5)
    bowel = Union(
        (
            Ellipsoid((12.0, -80.0, 8.0), (42.0, 17.0, 30.0)),
            Ellipsoid((84.0, -22.0, 0.0), (17.0, 20.0, 70.0)),
            Ellipsoid((-80.0, -38.0, -38.0), (22.0, 24.0, 34.0)),
            Ellipsoid((38.0, -58.0, -40.0), (26.0, 18.0, 20.0)),
        )
    )
    gas = Union(
        (
            Ellipsoid((14.0, -86.0, 8.0), (30.0, 8.0, 22.0)),
            Ellipsoid((84.0, -28.0, 6.0), (10.0, 9.0, 40.0)),
            Ellipsoid((-80.0, -46.0, -36.0), (13.0, 11.0, 18.0)),
        )
    )
    psoas = Union(
        tuple(
            tube(((s * 33.0, 2.0, 90.0), (s * 38.0, 0.0, 20.0), (s * 43.0, -5.0, -80.0)), [11.0, 17.0, 20.0])
            for s in (-1.0, 1.0)
        )
    )
    back = Union(
        tuple(_column(s * x, y, a, b) for s in (-1.0, 1.0) for x, y, a, b in ((33, 47, 30, 20), (62, 24, 17, 11)))
    )
    cavity = _column(0.0, -32.0, 106.0, 62.0)
    parts = (
        Part("skin", body, SKIN),
        Part("subcutaneous fat", Grown(body, -_SKIN_MM), FAT),
        Part("abdominal wall", _column(0.0, -28.0, 116.0, 72.0), MUSCLE),
        Part("abdominal fat", cavity, FAT),
        Part("liver", Ellipsoid((-64.0, -32.0, 72.0), (42.0, 44.0, 44.0)), ORGAN),
        Part("left kidney", Ellipsoid((64.0, 8.0, 64.0), (20.0, 19.0, 40.0)), ORGAN),
        Part("right kidney", Ellipsoid((-66.0, 6.0, 44.0), (20.0, 19.0, 44.0)), ORGAN),
        Part("bowel", bowel, ORGAN),
        Part("bowel gas", gas, BOWEL_GAS),
        Part("psoas", psoas, MUSCLE),
        Part("back muscles", back, MUSCLE),
        Part("interspinous ligaments", _column(0.0, 42.0, 7.0, 22.0), MUSCLE),
        Part("paravertebral tissue", _column(0.0, 8.0, 29.0, 27.0), MUSCLE),
        Part("vessels", Union((aorta, iliac, cava)), BLOOD),
    )
    front = HalfSpace((0.0, -_BACK_MM, 0.0), (0.0, 1.0, 0.0))
    structures = (
        Structure("front of the spine", Intersection((front, Grown(body, -_SKIN_MM)))),
        Structure("bowel", Union((bowel, gas))),
        Structure("great vessels", Union((aorta, iliac, cava))),
    )
    return SoftTissue(body, parts, structures)


def thoracic_soft_tissue() -> SoftTissue:
    """Give the chest round T7-T9: heart in front on the left, aorta beside the spine on the left."""
    body = _trunk(-20.0, 132.0, 96.0, 68.0)
    aorta = _vessel(((21.0, -14.0, 120.0), (19.0, -17.0, 20.0), (13.0, -22.0, -120.0)), 11.0)
    azygos = _vessel(((-7.0, -20.0, 120.0), (-6.0, -21.0, -120.0)), 3.8)
    oesophagus = _vessel(((2.0, -27.0, 120.0), (6.0, -33.0, -120.0)), 6.5)
    chest = _column(0.0, -18.0, 103.0, 70.0)
    heart = Ellipsoid((26.0, -58.0, -14.0), (46.0, 32.0, 70.0))
    middle = Union((_column(0.0, -4.0, 20.0, 32.0), _column(0.0, -45.0, 18.0, 40.0)))
    behind = _column(0.0, 48.0, 66.0, 25.0)
    diaphragm = Ellipsoid((-52.0, -24.0, -98.0), (52.0, 50.0, 66.0))
    # Beside the spine rib heads, ligaments and fat hold the pleura off: the way of an extrapedicular needle.
    gutter = _column(0.0, 16.0, 36.0, 22.0)
    lungs = Difference(chest, Union((heart, middle, behind, gutter, diaphragm)))
    muscles = Union(
        tuple(_column(s * x, y, a, b) for s in (-1.0, 1.0) for x, y, a, b in ((24, 49, 23, 13), (66, 40, 34, 14)))
    )
    parts = (
        Part("skin", body, SKIN),
        Part("subcutaneous fat", Grown(body, -_SKIN_MM), FAT),
        Part("chest wall", _column(0.0, -18.0, 116.0, 82.0), MUSCLE),
        Part("back muscles", muscles, MUSCLE),
        Part("lungs", chest, LUNG),
        Part("mediastinum", middle, FAT),
        Part("liver", Intersection((diaphragm, chest)), ORGAN),
        Part("heart", heart, BLOOD),
        Part("paravertebral fat", gutter, FAT),
        Part("paravertebral tissue", behind, MUSCLE),
        Part("oesophagus", oesophagus, MUSCLE),
        Part("vessels", Union((aorta, azygos)), BLOOD),
    )
    front = HalfSpace((0.0, -_BACK_MM, 0.0), (0.0, 1.0, 0.0))
    structures = (
        Structure("front of the spine", Intersection((front, Grown(body, -_SKIN_MM)))),
        Structure("lungs", lungs),
        Structure("great vessels", Union((aorta, azygos))),
    )
    return SoftTissue(body, parts, structures)
