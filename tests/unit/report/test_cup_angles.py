"""A cup's radiographic angles, from an opening that was turned by known ones."""

import numpy as np
import pytest

from planner.model.implant import ImplantSphere
from planner.report.cup_angles import cup_angles_deg


def a_cup(plan, opening, side):
    sphere = ImplantSphere(centre_lps=(0.0, 0.0, 0.0), diameter_mm=52.0, opening_lps=opening)
    return plan.implants[0].model_copy(
        update={"kind": "acetabular_cup", "axis": None, "side": side, "sphere": sphere}
    )  # fmt: skip


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("inclination", "anteversion"), [(45.0, 15.0), (60.0, -10.0), (95.0, 0.0)])
def test_the_angles_it_was_turned_by(plan, side, inclination, anteversion):
    up, forward = np.radians(inclination), np.radians(anteversion)
    outwards = 1.0 if side == "left" else -1.0
    opening = (outwards * np.cos(forward) * np.sin(up), -np.sin(forward), -np.cos(forward) * np.cos(up))
    assert cup_angles_deg(a_cup(plan, opening, side)) == pytest.approx((inclination, anteversion))


def test_not_measured_without_an_opening_or_a_side(plan):
    assert cup_angles_deg(a_cup(plan, None, "left")) is None
    assert cup_angles_deg(a_cup(plan, (0.7, 0.0, -0.7), None)) is None
    assert cup_angles_deg(plan.implants[0]) is None
