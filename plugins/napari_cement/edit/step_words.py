"""What one edit was, in words for the undo button."""

from collections.abc import Sequence
from dataclasses import dataclass

from napari_cement.drawn.box_layers import BOX_WISHES
from napari_cement.drawn.wish_layers import WISHES, Wish
from napari_cement.edit.wishes import Drawn
from planner.model.record import PointLps

_BALLS: dict[Wish, str] = {
    "targets": "target",
    "keep_out": "ball to keep out of",
    "enter_through": "ball to enter through",
}
_BOXES: dict[Wish, str] = {"keep_out": "box to keep out of", "enter_through": "box to enter through", "targets": "box"}


@dataclass(frozen=True, slots=True)
class Edited:
    """All that a person edits besides painted gaps.

    Parameters
    ----------
    drawn : Drawn
        The wishes.
    needle : tuple of PointLps
        What is picked of a needle of one's own, LPS mm.
    gauge : str
        Its name in the catalogue.
    taken : object
        The planned needle that is being moved; None for none.
    """

    drawn: Drawn
    needle: tuple[PointLps, ...]
    gauge: str
    taken: object = None


def step_words(before: Edited, after: Edited) -> str:
    """Say what changed.

    Parameters
    ----------
    before, after : Edited
        The state before and after.

    Returns
    -------
    str
        "target added, needle kept", say; small words without a full stop.
    """
    said = [
        _of(_BALLS[wish], old, new)
        for wish, old, new in zip(WISHES, before.drawn.balls, after.drawn.balls, strict=True)
    ]
    said += [
        _of(_BOXES[wish], old, new)
        for wish, old, new in zip(BOX_WISHES, before.drawn.corners, after.drawn.corners, strict=True)
    ]
    if before.drawn.locked != after.drawn.locked:
        said.append("needle kept" if len(after.drawn.locked) > len(before.drawn.locked) else "needle let go")
    elif before.needle != after.needle:
        said.append(_of_needle(before.needle, after.needle))
    if before.gauge != after.gauge:
        said.append("my needle's size changed")
    return ", ".join(words for words in said if words) or "wishes changed"


def _of(name: str, old: Sequence[object], new: Sequence[object]) -> str:
    if old == new:
        return ""
    change = "changed" if len(old) == len(new) else "added" if len(new) > len(old) else "taken away"
    return f"{name} {change}"


def _of_needle(old: tuple[PointLps, ...], new: tuple[PointLps, ...]) -> str:
    if len(old) != len(new):
        return "my needle picked" if len(new) > len(old) else "my needle cleared"
    moved = [end for end, a, b in zip(("entry", "tip"), old, new, strict=False) if a != b]
    return "my needle moved" if len(moved) != 1 else f"my needle's {moved[0]} moved"
