"""Modules loaded while slices are decoded: all are there afterwards, and a faulty one is told where it is used."""

import sys
import threading

import pytest

from planner.cli._options import load
from planner.config.plan_config import PlanConfig
from planner.errors import InputError
from planner.progress import SILENT


@pytest.fixture
def modules(tmp_path, monkeypatch):
    (tmp_path / "a_good_module.py").write_text("TOLD = 'here'\n")
    (tmp_path / "a_faulty_module.py").write_text("import a_module_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield ("a_good_module", "a_faulty_module")
    sys.modules.pop("a_good_module", None)


def test_modules_are_there_once_the_ct_is(monkeypatch, tmp_path, modules):
    monkeypatch.setattr("planner.io.load_scan", lambda source, **_: source)
    assert load(tmp_path, PlanConfig(), monitor=SILENT, ahead=modules) == tmp_path
    assert sys.modules["a_good_module"].TOLD == "here"
    with pytest.raises(ImportError, match="a_module_that_nobody_has"):
        __import__("a_faulty_module")


def test_an_input_that_cannot_be_read_is_told_all_the_same(tmp_path, modules):
    with pytest.raises(InputError):
        load(tmp_path, PlanConfig(), monitor=SILENT, ahead=modules)
    assert not [thread for thread in threading.enumerate() if thread.name == "modules ahead"]
