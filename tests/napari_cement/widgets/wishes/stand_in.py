"""What stands in for the pipeline in these tests, and what a person does in the dock."""

import threading
from dataclasses import replace
from types import SimpleNamespace

from qtpy.QtCore import Qt

from napari_cement._layers import scan_layers, to_world
from planner.needles.catalogue import needle_named
from planner.needles.check import TrajectoryCheck
from planner.station.live_needle import LiveVerdict

PATIENCE_MS = 60_000


class Planner:
    """Stands in for the pipeline; remembers what it was asked."""

    def __init__(self, plan, labels):
        self.case = SimpleNamespace(plan=plan, labels=labels, trust=None, scan=None)
        self.wishes, self.asked, self.gaps, self.judged_by = [], [], [], []
        self.violations = lambda entry, tip: ()
        self.why_not = None
        self.hold, self.make = threading.Event(), threading.Event()
        self.hold.set()
        self.make.set()

    def plan_scan(self, scan, config, *, monitor):
        self.wishes.append(config.needles.wishes)
        self.case.kept = SimpleNamespace(config=config)
        return self.case

    def replan(self, case, config, *, gaps, monitor):
        assert case is self.case
        self.gaps.append(gaps)
        return self.plan_scan(None, config, monitor=monitor)

    def live_needle(self, case, config):
        """Stand in for `LiveNeedle`."""
        assert case is self.case
        self.judged_by.append(config.needles.wishes)
        self.make.wait(PATIENCE_MS / 1000)
        return SimpleNamespace(judge=self.judge)

    def judge(self, entry, tip, *, gauge, wished):
        self.asked.append((entry, tip, gauge, wished))
        self.hold.wait(PATIENCE_MS / 1000)
        if self.why_not:
            return LiveVerdict(entry, tip, needle_named(gauge), None, self.why_not)
        check = TrajectoryCheck(self.case.plan.trajectories[0], self.violations(entry, tip), 0.0)
        return LiveVerdict(entry, tip, needle_named(gauge), check, None)


def add_ct(viewer, scan, name="CT leg"):
    from napari.layers import Layer

    ((data, arguments, kind),) = scan_layers(scan, name=name)
    return viewer.add_layer(Layer.create(data, arguments, kind))


def of_series(scan, uid):
    return replace(scan, series=scan.series.model_copy(update={"series_instance_uid": uid}))


def planned(qtbot, widget):
    with qtbot.waitSignal(widget.session.planned, timeout=PATIENCE_MS):
        widget.wishes.plan_button.click()


def choose(widget, words):
    found = widget.tree.findItems(words, Qt.MatchFlag.MatchStartsWith | Qt.MatchFlag.MatchRecursive)
    widget.tree.setCurrentItem(found[0])


def pick_own(widget, viewer, entry=(26.0, 41.0, 11.0), tip=(10.0, -5.0, 4.0)):
    widget.wishes.needle.draw()
    for point in (entry, tip):
        viewer.layers["my needle"].add(to_world(point))


def keep(qtbot, widget):
    """Press "Keep it", which waits for the verdict."""
    button = widget.wishes.own.keep_button
    qtbot.waitUntil(button.isEnabled, timeout=PATIENCE_MS)
    button.click()
