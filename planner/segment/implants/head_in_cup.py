"""Where the head of a hip prosthesis stands in its cup: in the middle, worn into the liner, or out of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.config.fault_config import FaultConfig
from planner.geometry.frames import Array
from planner.model.implant import Implant


@dataclass(frozen=True, slots=True, eq=False)
class HeadInCup:
    """A head and its cup.

    Parameters
    ----------
    head, cup : Implant
        With their spheres.
    where_lps : ndarray, shape (3,)
        The head's centre.
    apart_mm : float
        Between both centres.
    room_mm : float
        How far apart they can be as long as the head is within the cup: the difference of the radii.
    """

    head: Implant
    cup: Implant
    where_lps: Array
    apart_mm: float
    room_mm: float

    @property
    def is_dislocated(self) -> bool:
        """Whether the head is out of the cup."""
        return self.apart_mm > self.room_mm


def heads_off_centre(implants: Sequence[Implant], *, config: FaultConfig) -> tuple[HeadInCup, ...]:
    """Find heads that are not in the middle of their cups.

    Parameters
    ----------
    implants : sequence of Implant
        What was found.
    config : FaultConfig
        The limits.

    Returns
    -------
    tuple of HeadInCup
        Worn, offset by the liner's design, or dislocated; none where a sphere was not fitted.
    """
    found = []
    for pair in heads_in_cups(implants):
        room = pair.room_mm
        if pair.apart_mm > config.eccentric_mm or pair.apart_mm > room > 0:
            found.append(replace(pair, room_mm=max(room, config.eccentric_mm)))
    return tuple(found)


def heads_in_cups(implants: Sequence[Implant]) -> tuple[HeadInCup, ...]:
    """Measure how far each head stands from the middle of its cup.

    Parameters
    ----------
    implants : sequence of Implant
        What was found.

    Returns
    -------
    tuple of HeadInCup
        None where a sphere was not fitted.
    """
    found = []
    for head in implants:
        if head.kind != "femoral_head" or head.sphere is None:
            continue
        centre = np.asarray(head.sphere.centre_lps)
        cups = [
            (float(np.linalg.norm(centre - np.asarray(cup.sphere.centre_lps))), cup)
            for cup in implants
            if cup.kind == "acetabular_cup" and cup.sphere is not None and cup.side == head.side
        ]
        if not cups:
            continue
        apart, cup = min(cups, key=lambda c: c[0])
        assert cup.sphere is not None
        room = (cup.sphere.diameter_mm - head.sphere.diameter_mm) / 2
        found.append(HeadInCup(head, cup, centre, apart, room))
    return tuple(found)
