"""The README's Python: what it imports is there, and its short examples run."""

import ast
import importlib
import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", SNIPPETS, ids=lambda code: code.strip().splitlines()[-1][:40])
def test_every_name_that_the_readme_imports_is_there(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)


def test_the_readmes_own_scene_is_scanned_measured_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = next(code for code in SNIPPETS if "halo_ml = " in code)
    write = next(code for code in SNIPPETS if "write_ct_series(" in code)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(scene + write, names)
    assert names["halo_ml"] == pytest.approx(1.52, abs=0.02)
    assert len(list((tmp_path / "my_ct").iterdir())) == names["grid"].shape[0]  # type: ignore[attr-defined]


def test_the_readmes_changed_recipe_can_be_built() -> None:
    code = next(code for code in SNIPPETS if "model_copy" in code)
    names: dict[str, object] = {}
    exec("from planner.phantoms import design, draw\n" + code + "made = design(firm), design(recipe)", names)
    assert [len(made.truth.gaps) for made in names["made"]] == [0, 1]  # type: ignore[attr-defined]
