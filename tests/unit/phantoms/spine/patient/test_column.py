"""A patient's spine: canal, pedicles, what surgery and fractures did, how it is bent."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from planner.config.phantoms.spine.altered import (
    AorticContrast,
    BoneIsland,
    BowelContrast,
    BowelGas,
    CollapsedFracture,
    DiscGas,
    EcgLead,
    FusionMass,
    JunctionalFracture,
    Laminectomy,
    MarrowFat,
)
from planner.config.phantoms.spine.morphometry import Level
from planner.config.phantoms.spine.patient import Scoliosis, SpinePatient, draw_patient
from planner.geometry.frames import PointsLps
from planner.model.implant import Side
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.raster import contains
from planner.phantoms.spine.patient.column import Column, column_of
from planner.phantoms.spine.patient.vertebrae import LUMBAR, Vertebra

SIDES: tuple[Side, ...] = ("right", "left")
LONG: tuple[Level, ...] = ("T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1")
PATIENTS: dict[str, Callable[[], SpinePatient]] = {
    "plain lumbar": SpinePatient,
    "plain thoracic": lambda: SpinePatient(region="thoracic"),
    "drawn lumbar": lambda: draw_patient("lumbar", seed=3),
    "bent lumbar": lambda: draw_patient("lumbar", seed=8, deformed=True),
    "long thoracic": lambda: draw_patient("thoracic", seed=1, levels=LONG),
}


@cache
def column(name: str) -> Column:
    return column_of(PATIENTS[name]())


def rays(vertebra: Vertebra, z_mm: float) -> PointsLps:
    """Points from the canal's middle straight back, 0.2 mm apart."""
    y = vertebra.shape.canal_mm[0]
    return PointsLps(np.array([vertebra.place((0.0, y + t, z_mm)) for t in np.arange(0.0, 45.0, 0.2)]))


def run_through(solid: Solid, centre: np.ndarray, way: np.ndarray) -> float:
    """Length of bone through a point, along a way and back."""
    step = np.arange(0.0, 20.0, 0.02)
    return sum(
        float(np.argmin(contains(solid, PointsLps(centre + np.outer(step, sign * way))))) * 0.02 for sign in (1, -1)
    )


@pytest.mark.parametrize("name", PATIENTS)
def test_canal_line_lies_in_the_hollow_and_clear_of_all_bone(name: str) -> None:
    made = column(name)
    line = np.array(made.canal.points_lps)
    along = np.linspace(0.0, 1.0, 9)[:, None, None]
    points = PointsLps((line[:-1] + along * (line[1:] - line[:-1])).reshape(-1, 3))
    assert made.canal.radius_mm > 5.0
    assert np.all(made.hollow.distance_mm(points) <= -made.canal.radius_mm)
    assert np.all(made.bone.distance_mm(points) >= made.canal.radius_mm)


@pytest.mark.parametrize("name", PATIENTS)
def test_canal_takes_next_to_nothing_from_a_sound_arch(name: str) -> None:
    made = column(name)
    low, high = made.hollow.bounds_lps
    points = PointsLps(np.random.default_rng(0).uniform(low, high, (60_000, 3)))
    points = PointsLps(points[contains(made.hollow, points)])
    taken = sum(float(contains(v.bone(inside=False), points).mean()) for v in made.vertebrae)
    assert taken < 0.002


@pytest.mark.parametrize("name", PATIENTS)
def test_pedicles_are_as_wide_and_high_as_the_figures_ask(name: str) -> None:
    patient, made = PATIENTS[name](), column(name)
    for vertebra in made.vertebrae:
        figures = patient.figures_of(vertebra.level)  # type: ignore[arg-type]
        for side, width in (("right", figures.pedicle_right_mm), ("left", figures.pedicle_left_mm)):
            pedicle = vertebra.pedicle(side)  # type: ignore[arg-type]
            up = vertebra.axes[:, 2]
            across = np.cross(np.array(pedicle.inward_lps), up)
            centre = np.array(pedicle.centre_lps)
            assert run_through(made.bone, centre, across) == pytest.approx(width * patient.size, abs=0.3)
            high = run_through(vertebra.bone(inside=False), centre, up)
            assert high == pytest.approx(figures.pedicle_height_mm * patient.size, abs=0.3)


