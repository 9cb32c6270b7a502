"""``python -m napari_cement``: the window that ``cement-planner view`` opens."""

import napari
import pytest
from napari.qt.threading import WorkerBase

from napari_cement import __main__ as entry
from napari_cement.widgets.opening.opening import Opening


@pytest.fixture
def opened(monkeypatch, make_napari_viewer):
    asked = []
    monkeypatch.setattr(napari, "Viewer", lambda **options: make_napari_viewer())
    monkeypatch.setattr(napari, "run", lambda: None)
    monkeypatch.setattr(Opening, "open", lambda self, path, **options: asked.append((path, options)))
    yield asked
    WorkerBase.await_workers(10_000)


def test_a_ct_is_planned_on(opened, tmp_path):
    assert entry.main([str(tmp_path), "--series", "1.2.3"]) == 0
    docks = napari.current_viewer().window.dock_widgets
    assert {"Cement plan", "Cuts", "Fluoroscopy", "Fill preview"} <= set(docks)
    assert opened == [(tmp_path, {"ct": None, "series": "1.2.3", "then_plan": True})]


def test_a_plan_is_shown_over_its_ct(opened, tmp_path):
    assert entry.main([str(tmp_path), "--ct", str(tmp_path / "ct")]) == 0
    assert opened == [(tmp_path, {"ct": tmp_path / "ct", "series": None, "then_plan": True})]


def test_wrong_settings_open_no_window(opened, tmp_path, capsys):
    (tmp_path / "s.toml").write_text("nonsense = 1\n")
    assert entry.main([str(tmp_path), "--settings", str(tmp_path / "s.toml")]) == 2
    assert "nonsense" in capsys.readouterr().err
    assert not opened
