"""What is as bright as metal and no orthopaedic implant; and what must stay metal."""

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig
from planner.geometry.frames import PointsLps
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.segment.anatomy.body import find_body
from planner.segment.implants.asides import Aside, asides_in_words, findings_of_asides
from planner.segment.implants.metal import find_metal

CONFIG = ImplantConfig()
SHAPE = (70, 80, 110)
_INDEX = np.indices(SHAPE).astype(float)
"""Voxels of 1 mm: index and LPS mm (z, y, x) agree."""


def _grid() -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1]
    return Grid(SHAPE, matrix)


def _body() -> np.ndarray:
    """Muscle with its skin 10 mm inside of the volume's sides, and a bone on its right."""
    hu = np.full(SHAPE, -1000, dtype=np.int16)
    hu[:, 10:70, 10:100] = 50
    hu[:, 25:60, 15:40] = 700
    return hu


def _near_line(start, stop, radius_mm) -> np.ndarray:
    a, b = np.array(start, float), np.array(stop, float)
    rel = np.moveaxis(_INDEX, 0, -1) - a
    t = np.clip(rel @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    return np.asarray(np.linalg.norm(rel - t[..., None] * (b - a), axis=-1) <= radius_mm)


def _found(hu, marked, value=9000):
    hu[marked] = value + np.random.default_rng(2).integers(-80, 80, np.count_nonzero(marked))  # no ceiling
    return find_metal(Volume(_grid(), hu), CONFIG)


def _kinds(metal):
    return [aside.kind for aside in metal.asides]


def test_a_wire_on_the_skin_is_external():
    wire = _near_line((10, 9, 60), (60, 9, 90), 1.6)
    metal = _found(_body(), wire)
    assert _kinds(metal) == ["external"]
    assert metal.blocks == ()
    (aside,) = metal.asides
    assert aside.centroid_lps == pytest.approx([75.0, 9.0, 35.0], abs=1.0)
    assert aside.volume_ml == pytest.approx(np.count_nonzero(wire) / 1000.0)
    assert np.all(aside.bounds_lps[0] < aside.centroid_lps)


def test_the_patient_that_a_wire_was_held_against_is_given():
    hu = _body()
    found = _found(hu, _near_line((10, 9, 60), (60, 9, 90), 1.6)).patient
    again = find_body(Volume(_grid(), hu))
    for name in ("inside", "outside", "gas"):
        assert np.array_equal(getattr(found, name).voxels, getattr(again, name).voxels), name
    assert find_metal(Volume(_grid(), _body()), CONFIG).patient is None


def test_a_screw_in_bone_stays_metal():
    metal = _found(_body(), _near_line((35, 30, 25), (35, 55, 32), 2.8))
    assert _kinds(metal) == []
    assert len(metal.blocks) == 1


def test_an_implant_whose_head_is_under_the_skin_stays_metal():
    metal = _found(_body(), _near_line((35, 67, 27), (35, 30, 27), 2.8))
    assert _kinds(metal) == []
    assert len(metal.blocks) == 1


def test_a_bent_lead_in_soft_tissue_is_a_lead():
    lead = _near_line((8, 40, 55), (60, 40, 55), 1.3) | _near_line((60, 40, 55), (60, 40, 88), 1.3)
    assert _kinds(_found(_body(), lead)) == ["lead"]


def test_a_bent_sheet_in_soft_tissue_is_no_lead():
    sheet = np.zeros(SHAPE, dtype=bool)
    sheet[10:60, 40, 55:85] = sheet[10:60, 25:40, 85] = True
    metal = _found(_body(), sheet)
    assert "lead" not in _kinds(metal)
    assert len(metal.blocks) == 1


def test_a_straight_wire_in_bone_stays_metal():
    metal = _found(_body(), _near_line((5, 40, 27), (65, 40, 27), 1.3))
    assert _kinds(metal) == []
    assert len(metal.blocks) == 1


def _tube(y, x, radius_mm, z=(15, 50)) -> np.ndarray:
    far = np.hypot(_INDEX[1] - y, _INDEX[2] - x)
    return np.asarray((np.abs(far - radius_mm) < 0.75) & (_INDEX[0] >= z[0]) & (_INDEX[0] <= z[1]))


def test_a_thin_tube_in_soft_tissue_is_a_stent():
    assert _kinds(_found(_body(), _tube(40, 72, 6.0))) == ["stent"]


def test_a_thin_tube_in_bone_stays_metal():
    metal = _found(_body(), _tube(42, 27, 6.0))
    assert _kinds(metal) == []
    assert len(metal.blocks) == 1


def test_a_box_under_the_skin_is_a_port_and_one_in_bone_is_not():
    port, cage = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    port[25:45, 22:31, 62:84] = True
    cage[25:45, 35:44, 18:38] = True
    assert _kinds(_found(_body(), port)) == ["port"]
    assert _kinds(_found(_body(), cage)) == []


def _teeth(levels) -> tuple[np.ndarray, np.ndarray]:
    hu, metal = _body(), np.zeros(SHAPE, dtype=bool)
    for z, x in levels:
        hu[z - 6 : z + 7, 34:48, x - 5 : x + 6] = 1900
        metal[z - 2 : z + 3, 39:44, x - 2 : x + 3] = True
    return hu, metal


def test_three_small_pieces_in_enamel_on_one_level_are_fillings():
    metal = _found(*_teeth([(20, 50), (24, 66), (20, 82)]))
    assert _kinds(metal) == ["filling"] * 3
    assert metal.blocks == ()


def test_two_small_pieces_are_not_told_as_fillings():
    metal = _found(*_teeth([(20, 50), (24, 66)]))
    assert "filling" not in _kinds(metal)
    assert len(metal.blocks) == 2


def test_dim_brightness_in_soft_tissue_is_calcification_or_contrast():
    stone, pool = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    stone[30:34, 40:44, 70:74] = True
    pool[25:40, 35:46, 65:76] = True
    assert _kinds(_found(_body(), stone, 2300)) == ["calcification"]
    assert _kinds(_found(_body(), pool, 2300)) == ["contrast"]


def test_a_tiny_bright_piece_is_a_clip_unless_it_is_in_bone():
    clip, chip = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    clip[30:32, 40:42, 70:76] = True
    chip[30:32, 40:42, 25:31] = True
    assert _kinds(_found(_body(), clip)) == ["clip"]
    assert _kinds(_found(_body(), chip)) == []


def _aside(kind, volume_ml) -> Aside:
    return Aside(kind, PointsLps(np.array([1.0, 2.0, 3.0])), volume_ml, np.zeros((2, 3)), "told so")


def test_findings_count_each_kind_once():
    found = findings_of_asides((_aside("lead", 0.5), _aside("clip", 0.01), _aside("lead", 0.25)))
    assert [(f.code, f.measured) for f in found] == [("bright-lead", 0.75), ("bright-clip", 0.01)]
    assert found[0].message.startswith("2 x lead")
    assert found[0].where_lps == (1.0, 2.0, 3.0)
    assert findings_of_asides(()) == ()


def test_words_name_each_kind():
    assert asides_in_words((_aside("lead", 0.5), _aside("stent", 1.0), _aside("lead", 0.2))) == "2 x lead, 1 x stent"
    assert asides_in_words(()) == ""
