"""``--help`` and ``import planner`` load nothing heavy."""

import os
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


@pytest.mark.parametrize(("own", "expected"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_matrices_are_solved_on_one_thread_unless_the_user_says_otherwise(own, expected) -> None:
    probe = f"{HELP}\nimport os, sys\nsys.stderr.write(os.environ['OPENBLAS_NUM_THREADS'])"
    others = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    result = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60, env={**others, **own}
    )
    assert result.stderr == expected


def test_the_public_names_are_there() -> None:
    import planner

    for name in planner.__all__:
        assert getattr(planner, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'plann'"):
        _ = planner.plann
