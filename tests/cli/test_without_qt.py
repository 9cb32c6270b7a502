"""A bare install holds no Qt: the library, the station's own room and the command line load without any."""

import subprocess
import sys

import pytest

_BLOCKED = ("qtpy", "napari", "magicgui", "superqt", "vispy", "PySide6", "PyQt6", "PySide2", "PyQt5")
_BLOCK = f"import sys\nsys.modules.update(dict.fromkeys({_BLOCKED!r}))\n"
_WHOLE = """
import importlib, pkgutil, {package}
for module in pkgutil.walk_packages({package}.__path__, "{package}."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


@pytest.mark.parametrize("package", ["planner.station", "planner.cli"])
def test_all_of_it_loads(package):
    program = f"{_BLOCK}import planner\n{_WHOLE.format(package=package)}"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_plugin_does_not():
    """So that the test above is known to be able to fail."""
    program = f"{_BLOCK}import napari_cement._focus"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode != 0 and "qtpy" in done.stderr
