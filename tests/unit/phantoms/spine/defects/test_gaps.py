"""Gaps of drawn spines: wholly stored, apart from each other, under nothing but metal; and where a fracture leads."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from planner.config.phantoms.spine.altered import CollapsedFracture, EcgLead, FractureLine
from planner.config.phantoms.spine.patient import SpinePatient
from planner.config.phantoms.spine.phantom import SpinePhantom
from planner.geometry.frames import PointsLps
from planner.geometry.grid import Grid
from planner.phantoms import design, draw
from planner.phantoms.design import Design
from planner.phantoms.solids.basic import Union
from planner.phantoms.solids.raster import contains, grid_over, rasterise
from planner.phantoms.spine.defects.seen import part_name, seen_share
from planner.phantoms.spine.patient.column import column_of

_MM = 0.5
DRAWS: Mapping[str, tuple[Any, ...]] = {
    "collapse above the construct": ("lumbar", 9, {"defects": ("fracture_level",), "altered": ("deformity",)}),
    "fracture at the junction": ("lumbar", 12, {"defects": ("canal",), "altered": ("junctional_fracture",)}),
    "collapse, line and halos": (
        "lumbar", 6, {"defects": ("fracture_level", "even", "wiper"), "altered": ("fracture_line",)},
    ),
    "line through a halo": (
        "lumbar", 11, {"defects": ("broken_screw", "pulled_out"), "altered": ("fracture_line",)},
    ),
    "fat beside a fracture": ("lumbar", 7, {"defects": ("tip",), "altered": ("junctional_fracture",)}),
    "cage over a halo": ("thoracic", 2, {"defects": ("cage_subsidence", "even")}),
    "lead and vessels": ("thoracic", 0, {}),
    "holes and misplaced screws": ("thoracic", 5, {"defects": ("hole", "thin", "anterior", "lateral")}),
}  # fmt: skip


@pytest.fixture(scope="module", params=DRAWS)
def drawn(request: pytest.FixtureRequest) -> tuple[SpinePhantom, Design]:
    kind, seed, choices = DRAWS[request.param]
    recipe = draw(kind, seed=seed, **choices)
    assert isinstance(recipe, SpinePhantom)
    return recipe, design(recipe)


def filled(solid: Any, spacing_mm: float = _MM) -> PointsLps:
    grid = grid_over(solid.bounds_lps, spacing_mm)
    return PointsLps(grid.to_lps(np.argwhere(rasterise(solid, grid)).astype(np.float64)))


def stored(grid: Grid, points: PointsLps) -> bool:
    index = grid.to_index(points)
    return bool(np.all((index >= 0.0) & (index <= np.array(grid.shape) - 1.0)))


def test_every_gap_lies_wholly_in_the_image_and_in_the_truth(drawn: tuple[SpinePhantom, Design]) -> None:
    _, made = drawn
    assert made.truth.gaps
    for gap in made.truth.gaps:
        points = filled(gap.solid)
        assert len(points) > 50
        assert stored(made.grid, points), gap.id
        assert stored(made.truth.grid, points), gap.id


def test_no_gap_has_a_voxel_of_another_and_none_is_counted_twice(drawn: tuple[SpinePhantom, Design]) -> None:
    _, made = drawn
    solids = [g.solid for g in made.truth.gaps]
    grid = grid_over(Union(tuple(solids)).bounds_lps, _MM)
    masks = [rasterise(s, grid) for s in solids]
    assert sum(int(m.sum()) for m in masks) == int(rasterise(Union(tuple(solids)), grid).sum())
    for one, other in combinations(masks, 2):
        assert not (ndimage.binary_dilation(one) & other).any()
    for way in made.truth.ways_out:
        assert not any((rasterise(way.solid, grid) & m).any() for m in masks)


def test_nothing_is_painted_over_a_gap(drawn: tuple[SpinePhantom, Design]) -> None:
    _, made = drawn
    for gap in made.truth.gaps:
        owners = made.scene.part_index_at(filled(gap.solid))
        assert {made.scene.parts[i].name for i in owners} == {gap.id}
    for way in made.truth.ways_out:
        names = [made.scene.parts[i].name for i in made.scene.part_index_at(filled(way.solid))]
        assert set(names) <= {w.name for w in made.truth.ways_out}


def test_decoys_that_are_drawn_are_to_be_seen(drawn: tuple[SpinePhantom, Design]) -> None:
    recipe, made = drawn
    names = [n for d in recipe.patient.decoys if (n := part_name(d)) is not None]
    names += [f"marrow fat {s.id} {n}" for s in recipe.screws for n, _ in enumerate(s.fat_at_mm, start=1)]
    assert names
    assert {n: s for n in names if (s := seen_share(n, made)) <= 0.5} == {}


def test_fat_at_a_screw_keeps_clear_of_gaps(drawn: tuple[SpinePhantom, Design]) -> None:
    _, made = drawn
    lobules = [p for p in made.scene.parts if p.name.startswith("marrow fat") and "-" in p.name]
    for part in lobules:
        for gap in made.truth.gaps:
            assert not contains(gap.solid, filled(part.solid)).any()


def test_a_lead_on_the_back_is_seen_and_one_in_front_is_not() -> None:
    firm = {"level": "L4", "side": "left", "head_mm": (22.0, 43.0, 6.5), "tip_mm": (10.0, -2.0, 4.0)}
    shares = {}
    for on in ("front", "back"):
        patient = SpinePatient(levels=("L3", "L4", "L5"), decoys=(EcgLead(on=on, up_mm=-20.0),))  # type: ignore[arg-type]
        made = design(SpinePhantom.model_validate({"patient": patient, "screws": (firm,)}))
        shares[on] = seen_share("ECG lead left", made)
    assert shares["front"] < 0.1
    assert shares["back"] > 0.6  # its wire runs on beyond the upper end
    assert seen_share("no such part", made) == 0.0


def test_some_drawn_spines_have_a_lead() -> None:
    leads = [d for s in (0, 2) for d in draw("thoracic", seed=s).patient.decoys if d.kind == "ecg_lead"]
    assert [d.on for d in leads] == ["back"] * len(leads)
    assert leads


def fractured(change: Any, *, start_mm: float = 22.0, width_mm: float = 2.0) -> Design:
    patient = SpinePatient(levels=("L3", "L4", "L5"), altered=(change,))
    vertebra = column_of(patient).vertebra("L4")
    pedicle = vertebra.pedicle("left")
    centre, way = np.array(pedicle.centre_lps), np.array(pedicle.inward_lps)
    ends = [tuple((p - vertebra.centre_lps) @ vertebra.axes) for p in (centre - 18.0 * way, centre + 28.0 * way)]
    halo = {"kind": "even", "width_mm": width_mm, "start_mm": start_mm}
    screw = {"level": "L4", "side": "left", "head_mm": ends[0], "tip_mm": ends[1], "diameter_mm": 6.0, "core_mm": 4.2}
    return design(SpinePhantom.model_validate({"patient": patient, "screws": ({**screw, "halo": halo},)}))


def test_a_line_that_a_halo_meets_is_its_way_out() -> None:
    made = fractured(FractureLine(level="L4", height_share=0.4, depth_share=0.9))
    assert [g.id for g in made.truth.gaps] == ["gap-l4-left"]
    assert [(w.name, w.leak_type) for w in made.truth.ways_out] == [("fracture line L4", "fracture")]
    found = {(b.severity, b.leak_type, b.compartment) for b in made.truth.breaches}
    assert ("open", "fracture", "fracture line L4") in found


def test_a_line_that_no_halo_meets_is_a_gap_of_its_level() -> None:
    made = fractured(FractureLine(level="L3"))
    assert [(g.id, g.kind, g.implant_id) for g in made.truth.gaps] == [
        ("gap-l4-left", "screw_halo", "l4-left"), ("gap-l3-fracture-1", "fracture_level", None),
    ]  # fmt: skip
    assert made.truth.ways_out == ()
    assert "fracture" not in {b.leak_type for b in made.truth.breaches if b.gap_id == "gap-l4-left"}


def test_bone_stays_between_a_halo_and_the_cleft_of_its_level() -> None:
    made = fractured(CollapsedFracture(level="L4", front_loss=0.1, middle_loss=0.1, cleft="gas"), width_mm=3.5)
    halo, cleft = made.truth.gaps
    assert (halo.kind, cleft.kind) == ("screw_halo", "fracture_level")
    apart = halo.solid.distance_mm(filled(cleft.solid))
    assert 0.9 < apart.min() < 3.0
