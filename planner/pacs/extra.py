"""What speaking DICOMweb needs besides a bare install."""

from importlib.util import find_spec

from planner.errors import UsageError


def require_extra() -> None:
    """Say in one line what to install, where it is not there.

    Raises
    ------
    UsageError
        If the extra ``pacs`` is not installed.
    """
    if any(find_spec(name) is None for name in ("dicomweb_client", "requests", "tenacity")):
        raise UsageError(
            "DICOMweb needs packages that are not installed: pip install 'periprosthetic-cement-planner[pacs]'"
        )
