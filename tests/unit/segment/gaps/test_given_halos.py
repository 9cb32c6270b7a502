"""A screw's gap as a person left it: measured, kept in part, widened, erased, drawn."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from planner.config.gap_config import HaloConfig
from planner.config.given_gap_config import GivenGapConfig
from planner.config.implant_config import ImplantConfig
from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.model.volume import Mask
from planner.phantoms.solids.measuring import measure
from planner.phantoms.solids.raster import rasterise
from planner.segment.gaps.given_halos import correct_halo
from planner.segment.gaps.halos import measure_halos
from planner.segment.implants.metal import find_metal
from planner.segment.implants.spine import segment_shafts


def _looked(scan):
    metal = find_metal(scan.volume, ImplantConfig())
    shafts = segment_shafts(scan.volume, metal, ImplantConfig())
    halo = measure_halos(scan.volume, metal, shafts, scan.bone, HaloConfig())[0]
    grid = scan.volume.grid
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    from_head = points - scan.head_lps
    along = from_head @ scan.axis
    away = np.linalg.norm(from_head - along[..., None] * scan.axis, axis=-1)
    own = np.zeros(grid.shape, dtype=bool) if halo.mask is None else halo.mask.voxels
    return SimpleNamespace(scan=scan, metal=metal, halo=halo, grid=grid, own=own, along=along, away=away)


@pytest.fixture(scope="module")
def loose(loose_scan):
    return _looked(loose_scan)


@pytest.fixture(scope="module")
def firm(firm_scan):
    look = _looked(firm_scan)
    halo, none = look.halo.halo, np.zeros(look.halo.halo.lucent.shape, dtype=bool)
    bare = replace(
        halo, outer_mm=halo.metal_mm, width_mm=np.zeros(none.shape), lucent=none, read=none,
        cells_ml=np.zeros(none.shape), sd_ml=0.0, sureness=0.0, wide_share=0.0, trust=0.9, hides_gaps=False,
    )  # fmt: skip
    look.halo = replace(look.halo, halo=bare, gap=None, mask=None, loosening="none")
    look.own = np.zeros(look.grid.shape, dtype=bool)
    return look


def _corrected(look, voxels, own=None):
    return correct_halo(
        look.halo, Mask(look.grid, voxels), Mask(look.grid, look.own if own is None else own),
        metal=look.metal, gap_id="gap-1", config=HaloConfig(), given_config=GivenGapConfig(),
    )  # fmt: skip


def test_an_unedited_mask_gives_what_was_measured(loose):
    new = _corrected(loose, loose.own)
    assert new.edited_share == 0.0
    assert new.measured.gap == loose.halo.gap
    assert new.measured.criteria == loose.halo.criteria
    assert np.array_equal(new.measured.mask.voxels, loose.own) and not new.rest.voxels.any()


def test_the_true_voxels_give_the_true_volume(firm, loose):
    drawn = rasterise(loose.scan.gap, loose.grid)
    new = _corrected(firm, drawn)
    assert new.edited_share > 0.9
    assert new.measured.gap.volume_ml.estimate == pytest.approx(measure(loose.scan.gap).volume_ml, rel=0.07)
    assert new.measured.gap.width_mm.median == pytest.approx(2.0, abs=0.2)


def test_half_of_a_halo_leaves_what_was_measured_there(loose):
    middle = 25.0
    new = _corrected(loose, loose.own & (loose.along > middle))
    fan = loose.halo.halo.fan
    from_scan = (fan.head_lps - loose.scan.head_lps) @ loose.scan.axis
    left_ml = loose.halo.halo.cells_ml[fan.along_mm + from_scan > middle].sum()
    assert new.measured.gap.volume_ml.estimate == pytest.approx(left_ml, rel=0.1)
    zones = {zone.zone: zone.volume_ml for zone in new.measured.gap.zones}
    assert zones["screw-proximal"] == pytest.approx(0.0, abs=0.01)
    assert 0.3 < new.edited_share < 0.7
    assert new.measured.gap.interface_fraction < 0.7 * loose.halo.gap.interface_fraction
    share = {c.name: c.measured for c in new.measured.criteria}[new.measured.criteria[0].name]
    assert share < 0.6 * loose.halo.criteria[0].measured


def test_one_side_of_a_halo_leaves_half_of_it(loose):
    across = np.cross(loose.scan.axis, [0.0, 0.0, 1.0])
    points = np.asarray(loose.grid.to_lps(np.moveaxis(np.indices(loose.grid.shape), 0, -1)))
    new = _corrected(loose, loose.own & ((points - loose.scan.head_lps) @ across > 0))
    whole = loose.halo.gap.volume_ml.estimate
    assert new.measured.gap.volume_ml.estimate == pytest.approx(whole / 2, rel=0.1)


def test_a_wider_gap_is_larger_with_a_wider_interval(loose):
    wide = (loose.away < 6.5) & ~loose.own & (loose.along > 12.0) & (loose.along < 38.0) & ~loose.metal.mask.voxels
    new = _corrected(loose, wide | loose.own)
    was, now = loose.halo.gap.volume_ml, new.measured.gap.volume_ml
    assert new.measured.gap.width_mm.median == pytest.approx(3.5, abs=0.3)
    assert now.estimate > 1.8 * was.estimate
    assert now.high - now.low > was.high - was.low
    assert new.measured.halo.sd_ml > loose.halo.halo.sd_ml


def test_an_erased_gap_is_gone_and_the_screw_no_longer_loose(loose):
    new = _corrected(loose, np.zeros_like(loose.own))
    assert new.measured.gap is None and new.measured.mask is None
    assert loose.halo.loosening == "probable" and new.measured.loosening == "none"
    assert new.measured.criteria[0].measured == 0.0
    assert new.edited_share > 0.9


def test_a_gap_drawn_round_a_firm_screw_makes_it_loose(firm):
    drawn = (firm.away < 5.0) & (firm.along > 15.0) & (firm.along < 36.0)
    new = _corrected(firm, drawn)
    assert firm.halo.gap is None and firm.halo.loosening == "none"
    assert new.measured.loosening == "probable"
    assert new.measured.gap.width_mm.median == pytest.approx(2.0, abs=0.25)
    assert new.measured.gap.id == "gap-1" and new.measured.gap.kind == "screw_halo"


def test_nothing_drawn_round_a_firm_screw_changes_nothing(firm):
    new = _corrected(firm, np.zeros(firm.grid.shape, dtype=bool))
    assert new.measured.gap is None and new.measured.mask is None
    assert new.measured.criteria == firm.halo.criteria and new.edited_share == 0.0


def test_what_no_ray_reaches_is_handed_back(loose):
    ball = np.zeros_like(loose.own)
    far = np.argwhere((np.abs(loose.away - 12.0) < 0.6) & (np.abs(loose.along - 25.0) < 0.6))[0]
    ball[tuple(far)] = True
    ball = ndimage.binary_dilation(ball, iterations=3)
    new = _corrected(loose, loose.own | ball)
    assert new.measured.gap == loose.halo.gap
    assert new.rest.volume_ml == pytest.approx(Mask(loose.grid, ball).volume_ml, rel=0.05)


def test_masks_of_two_grids_are_refused(loose):
    other = Grid((3, 3, 3), np.eye(4))
    with pytest.raises(GeometryError):
        correct_halo(
            loose.halo, Mask(other, np.zeros((3, 3, 3), bool)), Mask(loose.grid, loose.own),
            metal=loose.metal, gap_id="gap-1", config=HaloConfig(), given_config=GivenGapConfig(),
        )  # fmt: skip
