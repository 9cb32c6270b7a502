"""Halos against a closed form, loose and firm, in any storage."""

import numpy as np
import pytest

from planner.config.gap_config import HaloConfig
from planner.config.implant_config import ImplantConfig
from planner.geometry.rigid import rotation_about
from planner.model.implant import Implant
from planner.phantoms.solids.measuring import measure
from planner.phantoms.solids.raster import rasterise
from planner.progress import SILENT
from planner.segment.gaps.halos import HaloMeasurement, loosening_call, measure_halos
from planner.segment.implants.metal import find_metal
from planner.segment.implants.spine import implant_parts, segment_shafts


def _measured(scan, config: HaloConfig | None = None, *, with_bone: bool = True) -> HaloMeasurement:
    metal = find_metal(scan.volume, ImplantConfig())
    shafts = segment_shafts(scan.volume, metal, ImplantConfig())
    found = measure_halos(
        scan.volume, metal, shafts, scan.bone if with_bone else None, config or HaloConfig(), monitor=SILENT
    )
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def loose(loose_scan) -> HaloMeasurement:
    return _measured(loose_scan)


@pytest.fixture(scope="module")
def firm(firm_scan) -> HaloMeasurement:
    return _measured(firm_scan)


def test_the_volume_is_that_of_the_hole_without_the_screw(loose, loose_scan):
    truth_ml = measure(loose_scan.gap).volume_ml
    assert loose.gap.volume_ml.estimate == pytest.approx(truth_ml, rel=0.10)
    assert loose.gap.volume_ml.low <= truth_ml <= loose.gap.volume_ml.high


def test_the_painted_gap_lies_on_the_true_one(loose, loose_scan):
    truth = rasterise(loose_scan.gap, loose_scan.volume.grid)
    painted = loose.mask.voxels
    assert 2 * (truth & painted).sum() / (truth.sum() + painted.sum()) > 0.85


def test_the_width_is_read_from_the_crest(loose):
    assert loose.gap.width_mm.median == pytest.approx(2.0, abs=0.3)


def test_zones_add_up_and_the_proximal_third_is_nearly_closed(loose):
    zones = {z.zone: z.volume_ml for z in loose.gap.zones}
    assert sum(zones.values()) == pytest.approx(loose.gap.volume_ml.estimate)
    assert zones["screw-proximal"] < 0.25 * zones["screw-middle"]


def test_what_cement_will_reach_is_not_told_from_the_gap_alone(loose):
    assert loose.gap.expected_fill_ml is None


def test_a_loose_screw_is_called_so(loose, loose_scan):
    assert loose.loosening == "probable"
    assert 0.5 < loose.halo.trust <= 1.0
    assert [c.unit for c in loose.criteria] == ["1", "mm", "mm"]
    metal = find_metal(loose_scan.volume, ImplantConfig())
    record: Implant = implant_parts(loose_scan.volume, metal, (loose.shaft,), ImplantConfig())[0].record
    assert record.loosening is None
    assert loose.graded(record).loosening == "probable"


def test_a_firm_screw_has_no_gap(firm):
    assert firm.gap is None
    assert firm.mask is None
    assert firm.loosening == "none"
    assert firm.halo.volume_ml == 0.0


def test_clipping_changes_little(make_screw_scan):
    scan = make_screw_scan(loose=True, clipped=True)
    found = _measured(scan)
    assert found.gap.volume_ml.estimate == pytest.approx(measure(scan.gap).volume_ml, rel=0.12)
    assert found.loosening == "probable"


def test_thick_slices_widen_the_interval(make_screw_scan, loose):
    thick = _measured(make_screw_scan(loose=True, spacing_mm=(2.0, 0.6, 0.6)))
    wide, narrow = thick.gap.volume_ml, loose.gap.volume_ml
    assert (wide.high - wide.low) / wide.estimate > 1.2 * (narrow.high - narrow.low) / narrow.estimate


STORAGES = {
    "coronal": (np.eye(3)[:, [1, 2, 0]], (0.6, 1.0, 0.6)),
    "flipped": (np.eye(3)[:, [2, 1, 0]] * np.array([-1, -1, 1]), (1.0, 0.6, 0.6)),
    "oblique": (rotation_about([1.0, 2.0, 0.5], 23.0) @ np.eye(3)[:, [2, 1, 0]], (0.9, 0.6, 0.6)),
}


@pytest.mark.parametrize("name", sorted(STORAGES))
def test_storage_does_not_change_the_answer(name, make_screw_scan, loose):
    directions, spacing = STORAGES[name]
    found = _measured(make_screw_scan(loose=True, directions=directions, spacing_mm=spacing))
    assert found.gap.volume_ml.estimate == pytest.approx(loose.gap.volume_ml.estimate, rel=0.06)
    assert np.linalg.norm(np.subtract(found.gap.centroid_lps, loose.gap.centroid_lps)) < 0.7
    assert found.loosening == loose.loosening


def test_without_a_bone_mask_the_gap_is_still_found(loose_scan):
    found = _measured(loose_scan, with_bone=False)
    assert found.gap.volume_ml.estimate == pytest.approx(measure(loose_scan.gap).volume_ml, rel=0.15)


@pytest.mark.parametrize(
    ("share", "trust", "slice_mm", "call"),
    [
        (None, 1.0, 1.0, None),
        (0.0, 1.0, 1.0, "none"),
        (0.0, 0.1, 1.0, None),
        (0.0, 0.45, 1.0, None),
        (0.0, 1.0, 2.0, "none"),
        (0.0, 1.0, 3.0, None),
        (0.009, 1.0, 1.0, "none"),
        (0.1, 1.0, 3.0, "possible"),
        (0.34, 1.0, 1.0, "probable"),
        (0.9, 0.2, 1.0, None),
    ],
)
def test_the_rule_of_loosening(share, trust, slice_mm, call):
    assert loosening_call(share, trust=trust, slice_mm=slice_mm, config=HaloConfig()) == call


def test_an_unreadable_firm_screw_is_not_called_firm(firm_scan):
    assert _measured(firm_scan, HaloConfig(least_trust_firm=1.0)).loosening is None


def test_what_cannot_be_told_is_no_measured_zero(firm_scan, firm):
    blind = _measured(firm_scan, HaloConfig(least_trust_firm=1.0))
    assert [c.measured for c in blind.criteria] == [None, None, None]
    assert firm.criteria[0].measured == 0.0