def test_pedicle_points_into_the_body_of_its_own_side() -> None:
    made = column("drawn lumbar")
    for vertebra in made.vertebrae:
        left, right = vertebra.pedicle("left"), vertebra.pedicle("right")
        assert (vertebra.axes.T @ (np.array(left.centre_lps) - vertebra.centre_lps))[0] > 5.0
        assert (vertebra.axes.T @ (np.array(right.centre_lps) - vertebra.centre_lps))[0] < -5.0
        for pedicle in (left, right):
            ahead = np.array(pedicle.centre_lps) + 15.0 * np.array(pedicle.inward_lps)
            assert contains(vertebra.body(inside=True), PointsLps(ahead[None]))[0]


def test_shape_without_pedicles_says_so() -> None:
    with pytest.raises(ValueError, match="does not say where its pedicles are"):
        Vertebra("L4", LUMBAR, (0.0, 0.0, 0.0)).pedicle("left")


@pytest.mark.parametrize("name", PATIENTS)
def test_no_spine_fits_its_mirror_image(name: str) -> None:
    made = column(name)
    low, high = made.bone.bounds_lps
    points = np.random.default_rng(1).uniform(low, high, (40_000, 3))
    here = contains(made.bone, PointsLps(points))
    there = contains(made.bone, PointsLps(points * np.array([-1.0, 1.0, 1.0])))
    assert (here != there).sum() > 0.06 * here.sum()


def test_vertebrae_do_not_run_into_each_other() -> None:
    made = column("drawn lumbar")
    for upper, lower in zip(made.vertebrae[:-1], made.vertebrae[1:], strict=True):
        low, high = lower.bone(inside=False).bounds_lps
        points = PointsLps(np.random.default_rng(2).uniform(low, high, (60_000, 3)))
        above, below = contains(upper.bone(inside=False), points), contains(lower.bone(inside=False), points)
        # Facets may touch, as worn ones do.
        assert (above & below).sum() < 0.01 * below.sum()
        assert not (contains(upper.body(inside=False), points) & contains(lower.body(inside=False), points)).any()


def test_laminectomy_opens_the_ring_and_leaves_the_next_one_closed() -> None:
    made = column_of(SpinePatient(altered=(Laminectomy(levels=("L4",)),)))
    heights = (-2.0, -6.0, -9.0)
    for z in heights:
        assert not contains(made.bone, rays(made.vertebra("L4"), z)).any()
    for level in ("L3", "L5"):
        assert contains(made.bone, rays(made.vertebra(level), -6.0)).any()
    names = [p.name for p in made.parts]
    assert "scar L4" in names
    assert names.index("scar L4") < names.index("L4 cortex")
    sound = column_of(SpinePatient())
    assert made.canal == sound.canal


def test_fusion_mass_bridges_its_levels_and_its_side_only() -> None:
    made = column_of(SpinePatient(altered=(FusionMass(levels=("L3", "L4", "L5"), sides=("left",)),)))
    assert made.fusion is not None
    low, high = made.fusion.bounds_lps
    assert low[2] < made.vertebra("L5").pedicle("left").centre_lps[2]
    assert high[2] > made.vertebra("L3").pedicle("left").centre_lps[2]
    assert low[0] > 5.0
    # No height between the levels is without it.
    for z in np.linspace(*(made.vertebra(x).pedicle("left").centre_lps[2] for x in ("L5", "L3")), 25):
        x, y = np.meshgrid(np.arange(low[0], high[0], 0.8), np.arange(low[1], high[1], 0.8))
        plane = PointsLps(np.stack([x.ravel(), y.ravel(), np.full(x.size, z)], axis=-1))
        assert contains(made.bone, plane)[contains(made.fusion, plane)].any()
    assert column_of(SpinePatient()).fusion is None


