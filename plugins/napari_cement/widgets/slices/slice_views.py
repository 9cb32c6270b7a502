"""The dock with three linked cuts: along the patient's axes, or with the needle that is looked along."""

from typing import Any

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QBoxLayout, QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_cement._editors import editors_of
from napari_cement._focus import focus_of
from napari_cement._layers import origin_of
from napari_cement._letters import letters_of
from napari_cement._session import session_of
from napari_cement.drawn.wish_layers import WISH_COLOURS, WISHES
from napari_cement.edit.painted_layer import painted_gaps, stroke_of
from napari_cement.widgets.slices.canvas_link import link_of
from napari_cement.widgets.slices.content import Content
from napari_cement.widgets.slices.depth_bar import DepthBar
from napari_cement.widgets.slices.slice_view import Framing, SliceView
from planner.config.wishes_config import Region, WishedTarget
from planner.errors import GeometryError
from planner.geometry.frames import point_tuple
from planner.geometry.grid import Grid
from planner.model.needle import NeedleWay
from planner.model.record import PointLps
from planner.model.volume import Mask
from planner.report.review_words import review_words
from planner.station.reslice.course import BEYOND_TIP_MM, Course, depth_marks
from planner.station.reslice.crossings import ways_shown
from planner.station.reslice.cuts import View, covering_half_mm, needle_views, patient_views, stepped
from planner.station.reslice.readout import in_words, read_at
from planner.station.reslice.slices import colours_of, slice_step_mm
from planner.station.reslice.windows import WINDOWS, Window, name_of

PATIENT, NEEDLE = "patient axes", "along the needle"
FILLED, OUTLINED, NONE = "filled", "outlines", "no overlay"
_BY_HAND = "by hand"
_DEPTH_STEP_MM = 1.0
"""A notch of the wheel, along the needle. Ours: no finer than needles are held."""
_EYE_HALF_MM = 35.0
_ROOM_MM = 14.0
"""Round a needle: its own gap and the bone beside it, as in the report's pictures."""
_NO_CUT_HALF_MM = 100.0


