"""The same patient scanned anew: other spacings, another place, oblique, and with a tilted gantry.

Each case is drawn from the phantom's solids again, with its own partial volume and noise, so that the plan is the same
within tolerances only. These stand below, with what was measured when they were set. Needles are not compared one by
one: several have nearly one score, and which of them comes first follows the noise. The first one must be safe in the
patient as he was built.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from planner.config.plan_config import PlanConfig
from planner.geometry.frames import unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.io import load_scan
from planner.model.breach import Breach
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.needle import Trajectory
from planner.model.plan import Plan
from planner.model.volume import Volume
from planner.phantoms.case import design, make
from planner.phantoms.truth.facts import Truth
from planner.pipeline import PlannedCase, plan_scan, scan_of

LOW_LPS, HIGH_LPS = np.array([-45.0, -35.0, -22.0]), np.array([48.0, 72.0, 26.0])

TIP_MM = 1.0
"""Of the loose screw's tip from the first scan's: about a slice, in which its nose fades. Measured: up to 0.86."""
AXIS_DEG = 0.3
"""Between the axes. Measured: up to 0.05."""
DIAMETER_MM = 0.3
"""Measured: -0.12 to +0.14; the thread is finer than the voxels."""
VOLUME = 0.1
"""Share of the gap's volume. Measured: -1 to +4 %; a wall that lies 0.1 mm off makes 5 %."""
VOLUME_OTHER_VOXELS = 0.12
"""The same with slices up to 2 mm. Measured: -1 to +11 %."""
CENTROID_MM = 1.3
"""Of the gap, along which its thin upper end comes and goes. Measured: up to 0.8."""
BREACH_MM = 2.5
"""Between breaches: of a patch 9 mm wide the point nearest to its middle is taken. Measured: up to 1.2."""
AREA = 0.35
"""Share of the breach's area. Measured: -18 to +20 %."""


def _covering(
    axis: Sequence[float],
    deg: float,
    spacing_mm: Sequence[float],
    make_box: Callable[..., Grid],
    more_mm: tuple[float, float] = (0.0, 0.0),
) -> Grid:
    """An oblique grid that holds the whole box, with more of the patient to both sides and behind.

    A cut box would show less of him: where skin is seen in part, needles through the missing part are refused.
    """
    aside, behind = more_mm
    low, high = np.subtract(LOW_LPS, (aside, 0, 0)), np.add(HIGH_LPS, (aside, behind, 0))
    turn = rotation_about(axis, deg)
    middle = (low + high) / 2
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    seen = (corners - middle) @ turn
    box = make_box(seen.min(axis=0), seen.max(axis=0), spacing_mm)
    matrix = box.lps_from_index.copy()
    matrix[:3, :3] = turn @ matrix[:3, :3]
    matrix[:3, 3] = middle + turn @ box.lps_from_index[:3, 3]
    return Grid(box.shape, matrix, box.frame_of_reference_uid)


def _leaning(deg: float, spacing_mm: Sequence[float], make_box: Callable[..., Grid]) -> Grid:
    """What a gantry makes that is tilted about the patient's left-right axis: tilted slices, fed along the table."""
    margin = np.array([0.0, 0.0, abs(np.tan(np.radians(deg))) * (HIGH_LPS - LOW_LPS)[1] / 2])
    box = make_box(LOW_LPS - margin, HIGH_LPS + margin, spacing_mm)
    matrix = box.lps_from_index.copy()
    matrix[:3, 1:3] = rotation_about((1.0, 0.0, 0.0), deg) @ matrix[:3, 1:3]
    matrix[:3, 0] /= np.cos(np.radians(deg))
    matrix[:3, 3] = (LOW_LPS + HIGH_LPS) / 2 - matrix[:3, :3] @ ((np.array(box.shape) - 1) / 2)
    return Grid(box.shape, matrix, box.frame_of_reference_uid)


GRIDS: dict[str, Callable[[Callable[..., Grid]], Grid]] = {
    "fine": lambda box: box(LOW_LPS, HIGH_LPS, (0.6, 0.7, 0.7)),
    "coarse": lambda box: box(LOW_LPS, HIGH_LPS, (1.0, 1.0, 1.0)),
    "slices of 1.25 mm": lambda box: box(LOW_LPS, HIGH_LPS, (1.25, 0.9, 0.8)),
    "moved": lambda box: box(np.add(LOW_LPS, (0.37, -0.41, 0.29)), HIGH_LPS, (1.0, 0.9, 0.8)),
    "oblique, 12 degrees": lambda box: _covering((1.0, 0.0, 0.0), 12, (1.0, 0.9, 0.9), box),
    "oblique, 23 degrees": lambda box: _covering((0.3, 0.5, 0.8), 23, (1.0, 1.0, 1.0), box, more_mm=(14.0, 20.0)),
    "gantry tilted 15 degrees": lambda box: _leaning(15.0, (1.0, 0.8, 0.8), box),
    "gantry tilted -10 degrees": lambda box: _leaning(-10.0, (0.8, 0.9, 0.9), box),
}


