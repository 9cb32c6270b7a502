from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from planner.errors import OutputError
from planner.station.keeping.recent import MOST_RECENT, RecentCases


@pytest.fixture
def recents(tmp_path):
    hours = count()
    return RecentCases(
        tmp_path / "state", now=lambda: datetime(2026, 11, 22, tzinfo=UTC) + timedelta(hours=next(hours))
    )


def test_without_a_list_there_is_no_case(recents):
    assert recents.cases() == ()
    assert not recents.file.exists(), "looking makes nothing"


def test_the_last_opened_comes_first_and_only_once(recents, tmp_path):
    for name in ("a", "b", "a"):
        recents.remember(tmp_path / name, "ct", series="1.2.3")
    assert [(case.path, case.opened.hour) for case in recents.cases()] == [
        (str(tmp_path / "a"), 2),
        (str(tmp_path / "b"), 1),
    ]


def test_two_series_of_one_folder_are_two_cases(recents, tmp_path):
    recents.remember(tmp_path, "ct", series="1.2.3")
    recents.remember(tmp_path, "ct", series="1.2.4")
    assert [case.series for case in recents.cases()] == ["1.2.4", "1.2.3"]


def test_the_oldest_goes(recents, tmp_path):
    for number in range(MOST_RECENT + 3):
        recents.remember(tmp_path / str(number), "plan", series=None)
    cases = recents.cases()
    assert len(cases) == MOST_RECENT
    assert cases[-1].path.endswith("3")


def test_a_place_that_is_gone_is_told(recents, tmp_path):
    (tmp_path / "ct").mkdir()
    recents.remember(tmp_path / "ct", "ct", series=None)
    assert recents.cases()[0].is_there
    (tmp_path / "ct").rmdir()
    assert not recents.cases()[0].is_there


def test_a_ct_is_found_again_by_its_series(recents, tmp_path):
    for name in ("old", "gone", "new"):
        (tmp_path / name).mkdir()
        recents.remember(tmp_path / name, "ct", series="1.2.3")
    recents.remember(tmp_path / "plan", "plan", series="1.2.3")
    recents.remember(tmp_path / "other", "ct", series="1.2.4")
    (tmp_path / "gone").rmdir()
    assert recents.places_of("1.2.3") == (tmp_path / "new", tmp_path / "old")
    assert recents.places_of("9.9") == ()
    assert recents.places_of(None) == (), "two files without a series need not be one CT"


def test_the_list_is_cleared(recents, tmp_path):
    recents.remember(tmp_path / "a", "ct", series=None)
    for _ in range(2):
        recents.clear()
        assert recents.cases() == () and not recents.file.exists(), "no path stays on the disk"


def test_a_list_that_cannot_be_cleared_is_told(recents, tmp_path, monkeypatch):
    recents.remember(tmp_path / "a", "ct", series=None)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("planner.station.keeping.recent.Path.unlink", refuse)
    with pytest.raises(OutputError, match="permission denied"):
        recents.clear()
    assert len(recents.cases()) == 1


@pytest.mark.parametrize("damage", [b"", b"{", b'{"cases": [{"path": 1}]}', b"\xff\xfe"])
def test_a_damaged_list_is_begun_anew(recents, tmp_path, damage):
    recents.remember(tmp_path / "a", "ct", series=None)
    recents.file.write_bytes(damage)
    assert recents.cases() == ()
    recents.remember(tmp_path / "b", "ct", series=None)
    assert len(recents.cases()) == 1


def test_nothing_but_path_series_kind_and_time_is_kept(recents, tmp_path):
    recents.remember(tmp_path / "a", "ct", series="1.2.3")
    assert set(recents.cases()[0].model_dump()) == {"path", "kind", "series", "opened"}


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="unsaved work"):
        RecentCases(tmp_path / "file" / "state").remember(tmp_path, "ct", series=None)


def test_the_users_own_folder_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.setattr("planner.station.keeping.state_folder.user_state_path", lambda name, **_: tmp_path / name)
    RecentCases().remember(tmp_path, "ct", series=None)
    assert (tmp_path / "cement-planner" / "recent.json").is_file()
