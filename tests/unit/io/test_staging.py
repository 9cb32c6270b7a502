"""Output folders that appear whole or not at all."""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from planner.errors import OutputError, UsageError
from planner.io.staging import staged_folder, temporary_folder

OWN = ("plan.json", "fluoro")


def _write(target: Path, text: str, *, overwrite: bool = False) -> None:
    with staged_folder(target, own_names=OWN, overwrite=overwrite) as folder:
        (folder / "plan.json").write_text(text)


def test_a_whole_result_is_moved_into_place(tmp_path: Path) -> None:
    _write(tmp_path / "deep" / "out", "one")
    assert (tmp_path / "deep" / "out" / "plan.json").read_text() == "one"
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["out"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_broken_run_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), staged_folder(tmp_path / "out", own_names=OWN, overwrite=False) as folder:
        (folder / "plan.json").write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_broken_run_leaves_the_older_result(tmp_path: Path) -> None:
    _write(tmp_path / "out", "one")
    with pytest.raises(RuntimeError), staged_folder(tmp_path / "out", own_names=OWN, overwrite=True):
        raise RuntimeError
    assert (tmp_path / "out" / "plan.json").read_text() == "one"


def test_an_existing_result_needs_overwrite(tmp_path: Path) -> None:
    _write(tmp_path / "out", "one")
    with pytest.raises(UsageError, match="--overwrite"):
        _write(tmp_path / "out", "two")
    _write(tmp_path / "out", "two", overwrite=True)
    assert (tmp_path / "out" / "plan.json").read_text() == "two"


def test_overwrite_takes_stale_results_and_keeps_the_users_own_files(tmp_path: Path) -> None:
    _write(tmp_path / "out", "one")
    (tmp_path / "out" / "fluoro").mkdir()
    (tmp_path / "out" / "my notes.txt").write_text("keep me")
    _write(tmp_path / "out", "two", overwrite=True)
    assert not (tmp_path / "out" / "fluoro").exists()
    assert (tmp_path / "out" / "my notes.txt").read_text() == "keep me"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.docx").write_text("years of work")
    with pytest.raises(UsageError, match="no earlier result"):
        _write(tmp_path / "out", "two", overwrite=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="not a folder"):
        _write(tmp_path / "file", "two", overwrite=True)


def test_what_a_killed_run_left_is_swept(tmp_path: Path) -> None:
    left = tmp_path / f".out.partial-{socket.gethostname()}-999999999"
    left.mkdir()
    _write(tmp_path / "out", "one")
    assert not left.exists()


_KILLED = """
import os, signal, sys
from pathlib import Path
from planner.io.staging import staged_folder

rename, left = Path.rename, [int(sys.argv[2])]

def until_killed(path, to):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return rename(path, to)

Path.rename = until_killed
with staged_folder(Path(sys.argv[1]), own_names=("plan.json", "fluoro"), overwrite=True) as folder:
    (folder / "plan.json").write_text("two")
"""


@pytest.mark.parametrize(("renames", "now"), [(0, "one"), (1, "one"), (2, "two")])
def test_a_run_killed_while_folders_change_places_loses_nothing(tmp_path: Path, renames: int, now: str) -> None:
    out = tmp_path / "out"
    _write(out, "one")
    (out / "my notes.txt").write_text("keep me")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", _KILLED, out, str(renames)], check=False, env=environment)
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(UsageError, match="--overwrite"):
        _write(out, "three")
    assert (out / "plan.json").read_text() == now and (out / "my notes.txt").read_text() == "keep me"
    _write(out, "three", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert {p.name: p.read_text() for p in out.iterdir()} == {"plan.json": "three", "my notes.txt": "keep me"}


def test_what_a_living_run_put_aside_is_left_to_it(tmp_path: Path) -> None:
    aside = tmp_path / f".out.replaced-{socket.gethostname()}-{os.getppid()}"
    aside.mkdir()
    _write(tmp_path / "out", "one")
    assert aside.exists()


def test_a_temporary_folder_goes_and_takes_those_of_killed_runs_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    host = socket.gethostname()
    numbers = ("999999999", os.getpid(), os.getppid(), "99999999")
    stale, ours, living, link = (tmp_path / f"cement-planner-{host}-{number}-x" for number in numbers)
    stale.mkdir()
    (stale / "000000.dcm").write_text("a CT")
    ours.mkdir()
    living.mkdir()
    (tmp_path / "elsewhere").mkdir()
    link.symlink_to(tmp_path / "elsewhere")
    with temporary_folder() as folder:
        assert folder.parent == tmp_path and stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert not stale.exists() and ours.exists() and living.exists() and link.is_symlink()
    assert not folder.exists()


def test_a_parent_that_is_a_file_cannot_be_written_under(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"another folder \(-o\)"):
        _write(tmp_path / "file" / "out", "one")


def test_a_result_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="--overwrite"),
        staged_folder(tmp_path / "out", own_names=OWN, overwrite=False) as folder,
    ):
        (folder / "plan.json").write_text("late")
        _write(tmp_path / "out", "first")
    assert (tmp_path / "out" / "plan.json").read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
