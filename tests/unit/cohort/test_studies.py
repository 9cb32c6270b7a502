"""Which studies a cohort holds, and what they go by."""

import os
from pathlib import Path

import pytest

from planner.cohort.studies import Study, find_studies, input_sha256, study_id
from planner.errors import InputError
from planner.io.dicom.pseudonyms import Pseudonyms

KEY = Pseudonyms(b"0123456789abcdef" * 2)


def test_folders_and_volumes_of_a_folder_are_studies_and_nothing_else_is(tmp_path: Path) -> None:
    for name in ("b", "a b", ".hidden", "out"):
        (tmp_path / name).mkdir()
    for name in ("one.nii.gz", "two.ZIP", "three.nrrd", "readme.txt", ".x.zip"):
        (tmp_path / name).touch()
    (tmp_path / "elsewhere").symlink_to(tmp_path / "b")
    found = find_studies(tmp_path, but=tmp_path / "out")
    assert [study.path.name for study in found] == ["a b", "b", "elsewhere", "one.nii.gz", "three.nrrd", "two.ZIP"]
    assert found[1] == Study("b", tmp_path / "b") and found[3].id == "one.nii.gz"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("case-01.nii.gz", "case-01.nii.gz"),
        ("Müller^Ann", "Muller_Ann-"),
        ("a/b", "a_b-"),
        ("..", "study-"),
        (".x", "x-"),
        ("-rf", "rf-"),
        ("x" * 200, "x" * 60 + "-"),
        ("ребёнок", "study-"),
    ],
)
def test_an_id_is_safe_as_a_name_and_stays_the_names_own(name: str, expected: str) -> None:
    made = study_id(name)
    assert made == expected or (made.startswith(expected) and len(made) == len(expected) + 8)
    assert made.isascii() and not set(made) & set("/\\^ ") and made == study_id(name)


def test_two_names_are_two_ids() -> None:
    assert len({study_id(name) for name in ("a b", "a_b", "a/b", "a  b", "A b")}) == 5


def test_a_list_names_paths_from_its_own_folder_and_ids_where_it_likes(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# ours\n\nscans/1\n  /data/2 \n")
    plain = find_studies(tmp_path / "list.txt")
    assert [study.path for study in plain] == [tmp_path / "scans/1", Path("/data/2")]
    assert plain[0].id.startswith("scans_1-")
    (tmp_path / "list.csv").write_text("id,path,note\nS1,scans/1,x\n,scans/2,\n")
    named = find_studies(tmp_path / "list.csv")
    for other in ("ID; Path ;note\nS1;scans/1;x\n\n;scans/2;\n", "path\tid\nscans/1\tS1\nscans/2\n"):
        (tmp_path / "other.csv").write_text(other)
        assert find_studies(tmp_path / "other.csv") == named
    assert named[0] == Study("S1", tmp_path / "scans/1") and named[1].id.startswith("scans_2-")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("list.csv", b"file\na\n", "no column 'path' in its first line; it begins with 'file'"),
        ("list.csv", b"", "no column 'path'"),
        ("list.csv", b"id,path\nA,a\nB,\n", "line 3: an id without a path"),
        ("list.csv", b"id,path\n../x,a\n", "line 2: an id is made of"),
        ("list.csv", b"id,path\nA,a\na,b\n", "two studies of list.csv would go by the id 'a'"),
        ("list.txt", b"a\na\n", "two studies"),
        ("list.txt", b"a\x00b\n", "this is no path"),
        ("ct.nii", b"\xff\xfe\x00\x80", "is no list of studies"),
        ("list.txt", b"# nothing\n", "holds no studies"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        find_studies(tmp_path / name)


def test_a_folder_without_studies_is_refused_with_what_would_help(tmp_path: Path) -> None:
    (tmp_path / "IM1").touch()
    with pytest.raises(InputError, match="for one study use 'cement-planner plan'"):
        find_studies(tmp_path)
    with pytest.raises(InputError, match="there is no file or folder gone"):
        find_studies(tmp_path / "gone")


def test_the_output_of_a_cohort_is_no_study_of_another(tmp_path: Path) -> None:
    for name in ("a", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "out" / "cohort.json").write_text("{}")
    assert [study.id for study in find_studies(tmp_path)] == ["a"]


def test_pseudonyms_stand_for_names_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "Canary^Ann").mkdir()
    (one,) = find_studies(tmp_path, pseudonyms=KEY)
    assert one.id == find_studies(tmp_path, pseudonyms=KEY)[0].id and one.id.startswith("S-")
    assert one.id != find_studies(tmp_path, pseudonyms=Pseudonyms(b"x" * 32))[0].id


def test_a_study_is_known_again_until_a_file_of_it_changes(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "IM1").write_text("slice")
    first = input_sha256(tmp_path)
    assert input_sha256(tmp_path) == first
    assert input_sha256(tmp_path, pseudonyms=KEY) != first
    os.utime(tmp_path / "deep" / "IM1", ns=(1, 1))
    touched = input_sha256(tmp_path)
    assert touched != first
    (tmp_path / "deep" / "IM2").touch()
    assert input_sha256(tmp_path) != touched


def test_a_headers_voxels_count_and_its_neighbours_do_not(tmp_path: Path) -> None:
    for name in ("a.mhd", "a.raw", "b.raw"):
        (tmp_path / name).write_text("x")
    first = input_sha256(tmp_path / "a.mhd")
    (tmp_path / "b.raw").write_text("more")
    assert input_sha256(tmp_path / "a.mhd") == first
    (tmp_path / "a.raw").write_text("more")
    assert input_sha256(tmp_path / "a.mhd") != first
    assert input_sha256(tmp_path / "gone") == input_sha256(tmp_path / "gone too")
