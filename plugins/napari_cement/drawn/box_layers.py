"""Boxes that needles keep out of or come in through: two corners each, which napari's own tools move and delete."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_cement._layers import LayerData, Origin, layer_arguments, to_lps, to_world
from napari_cement.drawn.wish_layers import WISH_COLOURS, WISH_NAMES, Wish
from planner.config.wishes_config import BoxRegion
from planner.model.record import PointLps

Corner = tuple[int, PointLps]
"""The number of its box, and where it is, LPS mm. A box whose other corner is not there yet has one."""
BOX_WISHES: tuple[Wish, ...] = ("keep_out", "enter_through")
FACES = "boxes"
"""Layer of the boxes' faces, as `Origin.wish` names it."""
_BOX = "box"
_NEW = -1
"""A corner that was just clicked belongs to no box yet."""
_STEP_MM, _MOST_ALONG = 2.0, 60
"""Between a face's dots, and how many along a side at most; ours: a box as wide as the trunk is still drawn at once."""
_WIDER = 1.2
"""Dots are so much wider than their step, so that a cut between two rows of them meets some."""


def corners_name(wish: Wish) -> str:
    """Name the layer of a wish's corners, as `Origin.wish` does."""
    return f"{wish} corners"


def corner_layer(wish: Wish, corners: Sequence[Corner]) -> LayerData:
    """Show the corners of boxes.

    Parameters
    ----------
    wish : str
        What the boxes are.
    corners : sequence of Corner
        May be empty: for boxes yet to be drawn.

    Returns
    -------
    LayerData
        Points, the number of the box among their features.
    """
    arguments = {
        **layer_arguments(f"{WISH_NAMES[wish]}: corners of boxes", Origin(wish=corners_name(wish))),
        "ndim": 3,
        "features": {_BOX: np.array([box for box, _ in corners], dtype=np.int64)},
        "feature_defaults": {_BOX: _NEW},
        "size": 4.0,
        "symbol": "square",
        "face_color": f"{WISH_COLOURS[wish]}AA",
        "border_color": "white",
        "border_width": 0.1,
        "projection_mode": "rescale_spherical",
        "blending": "translucent_no_depth",
    }
    return positions([place for _, place in corners]), arguments, "points"


def corners_of(layer: Any) -> tuple[Corner, ...]:
    """Read corners, in the order in which they were drawn.

    Parameters
    ----------
    layer : napari.layers.Points
        As `corner_layer` made it, with what a person did to it since.

    Returns
    -------
    tuple of Corner
        A corner that belonged to no box yet makes a whole of the box that has only one, or begins another.
    """
    places = to_lps(np.asarray(layer.data, dtype=np.float64).reshape(-1, 3))
    numbers = numbers_of(layer)
    out: list[Corner] = []
    for number, place in zip(numbers, places, strict=True):
        out.append((_box_for(number, out, numbers), (float(place[0]), float(place[1]), float(place[2]))))
    return tuple(out)


def numbers_of(layer: Any) -> list[int]:
    """Read to which box each corner is written down to belong; below 0, or a third of one box: not yet."""
    return [int(number) for number in layer.features[_BOX]]


def write_corners(layer: Any, corners: Sequence[Corner]) -> None:
    """Put corners in the place of those of a layer."""
    layer.selected_data = set()
    layer.data = positions([place for _, place in corners])
    layer.features = {_BOX: np.array([box for box, _ in corners], dtype=np.int64)}
    layer.feature_defaults = {_BOX: _NEW}


def boxes_of(corners: Sequence[Corner]) -> tuple[BoxRegion, ...]:
    """Give the boxes that have both corners; one that is flat along an axis is none that can be given.

    Raises
    ------
    pydantic.ValidationError
        If a box is flat.
    """
    pairs = [(first, second) for _, first, second in _pairs(corners)]
    return tuple(BoxRegion(low_lps=_point(np.minimum(*pair)), high_lps=_point(np.maximum(*pair))) for pair in pairs)


def thickened(corners: Sequence[Corner], depth_mm: float) -> tuple[Corner, ...]:
    """Give flat boxes a thickness: both corners were clicked in one slice.

    Parameters
    ----------
    corners : sequence of Corner
        Corners.
    depth_mm : float
        How thick such a box becomes, half of it to each side, mm.

    Returns
    -------
    tuple of Corner
        The others as they are.
    """
    moved: dict[int, list[PointLps]] = {}
    for box, first, second in _pairs(corners):
        a, b = np.array(first), np.array(second)
        flat = np.abs(a - b) < 1e-6
        moved[box] = [_point(np.where(flat, a - depth_mm / 2, a)), _point(np.where(flat, b + depth_mm / 2, b))]
    return tuple((box, moved[box].pop(0)) if moved.get(box) else (box, place) for box, place in corners)


def face_layer(boxes: Sequence[tuple[Wish, BoxRegion]]) -> LayerData | None:
    """Show boxes by dots on their faces, so that each cut through a box shows its outline.

    Parameters
    ----------
    boxes : sequence of (str, BoxRegion)
        What each is, and where.

    Returns
    -------
    LayerData or None
        None without boxes.
    """
    if not boxes:
        return None
    told = [_on_faces(box) for _, box in boxes]
    colours = [WISH_COLOURS[wish] for (wish, _), (own, _) in zip(boxes, told, strict=True) for _ in own]
    arguments = {
        **layer_arguments("boxes", Origin(wish=FACES)),
        "size": np.concatenate([np.full(len(own), _WIDER * step) for own, step in told]),
        "face_color": colours,
        "border_color": "transparent",
        "border_width": 0.0,
        "projection_mode": "rescale_spherical",
        "blending": "translucent_no_depth",
    }
    return to_world(np.concatenate([own for own, _ in told])), arguments, "points"


def positions(points_lps: Sequence[PointLps]) -> npt.NDArray[np.float64]:
    """Give positions as a layer holds them; an array of none for none."""
    return to_world(np.asarray(points_lps, dtype=np.float64).reshape(-1, 3))


def _box_for(number: int, before: Sequence[Corner], numbers: Sequence[int]) -> int:
    held = [box for box, _ in before]
    # napari gives a new point the features of the one that is selected: a third corner of a box is another's first.
    if number != _NEW and held.count(number) < 2:
        return number
    alone = [box for box in held if held.count(box) == 1 and numbers.count(box) <= 1]
    return alone[0] if alone else max([*held, *numbers, -1]) + 1


def _pairs(corners: Sequence[Corner]) -> list[tuple[int, PointLps, PointLps]]:
    places: dict[int, list[PointLps]] = {}
    for box, place in corners:
        places.setdefault(box, []).append(place)
    return [(box, own[0], own[1]) for box, own in places.items() if len(own) >= 2]


def _on_faces(box: BoxRegion) -> tuple[npt.NDArray[np.float64], float]:
    """Give dots on a box's faces, LPS mm, and the widest step between them."""
    low, high = np.array(box.low_lps), np.array(box.high_lps)
    counts = np.clip(np.ceil((high - low) / _STEP_MM).astype(int) + 1, 2, _MOST_ALONG)
    along = [np.linspace(a, b, int(n)) for a, b, n in zip(low, high, counts, strict=True)]
    grid = np.stack(np.meshgrid(*along, indexing="ij"), axis=-1).reshape(-1, 3)
    on_face = ((grid == low) | (grid == high)).any(axis=1)
    return np.asarray(grid[on_face]), float(((high - low) / (counts - 1)).max())


def _point(place: npt.NDArray[np.float64]) -> PointLps:
    return float(place[0]), float(place[1]), float(place[2])