class SliceViews(QWidget):
    """Three linked cuts: each moves the place that all share, and follows it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer that they belong to.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.focus = focus_of(self._viewer)
        self._session, self._editors = session_of(self._viewer), editors_of(self._viewer)
        letters_of(self._viewer)
        self._link = link_of(self._viewer)
        self._unreadable: Mask | None = None
        self._painted = painted_gaps(napari_viewer)
        self._stroke = stroke_of(napari_viewer)
        self._course: Course | None = None
        self._is_mine = False
        self._was_along = False
        self._patient_framing: list[Framing] = []
        self.views = (SliceView(), SliceView(), SliceView())
        self.windows, self.structures, self.axes = QComboBox(), QComboBox(), QComboBox()
        self.fit_button = QPushButton("Fit")
        self.depth = DepthBar()
        self.readout = QLabel()
        self._lay_out()
        self._connect()
        self._on_shown()

    def value(self) -> Window:
        """Give the window on the grey values that all views have."""
        return self.views[0].value()

    def setValue(self, window: Window) -> None:  # Qt's manner
        """Take another window for all views, napari's own CT layers too."""
        for view in self.views:
            view.setValue(window)
        name = name_of(window)
        self.windows.blockSignals(True)
        self.windows.setCurrentText(name or _BY_HAND)
        self.windows.blockSignals(False)
        for layer in self._viewer.layers:
            origin = origin_of(layer)
            if origin is not None and origin.scan is not None and hasattr(layer, "contrast_limits"):
                layer.contrast_limits = (window.low_hu, window.high_hu)

    @property
    def is_along_needle(self) -> bool:
        """Whether the cuts go with a needle."""
        return self._course is not None and self.axes.currentText() == NEEDLE

    def show_along_needle(self, wanted: bool) -> None:  # noqa: FBT001  # a switch
        """Cut with the needle that is looked along, or along the patient's axes."""
        self.axes.setCurrentText(NEEDLE if wanted else PATIENT)

    def fit(self) -> None:
        """Show all of the CT, or all of the needle."""
        shown = self._cuts()
        if shown is None:
            return
        if self.is_along_needle and self._course is not None:
            self._fit_needle(shown, self._course)
            return
        grid = self._grid()
        if grid is not None:
            for widget, view in zip(self.views, shown, strict=True):
                centred = patient_views(grid.centre_lps, half_mm=1.0)[shown.index(view)]
                widget.look_at(grid.centre_lps, half_mm=covering_half_mm(centred.cut, grid.corners_lps))

    def _fit_needle(self, shown: tuple[View, View, View], course: Course) -> None:
        self.views[0].look_at(shown[0].cut.centre_lps, half_mm=(_EYE_HALF_MM, _EYE_HALF_MM))
        ends = [*course.path_lps, course.at(course.length_mm + BEYOND_TIP_MM)]
        middle = 0.5 * (ends[0] + ends[-1])
        for widget, view in zip(self.views[1:], shown[1:], strict=True):
            at, _ = view.cut.project(np.array([*ends, middle]))
            wide, tall = np.abs(at[:-1] - at[-1]).max(axis=0) + _ROOM_MM
            widget.look_at(middle, half_mm=(float(wide), float(tall)))

    def _lay_out(self) -> None:
        self.windows.addItems([*WINDOWS, _BY_HAND])
        self.structures.addItems([FILLED, OUTLINED, NONE])
        self.axes.addItems([PATIENT, NEEDLE])
        self.windows.setToolTip("Window on the CT's grey values; the right mouse button sets it by hand")
        self.structures.setToolTip("The plan's structures over the CT")
        self.axes.setToolTip("Cut along the patient's axes, or with the chosen needle")
        self.fit_button.setToolTip("Show all of the CT, or all of the needle")
        bar = QHBoxLayout()
        bar.setSpacing(3)
        bar.addWidget(QLabel("window"))
        for box in (self.windows, self.structures, self.axes):
            bar.addWidget(box)
        bar.addWidget(self.fit_button)
        bar.addStretch(1)
        self._pictures = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._pictures.setSpacing(2)
        for view in self.views:
            self._pictures.addWidget(view, 1)
        self.readout.setTextFormat(Qt.TextFormat.PlainText)
        self.readout.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addLayout(bar)
        layout.addWidget(self.depth)
        layout.addLayout(self._pictures, 1)
        layout.addWidget(self.readout)
        self.depth.hide()

    def _connect(self) -> None:
        focus = self.focus
        focus.shownChanged.connect(self._on_shown)
        focus.reviewChanged.connect(self._fill)
        focus.cursorChanged.connect(self._on_cursor)
        focus.aimChanged.connect(self._on_aim)
        focus.depthChanged.connect(self._on_depth)
        focus.cementChanged.connect(self._fill)
        focus.hiddenChanged.connect(self._fill)
        focus.handlesChanged.connect(self._on_handles)
        self._session.wishesChanged.connect(self._fill)
        self._editors.aboutChanged.connect(self._fill)
        self._editors.changed.connect(self._on_edited)
        self._link.hovered.connect(self._read)
        self.windows.currentTextChanged.connect(self._on_preset)
        self.structures.currentIndexChanged.connect(self._fill)
        self.axes.currentIndexChanged.connect(self._on_axes)
        self.fit_button.clicked.connect(self.fit)
        self.depth.valueChanged.connect(self._go_to_depth)
        for view in self.views:
            view.pointed.connect(lambda point, view=view: self._on_pointed(view, point))
            view.stepped.connect(lambda steps, view=view: self._on_stepped(view, steps))
            view.hovered.connect(self._read)
            view.windowChanged.connect(self.setValue)
            view.enlarged.connect(lambda view=view: self._enlarge(view))
            view.dragged.connect(focus.handleMoved)
            view.dropped.connect(self._refresh)

    def resizeEvent(self, event: Any) -> None:  # Qt's name
        """Lay the views one below the other in a tall dock, side by side in a wide one."""
        tall = self.height() >= self.width()
        wanted = QBoxLayout.Direction.TopToBottom if tall else QBoxLayout.Direction.LeftToRight
        if self._pictures.direction() != wanted:
            self._pictures.setDirection(wanted)
        super().resizeEvent(event)

    def minimumSizeHint(self) -> QSize:  # Qt's name
        """Ask for the height of one picture: in a dock that gets no more they stand side by side."""
        hint, spare = super().minimumSizeHint(), self._pictures.minimumSize().height() - self.views[0].minimumHeight()
        return QSize(hint.width(), hint.height() - max(spare, 0))

    def _grid(self) -> Grid | None:
        shown = self.focus.shown
        if shown.scan is not None:
            return shown.scan.volume.grid
        return None if shown.labels is None else shown.labels.grid

    def _way(self) -> NeedleWay | None:
        """Give the plan's account of the needle that is looked along."""
        plan, aim = self.focus.shown.plan, self.focus.aim
        if plan is None or aim is None or aim.id is None:
            return None
        return next((way for way in plan.ways if way.id == aim.id), None)

    def _cuts(self) -> tuple[View, View, View] | None:
        if self.is_along_needle and self._course is not None:
            return needle_views(self._course, self.focus.depth_mm, half_mm=_EYE_HALF_MM)
        if self.focus.cursor_lps is None or self._grid() is None:
            return None
        return patient_views(self.focus.cursor_lps, half_mm=_NO_CUT_HALF_MM)

    def _on_shown(self) -> None:
        grid, self._unreadable = self._grid(), self.focus.shown.unreadable
        cursor = self.focus.cursor_lps
        if grid is not None and (cursor is None or not bool(grid.contains(cursor))):
            self.focus.set_cursor(point_tuple(grid.centre_lps))
        self._on_aim()
        self._fill()
        self._on_handles()
        self.fit()
        self.setValue(self.value())

    def _on_cursor(self) -> None:
        self._refresh()
        if not self._is_mine and not self.is_along_needle:
            self._keep_in_sight()
        self._read(None)

    def _keep_in_sight(self) -> None:
        """Bring the place that all views share into the picture where it has left it."""
        cursor = self.focus.cursor_lps
        for view in self.views:
            if cursor is not None and not view.shows(cursor):
                view.look_at(cursor)

    def _on_aim(self) -> None:
        """Follow the needle that is looked along; another one is shown whole, a moved one stays where it is."""
        aim, before = self.focus.aim, self._course
        self._course = None
        if aim is not None:
            try:
                self._course = Course(np.asarray(aim.path_lps))
            except GeometryError:
                self._course = None
        if self._course is not None:
            self.depth.set_marks(depth_marks(self._course, self._way()))
        if before is None or self._course is None:
            self.axes.blockSignals(True)
            self.axes.setCurrentText(PATIENT if self._course is None else NEEDLE)
            self.axes.blockSignals(False)
        self.axes.setEnabled(self._course is not None)
        self._fill()
        self.depth.setValue(self.focus.depth_mm)
        self._on_axes()
        if self.is_along_needle and aim is not None and aim.id is not None:
            self.fit()

    def _on_axes(self) -> None:
        """Frame the cuts anew when they turn; back along the patient's axes they show what they showed before."""
        is_along = self.is_along_needle
        if is_along and not self._was_along:
            self._patient_framing = [view.framing() for view in self.views]
        self._refresh()
        if is_along and not self._was_along:
            self.fit()
        elif self._was_along and not is_along:
            for view, framing in zip(self.views, self._patient_framing, strict=True):
                view.set_framing(framing)
            self._keep_in_sight()
        self._was_along = is_along

    def _on_depth(self) -> None:
        self.depth.setValue(self.focus.depth_mm)
        self._refresh()

    def _on_handles(self) -> None:
        for view in self.views:
            view.set_handles(self.focus.handles)

    def _on_preset(self, name: str) -> None:
        if name in WINDOWS:
            self.setValue(WINDOWS[name])

    def _on_pointed(self, view: SliceView, point_lps: PointLps) -> None:
        self._is_mine = True
        if self.is_along_needle and self._course is not None and view is not self.views[0]:
            self.focus.set_depth(self._course.depth_of(point_lps))
        self.focus.set_cursor(point_lps)
        self._is_mine = False

    def _on_stepped(self, view: SliceView, steps: int) -> None:
        grid, cursor, cut = self._grid(), self.focus.cursor_lps, view.cut
        if self.is_along_needle:
            self._go_to_depth(self.focus.depth_mm + steps * _DEPTH_STEP_MM)
        elif grid is not None and cursor is not None and cut is not None:
            way = steps * slice_step_mm(grid, cut) * cut.normal_lps
            self.focus.set_cursor(stepped(grid, cursor, way))

    def _go_to_depth(self, depth_mm: float) -> None:
        """Cut at another depth; the place that all views share goes along."""
        if self._course is None:
            return
        depth = float(np.clip(depth_mm, 0.0, self._course.length_mm + BEYOND_TIP_MM))
        self.focus.set_depth(depth)
        self.focus.set_cursor(point_tuple(self._course.at(depth)))

    def _refresh(self) -> None:
        shown = self._cuts()
        self.depth.setVisible(self.is_along_needle)
        for number, widget in enumerate(self.views):
            widget.set_cursor(self.focus.cursor_lps)
            if shown is None:
                widget.set_view(None)
            elif not widget.is_dragging:  # the plane that one drags in stays
                common = point_tuple(shown[0].cut.centre_lps)
                widget.set_view(shown[number], shown[:number] + shown[number + 1 :], common_lps=common)
        if shown is not None and self.is_along_needle and not self.views[0].is_dragging:
            self.views[0].look_at(shown[0].cut.centre_lps)

    def _drawn(self) -> tuple[tuple[WishedTarget | Region, str], ...]:
        """Give targets and regions that a person drew, each with its colour; none that are of another CT."""
        if not self._editors.are_of_shown:
            return ()
        wishes = self._session.wishes
        return tuple((drawn, WISH_COLOURS[wish]) for wish in WISHES for drawn in getattr(wishes, wish))

    def _fill(self, *_: object) -> None:
        """Hand the views what they cut through and draw."""
        focus, shown = self.focus, self.focus.shown
        aim, way = focus.aim, self._way()
        table = None
        if shown.labels is not None and self.structures.currentText() != NONE:
            with_bone = shown.scan is None
            table = colours_of(shown.labels, plan=shown.plan, hidden=focus.hidden, with_bone=with_bone)
        ways: tuple[NeedleWay, ...] = ()
        if shown.plan is not None:
            ways = ways_shown(shown.plan, chosen=None if way is None else way.id, hidden=focus.hidden)
        is_own = aim is not None and way is None and self._course and self._editors.are_of_shown
        own = ((aim.path_lps, aim.diameter_mm),) if aim is not None and is_own else ()
        content = Content(
            volume=None if shown.scan is None else shown.scan.volume,
            labels=shown.labels,
            table=table,
            is_filled=self.structures.currentText() == FILLED,
            unreadable=self._unreadable if self.structures.currentText() != NONE else None,
            cement=None if focus.cement is None else focus.cement.where,
            painted=self._painted if self._editors.are_of_shown else None,
            plan=shown.plan,
            ways=ways,
            own=own,
            drawn=self._drawn(),
            hidden=focus.hidden,
            note=None if shown.plan is None else review_words(shown.plan.review),
        )
        for view in self.views:
            view.set_content(content)
        self._read(None)

    def _on_edited(self) -> None:
        """Draw gaps as they are painted."""
        before, self._stroke = self._stroke, stroke_of(self._viewer)
        if before != self._stroke:
            self._painted = painted_gaps(self._viewer)
            self._fill()

    def _read(self, point_lps: PointLps | None) -> None:
        """Say what lies under the mouse, or where no mouse is, at the place that all views share."""
        shown = self.focus.shown
        point = self.focus.cursor_lps if point_lps is None else point_lps
        if point is None:
            self.readout.setText("")
            return
        told = read_at(point, scan=shown.scan, labels=shown.labels, plan=shown.plan, unreadable=self._unreadable)
        self.readout.setText(in_words(told))

    def _enlarge(self, view: SliceView) -> None:
        is_alone = all(not other.isVisible() for other in self.views if other is not view)
        for other in self.views:
            other.setVisible(is_alone or other is view)