@dataclass(frozen=True)
class Found:
    """What a plan says of the loose screw on the left of L4."""

    screw: Implant
    gap: Gap | None
    breaches: tuple[Breach, ...]
    needles: tuple[Trajectory, ...]


def _about(plan: Plan, truth: Truth) -> Found:
    true = next(i for i in truth.implants if i.id == "l4-left")
    screws = [i for i in plan.implants if i.kind == "pedicle_screw" and i.axis is not None]
    screw = min(screws, key=lambda i: _apart(i.axis.tip_lps, true.tip_lps))
    gap = next((g for g in plan.gaps if g.implant_id == screw.id), None)
    own = None if gap is None else gap.id
    breaches = tuple(b for b in plan.breaches if b.gap_id == own)
    return Found(screw, gap, breaches, tuple(t for t in plan.trajectories if t.gap_id == own))


def _apart(first: Sequence[float], second: Sequence[float]) -> float:
    return float(np.linalg.norm(np.subtract(first, second)))


def _turned_deg(first: Implant, second: Implant) -> float:
    one, other = (unit(np.subtract(i.axis.tip_lps, i.axis.head_lps)) for i in (first, second))
    return float(np.degrees(np.arccos(min(1.0, float(one @ other)))))


def _harm(needle: Trajectory, truth: Truth) -> list[str]:
    """What a needle hits in the patient as he was built."""
    steps = np.linspace(0, 1, 120)[:, None]
    way = np.concatenate([a + np.subtract(b, a) * steps for a, b in pairwise(needle.path_lps)])
    radius = needle.needle.outer_diameter_mm / 2
    out = []
    # A thread's solid understates distances, by its flank's slope: up to 1.6 times.
    if truth.metal.distance_mm(way).min() < (-0.1 if needle.slides_along_implant else (radius - 0.4) / 1.6):
        out.append("metal")
    line = np.asarray(truth.canal.points_lps)
    dense = np.concatenate([a + (b - a) * np.linspace(0, 1, 40)[:, None] for a, b in pairwise(line)])
    if np.linalg.norm(way[:, None] - dense[None], axis=-1).min() < truth.canal.radius_mm + radius:
        out.append("canal")
    if np.any((truth.env.distance_mm(way) > 0) & (truth.forbidden.distance_mm(way) < -1.0)):
        out.append("forbidden")
    if truth.gaps[[g.implant_id for g in truth.gaps].index("l4-left")].solid.distance_mm(way[-1:])[0] > 0.6:
        out.append("misses the gap")
    return out


def _unlike(found: Found, first: Found) -> list[str]:
    """Where a plan leaves the tolerances round the first scan's."""
    if found.gap is None:
        return ["no gap"]
    ours, its = found.gap.volume_ml, first.gap.volume_ml
    matched = [
        min((_apart(b.centroid_lps, a.centroid_lps) for b in found.breaches), default=np.inf) for a in first.breaches
    ]
    areas = sum(b.area_mm2 for b in found.breaches) / sum(b.area_mm2 for b in first.breaches)
    checks = {
        "side": found.screw.side == first.screw.side,
        "loosening": found.screw.loosening == first.screw.loosening,
        "tip": _apart(found.screw.axis.tip_lps, first.screw.axis.tip_lps) < TIP_MM,
        "axis": _turned_deg(found.screw, first.screw) < AXIS_DEG,
        "diameter": abs(found.screw.axis.diameter_mm - first.screw.axis.diameter_mm) < DIAMETER_MM,
        "volume": abs(ours.estimate / its.estimate - 1) < VOLUME,
        "interval": its.low < ours.estimate < its.high and ours.low < its.estimate < ours.high,
        "zones": [z.zone for z in found.gap.zones] == [z.zone for z in first.gap.zones],
        "gap's place": _apart(found.gap.centroid_lps, first.gap.centroid_lps) < CENTROID_MM,
        "breaches": len(found.breaches) == len(first.breaches) and max(matched) < BREACH_MM,
        "breaches' kinds": [(b.leak_type, b.severity) for b in found.breaches]
        == [(b.leak_type, b.severity) for b in first.breaches],
        "breaches' area": abs(areas - 1) < AREA,
    }
    return [name for name, kept in checks.items() if not kept]


