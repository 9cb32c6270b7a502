"""What is read of a screw before it is judged: where its metal ends."""

import numpy as np
import pytest
from scipy.special import ndtr

from planner.config.gap_config import HaloConfig
from planner.segment.gaps.halo_look import thread_root_mm
from planner.segment.implants.shafts import Edge
from planner.segment.implants.spine import Shaft
from planner.segment.unwrap import RHO_MM, Fan, make_fan

RADIUS_MM, ROOT_MM, PLATEAU_HU, BONE_HU, SIGMA_MM = 3.5, 2.7, 6000.0, 120.0, 0.45


def _shaft(*, is_hidden: bool = False) -> Shaft:
    return Shaft(
        id="screw-1", kind="pedicle_screw", head_lps=np.zeros(3), tip_lps=np.array([0.0, 0.0, 40.0]),
        outer_mm=2 * RADIUS_MM, core_mm=None, sigma_mm=SIGMA_MM, plateau_hu=PLATEAU_HU,
        edge=Edge(level_hu=0.5 * PLATEAU_HU, shift_mm=0.0), has_tulip=True, side="left", piece=1, is_hidden=is_hidden,
    )  # fmt: skip


def _fan() -> Fan:
    return make_fan((0, 0, 0), (0, 0, 40), RADIUS_MM)


def _profiles(fan: Fan, *, hollow_mm: float, root_mm: float = ROOT_MM, ceiling_hu: float = np.inf):
    metal = ndtr((root_mm - RHO_MM) / SIGMA_MM) - ndtr((hollow_mm - RHO_MM) / SIGMA_MM)
    line = np.minimum(BONE_HU + (PLATEAU_HU - BONE_HU) * metal, ceiling_hu)
    return np.broadcast_to(line, (len(fan.along_mm), len(fan.azimuth_rad), len(RHO_MM))).astype(np.float32)


def test_the_root_is_read_where_the_scan_shows_it():
    fan = _fan()
    root = thread_root_mm(_profiles(fan, hollow_mm=-5.0), fan, _shaft(), HaloConfig())
    assert root[~fan.is_tip] == pytest.approx(ROOT_MM, abs=0.05)


def test_the_hole_of_a_hollow_screw_is_not_its_edge():
    fan = _fan()
    root = thread_root_mm(_profiles(fan, hollow_mm=0.8), fan, _shaft(), HaloConfig())
    assert root[~fan.is_tip] == pytest.approx(ROOT_MM, abs=0.1)


@pytest.mark.parametrize(
    ("why", "shaft", "drawn"),
    [
        ("clipped beneath the metal", _shaft(is_hidden=True), {"hollow_mm": -5.0, "ceiling_hu": 3071.0}),
        ("bloomed over the crest", _shaft(), {"hollow_mm": -5.0, "root_mm": 4.4}),
        ("a wall that blur drowns", _shaft(), {"hollow_mm": 2.3}),
    ],
)
def test_what_cannot_be_read_is_the_usual_share_and_never_more_than_the_crest(why, shaft, drawn):
    fan, config = _fan(), HaloConfig()
    root = thread_root_mm(_profiles(fan, **drawn), fan, shaft, config)
    assert root[~fan.is_tip] == pytest.approx(config.root_share * RADIUS_MM), why
    assert root.max() <= RADIUS_MM, why
    assert root[-1] == pytest.approx(RADIUS_MM, abs=0.02), "at the nose metal reaches its end"
