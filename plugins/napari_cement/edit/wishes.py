"""The operator's wishes in a viewer: what is drawn there and the planner's settings are one and the same."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from qtpy.QtCore import QObject, Signal

from napari_cement._display import display_of
from napari_cement._layers import LayerData, to_world
from napari_cement.drawn.box_layers import (
    BOX_WISHES,
    FACES,
    Corner,
    boxes_of,
    corner_layer,
    corners_name,
    corners_of,
    face_layer,
    numbers_of,
    positions,
    thickened,
    write_corners,
)
from napari_cement.drawn.wish_layers import FIRST_RADIUS_MM, WISHES, Ball, Wish, ball_layer, balls_of
from napari_cement.edit.point_layers import (
    add_layer,
    add_locked,
    draw_anew,
    is_taken_up,
    layer_of,
    take_up,
)
from planner.config.wishes_config import BallRegion, BoxRegion, LockedNeedle, Region, WishedTarget, WishesConfig
from planner.errors import ConfigError
from planner.model.record import PointLps


@dataclass(frozen=True, slots=True)
class Drawn:
    """All wishes as they are drawn, also what is no whole wish yet.

    Parameters
    ----------
    balls : tuple of tuple of Ball
        In the order of `WISHES`.
    corners : tuple of tuple of Corner
        Of boxes, in the order of `BOX_WISHES`.
    locked : tuple of LockedNeedle
        Needles that stay.
    beside : tuple of (PointLps, str)
        Beside which implant a target was said to lie.
    """

    balls: tuple[tuple[Ball, ...], ...] = ((),) * len(WISHES)
    corners: tuple[tuple[Corner, ...], ...] = ((),) * len(BOX_WISHES)
    locked: tuple[LockedNeedle, ...] = ()
    beside: tuple[tuple[PointLps, str], ...] = ()


class Wishes(QObject):
    """Targets, regions and locked needles of one viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are drawn.
    """

    valueChanged = Signal(object)
    """The new `WishesConfig`."""
    refused = Signal(str)
    """What was drawn is no wish that the planner takes, in words."""
    putInside = Signal()
    """Something was drawn outside of the CT, and put on its edge."""
    changed = Signal()
    """A layer came, went or changed, or another tool was taken up."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        # napari hands out a proxy, whose layers are never identical to themselves.
        viewer = getattr(viewer, "__wrapped__", viewer)
        self._viewer = viewer
        self._depth_mm = {wish: 2 * FIRST_RADIUS_MM[wish] for wish in BOX_WISHES}
        self._faces: tuple[tuple[Wish, BoxRegion], ...] = ()
        self._locked: tuple[LockedNeedle, ...] = ()
        self._beside: dict[PointLps, str] = {}
        self._told = WishesConfig()
        self._busy = False
        viewer.layers.events.inserted.connect(self._on_change)
        viewer.layers.events.removed.connect(self._on_change)
        viewer.layers.selection.events.active.connect(self._on_change)
        viewer.dims.events.ndisplay.connect(self._on_ndisplay)

    def value(self) -> WishesConfig:
        """Give the wishes as settings.

        Returns
        -------
        WishesConfig
            Of regions the balls first, in the order in which they were drawn; no box that has only one corner.

        Raises
        ------
        ConfigError
            If something was drawn that the planner does not take.
        """
        try:
            return WishesConfig(
                targets=tuple(
                    WishedTarget(point_lps=place, radius_mm=radius, implant_id=self._beside.get(place))
                    for place, radius in self.balls("targets")
                ),
                keep_out=self._regions("keep_out"),
                enter_through=self._regions("enter_through"),
                locked=self._locked,
            )
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ConfigError(f"a drawn {first['loc'][0]}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error

    def setValue(self, wishes: WishesConfig) -> None:
        """Draw other wishes in the place of these.

        Parameters
        ----------
        wishes : WishesConfig
            The wishes.
        """
        # A target that is moved is no longer known to lie beside the implant that was named.
        beside = tuple((target.point_lps, target.implant_id) for target in wishes.targets if target.implant_id)
        regions = wishes.keep_out, wishes.enter_through
        targets = tuple((target.point_lps, target.radius_mm) for target in wishes.targets)
        self.draw_all(Drawn((targets, *map(_balls, regions)), tuple(map(_corners, regions)), wishes.locked, beside))

    def drawn(self) -> Drawn:
        """Give all that is drawn, whether or not the planner takes it."""
        return Drawn(
            tuple(self.balls(wish) for wish in WISHES),
            tuple(self.corners(wish) for wish in BOX_WISHES),
            self._locked,
            tuple(self._beside.items()),
        )

    def draw_all(self, drawn: Drawn) -> None:
        """Draw other things in the place of these.

        Parameters
        ----------
        drawn : Drawn
            As `drawn` gave it.
        """
        self._busy = True
        for wish, balls in zip(WISHES, drawn.balls, strict=True):
            self._write_balls(wish, balls)
        for wish, corners in zip(BOX_WISHES, drawn.corners, strict=True):
            self._write_corners(wish, corners)
        self._locked, self._beside = drawn.locked, dict(drawn.beside)
        self._busy = False
        self._on_change()

    def balls(self, wish: Wish) -> tuple[Ball, ...]:
        """Give the balls that are drawn for a wish."""
        layer = layer_of(self._viewer, wish)
        return () if layer is None else balls_of(layer)

    def corners(self, wish: Wish) -> tuple[Corner, ...]:
        """Give the corners of boxes that are drawn for a wish; a box may have only one yet."""
        layer = layer_of(self._viewer, corners_name(wish))
        return () if layer is None else corners_of(layer)

    def boxes(self, wish: Wish) -> tuple[BoxRegion, ...]:
        """Give the boxes that are drawn for a wish; raises pydantic's `ValidationError` where one is flat."""
        return boxes_of(self.corners(wish))

    @property
    def locked(self) -> tuple[LockedNeedle, ...]:
        """Needles that stay as they are."""
        return self._locked

    def draw(self, wish: Wish, *, radius_mm: float) -> None:
        """Let clicks in the slice add balls.

        Parameters
        ----------
        wish : str
            What they are.
        radius_mm : float
            Of the next ball.
        """
        layer = layer_of(self._viewer, wish) or self._add(wish, [])
        take_up(self._viewer, layer)
        layer.current_size = 2 * radius_mm

    def draw_box(self, wish: Wish, *, depth_mm: float) -> None:
        """Let two clicks in the slice add a box, by its opposite corners.

        Parameters
        ----------
        wish : str
            What it is.
        depth_mm : float
            How thick it becomes where both corners are clicked in one slice, mm.
        """
        self._depth_mm[wish] = depth_mm
        name = corners_name(wish)
        layer = layer_of(self._viewer, name) or self._add_corners(wish, ())
        take_up(self._viewer, layer)

    def is_drawing_box(self, wish: Wish) -> bool:
        """Say whether clicks in the slice add corners of boxes of this wish."""
        return is_taken_up(self._viewer, layer_of(self._viewer, corners_name(wish)))

    def put_down(self) -> None:
        """Let clicks in the slice move the view again."""
        for name in (*WISHES, *map(corners_name, BOX_WISHES)):
            if (layer := layer_of(self._viewer, name)) is not None:
                layer.mode = "pan_zoom"

    def is_drawing(self, wish: Wish) -> bool:
        """Say whether clicks in the slice add balls of this wish."""
        return is_taken_up(self._viewer, layer_of(self._viewer, wish))

    def resize(self, wish: Wish, *, radius_mm: float) -> None:
        """Set the radius of the selected balls, and of those to come."""
        if (layer := layer_of(self._viewer, wish)) is not None:
            layer.current_size = 2 * radius_mm

    def add_target(self, point_lps: PointLps, *, radius_mm: float) -> None:
        """Add a target.

        Parameters
        ----------
        point_lps : tuple of float
            Where, LPS mm.
        radius_mm : float
            Tips may come to lie so far from it.
        """
        layer = layer_of(self._viewer, "targets") or self._add("targets", [])
        layer.selected_data = set()
        layer.current_size = 2 * radius_mm
        layer.add(to_world(point_lps))

    def lock(self, needle: LockedNeedle, instead_of: LockedNeedle | None = None) -> None:
        """Let a needle stay as it is; once.

        Parameters
        ----------
        needle : LockedNeedle
            The needle.
        instead_of : LockedNeedle or None
            The one that it was moved from, which is let go; None for none.
        """
        others = [other for other in self._locked if other not in (needle, instead_of)]
        place = next((n for n, other in enumerate(self._locked) if other in (instead_of, needle)), len(others))
        after = (*others[:place], needle, *others[place:])
        if after != self._locked:
            self._locked = after
            self._on_change()

    def unlock(self, needle: LockedNeedle) -> None:
        """Let a needle go."""
        self._locked = tuple(other for other in self._locked if other != needle)
        self._on_change()

    def _regions(self, wish: Wish) -> tuple[Region, ...]:
        balls = tuple(BallRegion(centre_lps=place, radius_mm=radius) for place, radius in self.balls(wish))
        return (*balls, *self.boxes(wish))

    def _write_balls(self, wish: Wish, balls: tuple[Ball, ...]) -> None:
        layer = layer_of(self._viewer, wish)
        if layer is None and balls:
            self._add(wish, list(balls))
        elif layer is not None and not balls and not self.is_drawing(wish):
            self._viewer.layers.remove(layer)
        elif layer is not None and balls_of(layer) != balls:
            layer.selected_data = set()
            layer.data = positions([place for place, _ in balls])
            layer.size = [2 * radius for _, radius in balls]

    def _write_corners(self, wish: Wish, corners: tuple[Corner, ...]) -> None:
        layer = layer_of(self._viewer, corners_name(wish))
        if layer is None and corners:
            self._add_corners(wish, corners)
        elif layer is not None and not corners and not self.is_drawing_box(wish):
            self._viewer.layers.remove(layer)
        elif layer is not None and corners_of(layer) != corners:
            write_corners(layer, corners)

    def _finish_boxes(self) -> None:
        """Write down whose new corners are, give flat boxes a thickness, and draw the faces of whole ones."""
        boxes: list[tuple[Wish, BoxRegion]] = []
        self._busy = True
        for wish in BOX_WISHES:
            layer = layer_of(self._viewer, corners_name(wish))
            if layer is None:
                continue
            corners = thickened(corners_of(layer), self._depth_mm[wish])
            # The numbers of corners that were just clicked are written down, too: they hold when others are deleted.
            if corners != corners_of(layer) or [box for box, _ in corners] != numbers_of(layer):
                write_corners(layer, corners)
            boxes += [(wish, box) for box in boxes_of(corners)]
        self._show_faces(tuple(boxes))
        self._busy = False

    def _show_faces(self, boxes: tuple[tuple[Wish, BoxRegion], ...]) -> None:
        # Who takes the faces out of the viewer, or closes it, does not get them back at once.
        if boxes == self._faces:
            return
        older, data = layer_of(self._viewer, FACES), face_layer(boxes)
        self._faces = boxes
        if older is not None and data is not None:
            draw_anew(older, data)
            return
        if older is not None:
            self._viewer.layers.remove(older)
        elif data is not None:
            add_locked(self._viewer, data)

    def _add(self, wish: Wish, balls: list[Ball]) -> Any:
        return self._added(ball_layer(wish, balls))

    def _add_corners(self, wish: Wish, corners: tuple[Corner, ...]) -> Any:
        return self._added(corner_layer(wish, corners))

    def _added(self, data: LayerData) -> Any:
        return add_layer(
            self._viewer, data, self._on_change, by_hand=lambda: not self._busy, put_inside=self.putInside.emit
        )

    def _on_ndisplay(self, event: object = None) -> None:
        if self._viewer.dims.ndisplay == 3:
            # A click in 3D has no depth.
            self.put_down()

    def _on_change(self, event: object = None) -> None:
        if self._busy:
            return
        self._finish_boxes()
        self.changed.emit()
        try:
            value = self.value()
        except ConfigError as error:
            self.refused.emit(str(error))
            return
        drawn = [radius for wish in WISHES for _, radius in self.balls(wish)]
        display_of(self._viewer).show_balls_of(max(drawn, default=0.0))
        if value != self._told:
            self._told = value
            self.valueChanged.emit(value)


def _balls(regions: tuple[Region, ...]) -> tuple[Ball, ...]:
    return tuple((region.centre_lps, region.radius_mm) for region in regions if isinstance(region, BallRegion))


def _corners(regions: tuple[Region, ...]) -> tuple[Corner, ...]:
    boxes = [region for region in regions if isinstance(region, BoxRegion)]
    return tuple((number, place) for number, box in enumerate(boxes) for place in (box.low_lps, box.high_lps))
