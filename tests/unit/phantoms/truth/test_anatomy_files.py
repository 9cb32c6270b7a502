"""What a case's files tell of its anatomy."""

from dataclasses import replace

import numpy as np
import pytest

from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, Difference
from planner.phantoms.tissues import CANCELLOUS, CORTICAL
from planner.phantoms.truth.anatomy import Cap, TrueAnatomy, TrueBone, TrueDisc, TrueFracture, TruePedicle
from planner.phantoms.truth.anatomy_files import anatomy_arrays, anatomy_entry
from planner.phantoms.truth.document import AnatomyTruth, TruthDocument
from planner.phantoms.truth.facts import TrueImplant, Truth
from planner.phantoms.truth.files import document_of, truth_arrays

UPPER, LOWER = Ball((0.0, 0.0, 12.0), 10.0), Ball((0.0, 0.0, -12.0), 10.0)
CORES = Ball((0.0, 0.0, 12.0), 8.5), Ball((0.0, 0.0, -12.0), 8.5)
HOLLOW = Cylinder((0.0, 20.0, -30.0), (0.0, 20.0, 30.0), 5.0)
ROD = Ball((14.0, 0.0, 0.0), 2.0)
SCENE = Scene((Part("a", UPPER, CORTICAL), Part("b", LOWER, CORTICAL), *(Part("c", c, CANCELLOUS) for c in CORES)))
ANATOMY = TrueAnatomy(
    bones=(
        TrueBone("vertebra-1", "vertebra", UPPER, CORES[0], "L1"),
        TrueBone("vertebra-2", "vertebra", LOWER, CORES[1], "L2"),
    ),
    discs=(TrueDisc("vertebra-1", "vertebra-2", Ball((0.0, 0.0, 0.0), 1.9)),),
    pedicles=(TruePedicle("vertebra-1", "L1", "left", (8.0, 9.0, 12.0), (0.0, -1.0, 0.0), 7.0, 11.0),),
    caps=(Cap("spinous process", "vertebra-1", UPPER, (0.0, 1.0, 0.0)),),
    canal=HOLLOW,
    fractures=(TrueFracture("vertebra-2", "L2", 0.4, 0.2, 0.0, is_cleft=True),),
    scene=SCENE,
)
AXES = (np.arange(-20.0, 20.0), np.arange(-20.0, 30.0), np.arange(-30.0, 30.0))
TRUTH = Truth(
    implants=(TrueImplant("rod", "rod", ROD),),
    gaps=(),
    env=Difference(UPPER, LOWER),
    body=Ball((0.0, 0.0, 0.0), 60.0),
    structures=(),
    host=SCENE,
    axes_lps=AXES,
    anatomy=ANATOMY,
)


def test_an_entry_tells_what_was_built_and_comes_back() -> None:
    entry = anatomy_entry(ANATOMY)
    assert [(b.name, b.level, b.code) for b in entry.bones] == [("vertebra-1", "L1", 1), ("vertebra-2", "L2", 2)]
    assert [(d.above, d.below, d.code) for d in entry.discs] == [("vertebra-1", "vertebra-2", 1)]
    (pedicle,), (mark,), (broken,) = entry.pedicles, entry.landmarks, entry.fractures
    assert (pedicle.side, pedicle.width_mm, pedicle.height_mm) == ("left", 7.0, 11.0)
    assert mark.point[1] == pytest.approx(8.7, abs=0.3)
    assert (broken.bone, broken.front_loss, broken.is_cleft) == ("vertebra-2", 0.4, True)
    assert (entry.hips, entry.left_leg_longer_mm) == ((), None)
    assert AnatomyTruth.model_validate_json(entry.model_dump_json()) == entry


def test_arrays_have_the_entrys_codes() -> None:
    arrays = truth_arrays(TRUTH)
    grid = TRUTH.grid
    points = np.rint(grid.to_index([[0.0, 0.0, 12.0], [0.0, 0.0, -12.0], [0.0, 0.0, 0.0], [0.0, 20.0, 5.0]])).astype(
        int
    )
    found = {name: [int(arrays[name][tuple(p)]) for p in points] for name in ("bones", "discs", "canal")}
    assert found == {"bones": [1, 2, 0, 0], "discs": [0, 0, 1, 0], "canal": [0, 0, 0, 1]}
    assert (arrays["bones"].dtype, arrays["canal"].dtype) == (np.uint8, np.bool_)
    assert set(arrays["cortex_bone"]) == {1, 2}
    assert arrays["cortex_mm"] == pytest.approx(1.5, abs=0.02)
    assert arrays["cortex_points"].shape == arrays["cortex_outward"].shape == (len(arrays["cortex_mm"]), 3)


def test_the_document_has_the_entry() -> None:
    document = document_of(TRUTH)
    assert document.anatomy == anatomy_entry(ANATOMY)
    assert TruthDocument.model_validate_json(document.model_dump_json()) == document


def test_a_truth_without_anatomy_tells_none() -> None:
    bare = replace(TRUTH, anatomy=None)
    assert document_of(bare).anatomy is None
    assert anatomy_arrays(bare, np.zeros(bare.grid.shape, dtype=bool)) == {}
    assert "bones" not in truth_arrays(bare)


def test_what_is_not_there_has_no_array() -> None:
    plain = replace(TRUTH, anatomy=replace(ANATOMY, canal=None, scene=None))
    arrays = anatomy_arrays(plain, np.zeros(plain.grid.shape, dtype=bool))
    assert set(arrays) == {"bones", "discs"}
