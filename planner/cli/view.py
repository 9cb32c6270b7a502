"""``cement-planner view``: napari with the plan laid over the CT."""

import argparse
import sys
from pathlib import Path

_BINDINGS = ("PySide6", "PyQt6", "PySide2", "PyQt5")
_HOW_TO_INSTALL = "pip install 'periprosthetic-cement-planner[napari-all]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    parser.add_argument(
        "input", type=Path, metavar="INPUT_OR_OUT", help="a CT, to be planned on in the window, or a plan's folder"
    )
    parser.add_argument("--ct", type=Path, metavar="INPUT", help="the CT of a plan's folder, to lie below the plan")
    parser.add_argument("--series", metavar="UID", help="series to plan on, where INPUT holds several")
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="settings that differ from the defaults")


def run(arguments: argparse.Namespace) -> int:
    """Check what can be checked here, then start the viewer in a process of its own and wait for it.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `add_arguments` declares them.

    Returns
    -------
    int
        The viewer's exit code.

    Raises
    ------
    UsageError
        If napari or a Qt binding is not installed, or there is no screen.
    InputError
        If the input holds neither a plan nor a CT.
    """
    import subprocess

    _require_input(arguments)
    _require_viewer()
    words = [str(arguments.input.absolute())]
    if arguments.ct is not None:
        words += ["--ct", str(arguments.ct.absolute())]
    if arguments.series is not None:
        words += ["--series", arguments.series]
    if arguments.settings is not None:
        words += ["--settings", str(arguments.settings.absolute())]
    # A process of its own: the library and its command line load no GUI.
    return subprocess.run([sys.executable, "-m", "napari_cement", *words], check=False).returncode


def _require_viewer() -> None:
    import os
    from importlib.util import find_spec

    from planner.errors import UsageError

    if any(find_spec(name) is None for name in ("napari", "napari_cement", "qtpy")):
        raise UsageError(f"napari is not installed; install it with: {_HOW_TO_INSTALL}")
    if not any(find_spec(name) is not None for name in _BINDINGS):
        raise UsageError(f"napari has no Qt to draw with; install it with: {_HOW_TO_INSTALL}")
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in screens):
        raise UsageError("there is no screen to open a window on; log in with a desktop, or use 'cement-planner plan'")


def _require_input(arguments: argparse.Namespace) -> None:
    from planner.config.plan_config import load_settings
    from planner.errors import InputError, UsageError

    if arguments.settings is not None:
        load_settings(arguments.settings)
    where: Path = arguments.input
    plan = where if where.name == "plan.json" else where / "plan.json"
    if plan.is_file():
        from planner.io.plan_json import load_plan

        load_plan(plan)
        if arguments.series is not None:
            raise UsageError("--series chooses a CT to plan on, and this is a plan; leave it out")
        if arguments.ct is not None:
            _require_ct(arguments.ct)
        return
    if arguments.ct is not None:
        raise UsageError(f"--ct goes with a plan's folder, and {where.name} is none (it has no plan.json)")
    if not where.exists():
        raise InputError(f"there is nothing at {where.name}; give a CT or a plan's folder")
    _require_ct(where)


def _require_ct(where: Path) -> None:
    from planner.errors import InputError
    from planner.io import inspect_input

    inspection = inspect_input(where)
    if not any(series.usable for series in inspection.series):
        raise InputError(f"{where.name} holds no CT to plan on; 'cement-planner inspect' says what is in it")
