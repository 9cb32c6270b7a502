"""The C-arm of one viewer: where it stands, what it shows; it follows what is chosen. It knows no widget."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_cement._closing import when_closing
from napari_cement._focus import Shown, focus_of
from napari_cement._latest import LatestWins
from napari_cement._session import session_of
from napari_cement.widgets.fluoroscopy.picture_saver import PictureSaver
from planner.config.gantry import GantryLimits
from planner.model.carm import CArm
from planner.progress import SILENT, Monitor
from planner.station.carm.gantry_dial import Dial, dial_of, dial_words, dragged, held_to_reach, is_reached, turned_to
from planner.station.choice import choice_of

if TYPE_CHECKING:
    from planner.station.carm.fluoro_overlays import Overlays
    from planner.station.carm.fluoro_views import BetterView, OfferedView
    from planner.station.carm.turning import TurnedPicture, TurningView

_REST_MS, _HELD_MS = 120, 500
"""After the last turn: then the picture is taken with all pixels. While the hand still holds it, later."""
_NO_CT = "Fluoroscopy is reckoned from the CT: open one."
_READYING = "Getting the CT ready …"


_BY_HAND = "Turned by hand."
"""Instead of the name of a view that it is no longer."""


class TurnedCArm(QObject):
    """Turns the C-arm about the case that is shown, and has pictures taken in the background.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer whose case it is.
    parent : QObject or None
        Its parent.
    """

    turned = Signal()
    """The C-arm stands elsewhere."""
    pictureChanged = Signal()
    looked = Signal()
    """It was turned to a view by name, not by hand: what is shown of the picture may be chosen anew."""
    viewsChanged = Signal()
    """Other views are offered."""
    said = Signal(str)
    """Something to be told to the user."""

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._focus, self._session = focus_of(viewer), session_of(viewer)
        self._latest = LatestWins(self)
        when_closing(viewer, self._latest.shut_down)
        self._latest.failed.connect(lambda words: self.said.emit(f"{words[:1].upper()}{words[1:]}."))
        self._saver = PictureSaver(viewer, self.said.emit, while_there=self)
        self._made_for: Shown | None = None
        self._scan = self._focus.shown.scan
        self._view: TurningView | None = None
        self._carm: CArm | None = None
        self._wanted: Overlays | None = None
        self._binning: int | None = None
        self.picture: TurnedPicture | None = None
        self.words = _NO_CT
        self.views: list[OfferedView] = []
        self.follows = True
        self.holds = True
        self.is_held = False
        self._is_awake = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(lambda: self._take_picture(binning=1))
        self._focus.shownChanged.connect(self._on_shown)
        self._focus.reviewChanged.connect(self._on_review)
        self._focus.chosenChanged.connect(self._on_chosen)
        for changed in (self._focus.aimChanged, self._focus.hiddenChanged, self._focus.cementChanged):
            changed.connect(self.refresh)

    @property
    def carm(self) -> CArm | None:
        """Where it stands; None before a CT is there."""
        return self._carm

    @property
    def dial(self) -> Dial | None:
        """What is dialled; None before a CT is there."""
        return None if self._view is None or self._carm is None else dial_of(self._carm, self._view.scene.position)

    @property
    def dial_words(self) -> str:
        """Where the detector stands, and what is dialled for that; empty before a CT is there."""
        return "" if self._view is None or self._carm is None else dial_words(self._carm, self._view.scene.position)

    def reaches(self, view: "OfferedView") -> bool | None:
        """Say whether the gantry can be turned to a view; None where that is not known."""
        if self._view is None:
            return None
        return is_reached(view.carm, self._view.scene.position, self._view.config.fluoroscopy.gantry)

    @property
    def gantry(self) -> GantryLimits | None:
        """How far the gantry turns; None where it is not known how the patient lies to it."""
        if self._view is None or self._view.scene.position is None:
            return None
        return self._view.config.fluoroscopy.gantry

    @property
    def overlays(self) -> "Overlays":
        """What is drawn over the picture, as the user chose it."""
        if self._wanted is None:
            from planner.station.carm.fluoro_overlays import Overlays

            self._wanted = Overlays()
        return self._wanted

    def set_overlays(self, **changes: Any) -> None:
        """Draw other things over the picture; the names are those of `Overlays`."""
        self._wanted = replace(self.overlays, **changes)
        self.refresh()

    def wake(self) -> None:
        """Begin to take pictures: somebody is looking."""
        self._is_awake = True
        if self._made_for is not self._focus.shown:
            self._on_shown()
        else:
            self.refresh()

    def sleep(self) -> None:
        """Take no more pictures."""
        self._is_awake = False
        self._rest.stop()
        self._latest.drop()
        if self._view is None:
            self._made_for = None

    def turn_to(self, primary_deg: float, secondary_deg: float) -> None:
        """Turn to angles that are dialled, degrees."""
        if self._view is not None and self._carm is not None:
            self.said.emit(_BY_HAND)
            self._turn(turned_to(self._carm, primary_deg, secondary_deg, self._view.scene.position))

    def drag(self, right: float, down: float) -> None:
        """Turn as a hand does that goes so far over the picture, in shares of its width."""
        if self._carm is not None:
            self.said.emit(_BY_HAND)
            self._turn(dragged(self._carm, right, down))

    def look(self, view: "OfferedView") -> None:
        """Turn to a view by name, also beyond the gantry's reach: the picture says so then."""
        self._turn(view.carm, held=False)
        self.said.emit(f"{view.name}: {view.words}." if view.words else f"{view.name}.")

    def centre_on_chosen(self) -> None:
        """Bring the chosen thing into the middle, from the same direction."""
        plan, chosen = self._focus.shown.plan, self._focus.chosen
        found = None if plan is None or chosen is None else choice_of(plan, chosen.kind, chosen.id)
        place = None if found is None else found.place_lps
        if place is None:
            self.said.emit("Nothing is chosen that the plan tells the place of.")
        elif self._carm is not None:
            self._turn(self._carm.model_copy(update={"isocentre_lps": place}), held=False)

    def look_for_better(self) -> None:
        """Look for a view near by that shows more of the gap, turn there, and say why."""
        view, carm, gap_id = self._view, self._carm, self._marked_gap()
        if view is None or carm is None or gap_id is None:
            self.said.emit("There is no gap to be seen.")
            return

        def work(monitor: Monitor) -> "BetterView | None":
            from planner.station.carm.fluoro_views import better_view_near

            target = view.target(gap_id)
            return None if target is None else better_view_near(target, carm, view.config.visibility)

        def take(found: "BetterView | None") -> None:
            if found is None:
                self.said.emit(f"Not known: {gap_id} has no voxels here, or nobody said how the patient lies.")
                return
            if found.carm is not None:
                self._turn(found.carm, held=False)
            self.said.emit(f"{found.words[:1].upper()}{found.words[1:]}.")

        self._latest.ask("better", work, take)

    def save(self, path: Path) -> None:
        """Write the view as it is shown, PNG or DICOM, whole or not at all."""
        scan = self._focus.shown.scan
        if self._view is None or scan is None:
            self.said.emit("There is no picture to be saved.")
            return
        # The view keeps what it made last, and is for one thread at a time.
        view = self._view.apart()
        take_one = self._picture_of(1, view)

        def write() -> None:
            from planner.station.carm.turning import save_picture

            save_picture(view, take_one(SILENT), path, scan)

        self._saver.save(path, write)

    def name(self) -> str:
        """Give a name for a file of this view."""
        offered = next((v.name for v in self.views if v.carm == self._carm), None)
        if offered is None and self._carm is not None:
            offered = Dial(self._carm.primary_deg, self._carm.secondary_deg, at_console=False).words
        return "fluoro-" + (offered or "view").translate(str.maketrans({"'": None, ":": None, " ": "-"}))

    def refresh(self) -> None:
        """Take a picture of what is there now, a quick one first."""
        if self._view is None or self._carm is None or not self._is_awake:
            return
        from planner.station.carm.fluoro_binning import first_binning

        if self._binning is None:
            self._binning = first_binning(self._carm)
        self._take_picture(binning=self._binning)
        self._rest.start(_HELD_MS if self.is_held else _REST_MS)

    def _on_shown(self) -> None:
        shown = self._focus.shown
        self._latest.drop()
        self._rest.stop()
        self._made_for = None
        self._view, self.picture, self.views = None, None, []
        if shown.scan is not self._scan:
            self._carm, self._scan = None, shown.scan
        self.words = _NO_CT if shown.scan is None else _READYING
        self.pictureChanged.emit()
        self.viewsChanged.emit()
        if self._is_awake:
            self._start()

    def _on_review(self, before: Shown) -> None:
        """Letter the picture anew; what it is taken of stays as it is."""
        shown = self._focus.shown
        if self._made_for is not before:
            return
        self._made_for = shown
        if self._view is None or shown.plan is None:
            if self._is_awake:
                self._start()  # it was being made ready with the review of before
            return
        self._latest.drop()
        # Letters of before do not stay until the new picture is there.
        self._view, self.picture = self._view.with_review(shown.plan.review), None
        self.pictureChanged.emit()
        self.refresh()

    def _start(self) -> None:
        self._made_for = self._focus.shown
        if self._made_for.scan is not None:
            self._make_ready(self._made_for)

    def _make_ready(self, shown: Shown) -> None:
        config = self._session.config

        def work(monitor: Monitor) -> "tuple[TurningView, list[OfferedView]]":
            # Loading it takes seconds: not while the window opens.
            from planner.station.carm.fluoro_views import offered_views
            from planner.station.carm.turning import turning_view_of_case, turning_view_of_ct

            if shown.case is not None:
                view = turning_view_of_case(shown.case, config)
            else:
                scan = shown.scan
                assert scan is not None  # looked at before the work is asked for
                view = turning_view_of_ct(scan, config, plan=shown.plan, labels=shown.labels, monitor=monitor)
            gaps = () if shown.plan is None else shown.plan.gaps
            middle = gaps[0].centroid_lps if gaps else view.scene.middle_lps
            return view, offered_views(view.scene, config.fluoroscopy, about_lps=middle)

        def take(made: "tuple[TurningView, list[OfferedView]]") -> None:
            from planner.station.carm.fluoro_views import first_view

            self._view, self.views = made
            self.viewsChanged.emit()
            if self._focus.chosen is not None and self.follows:
                self._on_chosen()
            carm, position = self._carm, self._view.scene.position
            # A plan says how the patient will lie: what the CT alone was seen from may be out of reach then.
            if carm is None or is_reached(carm, position, config.fluoroscopy.gantry) is False:
                self._turn(first_view(self.views, self._view.scene, config.fluoroscopy).carm, held=False)
            else:
                self.turned.emit()
                self.refresh()

        self._latest.ask("ready", work, take)

    def _on_chosen(self) -> None:
        chosen = self._focus.chosen
        if self._view is None or chosen is None:
            return
        if not self.follows or chosen.kind not in ("needle", "breach", "gap"):
            self.refresh()
            return
        from planner.station.carm.fluoro_views import view_of_thing

        found = view_of_thing(chosen.kind, chosen.id, self._view.scene, self._view.config.fluoroscopy)
        if isinstance(found, str):
            self.said.emit(f"{found[:1].upper()}{found[1:]}.")
            self.refresh()
        else:
            self.look(found)

    def _turn(self, carm: CArm, *, held: bool = True) -> None:
        view = self._view
        if view is None:
            return
        if held and self.holds:
            carm = held_to_reach(carm, view.scene.position, view.config.fluoroscopy.gantry)
        self._carm = carm
        if not held:
            self.looked.emit()
        self.turned.emit()
        self.refresh()

    def _take_picture(self, *, binning: int) -> None:
        if self._view is None or self._carm is None or not self._is_awake:
            return
        take_one = self._picture_of(binning, self._view)

        def work(monitor: Monitor) -> "tuple[TurnedPicture, float]":
            began = time.perf_counter()
            return take_one(monitor), time.perf_counter() - began

        def take(result: "tuple[TurnedPicture, float]") -> None:
            from planner.station.carm.fluoro_binning import next_binning

            self.picture, took_s = result
            if binning > 1:
                self._binning = next_binning(binning, took_s, self.picture.carm)
            self.pictureChanged.emit()

        self._latest.ask("picture", work, take, yields=binning == 1)

    def _picture_of(self, binning: int, view: "TurningView") -> "Callable[[Monitor], TurnedPicture]":
        """Hold fast what is to be taken, for it changes while the work waits."""
        from planner.station.carm.fluoro_overlays import CementIn, OwnCourse

        carm = self._carm
        assert carm is not None
        focus, chosen = self._focus, self._focus.chosen
        aim, cement = focus.aim, focus.cement
        overlays = replace(
            self.overlays,
            chosen=chosen.id if chosen is not None and chosen.kind == "needle" else None if aim is None else aim.id,
            marked_gap=self._marked_gap(),
            hidden=focus.hidden,
            own=None if aim is None or aim.id is not None else OwnCourse(aim.path_lps, aim.diameter_mm),
        )
        inside = None if cement is None else CementIn(cement.where, cement.injected_ml)
        return lambda monitor: view.picture(carm, overlays, binning=binning, cement=inside, monitor=monitor)

    def _marked_gap(self) -> str | None:
        """Give the gap that what is chosen belongs to, else the plan's first."""
        from planner.station.carm.fluoro_views import gap_of_thing

        plan, chosen = self._focus.shown.plan, self._focus.chosen
        if plan is None:
            return None
        return (None if chosen is None else gap_of_thing(plan, chosen.id)) or next((g.id for g in plan.gaps), None)
