import os
import zipfile
from datetime import UTC, datetime

import numpy as np
import pytest

from planner.config.wishes_config import BallRegion, LockedNeedle, WishedTarget, WishesConfig
from planner.errors import OutputError
from planner.geometry.grid import Grid
from planner.io.labels.gap_labels import gap_labels_of
from planner.model.labels import LabelMap, Structure
from planner.model.plan import Review, Series
from planner.model.scan import Scan
from planner.model.volume import Volume
from planner.station.keeping import autosave
from planner.station.keeping.autosave import MOST_CASES, MOST_OF_ONE, Autosave, Edits, case_key
from planner.station.keeping.scene_file import DrawnNeedle

AT = datetime(2026, 11, 21, 14, 3, tzinfo=UTC)
WISHES = WishesConfig(
    targets=(WishedTarget(point_lps=(1.0, 2.0, 3.0)), WishedTarget(point_lps=(2.0, 2.0, 3.0))),
    keep_out=(BallRegion(centre_lps=(0.0, 0.0, 0.0), radius_mm=4.0),),
    locked=(LockedNeedle(entry_lps=(0.0, 0.0, 0.0), target_lps=(9.0, 9.0, 9.0)),),
)
EDITS = Edits(case="series 1.2.3", at=AT, wishes=WISHES, hidden=("bone",))
GAP = Structure(code=300, kind="gap", id="gap-1")
BONE = Structure(code=5, kind="bone", id="bone")


@pytest.fixture
def store(tmp_path):
    return Autosave(tmp_path / "state")


def oblique_grid(shape=(30, 40, 50)):
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[0, 0.1, 0.7], [0, 0.8, -0.1], [1.25, 0, 0]])
    matrix[:3, 3] = (-31.5, 10.25, -403.75)
    return Grid(shape, matrix, "1.2.3.4")


def painted(erased=False):
    grid = oblique_grid()
    codes = np.zeros(grid.shape, np.uint16)
    codes[:, 10:20, 10:30] = 5
    if not erased:
        codes[3:9, 12:15, 20:22] = 300
        codes[29, 39, 49] = 300
    return LabelMap(grid, codes, (GAP, BONE))


def scan_of(series=None, stored=None):
    grid = oblique_grid((6, 7, 8))
    hu = np.arange(336, dtype=np.int16).reshape(grid.shape)
    record = Series(
        series_instance_uid=series, frame_of_reference_uid=None, shape_zyx=grid.shape, spacing_mm=grid.spacing_mm,
        patient_position=None, hu_min=0.0, hu_max=335.0, hu_clipped_at=None,
    )  # fmt: skip
    scan = Scan(Volume(grid, hu), record)
    return scan if stored is None else stored(scan)


def test_edits_come_back_as_they_were(store):
    edits = EDITS.model_copy(update={"own_needle": DrawnNeedle(points_lps=((1.0, 2.0, 3.0),), gauge="13G")})
    store.keep(edits)
    kept = store.kept("series 1.2.3")
    assert kept.edits == edits
    assert kept.gaps is None and kept.given_gaps() is None


def test_painted_gaps_come_back_voxel_for_voxel(store):
    gaps = painted()
    store.keep(EDITS, gaps)
    kept = store.kept("series 1.2.3").gaps
    assert kept.grid.is_same(gaps.grid) and kept.grid.frame_of_reference_uid == "1.2.3.4"
    assert np.array_equal(kept.codes, np.where(gaps.codes == 300, 300, 0)), "gaps, and nothing else"
    assert kept.structures == (GAP,)
    taken = store.kept("series 1.2.3").given_gaps()
    assert np.array_equal(taken.labels.codes, gap_labels_of(gaps).labels.codes)


def test_that_all_gaps_were_erased_is_kept_too(store):
    store.keep(EDITS.model_copy(update={"wishes": WishesConfig()}), painted(erased=True))
    given = store.kept("series 1.2.3").given_gaps()
    assert given is not None and given.is_empty
    assert given.labels.grid.is_same(oblique_grid())


def test_nothing_is_kept_of_another_ct(store):
    store.keep(EDITS)
    assert store.kept("series 1.2.4") is None


