"""What a person does in these tests."""

from datetime import UTC, datetime

from napari_cement._session import session_of
from napari_cement.widgets.opening.opening import opening_of
from napari_cement.widgets.saving.saving import saving_of
from planner.config.wishes_config import WishedTarget, WishesConfig
from planner.station.keeping.autosave import Edits

PATIENCE_MS = 60_000
OTHERS = WishesConfig(targets=(WishedTarget(point_lps=(4.0, 2.0, 3.0)), WishedTarget(point_lps=(5.0, 2.0, 3.0))))
WISHES = WishesConfig(targets=(WishedTarget(point_lps=(1.0, 2.0, 3.0), radius_mm=2.0),))


def open_and_plan(qtbot, bars, ct):
    session = session_of(bars.viewer)
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        opening_of(bars.viewer).open(ct, then_plan=True)
    return session


def save(qtbot, bars, folder):
    saving = saving_of(bars.viewer)
    with qtbot.waitSignal(saving.saved, timeout=PATIENCE_MS):
        bars.saving.save(folder)


def kept_of(scan, **changes):
    series = f"series {scan.series.name}"
    return Edits(case=series, at=datetime(2026, 11, 21, 14, 3, tzinfo=UTC), **changes)
