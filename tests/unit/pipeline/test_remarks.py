"""What a plan says in words."""

import pytest

from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.needle import Trajectory
from planner.needles.search import GapSearch, NeedlePlan
from planner.pipeline.remarks import (
    _of_gaps,
    _of_implants,
    _of_materials,
    _of_needles,
    of_reliance,
    of_search,
    of_slices,
)


def test_thick_slices_are_said() -> None:
    (finding,) = of_slices((2.0, 0.8, 0.8), fine_mm=1.25)
    assert (finding.code, finding.measured, finding.limit) == ("thick-slices", 2.0, 1.25)


def test_fine_slices_are_not() -> None:
    assert of_slices((1.25, 0.4, 0.4), fine_mm=1.25) == ()


def _metal(kind: str) -> Implant:
    return Implant(
        id="metal-1", kind=kind, volume_ml=1.0, centroid_lps=(0.0, 0.0, 0.0), axis=None, bulls_eye=None, side=None,
        level=None, material="unknown", loosening=None,
    )  # fmt: skip


def test_metal_that_is_no_screw_is_not_called_free_of_gaps() -> None:
    (finding,) = of_search([_metal("rod"), _metal("unknown")])
    assert (finding.code, finding.severity, finding.measured) == ("gaps-not-measured", "warning", 2.0)


def test_a_screw_is_searched() -> None:
    assert of_search([_metal("rod"), _metal("pedicle_screw")]) == ()


def test_why_a_volume_is_missing_is_said_where_it_is_missing() -> None:
    told = _metal("cage")
    untold = told.model_copy(update={"volume_ml": None})
    assert [f.code for f in _of_implants([untold, _metal("cement")])] == ["volume-not-told"]
    assert list(_of_implants([told])) == []


def test_what_was_recognised_is_named_where_gaps_are_not_measured() -> None:
    nail = _metal("nail").model_copy(update={"id": "nail-left"})
    (finding,) = of_search([nail, _metal("unknown")])
    assert finding.code == "gaps-not-measured"
    assert "nail-left (nail) was recognised" in finding.message
    assert "gaps round nails" in finding.message and "breaches not looked for" in finding.message


def test_gaps_round_a_nail_are_not_measured_beside_a_screw_either() -> None:
    (finding,) = of_search([_metal("pedicle_screw"), _metal("nail").model_copy(update={"id": "nail-left"})])
    assert (finding.code, finding.severity) == ("nail-gaps-not-measured", "caution")
    assert finding.message.startswith("nail-left:")


def test_a_screw_whose_volume_is_not_its_own_is_told() -> None:
    told = _metal("pedicle_screw").model_copy(update={"loosening": "none"})
    (finding,) = _of_implants([told.model_copy(update={"volume_ml": None})])
    assert finding.code == "volume-not-told" and "rod" in finding.message
    assert list(_of_implants([told])) == []


def test_unknown_metal_that_is_cut_is_said_to_be() -> None:
    (cut,) = _of_implants([_metal("unknown").model_copy(update={"is_cut": True})])
    (whole,) = _of_implants([_metal("unknown")])
    assert "runs out of the scan" in cut.message and "runs out" not in whole.message


def _gap(trust: float | None, implant_id: str | None = "screw-1") -> Gap:
    return Gap(
        id="gap-1", implant_id=implant_id, level=None, kind="screw_halo", zones=(), volume_ml=None,
        expected_fill_ml=None, width_mm=None, interface_fraction=None, centroid_lps=(0.0, 0.0, 0.0), trust=trust,
    )  # fmt: skip


def test_a_gap_without_trust_is_not_to_be_relied_on() -> None:
    blind = Finding(code="unreadable-by-artefact", severity="caution", message="x", measured=0.99, implant_id="screw-1")
    (finding,) = of_reliance([_gap(0.1)], [blind], least_trust=0.25)
    assert (finding.code, finding.gap_id, finding.implant_id) == ("gap-not-reliable", "gap-1", "screw-1")
    assert (finding.measured, finding.limit) == (0.1, 0.25)
    assert finding.message == "gap-1: not to be relied on: 99% of its wall unreadable by metal artefacts"
    (other,) = of_reliance([_gap(0.1, None)], [blind], least_trust=0.25)
    assert other.message == "gap-1: not to be relied on: trust 10%"


