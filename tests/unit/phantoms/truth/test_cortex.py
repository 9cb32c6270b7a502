"""The cortex of shells whose thickness is known: what ends it, and where it has no plain end."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Difference, Solid
from planner.phantoms.solids.raster import grid_over, rasterise
from planner.phantoms.tissues import CANCELLOUS, CORTICAL, FIBROUS, SCLEROTIC, TITANIUM
from planner.phantoms.truth.anatomy import TrueBone, codes_of
from planner.phantoms.truth.cortex import CortexSamples, cortex_samples

CENTRE = (1.0, 2.0, 3.0)
BONE = TrueBone("vertebra-1", "vertebra", Ball(CENTRE, 15.0), Ball(CENTRE, 13.4))
NOWHERE = Ball((300.0, 0.0, 0.0), 1.0)


def _samples(
    bones: Sequence[TrueBone] = (BONE,),
    *,
    metal: Solid = NOWHERE,
    lucent: Sequence[Solid] = (),
    over: Sequence[Part] = (),
) -> CortexSamples:
    grid = grid_over((np.full(3, -22.0), np.full(3, 28.0)), 1.0)
    parts = [p for b in bones for p in (Part(b.name, b.solid, CORTICAL), Part("in it", b.inside, CANCELLOUS))]
    scene = Scene((*parts, *over, Part("metal", metal, TITANIUM)))
    codes = codes_of([b.solid for b in bones], grid)
    voxels = rasterise(metal, grid)
    return cortex_samples(bones, codes, grid, scene=scene, lucent=lucent, metal=metal, metal_voxels=voxels)


def test_a_shell_is_as_thick_everywhere_as_it_is() -> None:
    found = _samples()
    assert len(found.thickness_mm) > 200
    assert found.thickness_mm == pytest.approx(1.6, abs=0.02)
    away = np.asarray(found.points_lps) - CENTRE
    assert np.linalg.norm(away, axis=1) == pytest.approx(15.0, abs=0.01)
    assert np.einsum("ij,ij->i", away / 15.0, found.outward_lps) == pytest.approx(1.0, abs=1e-3)
    assert set(found.bone) == {1}


def test_metal_and_gaps_end_the_cortex_from_within() -> None:
    metal, gap = Ball((1.0, 2.0, 12.0), 5.4), Ball((1.0, 2.0, -6.0), 5.2)
    found = _samples(metal=metal, lucent=[gap], over=[Part("gap", gap, FIBROUS)])
    height = np.asarray(found.outward_lps)[:, 2]
    for sign, radius in ((1.0, 5.4), (-1.0, 5.2)):
        chosen = sign * height > 0.9
        # Where the ray from the bone's middle leaves the ball, which lies 9 mm from there.
        cosine = np.abs(height[chosen])
        depth = 15.0 - (9.0 * cosine + np.sqrt(81.0 * cosine**2 - 81.0 + radius**2))
        assert depth.min() < 1.4
        assert found.thickness_mm[chosen] == pytest.approx(np.minimum(depth, 1.6), abs=0.03)


def test_half_of_the_places_lie_near_metal_and_none_far_off() -> None:
    long = replace(BONE, solid=Ball(CENTRE, 18.0), inside=Ball(CENTRE, 16.0))
    found = _samples([long], metal=Ball((1.0, 2.0, 18.0), 2.0))
    from_metal = np.linalg.norm(np.asarray(found.points_lps) - (1.0, 2.0, 18.0), axis=1) - 2.0
    assert (from_metal < 7.0).mean() > 0.2
    assert from_metal.max() < 36.0


def test_dense_bone_beneath_leaves_the_cortex_without_an_end() -> None:
    rim = Part("rim", Difference(Ball(CENTRE, 13.4), Ball(CENTRE, 11.0)), SCLEROTIC)
    assert len(_samples(over=[rim]).thickness_mm) == 0


def test_where_two_bones_touch_there_is_no_surface() -> None:
    other = TrueBone("vertebra-2", "vertebra", Ball((1.0, 2.0, 25.0), 7.6), Ball((1.0, 2.0, 25.0), 6.6))
    found = _samples([BONE, other])
    first = np.asarray(found.points_lps)[found.bone == 1]
    assert set(found.bone) == {1, 2}
    assert np.linalg.norm(first - (1.0, 2.0, 25.0), axis=1).min() > 8.0


def test_solid_bone_and_no_bone_have_no_thickness() -> None:
    solid = replace(BONE, inside=NOWHERE)
    assert len(_samples([solid]).thickness_mm) == 0
    assert len(_samples([]).thickness_mm) == 0
