"""Which addresses and credentials are taken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from planner.errors import UsageError
from planner.pacs.server import PASSWORD, TOKEN, USER, Credentials, server_at


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder of its own, also where the project is not installed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://pacs.example/dicom-web/", ("https", "pacs.example", 443)),
        ("https://pacs.example:8443", ("https", "pacs.example", 8443)),
        ("http://localhost:8042/dicom-web", ("http", "localhost", 8042)),
        ("http://[::1]:8042/dicom-web", ("http", "::1", 8042)),
        ("http://127.0.0.7/x", ("http", "127.0.0.7", 80)),
    ],
)
def test_an_address_is_taken(url: str, origin: tuple[str, str, int]) -> None:
    server = server_at(url, environment={})
    assert server.origin == origin and not server.url.endswith("/")
    assert not server.credentials.are_given


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://pacs.example/dicom-web", "unencrypted"),
        ("http://localhost.evil.example/", "unencrypted"),
        ("http://127.0.0.1.evil.example/", "unencrypted"),
        ("https://zz9:Zz9Secret@pacs.example/", "holds a user or a password"),
        ("https://Zz9Secret@pacs.example/", "holds a user or a password"),
        ("https://pacs.example/?key=Zz9Secret", "ends in"),
        ("https://pacs.example/#Zz9Secret", "ends in"),
        ("ftp://Zz9Secret.example/", "no address"),
        ("pacs.example", "no address"),
        ("https://", "no address"),
        ("https://pacs.example:99999/", "no address"),
        ("https://pacs.example:0/", "no address"),
        ("https://pacs.example/a b", "no address"),
        ("https://pacs.example/\nx", "no address"),
        ("", "no address"),
    ],
)
def test_an_address_is_refused_and_not_repeated(url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        server_at(url, environment={})
    assert "Zz9" not in str(raised.value)


def test_plain_http_to_others_takes_a_word() -> None:
    assert server_at("http://pacs.example/x", environment={}, plain_http=True).origin[1] == "pacs.example"


@pytest.mark.parametrize(
    ("environment", "credentials"),
    [
        ({}, Credentials()),
        ({TOKEN: "", USER: ""}, Credentials()),
        ({TOKEN: "a.b-c"}, Credentials(token="a.b-c")),
        ({USER: "ann", PASSWORD: "p w"}, Credentials(user="ann", password="p w")),
    ],
)
def test_credentials_come_from_the_environment(environment: dict[str, str], credentials: Credentials) -> None:
    assert server_at("https://x.example", environment=environment).credentials == credentials


@pytest.mark.parametrize(
    "environment",
    [
        {TOKEN: "Zz9", USER: "Zz9", PASSWORD: "Zz9"},
        {USER: "Zz9"},
        {PASSWORD: "Zz9"},
        {TOKEN: "Zz9\nX-Other: 1"},
        {TOKEN: "Zz9 Zz9"},
        {USER: "Zz9:a", PASSWORD: "Zz9"},
        {USER: "Zz9", PASSWORD: "Zz9\r\nX: 1"},
    ],
)
def test_credentials_that_cannot_be_are_refused_and_not_repeated(environment: dict[str, str]) -> None:
    with pytest.raises(UsageError) as raised:
        server_at("https://x.example", environment=environment)
    assert "Zz9" not in str(raised.value)


def test_credentials_show_in_no_representation() -> None:
    server = server_at("https://x.example", environment={USER: "Zz9User", PASSWORD: "Zz9Secret"})
    assert "Zz9" not in repr(server)
    assert "Zz9" not in repr(server_at("https://x.example", environment={TOKEN: "Zz9Token"}))


def test_a_certificate_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no certificate file .*ca\.pem"):
        server_at("https://x.example", environment={}, ca_file=tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pull", "--find"), "say what to search for"),
        (("pull", "--find", "--date", "2024"), "no date"),
        (("pull", "--find", "--patient-id", "*"), "wildcard"),
        (("pull", "--find", "--accession", "47?"), "wildcard"),
        (("pull", "--find", "--study", "../x"), "takes a DICOM UID"),
        (("pull", "--find", "--date", "20240101", "--modality", "XY"), "no DICOM modality"),
        (("pull", "--find", "--date", "20240101", "-o", "x"), "fetches nothing"),
        (("pull", "--study", "1.2"), "where to"),
        (("pull", "--study", "1.2", "-o", "x", "--date", "20240101"), "go with --find"),
        (("pull", "--study", "1.2/../3", "-o", "x"), "takes a DICOM UID"),
    ],
)
def test_wrong_usage_is_one_line_before_anything_is_sent(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "planner.cli", *words, "--url", "http://127.0.0.1:9/"]
    done = _run(command, tmp_path)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [("pull", "--find", "--date", "20240101"), ("push", "out")])
def test_without_the_extra_one_line_says_what_to_install(words: tuple[str, ...], tmp_path: Path) -> None:
    program = "import sys\nsys.modules['dicomweb_client'] = None\nfrom planner.cli import main\nsys.exit(main())"
    command = [sys.executable, "-c", program, *words, "--url", "https://pacs.example/"]
    done = _run(command, tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "periprosthetic-cement-planner[pacs]" in done.stderr
