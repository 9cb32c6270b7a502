import errno
import subprocess
import sys

import pytest

from planner.station.keeping import claims
from planner.station.keeping.claims import Claims

HOLDS = """
import sys
from pathlib import Path
from planner.station.keeping.claims import Claims
held = Claims()
print(held.take(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def test_one_window_holds_a_file_and_another_does_not(tmp_path):
    one, other = Claims(), Claims()
    file = tmp_path / "a.zip"
    assert not one.holds(file) and one.take(file) and one.take(file) and one.holds(file)
    assert not other.take(file) and not other.holds(file)
    assert other.take(tmp_path / "b.zip")
    one.let_go(file)
    assert not one.holds(file) and other.take(file)
    one.let_go(file)
    assert not Claims().take(file), "what is not held is not given back"
    other.let_all_go()
    assert list(tmp_path.iterdir()) == []


def test_a_claim_ends_with_the_program_that_held_it(tmp_path):
    file = tmp_path / "a.zip"
    program = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout.readline() == "True\n"
        assert not Claims().take(file)
    finally:
        program.kill()
        program.communicate()
    assert file.with_suffix(".lock").exists(), "it had no time to tidy up"
    assert Claims().take(file)


def test_a_claim_on_what_was_taken_away_meanwhile_is_none(tmp_path, monkeypatch):
    one, other = Claims(), Claims()
    file = tmp_path / "a.zip"
    one.take(file)
    lock = claims._lock

    def late(handle):
        one.let_go(file)  # between the opening and the locking
        lock(handle)

    monkeypatch.setattr(claims, "_lock", late)
    assert other.take(file) and other.holds(file)
    assert not Claims().take(file), "it holds the file that is there"


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP])
def test_where_the_place_knows_no_locks_nobody_is_refused(tmp_path, monkeypatch, code):
    def none(handle):
        raise OSError(code, "no locks")

    monkeypatch.setattr(claims, "_lock", none)
    one = Claims()
    assert one.take(tmp_path / "a.zip") and not one.holds(tmp_path / "a.zip")
    assert one.take(tmp_path / "nowhere" / "a.zip")
