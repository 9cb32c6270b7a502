"""The lucent interface of sunken cages: measured where it is, not made up where it is not."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.geometry.frames import points_lps
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.segment.gaps.cage_interfaces import measure_cage_interfaces
from planner.segment.implants.parts import ImplantPart
from tests.unit.segment.candidacy.spine_blocks import SpineBlocks

HALF = np.array([9.0, 7.0])


def _scene(*, sunk_mm: float, width_mm: float) -> tuple[SpineBlocks, Volume, ImplantPart, float]:
    """A cage of plastic between two bodies, as high as the disc, and sunk into the upper one."""
    made = SpineBlocks([(25.0, 25.0), (25.0, 25.0)])
    top = made.bottoms[1] + 12.5
    bottom = made.bottoms[0] - 12.5
    # its endplate is dished, as all are under cages
    x, y, z = np.moveaxis(made.points, -1, 0)
    face = bottom + 1.2 + sunk_mm
    out = np.maximum(np.maximum(np.abs(x - 1.5) - HALF[0], np.abs(y + 1.0) - HALF[1]), z - face)
    cage = (out <= 0) & (z >= top)
    rind = (out > 0) & (out <= width_mm) & (z > bottom + 1.2)
    true_ml = float(np.count_nonzero(rind)) * made.grid.voxel_volume_mm3 / 1000.0
    made.hu[rind] = 40.0
    made.hu[cage] = 300.0
    volume = made.volume()
    record = Implant(
        id="cage-1", kind="cage", volume_ml=None, centroid_lps=(1.5, -1.0, (top + face) / 2), axis=None, bulls_eye=None,
        side=None, level=None, material="unknown", loosening=None,
    )  # fmt: skip
    return made, volume, ImplantPart(record, Mask(made.grid, ndi.binary_opening(cage))), true_ml


def test_the_interface_of_a_sunken_cage_is_measured() -> None:
    made, volume, cage, true_ml = _scene(sunk_mm=4.0, width_mm=1.6)
    (gap,), (said,) = measure_cage_interfaces(volume, (cage,), spine=made.spine, grid=made.grid)
    record = gap.record
    assert record.kind == "cage_interface" and record.implant_id == "cage-1" and record.level == "L1"
    assert record.width_mm is not None and record.width_mm.median == pytest.approx(1.6, abs=0.4)
    assert record.volume_ml is not None and record.volume_ml.low <= true_ml <= record.volume_ml.high
    assert record.volume_ml.estimate == pytest.approx(true_ml, rel=0.35)
    assert "in the endplate of L1:" in said.message
    assert said.code == "cage-subsided" and said.measured == pytest.approx(4.0, abs=0.6)
    assert gap.mask.voxels.any() and not made.labels[gap.mask.voxels].max() > 1
    x = np.asarray(made.grid.to_lps(np.argwhere(gap.mask.voxels)))[:, 0]
    assert x.mean() == pytest.approx(1.5, abs=0.5)


def test_a_sunken_cage_that_sits_firmly_has_no_interface() -> None:
    made, volume, cage, _ = _scene(sunk_mm=4.0, width_mm=0.0)
    gaps, (said,) = measure_cage_interfaces(volume, (cage,), spine=made.spine, grid=made.grid)
    assert gaps == () and "no lucent interface" in said.message


def test_a_cage_that_has_not_sunk_has_neither() -> None:
    made, volume, cage, _ = _scene(sunk_mm=-1.2, width_mm=1.6)
    assert measure_cage_interfaces(volume, (cage,), spine=made.spine, grid=made.grid) == ((), ())


def test_other_implants_are_passed_over() -> None:
    made, volume, cage, _ = _scene(sunk_mm=4.0, width_mm=1.6)
    rod = ImplantPart(cage.record.model_copy(update={"kind": "rod"}), cage.mask)
    assert measure_cage_interfaces(volume, (rod,), spine=made.spine, grid=made.grid) == ((), ())


def test_without_an_endplate_nothing_is_said() -> None:
    made, volume, cage, _ = _scene(sunk_mm=4.0, width_mm=1.6)
    far = points_lps(np.array([[0.0, 0.0, 500.0]] * 40))
    for body in made.spine.bodies:
        assert body.lower is not None
        object.__setattr__(body.lower, "points_lps", far)
        object.__setattr__(body.upper, "points_lps", far)
    assert measure_cage_interfaces(volume, (cage,), spine=made.spine, grid=made.grid) == ((), ())