def test_collapsed_body_is_lower_and_the_spine_bends_over_it() -> None:
    sound = column_of(SpinePatient())
    fracture = CollapsedFracture(level="L3", front_loss=0.5, middle_loss=0.5, back_loss=0.1, cleft="fluid")
    broken = column_of(SpinePatient(altered=(fracture,)))
    lost = {}
    for made in (sound, broken):
        vertebra = made.vertebra("L3")
        front = -0.85 * vertebra.shape.body_mm[1]
        column_mm = np.array([vertebra.place((0.0, front, z)) for z in np.arange(-20.0, 20.0, 0.05)])
        lost[made is broken] = contains(vertebra.body(inside=False), PointsLps(column_mm)).sum() * 0.05
    assert lost[True] / lost[False] == pytest.approx(0.5, abs=0.06)
    assert broken.vertebra("L2").tilt_deg > sound.vertebra("L2").tilt_deg + 8.0
    assert broken.vertebra("L2").centre_lps[2] < sound.vertebra("L2").centre_lps[2] - 3.0
    assert [level for level, _ in broken.clefts] == ["L3"]
    assert sound.clefts == ()
    assert column_of(SpinePatient(altered=(CollapsedFracture(level="L3"),))).clefts == ()


def test_clefts_lie_in_the_bone_and_hold_what_the_recipe_says() -> None:
    patient = SpinePatient(
        region="thoracic",
        altered=(CollapsedFracture(level="T8", cleft="gas", cleft_mm=(14.0, 9.0, 3.0)), JunctionalFracture(level="T6")),
    )
    made = column_of(patient)
    assert [x.tissue.name for x in made.lucencies] == ["vacuum gas", "fluid"]
    scene = Scene(made.parts)
    for lucency in made.lucencies:
        low, high = lucency.solid.bounds_lps
        points = np.random.default_rng(5).uniform(low, high, (30_000, 3))
        inside = PointsLps(points[contains(lucency.solid, PointsLps(points))])
        assert len(inside) > 30
        assert contains(made.vertebra(lucency.level).bone(inside=False), inside).all()
        names = {scene.parts[i].tissue.name for i in scene.part_index_at(inside)}
        assert names <= {lucency.tissue.name, "canal", "cord"}


def test_junctional_line_runs_through_both_pedicles_only_where_asked() -> None:
    for arch_line in (True, False):
        change = JunctionalFracture(level="T6", arch_line=arch_line)
        made = column_of(SpinePatient(region="thoracic", altered=(change,)))
        for side in SIDES:
            pedicle = made.vertebra("T6").pedicle(side)
            centre, up = np.array(pedicle.centre_lps), made.vertebra("T6").axes[:, 2]
            post = PointsLps(centre + np.outer(np.arange(-5.0, 5.0, 0.1), up))
            assert contains(made.clefts[0][1], post).any() == arch_line


def test_scoliosis_leans_the_ends_and_puts_the_apex_out() -> None:
    plain = SpinePatient(levels=("T12", "L1", "L2", "L3", "L4", "L5"), turns_deg=(0.0,) * 6, leans_deg=(0.0,) * 6)
    for convex, sign in (("left", 1.0), ("right", -1.0)):
        curve = Scoliosis(cobb_deg=30.0, apex="L2", convex=convex, rotation_deg=12.0, reach=2)  # type: ignore[arg-type]
        made = column_of(plain.model_copy(update={"scoliosis": curve}))
        low, high = made.vertebra("L4"), made.vertebra("T12")
        assert sign * (low.lean_deg - high.lean_deg) == pytest.approx(30.0)
        assert sign * made.vertebra("L2").turn_deg == pytest.approx(12.0)
        middle = (low.centre_lps[0] + high.centre_lps[0]) / 2.0
        assert sign * (made.vertebra("L2").centre_lps[0] - middle) > 5.0


def test_lordosis_and_kyphosis_are_as_asked() -> None:
    patient = SpinePatient(levels=("L3", "L4", "L5", "S1"), segments_deg=(5.0, 8.0, 14.0))
    made = column_of(patient)
    tilts = [made.vertebra(x).tilt_deg for x in ("L3", "L4", "L5")]
    assert np.diff(tilts) == pytest.approx([5.0, 8.0])
    assert made.sacrum is not None
    assert made.sacrum.s1.tilt_deg - tilts[-1] == pytest.approx(14.0)
    chest = column("plain thoracic")
    assert all(a.tilt_deg > b.tilt_deg for a, b in zip(chest.vertebrae[:-1], chest.vertebrae[1:], strict=True))


