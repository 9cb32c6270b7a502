"""The README's Python: what it imports is there, and its short examples run."""

import ast
import importlib
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from planner.config.plan_config import PlanConfig
from planner.model.anatomy_record import AnatomyRecord, BodyRecord, BoneRecord, LegsRecord, PedicleRecord
from planner.model.breach import Breach
from planner.model.carm import WatchView
from planner.model.plan import RiskFactor

README = Path(__file__).resolve().parents[1] / "README.md"
SETTINGS = re.findall(r"^```toml\n(.*?)^```", README.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
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


@pytest.mark.parametrize("text", SETTINGS, ids=lambda text: text.strip().splitlines()[0][:40])
def test_the_readmes_settings_are_taken(text: str) -> None:
    given = tomllib.loads(text)
    assert given and holds(PlanConfig.model_validate(given).model_dump(mode="json"), given)


def holds(config: object, given: object) -> bool:
    """Say whether settings hold all that was given, however deep; what was not given has its default."""
    if isinstance(config, dict) and isinstance(given, dict):
        return all(name in config and holds(config[name], value) for name, value in given.items())
    if isinstance(config, list) and isinstance(given, list):
        return len(config) == len(given) and all(map(holds, config, given))
    return config == given


def test_settings_that_were_not_taken_are_seen() -> None:
    config = {"needles": {"catalogue": [{"name": "a", "length_mm": 1.0}], "reach_mm": 12.0}}
    assert holds(config, {"needles": {"catalogue": [{"name": "a"}]}})
    assert not holds(config, {"needles": {"catalogue": [{"name": "b"}]}}) and not holds(config, {"needles": {"x": 1}})
    assert not holds(config, {"needles": {"catalogue": []}}) and not holds(config, {"needles": {"reach_mm": 11.0}})


def test_the_readmes_breaches_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    code = next(code for code in SNIPPETS if "find_breaches" in code)
    view = WatchView(primary_deg=-30.0, secondary_deg=5.0, contrast=0.1)
    found = Breach(
        id="breach-1", gap_id="gap-1", leak_type="canal", severity="open", barrier_mm=0.0, area_mm2=4.0,
        centroid_lps=(0.0, 0.0, 0.0), outward_lps=None, reached=None, leak_after_ml=None, watch_view=view,
        compartment="spinal canal", neck_mm=2.0, trust=0.9,
    )  # fmt: skip
    blind = found.model_copy(update={"id": "breach-2", "watch_view": None})
    exec(code, {"planner": SimpleNamespace(find_breaches=lambda volume: (found, blind)), "volume": None})
    assert capsys.readouterr().out.splitlines() == [
        "breach-1 gap-1 spinal canal open 0.0 2.0 0.9",
        "  watch: -30.0 5.0 0.1",
        "breach-2 gap-1 spinal canal open 0.0 2.0 0.9",
    ]


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


def test_the_readmes_anatomy_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    code = next(code for code in SNIPPETS if "anatomy.pedicles" in code)
    pedicle = PedicleRecord(
        bone="vertebra-2", level="L4", side="left", centre_lps=(14.7, 26.4, 39.5), usual_inward_lps=(-0.2, -0.98, 0.0),
        width_mm=11.8, height_mm=None,
    )  # fmt: skip
    bone = BoneRecord(
        name="vertebra-2", kind="vertebra", level="L4", side=None, label_code=16, envelope_ml=53.1, is_cut=False
    )
    body = BodyRecord(
        bone="vertebra-2", level="L4", front_mm=27.4, middle_mm=None, back_mm=27.2, front_loss_share=0.019,
        middle_loss_share=None, back_loss_share=None, compared_with="neighbours", genant_like_grade=0,
    )  # fmt: skip
    legs = LegsRecord(landmark="lesser trochanter", left_longer_mm=-4.5, left_offset_more_mm=None)
    risk = RiskFactor(name="trabecular CT value", measured=112.0, unit="HU", level="L4", source="vertebra-2: mean")
    record = AnatomyRecord(bones=(bone,), pedicles=(pedicle,), vertebral_bodies=(body,), legs=legs)
    exec(code, {"plan": SimpleNamespace(anatomy=record, risk_factors=(risk,))})
    assert capsys.readouterr().out.splitlines() == [
        "vertebra-2 L4 left 11.8 x None mm at (14.7, 26.4, 39.5)",
        "vertebra-2 L4 16 53.1 mL - goes on out of view: False",
        "vertebra-2 27.4 None 27.2 - lost: 0.019 None",
        "-4.5 None",
        "[('vertebra-2: mean', 112.0)]",
    ]
