"""The README's code runs as it is written."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from planner.cli import COMMANDS, _parser

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sample_dicoms").symlink_to(PROJECT / "sample_dicoms")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = _blocks("python")
    assert len(blocks) >= 4
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert (tmp_path / "my_plan.json").is_file()
    # A halo of 2 mm round a 6 mm crest, 26 mm long: the hollow cylinder, and the thread's valleys on top.
    assert 1.31 < float(str(names["halo_ml"])) < 1.75


def _commands() -> list[list[str]]:
    found = []
    for block in _blocks("sh"):
        for line in block.splitlines():
            words = shlex.split(re.sub(r"\$\([^)]*\)", "NAME", line).replace('"$series"', "S"), comments=True)
            words = [word for word in words if word not in ("$header", "NAME", "&&")] if "$header" in line else words
            if words and words[0].split("/")[-1] == "cement-planner":
                found.append(words[1:])
    return found


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_the_shell_examples_name_real_options(words: list[str]) -> None:
    if "--name" in words:
        words = [*words, "NAME"]
    arguments = _parser(words[0]).parse_args(words)
    assert isinstance(arguments, argparse.Namespace)
    assert arguments.command in COMMANDS


def test_every_command_is_told() -> None:
    told = {words[0] for words in _commands()}
    assert told | {"demo"} == set(COMMANDS)


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#:]+)\)", README))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (PROJECT / target).exists(), target
    assert not Path(target).is_absolute()
