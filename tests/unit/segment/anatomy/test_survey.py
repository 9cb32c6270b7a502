import numpy as np
import pytest

from planner.config.anatomy_config import AnatomyConfig
from planner.errors import CancelledError, SegmentationError
from planner.geometry.frames import points_lps
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Volume
from planner.progress import Progress
from planner.segment.anatomy.canal import Canal
from planner.segment.anatomy.survey import survey
from planner.segment.anatomy.survey_findings import canal_findings
from planner.segment.region import Region, hips_of

UPRIGHT = np.eye(3)[:, ::-1]
QUICK = AnatomyConfig(working_edge_mm=1.2)


def implant(kind: str, *points: tuple[float, float, float], side: str | None = None) -> Implant:
    axis = None
    if len(points) == 2:
        length = float(np.linalg.norm(np.subtract(*points)))
        axis = ImplantAxis(
            head_lps=points[0], tip_lps=points[1], diameter_mm=None, core_diameter_mm=None, length_mm=length
        )
    return Implant(
        id=f"{kind}-{points[0]}",
        kind=kind,
        volume_ml=None,
        centroid_lps=tuple(np.mean(points, axis=0).tolist()),
        axis=axis,
        bulls_eye=None,
        side=side,
        level=None,
        material="unknown",
        loosening=None,
    )


SCREW = implant("pedicle_screw", (17, 14, 34), (11, -36, 34))


def codes(seen) -> set[str]:
    return {finding.code for finding in seen.findings}


def at(seen, mask, point) -> bool:
    return bool(mask.voxels[tuple(np.rint(seen.grid.to_index(point)).astype(int))])


def test_a_patient_who_was_found_before_is_not_looked_for_again(spine_scan, monkeypatch):
    volume, metal = spine_scan(screw=True)
    alone = survey(volume, metal=metal, implants=(SCREW,), config=QUICK)
    monkeypatch.setattr("planner.segment.anatomy.survey.find_body", None)
    given = survey(volume, metal=metal, implants=(SCREW,), patient=alone.patient, config=QUICK)
    assert given.patient is alone.patient
    for name in ("measured", "metal", "body", "bone", "envelope", "forbidden"):
        assert np.array_equal(getattr(given, name).voxels, getattr(alone, name).voxels), name


@pytest.mark.parametrize("directions", [UPRIGHT, np.eye(3) * [1, -1, -1]], ids=["upright", "permuted and flipped"])
def test_every_mask_lies_on_one_upright_grid_and_says_the_same_of_places(spine_scan, directions):
    volume, metal = spine_scan(screw=True, directions=directions)
    seen = survey(volume, metal=metal, implants=(SCREW,), config=QUICK)
    assert np.allclose(seen.grid.directions_lps, UPRIGHT)
    for mask in (seen.bone, seen.metal, seen.forbidden, seen.measured, seen.body, seen.canal_mask):
        seen.grid.require_same(mask.grid)
    assert at(seen, seen.bone, (0, -29, 34))
    assert at(seen, seen.bone, (12, -33, 34))
    assert at(seen, seen.canal_mask, (0, 0, 34))
    assert not at(seen, seen.bone, (0, 0, 34))
    assert at(seen, seen.forbidden, (35, -40, 34))
    assert not at(seen, seen.forbidden, (20, 28, 34))
    assert at(seen, seen.body, (20, 28, 34))
    assert codes(seen) == set()


def test_without_a_canal_nothing_is_free(spine_scan):
    volume, metal = spine_scan(screw=True, vertebrae=False)
    seen = survey(volume, metal=metal, implants=(SCREW,), config=QUICK)
    assert seen.canal is None
    assert seen.canal_mask is None
    assert "canal-not-found" in codes(seen)
    assert seen.forbidden.voxels[~seen.metal.voxels].all()


def test_where_an_implant_runs_on_beyond_the_canal_nothing_is_taken_for_free(spine_scan):
    volume, metal = spine_scan(screw=True, half_mm=np.array([68.0, 70.0, 88.0]), edge_mm=1.5)
    rod = implant("rod", (18, 18, 34), (18, 18, -84))
    narrow = QUICK.model_copy(update={"unknown_beside_mm": 18.0})
    seen = survey(volume, metal=metal, implants=(SCREW, rod), config=narrow)
    bottom = seen.canal.centre_lps[0, 2]
    assert -75 < bottom < -40
    assert "canal-ends-below" in codes(seen)
    assert at(seen, seen.forbidden, (0, 0, bottom - 4))
    assert not at(seen, seen.forbidden, (25, 20, bottom - 4))
    assert at(seen, seen.forbidden, (25, 20, -86))
    assert not at(seen, seen.forbidden, (20, 28, 34))


