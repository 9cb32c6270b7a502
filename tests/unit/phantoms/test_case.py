"""Phantoms by name and by recipe: what is drawn, and what is refused in one plain line."""

from typing import Any

import numpy as np
import pytest

from planner.config.phantoms.hip.phantom import HipPhantom
from planner.config.phantoms.scan import IdealScan, ScanSettings
from planner.config.phantoms.spine.phantom import SpinePhantom
from planner.errors import UsageError
from planner.geometry.grid import Grid
from planner.phantoms import design, draw, make
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball
from planner.phantoms.tissues import MUSCLE


@pytest.mark.parametrize(
    ("kind", "recipe"), [("lumbar", SpinePhantom), ("thoracic", SpinePhantom), ("hip", HipPhantom)]
)
def test_a_drawn_recipe_is_the_same_for_the_same_seed_and_choices(kind: Any, recipe: type) -> None:
    drawn = draw(kind, seed=4)
    assert isinstance(drawn, recipe)
    assert drawn == draw(kind, seed=4)
    assert drawn != draw(kind, seed=5)


@pytest.mark.parametrize(
    ("kind", "choices", "said"),
    [
        ("knee", {}, "there is no phantom 'knee'"),
        ("lumbar", {"seed": -1}, "whole number of 0 or more, not -1"),
        ("lumbar", {"seed": "7"}, "whole number of 0 or more, not '7'"),
        ("hip", {"seed": True}, "whole number of 0 or more, not True"),
        ("hip", {"metal": "gold"}, "does not fit: material: Input should be 'titanium'"),
        ("thoracic", {"metal": "gold"}, "does not fit: metal: Input should be 'titanium'"),
        ("lumbar", {"defects": "even"}, r"write \('even',\)"),
        ("lumbar", {"defects": ("evn",)}, "there is no defect 'evn'; choose from even"),
        ("hip", {"colour": 1}, "is not drawn by 'colour'; there are side"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(kind: Any, choices: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refusal:
        draw(kind, **{"seed": 1, **choices})
    assert "\n" not in str(refusal.value)


def test_a_recipe_that_was_changed_by_hand_is_checked_again() -> None:
    recipe = draw("lumbar", seed=1)
    for change in ({"screws": ("x",)}, {"feild": 3}, {"seed": -2}):
        with pytest.raises(UsageError, match="this lumbar cannot be built: ") as refusal:
            design(recipe.model_copy(update=change))
        assert "\n" not in str(refusal.value)


def test_a_grid_beside_the_patient_is_refused() -> None:
    far = np.eye(4)
    far[:3, 3] = 4000.0
    with pytest.raises(UsageError, match="the grid lies beside the patient"):
        make("lumbar", grid=Grid((4, 4, 4), far), settings=IdealScan())


def test_a_recipe_brings_its_own_seed() -> None:
    with pytest.raises(UsageError, match="a recipe has a seed of its own"):
        design(draw("lumbar", seed=1), seed=2)


def test_settings_of_another_kind_are_refused() -> None:
    with pytest.raises(UsageError, match="scanned by ScanSettings or IdealScan, not by dict"):
        make("lumbar", settings={"kvp": 120})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["hip", "lumbar", "thoracic"])
def test_the_standard_phantoms_are_scanned_with_physics_and_have_an_ideal_scan_beside_it(kind: Any) -> None:
    made = design(kind, seed=2)
    assert isinstance(made.settings, ScanSettings)
    assert made.settings.artefacts
    assert (made.settings.seed, made.settings.hu_clipped_at) == (made.ideal.seed, made.ideal.hu_clipped_at)
    assert made.ideal.seed == design(kind).ideal.seed + 2


def test_one_voxel_is_noisy_like_any_other() -> None:
    grid = Grid((1, 1, 1), np.eye(4))
    scene = Scene((Part("muscle", Ball((0.0, 0.0, 0.0), 20.0), MUSCLE),))
    read = [int(ideal_scan(scene, grid, IdealScan(seed=s, noise_sd_hu=10.0)).hu[0, 0, 0]) for s in range(40)]
    assert 5.0 < np.std(read) < 20.0
    assert abs(np.mean(read) - MUSCLE.hu) < 20.0