def test_sacral_and_iliac_ways_run_in_bone() -> None:
    made = column("drawn lumbar")
    assert made.sacrum is not None
    for side, sign in (("left", 1.0), ("right", -1.0)):
        back, front = (np.array(p) for p in made.sacrum.iliac_way(side))  # type: ignore[arg-type]
        assert 80.0 < np.linalg.norm(front - back) < 130.0
        assert sign * (front[0] - back[0]) > 20.0
        share = np.linspace(0.1, 0.9, 60)[:, None]
        on_way = PointsLps(back + share * (front - back))
        assert np.mean(contains(made.sacrum.ilia(inside=True), on_way)) > 0.75
        entry, end = (np.array(p) for p in made.sacrum.s1_way(side))  # type: ignore[arg-type]
        on_way = PointsLps(entry + share * (end - entry))
        assert contains(made.bone_of("S1", inside=False), on_way).all()
        assert not contains(made.hollow, on_way).any()


def test_what_is_not_shown_is_refused() -> None:
    made = column("plain thoracic")
    assert made.sacrum is None
    with pytest.raises(KeyError, match="L4 is not shown"):
        made.vertebra("L4")
    with pytest.raises(KeyError, match="S1 is not shown"):
        made.bone_of("S1", inside=False)


def test_thoracic_levels_have_ribs_and_lumbar_ones_none() -> None:
    made = column("long thoracic")
    ribs = {p.name for p in made.parts if p.name.startswith("ribs")}
    assert "ribs T8" in ribs
    assert not any("L1" in name for name in ribs)


def test_decoys_change_what_is_seen_and_nothing_of_the_bone() -> None:
    decoys = (
        DiscGas(level="L4"), BoneIsland(level="L4"), MarrowFat(level="L3"), BowelGas(), AorticContrast(hu=300.0),
        BowelContrast(), EcgLead(side="right"),
    )  # fmt: skip
    plain, fooled = column_of(SpinePatient()), column_of(SpinePatient(decoys=decoys))
    assert plain.bone == fooled.bone
    assert plain.lucencies == fooled.lucencies == ()
    added = {p.name for p in (*fooled.soft.parts, *fooled.parts)} - {p.name for p in (*plain.soft.parts, *plain.parts)}
    assert added == {"disc gas L4", "bone island L4", "marrow fat L3", "ECG lead right"}
    tissues = {p.name: p.tissue for p in fooled.soft.parts}
    assert tissues["arteries"].hu == 300.0
    assert tissues["bowel"].name == "bowel contrast"
    lead = next(p.solid for p in fooled.soft.parts if p.name == "ECG lead right")
    low, high = lead.bounds_lps
    assert high[0] < 0.0
    skin = fooled.soft.body.distance_mm(PointsLps(((low + high) / 2.0)[None]))[0]
    assert abs(skin) < 30.0


def test_forbidden_structures_keep_clear_of_the_back_of_the_body() -> None:
    for name, structures in (
        ("drawn lumbar", {"bowel", "great vessels"}),
        ("plain thoracic", {"lungs", "great vessels"}),
    ):
        made = column(name)
        by_name = {s.name: s.solid for s in made.soft.structures}
        assert set(by_name) == structures | {"front of the spine"}
        for vertebra in made.vertebrae:
            ahead = PointsLps(np.array([vertebra.place((0.0, -vertebra.shape.body_mm[1] - 8.0, 0.0))]))
            behind = PointsLps(np.array([vertebra.place((0.0, 6.0, 0.0))]))
            assert contains(by_name["front of the spine"], ahead)[0]
            assert not any(contains(solid, behind)[0] for solid in by_name.values())


def test_same_patient_gives_the_same_spine_and_another_seed_another_one() -> None:
    first, again = (column_of(draw_patient("lumbar", seed=6)) for _ in range(2))
    other = column_of(draw_patient("lumbar", seed=7))
    assert first == again
    assert first.bone != other.bone
