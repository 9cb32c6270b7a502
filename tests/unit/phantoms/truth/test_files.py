"""What a case's truth.json tells of implants."""

import numpy as np
import pytest

from planner.phantoms.solids.basic import Ball, Difference, HalfSpace, Intersection
from planner.phantoms.truth.examination import ImplantExamination
from planner.phantoms.truth.facts import TrueImplant
from planner.phantoms.truth.files import _implant_entry

UNEXAMINED = ImplantExamination(loosening=None, rim_share=None)


def test_a_cup_has_the_centre_of_its_sphere_and_the_middle_of_its_metal() -> None:
    # The half of a thin shell that lies above its centre: its middle is 3/8 (R4 - r4) / (R3 - r3) above it.
    centre, outer, inner = (80.0, -3.0, 10.0), 27.0, 24.0
    shell = Difference(Ball(centre, outer), Ball(centre, inner))
    cup = TrueImplant("cup", "acetabular_cup", _upper(shell, centre), diameter_mm=2 * outer, centre_lps=centre)
    entry = _implant_entry(cup, UNEXAMINED)
    assert entry.centre == centre
    above = 3.0 / 8.0 * (outer**4 - inner**4) / (outer**3 - inner**3)
    assert entry.centroid == pytest.approx(np.add(centre, (0.0, 0.0, above)), abs=0.05)
    volume_ml = 2.0 / 3.0 * np.pi * (outer**3 - inner**3) / 1000.0
    assert entry.volume_ml == pytest.approx(volume_ml, rel=1e-9)
    assert entry.volume_sd_ml == 0.0


def _upper(shell: Difference, centre: tuple[float, float, float]) -> Intersection:
    return Intersection((shell, HalfSpace(centre, (0.0, 0.0, -1.0))))


def test_what_has_an_axis_has_no_such_place() -> None:
    ball = Ball((0.0, 0.0, 0.0), 3.0)
    screw = TrueImplant("screw", "pedicle_screw", ball, head_lps=(0.0, 0.0, 3.0), tip_lps=(0.0, 0.0, -3.0))
    entry = _implant_entry(screw, UNEXAMINED)
    assert (entry.centre, entry.centroid) == (None, None)
    assert entry.tip == (0.0, 0.0, -3.0)
