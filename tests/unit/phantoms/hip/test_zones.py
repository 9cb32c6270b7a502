"""Gruen's zones as cells: which touch, and what blocks they make."""

import numpy as np
import pytest

from planner.config.phantoms.hip.defects import GRUEN_ALL, GruenZone
from planner.geometry.frames import PointsLps
from planner.geometry.implant_zones import gruen_zones
from planner.phantoms.hip.defects.sleeves import StemAxis
from planner.phantoms.hip.zones import TIP_LEVEL, Block, blocks, cells_of, connected, layers

AXIS = StemAxis((3.0, 1.0, 60.0), (0.0, -4.0, -68.0), (-40.0, -9.0, 20.0))


@pytest.mark.parametrize("zone", [z for z in GRUEN_ALL if z != "gruen-4"])
def test_cells_are_the_zones_that_the_planner_reads(zone: GruenZone) -> None:
    (cell,) = cells_of(zone)
    level, quadrant = cell
    point = np.array(AXIS.at(AXIS.length_mm * (level + 0.5) / 3.0)) + 12.0 * AXIS.outward(quadrant)
    read = gruen_zones(
        PointsLps(point[None]), *(np.array(v) for v in (AXIS.shoulder_lps, AXIS.tip_lps, AXIS.medial_lps))
    )
    assert f"gruen-{read[0]}" == zone


def test_zones_under_the_tip_are_one_space() -> None:
    assert cells_of("gruen-4") == cells_of("gruen-11") == {(TIP_LEVEL, q) for q in range(4)}


def test_lateral_and_medial_lines_join_under_the_tip_only() -> None:
    apart = cells_of("gruen-3") | cells_of("gruen-5")
    assert len(connected(apart)) == 2
    assert len(connected(apart | cells_of("gruen-4"))) == 1


def test_diagonal_zones_do_not_touch() -> None:
    assert len(connected(cells_of("gruen-1") | cells_of("gruen-9"))) == 2
    assert len(connected(cells_of("gruen-1") | cells_of("gruen-8") | cells_of("gruen-9"))) == 1


def test_blocks_cover_their_cells_and_nothing_else() -> None:
    cells = cells_of("gruen-1") | cells_of("gruen-2") | cells_of("gruen-9") | cells_of("gruen-10")
    made = blocks(cells)
    assert frozenset().union(*(b.cells for b in made)) == cells
    assert Block((0, 1), 0, 1) in made
    assert Block((1, 1), 0, 2) in made
    assert not any(b.cells < other.cells for b in made for other in made)


def test_wider_zones_stand_on_the_narrower_line() -> None:
    built = layers({(0, 0): 1.0, (1, 0): 3.0})
    assert built == ((1.0, Block((0, 1), 0, 1)), (3.0, Block((1, 1), 0, 1)))
