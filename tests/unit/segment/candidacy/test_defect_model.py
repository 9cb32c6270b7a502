"""Missing bone against the envelope; against the other side it is tested with the cup's place."""

from dataclasses import replace

import numpy as np
import pytest

from planner.errors import GeometryError
from planner.model.volume import Mask
from planner.segment.candidacy.defect_model import defect_findings, defect_from_envelope
from planner.segment.upright import upright_grid
from tests.unit.segment.candidacy.socket import CUP, GRID, Socket, points

_SCENE = Socket()


def _hole(radius_mm: float) -> Mask:
    return Mask(GRID, np.linalg.norm(points() - CUP - [-20.0, 20.0, 20.0], axis=-1) < radius_mm)


def test_a_lucent_space_in_bone_is_missing_bone_and_metal_is_not() -> None:
    hole = _hole(10.0)
    model = defect_from_envelope(_SCENE.pelvis, spaces=(hole,), metal=_SCENE.metal)
    assert model is not None
    expected = hole.voxels & _SCENE.pelvis.mask.voxels & ~_SCENE.metal.voxels
    assert model.volume_ml == pytest.approx(Mask(GRID, expected).volume_ml, rel=0.08)
    assert not (model.mask.voxels & _SCENE.metal.voxels).any()
    (said,) = defect_findings((model,))
    assert (said.code, said.severity, said.unit) == ("bone-lucent", "info", "mL")
    # a gap may be false: nothing is claimed beyond it
    assert "measured as lucent" in said.message and "missing" not in said.message
    # the bone is named in words, and voxels on another grid are not the gaps' own volumes
    assert said.message.startswith("left pelvis: ") and "defect-" not in said.message
    assert "sum of the gaps" not in said.message


def test_spaces_may_lie_on_another_grid() -> None:
    fine = upright_grid(GRID, 1.0, np.stack([CUP - 45.0, CUP + 45.0]))
    here = np.asarray(fine.to_lps(np.moveaxis(np.indices(fine.shape), 0, -1)))
    space = Mask(fine, np.linalg.norm(here - CUP - [-20.0, 20.0, 20.0], axis=-1) < 10.0)
    one = defect_from_envelope(_SCENE.pelvis, spaces=(space,), metal=_SCENE.metal)
    two = defect_from_envelope(_SCENE.pelvis, spaces=(_hole(10.0),), metal=_SCENE.metal)
    assert one is not None and two is not None
    assert one.volume_ml == pytest.approx(two.volume_ml, rel=0.08)


def test_nothing_lucent_a_small_space_and_a_bone_of_no_side_give_none() -> None:
    assert defect_from_envelope(_SCENE.pelvis, spaces=(), metal=_SCENE.metal) is None
    assert defect_from_envelope(_SCENE.pelvis, spaces=(_hole(3.0),), metal=_SCENE.metal) is None
    midline = replace(_SCENE.pelvis, side=None)
    assert defect_from_envelope(midline, spaces=(_hole(10.0),), metal=_SCENE.metal) is None


def test_metal_of_another_grid_is_refused() -> None:
    other = upright_grid(GRID, 3.0)
    with pytest.raises(GeometryError):
        defect_from_envelope(_SCENE.pelvis, spaces=(_hole(8.0),), metal=Mask(other, np.zeros(other.shape, dtype=bool)))
