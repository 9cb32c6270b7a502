"""Canal and bone that are off by a known amount."""

import numpy as np
import pytest

from planner.model.labels import LabelMap
from planner.phantoms.score.known_case import KnownCase
from planner.phantoms.score.surroundings import score_surroundings


def test_a_canal_two_millimetres_off_is_told_so(labels: LabelMap, known: KnownCase) -> None:
    codes = labels.codes.copy()
    canal = codes == 4
    codes[canal] = 0
    codes[np.roll(canal, 2, axis=2)] = 4
    seen = score_surroundings(labels.structures, codes, known)
    assert seen.canal_centre_error_mm == pytest.approx(2.0, abs=0.05)
    assert seen.canal_centre_error_max_mm == pytest.approx(2.0, abs=0.2)
    # The plan's canal is a millimetre wider than the tube: a crescent of that is missed on one side.
    assert seen.canal_covered is not None and 0.8 < seen.canal_covered < 1.0


def test_what_a_breach_takes_of_the_canal_is_not_missed(labels: LabelMap, known: KnownCase) -> None:
    codes = labels.codes.copy()
    codes[(codes == 4) & (np.arange(codes.shape[0]) == 3)[:, None, None]] = 0
    missed = score_surroundings(labels.structures, codes, known).canal_covered
    assert missed == pytest.approx(29 / 30)


def test_bone_that_is_not_outlined_is_missed(labels: LabelMap, known: KnownCase) -> None:
    codes = labels.codes.copy()
    front = (np.arange(codes.shape[1]) < 25)[None, :, None]
    cut = (codes == 5) & front
    codes[cut] = 0
    seen = score_surroundings(labels.structures, codes, known)
    # The screws reach from x = -12 to 15: but for the rightmost three columns all lies within 15 mm of one.
    near = known.env[:, :, 3:]
    assert seen.bone_found == pytest.approx(1.0 - np.count_nonzero(cut[:, :, 3:] & near) / np.count_nonzero(near))
    assert seen.bone_right == 1.0


def test_soft_tissue_taken_for_bone_is_told_so(labels: LabelMap, known: KnownCase) -> None:
    codes = labels.codes.copy()
    behind = (np.arange(codes.shape[1]) >= 50)[None, :, None]
    codes[(codes == 0) & behind] = 5
    seen = score_surroundings(labels.structures, codes, known)
    assert seen.bone_found == 1.0
    assert seen.bone_right is not None and seen.bone_right < 0.9


def test_a_truth_without_a_canal_gives_no_figure(labels: LabelMap, known: KnownCase) -> None:
    structures = known.document.structures.model_copy(update={"canal": None})
    document = known.document.model_copy(update={"structures": structures})
    case = type(known)(
        document, known.grid, known.label, known.breach, known.metal, known.env, known.body, known.forbidden
    )
    seen = score_surroundings(labels.structures, labels.codes, case)
    assert (seen.canal_covered, seen.canal_centre_error_mm, seen.canal_centre_error_max_mm) == (None, None, None)
    assert seen.bone_found == 1.0
