"""How quickly the planning station answers, for ``python benchmarks/speed.py station``; run it under xvfb-run.

A case is shown in a real window as after planning, then what a person does is done to it some times over. "answered"
is when the window takes the next click: all layers and widgets are changed. "seen" is when canvas and cuts, whichever
the action concerns, have been painted too. "cpu" are the process's seconds until it is seen, of all threads: with
software OpenGL the drawing counts in it. Milliseconds, medians.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from napari_cement._station import Station
    from planner.pipeline import PlannedCase

_PATIENCE_S = 120.0
_TURNING_S = 6.0
_REST_S = 0.4
"""Between two actions: longer than all timers that wait for a person's rest."""


def planned_case(case: Path | None, kind: str) -> "PlannedCase":
    """Plan on a CT, or on a phantom's simulated scan."""
    from planner.config.plan_config import PlanConfig
    from planner.io import load_scan
    from planner.phantoms import design, make
    from planner.pipeline import plan_scan
    from planner.pipeline.scripted import scan_of

    settings = design(kind, seed=3).ideal
    scan = load_scan(case) if case is not None else scan_of(make(kind, seed=3, settings=settings).volume)
    return plan_scan(scan, PlanConfig())


def time_station(case: "PlannedCase", *, repeats: int) -> None:
    """Do what a person does in the station, and print how long each took."""
    import napari

    from napari_cement._display import display_of
    from napari_cement._station import open_station

    viewer = napari.Viewer(show=False)
    window = viewer.window._qt_window
    window.resize(1900, 1050)
    viewer.show()
    station = open_station(viewer)
    watch = Watch(viewer, station)
    try:
        _wait(0.5)
        print(f"{'action':<44}{'answered':>9}{'seen':>7}{'slowest':>9}{'cpu':>7}{'of':>5}")
        _time_show(watch, case)
        for view, words in (("3d", "3D"), ("axial", "2D")):
            display_of(viewer).show(view)
            _wait(1.5)
            _time_choosing(watch, case, words, repeats)
        _time_cuts(watch, case, repeats)
        _time_dragging(watch, case, repeats)
        display_of(viewer).show("3d")
        _time_turning(watch)
        _time_filling(watch, case, repeats)
    finally:
        viewer.close()


