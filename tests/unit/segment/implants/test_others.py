"""All that is told after screws, rods and hips, in one go."""

import numpy as np
import pytest

from planner.config.hardware_config import HardwareConfig
from planner.config.implant_config import ImplantConfig
from planner.errors import CancelledError
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.segment.implants.metal import find_metal
from planner.segment.implants.others import tell_others
from planner.segment.implants.parts import implant_parts

CONFIG = HardwareConfig()


def block_of_metal():
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1]
    hu = np.full((40, 40, 40), 40, dtype=np.int16)
    hu[12:28, 12:28, 12:28] = 8500
    volume = Volume(Grid((40, 40, 40), matrix), hu)
    metal = find_metal(volume, ImplantConfig())
    return volume, metal, implant_parts(volume, metal, (), ImplantConfig())


def test_what_cannot_be_told_stays_as_it_was():
    volume, metal, parts = block_of_metal()
    assert [p.record.kind for p in parts] == ["unknown"]
    assert tell_others(volume, metal, parts, CONFIG) == parts


def test_nothing_is_told_of_nothing():
    volume, metal, _ = block_of_metal()
    assert tell_others(volume, metal, (), CONFIG) == ()


def test_it_can_be_stopped():
    class Stop:
        def report(self, progress):
            pass

        def cancelled(self):
            return True

    volume, metal, parts = block_of_metal()
    with pytest.raises(CancelledError):
        tell_others(volume, metal, parts, CONFIG, monitor=Stop())
