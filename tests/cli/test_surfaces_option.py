"""``--surfaces``: which files of surfaces are written; a format that is not there is refused before any work."""

import argparse

import pytest

from planner.cli import main
from planner.cli._options import config_from
from planner.cli.plan import add_arguments


def config_of(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return config_from(parser.parse_args(["ct", "-o", "out", *words]))


@pytest.mark.parametrize(
    ("words", "formats"),
    [
        ((), ("stl", "obj", "glb")),
        (("--surfaces", "glb,stl"), ("stl", "glb")),
        (("--surfaces", "obj, obj"), ("obj",)),
        (("--surfaces", "none"), ()),
    ],
)
def test_formats_are_taken(words, formats):
    assert config_of(*words).output.surfaces == formats


def test_the_command_lines_word_stands_over_the_files(tmp_path):
    settings = tmp_path / "s.toml"
    settings.write_text('[output]\nsurfaces = ["glb"]\nsurface_deviation_mm = 0.3\n')
    assert config_of("--settings", str(settings)).output.surfaces == ("glb",)
    both = config_of("--settings", str(settings), "--surfaces", "stl").output
    assert both.surfaces == ("stl",) and both.surface_deviation_mm == 0.3


@pytest.mark.parametrize("text", ["ply", "stl,ply", "", "none,stl", "STL"])
def test_other_formats_are_refused(text, tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["plan", str(tmp_path), "-o", str(tmp_path / "out"), "--surfaces", text])
    assert end.value.code == 2
    assert "stl, obj, glb with commas between, or none" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
