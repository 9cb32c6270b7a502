"""Pull from servers that are busy, drop lines, send the wrong thing, or mean harm."""

import itertools
import logging
import os
import shutil
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
import trustme

from planner.config.pacs_config import PacsConfig
from planner.errors import CancelledError, PacsError, UsageError
from planner.pacs.connection import Connection
from planner.pacs.pull import PulledSeries, pull
from planner.pacs.search import Query, find_series
from planner.pacs.server import TOKEN, server_at
from planner.progress import SILENT, Progress
from tests.pacs.fickle import MULTIPART, Fickle, Handler, listed, multipart, serving, small_ct

QUICK = PacsConfig(first_wait_s=0.01, attempts=3, connect_s=5, read_s=5)
SECRET = "Zz9Token"


@pytest.fixture
def fickle(tmp_path: Path) -> Iterator[Fickle]:
    with serving(small_ct(tmp_path / "source")) as fickle:
        yield fickle


def _pull(fickle: Fickle, folder: Path, config: PacsConfig = QUICK, **more: Path) -> tuple[PulledSeries, ...]:
    server = server_at(fickle.url, environment={TOKEN: SECRET}, **more)
    with Connection(server, config) as connection:
        return pull(connection, fickle.study, folder, monitor=SILENT)


def _assert_whole(fickle: Fickle, folder: Path) -> None:
    files = {path.stem: path for path in (folder / fickle.series).iterdir()}
    assert set(files) == set(fickle.files)
    for uid, path in files.items():
        assert pydicom.dcmread(path).PixelData in fickle.files[uid]
    assert not list(folder.parent.glob(f".{folder.name}.*"))


def _first(count: int, answer: Callable[[Handler], None]) -> Callable[[Handler], bool]:
    """Do it to the first so many requests for an image."""
    numbers = itertools.count()

    def whim(handler: Handler) -> bool:
        if not handler.is_for_instance() or next(numbers) >= count:
            return False
        answer(handler)
        return True

    return whim


def _busy(handler: Handler) -> None:
    handler.reply(b"", status=503, Retry_After="0")


def _cut(handler: Handler) -> None:
    body = multipart(next(iter(handler.fickle.files.values())))
    handler.send_response(200)
    handler.send_header("Content-Type", MULTIPART)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def _cut_without_a_length(handler: Handler) -> None:
    body = multipart(next(iter(handler.fickle.files.values())))
    handler.send_response(200)
    handler.send_header("Content-Type", MULTIPART)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body[:-30])
    handler.close_connection = True


def _hang_up(handler: Handler) -> None:
    handler.close_connection = True


HARMLESS = [_busy, _cut, _cut_without_a_length, _hang_up]


@pytest.mark.parametrize("trouble", HARMLESS)
def test_trouble_that_passes_is_sat_out(fickle: Fickle, tmp_path: Path, trouble: Callable[[Handler], None]) -> None:
    fickle.whim = _first(2, trouble)
    (done,) = _pull(fickle, tmp_path / "ct")
    assert done.fetched == len(fickle.files)
    _assert_whole(fickle, tmp_path / "ct")
    assert fickle.fetched()[0] == fickle.fetched()[1] == fickle.fetched()[2]


@pytest.mark.parametrize("trouble", HARMLESS)
def test_trouble_that_stays_ends_in_one_line_and_the_next_pull_goes_on(
    fickle: Fickle, tmp_path: Path, trouble: Callable[[Handler], None]
) -> None:
    numbers = itertools.count()
    fickle.whim = lambda handler: handler.is_for_instance() and next(numbers) >= 2 and (trouble(handler) or True)
    with pytest.raises(PacsError) as raised:
        _pull(fickle, tmp_path / "ct")
    assert "127.0.0.1" in str(raised.value) and "\n" not in str(raised.value)
    assert not (tmp_path / "ct").exists()
    assert len(fickle.fetched()) == 2 + QUICK.attempts
    fickle.whim, fickle.asked = lambda handler: False, []
    (done,) = _pull(fickle, tmp_path / "ct")
    assert (done.fetched, done.kept) == (2, 2)
    assert len(fickle.fetched()) == 2
    _assert_whole(fickle, tmp_path / "ct")


class _Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    def monotonic(self) -> float:
        return self.slept_s

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds


