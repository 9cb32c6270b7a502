"""A recipe becomes a scene with its truth: each defect makes what it says, and one that is absent makes nothing."""

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from planner.config.phantoms.spine.altered import BasivertebralVein, CollapsedFracture
from planner.config.phantoms.spine.patient import SpinePatient
from planner.config.phantoms.spine.phantom import FieldOfView, SpinePhantom
from planner.errors import ConfigError
from planner.geometry.frames import PointsLps
from planner.phantoms import design
from planner.phantoms.design import Design
from planner.phantoms.solids.raster import contains, grid_over, rasterise
from planner.phantoms.spine.patient.column import column_of
from planner.phantoms.truth.files import truth_document
from planner.phantoms.truth.patches import find_patches

PATIENT = SpinePatient(levels=("L3", "L4", "L5"))
COLUMN = column_of(PATIENT)


def screw(level: str, side: str, **fields: Any) -> dict[str, Any]:
    """Give a screw straight through the pedicle, 46 mm long."""
    vertebra = COLUMN.vertebra(level)
    pedicle = vertebra.pedicle(side)  # type: ignore[arg-type]
    centre, way = np.array(pedicle.centre_lps), np.array(pedicle.inward_lps)
    sign = 1.0 if side == "left" else -1.0
    shift = np.array(fields.pop("shift_mm", (0.0, 0.0, 0.0)))
    ends = []
    for point in (centre - 18.0 * way, centre + fields.pop("reach_mm", 28.0) * way):
        x, y, z = (point - vertebra.centre_lps) @ vertebra.axes
        ends.append(tuple(np.array([sign * x, y, z]) + shift))
    return {
        "level": level,
        "side": side,
        "head_mm": ends[0],
        "tip_mm": ends[1],
        "diameter_mm": 6.0,
        "core_mm": 4.2,
        **fields,
    }


def build(*screws: dict[str, Any], patient: SpinePatient = PATIENT, **fields: Any) -> Design:
    return design(SpinePhantom.model_validate({"patient": patient, "screws": screws, **fields}))


EVEN = {"kind": "even", "width_mm": 1.6, "start_mm": 24.0}


@pytest.fixture(scope="module")
def firm() -> Design:
    screws = [screw(level, side) for level in ("L4", "L5") for side in ("left", "right")]
    return build(*screws, rods=({"side": "left"}, {"side": "right", "metal": "cobalt-chrome"}), cross_links=({},))


@pytest.fixture(scope="module")
def loose() -> Design:
    return build(screw("L4", "left", halo=EVEN), screw("L4", "right"), screw("L5", "left"))


def names_at(made: Design, points: np.ndarray) -> set[str]:
    return {made.scene.parts[i].name if i >= 0 else "air" for i in made.scene.part_index_at(PointsLps(points))}


