"""The work that screws cost: as much for the twenty-eighth as for the first."""

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.grid import Grid
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, ThreadedShaft, tube
from planner.phantoms.tissues import MUSCLE, TITANIUM
from planner.segment.implants.metal import find_metal
from planner.segment.implants.spine import segment_shafts
from planner.segment.unwrap import Sampler

CONFIG = ImplantConfig()
LEVEL_MM = 21.0


def _construct(levels: int):
    """Give a scan of two screws a level, and a rod on each side."""
    parts = []
    heights = (np.arange(levels) - (levels - 1) / 2) * LEVEL_MM
    for side in (1.0, -1.0):
        for z in (float(h) for h in heights):
            head, tip = (side * 16.0, 10.0, z), (side * 8.0, -16.0, z + 1.0)
            parts += [ThreadedShaft(head, tip, 6.0, 4.4), Cylinder(head, (head[0], 24.0, z), 5.6)]
        ends = (float(heights[0]) - 9.0, float(heights[-1]) + 9.0)
        parts.append(tube([(side * 16.0, 18.0, e) for e in ends], [2.75] * 2))
    reach = levels * LEVEL_MM / 2 + 4.0
    matrix = np.array([[0, 0, 0.9, -25.0], [0, 0.9, 0, -21.0], [1.2, 0, 0, -reach], [0, 0, 0, 1.0]])
    grid = Grid((int(2 * reach / 1.2) + 1, 54, 56), matrix)
    scene = Scene(tuple(Part(f"part {k}", s, TITANIUM) for k, s in enumerate(parts)), MUSCLE)
    return ideal_scan(scene, grid, IdealScan(seed=6, subsamples=1))


def _samples(volume, monkeypatch) -> tuple[int, list[str]]:
    """Count the places of the scan that are looked at, which is nearly all of the work."""
    count = [0]
    plain = Sampler.at

    def counted(self, points_lps):
        count[0] += np.asarray(points_lps).size // 3
        return plain(self, points_lps)

    with monkeypatch.context() as patch:
        patch.setattr(Sampler, "at", counted)
        found = segment_shafts(volume, find_metal(volume, CONFIG), CONFIG)
    return count[0], [s.kind for s in found]


def test_28_screws_are_found_at_no_more_than_linear_cost(monkeypatch):
    few, kinds = _samples(_construct(4), monkeypatch)
    assert sorted(kinds) == ["pedicle_screw"] * 8 + ["rod"] * 2
    many, kinds = _samples(_construct(14), monkeypatch)
    assert sorted(kinds) == ["pedicle_screw"] * 28 + ["rod"] * 2
    assert many / few == pytest.approx(28 / 8, rel=0.25)
