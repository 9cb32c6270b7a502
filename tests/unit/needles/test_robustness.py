import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import unit
from planner.needles.robustness import aim_errors


def errors(scene, aim, skin, **changes):
    config = NeedleConfig(**changes)
    outward = unit(np.subtract(skin, aim))[None, :]
    length = np.array([np.linalg.norm(np.subtract(skin, aim))])
    return aim_errors(scene.fields, np.array([aim]), outward, length, radius_mm=0.9, config=config)


def test_the_worst_neighbour_is_as_near_as_the_error_lets_it(scene):
    # straight from behind at x = 12; the canal's outermost voxels lie at x = 5, their surface at 5.5
    exact = errors(scene, (12.0, -5.0, 0.0), (12.0, 60.0, 0.0), aim_error_mm=0.0, aim_error_deg=0.0)
    shifted = errors(scene, (12.0, -5.0, 0.0), (12.0, 60.0, 0.0), aim_error_mm=2.0, aim_error_deg=0.0)
    assert exact.canal_mm[0] == pytest.approx(12.0 - 5.5 - 0.9, abs=0.2)
    assert shifted.canal_mm[0] == pytest.approx(exact.canal_mm[0] - 2.0, abs=0.2)
    tilted = errors(scene, (12.0, -5.0, 0.0), (12.0, 60.0, 0.0), aim_error_mm=0.0, aim_error_deg=5.0)
    # tilted about the tip, 19 mm behind which the canal's middle lies
    assert tilted.canal_mm[0] == pytest.approx(exact.canal_mm[0] - 19.0 * np.tan(np.radians(5.0)), abs=0.5)


def test_harm_is_counted(scene):
    safe = errors(scene, (12.0, -5.0, 0.0), (12.0, 60.0, 0.0))
    close = errors(scene, (8.0, -5.0, 0.0), (8.0, 60.0, 0.0))
    assert safe.harmless[0] == 1.0 and 0.2 < close.harmless[0] < 0.95 and close.canal_mm[0] < 0


def test_nothing_forbidden_stays_unknown(scene):
    error = errors(scene, (12.0, -5.0, 0.0), (12.0, 60.0, 0.0)).record(0, canal_known=False, config=scene.config)
    assert error.canal is None and error.metal is not None