def test_what_is_empty_is_taken_away(store):
    store.keep(EDITS)
    store.keep(EDITS.model_copy(update={"wishes": WishesConfig()}))
    assert store.kept("series 1.2.3") is None
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "empty"),
    [
        ({}, True),
        ({"hidden": ("bone",)}, True),
        ({"own_needle": DrawnNeedle(points_lps=(), gauge="15G")}, True),
        ({"own_needle": DrawnNeedle(points_lps=((0.0, 0.0, 0.0),), gauge=None)}, False),
        ({"wishes": WISHES}, False),
        ({"review": Review(state="edited")}, True),
        ({"review": Review(state="approved", by="A", at="2026-11-22T10:00:00+00:00")}, False),
    ],
)
def test_what_would_be_lost(changes, empty):
    assert Edits(case="c", at=AT, **changes).is_empty is empty


def test_what_is_there_is_told_in_words(store):
    store.keep(EDITS, painted())
    assert store.kept("series 1.2.3").words() == "2 targets, 1 region, 1 locked needle, painted gaps"


def test_thrown_away_is_gone_and_may_be_thrown_away_again(store):
    store.keep(EDITS)
    for _ in range(2):
        store.discard("series 1.2.3")
        assert store.kept("series 1.2.3") is None


def test_gaps_that_are_too_large_are_told_and_the_rest_is_kept(store, monkeypatch):
    monkeypatch.setattr(autosave, "MOST_BYTES", 1200)
    gaps = painted()
    noise = np.random.default_rng(0).integers(0, 2, gaps.grid.shape).astype(np.uint16) * 300
    with pytest.raises(OutputError, match="too large"):
        store.keep(EDITS, LabelMap(gaps.grid, noise, (GAP,)))
    kept = store.kept("series 1.2.3")
    assert kept.edits == EDITS and kept.gaps is None


@pytest.mark.parametrize("damage", ["cut", "empty", "other", "no gaps", "gaps elsewhere"])
def test_damaged_edits_are_none(store, damage):
    store.keep(EDITS, painted())
    (file,) = store.folder.iterdir()
    content = file.read_bytes()
    if damage in ("cut", "empty"):
        file.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    else:
        with zipfile.ZipFile(file) as packed:
            parts = {name: packed.read(name) for name in packed.namelist()}
        if damage == "other":
            parts["edits.json"] = parts["edits.json"].replace(b"series 1.2.3", b"series 9.9.9")
        elif damage == "no gaps":
            del parts["gaps.npy"]
        else:
            parts["edits.json"] = parts["edits.json"].replace(b'"first": [3,', b'"first": [29,')
        with zipfile.ZipFile(file, "w") as packed:
            for name, part in parts.items():
                packed.writestr(name, part)
    assert store.kept("series 1.2.3") is None


def test_a_write_that_fails_leaves_what_was_kept_before(store, monkeypatch):
    store.keep(EDITS)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("planner.io.whole_file.Path.replace", full)
    with pytest.raises(OutputError, match="no space left"):
        store.keep(EDITS.model_copy(update={"wishes": WishesConfig()}), painted())
    assert store.kept("series 1.2.3").edits == EDITS
    assert len(list(store.folder.iterdir())) == 1


def test_the_oldest_edits_go(store):
    for number in range(MOST_CASES + 2):
        store.keep(EDITS.model_copy(update={"case": f"series {number}"}))
        file = store._file(f"series {number}")
        os.utime(file, (number, number))
    store.keep(EDITS)
    assert len(list(store.folder.iterdir())) == MOST_CASES
    assert store.kept("series 0") is None and store.kept("series 1.2.3") is not None


def test_the_edits_of_one_ct_do_not_drive_out_those_of_others(store):
    for number in range(MOST_CASES - 1):
        store.keep(EDITS.model_copy(update={"case": f"series {number}"}))
        file = store._file(f"series {number}")
        os.utime(file, (number, number))
    for slot in range(MOST_OF_ONE + 2):
        store.keep(EDITS, slot=slot)
        file = store._file(EDITS.case, slot)
        os.utime(file, (1000 + slot, 1000 + slot))
    store.keep(EDITS, slot=MOST_OF_ONE + 2)
    assert store.kept("series 0") is not None, "one CT counts once"
    slots = {one.slot for one in store.all_kept(EDITS.case)}
    assert slots == set(range(3, MOST_OF_ONE + 3)), "of one CT the oldest go first"


