"""How ``cement-planner fluoro`` lays the patient of a plan: as it was made, unless the command line says otherwise."""

import numpy as np
import pytest

from planner.cli import main
from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.console import console_angles_deg
from planner.geometry.grid import Grid
from planner.io import load_scan
from planner.io.nifti import write_array_nifti
from planner.io.plan_json import save_plan
from planner.model.plan import Plan, Review, Software

ANGLES = (20.0, 10.0)
GRID = Grid((40, 50, 50), np.array([[0, 0, 2.0, -50.0], [0, 2.0, 0, -50.0], [2.0, 0, 0, 10.0], [0, 0, 0, 1.0]]))


@pytest.fixture
def asked(tmp_path, capsys):
    """Give what is said of one view of a patient whose plan was made for a position; settings may name another."""
    x, y, _ = np.moveaxis(np.asarray(GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1))), -1, 0)
    ct = tmp_path / "ct.nii.gz"
    write_array_nifti(np.where(np.hypot(x, y) < 40.0, 40, -1000).astype(np.int16), GRID, ct)
    small = FluoroConfig(rows=64, columns=64, pixel_mm=4.0)

    def ask(planned, settings, *words):
        out = tmp_path / "out"
        out.mkdir()
        series = load_scan(ct, assume_hu=True).series
        software = Software(name="test", version="0")
        plan = Plan(
            software=software, review=Review(), series=series, treatment_position=planned, settings_sha256="0" * 64
        )
        save_plan(plan, out / "plan.json")
        lines = [] if settings is None else [f'treatment_position = "{settings}"']
        lines += ["[fluoroscopy]", f"rows = {small.rows}", f"columns = {small.columns}", f"pixel_mm = {small.pixel_mm}"]
        file = tmp_path / "settings.toml"
        file.write_text("\n".join(lines))
        primary, secondary = (str(angle) for angle in ANGLES)
        asked_for = ["--primary", primary, "--secondary", secondary, "-o", str(tmp_path / "view.png"), *words]
        code = main(["fluoro", str(ct), "--assume-hu", "--settings", str(file), "--plan", str(out), *asked_for])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said

    return ask


def _dial(position):
    primary, secondary = console_angles_deg(*ANGLES, position)
    return f"at the console {primary:.1f} / {secondary:.1f};"


def test_the_plans_position_stands_above_the_settings_and_it_is_said(asked):
    said = asked("HFP", "HFS")
    assert _dial("HFP") in said.out and _dial("HFS") not in said.out
    assert "the plan was made for a patient who lies HFP; drawn so, not HFS as the settings say" in said.err


def test_what_the_command_line_says_stands_above_both_and_it_is_said(asked):
    said = asked("HFP", "HFP", "--treatment-position", "supine")
    assert _dial("HFS") in said.out
    assert "made for a patient who lies HFP; drawn HFS, as --treatment-position says" in said.err


@pytest.mark.parametrize(("settings", "words"), [(None, ()), ("HFP", ()), (None, ("--treatment-position", "prone"))])
def test_nothing_is_said_where_all_agree(asked, settings, words):
    said = asked("HFP", settings, *words)
    assert _dial("HFP") in said.out
    assert "patient who lies" not in said.err


def test_settings_count_where_the_plan_does_not_say(asked):
    said = asked(None, "HFDL")
    assert _dial("HFDL") in said.out
    assert "patient who lies" not in said.err


def test_without_any_word_the_console_is_not_known(asked):
    assert "at the console" not in asked(None, None).out
