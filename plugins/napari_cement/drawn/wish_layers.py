"""What the operator wants of the needles, as napari layers: balls that napari's own tools add, move and delete."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_cement._layers import LayerData, Origin, layer_arguments, to_lps, to_world
from napari_cement.drawn.needle_layers import LOCKED, course
from planner.config.wishes_config import WishedTarget
from planner.model.record import PointLps

Wish = Literal["targets", "keep_out", "enter_through"]
WISHES: tuple[Wish, ...] = ("targets", "keep_out", "enter_through")
Ball = tuple[PointLps, float]
"""Middle, LPS mm, and radius, mm."""

WISH_NAMES: dict[Wish, str] = {"targets": "my targets", "keep_out": "keep out", "enter_through": "enter through"}
WISH_COLOURS: dict[Wish, str] = {"targets": "#99DDFF", "keep_out": "#AA0044", "enter_through": "#0077BB"}
"""Told apart by colour-blind readers too, and from the structures: two of P. Tol's schemes, and a dark red of ours."""
WISH_LEGEND = (
    ("my target", WISH_COLOURS["targets"]),
    ("no needle through here", WISH_COLOURS["keep_out"]),
    ("needles come in here", WISH_COLOURS["enter_through"]),
)
FIRST_RADIUS_MM: dict[Wish, float] = {
    "targets": float(WishedTarget.model_fields["radius_mm"].default),
    "keep_out": 10.0,
    "enter_through": 15.0,
}
"""Of the balls drawn first, until another is set; ours: a vessel's and its surroundings', a palm's width of skin."""

OWN, OWN_COURSE = "own needle", "own needle's course"
"""Further layers of wishes, as `Origin.wish` names them."""
_ROUND_MM = 4
"""Decimals of radii: napari may hold sizes in single precision."""


def ball_layer(wish: Wish, balls: Sequence[Ball]) -> LayerData:
    """Show balls.

    Parameters
    ----------
    wish : str
        What they are.
    balls : sequence of Ball
        May be empty: for balls yet to be drawn.

    Returns
    -------
    LayerData
        Points whose size is the ball's diameter; a cut shows each ball's own circle there.
    """
    is_target = wish == "targets"
    arguments = {
        **layer_arguments(WISH_NAMES[wish], Origin(wish=wish)),
        "ndim": 3,
        "size": [2 * radius for _, radius in balls] if balls else 2 * FIRST_RADIUS_MM[wish],
        "symbol": "disc",
        "face_color": f"{WISH_COLOURS[wish]}{'55' if is_target else '66'}",
        "border_color": WISH_COLOURS[wish],
        "border_width": 0.12 if is_target else 0.04,
        "projection_mode": "rescale_spherical",
        "blending": "translucent_no_depth",
    }
    return _positions([centre for centre, _ in balls]), arguments, "points"


def balls_of(layer: Any) -> tuple[Ball, ...]:
    """Read the balls of a layer.

    Parameters
    ----------
    layer : napari.layers.Points
        As `ball_layer` made it, with what a person did to it since.

    Returns
    -------
    tuple of Ball
    """
    places = to_lps(np.asarray(layer.data, dtype=np.float64).reshape(-1, 3))
    return tuple(
        (_point(place), round(float(size) / 2, _ROUND_MM)) for place, size in zip(places, layer.size, strict=True)
    )


def own_needle_layer() -> LayerData:
    """Give the layer in which a person picks a needle of his own: its entry, then its tip."""
    arguments = {
        **layer_arguments("my needle", Origin(wish=OWN)),
        "ndim": 3,
        "size": 5.0,
        "symbol": "disc",
        "face_color": "transparent",
        "border_color": LOCKED,
        "border_width": 0.2,
        "projection_mode": "rescale_spherical",
        "blending": "translucent_no_depth",
    }
    return _positions([]), arguments, "points"


def own_course_layer(entry_lps: PointLps, tip_lps: PointLps, *, diameter_mm: float, is_safe: bool | None) -> LayerData:
    """Show a person's own needle as dots along its course.

    Parameters
    ----------
    entry_lps, tip_lps : tuple of float
        LPS, mm.
    diameter_mm : float
        The needle's.
    is_safe : bool or None
        Whether it keeps every hard limit; None while that is not known.

    Returns
    -------
    LayerData
    """
    rim = {None: "black", True: "#009988", False: "#CC3311"}[is_safe]
    arguments = {
        **layer_arguments("my needle's course", Origin(wish=OWN_COURSE)),
        "size": diameter_mm,
        "face_color": LOCKED,
        "border_color": rim,
        "border_width": 0.25,
        "projection_mode": "rescale_spherical",
    }
    return to_world(course(np.array([entry_lps, tip_lps], dtype=np.float64))), arguments, "points"


def ends_of(layer: Any) -> tuple[PointLps, ...]:
    """Read the points of a person's own needle, in the order in which they were picked, LPS mm."""
    return tuple(_point(place) for place in to_lps(np.asarray(layer.data, dtype=np.float64).reshape(-1, 3)))


def _positions(points_lps: Sequence[PointLps]) -> npt.NDArray[np.float64]:
    return to_world(np.asarray(points_lps, dtype=np.float64).reshape(-1, 3))


def _point(place: npt.NDArray[np.float64]) -> PointLps:
    return float(place[0]), float(place[1]), float(place[2])
