"""The whole chain on the lumbar phantom: what is true of it is found, and no needle does harm."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from planner.config.plan_config import PlanConfig
from planner.errors import CancelledError, NoImplantError
from planner.geometry.frames import positioner_angles_deg
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.phantoms.case import Phantom
from planner.phantoms.solids.raster import rasterise
from planner.pipeline import PlannedCase, plan, plan_scan, scan_of
from planner.progress import Progress


def _way(path: npt.ArrayLike) -> np.ndarray:
    points = np.asarray(path, dtype=float)
    pieces = [a + (b - a) * np.linspace(0, 1, 120)[:, None] for a, b in pairwise(points)]
    return np.concatenate(pieces)


def test_every_screw_is_found_on_its_side(lumbar: Phantom, case: PlannedCase) -> None:
    true = [i for i in lumbar.truth.implants if i.kind == "pedicle_screw"]
    found = [i for i in case.plan.implants if i.kind == "pedicle_screw"]
    assert len(found) == len(true)
    for screw in true:
        near = min(found, key=lambda f: np.linalg.norm(np.subtract(f.axis.tip_lps, screw.tip_lps)))
        assert near.axis is not None
        assert np.linalg.norm(np.subtract(near.axis.tip_lps, screw.tip_lps)) < 1.5
        assert near.side == screw.side
        assert (near.loosening in ("possible", "probable")) == bool(screw.loose)


def test_gaps_are_measured_and_firm_screws_have_none(lumbar: Phantom, case: PlannedCase) -> None:
    assert len(case.plan.gaps) == len(lumbar.truth.gaps)
    for gap in case.plan.gaps:
        true = min(
            lumbar.truth.gaps, key=lambda t: np.linalg.norm(np.subtract(t.measure.centroid_lps, gap.centroid_lps))
        )
        assert gap.volume_ml is not None
        assert abs(gap.volume_ml.estimate / true.measure.volume_ml - 1) < 0.25
        assert sum(zone.volume_ml or 0.0 for zone in gap.zones) == pytest.approx(gap.volume_ml.estimate, rel=0.02)


def test_each_vertebra_that_holds_screws_is_told_apart(lumbar: Phantom, case: PlannedCase) -> None:
    anatomy = lumbar.truth.anatomy
    assert anatomy is not None
    held = {i.level for i in lumbar.truth.implants if i.kind == "pedicle_screw"}
    for true in (b for b in anatomy.bones if b.kind == "vertebra" and b.level in held):
        solid = rasterise(true.solid, case.anatomy.grid)
        shares = {
            bone.name: 2.0 * np.count_nonzero(bone.mask.voxels & solid) / (bone.mask.voxels.sum() + solid.sum())
            for bone in case.anatomy.bones
        }
        assert max(shares.values()) > 0.93, (true.level, shares)
        assert sorted(shares.values())[-2] < 0.05, (true.level, shares)


def test_bones_discs_and_what_was_measured_on_them_reach_the_plan(case: PlannedCase) -> None:
    kinds = {(s.kind, s.id) for s in case.plan.labels}
    assert {("bone", bone.name) for bone in case.anatomy.bones} <= kinds
    assert ("disc", "discs") in kinds
    assert case.skeleton is not None
    assert case.skeleton.pedicles
    assert case.skeleton.cortex is not None
    assert case.anatomy.foramen is not None
    assert not case.defects
    assert not any(f.code in ("fractured-level", "anatomy-upside-down") for f in case.plan.findings)


def test_the_plans_anatomy_is_the_phantoms(lumbar: Phantom, case: PlannedCase) -> None:
    """What scripts read without the masks: numbers, places, and label codes that lead to the right voxels."""
    said, true = case.plan.anatomy, lumbar.truth.anatomy
    assert said is not None and true is not None
    codes = {structure.id: structure.code for structure in case.plan.labels if structure.kind == "bone"}
    assert {bone.name: bone.label_code for bone in said.bones} == {bone.name: codes[bone.name] for bone in said.bones}
    # the scan's end cuts the lowest pedicles at their narrowest
    cut = {bone.name for bone in said.bones if bone.is_cut}
    whole = [pedicle for pedicle in said.pedicles if pedicle.bone not in cut]
    measured = [pedicle for pedicle in whole if pedicle.width_mm is not None]
    assert 0 < len(measured) < len(whole)
    for pedicle in measured:
        near = min(true.pedicles, key=lambda t: np.linalg.norm(np.subtract(t.centre_lps, pedicle.centre_lps)))
        assert near.side == pedicle.side
        assert pedicle.width_mm == pytest.approx(near.width_mm, abs=0.7)
    for mark in said.landmarks:
        assert min(np.linalg.norm(np.subtract(t.point_lps, mark.point_lps)) for t in true.landmarks) < 2.0
    assert said.canal is not None and said.canal.known and said.cortex is not None
    assert said.hips == () and said.legs is None and said.cups == ()
    assert any(finding.code == "anatomy-not-measured" for finding in case.plan.findings)


def test_no_needle_does_harm(lumbar: Phantom, case: PlannedCase) -> None:
    """Against the phantom's own solids, not against what the planner believes."""
    truth = lumbar.truth
    assert case.plan.trajectories
    for needle in case.plan.trajectories:
        way = _way(needle.path_lps)
        radius = needle.needle.outer_diameter_mm / 2
        metal = truth.metal.distance_mm(way)
        # A thread's solid understates distances, by its flank's slope: up to 1.6 times.
        assert metal.min() > (-0.1 if needle.slides_along_implant else (radius - 0.4) / 1.6), needle.id
        assert truth.canal is not None
        line = np.asarray(truth.canal.points_lps)
        dense = np.concatenate([a + (b - a) * np.linspace(0, 1, 40)[:, None] for a, b in pairwise(line)])
        apart = np.linalg.norm(way[:, None] - dense[None], axis=-1).min()
        assert apart > truth.canal.radius_mm + radius, needle.id
        outside_bone = truth.env.distance_mm(way) > 0
        assert np.count_nonzero(outside_bone & (truth.forbidden.distance_mm(way) < -1.0)) == 0, needle.id


