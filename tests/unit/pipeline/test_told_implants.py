"""What makes a CT one with an implant."""

from dataclasses import replace

import numpy as np
import pytest

from planner.errors import NoImplantError
from planner.geometry.grid import Grid
from planner.model.implant import Implant, ImplantKind
from planner.model.volume import Mask
from planner.pipeline.told_implants import ToldImplants, require_implant
from planner.segment.implants.metal import Metal
from planner.segment.implants.spine import ImplantPart

GRID = Grid((4, 4, 4), np.eye(4))
NOTHING = Mask(GRID, np.zeros(GRID.shape, dtype=bool))


def _told(*kinds: ImplantKind) -> ToldImplants:
    metal = Metal(NOTHING, np.zeros(GRID.shape, dtype=np.uint32), (), 2000.0, 0.0, None)
    parts = [
        ImplantPart(
            Implant(
                id=f"part-{k}", kind=kind, volume_ml=1.0, centroid_lps=(0.0, 0.0, 0.0), axis=None, bulls_eye=None,
                side=None, level=None, material="unknown", loosening=None,
            ),
            NOTHING,
        )
        for k, kind in enumerate(kinds)
    ]  # fmt: skip
    return ToldImplants(metal, (), (), tuple(parts))


def test_a_screw_is_an_implant() -> None:
    require_implant(_told("unknown", "pedicle_screw"))


@pytest.mark.parametrize(
    ("kinds", "words"), [((), "nothing in this CT"), (("unknown",), "bright"), (("cement",), "cement alone")]
)
def test_nothing_unknown_metal_and_cement_are_none(kinds: tuple[ImplantKind, ...], words: str) -> None:
    with pytest.raises(NoImplantError, match=words):
        require_implant(_told(*kinds))


@pytest.mark.parametrize(("pieces", "words"), [(1, "1 bright piece in"), (2, "2 bright pieces in")])
def test_one_piece_is_not_called_pieces(pieces: int, words: str) -> None:
    told = _told("unknown")
    blocks = tuple((slice(0, 1),) * 3 for _ in range(pieces))
    told = replace(told, metal=replace(told.metal, blocks=blocks))
    with pytest.raises(NoImplantError, match=words):
        require_implant(told)