@pytest.fixture(scope="module")
def truth() -> Truth:
    return design("lumbar").truth


@pytest.fixture(scope="module")
def first(planned: PlannedCase, truth: Truth) -> Found:
    return _about(planned.plan, truth)


@pytest.mark.parametrize("name", GRIDS)
def test_the_same_plan_within_tolerances(
    name: str,
    tmp_path: Path,
    first: Found,
    truth: Truth,
    make_box: Callable[..., Grid],
    write: Callable[..., list[Path]],
) -> None:
    phantom = make("lumbar", grid=GRIDS[name](make_box), settings=design("lumbar").ideal)
    write(tmp_path, phantom.volume)
    plan = plan_scan(load_scan(tmp_path), PlanConfig()).plan
    found = _about(plan, truth)
    assert _unlike(found, first) == []
    assert found.needles
    assert _harm(found.needles[0], truth) == []
    firm = min(
        (i for i in plan.implants if i.kind == "pedicle_screw"), key=lambda i: _apart(i.axis.tip_lps, (-8.6, -2.6, 2.5))
    )
    assert (firm.side, firm.loosening) == ("right", "none")


THICK_TIP_MM = 1.8
"""Of the tip in slices up to 2 mm. Measured: up to 1.5."""


@pytest.mark.parametrize("spacing_mm", [(1.25, 0.5, 0.5), (1.5, 0.9, 0.8), (2.0, 0.9, 0.8)], ids=str)
def test_thick_slices_make_no_firm_screw_loose(
    spacing_mm: tuple[float, float, float], first: Found, truth: Truth, make_box: Callable[..., Grid]
) -> None:
    plan = plan_scan(
        scan_of(make("lumbar", grid=make_box(LOW_LPS, HIGH_LPS, spacing_mm), settings=design("lumbar").ideal).volume),
        PlanConfig(),
    ).plan
    found = _about(plan, truth)
    assert [gap.implant_id for gap in plan.gaps] == [found.screw.id]
    assert found.screw.loosening in ("possible", "probable")
    assert _apart(found.screw.axis.tip_lps, first.screw.axis.tip_lps) < THICK_TIP_MM
    assert abs(plan.gaps[0].volume_ml.estimate / first.gap.volume_ml.estimate - 1) < VOLUME_OTHER_VOXELS
    firm = [i.loosening for i in plan.implants if i.kind == "pedicle_screw" and i.id != found.screw.id]
    assert firm == ["none"]
    assert any(f.code == "thick-slices" for f in plan.findings) == (spacing_mm[0] > 1.25)


def _mirrored(ct: Volume) -> Volume:
    return Volume(ct.grid, np.asarray(ct.hu)[:, :, ::-1])


def _wrong_spacing(ct: Volume) -> Volume:
    matrix = ct.grid.lps_from_index.copy()
    matrix[:3, 0] *= 1.15
    return Volume(Grid(ct.grid.shape, matrix), ct.hu)


def _shifted_slices(ct: Volume) -> Volume:
    """As if three slices had been lost below the screw: all above them lie 3 mm too low."""
    hu = np.asarray(ct.hu)
    return Volume(ct.grid, np.concatenate([hu[:8], hu[11:], hu[-3:]]))


@pytest.mark.parametrize(
    ("spoil", "says"), [(_mirrored, "no gap"), (_wrong_spacing, "volume"), (_shifted_slices, "tip")]
)
def test_a_spoilt_ct_leaves_the_tolerances(
    spoil: Callable[[Volume], Volume], says: str, ct: Volume, first: Found, truth: Truth
) -> None:
    plan = plan_scan(scan_of(spoil(ct)), PlanConfig()).plan
    assert says in _unlike(_about(plan, truth), first)


def test_a_needle_that_does_harm_is_noticed(first: Found, truth: Truth) -> None:
    safe = first.needles[0]
    middle = truth.canal.points_lps[len(truth.canal.points_lps) // 2]
    through = safe.model_copy(update={"path_lps": (safe.path_lps[0], middle, safe.target_lps)})
    assert "canal" in _harm(through, truth)
    screw = truth.implants[[i.id for i in truth.implants].index("l4-left")]
    assert "metal" in _harm(safe.model_copy(update={"path_lps": (safe.path_lps[0], screw.tip_lps)}), truth)
    assert "misses the gap" in _harm(safe.model_copy(update={"path_lps": safe.path_lps[:1] * 2}), truth)
