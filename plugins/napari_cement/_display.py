"""How the viewer stands to the patient: never mirrored, head up, and never without saying what was reviewed.

napari's cameras know no patient. Left of the patient is on the viewer's right in axial and coronal views and in 3D, the
head is up in coronal and sagittal views; turning the axes with napari's own buttons keeps it so.
"""

import weakref
from typing import Any, Literal

from napari_cement._layers import AXES, SLAB_MM, origin_of
from planner.model.plan import Plan, Review

View = Literal["axial", "coronal", "sagittal", "3d"]
VIEWS: tuple[View, ...] = ("axial", "coronal", "sagittal", "3d")

AXIAL, CORONAL, SAGITTAL = (0, 1, 2), (1, 0, 2), (2, 0, 1)
_ORDERS: dict[View, tuple[int, int, int]] = {"axial": AXIAL, "coronal": CORONAL, "sagittal": SAGITTAL, "3d": AXIAL}
_AFTER_ROLL = {AXIAL: SAGITTAL, SAGITTAL: CORONAL, CORONAL: AXIAL}
"""What napari's button for the next view should show."""
_WARNING_COLOUR = "#F0A000"
NOT_CERTIFIED = "Not a certified medical device."

_displays: "weakref.WeakKeyDictionary[Any, Display]" = weakref.WeakKeyDictionary()


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
    real = getattr(viewer, "__wrapped__", viewer)
    if real not in _displays:
        _displays[real] = Display(real)
    return _displays[real]


def review_words(review: Review) -> str:
    """Say whether a person stands behind a plan.

    Parameters
    ----------
    review : Review
        The plan's review.

    Returns
    -------
    str
    """
    if review.state == "approved":
        when = f", {review.at}" if review.at else ""
        return f"Plan approved by {review.by or 'a person who gave no name'}{when}"
    if review.state == "edited":
        return "EDITED PLAN, NOT APPROVED"
    return "UNREVIEWED PLAN: no person has checked it"


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
        self._turned_to_front = False
        self._furnished = False
        viewer.dims.events.order.connect(self._on_dims)
        viewer.dims.events.ndisplay.connect(self._on_dims)
        viewer.layers.events.inserted.connect(self._on_layers)
        viewer.layers.events.removed.connect(self._on_layers)
        self._on_layers()

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
            Which one; 3D is seen from the front, head up.
        """
        viewer = self._viewer()
        if viewer is None or not self._is_ours():
            return
        self._order = _ORDERS[view]
        viewer.dims.ndisplay = 3 if view == "3d" else 2
        viewer.dims.order = _ORDERS[view]
        self._put_right()
        viewer.reset_view()
        if view == "3d":
            self._see_from_the_front()

    def fly_to(self, point_world: Any) -> None:
        """Bring one position into all views.

        Parameters
        ----------
        point_world : array_like, shape (3,)
            Where, in the viewer's world.
        """
        viewer = self._viewer()
        if viewer is None or viewer.dims.ndim != 3:
            return
        where = [float(v) for v in point_world]
        viewer.dims.set_point(range(3), where)
        viewer.scene.camera.center = tuple(where[axis] for axis in viewer.dims.displayed)

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
        self._say_review()

    def _on_dims(self, event: object = None) -> None:
        self._put_right()

    def _put_right(self) -> None:
        viewer = self._viewer()
        if viewer is None or not self._is_ours():
            return
        self._furnish(viewer)
        if viewer.dims.ndisplay == 3:
            # An odd order of the axes would mirror the patient.
            self._set_order(viewer, AXIAL, remember=False)
            self._set_orientation(viewer, ("away", "down", "right"))
            if not self._turned_to_front:
                self._see_from_the_front()
            return
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

    def _see_from_the_front(self) -> None:
        viewer = self._viewer()
        if viewer is not None:
            self._turned_to_front = True
            viewer.scene.camera.set_view_direction(view_direction=(0.0, 1.0, 0.0), up_direction=(1.0, 0.0, 0.0))

    def _say_review(self) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        plans = self._plans()
        note = viewer.canvas.overlays.text
        said = note.text.endswith(NOT_CERTIFIED)
        if not plans:
            if said:
                note.visible, note.text = False, ""
            return
        # Of several plans the one that is furthest from approved speaks.
        least = min(plans, key=lambda plan: ("unreviewed", "edited", "approved").index(plan.review.state))
        note.text = f"{review_words(least.review)}. {NOT_CERTIFIED}"
        note.color, note.font_size, note.position = _WARNING_COLOUR, 9, "top_center"
        note.visible = True
