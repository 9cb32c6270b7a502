"""Random hips are the same for the same seed, and have what was asked for."""

from functools import cache

import pytest

from planner.config.phantoms.hip import HipPhantom
from planner.config.phantoms.scan import IdealScan
from planner.errors import UsageError
from planner.phantoms.hip.build import BuiltHip
from planner.phantoms.hip.draw import HIP_DEFECTS, HipDefect, draw_hip


@cache
def plain() -> HipPhantom:
    return draw_hip(seed=5)


def test_a_seed_gives_one_recipe_and_another_seed_another() -> None:
    assert draw_hip(seed=3) == draw_hip(seed=3)
    assert draw_hip(seed=3) != draw_hip(seed=4)


def test_by_default_nothing_is_wrong() -> None:
    for seed in range(3):
        hip = BuiltHip(draw_hip(seed=seed))
        assert hip.gaps == ()
        assert not hip.stem_is_loose


@pytest.mark.parametrize("defect", HIP_DEFECTS)
def test_a_defect_is_there_when_asked_for(defect: HipDefect) -> None:
    faulty = draw_hip(seed=5, defects=(defect,))
    kept = {"patient", "stem", "cup", "head", "seed", "scan", "field", "kind"}
    changed = [n for n in HipPhantom.model_fields if getattr(plain(), n) != getattr(faulty, n)]
    if defect in ("debonding", "thin mantle", "cracked mantle", "broken stem", "perforation"):
        assert "stem" in changed
    elif defect == "broken screw":
        assert any(s.broken for s in faulty.cup.screws)
        assert not any(s.broken for s in plain().cup.screws)
    else:
        assert set(changed) - kept


@pytest.mark.parametrize("loose", [True, False])
def test_a_stem_is_as_loose_as_asked_for(loose: bool) -> None:
    for seed in range(2):
        assert BuiltHip(draw_hip(seed=seed, loose=loose, defects=("line",))).stem_is_loose == loose


def test_choices_are_kept() -> None:
    hip = draw_hip(seed=8, side="right", stem="short", metal="cobalt-chrome", clipped=False, decoys=("pedestal",))
    assert (hip.side, hip.stem.shape, hip.stem.material, hip.decoys) == (
        "right",
        "short",
        "cobalt-chrome",
        ("pedestal",),
    )
    assert hip.scan.hu_clipped_at is None
    assert draw_hip(seed=8).scan.hu_clipped_at == 3071.0
    assert draw_hip(seed=8).scan.kind == "ct"
    assert draw_hip(seed=8, scan=IdealScan()).scan.kind == "ideal"


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"defects": ("crack",)}, "no defect"),
        ({"defects": ("debonding",), "cemented": False}, "in cement"),
        ({"defects": ("perforation",), "cemented": True}, "without cement"),
        ({"defects": ("toggle",), "loose": False}, "not firm"),
        ({"defects": ("toggle", "whole line")}, "choose one"),
        ({"stem": "polished", "cemented": False}, "needs cement"),
        ({"stem": "curved", "cemented": True}, "takes no cement"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(choices: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        draw_hip(seed=1, **choices)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)
