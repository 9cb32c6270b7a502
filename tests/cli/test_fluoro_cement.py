"""What ``cement-planner fluoro --cement`` refuses, and which gap it takes."""

import argparse

import numpy as np
import pytest

from planner.cli._expected_cement import arrival_of, require_cement
from planner.errors import InputError, UsageError
from planner.geometry.grid import Grid
from planner.model.arrival_map import ArrivalMap
from planner.model.breach import Breach
from planner.model.cement_fill import CementFill, FillStep
from planner.model.gap import Gap
from planner.model.plan import Plan, Review, Series, Software
from planner.pipeline.expected_cement import write_arrivals

GRID = Grid((6, 6, 6), np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [1.0, 0, 0, 0], [0, 0, 0, 1.0]]))


def _gap(name):
    return Gap(
        id=name, implant_id=None, level=None, kind="osteolysis", zones=(), volume_ml=None, expected_fill_ml=None,
        width_mm=None, interface_fraction=None, centroid_lps=(0, 0, 0), trust=None,
    )  # fmt: skip


def _fill(number, gap, end):
    steps = (FillStep(injected_ml=end, gaps_ml={gap: end}, trabecular_ml=0, leaked_ml=0, reached=()),) if end else ()
    return CementFill(
        id=f"fill-{number}", gap_id=gap, trajectory_ids=(), tips_lps=((0, 0, 0),), interface_tissue="in_place",
        viscosity="high", steps=steps, arrivals=(), ended="gaps_full" if end else "no_way",
    )  # fmt: skip


def _plan(*fills, breaches=()):
    series = Series(
        series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=GRID.shape, spacing_mm=(1, 1, 1),
        patient_position=None, hu_min=0, hu_max=0, hu_clipped_at=None,
    )  # fmt: skip
    return Plan(
        software=Software(name="x", version="0"), review=Review(), series=series, treatment_position="HFS",
        settings_sha256="0", gaps=(_gap("gap-1"), _gap("gap-2"), _gap("gap-3")), fills=fills, breaches=breaches,
    )  # fmt: skip


def _asked(out, ml, **more):
    return argparse.Namespace(**{"plan": out, "cement": ml, "gap": None, "view": "lateral", "aim": None, **more})


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "OUT"
    folder.mkdir()
    values = np.full(GRID.shape, np.inf, np.float32)
    values[2:4, 2:4, 2:4] = 0.5
    write_arrivals([ArrivalMap(name, GRID, values) for name in ("gap-1", "gap-2")], GRID, folder)
    return folder


BOTH = (_fill(1, "gap-1", 2.0), _fill(2, "gap-1", 9.0), _fill(3, "gap-2", 1.0), _fill(4, "gap-3", 0.0))


@pytest.mark.parametrize(
    ("ml", "more", "said"),
    [
        (1.0, {"plan": None}, "give --plan"), (0.0, {}, "above 0 mL"), (-1.0, {}, "above 0 mL"),
        (float("nan"), {}, "above 0 mL"), (float("inf"), {}, "above 0 mL"), (None, {"gap": "gap-1"}, "give --cement"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(out, ml, more, said) -> None:
    with pytest.raises(UsageError, match=said):
        require_cement(_asked(out, ml, **more))
    require_cement(_asked(out, 1.0))
    require_cement(_asked(out, None))


def test_the_gap_is_the_views_or_the_only_one(out) -> None:
    breach = Breach(
        id="breach-1", gap_id="gap-2", leak_type=None, severity="open", barrier_mm=None, area_mm2=None,
        centroid_lps=(0, 0, 0), outward_lps=None, reached=None, leak_after_ml=None, watch_view=None,
    )  # fmt: skip
    plan = _plan(*BOTH, breaches=(breach,))
    assert arrival_of(plan, _asked(out, 1.0, gap="gap-1", view="breach-1")).gap_id == "gap-1"
    assert arrival_of(plan, _asked(out, 1.0, view="breach-1", aim="gap-1")).gap_id == "gap-2"
    assert arrival_of(plan, _asked(out / "plan.json", 1.5, aim="gap-1")).gap_id == "gap-1"
    assert arrival_of(_plan(BOTH[2]), _asked(out, 1.0)).gap_id == "gap-2"
    with pytest.raises(UsageError, match="gap-1, gap-2; say which with --gap"):
        arrival_of(plan, _asked(out, 1.0))


def test_what_was_not_simulated_is_not_drawn(out, tmp_path) -> None:
    plan = _plan(*BOTH)
    # the expected course's end counts, not another one's
    with pytest.raises(UsageError, match=r"gap-1 ends at 2\.00 mL"):
        arrival_of(plan, _asked(out, 2.1, gap="gap-1"))
    with pytest.raises(UsageError, match="no gap gap-9; it has gap-1"):
        arrival_of(plan, _asked(out, 1.0, gap="gap-9"))
    with pytest.raises(UsageError, match="gap-3 has no simulated cement; gap-1, gap-2 have it"):
        arrival_of(plan, _asked(out, 1.0, gap="gap-3"))
    with pytest.raises(InputError, match="plan again"):
        arrival_of(_plan(), _asked(out, 1.0))
    with pytest.raises(InputError, match=r"no flow/arrival-gap-1\.nii\.gz"):
        arrival_of(plan, _asked(tmp_path, 1.0, gap="gap-1"))
