"""A small DICOMweb server that does on purpose what servers do by accident, and some do by intent."""

import io
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pydicom

from planner.geometry.grid import Grid
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.model.volume import Volume

Answer = Callable[["Handler"], bool]
"""Answers a request itself (True), or leaves it to the server (False)."""


@dataclass
class Fickle:
    """What it holds, what was asked of it, and what it does next."""

    study: str
    series: str
    files: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    whim: Answer = lambda handler: False
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://127.0.0.1:{self.port}/dicom-web"

    def fetched(self) -> list[str]:
        """The instances that were asked for, in order."""
        return [path.rsplit("/", 1)[1] for path in self.asked if "/instances/" in path]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    fickle: Fickle

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer as the standard asks, unless a whim comes first."""
        fickle = self.fickle
        fickle.asked.append(urlsplit(self.path).path)
        fickle.tokens.append(self.headers.get("Authorization"))
        if fickle.whim(self):
            return
        parts = urlsplit(self.path).path.removeprefix("/dicom-web/").split("/")
        offset = "offset=0" in self.path or "offset" not in self.path
        rows: list[dict[str, str]] = [{}]
        if parts[-1] == "series":
            rows = [{"SeriesInstanceUID": fickle.series, "Modality": "CT"}]
        elif parts[-1] == "instances":
            rows = [{"SOPInstanceUID": uid} for uid in fickle.files]
        elif len(parts) == 6:
            self.reply(multipart(fickle.files[parts[5]]), kind=MULTIPART)
            return
        self.reply(listed(rows if offset else []))

    def do_POST(self) -> None:
        """Take an upload, and hold it from then on, unless a whim comes first."""
        fickle = self.fickle
        fickle.asked.append(urlsplit(self.path).path)
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        if fickle.whim(self):
            return
        content = self.body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]
        header = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
        fickle.files[str(header.SOPInstanceUID)] = content
        self.reply(listed([{}])[1:-1])

    def reply(self, body: bytes, *, kind: str = "application/dicom+json", status: int = 200, **heads: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **heads}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def is_for_instance(self) -> bool:
        """Whether an image is asked for."""
        return "/instances/" in self.path


MULTIPART = 'multipart/related; type="application/dicom"; boundary=mark'


def multipart(content: bytes) -> bytes:
    """Wrap a file as WADO-RS does."""
    return b"--mark\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--mark--"


def listed(rows: list[dict[str, str]]) -> bytes:
    """Wrap rows as QIDO-RS does."""
    datasets = []
    for row in rows:
        dataset = pydicom.Dataset()
        with pydicom.config.disable_value_validation():
            for name, value in row.items():
                setattr(dataset, name, value)
            datasets.append(dataset.to_json_dict())
    return json.dumps(datasets).encode()


def small_ct(folder: Path) -> Fickle:
    """A server's worth of a tiny CT."""
    hu = np.random.default_rng(1).normal(0, 9, (4, 8, 9)).astype(np.int16)
    volume = Volume(Grid(hu.shape, np.eye(4)[[2, 1, 0, 3]]), hu)
    files = {}
    for path in write_ct_series(volume, folder, identity=SeriesIdentity(seed="fickle")):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        files[str(header.SOPInstanceUID)] = path.read_bytes()
    return Fickle(str(header.StudyInstanceUID), str(header.SeriesInstanceUID), files)


@contextmanager
def serving(fickle: Fickle, context: ssl.SSLContext | None = None) -> Iterator[Fickle]:
    """Let it serve."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"fickle": fickle}))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no news
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        fickle.scheme = "https"
    fickle.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield fickle
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
