"""What planning many studies needs besides a bare install."""

from importlib.util import find_spec

from planner.errors import UsageError


def require_extra() -> None:
    """Say in one line what to install, where it is not there.

    Raises
    ------
    UsageError
        If the extra ``cohort`` is not installed.
    """
    if any(find_spec(name) is None for name in ("cryptography", "dask", "distributed", "psutil", "pyarrow")):
        raise UsageError(
            "cohorts need packages that are not installed: pip install 'periprosthetic-cement-planner[cohort]'"
        )