def shell(made: Design, name: str, out_mm: float) -> np.ndarray:
    """Points round a screw's thread within its bone's depth, so far out from the crest."""
    implant = next(i for i in made.truth.implants if i.id == name)
    head, tip = np.array(implant.head_lps), np.array(implant.tip_lps)
    way = (tip - head) / np.linalg.norm(tip - head)
    first = np.cross(way, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    turn = np.linspace(0.0, 2.0 * np.pi, 36, endpoint=False)[:, None]
    ring = np.cos(turn) * first + np.sin(turn) * np.cross(way, first)
    along = np.arange(20.0, 44.0, 0.5)[:, None, None]
    return np.asarray((head + along * way + (3.0 + out_mm) * ring).reshape(-1, 3))


def test_firm_screws_have_no_gap_within_two_millimetres(firm: Design) -> None:
    assert firm.truth.gaps == ()
    assert firm.truth.breaches == ()
    for implant in firm.truth.implants:
        if implant.kind == "pedicle_screw":
            assert implant.loose is False
            assert implant.canal_breach_mm == 0.0
            around = np.concatenate([shell(firm, implant.id, out) for out in (0.05, 1.0, 2.0)])
            assert not {n for n in names_at(firm, around) if n.startswith(("gap", "rim"))}


def test_hardware_is_what_the_recipe_says(firm: Design) -> None:
    kinds = [i.kind for i in firm.truth.implants]
    assert (kinds.count("pedicle_screw"), kinds.count("rod")) == (4, 3)
    by_id = {i.id: i for i in firm.truth.implants}
    assert by_id["rod-right"].material == "cobalt_chrome_or_steel"
    assert by_id["rod-left"].material == "titanium"
    assert by_id["l4-left"].length_mm == pytest.approx(46.0)
    tissues = {p.name: p.tissue.name for p in firm.scene.parts}
    assert (tissues["rod-right"], tissues["l5-right"]) == ("cobalt-chrome", "titanium")
    for implant in firm.truth.implants:
        low, high = implant.solid.bounds_lps
        points = np.random.default_rng(2).uniform(low, high, (4000, 3))
        inside = points[contains(implant.solid, PointsLps(points))]
        assert all(n in by_id for n in names_at(firm, inside))


def test_sides_are_the_patients_own(firm: Design) -> None:
    for level in ("L4", "L5"):
        tips = {i.side: np.array(i.tip_lps) for i in firm.truth.implants if i.level == level}
        vertebra = COLUMN.vertebra(level)
        across = {side: (tip - vertebra.centre_lps) @ vertebra.axes[:, 0] for side, tip in tips.items()}
        assert across["left"] > 2.0
        assert across["right"] < -2.0
        assert {i.side for i in firm.truth.implants if i.id == f"{level.lower()}-left"} == {"left"}


def test_halo_is_the_hole_in_the_bone_without_metal(loose: Design) -> None:
    (gap,) = loose.truth.gaps
    assert (gap.id, gap.kind, gap.implant_id, gap.level) == ("gap-l4-left", "screw_halo", "l4-left", "L4")
    assert gap.width_mm == 1.6
    low, high = gap.solid.bounds_lps
    points = np.random.default_rng(5).uniform(low, high, (40_000, 3))
    painted = points[[loose.scene.parts[i].name == gap.id for i in loose.scene.part_index_at(PointsLps(points))]]
    counted_ml = len(painted) / 40_000 * float(np.prod(high - low)) / 1000.0
    assert gap.measure.volume_ml == pytest.approx(counted_ml, rel=0.05)
    assert loose.truth.env.distance_mm(PointsLps(painted)).max() <= 0.0
    assert loose.truth.metal.distance_mm(PointsLps(painted)).min() > 0.0
    # A ring of 1.6 mm round a thread of 6 mm, and the valleys.
    assert 0.9 < gap.measure.volume_ml < 1.6
    assert names_at(loose, shell(loose, "l4-left", 1.0)[36 * 20 :]) == {gap.id}


def test_halo_is_one_piece(loose: Design) -> None:
    solid = loose.truth.gaps[0].solid
    pieces, _ = ndimage.label(rasterise(solid, grid_over(solid.bounds_lps, 0.3)), structure=np.ones((3, 3, 3)))
    assert np.bincount(pieces.ravel())[1:].max() > 0.98 * np.count_nonzero(pieces)


def test_rim_lies_round_the_halo_only_where_it_is_wanted(loose: Design) -> None:
    assert "rim l4-left" in names_at(loose, shell(loose, "l4-left", 2.1)[36 * 25 :])
    bare = build(screw("L4", "left", halo={**EVEN, "rim_mm": 0.0}))
    assert not any(p.name.startswith("rim") for p in bare.scene.parts)


def test_seed_turns_textures_and_leaves_shapes(loose: Design) -> None:
    recipe = SpinePhantom.model_validate({"patient": PATIENT, "screws": (screw("L4", "left", halo=EVEN),)})
    first, second = design(recipe), design(recipe.model_copy(update={"seed": 3}))
    assert first.truth.gaps == second.truth.gaps
    points = shell(first, "l4-left", 4.0)
    assert not np.array_equal(first.scene.hu_at(PointsLps(points)), second.scene.hu_at(PointsLps(points)))


def leaks(made: Design) -> list[tuple[str, str | None]]:
    return [(b.severity, b.leak_type) for b in made.truth.breaches if b.patch.area_mm2 > 3.0]


BREACHES = {
    "through the front": ({"reach_mm": 46.0, "halo": {"kind": "tip", "length_mm": 14.0}}, "cortical"),
    "into the canal": ({"shift_mm": (-5.0, 0.0, 0.0), "halo": {**EVEN, "start_mm": 12.0}}, "canal"),
    "through the endplate": ({"shift_mm": (0.0, 0.0, 5.0), "halo": EVEN}, "disc"),
    "through the side": ({"shift_mm": (6.0, 0.0, 0.0), "halo": {**EVEN, "start_mm": 12.0}}, "cortical"),
    "by a hole in the wall": (
        {"halo": EVEN, "wall_defects": ({"at_mm": 32.0, "toward_deg": 90.0, "diameter_mm": 5.0},)}, "cortical",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BREACHES)
def test_halo_opens_where_the_screw_leaves_the_bone(name: str) -> None:
    fields, leak = BREACHES[name]
    assert ("open", leak) in leaks(build(screw("L4", "left", **fields)))


def test_halo_in_the_middle_of_the_bone_opens_nowhere() -> None:
    short = {"kind": "tip", "length_mm": 8.0, "width_mm": 1.2}
    assert [b for b in leaks(build(screw("L4", "left", halo=short))) if b[0] == "open"] == []


def test_a_wall_worn_thin_is_a_thin_breach_of_that_thickness() -> None:
    worn = {"at_mm": 32.0, "toward_deg": 90.0, "diameter_mm": 5.0, "wall_mm": 0.5}
    made = build(screw("L4", "left", halo=EVEN, wall_defects=(worn,)))
    patches = find_patches(made.truth.gaps[0].solid, made.truth.env, made.truth.metal, thin_mm=0.8)
    side = [p for p in patches if not p.is_open and p.area_mm2 > 8.0]
    assert len(side) == 1
    assert side[0].barrier_mm == pytest.approx(0.5, abs=0.3)


def test_canal_breach_of_a_firm_screw_grows_with_its_shift() -> None:
    depth = []
    for shift in (0.0, -4.0, -6.0):
        made = build(screw("L4", "left", shift_mm=(shift, 0.0, 0.0)))
        assert made.truth.gaps == ()
        depth.append(made.truth.implants[0].canal_breach_mm)
    assert depth[0] == 0.0
    assert depth[2] - depth[1] == pytest.approx(2.0, abs=0.4)


def test_pulled_out_and_broken_hardware_is_marked() -> None:
    made = build(
        screw("L4", "left", pulled_out_mm=6.0), screw("L5", "left", broken={"at_mm": 16.0}), screw("L4", "right"),
        screw("L5", "right"),
        rods=({"side": "left", "broken": {}}, {"side": "right", "out_of": ("L4",)}),
    )  # fmt: skip
    facts = {i.id: i for i in made.truth.implants}
    assert (facts["l4-left"].moved, facts["l4-left"].broken) == (True, False)
    assert (facts["l5-left"].moved, facts["l5-left"].broken) == (False, True)
    assert (facts["l4-right"].loose, facts["l4-right"].broken) == (False, False)
    assert facts["rod-left"].broken
    assert facts["rod-right"].broken
    assert [g.id for g in made.truth.gaps] == ["gap-l4-left"]
    tip = np.array(facts["l4-left"].tip_lps)
    way = (tip - np.array(facts["l4-left"].head_lps)) / facts["l4-left"].length_mm
    assert names_at(made, tip + np.arange(0.3, 4.0, 0.2)[:, None] * way) == {"gap-l4-left"}


def test_the_pieces_of_broken_hardware_are_implants_of_their_own() -> None:
    broken = {"at_mm": 16.0, "apart_mm": 1.5, "offset_mm": 2.0}
    made = build(
        screw("L4", "left"), screw("L5", "left", broken=broken, halo={**EVEN, "start_mm": 18.0}, cannula_mm=1.6),
        screw("L4", "right"), screw("L5", "right"),
        rods=({"side": "left", "broken": {"share": 0.4}}, {"side": "right"}),
    )  # fmt: skip
    facts = {i.id: i for i in made.truth.implants}
    assert set(facts) == {
        "l4-left", "l5-left", "l5-left-tip", "l4-right", "l5-right", "rod-left", "rod-left-tip", "rod-right",
    }  # fmt: skip
    head, tip = facts["l5-left"], facts["l5-left-tip"]
    assert (head.length_mm, tip.length_mm) == pytest.approx((16.0, 30.0))
    assert (head.broken, tip.broken, facts["l4-left"].broken) == (True, True, False)
    assert (head.loose, tip.loose) == (None, True)
    assert [g.implant_id for g in made.truth.gaps] == ["l5-left-tip"]
    for piece in (head, tip):
        ends = np.array([piece.head_lps, piece.tip_lps])
        way = (ends[1] - ends[0]) / piece.length_mm
        beside = 2.0 * np.cross(way, [0.0, 0.0, 1.0]) + ends[0]
        along = beside + np.array([1.0, 0.5 * piece.length_mm, piece.length_mm - 1.0])[:, None] * way
        assert names_at(made, along[:2]) == {piece.id}
        bore = names_at(made, (ends[0] + np.arange(4.0, piece.length_mm, 1.0)[:, None] * way))
        assert bore == {"bore l5-left"}
    assert np.linalg.norm(np.subtract(head.tip_lps, tip.head_lps)) == pytest.approx(2.5)
    lower, upper = facts["rod-left"], facts["rod-left-tip"]
    assert lower.head_lps is not None and upper.tip_lps is not None
    assert lower.head_lps[2] < lower.tip_lps[2] < upper.head_lps[2] < upper.tip_lps[2]  # type: ignore[index]
    assert lower.length_mm < upper.length_mm
    assert facts["rod-right"].broken is False


THROUGH = {
    "front": ({"reach_mm": 46.0}, "front"),
    "upper endplate": ({"shift_mm": (0.0, 0.0, 11.0)}, "upper_endplate"),
    "canal": ({"shift_mm": (-7.0, 0.0, 0.0)}, "canal"),
    "side": ({"shift_mm": (9.0, 0.0, 0.0)}, "side"),
}


@pytest.mark.parametrize("name", THROUGH)
def test_truth_names_the_wall_that_a_firm_screw_has_gone_through(name: str) -> None:
    fields, wall = THROUGH[name]
    (implant,) = build(screw("L4", "left", **fields)).truth.implants
    assert implant.loose is False
    assert implant.through == wall
    assert implant.beyond_wall_mm is not None
    assert implant.beyond_wall_mm > 1.0


def test_a_screw_that_stands_out_further_is_measured_so() -> None:
    out = [build(screw("L4", "left", reach_mm=reach)).truth.implants[0].beyond_wall_mm for reach in (28.0, 46.0, 48.0)]
    assert out[0] == 0.0
    assert out[2] - out[1] == pytest.approx(2.0, abs=0.5)  # type: ignore[operator]


def test_a_well_placed_screw_has_gone_through_no_wall() -> None:
    made = build(screw("L4", "left"))
    (entry,) = truth_document(made.truth)["implants"]
    assert (entry["canal_breach_mm"], entry["beyond_wall_mm"], entry["through"]) == (0.0, 0.0, None)
    (entry,) = truth_document(build(screw("L4", "left", reach_mm=46.0)).truth)["implants"]
    assert entry["through"] == "front"


def test_sunk_cage_has_an_interface_in_that_endplate_and_a_firm_one_has_none() -> None:
    size = {"upper": "L4", "lower": "L5", "width_mm": 22.0, "depth_mm": 16.0}
    assert build(cages=(size,)).truth.gaps == ()
    made = build(cages=({**size, "sunk_mm": 3.0, "interface_mm": 1.5},))
    (gap,) = made.truth.gaps
    assert (gap.kind, gap.level, gap.implant_id) == ("cage_interface", "L5", "cage-l4-l5")
    low, high = gap.solid.bounds_lps
    points = np.random.default_rng(3).uniform(low, high, (30_000, 3))
    inside = PointsLps(points[contains(gap.solid, PointsLps(points))])
    assert contains(COLUMN.bone_of("L5", inside=False), inside).all()
    cage = next(i for i in made.truth.implants if i.kind == "cage")
    assert (cage.loose, cage.moved) == (True, True)


def test_cleft_of_a_fracture_is_a_gap_of_its_level() -> None:
    patient = SpinePatient(levels=("L3", "L4", "L5"), altered=(CollapsedFracture(level="L3", cleft="gas"),))
    (gap,) = build(patient=patient).truth.gaps
    assert (gap.kind, gap.level, gap.implant_id) == ("fracture_level", "L3", None)
    whole = SpinePatient(levels=("L3", "L4", "L5"), altered=(CollapsedFracture(level="L3"),))
    assert build(patient=whole).truth.gaps == ()


def test_decoys_are_no_gaps() -> None:
    made = build(screw("L4", "left", fat_at_mm=(36.0,), cement_ml=1.5), cements=({"level": "L3"},))
    assert made.truth.gaps == ()
    assert [i.kind for i in made.truth.implants] == ["pedicle_screw", "cement", "cement"]
    touching = names_at(made, shell(made, "l4-left", 0.5))
    assert any(n.startswith("marrow fat") for n in touching)
    assert "cement-l4-left" in touching


def test_a_vein_that_a_halo_meets_is_a_way_out_and_a_far_one_is_none() -> None:
    patient = SpinePatient(levels=("L3", "L4", "L5"), decoys=(BasivertebralVein(level="L4", width_mm=4.0),))
    wide = {"kind": "even", "width_mm": 4.0, "start_mm": 24.0}
    meets = build(screw("L4", "left", shift_mm=(-4.0, 0.0, -5.0), halo=wide), patient=patient)
    assert [w.name for w in meets.truth.ways_out] == ["basivertebral vein L4"]
    assert "venous" in {leak for _, leak in leaks(meets)}
    elsewhere = build(screw("L5", "left", halo=EVEN), patient=patient)
    assert "venous" not in {leak for _, leak in leaks(elsewhere)}


def test_field_holds_the_hardware_and_the_skin_of_the_back(firm: Design) -> None:
    low, high = firm.truth.metal.bounds_lps
    for grid in (firm.grid, firm.truth.grid):
        corners = grid.corners_lps
        assert np.all(corners.min(axis=0) < low - 5.0)
        assert np.all(corners.max(axis=0) > high + 5.0)
        behind = np.array([(low[0] + high[0]) / 2.0, corners.max(axis=0)[1], (low[2] + high[2]) / 2.0])
        assert names_at(firm, behind[None]) == {"air"}
    coarse = build(screw("L4", "left"), field=FieldOfView(pixel_mm=0.9, slice_mm=2.0, width_mm=120.0))
    assert coarse.grid.spacing_mm == pytest.approx((2.0, 0.9, 0.9))


REFUSED = {
    "outside of the bone": ({"shift_mm": (60.0, 0.0, 0.0), "halo": EVEN}, "leaves no lucent space"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_in_one_plain_line(name: str) -> None:
    fields, words = REFUSED[name]
    with pytest.raises(ConfigError, match=words) as caught:
        build(screw("L4", "left", **fields))
    assert "\n" not in str(caught.value)


def test_hardware_that_collides_is_refused() -> None:
    near = screw("L4", "right", shift_mm=(-34.0, 0.0, 0.0))
    with pytest.raises(ConfigError, match="run into each other"):
        build(screw("L4", "left"), near)
    sunk = {"upper": "L3", "lower": "L4", "sunk_mm": 9.0}
    with pytest.raises(ConfigError, match="screw l4-left runs into cage-l3-l4"):
        build(screw("L4", "left"), cages=(sunk,))
