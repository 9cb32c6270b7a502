"""Implants of a plan against those that were built: place, axis, diameter, kind, side, level, loosening."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, unit
from planner.geometry.rays import segment_distance_mm
from planner.model.implant import Implant, ImplantKind, ImplantSphere, Loosening, Side
from planner.model.record import NotNegative, Record
from planner.phantoms.score.matching import pair_up
from planner.phantoms.truth.document import ImplantTruth

_SCREWS = ("pedicle_screw", "cup_screw")
_SCREW_TIP_MM = 6.0
"""A screw whose tip lies farther off was not found: neighbours' tips lie 10 mm apart and more. Set by eye."""
_PLACE_MM = 30.0
"""The middle of any other implant may be this far off, so that a stem found too short still counts. Set by eye."""
_ON_SHAFT_MM = 8.0
"""Both ends of a broken stem's piece lie this near to the stem that was told as one: half of its width. Set by eye."""
_MM_OF_TURN = 10.0
"""A turn by one radian costs as much as this distance: of two screws at one tip, the parallel one is meant."""


class ImplantScore(Record):
    """One implant: as it was built, as it was found, or both.

    An implant that was missed has no `found_id`, one that was invented no `true_id`. Errors are None where one side
    does not tell the figure.
    """

    true_id: str | None
    found_id: str | None
    kind: ImplantKind | None
    found_kind: ImplantKind | None
    tip_error_mm: NotNegative | None
    """Of a screw never more than 6 mm: one farther off is missed, and another one invented."""
    head_error_mm: NotNegative | None
    centroid_error_mm: NotNegative | None
    """Of a head or a cup: from the middle of its metal as found to the true one."""
    centre_error_mm: NotNegative | None
    """Of a head or a cup: from the centre of the sphere as fitted to the true one."""
    axis_error_deg: NotNegative | None
    diameter_error_mm: float | None
    """Found less true."""
    volume_error: float | None
    """Of the metal, as a share of the true volume: found less true; None where the scan cuts the implant."""
    length_error_mm: float | None
    """Found less true."""
    side: Side | None
    found_side: Side | None
    level: str | None
    found_level: str | None
    loose: bool | None
    """Whether it was built loose; None for what is never loose."""
    loosening: Loosening | None
    """What a reader of this one scan should call it."""
    found_loosening: Loosening | None


def score_implants(found: Sequence[Implant], true: Sequence[ImplantTruth]) -> tuple[ImplantScore, ...]:
    """Hold implants against those that were built.

    Parameters
    ----------
    found : sequence of Implant
        The plan's.
    true : sequence of ImplantTruth
        The truth's.

    Returns
    -------
    tuple of ImplantScore
        One for each that was built, in the truth's order, then one for each that was invented.

    Notes
    -----
    Implants of one kind are paired first; what is left over is then paired by place alone, as found but mistaken for
    another kind. Both pieces of a broken stem that was told as one are paired with it; of each the end that it shares
    with it is scored, and no length or volume.
    """
    cost, near = _distances(found, true)
    same = np.array([[t.kind == f.kind for f in found] for t in true], dtype=bool).reshape(cost.shape)
    pairs = dict(pair_up(cost, near & same))
    left = near & ~same & np.isfinite(cost)
    left[list(pairs), :] = False
    left[:, list(pairs.values())] = False
    pairs.update(pair_up(cost, left))
    pairs.update({k: column for k, t in enumerate(true) for column, f in enumerate(found) if _is_piece_of(t, f)})
    rows = [_scored(t, found[pairs[k]] if k in pairs else None) for k, t in enumerate(true)]
    invented = [f for k, f in enumerate(found) if k not in pairs.values()]
    return (*rows, *(_scored(None, f) for f in invented))


