"""What a hip implant's record says of its metal, its neck, and whether the scan cuts it."""

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.segment.implants.hip_records import completed, neck_lps
from planner.segment.implants.hips import HipPart
from planner.segment.implants.metal import Metal

SHAPE = (60, 50, 50)
GRID = Grid(SHAPE, np.eye(4)[[2, 1, 0, 3]])
POINTS = np.asarray(GRID.to_lps(np.moveaxis(np.indices(SHAPE), 0, -1)))
CENTRE, RADIUS_MM = np.array([25.0, 25.0, 40.0]), 12.0


def _part(kind, voxels, **more):
    record = Implant(
        id=kind, kind=kind, volume_ml=1.0, centroid_lps=(0.0, 0.0, 0.0), axis=None, bulls_eye=None, side=None,
        level=None, material="unknown", loosening=None,
    )  # fmt: skip
    return HipPart(
        record, Mask(GRID, voxels), **({"centre_lps": None, "radius_mm": None} | more), opening_lps=None, is_cut=False
    )


HEAD = np.linalg.norm(POINTS - CENTRE, axis=-1) < RADIUS_MM
STEM = (np.hypot(POINTS[..., 0] - 25.0, POINTS[..., 1] - 25.0) < 6.0) & (POINTS[..., 2] < 30.0) & (POINTS[..., 2] > 5.0)
STEM &= ~HEAD


def _metal(hu, clipped_at_hu):
    shown = hu > 2000
    return Metal(Mask(GRID, shown), shown.astype(np.uint32), (), 2000.0, 6500.0, clipped_at_hu)


def _told(inside_hu, *, clipped_at_hu=None, voxels=HEAD, padding=None, kind="femoral_head"):
    hu = np.where(voxels, inside_hu, 50.0).astype(np.float32)
    (part,) = completed(Volume(GRID, hu, padding), _metal(hu, clipped_at_hu), [_part(kind, voxels)])
    assert part.record.is_cut is part.is_cut
    return part.record


@pytest.mark.parametrize(
    ("inside_hu", "clipped_at_hu", "material"),
    [
        (7000.0, None, "titanium"),
        (7000.0, 8191.0, "titanium"),
        (18000.0, None, "cobalt_chrome_or_steel"),
        (32767.0, 32767.0, "cobalt_chrome_or_steel"),
        (11000.0, None, "unknown"),
        (3200.0, None, "unknown"),
        (3071.0, 3071.0, "unknown"),
        (8191.0, 8191.0, "unknown"),
    ],
)
def test_the_material_is_told_by_what_is_seen_inside(inside_hu, clipped_at_hu, material):
    assert _told(inside_hu, clipped_at_hu=clipped_at_hu, kind="femoral_stem").material == material


def test_a_head_is_never_called_titanium():
    assert _told(7000.0).material == "unknown"
    assert _told(18000.0).material == "cobalt_chrome_or_steel"
    for kind in ("femoral_stem", "acetabular_cup", "nail"):
        assert _told(7000.0, kind=kind).material == "titanium"


def test_a_thin_part_tells_no_material():
    sheet = np.zeros(SHAPE, dtype=bool)
    sheet[20:40, 25, 10:40] = True
    assert _told(18000.0, voxels=sheet).material == "unknown"


def test_padding_in_it_cuts_it():
    padding = POINTS[..., 0] > 36.0
    assert _told(7000.0, padding=padding).is_cut
    assert not _told(7000.0, padding=POINTS[..., 0] > 45.0).is_cut
    assert not _told(7000.0).is_cut


def test_the_neck_is_beneath_the_head():
    stem, head = _part("femoral_stem", STEM), _part("femoral_head", HEAD, centre_lps=CENTRE, radius_mm=RADIUS_MM)
    assert neck_lps(stem, head) == pytest.approx((25.0, 25.0, 24.5), abs=1.0)
    hu = np.where(HEAD | STEM, 8000.0, 50.0).astype(np.float32)
    told = completed(Volume(GRID, hu), _metal(hu, None), [stem, head])
    assert told[0].record.neck_lps is not None and told[1].record.neck_lps is None


def test_without_a_neck_none_is_told():
    stem, cup = _part("femoral_stem", STEM), _part("acetabular_cup", HEAD, centre_lps=CENTRE, radius_mm=RADIUS_MM)
    far = _part("femoral_head", HEAD, centre_lps=CENTRE + 60.0, radius_mm=RADIUS_MM)
    assert neck_lps(stem, far) is None
    assert neck_lps(cup, far) is None
    block = (POINTS[..., 2] < 30.0) & ~HEAD
    head = _part("femoral_head", HEAD, centre_lps=CENTRE, radius_mm=RADIUS_MM)
    assert neck_lps(_part("femoral_stem", block), head) is None
