"""How the viewer stands to the patient: never mirrored, head up, and never without saying what was reviewed.

napari's cameras know no patient. Left of the patient is on the viewer's right in axial and coronal views and in 3D, the
head is up in coronal and sagittal views; turning the axes with napari's own buttons keeps it so.
"""

import textwrap
import weakref
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from napari.layers import Layer

from napari_cement._at_once import add_layers, at_once, sliders_following
from napari_cement._layers import AXES, SLAB_MM, LayerData, origin_of, to_lps, to_world
from napari_cement._letters import letters_of
from napari_cement._per_viewer import PerViewer
from napari_cement._visibility import Visibility
from planner.geometry.frames import point_tuple
from planner.model.plan import Plan
from planner.report.palette import WARNING
from planner.report.review_words import review_words
from planner.station.keeping.scene_file import CanvasView
from planner.station.viewpoint import FROM_THE_FRONT, Viewpoint, seen_from

View = Literal["axial", "coronal", "sagittal", "3d"]
VIEWS: tuple[View, ...] = ("axial", "coronal", "sagittal", "3d")

AXIAL, CORONAL, SAGITTAL = (0, 1, 2), (1, 0, 2), (2, 0, 1)
_ORDERS: dict[View, tuple[int, int, int]] = {"axial": AXIAL, "coronal": CORONAL, "sagittal": SAGITTAL, "3d": AXIAL}
_AFTER_ROLL = {AXIAL: SAGITTAL, SAGITTAL: CORONAL, CORONAL: AXIAL}
"""What napari's button for the next view should show."""
CLOSE_MM = 90.0
"""What a view shows of the patient when it is near: two vertebrae, a stem's upper half. Ours."""
_FILLED = 0.9
"""Share of a 3D view's shorter side that the scene's longest fills. Ours."""
_LETTER_PX, _FEWEST_LETTERS = 10.0, 12
"""Width of a letter of the note on review, capitals among them, and what a line of it holds at the least. Measured at
the note's size with napari 0.9.2."""
NOT_CERTIFIED = "Not a certified medical device."

_displays: "PerViewer[Display]" = PerViewer()


def display_of(viewer: Any) -> "Display":
    """Put a viewer right, and keep it so.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.

    Returns
    -------
    Display
        The same one for the same viewer.
    """
    return _displays.of(viewer, Display)


