"""From the places of source and detector back to the C-arm."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.errors import GeometryError
from planner.fluoro.carm import pose
from planner.fluoro.poses import carm_between
from planner.fluoro.views import view_at

CONFIG = FluoroConfig(source_isocentre_mm=530.0)
ANGLES = [(0.0, 0.0), (90.0, 0.0), (-90.0, 10.0), (180.0, 0.0), (-150.0, -35.0), (33.0, 44.0), (20.0, -89.0)]


@pytest.mark.parametrize(("primary", "secondary"), ANGLES)
def test_a_view_goes_to_a_pose_and_back(primary, secondary):
    view = view_at([12.0, -30.0, 150.0], primary_deg=primary, secondary_deg=secondary, config=CONFIG)
    stand = pose(view)
    back = carm_between(stand.source_lps, stand.centre_lps, config=CONFIG)
    assert (back.primary_deg, back.secondary_deg) == pytest.approx((primary, secondary), abs=1e-6)
    assert back.isocentre_lps == pytest.approx(view.isocentre_lps)
    assert back.source_detector_mm == pytest.approx(view.source_detector_mm)
    rest = {"primary_deg", "secondary_deg", "isocentre_lps", "source_detector_mm"}
    assert back.model_dump(exclude=rest) == view.model_dump(exclude=rest)


def test_angles_and_isocentre_of_places_worked_out_by_hand():
    # From the patient's right and behind to his left and front, level: half way between AP and lateral.
    carm = carm_between([-300.0, 300.0, 50.0], [400.0, -400.0, 50.0], config=CONFIG)
    assert (carm.primary_deg, carm.secondary_deg) == pytest.approx((45.0, 0.0))
    assert carm.source_detector_mm == pytest.approx(700.0 * np.sqrt(2.0))
    along = 530.0 / np.sqrt(2.0)
    assert carm.isocentre_lps == pytest.approx((-300.0 + along, 300.0 - along, 50.0))
    # Three up for four forward: cranial.
    assert carm_between([0, 800, 0], [0, 0, 600], config=CONFIG).secondary_deg == pytest.approx(36.8699, abs=1e-4)


@pytest.mark.parametrize("primary", [0.0, 35.0])
def test_a_beam_straight_along_the_patient_keeps_its_places(primary):
    stand = pose(view_at([0.0, 0.0, 0.0], primary_deg=primary, secondary_deg=90.0, config=CONFIG))
    back = carm_between(stand.source_lps, stand.centre_lps, config=CONFIG)
    assert back.secondary_deg == pytest.approx(90.0)
    np.testing.assert_allclose(pose(back).source_lps, stand.source_lps, atol=1e-6)
    np.testing.assert_allclose(pose(back).centre_lps, stand.centre_lps, atol=1e-6)


@pytest.mark.parametrize(
    "detector", [[0.0, 0.0, 0.0], [0.0, -530.0, 0.0], [0.0, -400.0, 0.0], [np.nan, 0, 0], [np.inf, 0, 0]]
)
def test_places_without_room_for_an_isocentre_are_refused(detector):
    with pytest.raises(GeometryError, match="beyond the isocentre"):
        carm_between([0.0, 0.0, 0.0], detector, config=CONFIG)
