"""Output folders that appear whole or not at all."""

from pathlib import Path

import pytest

from planner.errors import OutputError, UsageError
from planner.io.staging import staged_folder

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
    import socket

    left = tmp_path / f".out.partial-{socket.gethostname()}-999999999"
    left.mkdir()
    _write(tmp_path / "out", "one")
    assert not left.exists()


def test_a_parent_that_is_a_file_cannot_be_written_under(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="another -o"):
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