class Display:
    """Keeps one viewer's cameras and its note on review right, as long as it shows one of the planner's layers.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer; only a weak reference is kept.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self._order: tuple[int, ...] = AXIAL
        self._turned = False
        self._viewpoint = FROM_THE_FRONT
        self._cut_at: list[float] | None = None
        self._furnished = False
        self._said = False
        letters_of(viewer)
        viewer.dims.events.order.connect(self._on_dims)
        viewer.dims.events.ndisplay.connect(self._on_dims)
        viewer.dims.events.ndisplay.connect(self._keep_order, position="last")
        viewer.layers.events.inserted.connect(self._on_layers)
        viewer.layers.events.removed.connect(self._on_layers)
        viewer.canvas.events.size.connect(self.say_review)
        self.visibility = Visibility(viewer)
        self._on_layers()

    def add(self, layers: Iterable[LayerData | Layer]) -> list[Layer]:
        """Add layers of the planner: each is drawn in the views that it is made for, and none can be edited.

        Parameters
        ----------
        layers : iterable of LayerData or Layer
            The layers.

        Returns
        -------
        list of Layer
            What was added. The layer that was active still is.
        """
        viewer = self._viewer()
        if viewer is None:
            return []
        made = [one if isinstance(one, Layer) else Layer.create(*one) for one in layers]
        for layer in made:
            # A plan that was dragged or painted on would no longer be what was measured.
            layer.editable = False
            _without_brushes(layer)
            self.visibility.take(layer)
        add_layers(viewer, made)
        return made

    @property
    def seen_from(self) -> str | None:
        """From where the 3D view is seen, in words; None in 2D."""
        viewer = self._viewer()
        if viewer is None or viewer.dims.ndisplay != 3:
            return None
        return seen_from(-to_lps(viewer.scene.camera.view_direction))

    def look_from(self, viewpoint: Viewpoint) -> None:
        """Take another side for the 3D view to open on; one that is open is turned only if that side is new.

        Parameters
        ----------
        viewpoint : Viewpoint
            Where the eye is.
        """
        if viewpoint == self._viewpoint:
            return
        self._viewpoint, self._turned = viewpoint, False
        self._put_right()

    @property
    def view(self) -> View:
        """The view that is shown."""
        viewer = self._viewer()
        if viewer is not None and viewer.dims.ndisplay == 3:
            return "3d"
        return next((name for name in VIEWS if _ORDERS[name] == self._order), "axial")

    def show(self, view: View) -> None:
        """Show one of the four views.

        Parameters
        ----------
        view : "axial", "coronal", "sagittal" or "3d"
            Which one; 3D is seen from the side where the needles come from, from the front without any; head up.
        """
        viewer = self._viewer()
        if viewer is None or not self._is_ours():
            return
        self._order = _ORDERS[view]
        with at_once(viewer):
            viewer.dims.ndisplay = 3 if view == "3d" else 2
            viewer.dims.order = _ORDERS[view]
            self._put_right()
            viewer.reset_view()
            if view == "3d":
                self._turn()
                self._fit(viewer)

    def fly_to(self, point_world: Any, *, closely: bool = False) -> None:
        """Bring one position into all views.

        Parameters
        ----------
        point_world : array_like, shape (3,)
            Where, in the viewer's world.
        closely : bool
            Whether the view is so near then that about `CLOSE_MM` fit into it.
        """
        viewer = self._viewer()
        if viewer is None or viewer.dims.ndim != 3:
            return
        where = [float(v) for v in point_world]
        if viewer.dims.ndisplay == 3:
            self._cut_at = where  # 3D cuts nothing: moving the cut now would draw every surface anew
        else:
            self.cut_at(where)
        viewer.scene.camera.center = tuple(where[axis] for axis in viewer.dims.displayed)
        if closely:
            viewer.scene.camera.zoom = min(viewer.canvas.size) / CLOSE_MM

    def seen(self) -> CanvasView | None:
        """Take down how the canvas looks at the patient; None where nothing of the planner is in it."""
        viewer = self._viewer()
        if viewer is None or not self._is_ours():
            return None
        camera, where = viewer.scene.camera, np.array(viewer.dims.point, dtype=np.float64)
        where[list(viewer.dims.displayed)] = camera.center[-viewer.dims.ndisplay :]
        is_3d = viewer.dims.ndisplay == 3
        return CanvasView(
            view=self.view,
            centre_lps=point_tuple(to_lps(where)),
            across_mm=float(min(viewer.canvas.size) / camera.zoom),
            sight_lps=point_tuple(to_lps(camera.view_direction)) if is_3d else None,
            up_lps=point_tuple(to_lps(camera.up_direction)) if is_3d else None,
        )

    def look(self, seen: CanvasView) -> None:
        """Look at the patient as it was taken down.

        Parameters
        ----------
        seen : CanvasView
            As `seen` gave it.
        """
        viewer = self._viewer()
        if viewer is None or not self._is_ours():
            return
        self.show(seen.view)
        camera, where = viewer.scene.camera, to_world(seen.centre_lps)
        if viewer.dims.ndisplay == 3 and seen.sight_lps is not None and seen.up_lps is not None:
            sight, up = (tuple(map(float, to_world(way))) for way in (seen.sight_lps, seen.up_lps))
            camera.set_view_direction(view_direction=sight, up_direction=up)
        camera.center = tuple(float(where[axis]) for axis in viewer.dims.displayed)
        camera.zoom = min(viewer.canvas.size) / seen.across_mm

    def cut_at(self, point_world: Any) -> None:
        """Cut through one position exactly, in one step.

        Parameters
        ----------
        point_world : array_like, shape (3,)
            Where, in the viewer's world.
        """
        viewer = self._viewer()
        if viewer is not None and viewer.dims.ndim == 3:
            with sliders_following(viewer):
                viewer.dims.set_point(range(3), [float(v) for v in point_world])

    def show_balls_of(self, radius_mm: float) -> None:
        """Let each cut show the balls that it passes through.

        Parameters
        ----------
        radius_mm : float
            Of the largest ball.
        """
        viewer = self._viewer()
        if viewer is None or viewer.dims.ndim != 3:
            return
        # Wider than any ball of before it stays: napari leaves out what the cut does not meet.
        slab = max(SLAB_MM, radius_mm, *viewer.dims.margin_left)
        if slab > min(viewer.dims.margin_left):
            viewer.dims.margin_left = viewer.dims.margin_right = (slab,) * 3

    def _plans(self) -> list[Plan]:
        viewer = self._viewer()
        origins = [origin_of(layer) for layer in viewer.layers] if viewer is not None else []
        return [origin.plan for origin in origins if origin is not None and origin.plan is not None]

    def _is_ours(self) -> bool:
        viewer = self._viewer()
        return viewer is not None and viewer.dims.ndim == 3 and any(origin_of(layer) for layer in viewer.layers)

    def _on_layers(self, event: object = None) -> None:
        self._put_right()
        self.say_review()

    def _on_dims(self, event: object = None) -> None:
        self._put_right()

    def _keep_order(self, event: object = None) -> None:
        """Draw layers in their order: napari 0.9.2 draws one that was added in 3D below all others in 2D."""
        viewer = self._viewer()
        if viewer is not None and self._is_ours():
            viewer.layers.events.reordered()

    def _put_right(self) -> None:
        viewer = self._viewer()
        if viewer is None or not self._is_ours():
            return
        self._furnish(viewer)
        if viewer.dims.ndisplay == 3:
            # An odd order of the axes would mirror the patient.
            self._set_order(viewer, AXIAL, remember=False)
            self._set_orientation(viewer, ("away", "down", "right"))
            if not self._turned:
                self._turn()
            return
        if self._cut_at is not None:
            where, self._cut_at = self._cut_at, None
            self.cut_at(where)
        self._set_order(viewer, self._upright_order(tuple(viewer.dims.order)))
        vertical = "down" if self._order == AXIAL else "up"
        self._set_orientation(viewer, ("away", vertical, "right"))

    def _furnish(self, viewer: Any) -> None:
        """Name the axes and show them with a scale bar; once, so that who hides them is left in peace."""
        viewer.dims.axis_labels = AXES
        if self._furnished:
            return
        self._furnished = True
        # A cut shows the needles and marks that it passes through, not only those whose middle lies in it.
        viewer.dims.margin_left = viewer.dims.margin_right = (SLAB_MM,) * 3
        axes = viewer.canvas.overlays.axes
        axes.size, axes.box, axes.visible = 60, False, True
        viewer.canvas.overlays.scale_bar.visible = True

    def _upright_order(self, order: tuple[int, ...]) -> tuple[int, ...]:
        """Give the view that was meant by an order of the axes."""
        if order in _AFTER_ROLL:
            return order
        if order == tuple(self._order[-1:] + self._order[:-1]):
            return _AFTER_ROLL.get(self._order, AXIAL)  # type: ignore[call-overload]
        # napari's button that transposes a view would lay the patient on the side or mirror it: the view stays.
        return self._order

    def _set_order(self, viewer: Any, order: tuple[int, ...], *, remember: bool = True) -> None:
        if remember:
            self._order = order
        if tuple(viewer.dims.order) != order:
            viewer.dims.order = order

    def _set_orientation(self, viewer: Any, orientation: tuple[str, str, str]) -> None:
        if tuple(str(part) for part in viewer.scene.camera.orientation) != orientation:
            viewer.scene.camera.orientation = orientation

    def _fit(self, viewer: Any) -> None:
        """Fill the 3D view with what is seen in it: napari makes room for hidden layers too, such as the whole CT."""
        seen = [layer for layer in viewer.layers if layer.visible]
        if not seen:
            return
        low, high = viewer.layers.get_extent(seen).world
        viewer.scene.camera.center = tuple(float(v) for v in (low + high) / 2.0)
        viewer.scene.camera.zoom = _FILLED * min(viewer.canvas.size) / max(float(v) for v in high - low)

    def _turn(self) -> None:
        viewer = self._viewer()
        if viewer is not None:
            self._turned = True
            along = tuple(float(v) for v in -to_world(self._viewpoint.to_eye_lps))
            up = tuple(float(v) for v in to_world(self._viewpoint.up_lps))
            viewer.scene.camera.set_view_direction(view_direction=along, up_direction=up)

    def say_review(self) -> None:
        """Write on the canvas whether a person stands behind what is shown; nothing where no plan is."""
        viewer = self._viewer()
        if viewer is None:
            return
        plans = self._plans()
        note = viewer.canvas.overlays.text
        if not plans:
            if self._said:
                note.visible, note.text, self._said = False, "", False
            return
        # Of several plans the one that is furthest from approved speaks.
        least = min(plans, key=lambda plan: ("unreviewed", "edited", "approved").index(plan.review.state))
        # As wide as the canvas: a longer line would lose its first letters, and "unreviewed" would read "viewed".
        letters = max(_FEWEST_LETTERS, int(viewer.canvas.size[1] / _LETTER_PX))
        lines = (f"{review_words(least.review)}.", NOT_CERTIFIED)
        note.text = "\n".join(textwrap.fill(line, letters, break_long_words=False) for line in lines)
        self._said = True
        note.color, note.font_size, note.position = WARNING, 9, "top_center"
        note.visible = True


def _without_brushes(layer: Layer) -> None:
    """Leave out what is drawn for painting: napari makes it for all labels, and draws it in each picture."""
    for name in ("polygon", "brush_stroke"):
        overlay = layer._overlays.get(name)  # napari has no public way
        if overlay is not None:
            overlay.visible = False
