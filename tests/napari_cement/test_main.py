"""``python -m napari_cement``: the window that ``cement-planner view`` opens."""

import napari
import pytest
from napari.qt.threading import WorkerBase

from napari_cement import __main__ as entry
from napari_cement._session import CementSession


@pytest.fixture
def opened(monkeypatch, make_napari_viewer):
    asked = []
    monkeypatch.setattr(napari, "Viewer", lambda **options: make_napari_viewer())
    monkeypatch.setattr(napari, "run", lambda: None)
    monkeypatch.setattr(CementSession, "load", lambda self, path, **options: asked.append(("ct", path, options)))
    monkeypatch.setattr(CementSession, "load_plan", lambda self, path, **options: asked.append(("plan", path, options)))
    yield asked
    WorkerBase.await_workers(10_000)


def test_a_ct_is_planned_on(opened, tmp_path):
    assert entry.main([str(tmp_path), "--series", "1.2.3"]) == 0
    assert opened == [("ct", tmp_path, {"then_plan": True})]


def test_a_plan_is_shown(opened, tmp_path):
    (tmp_path / "plan.json").write_text("{}")
    assert entry.main([str(tmp_path)]) == 0
    assert opened == [("plan", tmp_path, {"ct": None})]


def test_wrong_settings_open_no_window(opened, tmp_path, capsys):
    (tmp_path / "s.toml").write_text("nonsense = 1\n")
    assert entry.main([str(tmp_path), "--settings", str(tmp_path / "s.toml")]) == 2
    assert "nonsense" in capsys.readouterr().err
    assert not opened