class Watch(QObject):
    """Tells when canvas and cuts have been painted.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    station : Station
        Its docks.
    """

    def __init__(self, viewer: Any, station: "Station") -> None:
        super().__init__()
        self.viewer, self.station = viewer, station
        self._painted: dict[object, float] = {}
        canvas = viewer.window._qt_viewer.canvas
        canvas._scene_canvas.events.draw.connect(lambda event: self._note("canvas"), position="last")
        for view in station.slices.views:
            view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note a cut that is painted; called by Qt."""
        if event.type() == QEvent.Type.Paint:
            self._note(watched)
        return False

    def _note(self, what: object) -> None:
        """Keep when it was painted first; what is painted later belongs to what goes on in the background."""
        self._painted.setdefault(what, time.perf_counter())

    @property
    def cuts(self) -> set[object]:
        """The three cuts."""
        return set(self.station.slices.views)

    def time(self, act: Callable[[], None], *, until: set[object]) -> tuple[float, float, float]:
        """Give ms until it is answered and until it is seen, and ms of work of all threads."""
        _wait(_REST_S)
        self._painted.clear()
        cpu_s, start_s = time.process_time(), time.perf_counter()
        act()
        answered_s = time.perf_counter()
        _until(lambda: until <= set(self._painted))
        seen_s = max(self._painted[what] for what in until)
        return 1e3 * (answered_s - start_s), 1e3 * (seen_s - start_s), 1e3 * (time.process_time() - cpu_s)


def _time_show(watch: Watch, case: "PlannedCase") -> None:
    from napari.layers import Layer

    from napari_cement._focus import Shown
    from napari_cement._layers import scan_layers
    from napari_cement._session import session_of
    from napari_cement.drawn.ready_layers import ready_layers
    from planner.station.surfaces import surfaces_of

    session, viewer = session_of(watch.viewer), watch.viewer
    for data in scan_layers(case.scan, name="CT"):
        viewer.add_layer(Layer.create(*data))
    _wait(2.0)
    start_s = time.perf_counter()
    surfaces = surfaces_of(case.plan, case.labels)
    surfaces_s = time.perf_counter() - start_s
    shown = Shown(case.scan, case.plan, case.labels, case, surfaces)
    unreadable = None if case.trust is None else case.trust.unreadable
    start_s = time.perf_counter()
    layers = ready_layers(shown, unreadable=unreadable)
    ready_s = time.perf_counter() - start_s
    _print("show a plan (3D)", [watch.time(lambda: session.show(shown, layers=layers), until={"canvas"})])
    print(f"  in the background before: surfaces {surfaces_s:.1f} s, layers {ready_s:.1f} s")
    _wait(4.0)


def _time_choosing(watch: Watch, case: "PlannedCase", words: str, repeats: int) -> None:
    """Go to rows of the panel; each to another place than the one before."""
    from napari_cement._focus import Chosen

    tree = watch.station.panel.tree
    plan = case.plan
    rows: dict[str, list[str]] = {
        "needle": [way.id for way in plan.ways],
        "gap": [gap.id for gap in plan.gaps],
        "breach": [breach.id for breach in plan.breaches],
    }
    for kind, ids in rows.items():
        if len(ids) < 2:
            continue
        found = []
        for number in range(repeats):
            chosen = Chosen(kind, ids[number % len(ids)])
            item = tree._item(chosen)
            found.append(watch.time(lambda item=item: tree.setCurrentItem(item), until={"canvas", *watch.cuts}))
        _print(f"choose a {kind}, {words}", found)


def _time_cuts(watch: Watch, case: "PlannedCase", repeats: int) -> None:
    from napari_cement._focus import focus_of

    focus = focus_of(watch.viewer)
    x, y, z = case.plan.gaps[0].centroid_lps if case.plan.gaps else case.scan.volume.grid.corners_lps.mean(axis=0)
    places = [(x + 0.7 * k, y + 0.5 * k, z + 0.4 * k) for k in range(1, repeats + 1)]
    _print("cuts follow the cursor", [watch.time(lambda p=p: focus.set_cursor(p), until=watch.cuts) for p in places])


def _time_dragging(watch: Watch, case: "PlannedCase", repeats: int) -> None:
    """Drag the tip of a straight planned needle by its handle, as a cut does, in its gap and far beside it."""
    from napari_cement._focus import Chosen, focus_of

    straight = next((t for t in case.plan.trajectories if not t.slides_along_implant), None)
    if straight is None:
        print("no straight needle to drag")
        return
    panel = watch.station.panel
    own, needle = panel.wishes.own, panel.wishes.needle
    start_s = time.perf_counter()
    _until(lambda: own.judge.is_ready)
    print(f"  what a needle is judged by was ready after {time.perf_counter() - start_s:.1f} s more")
    focus = focus_of(watch.viewer)
    focus.set_chosen(Chosen("needle", straight.id))
    own.move_button.click()
    _wait(1.0)
    tip = np.array(needle.ends()[1])
    for words, beside in (("in its gap", 0.0), ("beside the gaps", 15.0)):
        found = []
        for number in range(1, repeats + 1):
            place = tip + np.array([beside + 0.05 * number, 0.0, 0.0])
            with _judged(own) as is_judged:
                _wait(_REST_S)
                cpu_s, start_s = time.process_time(), time.perf_counter()
                focus.handleMoved.emit("tip", tuple(float(v) for v in place))
                answered_s = time.perf_counter()
                _until(is_judged)
                seen_s = time.perf_counter()
            taken = answered_s - start_s, seen_s - start_s, time.process_time() - cpu_s
            found.append(tuple(1e3 * seconds for seconds in taken))
        _print(f"drag a needle to its verdict, {words}", found)
    needle.clear()


@contextmanager
def _judged(own: Any) -> Iterator[Callable[[], bool]]:
    """Tell whether what was asked last has been answered."""
    answers: list[Any] = []

    def take(question: Any, answer: Any) -> None:
        answers.append(question)

    own.judge.judged.connect(take)
    own.judge.failed.connect(take)
    try:
        yield lambda: own._asked is not None and own._asked in answers
    finally:
        own.judge.judged.disconnect(take)
        own.judge.failed.disconnect(take)


def _time_turning(watch: Watch) -> None:
    """Turn the C-arm on and on, and count pictures."""
    dock = watch.station.fluoroscopy
    dock.raise_()
    _until(lambda: dock.value() is not None)
    _wait(2.0)
    if dock.value() is None:
        print("no fluoroscopy")
        return
    pictures: list[float] = []
    dock.carm.pictureChanged.connect(lambda: pictures.append(time.perf_counter()))
    cpu_s, start_s = time.process_time(), time.perf_counter()
    first = dock.carm.carm
    step = 0
    while time.perf_counter() - start_s < _TURNING_S:
        step += 1
        # To and fro within 20 degrees, half a degree each 15 ms: as a hand turns it.
        dock.carm.turn_to(first.primary_deg + 10.0 * np.sin(step / 20.0), first.secondary_deg)
        _wait(0.015)
    seconds = time.perf_counter() - start_s
    rate, work = len(pictures) / seconds, (time.process_time() - cpu_s) / max(1, len(pictures))
    print(f"{'turn the C-arm':<44}{rate:.1f} pictures a second; cpu {1e3 * work:.0f} ms a picture")


def _time_filling(watch: Watch, case: "PlannedCase", repeats: int) -> None:
    fill = watch.station.fill
    if not _until(lambda: fill.value() is not None, patience_s=60.0):
        print("no injection was simulated")
        return
    gap_id, _ = fill.value()
    last_ml = fill.number.maximum()
    volumes = [last_ml * k / (repeats + 1) for k in range(1, repeats + 1)]
    _print("fill step", [watch.time(lambda v=v: fill.setValue(gap_id, v), until=watch.cuts) for v in volumes])


def _print(words: str, found: list[tuple[float, ...]]) -> None:
    answered, seen, cpu = (statistics.median(column) for column in zip(*found, strict=True))
    slowest = max(row[1] for row in found)
    print(f"{words:<44}{answered:>9.0f}{seen:>7.0f}{slowest:>9.0f}{cpu:>7.0f}{len(found):>5}", flush=True)


def _wait(seconds: float) -> None:
    """Let the window go on."""
    until_s = time.perf_counter() + seconds
    while time.perf_counter() < until_s:
        QApplication.processEvents()
        time.sleep(0.001)


def _until(holds: Callable[[], bool], *, patience_s: float = _PATIENCE_S) -> bool:
    until_s = time.perf_counter() + patience_s
    while not holds():
        if time.perf_counter() > until_s:
            return False
        QApplication.processEvents()
        time.sleep(0.0005)
    return True
