"""Windows on the grey values."""

import pytest

from planner.station.reslice.windows import LEAST_WIDTH_HU, WINDOWS, Window, name_of


def test_the_bone_window_is_the_usual_one():
    assert set(WINDOWS) == {"bone", "soft tissue", "metal"}
    assert (WINDOWS["bone"].low_hu, WINDOWS["bone"].high_hu) == (-600.0, 1400.0)
    assert WINDOWS["bone"].in_words == "L 400 W 2000"


def test_a_drag_changes_width_and_level():
    dragged = Window(400.0, 2000.0).dragged(10.0, -5.0)
    assert dragged.width_hu > 2000.0 and dragged.level_hu < 400.0
    assert dragged.dragged(-10.0, 5.0) == Window(400.0, 2000.0)


def test_a_window_never_closes():
    narrow = Window(400.0, 2000.0).dragged(-1e6, 1e6)
    assert narrow.width_hu == LEAST_WIDTH_HU and narrow.level_hu == 30710.0


@pytest.mark.parametrize("name", WINDOWS)
def test_presets_have_names(name):
    assert name_of(WINDOWS[name]) == name
    assert name_of(WINDOWS[name].dragged(1.0, 0.0)) is None