@pytest.mark.parametrize(
    ("asked", "least_s", "most_s"),
    [("40", 40.0, 41.0), ("3600", 60.0, 61.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0, 1.0), ("-5", 0.0, 1.0)],
)
def test_a_busy_server_is_given_the_time_that_it_asks_for_within_reason(
    fickle: Fickle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, least_s: float, most_s: float
) -> None:
    clock = _Clock()
    monkeypatch.setattr("planner.pacs.attempts.time", clock)
    fickle.whim = _first(1, lambda handler: handler.reply(b"", status=429, Retry_After=asked))
    _pull(fickle, tmp_path / "ct")
    assert least_s <= clock.slept_s <= most_s


def test_waiting_can_be_stopped(fickle: Fickle, tmp_path: Path) -> None:
    fickle.whim = _first(1, lambda handler: handler.reply(b"", status=429, Retry_After="3600"))

    class Impatient:
        def report(self, progress: Progress) -> None:
            pass

        def cancelled(self) -> bool:
            return len(fickle.fetched()) > 0

    with (
        Connection(server_at(fickle.url, environment={}), PacsConfig(longest_wait_s=3600)) as connection,
        pytest.raises(CancelledError),
    ):
        pull(connection, fickle.study, tmp_path / "ct", monitor=Impatient())
    assert len(fickle.fetched()) == 1 and not (tmp_path / "ct").exists()


def test_another_host_gets_neither_the_request_nor_the_token(fickle: Fickle, tmp_path: Path) -> None:
    with serving(small_ct(tmp_path / "other")) as other:
        fickle.whim = lambda handler: handler.reply(b"", status=302, Location=other.url + handler.path) or True
        with pytest.raises(PacsError, match="another address"):
            _pull(fickle, tmp_path / "ct")
        assert other.asked == []
    assert fickle.tokens[0] == f"Bearer {SECRET}"


def test_another_path_of_the_same_host_is_followed(fickle: Fickle, tmp_path: Path) -> None:
    def whim(handler: Handler) -> bool:
        if handler.path.startswith("/dicom-web/moved"):
            handler.path = handler.path.replace("/moved", "")
            return False
        handler.reply(b"", status=307, Location=handler.path.replace("/dicom-web", "/dicom-web/moved"))
        return True

    fickle.whim = whim
    _pull(fickle, tmp_path / "ct")
    _assert_whole(fickle, tmp_path / "ct")
    assert any("/moved" in path for path in fickle.asked)


def test_a_redirect_brings_no_password_of_another_file(
    fickle: Fickle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login zz9 password Zz9Secret\n")
    netrc.chmod(0o600)
    monkeypatch.setitem(os.environ, "NETRC", str(netrc))

    def whim(handler: Handler) -> bool:
        if handler.path.startswith("/dicom-web/moved"):
            handler.path = handler.path.replace("/moved", "")
            return False
        handler.reply(b"", status=307, Location=handler.path.replace("/dicom-web", "/dicom-web/moved"))
        return True

    fickle.whim = whim
    with Connection(server_at(fickle.url, environment={}), QUICK) as connection:
        pull(connection, fickle.study, tmp_path / "ct", monitor=SILENT)
    assert fickle.tokens and set(fickle.tokens) == {None}


def _other_instance(handler: Handler) -> None:
    asked = handler.path.rsplit("/", 1)[1]
    handler.reply(multipart(next(c for uid, c in handler.fickle.files.items() if uid != asked)), kind=MULTIPART)


def _page(handler: Handler) -> None:
    handler.reply(b"<html>please log in</html>", kind="text/html")


def _scrap(handler: Handler) -> None:
    handler.reply(multipart(b"Zz9Scrap" * 99), kind=MULTIPART)


def _damaged(handler: Handler) -> None:
    content = handler.fickle.files[handler.path.rsplit("/", 1)[1]]
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))
    dataset.decompress(generate_instance_uid=False)
    dataset.PixelData = dataset.PixelData[:-40]
    buffer = pydicom.filebase.DicomBytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    handler.reply(multipart(buffer.getvalue()), kind=MULTIPART)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (_other_instance, "another instance"),
        (_page, "no DICOMweb"),
        (_scrap, "no DICOMweb"),
        (_damaged, "damaged or cut off"),
        (lambda handler: handler.reply(b"Zz9", status=404), "404"),
        (lambda handler: handler.reply(b"Zz9", status=403), r"refuses these credentials \(403\)"),
    ],
)
def test_a_wrong_answer_is_thrown_away(
    fickle: Fickle, tmp_path: Path, answer: Callable[[Handler], None], said: str
) -> None:
    fickle.whim = _first(9, answer)
    with pytest.raises(PacsError, match=said) as raised:
        _pull(fickle, tmp_path / "ct")
    assert "Zz9" not in str(raised.value)
    assert not (tmp_path / "ct").exists()
    assert not [path for path in tmp_path.rglob("*.dcm") if "source" not in path.parts]