def test_a_gap_with_trust_or_of_which_none_is_known_is_not_doubted() -> None:
    assert of_reliance([_gap(0.25), _gap(None)], [], least_trust=0.25) == ()


def test_findings_name_their_implant() -> None:
    (finding,) = _of_implants([_metal("unknown")])
    assert finding.implant_id == "metal-1"


def test_a_hip_implant_of_untold_material_is_said_on_an_unclipped_scan() -> None:
    stem = _metal("femoral_stem").model_copy(update={"id": "stem-left"})
    (finding,) = _of_materials([stem, _metal("rod")])
    assert finding.code == "material-not-told" and finding.message.startswith("stem-left:")
    assert list(_of_materials([stem.model_copy(update={"material": "titanium"})])) == []


def test_heads_are_said_apart_for_they_are_not_made_of_titanium() -> None:
    head, stem = (_metal(k).model_copy(update={"id": k}) for k in ("femoral_head", "femoral_stem"))
    of_head, of_stem = _of_materials([stem, head])
    assert of_head.message.startswith("femoral_head:") and "heads are not made of titanium" in of_head.message
    assert of_stem.message.startswith("femoral_stem:") and "neither titanium's" in of_stem.message


def _no_halo(implants: tuple[Implant, ...], gaps: tuple[Gap, ...]) -> list[Finding]:
    return [f for f in _of_gaps(implants, gaps, clipped=False) if f.code == "no-halo-is-no-proof"]


def test_a_screw_without_halo_beside_loose_ones_is_not_proved_firm() -> None:
    loose, firm = (_metal("pedicle_screw").model_copy(update={"id": f"screw-{n}"}) for n in (1, 2))
    (finding,) = _no_halo((loose, firm), (_gap(0.9, "screw-1"),))
    assert finding.message.startswith("screw-2: a CT without a halo does not exclude loosening")
    assert "screw-1" not in finding.message and finding.measured == 64.8
    assert _no_halo((loose,), (_gap(0.9, "screw-1"),)) == []
    assert _no_halo((_metal("rod"),), ()) == []


def test_a_stem_without_gap_is_not_proved_firm_and_no_figure_of_screws_is_quoted() -> None:
    stem = _metal("femoral_stem").model_copy(update={"id": "stem-left", "loosening": "none"})
    (finding,) = _no_halo((stem,), (_gap(0.9, "cup-left"),))
    assert finding.message.startswith("stem-left: ") and finding.measured is None


def test_counted_needles_and_parts_have_a_unit() -> None:
    (refused,) = _of_needles(NeedlePlan((GapSearch("gap-1", (), 88923, {"too long": 88923}),), ()))
    (unsearched,) = of_search([_metal("rod")])
    assert (refused.measured, refused.unit) == (88923.0, "needles tried")
    assert (unsearched.measured, unsearched.unit) == (1.0, "metal parts")


def test_where_one_needle_keeps_the_margins_the_gap_has_no_narrow_way() -> None:
    ways = tuple(Trajectory.model_construct(gap_id="gap-1", margins_reduced=m) for m in (("canal",), ()))
    assert list(_of_needles(NeedlePlan((GapSearch("gap-1", ways, 10, {}),), ()))) == []


@pytest.mark.parametrize("margins", [(), ("canal", "metal")])
def test_a_narrow_way_is_a_caution(margins: tuple[str, ...]) -> None:
    way = Trajectory.model_construct(gap_id="gap-1", margins_reduced=margins)
    told = list(_of_needles(NeedlePlan((GapSearch("gap-1", (way,), 10, {}),), ())))
    assert [(one.code, one.severity, one.gap_id) for one in told] == [("narrow-way", "caution", "gap-1")] * bool(
        margins
    )
    assert all("canal, metal" in one.message for one in told)
