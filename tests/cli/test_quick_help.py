"""``--help`` and ``import planner`` load nothing heavy."""

import subprocess
import sys

import pytest

HEAVY = ("numpy", "scipy", "pydicom", "SimpleITK", "pydantic", "numba", "vtkmodules", "matplotlib", "napari")


HELP = "from planner.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"


@pytest.mark.parametrize("code", ["import planner", HELP])
def test_nothing_heavy_is_loaded(code: str) -> None:
    probe = f"{code}\nimport sys\nsys.stderr.write(','.join(m for m in {HEAVY!r} if m in sys.modules))"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert result.stderr == ""


def test_the_public_names_are_there() -> None:
    import planner

    for name in planner.__all__:
        assert getattr(planner, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'plann'"):
        _ = planner.plann
