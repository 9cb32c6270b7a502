"""The plan's layers follow what is chosen and what is hidden, in cuts and in 3D."""

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Labels, Layer, Points, Shapes, Surface

from napari_cement._at_once import at_once
from napari_cement._closing import when_closing
from napari_cement._display import display_of
from napari_cement._focus import Shown, focus_of
from napari_cement._layers import METADATA, origin_of
from napari_cement._per_viewer import real_viewer
from napari_cement._work import Work
from napari_cement.drawn.cursor_layer import CursorLayer
from napari_cement.drawn.needle_layers import needle_sizes
from napari_cement.drawn.plan_layers import UNREADABLE_LAYER, unreadable_layers
from napari_cement.drawn.ready_layers import LaterLayers
from napari_cement.drawn.surface_layers import IDS, SURFACE_LAYERS, groups_of, mesh_of, somewhere, surface_layers
from planner.progress import Monitor
from planner.station.surfaces import Surface as PlanSurface
from planner.station.surfaces import surfaces_of
from planner.station.viewpoint import needles_side

_Surfaces = tuple[PlanSurface, ...]


class PlanScene:
    """Draws the plan's surfaces, and lets all layers of the plan follow the viewer's focus.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer; only a weak reference is kept.
    """

    def __init__(self, viewer: Any) -> None:
        real = real_viewer(viewer)
        self._viewer = weakref.ref(real)
        self._focus = focus_of(real)
        self._display = display_of(real)
        self._needle: str | None = None
        self._drawn: Shown | None = None
        self._surfaces: _Surfaces = ()
        self._run = 0
        self._work: Work[_Surfaces] | None = None
        self._later = LaterLayers(real, self._display, self.follow)
        when_closing(real, self._on_closing)
        self._focus.shownChanged.connect(self._on_shown)
        self._focus.reviewChanged.connect(self._on_review)
        self._focus.chosenChanged.connect(self._on_chosen)
        self._focus.hiddenChanged.connect(self.follow)
        real.dims.events.ndisplay.connect(self._on_dims)
        self._cursor = CursorLayer(real)

    def show_needle(self, needle: str | None) -> None:
        """Show one needle in full.

        Parameters
        ----------
        needle : str or None
            Its id; None shows the first of each target, and all locked ones.
        """
        if needle != self._needle:
            self._needle = needle
            self.follow()

    def bring(self, layers: Sequence[Layer]) -> None:
        """Bring in the layers of the shown plan for cuts: in 3D, where nobody sees them, one after the other.

        Parameters
        ----------
        layers : sequence of Layer
            As `ready_layers` made them.
        """
        self._later.bring(layers)

    def drop_waiting(self) -> None:
        """Forget what was to be brought in: the plan goes."""
        self._later.drop()

    def _on_closing(self) -> None:
        """Forget what is being made too: layers that come after napari's sliders have gone make napari fail."""
        self.drop_waiting()
        self._run += 1
        if self._work is not None:
            self._work.quit()

    def _on_chosen(self) -> None:
        chosen = self._focus.chosen
        self.show_needle(chosen.id if chosen is not None and chosen.kind == "needle" else None)

    def _on_dims(self, event: object = None) -> None:
        if self._focus.shown is not self._drawn:
            self._on_shown()

    def _on_shown(self) -> None:
        viewer, shown = self._viewer(), self._focus.shown
        if viewer is None:
            return
        self._run += 1  # what is still being made is of another plan
        self._drawn, self._needle = None, None
        if shown.plan is None:
            return
        self._later.bring_all()  # of this plan: the session drops what is of another
        self._show_unreadable(viewer, shown)
        if shown.surfaces is not None:
            self._draw(shown, shown.surfaces)
        elif viewer.dims.ndisplay == 3:
            self._make(shown)

    def _show_unreadable(self, viewer: Any, shown: Shown) -> None:
        """Show what metal artefacts hide, where that is known and its layer is not there; older folders hold none."""
        unreadable = shown.unreadable
        ours = list(self._ours())
        name = UNREADABLE_LAYER[1]
        if unreadable is None or shown.plan is None or not ours or any(layer.name == name for layer in ours):
            return
        below_all = viewer.layers.index(ours[0])
        for data, arguments, kind in unreadable_layers(shown.plan, unreadable):
            layer = Layer.create(data, arguments, kind)
            layer.editable = False
            viewer.layers.insert(below_all, layer)

    def _on_review(self, before: Shown) -> None:
        """Let the layers that are there belong to the same plan with its other review."""
        viewer, shown = self._viewer(), self._focus.shown
        if viewer is None:
            return
        self._later.bring_all()
        for layer in viewer.layers:
            origin = origin_of(layer)
            if origin is not None and origin.plan is before.plan:
                layer.metadata[METADATA] = replace(origin, plan=shown.plan)
        if self._drawn is before:
            self._drawn = shown
        self._display.say_review()

    def _make(self, shown: Shown) -> None:
        """Make the surfaces of a plan that came without, not in the GUI's thread."""
        plan = shown.plan
        if plan is None:
            return

        def work(monitor: Monitor) -> _Surfaces:
            return surfaces_of(plan, shown.labels, monitor=monitor)

        def take(run: int, surfaces: _Surfaces) -> None:
            if run == self._run:  # perhaps with another review meanwhile
                self._draw(self._focus.shown, surfaces)

        if self._work is not None:
            self._work.quit()
        self._work = Work(self._run, work)
        self._work.signals.done.connect(take)
        self._work.start()

    def _draw(self, shown: Shown, surfaces: _Surfaces) -> None:
        viewer = self._viewer()
        if viewer is None or shown.plan is None:
            return
        there = [layer for layer in self._ours() if isinstance(layer, Surface)]
        self._drawn = shown
        self._surfaces = surfaces
        with at_once(viewer):
            for layer in there:
                viewer.layers.remove(layer)
            for layer in self._display.add(surface_layers(shown.plan, surfaces)):
                layer.events.visible.connect(self._follow_surfaces)
            self._display.look_from(needles_side(shown.plan.ways))
            self.follow()

    def follow(self) -> None:
        """Let all layers of the plan, new ones too, show what is chosen and not hidden."""
        hidden = self._focus.hidden
        for layer in self._ours():
            if isinstance(layer, Points) and {"trajectory", "rank"} <= set(layer.features):
                _resize_points(layer, needle_sizes(layer.features, self._needle, hidden))
            elif isinstance(layer, Points) and "breach" in layer.features:
                _hide_points(layer, hidden)
            elif isinstance(layer, Labels):
                _hide_labels(layer, hidden)
            elif isinstance(layer, Shapes) and "trajectory" in layer.features:
                _hide_lines(layer, hidden)
        self._follow_surfaces()

    def _follow_surfaces(self, event: object = None) -> None:
        """Draw what is chosen and not hidden; what is not looked at follows when its eye opens, for it takes time."""
        shown, hidden = self._drawn, self._focus.hidden
        if shown is None or shown.plan is None:
            return
        seen = [surface for surface in self._surfaces if surface.id not in hidden]
        groups = groups_of(shown.plan, seen, chosen=self._needle)
        layers = {layer.name: layer for layer in self._ours() if isinstance(layer, Surface)}
        for group, name, _, _ in SURFACE_LAYERS:
            layer = layers.get(name)
            if layer is None or not layer.visible:
                continue
            ids = tuple(surface.id for surface in groups.get(group, []))
            if layer.metadata[IDS] != ids:
                layer.metadata[IDS] = ids
                layer.data = mesh_of(groups.get(group, []), nowhere=somewhere(self._surfaces))

    def _ours(self) -> Iterator[Any]:
        viewer, plan = self._viewer(), self._focus.shown.plan
        for layer in [] if viewer is None or plan is None else list(viewer.layers):
            origin = origin_of(layer)
            if origin is not None and origin.plan is plan:
                yield layer


