"""``cement-planner cohort`` as a user calls it: one real run, and what is refused."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from planner.cli import main
from planner.cli._plan_words import describe
from planner.io.plan_json import load_plan
from planner.model.privacy import carries
from tests.pacs.marked_ct import MARKS, marked_files

COMMAND = [sys.executable, "-m", "planner.cli"]
KEY = "0123456789abcdef" * 4
NAMED = "Zz9MarkCanary^Ann"


def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=900, env={**os.environ, **environment}
    )


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One loosened screw twice, the second time with an end cut off, and a study that is none."""
    folder = tmp_path_factory.mktemp("studies")
    slices = list(marked_files())
    for name, taken in ((NAMED, slices), ("second", slices[:-2])):
        (folder / name).mkdir()
        for k, content in enumerate(taken):
            (folder / name / f"{NAMED}{k:03d}.dcm").write_bytes(content)
    (folder / "corrupt").mkdir()
    (folder / "corrupt" / f"{NAMED}.dcm").write_bytes(slices[0][:700])
    return folder


@pytest.fixture(scope="module")
def done(studies: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tmp_path_factory.mktemp("cohort") / "out"
    words = ("--workers", 2, "--no-figures", "--surfaces", "none", "--pseudonymise")
    return out, run("cohort", studies, "-o", out, *words, CEMENT_PLANNER_PSEUDONYM_KEY=KEY)


def ids_of(studies: Path) -> dict[str, str]:
    listed = run("cohort", studies, "--list", "--pseudonymise", CEMENT_PLANNER_PSEUDONYM_KEY=KEY)
    assert listed.returncode == 0, listed.stderr
    return {Path(line.split("\t")[1]).name: line.split("\t")[0] for line in listed.stdout.splitlines()}


def test_good_studies_are_planned_and_the_corrupt_one_is_a_row(studies: Path, done) -> None:
    out, result = done
    assert result.returncode == 0, result.stderr
    ids = ids_of(studies)
    with (out / "tables" / "studies.csv").open(newline="") as file:
        states = {row["study"]: (row["state"], row["exit_code"]) for row in csv.DictReader(file)}
    assert states == {ids[NAMED]: ("planned", "0"), ids["second"]: ("planned", "0"), ids["corrupt"]: ("failed", "3")}
    assert "2 planned, 0 without implant, 1 failed" in result.stdout and "1 of 3 studies failed" in result.stderr
    assert {entry.name for entry in out.iterdir()} == {
        "cohort.json", "studies", "records", "logs", "tables", "summary.html", ".running",
    }  # fmt: skip


def test_a_plan_is_that_of_a_run_alone_to_the_byte(studies: Path, done, tmp_path: Path) -> None:
    out, _ = done
    words = ("--no-figures", "--surfaces", "none", "--pseudonymise")
    alone = run("plan", studies / NAMED, "-o", tmp_path / "alone", *words, CEMENT_PLANNER_PSEUDONYM_KEY=KEY)
    assert alone.returncode == 0, alone.stderr
    own = out / "studies" / ids_of(studies)[NAMED]
    files = {file.relative_to(own) for file in own.rglob("*") if file.is_file()}
    assert files == {f.relative_to(tmp_path / "alone") for f in (tmp_path / "alone").rglob("*") if f.is_file()}
    for file in files:
        assert without_times(own / file) == without_times(tmp_path / "alone" / file), file
    assert describe(load_plan(own / "plan.json")) == "\n".join(alone.stdout.splitlines()[:-1])


def without_times(file: Path) -> bytes | dict[str, object]:
    """A file without what a clock tells: timings, and the fingerprint of what holds them."""
    if file.name == "plan.json":
        plan: dict[str, object] = json.loads(file.read_text())
        assert plan.pop("timings_s")
        return plan
    content = file.read_bytes()
    if file.name == "report.html":
        return re.sub(rb"<dt>(plan\.json \(SHA-256\)|Time taken)</dt><dd>.*?</dd>", b"", content)
    return content


def test_nothing_that_the_command_says_or_writes_tells_the_patient(done) -> None:
    out, result = done
    secrets = [b"Zz9Mark", MARKS["PatientBirthDate"].encode()]
    said = [result.stdout.encode(), result.stderr.encode()]
    for file in out.rglob("*"):
        said.append(file.name.encode())
        if file.is_file():
            said.append(file.read_bytes())
            assert file.name == ".running" or carries(file.name)
    assert not [secret for secret in secrets if any(secret in text for text in said)]


def test_a_second_run_has_nothing_to_do_and_another_protocol_is_refused(studies: Path, done) -> None:
    out, _ = done
    words = ("--workers", 2, "--surfaces", "none", "--pseudonymise")
    again = run("cohort", studies, "-o", out, *words, "--no-figures", CEMENT_PLANNER_PSEUDONYM_KEY=KEY)
    assert again.returncode == 0 and "(3 of them earlier)" in again.stdout
    other = run("cohort", studies, "-o", out, *words, CEMENT_PLANNER_PSEUDONYM_KEY=KEY)
    assert other.returncode == 2 and "planned with no pictures" in other.stderr and len(other.stderr.splitlines()) == 1


def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in" / "a").mkdir(parents=True)
    given, out = (str(tmp_path / "in"),), ("-o", str(tmp_path / "o"))
    for words, code, said in (
        (given, 2, "-o OUT"),
        ((str(tmp_path / "gone"), *out), 3, "no file or folder"),
        ((*given, *out, "--workers", "0"), 2, "at least one"),
        ((*given, *out, "--workers", "9999"), 2, "more workers than those"),
        ((*given, *out, "--memory", "99999"), 2, "more memory than this machine has"),
        ((*given, *out, "--memory", "nan"), 2, "needs some memory"),
        ((*given, *out, "--scheduler", "tcp://127.0.0.1:9", "--workers", "2"), 2, "for this machine"),
        ((*given, *out, "--scheduler", "http://127.0.0.1:9"), 2, "no address of a Dask scheduler"),
    ):
        assert main(["cohort", *words]) == code
        told = capsys.readouterr().err
        assert said in told and len(told.splitlines()) == 1
    assert not (tmp_path / "o").exists()


def test_without_the_extra_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    from planner.cohort import extra
    from planner.errors import UsageError

    monkeypatch.setattr(
        extra, "find_spec", lambda name: None if name == "distributed" else importlib.util.find_spec(name)
    )
    with pytest.raises(UsageError, match=r"periprosthetic-cement-planner\[cohort\]"):
        extra.require_extra()
