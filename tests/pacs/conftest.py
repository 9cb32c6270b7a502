"""The archive, and a plan made on what was pulled from it: once for all tests."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest

from tests.pacs.archive import Archive, programs, running
from tests.pacs.marked_ct import marked_files


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Orthanc, which holds the marked CT."""
    found = programs()
    if found is None:
        if os.environ.get("REQUIRE_ORTHANC", "0") != "0":
            pytest.fail("Orthanc or its DICOMweb plugin is not installed (Debian's orthanc, orthanc-dicomweb)")
        pytest.skip("Orthanc or its DICOMweb plugin (Debian's orthanc, orthanc-dicomweb) is not installed")
    with running(tmp_path_factory.mktemp("orthanc"), *found) as archive:
        yield archive


@dataclass(frozen=True)
class Sent:
    """A CT as its scanner sent it to the archive."""

    study: str
    series: str
    files: dict[str, bytes]


@pytest.fixture(scope="session")
def sent(archive: Archive) -> Sent:
    """The marked CT, in the archive."""
    files: dict[str, bytes] = {}
    for content in marked_files():
        archive.send(content)
        header = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
        files[header.SOPInstanceUID] = content
    return Sent(header.StudyInstanceUID, header.SeriesInstanceUID, files)


@pytest.fixture(scope="session")
def pulled(archive: Archive, sent: Sent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CT as it came from the archive."""
    folder = tmp_path_factory.mktemp("pulled") / "ct"
    done = archive.run("pull", "--url", archive.url, "--study", sent.study, "-o", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def planned(archive: Archive, pulled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan on it, with all of its files."""
    folder = tmp_path_factory.mktemp("planned") / "out"
    done = archive.run("plan", pulled, "-o", folder)
    assert done.returncode == 0, done.stderr
    return folder