def test_what_a_window_works_on_is_never_swept(store, tmp_path):
    other = Autosave(tmp_path / "state")
    other.keep(EDITS.model_copy(update={"case": "worked on"}), slot=other.claim("worked on"))
    os.utime(store._file("worked on"), (0, 0))
    own = EDITS.model_copy(update={"case": "own"})
    store.keep(own, slot=store.claim("own"))
    os.utime(store._file("own"), (1, 1))
    for number in range(MOST_CASES + 1):
        store.keep(EDITS.model_copy(update={"case": f"series {number}"}))
    assert store.kept("worked on") is not None and store.kept("own") is not None


def test_two_windows_on_one_ct_keep_beside_one_another(store, tmp_path):
    other = Autosave(tmp_path / "state")
    mine, theirs = store.claim(EDITS.case), other.claim(EDITS.case)
    assert mine != theirs, "also before anything lies there"
    store.keep(EDITS, slot=mine)
    other.keep(EDITS, slot=theirs)
    third = Autosave(tmp_path / "state")
    assert third.take_all(EDITS.case) == (), "others work on all of them"
    other.let_go()
    assert [one.slot for one in third.take_all(EDITS.case)] == [theirs]
    assert [one.slot for one in store.take_all(EDITS.case)] == [mine], "what it offers is claimed, too"
    third.discard(EDITS.case, slot=theirs)
    third.let_go()
    store.let_go()
    assert [one.slot for one in other.take_all(EDITS.case)] == [mine]


def test_the_last_slot_is_never_written_over(store):
    for slot in range(MOST_OF_ONE):
        store.keep(EDITS, slot=slot)
    assert store.claim(EDITS.case) == MOST_OF_ONE


def test_no_file_name_tells_the_series(store):
    store.keep(EDITS)
    (file,) = store.folder.iterdir()
    assert "1.2.3" not in file.name


def test_a_ct_is_named_by_its_series():
    assert case_key(scan_of("1.2.3")) == "series 1.2.3"


def test_a_ct_without_a_series_is_named_by_its_voxels():
    plain, turned = scan_of(), scan_of(stored=Scan.in_patient_axes)
    assert case_key(plain).startswith("voxels ")
    assert case_key(plain) == case_key(turned)
    hu = np.array(plain.volume.hu)
    hu[3, 3, 3] += 1
    assert case_key(Scan(Volume(plain.volume.grid, hu), plain.series)) != case_key(plain)


def test_newer_edits_lie_beside_older_ones(store):
    assert store.claim("series 1.2.3") == 0
    newer = EDITS.model_copy(update={"wishes": WishesConfig(targets=WISHES.targets[:1]), "at": AT.replace(hour=15)})
    store.keep(newer, painted())
    assert store.claim("series 1.2.3") == 1
    store.keep(EDITS, slot=1)
    assert store.claim("series 1.2.3") == 2 and store.claim("series 1.2.4") == 0
    older, other = store.all_kept("series 1.2.3")
    assert (older.slot, older.edits, older.gaps) == (1, EDITS, None), "the oldest first"
    assert other.slot == 0 and other.edits.wishes == newer.wishes and other.gaps is not None
    store.discard("series 1.2.3", slot=0)
    assert [one.slot for one in store.all_kept("series 1.2.3")] == [1] and store.kept("series 1.2.3") is None
    store.keep(EDITS.model_copy(update={"wishes": WishesConfig()}), slot=1)
    assert store.all_kept("series 1.2.3") == ()


def test_who_approved_is_not_kept(store):
    store.keep(EDITS.model_copy(update={"review": Review(state="approved", by="A. Surgeon", at="2026-11-22")}))
    assert store.kept("series 1.2.3").edits.review == Review(state="approved")
    (file,) = store.folder.iterdir()
    with zipfile.ZipFile(file) as packed:
        assert b"Surgeon" not in packed.read("edits.json") and b"2026-11-22" not in packed.read("edits.json")


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such modes")
def test_every_level_of_the_state_folder_is_the_users_alone(tmp_path):
    old = os.umask(0o022)
    try:
        Autosave(tmp_path / "state" / "cement-planner").keep(EDITS)
    finally:
        os.umask(old)
    for level in ("state", "state/cement-planner", "state/cement-planner/unsaved"):
        assert (tmp_path / level).stat().st_mode & 0o777 == 0o700


def test_a_state_folder_whose_place_is_taken_is_refused(tmp_path):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(OutputError, match="cannot be made"):
        Autosave(tmp_path / "state").keep(EDITS)
