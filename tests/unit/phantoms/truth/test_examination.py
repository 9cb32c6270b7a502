"""What is found on implants and gaps, and what the documents say of it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, Difference, Ellipsoid, HalfSpace, RoundedBox
from planner.phantoms.tissues import CANCELLOUS, DISC, FAT
from planner.phantoms.truth.document import TruthDocument, read_truth
from planner.phantoms.truth.examination import examine
from planner.phantoms.truth.facts import Structure, TrueGap, TrueImplant, Truth, WayOut, halo_without_metal
from planner.phantoms.truth.files import document_of, truth_arrays, truth_document

_AXIS = np.arange(-24.0, 24.1, 0.8)
_BONE = Ball((0, 0, 0), 20.0)


def _screw(x: float, name: str, **known: object) -> TrueImplant:
    shaft = Cylinder((x, -25, 0), (x, 9, 0), 2.0)
    return replace(
        TrueImplant(name, "pedicle_screw", shaft, (x, -25, 0), (x, 9, 0), 4.0, 34.0, "left", "L4", True), **known
    )


def _truth(*implants: TrueImplant, **other: object) -> Truth:
    metal = [i.solid for i in implants]
    gaps = tuple(
        TrueGap(f"gap-{i.id}", i.id, "screw_halo", 1.5, halo_without_metal(
            Cylinder((i.tip_lps[0], -12, 0), (i.tip_lps[0], 10, 0), 3.5), _BONE, i.solid))
        for i in implants if i.kind == "pedicle_screw" and i.loose
    )  # fmt: skip
    assert metal
    truth = Truth(
        implants=implants,
        gaps=gaps,
        env=_BONE,
        body=Ball((0, 0, 0), 23.0),
        structures=(
            Structure("front", HalfSpace((0, -10, 0), (0, 1, 0))),
            Structure("great vessels", Ball((0, -22, 0), 5.0)),
        ),
        host=Scene((Part("disc L4-L5", Ball((0, 0, -30), 14.0), DISC), Part("bone", _BONE, CANCELLOUS)), FAT),
        axes_lps=(_AXIS, _AXIS, _AXIS),
    )
    return replace(truth, **other)


def test_screws_are_called_by_what_can_be_seen_and_known() -> None:
    loose, firm = _screw(-6.0, "loose"), _screw(6.0, "firm", loose=False)
    rod = TrueImplant("rod", "rod", Cylinder((0, -23, -9), (0, -23, 9), 2.5))
    found = examine(_truth(loose, firm, rod))
    assert (found.implants["loose"].loosening, found.implants["firm"].loosening) == ("probable", "none")
    assert found.implants["firm"].rim_share == 0.0
    assert (found.implants["rod"].loosening, found.implants["rod"].rim_share) == (None, None)
    # 19 of some 26 mm of shaft in bone; the tip is none of it.
    in_bone = 7.0 + np.sqrt(400 - 8.0**2)
    assert found.implants["loose"].rim_share == pytest.approx(19 / in_bone, abs=0.03)
    assert found.gaps["gap-loose"].width is not None
    assert found.gaps["gap-loose"].width.median == pytest.approx(1.5, abs=0.01)


def test_what_moved_is_definite_and_what_is_broken_is_not_graded() -> None:
    found = examine(_truth(_screw(-6.0, "moved", moved=True, loose=False), _screw(6.0, "broken", broken=True)))
    assert found.implants["moved"].loosening == "definite"
    assert found.implants["broken"].loosening is None
    assert found.implants["broken"].rim_share is not None


def test_a_cleft_without_an_implant_and_a_cage_have_what_they_can_have() -> None:
    cage = TrueImplant("cage", "cage", RoundedBox((0, 0, 10), (6, 5, 4)), level="L4", material="titanium")
    under = Difference(RoundedBox((0, 0, 10), (6, 5, 5.5)), cage.solid)
    cleft = Ellipsoid((0, 0, -8), (7, 5, 1))
    gaps = (
        TrueGap("gap-cage", "cage", "cage_interface", 1.5, under),
        TrueGap("gap-cleft", None, "fracture_level", 2.0, cleft, level="L5"),
    )
    document = document_of(_truth(cage, gaps=gaps))
    at_cage, in_level = document.gaps
    # Two of the cage's six faces, 12 by 10 each; all of it lies in bone.
    assert at_cage.interface_fraction == pytest.approx(240 / (240 + 2 * 8 * (12 + 10)), abs=0.02)
    assert at_cage.widths_mm is not None
    assert at_cage.widths_mm.max == pytest.approx(1.5, abs=0.02)
    assert (at_cage.level, at_cage.zones) == ("L4", ())
    assert (in_level.implant_id, in_level.level, in_level.zones) == (None, "L5", ())
    assert (in_level.widths_mm, in_level.interface_fraction, in_level.volume_sd_ml) == (None, None, 0.0)
    assert (document.implants[0].material, document.implants[0].loosening) == ("titanium", None)


def test_a_vein_at_the_wall_names_its_leak() -> None:
    vein = WayOut("basivertebral vein", "venous", Cylinder((-9, 0, 4.0), (9, 0, 4.0), 0.4))
    screw = _screw(0.0, "screw")
    assert _truth(screw).breaches == ()
    (breach,) = _truth(screw, ways_out=(vein,)).breaches
    assert (breach.severity, breach.leak_type, breach.compartment) == ("thin", "venous", "basivertebral vein")
    assert breach.patch.barrier_mm == pytest.approx(0.1, abs=0.02)


def test_structures_have_names_and_codes() -> None:
    truth = _truth(_screw(-6.0, "loose"))
    names = {f.code: f.name for f in document_of(truth).structures.forbidden}
    assert names == {1: "front", 2: "great vessels"}
    arrays = truth_arrays(truth)
    assert arrays["structures"].dtype == np.uint8
    assert np.array_equal(arrays["structures"] > 0, arrays["forbidden"])
    for place, code in (((9.6, -19.2, 0.0), 1), ((2.4, -20.8, 0.8), 2), ((0.0, -12.0, 9.6), 0)):
        k, i, j = np.rint(truth.grid.to_index(place)).astype(int)
        assert arrays["structures"][k, i, j] == code
    # `forbidden` is what it was: all structures together, within the skin, without bone and metal.
    points = truth.grid.to_lps(np.argwhere(arrays["forbidden"]).astype(float))
    assert np.all(truth.forbidden.distance_mm(points) <= 0.0)
    assert np.all(truth.env.distance_mm(points) > 0.0)


def test_a_document_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    truth = _truth(_screw(-6.0, "loose"), _screw(6.0, "firm", loose=False))
    (tmp_path / "truth.json").write_text(json.dumps(truth_document(truth), allow_nan=False))
    assert read_truth(tmp_path) == document_of(truth)
    assert TruthDocument.model_validate(truth_document(truth)).gaps[0].zones != ()


def _hip(*gaps: TrueGap) -> Truth:
    def rod(radius: float) -> Cylinder:
        return Cylinder((0, 0, 12), (0, 0, -9), radius)

    stem = TrueImplant("stem", "femoral_stem", rod(4.0), (0, 0, 12), (0, 0, -9), side="left", loose=True)
    mantle = TrueImplant("mantle", "cement", Difference(rod(6.0), rod(4.0)), side="left", material="pmma")
    far = TrueImplant("other mantle", "cement", Ball((13, 0, 0), 2.0), side="left")
    return _truth(stem, mantle, far, gaps=gaps)


def _ring(inner: float, outer: float, low: float, high: float) -> Difference:
    return Difference(Cylinder((0, 0, low), (0, 0, high), outer), Cylinder((0, 0, low), (0, 0, high), inner))


def test_a_cemented_stem_meets_the_bone_with_its_mantle() -> None:
    truth = _hip(TrueGap("gap", "stem", "periprosthetic_gap", 1.2, _ring(6.0, 7.2, -9.0, 6.0)))
    found = examine(truth)
    assert found.gaps["gap"].width is not None
    assert found.gaps["gap"].width.median == pytest.approx(1.2, abs=0.01)
    # 15 of 21 mm of side, and two ends.
    assert found.gaps["gap"].interface_fraction == pytest.approx(2 * 6 * 15 / (2 * 6 * 21 + 2 * 36), abs=0.02)
    assert found.implants["stem"].loosening == "possible"


def test_a_line_between_stem_and_mantle_is_seen_on_the_stem() -> None:
    stem_line = _ring(4.0, 4.6, -9.0, 12.0)
    truth = _hip(TrueGap("gap", "stem", "periprosthetic_gap", 0.6, stem_line))
    mantle = replace(truth.implants[1], solid=Difference(truth.implants[1].solid, stem_line))
    # Above and below the stem the mantle holds it.
    truth = replace(truth, implants=(truth.implants[0], mantle, truth.implants[2]))
    found = examine(truth)
    assert found.gaps["gap"].width is not None
    assert found.gaps["gap"].width.median == pytest.approx(0.6, abs=0.01)
    assert found.implants["stem"].loosening == "possible"


def test_a_cleft_beside_a_screw_does_not_loosen_it() -> None:
    screw = _screw(0.0, "screw")
    cleft = Difference(Ellipsoid((0, 0, 0), (9, 9, 4)), screw.solid)
    gap = TrueGap("cleft", "screw", "fracture_level", 2.0, cleft)
    document = document_of(_truth(screw, gaps=(gap,)))
    assert document.implants[0].loosening == "none"
    assert (document.gaps[0].zones, document.gaps[0].widths_mm) == ((), None)
    halo = replace(gap, kind="screw_halo")
    assert document_of(_truth(screw, gaps=(halo,))).implants[0].loosening != "none"


def test_the_scorer_passes_a_perfect_plan(shared_dir: Path, tmp_path: Path) -> None:
    truth = _truth(_screw(-6.0, "loose"), _screw(6.0, "firm", loose=False))
    (tmp_path / "truth.json").write_text(json.dumps(truth_document(truth)))
    np.savez_compressed(tmp_path / "truth.npz", **truth_arrays(truth))
    command = [sys.executable, str(shared_dir / "cases" / "score_plan.py"), "--self-test", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gap_dice: 1.000" in done.stdout
    assert "loose_screws_missed: 0" in done.stdout
