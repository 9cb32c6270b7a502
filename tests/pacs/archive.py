"""A real picture archive: Orthanc with its DICOMweb plugin, on loopback, with a storage of its own."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

TEMPLATE = Path(__file__).with_name("orthanc.json")
_PLUGIN = "libOrthancDicomWeb.so"
_PLUGIN_FOLDERS = (Path("/usr/share/orthanc/plugins"), Path("/usr/lib/orthanc"))
_STARTS_WITHIN_S = 60.0


def programs() -> tuple[str, Path] | None:
    """Orthanc and its plugin; None where one of them is not installed."""
    orthanc = shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    plugin = next((folder / _PLUGIN for folder in _PLUGIN_FOLDERS if (folder / _PLUGIN).exists()), None)
    return None if orthanc is None or plugin is None else (orthanc, plugin)


class Archive:
    """What tests ask a running Orthanc beside DICOMweb."""

    def __init__(self, port: int, password: str) -> None:
        self.port, self.password = port, password
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/dicom-web"
        self.web = requests.Session()
        self.web.auth = ("planner", password)

    @property
    def environment(self) -> dict[str, str]:
        """Of a command that speaks to it."""
        return {
            **os.environ,
            "CEMENT_PLANNER_DICOMWEB_USER": "planner",
            "CEMENT_PLANNER_DICOMWEB_PASSWORD": self.password,
        }

    def run(self, *words: object, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Run one of our commands with its credentials."""
        command = [sys.executable, "-m", "planner.cli", *map(str, words)]
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**self.environment, **more},
        )

    def send(self, content: bytes) -> None:
        """Store a file, as a scanner does."""
        answer = self.web.post(f"{self.root}/instances", data=content, timeout=60)
        assert answer.status_code == 200, answer.text

    def held(self) -> dict[str, list[str]]:
        """SOP Instance UIDs by modality, as often as they are there."""
        series = self.web.get(f"{self.root}/series?expand", timeout=60).json()
        instances = self.web.get(f"{self.root}/instances?expand", timeout=60).json()
        modality = {one["ID"]: one["MainDicomTags"]["Modality"] for one in series}
        held: dict[str, list[str]] = {}
        for one in instances:
            held.setdefault(modality[one["ParentSeries"]], []).append(one["MainDicomTags"]["SOPInstanceUID"])
        return held

    def described(self) -> dict[str, list[str]]:
        """SOP Instance UIDs of a plan's objects by Series Description; one series each."""
        series = self.web.get(f"{self.root}/series?expand", timeout=60).json()
        texts = {one["ID"]: one["MainDicomTags"].get("SeriesDescription", "") for one in series}
        ours = [text for text in texts.values() if "cement plan" in text]
        assert len(ours) == len(set(ours)), ours
        found: dict[str, list[str]] = {text: [] for text in ours}
        for one in self.web.get(f"{self.root}/instances?expand", timeout=60).json():
            if texts[one["ParentSeries"]] in found:
                found[texts[one["ParentSeries"]]].append(one["MainDicomTags"]["SOPInstanceUID"])
        return found

    def file(self, sop_instance_uid: str) -> bytes:
        """A stored instance, byte for byte."""
        query = {"Level": "Instance", "Query": {"SOPInstanceUID": sop_instance_uid}}
        (found,) = self.web.post(f"{self.root}/tools/find", data=json.dumps(query), timeout=60).json()
        return self.web.get(f"{self.root}/instances/{found}/file", timeout=60).content

    def forget(self, *modalities: str) -> None:
        """Delete series."""
        for one in self.web.get(f"{self.root}/series?expand", timeout=60).json():
            if one["MainDicomTags"]["Modality"] in modalities:
                self.web.delete(f"{self.root}/series/{one['ID']}", timeout=60)


@contextmanager
def running(folder: Path, orthanc: str, plugin: Path) -> Iterator[Archive]:
    """Start an Orthanc, and end it."""
    password = secrets.token_hex(12)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = TEMPLATE.read_text()
    for mark, value in (("@STORAGE@", folder / "storage"), ("@PLUGIN@", plugin), ("@PASSWORD@", password)):
        text = text.replace(mark, str(value))
    settings = folder / "orthanc.json"
    settings.write_text(json.dumps(json.loads(text) | {"HttpPort": port}))
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen([orthanc, str(settings)], stdout=said, stderr=said)
    archive = Archive(port, password)
    try:
        _wait(archive, process, log)
        yield archive
    finally:
        process.terminate()
        process.wait(timeout=60)
        archive.web.close()


def _wait(archive: Archive, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            if archive.web.get(f"{archive.url}/studies", timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError(f"Orthanc did not start: {log.read_text()}")