def test_angles_follow_from_the_path(case: PlannedCase) -> None:
    for needle in case.plan.trajectories:
        outward = np.subtract(needle.path_lps[0], needle.aim_lps)
        primary, secondary = positioner_angles_deg(outward)
        assert (needle.bulls_eye.primary_deg, needle.bulls_eye.secondary_deg) == pytest.approx((primary, secondary))
        turned = (needle.bulls_eye.console_primary_deg - primary) % 360
        assert turned == pytest.approx(180)  # prone, head first


def test_labels_are_the_plans(case: PlannedCase) -> None:
    kinds = {structure.id: structure for structure in case.labels.structures}
    for gap in case.plan.gaps:
        voxels = np.argwhere(case.labels.codes == kinds[gap.id].code)
        centroid = case.labels.grid.to_lps(voxels).mean(axis=0)
        assert np.linalg.norm(centroid - gap.centroid_lps) < 1.5
    assert case.plan.labels == case.labels.structures


class _StopAt:
    def __init__(self, words: str) -> None:
        self._words, self._reached = words, False

    def report(self, progress: Progress) -> None:
        self._reached |= progress.stage == self._words

    def cancelled(self) -> bool:
        return self._reached


@pytest.mark.parametrize("words", ["finding implants", "searching needles"])
def test_a_run_can_be_stopped(lumbar: Phantom, words: str) -> None:
    with pytest.raises(CancelledError):
        plan_scan(scan_of(lumbar.volume), PlanConfig(), monitor=_StopAt(words))


def _body(add: Callable[[np.ndarray, np.ndarray], None]) -> Volume:
    shape = (40, 60, 60)
    grid = Grid(shape, np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [1.0, 0, 0, 0], [0, 0, 0, 1]]))
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(shape), 0, -1)))
    hu = np.where(np.hypot(points[..., 0] - 30, points[..., 1] - 30) < 26, 40.0, -1000.0)
    add(hu, points)
    noise = np.random.default_rng(5).normal(0, 12, shape)
    return Volume(grid, np.rint(hu + noise).astype(np.int16))


def _contrast_vessel(hu: np.ndarray, points: np.ndarray) -> None:
    hu[np.hypot(points[..., 0] - 25, points[..., 1] - 25) < 6] = 420.0


def _vertebral_bone(hu: np.ndarray, points: np.ndarray) -> None:
    ring = np.abs(np.hypot(points[..., 0] - 30, points[..., 1] - 30) - 14) < 1.5
    hu[ring] = 900.0


@pytest.mark.parametrize("add", [_contrast_vessel, _vertebral_bone])
def test_a_ct_without_an_implant_says_so(add: Callable[[np.ndarray, np.ndarray], None]) -> None:
    with pytest.raises(NoImplantError, match="no orthopaedic implant"):
        plan(_body(add))