def _resize_points(layer: Any, sizes: Any) -> None:
    if not np.array_equal(layer.size, sizes):
        layer.size = sizes


def _hide_points(layer: Any, hidden: frozenset[str]) -> None:
    wanted = ~np.isin(np.asarray(layer.features["breach"]).astype(str), sorted(hidden))
    if not np.array_equal(layer.shown, wanted):
        layer.shown = wanted


def _hide_lines(layer: Any, hidden: frozenset[str]) -> None:
    colours = np.array(layer.edge_color)
    away = np.isin(np.asarray(layer.features["trajectory"]).astype(str), sorted(hidden))
    alpha = layer.metadata.setdefault("alpha", colours[:, 3].copy())
    wanted = np.where(away, 0.0, alpha)
    if not np.array_equal(wanted, colours[:, 3]):
        colours[:, 3] = wanted
        layer.edge_color = colours


def _hide_labels(layer: Any, hidden: frozenset[str]) -> None:
    """Make the colours of hidden structures transparent; the voxels stay, so that what lies there can be read."""
    if "id" not in layer.features:
        return
    ids = dict(zip(layer.features["index"], layer.features["id"].astype(str), strict=True))
    colours = dict(layer.colormap.color_dict)
    changed = False
    for code, name in ids.items():
        if not name or code not in colours:
            continue
        colour = np.array(colours[code], dtype=float)
        colour[3] = 0.0 if name in hidden else 1.0
        changed = changed or not np.array_equal(colour, colours[code])
        colours[code] = colour
    if changed:
        layer.colormap = colours
