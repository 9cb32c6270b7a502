"""Painter's order, and textures that belong to the place."""

import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, Union
from planner.phantoms.tissues import CANCELLOUS, CORTICAL, FAT, FIBROUS, TITANIUM

_SCENE = Scene(
    (
        Part("bone", Ball((0, 0, 0), 12.0), CORTICAL),
        Part("marrow", Ball((0, 0, 0), 10.0), CANCELLOUS),
        Part("halo", Union((Ball((3, 1, 0), 4.0), Ball((6, 1, 1), 2.0))), FIBROUS),
        Part("screw", Cylinder((-2, 0, 0), (15, 2, 1), 1.5), TITANIUM),
    ),
    FAT,
    texture_seed=4,
)


def test_later_parts_lie_over_earlier_ones() -> None:
    points = points_lps([[0, 0, -11], [0, 0, -5], [3, 1, -3.5], [3, 0.6, 0.3], [0, 0, 20]])
    assert _SCENE.part_index_at(points).tolist() == [0, 1, 2, 3, -1]
    turned = Scene(_SCENE.parts[::-1], FAT)
    assert turned.part_index_at(points).tolist() == [3, 3, 3, 3, -1]


def test_the_texture_belongs_to_the_place_and_the_seed() -> None:
    points = points_lps(np.random.default_rng(1).uniform(-5, -1, (500, 3)))
    assert np.array_equal(_SCENE.hu_at(points), _SCENE.hu_at(points))
    other = Scene(_SCENE.parts, FAT, texture_seed=5)
    assert np.abs(other.hu_at(points) - _SCENE.hu_at(points)).mean() > 10.0
    sample = Scene((), CANCELLOUS).hu_at(points_lps(np.random.default_rng(2).uniform(-200, 200, (20000, 3))))
    assert sample.mean() == pytest.approx(CANCELLOUS.hu, abs=2.0)
    assert sample.std() == pytest.approx(CANCELLOUS.texture_hu, rel=0.05)