def _distances(found: Sequence[Implant], true: Sequence[ImplantTruth]) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Give what each pair costs in mm, and which pairs are near enough to be one implant."""
    cost = np.zeros((len(true), len(found)))
    near = np.zeros(cost.shape, dtype=bool)
    for row, t in enumerate(true):
        for column, f in enumerate(found):
            cost[row, column], near[row, column] = _distance(t, f)
    return cost, near


def _distance(true: ImplantTruth, found: Implant) -> tuple[float, bool]:
    ends, found_ends = _ends(true), _found_ends(found, true)
    if ends is not None and found_ends is not None and true.kind in _SCREWS:
        tip_mm = float(np.linalg.norm(ends[1] - found_ends[1]))
        turn = float(np.linalg.norm(unit(ends[1] - ends[0]) - unit(found_ends[1] - found_ends[0])))
        return tip_mm + _MM_OF_TURN * turn, tip_mm <= _SCREW_TIP_MM
    if ends is None:
        apart_mm = _centroid_error_mm(true, found)
        if apart_mm is not None:
            return apart_mm, apart_mm <= _PLACE_MM
        # Cases of other makers tell no place of what has no axis (a cup, a head): kind and side must do.
        return 0.0, true.kind == found.kind and (None in (true.side, found.side) or true.side == found.side)
    middle = np.asarray(found.centroid_lps) if found_ends is None else found_ends.mean(axis=0)
    apart_mm = float(np.linalg.norm(ends.mean(axis=0) - middle))
    return apart_mm, apart_mm <= _PLACE_MM


def _is_piece_of(true: ImplantTruth, found: Implant) -> bool:
    """Whether a piece of a broken stem lies along a longer stem that was told as one."""
    ends, found_ends = _ends(true), _found_ends(found, true)
    if not true.broken or not true.kind == "femoral_stem" == found.kind or ends is None or found_ends is None:
        return False
    off_mm = float(segment_distance_mm(ends, found_ends[0], found_ends[1]).max())
    longer_mm = float(np.linalg.norm(found_ends[1] - found_ends[0]) - np.linalg.norm(ends[1] - ends[0]))
    return off_mm <= _ON_SHAFT_MM < longer_mm


def _ends(true: ImplantTruth) -> Array | None:
    if true.head is None or true.tip is None:
        return None
    return np.array([true.head, true.tip], dtype=np.float64)


def _centroid_error_mm(true: ImplantTruth, found: Implant) -> float | None:
    """Give how far the middle of the metal is off; of what has an axis, or no told place, None."""
    place = true.centroid or true.centre
    return None if place is None else float(np.linalg.norm(np.subtract(found.centroid_lps, place)))


def _found_ends(found: Implant, true: ImplantTruth) -> Array | None:
    """Give head and tip as found; of a rod, whose ends are alike, in the order that fits the truth."""
    if found.axis is None:
        return None
    ends, right = np.array([found.axis.head_lps, found.axis.tip_lps], dtype=np.float64), _ends(true)
    if true.kind == "rod" and right is not None:
        forth, back = (float(np.linalg.norm(order - right, axis=1).sum()) for order in (ends, ends[::-1]))
        return ends if forth <= back else ends[::-1]
    return ends


def _scored(true: ImplantTruth | None, found: Implant | None) -> ImplantScore:
    errors = _errors(true, found) if true is not None and found is not None else {}
    return ImplantScore(
        true_id=None if true is None else true.id,
        found_id=None if found is None else found.id,
        kind=None if true is None else true.kind,
        found_kind=None if found is None else found.kind,
        tip_error_mm=errors.get("tip"),
        head_error_mm=errors.get("head"),
        centroid_error_mm=errors.get("centroid"),
        centre_error_mm=errors.get("centre"),
        axis_error_deg=errors.get("axis"),
        diameter_error_mm=errors.get("diameter"),
        volume_error=errors.get("volume"),
        length_error_mm=errors.get("length"),
        side=None if true is None else true.side,
        found_side=None if found is None else found.side,
        level=None if true is None else true.level,
        found_level=None if found is None else found.level,
        loose=None if true is None else true.loose,
        loosening=None if true is None else true.loosening,
        found_loosening=None if found is None else found.loosening,
    )


def _errors(true: ImplantTruth, found: Implant) -> dict[str, float]:
    """Give the errors that can be told, of an implant that was taken for what it is."""
    ends, found_ends = _ends(true), _found_ends(found, true)
    if true.kind != found.kind:
        return {}
    errors: dict[str, float] = {}
    middle_mm = None if true.centroid is None else _centroid_error_mm(true, found)
    if middle_mm is not None:
        errors["centroid"] = middle_mm
    if true.volume_ml and found.volume_ml is not None and not found.is_cut:
        errors["volume"] = found.volume_ml / true.volume_ml - 1.0
    if found.sphere is not None:
        errors.update(_sphere_errors(true, found.sphere))
    if found.axis is None:
        return errors
    if ends is not None and found_ends is not None:
        errors["head"], errors["tip"] = (float(v) for v in np.linalg.norm(found_ends - ends, axis=1))
        cosine = float(unit(ends[1] - ends[0]) @ unit(found_ends[1] - found_ends[0]))
        errors["axis"] = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    if true.diameter_mm is not None and found.axis.diameter_mm is not None:
        errors["diameter"] = found.axis.diameter_mm - true.diameter_mm
    if true.length_mm is not None:
        errors["length"] = found.axis.length_mm - true.length_mm
    if _is_piece_of(true, found):
        broke = max(("head", "tip"), key=lambda end: errors[end])
        return {name: error for name, error in errors.items() if name not in (broke, "length", "volume", "centroid")}
    return errors


def _sphere_errors(true: ImplantTruth, found: ImplantSphere) -> dict[str, float]:
    errors: dict[str, float] = {}
    if true.centre is not None:
        errors["centre"] = float(np.linalg.norm(np.subtract(found.centre_lps, true.centre)))
    if true.diameter_mm is not None:
        errors["diameter"] = found.diameter_mm - true.diameter_mm
    return errors
