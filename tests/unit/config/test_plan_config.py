"""Settings files and their refusals."""

from pathlib import Path

import pytest

from planner.config.plan_config import PlanConfig, load_settings
from planner.errors import ConfigError


def test_settings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('series_instance_uid = "1.2.3"\n')
    assert load_settings(path).series_instance_uid == "1.2.3"


@pytest.mark.parametrize(
    ("text", "said"),
    [("serie_uid = 3\n", "serie_uid"), ("series_instance_uid = 3\n", "series_instance_uid"), ("a = = b", "not TOML")],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_settings(path)


def test_a_missing_or_binary_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_settings(tmp_path / "binary.toml")


def test_the_fingerprint_follows_the_settings() -> None:
    assert PlanConfig().sha256() == PlanConfig().sha256()
    assert PlanConfig().sha256() != PlanConfig(assume_hu=True).sha256()


def test_the_fingerprint_tells_nothing_of_the_series() -> None:
    """A list of UIDs could be tried on that of a plan under a pseudonym."""
    assert PlanConfig().sha256() == PlanConfig(series_instance_uid="1.2").sha256()
    assert PlanConfig(series_instance_uid="1.2").series_instance_uid == "1.2"


def test_what_is_written_changes_no_plan_and_no_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('[output]\nsurfaces = ["stl"]\nsurface_deviation_mm = 0.3\n')
    config = load_settings(path)
    assert config.output.surfaces == ("stl",) != PlanConfig().output.surfaces
    assert config.sha256() == PlanConfig().sha256()
    path.write_text('[output]\nsurfaces = ["ply"]\n')
    with pytest.raises(ConfigError, match="output"):
        load_settings(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[needles]\nneedles_in_sets = 3\n", "no such setting; did you mean needles_in_set?"),
        ("[needle]\n", "did you mean needles?"),
        ("[[needles.wishes.keep_out]]\ncentre_lps = [0, 0, 0]\nradius_mm = 3\n", 'needs kind = "ball" or "box"'),
        ("[needles.wishes]\nlocked = [1]\n", "needs a table of settings"),
    ],
)
def test_mistyped_settings_are_told_in_words(tmp_path, text, words):
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as told:
        load_settings(path)
    assert words in str(told.value)
