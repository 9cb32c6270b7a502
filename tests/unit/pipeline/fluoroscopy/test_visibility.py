"""A plan's gaps asked from where they are seen: each alloy hides as it does, views are the plan's own."""

from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.hiding import hiding_length_mm
from planner.model.view_sight import GapView
from planner.pipeline.fluoroscopy.angle_pictures import angle_map_picture
from planner.pipeline.fluoroscopy.visibility import (
    case_metal,
    gap_views,
    gap_visibility,
    target_scene,
)
from tests.unit.fluoro.test_views import trajectory
from tests.unit.pipeline.fluoroscopy.fluoro_cases import STEM_MM, X, Y, Z, case_of, femur_case, implant, mask

FLUORO, CONFIG = FluoroConfig(), VisibilityConfig(map_step_deg=15.0)


def hiding(material):
    return hiding_length_mm(material, fluoro=FLUORO, config=CONFIG.hiding)


@pytest.mark.parametrize(
    ("materials", "wanted"),
    [
        (["titanium", "titanium"], {"titanium"}),
        (["cobalt_chrome_or_steel"], {"cobalt_chrome"}),
        (["unknown"], {"cobalt_chrome"}),
        ([], {"cobalt_chrome"}),
        (["titanium", "unknown"], {"titanium", "cobalt_chrome"}),
    ],
)
def test_metal_hides_as_its_alloy_does_and_where_none_was_told_as_the_densest(materials, wanted):
    places = [(-15.0, 0.0, 0.0), (15.0, 0.0, 0.0)]
    implants = [
        implant(f"screw-{n}", "pedicle_screw", material=m, head=(x, 0.0, 30.0), tip=(x, 0.0, -30.0))
        for n, (m, (x, _, _)) in enumerate(zip(materials, places, strict=False))
    ]
    metal = (np.hypot(np.abs(X) - 15.0, Y) < 3.0) & (np.abs(Z) < 30)
    block = case_metal(case_of(implants=implants, metal=metal), fluoro=FLUORO, config=CONFIG)
    met = set(np.round(block.hiding_mm[np.unique(block.codes[block.codes > 0])], 6))
    assert met == {round(hiding(one), 6) for one in wanted}
    if len(wanted) == 2:
        left = block.codes[:, :, -1].max()
        assert block.hiding_mm[left] == hiding("cobalt_chrome"), "the left screw's alloy is unknown"


def test_a_stem_hides_what_lies_behind_it_and_what_lies_beside_it_is_seen():
    """The gap lies all round a stem of 10 mm: in every view across it the part before and behind it is hidden."""
    case = femur_case()
    seen = gap_visibility(case, "gap-1", fluoro=FLUORO, config=CONFIG)
    assert seen is not None
    assert set(seen.views) == {"frontal", "lateral"}
    behind = np.hypot(X, Y)
    ring = case.anatomy.gaps[0].mask.voxels & (behind > STEM_MM)
    wanted = np.mean(np.abs(X[ring]) > np.sqrt(STEM_MM**2 - (hiding("titanium") / 2) ** 2))
    frontal = seen.views["frontal"].target
    assert frontal.visible_share == pytest.approx(wanted, abs=0.05)
    assert frontal.verdict == "partly"
    landmarks = {one.name: one.verdict for one in seen.views["frontal"].landmarks}
    assert landmarks["medial cortex"] == landmarks["lateral cortex"] == "visible"
    assert landmarks["anterior cortex"] == landmarks["posterior cortex"] == "not in profile"
    lateral = {one.name: one.verdict for one in seen.views["lateral"].landmarks}
    assert lateral["medial cortex"] == "not in profile" and lateral["anterior cortex"] == "visible"
    assert seen.angles.share_at(0.0, 0.0) == pytest.approx(frontal.visible_share, abs=0.05)
    assert seen.better == {}, "round a straight stem every side is as good"