def test_a_canal_cut_at_the_sacrum_is_told():
    volume_end = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 60.0]])
    canal = Canal(points_lps(volume_end), np.full((2, 48), 9.0), np.ones((2, 48), dtype=bool), 1.0, cut_below=True)
    spine = Region(np.array([[-20.0, -40.0, 10.0], [20.0, 20.0, 50.0]]), np.zeros((2, 3)), None)
    below = canal_findings(spine, canal)
    assert [f.code for f in below] == ["canal-below-s1-not-trusted"]
    assert below[0].severity == "caution"


def test_skin_outside_the_field_of_view_is_told(spine_scan):
    volume, metal = spine_scan(screw=True, half_mm=np.array([68.0, 46.0, 54.0]))
    seen = survey(volume, metal=metal, implants=(SCREW,), config=QUICK)
    assert "skin-outside-view" in codes(seen)


def test_what_was_not_measured_is_forbidden_and_not_air(spine_scan):
    volume, metal = spine_scan(screw=True)
    hu = np.array(volume.hu)
    points = volume.grid.to_lps(np.moveaxis(np.indices(volume.grid.shape), 0, -1))
    hu[points[..., 0] > 40.0] = -2000
    seen = survey(Volume(volume.grid, hu), metal=metal, implants=(SCREW,), config=QUICK)
    place = (44.0, 10.0, 34.0)
    assert not at(seen, seen.measured, place)
    assert not at(seen, seen.body, place)
    assert at(seen, seen.forbidden, place)


def test_a_large_region_gets_coarser_voxels(spine_scan):
    volume, metal = spine_scan(screw=True)
    coarse = AnatomyConfig(working_edge_mm=1.2, most_voxels=150_000)
    seen = survey(volume, metal=metal, implants=(SCREW,), config=coarse)
    assert seen.grid.spacing_mm[0] > 1.3
    assert np.prod(seen.grid.shape) < 165_000


def test_a_hip_implant_asks_for_no_canal(spine_scan):
    volume, metal = spine_scan(screw=True)
    stem = implant("femoral_stem", (17, 14, 40), (11, -36, 20), side="left")
    seen = survey(volume, metal=metal, implants=(stem,), config=QUICK)
    assert seen.canal is None
    assert not any(code.startswith("canal") for code in codes(seen))
    assert seen.hips[0].side == "left"


def test_a_hip_of_unknown_side_leaves_no_soft_tissue_free(spine_scan):
    volume, metal = spine_scan(screw=True)
    stem = implant("femoral_stem", (17, 14, 40), (11, -36, 20))
    seen = survey(volume, metal=metal, implants=(stem,), config=QUICK)
    assert "hip-side-unknown" in codes(seen)
    assert seen.forbidden.voxels[~(seen.bone.voxels | seen.metal.voxels)].all()


def test_two_hips_are_told_apart_and_their_sides_from_head_and_stem():
    parts = []
    for out in (-1.0, 1.0):
        parts.append(implant("femoral_head", (out * 90, 0, 0)))
        parts.append(implant("femoral_stem", (out * 130, 0, -20), (out * 120, 0, -140)))
    right, left = hips_of(tuple(parts))
    assert (right.side, left.side) == ("right", "left")
    assert right.head_lps[0] == -90
    assert hips_of((SCREW,)) == ()


def test_no_implant_is_no_survey(spine_scan):
    volume, metal = spine_scan(screw=True)
    with pytest.raises(SegmentationError, match="no implant"):
        survey(volume, metal=metal, implants=())


def test_an_implant_outside_the_scan_is_refused(spine_scan):
    volume, metal = spine_scan()
    far = implant("pedicle_screw", (900, 0, 0), (910, -40, 0))
    with pytest.raises(SegmentationError, match="outside the scan"):
        survey(volume, metal=metal, implants=(far,), config=QUICK)


def test_a_stopped_survey_ends(spine_scan):
    class Stop:
        def report(self, progress: Progress) -> None:
            pass

        def cancelled(self) -> bool:
            return True

    volume, metal = spine_scan(screw=True)
    with pytest.raises(CancelledError):
        survey(volume, metal=metal, implants=(SCREW,), config=QUICK, monitor=Stop())