@pytest.mark.parametrize("name", ["../../evil", "1.2/../3", "/etc/passwd", "1.2\x00", "", "1" * 65, "1..2", "C:1"])
def test_a_name_that_is_no_uid_reaches_no_path(fickle: Fickle, tmp_path: Path, name: str) -> None:
    for word, end in (("SOPInstanceUID", "instances"), ("SeriesInstanceUID", "series")):

        def whim(handler: Handler, word: str = word, end: str = end) -> bool:
            if not handler.path.split("?")[0].endswith(end):
                return False
            handler.reply(listed([{word: name, "Modality": "CT"}]))
            return True

        fickle.whim = whim
        with pytest.raises(PacsError, match="no DICOM UID"):
            _pull(fickle, tmp_path / "ct")
    assert fickle.fetched() == []
    assert {entry.name for entry in tmp_path.iterdir()} == {"source"}


def test_more_than_is_allowed_is_refused(fickle: Fickle, tmp_path: Path) -> None:
    size = min(len(content) for content in fickle.files.values())
    for config, said in (
        ({"most_instance_bytes": size}, "longer than"),
        ({"most_answer_bytes": 50}, "longer than"),
        ({"most_instances": 3}, "more than 3 instances"),
        ({"most_bytes": 2 * size}, "larger than"),
    ):
        with pytest.raises(PacsError, match=said):
            _pull(fickle, tmp_path / "ct", QUICK.model_copy(update=config))
        assert not (tmp_path / "ct").exists()


