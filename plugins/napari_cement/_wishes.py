"""The operator's wishes in a viewer: what is drawn there and the planner's settings are one and the same."""

from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from pydantic import ValidationError
from qtpy.QtCore import QObject, Signal

from napari_cement._display import display_of
from napari_cement._layers import LayerData, origin_of, to_world
from napari_cement._wish_layers import BOXES, WISHES, Ball, Wish, ball_layer, balls_of, box_layers
from planner.config.wishes_config import BallRegion, BoxRegion, LockedNeedle, Region, WishedTarget, WishesConfig
from planner.errors import ConfigError
from planner.model.record import PointLps


def layer_of(viewer: Any, wish: str) -> Any | None:
    """Find the layer that holds one of the wishes.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    wish : str
        As `Origin.wish` names it.

    Returns
    -------
    napari.layers.Layer or None
    """
    return next((layer for layer in viewer.layers if (o := origin_of(layer)) and o.wish == wish), None)


def add_layer(viewer: Any, data: LayerData, on_change: Callable[..., None]) -> Any:
    """Add a layer of points that napari's tools edit.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    data : LayerData
        The layer.
    on_change : callable
        Called when its points, their sizes or its tool change.

    Returns
    -------
    napari.layers.Points
    """
    layer = viewer.add_layer(Layer.create(*data))
    for event in (layer.events.data, layer.events.size, layer.events.mode):
        event.connect(on_change)
    return layer


def take_up(viewer: Any, layer: Any) -> None:
    """Let clicks in the slice add points to a layer, with napari's own tool."""
    viewer.layers.selection.active = layer
    layer.selected_data = set()
    layer.mode = "add"


def is_taken_up(viewer: Any, layer: Any | None) -> bool:
    """Say whether clicks in the slice add points to a layer."""
    return layer is not None and viewer.layers.selection.active is layer and str(layer.mode) == "add"


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
    changed = Signal()
    """A layer came, went or changed, or another tool was taken up."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        # napari hands out a proxy, whose layers are never identical to themselves.
        viewer = getattr(viewer, "__wrapped__", viewer)
        self._viewer = viewer
        self._boxes: dict[Wish, tuple[BoxRegion, ...]] = {}
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
            Of regions the balls first, in the order in which they were drawn.

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
        self._busy = True
        for wish in (*WISHES, BOXES):
            if (layer := layer_of(self._viewer, wish)) is not None:
                self._viewer.layers.remove(layer)
        self._boxes = {
            "keep_out": tuple(region for region in wishes.keep_out if isinstance(region, BoxRegion)),
            "enter_through": tuple(region for region in wishes.enter_through if isinstance(region, BoxRegion)),
        }
        self._locked = wishes.locked
        # A target that is moved is no longer known to lie beside the implant that was named.
        self._beside = {target.point_lps: target.implant_id for target in wishes.targets if target.implant_id}
        drawn: dict[Wish, list[Ball]] = {
            "targets": [(target.point_lps, target.radius_mm) for target in wishes.targets],
            "keep_out": _balls(wishes.keep_out),
            "enter_through": _balls(wishes.enter_through),
        }
        for wish, balls in drawn.items():
            if balls:
                self._add(wish, balls)
        for data in box_layers([(wish, box) for wish, boxes in self._boxes.items() for box in boxes]):
            self._viewer.add_layer(Layer.create(*data)).editable = False
        self._busy = False
        self._on_change()

    def balls(self, wish: Wish) -> tuple[Ball, ...]:
        """Give the balls that are drawn for a wish."""
        layer = layer_of(self._viewer, wish)
        return () if layer is None else balls_of(layer)

    def boxes(self, wish: Wish) -> tuple[BoxRegion, ...]:
        """Give the boxes that came with settings for a wish."""
        return self._boxes.get(wish, ())

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

    def put_down(self) -> None:
        """Let clicks in the slice move the view again."""
        for wish in WISHES:
            if (layer := layer_of(self._viewer, wish)) is not None:
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

    def lock(self, needle: LockedNeedle) -> None:
        """Let a needle stay as it is; once."""
        if needle not in self._locked:
            self._locked = (*self._locked, needle)
            self._on_change()

    def unlock(self, needle: LockedNeedle) -> None:
        """Let a needle go."""
        self._locked = tuple(other for other in self._locked if other != needle)
        self._on_change()

    def _regions(self, wish: Wish) -> tuple[Region, ...]:
        balls = tuple(BallRegion(centre_lps=place, radius_mm=radius) for place, radius in self.balls(wish))
        return (*balls, *self._boxes.get(wish, ()))

    def _add(self, wish: Wish, balls: list[Ball]) -> Any:
        return add_layer(self._viewer, ball_layer(wish, balls), self._on_change)

    def _on_ndisplay(self, event: object = None) -> None:
        if self._viewer.dims.ndisplay == 3:
            # A click in 3D has no depth.
            self.put_down()

    def _on_change(self, event: object = None) -> None:
        if self._busy:
            return
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


def _balls(regions: tuple[Region, ...]) -> list[Ball]:
    return [(region.centre_lps, region.radius_mm) for region in regions if isinstance(region, BallRegion)]