def test_the_gantry_is_the_fluoroscopys_own_unless_another_is_given():
    case = femur_case()
    own = gap_visibility(case, "gap-1", fluoro=FLUORO, config=CONFIG)
    narrow = GantryLimits(primary_min_deg=-20, primary_max_deg=20, secondary_min_deg=-20, secondary_max_deg=20)
    other = gap_visibility(case, "gap-1", fluoro=FLUORO, config=CONFIG, gantry=narrow)
    assert own.angles.in_reach.sum() > other.angles.in_reach.sum() == 9
    assert own.views["lateral"].within_gantry_limits and not other.views["lateral"].within_gantry_limits
    assert "lateral" not in other.better, "nothing near it is in reach"


def test_a_gap_without_voxels_or_not_in_the_plan_is_asked_nothing():
    case = case_of(spaces=[("gap-1", None, np.zeros(X.shape))], metal=np.hypot(X, Y) < 3)
    assert gap_visibility(case, "gap-1", fluoro=FLUORO, config=CONFIG) is None
    assert gap_visibility(case, "gap-7", fluoro=FLUORO, config=CONFIG) is None
    assert gap_views(case, "gap-7", FLUORO) == {}
    metal = case_metal(case, fluoro=FLUORO, config=CONFIG)
    assert target_scene(case, "gap-7", metal, gantry=FLUORO.gantry, config=CONFIG) is None


def test_views_are_those_of_the_treatment_position_and_of_the_first_needle():
    needle = trajectory((0.0, 90.0, 30.0), (0.0, 10.0, 0.0), (0.0, 0.0, 0.0)).model_copy(update={"gap_id": "gap-1"})
    second = needle.model_copy(update={"id": "trajectory-2", "rank": 2})
    prone = femur_case(position="HFP", trajectories=(second, needle))
    views = gap_views(prone, "gap-1", FLUORO)
    assert set(views) == {"frontal", "lateral", "bull's-eye"}
    assert abs(views["frontal"].primary_deg) == 180.0
    assert views["bull's-eye"].secondary_deg == pytest.approx(np.degrees(np.arctan2(30.0, 80.0)))
    assert gap_views(femur_case(position="FFS"), "gap-1", FLUORO)["frontal"].primary_deg == 0.0
    assert gap_views(femur_case(position=None), "gap-1", FLUORO)["frontal"].primary_deg == 0.0
    assert "bull's-eye" not in gap_views(femur_case(position="HFP", trajectories=(second,)), "gap-1", FLUORO)


def test_a_gap_where_metal_hides_the_frontal_view_has_a_better_one_that_keeps_the_landmarks(tmp_path):
    """A plate before the stem: turned, the beam passes it; both cortices stay in profile."""
    plate = (np.abs(Y + 24.0) < 4.0) & (np.abs(X) < 9.0) & (np.abs(Z - 5.0) < 30.0)
    stem = femur_case()
    case = replace(stem, metal=mask(stem.metal.voxels | plate))
    seen = gap_visibility(case, "gap-1", fluoro=FLUORO, config=CONFIG)
    assert seen.views["frontal"].target.verdict == "hidden"
    better = seen.better["frontal"]
    assert better.target.visible_share > seen.views["frontal"].target.visible_share + CONFIG.least_gain_share
    shown = {one.name for one in seen.views["frontal"].landmarks if one.verdict in ("visible", "partly")}
    assert shown == {"medial cortex", "lateral cortex", "stem tip"}
    assert shown <= {one.name for one in better.landmarks if one.verdict in ("visible", "partly")}
    views = tuple(
        GapView(gap_id="gap-1", kind=kind, sight=sight, better=seen.better.get(kind))
        for kind, sight in seen.views.items()
    )
    plan = case.plan.model_copy(update={"views": views})
    picture = tmp_path / "map.png"
    picture.write_bytes(angle_map_picture(plan, seen.angles))
    assert matplotlib.image.imread(picture).shape[0] == pytest.approx(2.95 * 230, abs=1)
    assert angle_map_picture(plan, seen.angles) == picture.read_bytes()
    other = replace(seen.angles, target_id="gap-2")
    assert angle_map_picture(plan, other) == angle_map_picture(case.plan, other) != picture.read_bytes(), "unmarked"
