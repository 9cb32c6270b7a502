"""What a trust map does to gaps: clear maps change nothing, dark patterns refuse, blind ones leave nothing firm."""

import numpy as np
import pytest

from planner.config.gap_config import HaloConfig
from planner.config.implant_config import ImplantConfig
from planner.config.trust_config import TrustConfig
from planner.geometry.grid import Grid
from planner.segment.gaps.halos import measure_halos
from planner.segment.gaps.readability import Readability, depths_mm, readability, refused_finding, unreadable_finding
from planner.segment.implants.metal import find_metal
from planner.segment.implants.spine import segment_shafts
from planner.segment.trust import TrustMap


def _map(scan, *, trust: float, dark_hu: float = 0.0, within_mm: float = 5.5) -> TrustMap:
    """A map of even trust; within a distance of the screw's axis artefacts are said to darken."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1]
    matrix[:3, 3] = -40.0
    grid = Grid((81, 81, 81), matrix)
    points = grid.to_lps(np.argwhere(np.ones(grid.shape, dtype=bool))) - scan.head_lps
    off = np.linalg.norm(points - (points @ scan.axis)[:, None] * scan.axis, axis=1).reshape(grid.shape)
    pattern = np.where(off < within_mm, dark_hu, 0.0).astype(np.float32)
    even = np.full(grid.shape, trust, dtype=np.float32)
    return TrustMap(grid, even, np.zeros_like(even), pattern, TrustConfig())


@pytest.fixture(scope="module")
def screws(loose_scan, firm_scan):
    """Metal and shafts of the loose and of the firm screw."""
    found = {}
    for name, scan in (("loose", loose_scan), ("firm", firm_scan)):
        metal = find_metal(scan.volume, ImplantConfig())
        found[name] = (scan, metal, segment_shafts(scan.volume, metal, ImplantConfig()))
    return found


def _measured(screw, trust: TrustMap | None):
    scan, metal, shafts = screw
    (found,) = measure_halos(scan.volume, metal, shafts, scan.bone, HaloConfig(), trust=trust)
    return found


@pytest.mark.parametrize("name", ["loose", "firm"])
def test_where_there_is_no_artefact_nothing_changes(screws, name):
    screw = screws[name]
    without, with_map = _measured(screw, None), _measured(screw, _map(screw[0], trust=0.995))
    assert with_map.loosening == without.loosening is not None
    assert with_map.halo.trust == pytest.approx(without.halo.trust, abs=0.01)
    assert with_map.gap is None if name == "firm" else with_map.gap.volume_ml == without.gap.volume_ml
    assert with_map.findings == ()


def _explaining(loose, firm, *, trust: float) -> TrustMap:
    """A map that foretells all by which the loose screw's scan differs from the firm one's."""
    difference = loose.volume.hu.astype(np.float32) - firm.volume.hu.astype(np.float32)
    even = np.full(difference.shape, trust, dtype=np.float32)
    return TrustMap(loose.volume.grid, even, np.zeros_like(even), difference, TrustConfig())


def test_a_rim_that_artefacts_explain_is_no_gap_and_the_screw_not_firm(screws):
    screw = screws["loose"]
    found = _measured(screw, _explaining(screw[0], screws["firm"][0], trust=0.4))
    assert found.gap is None
    assert found.mask is None
    assert found.loosening is None
    assert all(c.measured is None for c in found.criteria)
    assert [f.code for f in found.findings] == ["unreadable-by-artefact", "dark-by-artefact"]
    assert found.halo.trust < 0.1


def test_a_gap_darker_than_artefacts_explain_stays_with_less_trust(screws):
    screw = screws["loose"]
    sure, doubted = _measured(screw, None), _measured(screw, _map(screw[0], trust=0.3, dark_hu=-20.0))
    assert doubted.gap is not None
    assert doubted.gap.volume_ml.estimate == pytest.approx(sure.gap.volume_ml.estimate, rel=0.03)
    assert doubted.gap.trust == pytest.approx(0.3**0.5, abs=1e-6)
    assert sure.gap.trust > 0.3**0.5
    assert [f.code for f in doubted.findings] == ["unreadable-by-artefact"]


def test_no_screw_is_firm_where_its_surroundings_are_unreadable(screws):
    screw = screws["firm"]
    assert _measured(screw, None).loosening == "none"
    found = _measured(screw, _map(screw[0], trust=0.45))
    assert found.gap is None
    assert found.loosening is None
    (finding,) = found.findings
    assert finding.measured == pytest.approx(1.0)


def test_shares_are_by_area_and_of_bone_only(loose_scan):
    trust = _map(loose_scan, trust=0.9)
    trust = TrustMap(trust.grid, trust.trust.copy(), trust.error_hu, trust.pattern_hu, trust.config)
    trust.trust[:40] = 0.2  # below z = 0
    places = np.zeros((3, 2, 2, 3))
    places[:, 0, :, 2] = -10.0
    places[:, 1, :, 2] = 10.0
    area = np.array([[1.0, 1.0], [3.0, 3.0]])
    every = np.ones((2, 2), dtype=bool)
    seen = readability(trust, places, area, every)
    assert seen.unreadable_share == pytest.approx(0.25)
    assert seen.trust == pytest.approx(0.25 * 0.2 + 0.75 * 0.9)
    upper = np.array([[False, False], [True, True]])
    assert readability(trust, places, area, upper).unreadable_share == 0.0
    assert readability(trust, places, area, ~every) is None


def test_little_unreadable_is_not_said(loose_scan):
    trust = _map(loose_scan, trust=0.9)
    assert unreadable_finding("screw-1", Readability(0.9, 0.2), (0.0, 0.0, 0.0), trust) is None
    said = unreadable_finding("screw-1", Readability(0.3, 0.8), (1.0, 2.0, 3.0), trust)
    assert (said.code, said.measured, said.where_lps) == ("unreadable-by-artefact", 0.8, (1.0, 2.0, 3.0))
    assert "screw-1" in refused_finding("screw-1", 0.5, 0.1, (0.0, 0.0, 0.0), trust).message


def test_tissue_is_judged_beside_the_surface():
    assert np.all(np.diff(depths_mm(np.full((2, 2), 3.0)), axis=0) > 0)
    assert depths_mm(np.full((2, 2), 3.0)).min() > 3.0


def test_a_short_seam_is_named_and_not_measured(screws):
    scan, metal, shafts = screws["loose"]
    whole = _measured(screws["loose"], None)
    share = whole.gap.interface_fraction
    config = HaloConfig(least_lucent_share=min(0.99, share + 0.05))
    (found,) = measure_halos(scan.volume, metal, shafts, scan.bone, config)
    assert found.gap is None
    assert found.loosening is None, "neither loose nor firm"
    (finding,) = found.findings
    assert finding.code == "trace-of-a-gap"
    assert finding.measured == pytest.approx(share)


def test_a_firm_screw_has_no_trace_of_a_gap(screws):
    assert _measured(screws["firm"], None).findings == ()


def test_an_unsure_gap_is_named_and_not_measured(screws):
    scan, metal, shafts = screws["loose"]
    sure = _measured(screws["loose"], None).halo.sureness
    assert 0.8 < sure < 1.0
    config = HaloConfig(least_sureness=0.5 * (sure + 1.0))
    (found,) = measure_halos(scan.volume, metal, shafts, scan.bone, config)
    assert found.gap is None
    assert found.loosening is None
    (finding,) = found.findings
    assert finding.code == "trace-of-a-gap"
    assert finding.measured == pytest.approx(sure)


def test_no_screw_is_firm_in_bone_as_dark_as_a_gap(screws):
    scan, metal, shafts = screws["firm"]
    (found,) = measure_halos(scan.volume, metal, shafts, scan.bone, HaloConfig(least_firm_bone_hu=500.0))
    assert found.gap is None
    assert found.loosening is None
    assert [f.code for f in found.findings] == ["bone-hides-gaps"]
    (loose,) = measure_halos(*_of(screws["loose"]), HaloConfig(least_firm_bone_hu=500.0))
    assert loose.loosening == "probable", "a gap that is seen is seen in any bone"


def _of(screw):
    scan, metal, shafts = screw
    return scan.volume, metal, shafts, scan.bone


def test_the_less_sure_the_wider_the_interval(screws):
    scan, metal, shafts = screws["loose"]
    plain = _measured(screws["loose"], None).gap.volume_ml
    config = HaloConfig(low_per_doubt=10.0, high_per_doubt=10.0)
    (found,) = measure_halos(scan.volume, metal, shafts, scan.bone, config)
    wide = found.gap.volume_ml
    assert wide.estimate == plain.estimate
    assert wide.low < plain.low < plain.estimate < plain.high < wide.high
