"""The zone of places round an implant, by the names that a plan uses."""

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import LEFT, Array
from planner.geometry.implant_zones import SCREW_ZONES, charnley_zones, gruen_zones, screw_zones
from planner.model.anatomy import Anatomy
from planner.model.implant import Implant

_SCREWS = ("pedicle_screw", "cup_screw")


def zones_at(anatomy: Anatomy, implant: Implant | None, points_lps: Array) -> tuple[str, ...]:
    """Name the zone of each place.

    Parameters
    ----------
    anatomy : Anatomy
        Tells a stem's head, which says where medial is.
    implant : Implant or None
        The implant.
    points_lps : ndarray, shape (N, 3)
        The places, LPS mm.

    Returns
    -------
    tuple of str
        N names ("gruen-3", "charnley-1", "screw-tip"); empty where the implant has no zones, or its axis (of a cup
        sphere and opening) or side is not known.
    """
    if implant is None or not len(points_lps):
        return ()
    if implant.kind == "femoral_stem":
        return _gruen(anatomy, implant, points_lps)
    if implant.kind == "acetabular_cup":
        ball = implant.sphere
        if ball is None or ball.opening_lps is None:
            return ()
        centre, opening = np.array(ball.centre_lps), np.array(ball.opening_lps)
        return _named("charnley", charnley_zones(points_lps, centre, opening, implant.side))
    if implant.kind in _SCREWS and implant.axis is not None and implant.axis.diameter_mm is not None:
        head, tip = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
        length = float(np.linalg.norm(tip - head))
        along = (points_lps - head) @ ((tip - head) / length)
        number = screw_zones(along, length, along > length - 0.5 * implant.axis.diameter_mm)
        return tuple(map(SCREW_ZONES.__getitem__, number.tolist()))
    return ()


def _gruen(anatomy: Anatomy, stem: Implant, points_lps: Array) -> tuple[str, ...]:
    if stem.axis is None or stem.side is None:
        return ()
    shoulder, tip = np.array(stem.axis.head_lps), np.array(stem.axis.tip_lps)
    heads = [i for i in anatomy.implants if i.kind == "femoral_head" and i.side == stem.side and i.sphere is not None]
    medial = np.asarray(LEFT) * (-1.0 if stem.side == "left" else 1.0)
    if heads and heads[0].sphere is not None:
        medial = np.array(heads[0].sphere.centre_lps) - shoulder
    return _named("gruen", gruen_zones(points_lps, shoulder, tip, medial))


def _named(kind: str, numbers: npt.NDArray[np.int64]) -> tuple[str, ...]:
    names = {k: f"{kind}-{k}" for k in np.unique(numbers).tolist()}
    return tuple(map(names.__getitem__, numbers.tolist()))