def test_a_series_that_is_still_being_sent_is_waited_for_and_not_taken_half(fickle: Fickle, tmp_path: Path) -> None:
    late, *_ = fickle.files
    lists = itertools.count()

    def growing(handler: Handler, *, ends: bool) -> bool:
        if not handler.path.split("?")[0].endswith("instances") or "offset=0" not in handler.path:
            return False
        number = next(lists)
        first = [uid for uid in fickle.files if uid != late and not uid.startswith("1.2.")]
        more = [late] * (number > 0) if ends else [f"1.2.{n}" for n in range(number)]
        handler.reply(listed([{"SOPInstanceUID": uid} for uid in (*first, *more)]))
        return True

    fickle.whim = lambda handler: growing(handler, ends=True)
    _pull(fickle, tmp_path / "ct")
    _assert_whole(fickle, tmp_path / "ct")
    for number in range(9):
        dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(fickle.files[late]))
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.{number}"
        buffer = pydicom.filebase.DicomBytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        fickle.files[f"1.2.{number}"] = buffer.getvalue()
    fickle.whim = lambda handler: growing(handler, ends=False)
    with pytest.raises(PacsError, match="still growing"):
        _pull(fickle, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_server_that_ignores_filters_shows_nobody_else_s_study(fickle: Fickle) -> None:
    row = {"StudyInstanceUID": fickle.study, "PatientID": "Zz9Else", "StudyDate": "20200101"}
    fickle.whim = lambda handler: handler.reply(listed([row])) or True
    with Connection(server_at(fickle.url, environment={}), QUICK) as connection:
        for query in (Query(patient_id="4711"), Query(accession="1"), Query(date="20210101"), Query(study="1.2.3")):
            assert find_series(connection, query, monitor=SILENT) == ()


def test_a_folder_with_other_files_is_left_alone(fickle: Fickle, tmp_path: Path) -> None:
    folder = tmp_path / "ct"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds other files"):
        _pull(fickle, folder)
    assert fickle.asked == [] and [entry.name for entry in folder.iterdir()] == ["notes.txt"]


def test_nothing_of_patient_or_token_is_logged(
    fickle: Fickle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fickle.whim = _first(1, _busy)
    _pull(fickle, tmp_path / "ct")
    with Connection(server_at(fickle.url, environment={TOKEN: SECRET}), QUICK) as connection:
        find_series(connection, Query(patient_id="Zz9PatId"), monitor=SILENT)
    assert "Zz9" not in caplog.text


def test_a_killed_pull_leaves_no_series_and_goes_on_where_it_was(fickle: Fickle, tmp_path: Path) -> None:
    numbers, reached, go = itertools.count(), threading.Event(), threading.Event()

    def whim(handler: Handler) -> bool:
        if handler.is_for_instance() and next(numbers) == 2:
            reached.set()
            go.wait(60)
        return False

    fickle.whim = whim
    words = ["pull", "--url", fickle.url, "--study", fickle.study, "-o", str(tmp_path / "ct")]
    with subprocess.Popen([sys.executable, "-m", "planner.cli", *words]) as process:
        assert reached.wait(60)
        process.kill()
    go.set()
    assert not (tmp_path / "ct").exists()
    fickle.whim, fickle.asked = lambda handler: False, []
    (done,) = _pull(fickle, tmp_path / "ct")
    assert (done.fetched, done.kept) == (2, 2)
    _assert_whole(fickle, tmp_path / "ct")


@pytest.mark.parametrize("moment", ["before the new one", "after the new one"])
def test_what_a_pull_killed_between_two_renames_put_aside_comes_back_or_goes(
    fickle: Fickle, tmp_path: Path, moment: str
) -> None:
    _pull(fickle, tmp_path / "ct")
    stage, place = tmp_path / ".ct.pulling", tmp_path / "ct" / fickle.series
    stage.mkdir()
    if moment == "before the new one":
        place.rename(stage / f"{fickle.series}.replaced")
    else:
        shutil.copytree(place, stage / f"{fickle.series}.replaced")
    fickle.asked = []
    (done,) = _pull(fickle, tmp_path / "ct")
    assert (done.fetched, done.kept) == (0, len(fickle.files)) and fickle.fetched() == []
    _assert_whole(fickle, tmp_path / "ct")


def test_a_stage_is_this_user_s_alone(fickle: Fickle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, seen = tmp_path / ".ct.pulling", []
    stage.mkdir(mode=0o755)
    fickle.whim = lambda handler: handler.is_for_instance() and bool(seen.append(stat.S_IMODE(stage.stat().st_mode)))
    _pull(fickle, tmp_path / "ct")
    assert set(seen) == {0o700}
    shutil.rmtree(tmp_path / "ct")
    (tmp_path / "theirs").mkdir()
    stage.symlink_to(tmp_path / "theirs")
    with pytest.raises(UsageError, match="not a folder of yours"):
        _pull(fickle, tmp_path / "ct")
    stage.unlink()
    stage.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: stage.stat().st_uid + 1)
    with pytest.raises(UsageError, match="not a folder of yours"):
        _pull(fickle, tmp_path / "ct")
    assert not (tmp_path / "ct").exists() and not list((tmp_path / "theirs").iterdir())


def test_two_pulls_into_one_folder_take_turns(fickle: Fickle, tmp_path: Path) -> None:
    said = []

    def whim(handler: Handler) -> bool:
        if handler.is_for_instance() and not said:
            said.append("")
            with pytest.raises(UsageError, match="another pull is writing into ct") as raised:
                _pull(fickle, tmp_path / "ct")
            said.append(str(raised.value))
        return False

    fickle.whim = whim
    _pull(fickle, tmp_path / "ct")
    assert len(said) == 2
    _assert_whole(fickle, tmp_path / "ct")


def test_only_a_certificate_that_is_trusted_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ours, theirs = tmp_path / "ours.pem", tmp_path / "theirs.pem"
    authority.cert_pem.write_to_path(str(ours))
    stranger.cert_pem.write_to_path(str(theirs))
    with serving(small_ct(tmp_path / "source"), context) as fickle:
        for certificates in ({}, {"ca_file": theirs}):
            with pytest.raises(PacsError, match="not trusted"):
                _pull(fickle, tmp_path / "ct", **certificates)
        assert fickle.asked == []
        # What the environment says of certificates must not undo what the user named.
        monkeypatch.setitem(os.environ, "REQUESTS_CA_BUNDLE", str(theirs))
        _pull(fickle, tmp_path / "ct", ca_file=ours)
        _assert_whole(fickle, tmp_path / "ct")
