"""What all tests share."""

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
GUI_TESTS = PROJECT / "tests" / "napari_cement"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a warning be a warning in the GUI tests: it is mostly Qt's or napari's own."""
    for item in items:
        if item.path.is_relative_to(GUI_TESTS):
            item.add_marker(pytest.mark.filterwarnings("default"), append=False)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder of cases and files too large for the project, where it lies beside it."""
    folder = PROJECT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder of shared cases, ../shared, does not lie beside this project")
    return folder
