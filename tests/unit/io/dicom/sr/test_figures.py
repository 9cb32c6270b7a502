"""Every field of a plan's things is told exactly, or named here as left to plan.json; what is None is not told."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel
from pydicom.sr.coding import Code

from planner.io.dicom import codes
from planner.io.dicom.codes import own
from planner.model.finding import Finding

PLACE = "the segment holds the place"
IN_PLAN = "of the plan.json alone"
WORDS = "told by the group's coded words, tested elsewhere"

GAP = {
    "volume_ml.estimate": codes.VOLUME,
    "volume_ml.low": own("volume-low"),
    "volume_ml.high": own("volume-high"),
    "expected_fill_ml.estimate": own("fill"),
    "expected_fill_ml.low": own("fill-low"),
    "expected_fill_ml.high": own("fill-high"),
    "width_mm.median": (codes.WIDTH, codes.MEDIAN),
    "width_mm.p95": (codes.WIDTH, codes.PERCENTILE_95),
    "width_mm.max": (codes.WIDTH, codes.MAXIMUM),
    "interface_fraction": own("interface-share"),
    "trust": own("trust"),
    "zones.0.volume_ml": (own("zone-volume"), "screw-middle"),
    "zones.0.zone": WORDS, "zones.1.zone": WORDS,
    "id": WORDS, "kind": WORDS, "made": WORDS, "implant_id": WORDS, "centroid_lps": PLACE,
}  # fmt: skip
BREACH = {
    "barrier_mm": (own("barrier"), codes.MINIMUM),
    "area_mm2": codes.AREA,
    "barrier_hu": own("barrier-hu"),
    "neck_mm": own("neck"),
    "trust": own("trust"),
    "leak_after_ml": own("leak-after"),
    "stop_ml": own("stop"),
    "watch_view.primary_deg": codes.PRIMARY_ANGLE,
    "watch_view.secondary_deg": codes.SECONDARY_ANGLE,
    "watch_view.console_primary_deg": own("console-primary"),
    "watch_view.console_secondary_deg": own("console-secondary"),
    "watch_view.slant_deg": own("slant"),
    "watch_view.contrast": own("contrast"),
    "id": WORDS, "gap_id": WORDS, "leak_type": WORDS, "severity": WORDS, "reached": WORDS, "literature_type": WORDS,
    "compartment": WORDS, "centroid_lps": PLACE, "outward_lps": IN_PLAN,
}  # fmt: skip
SCREW = {
    "volume_ml": codes.VOLUME,
    "axis.length_mm": codes.LENGTH,
    "axis.diameter_mm": codes.DIAMETER,
    "axis.core_diameter_mm": own("core-diameter"),
    "metal_length_mm": own("metal-length"),
    "loosening_criteria.0.measured": (own("criterion"), "rim > 1 mm, share of shaft"),
    "loosening_criteria.0.limit": (own("criterion-limit"), "rim > 1 mm, share of shaft"),
    "loosening_criteria.1.limit": (own("criterion-limit"), "rim width, greatest"),
    "loosening_criteria.0.name": WORDS, "loosening_criteria.0.unit": WORDS,
    "loosening_criteria.1.name": WORDS, "loosening_criteria.1.unit": WORDS,
    "id": WORDS, "kind": WORDS, "side": WORDS, "level": WORDS, "material": WORDS, "loosening": WORDS, "is_cut": WORDS,
    "centroid_lps": PLACE, "axis.head_lps": PLACE, "axis.tip_lps": PLACE,
    "bulls_eye.primary_deg": IN_PLAN, "bulls_eye.secondary_deg": IN_PLAN,
}  # fmt: skip
CUP = {
    "sphere.diameter_mm": codes.DIAMETER,
    "id": WORDS, "kind": WORDS, "side": WORDS, "material": WORDS,
    "centroid_lps": PLACE, "sphere.centre_lps": PLACE, "sphere.opening_lps": IN_PLAN,
}  # fmt: skip
NEEDLE = {
    "depth_in_bone_mm": own("depth-bone"),
    "depth_from_skin_mm": own("depth-skin"),
    "needle.outer_diameter_mm": codes.DIAMETER,
    "needle.length_mm": codes.LENGTH,
    "bulls_eye.primary_deg": codes.PRIMARY_ANGLE,
    "bulls_eye.secondary_deg": codes.SECONDARY_ANGLE,
    "bulls_eye.console_primary_deg": own("console-primary"),
    "bulls_eye.console_secondary_deg": own("console-secondary"),
    "entry_angle_deg": own("entry-angle"),
    "cortical_crossings": own("crossings"),
    "entry_cortex_mm": own("entry-cortex"),
    "clearance_mm.metal": own("to-metal"),
    "clearance_mm.canal": own("to-canal"),
    "clearance_mm.nearest_breach": own("to-breach"),
    "clearance_mm.forbidden": own("to-forbidden"),
    "clearance_mm.other_bone": own("to-bone"),
    "crosses.0.length_mm": (own("crossed"), "soft tissue"),
    "crosses.1.length_mm": (own("crossed"), "bone"),
    "reachable_ml": own("reachable"),
    "rank": own("rank"),
    "score": own("score"),
    "entry_skin_lps": own("entry-skin"),
    "entry_bone_lps": own("entry-bone"),
    "aim_lps": own("aim"),
    "target_lps": own("target"),
    "crosses.0.structure": WORDS, "crosses.1.structure": WORDS, "id": WORDS, "approach": WORDS, "made": WORDS,
    "needle.gauge": WORDS, "slides_along_implant": WORDS, "bulls_eye.within_gantry_limits": WORDS,
    "implant_id": WORDS, "zones.0": WORDS, "zones.1": WORDS, "violations.0": WORDS, "cautions.0": WORDS,
    "skin_landmark.in_words": WORDS, "skin_landmark.name": WORDS, "skin_landmark.offset_mm": IN_PLAN,
    "family": IN_PLAN, "margins_reduced.0": IN_PLAN, "score_terms.depth": IN_PLAN,
    **{f"path_lps.{k}": "told by the line" for k in range(4)},
    **{f"with_aim_error.{name}": IN_PLAN for name in
       ("error_mm", "error_deg", "metal", "canal", "forbidden", "harmless_share")},
    **{f"passage.{name}": IN_PLAN for name in
       ("bone", "side", "grade", "beyond_wall_mm", "medial_wall_mm", "width_mm")},
    **{f"depth_marks.0.{name}": IN_PLAN for name in ("name", "from_skin_mm", "from_bone_mm")},
    **{f"nearest.0.{name}": IN_PLAN for name in ("structure", "distance_mm", "at_lps", "depth_mm")},
    **{f"bevel.{name}": IN_PLAN for name in ("facing_lps", "clock", "reason")},
    **{f"cannula.{name}": IN_PLAN for name in ("radius_mm", "arc_mm", "turn_deg")},
}  # fmt: skip
TRAJECTORY = {
    **NEEDLE, "leak_after_ml": own("needle-leak-after"), "gap_id": WORDS, "leak_breach_id": WORDS, "locked": WORDS,
}  # fmt: skip
PICKED = {**NEEDLE, "target_id": WORDS}
TABLES = {
    "gap-1": GAP, "breach-1": BREACH, "screw-1": SCREW, "cup-right": CUP, "trajectory-1": TRAJECTORY,
    "picked-1-way-1": PICKED,
}  # fmt: skip


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field that says something, with its path; points are one."""
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, tuple) and not (len(value) == 3 and all(isinstance(v, float) for v in value)):
        for k, inner in enumerate(value):
            yield from leaves(inner, f"{path}.{k}")
    elif value is not None:
        yield path, value


def things(plan):
    made = (*plan.implants, *plan.gaps, *plan.breaches, *plan.ways)
    return {thing.id: thing for thing in made}


def told(group):
    """What a group tells: figures by (name, derivation or what it is of), points by their names."""
    figures, points = {}, {}
    for measurement in group.get_measurements():
        sequence = measurement[0].get("ContentSequence", ())
        of = [i.TextValue for i in sequence if i.ConceptNameCodeSequence[0].CodeValue == "112039"]
        derivation = None if measurement.derivation is None else measurement.derivation.value
        key = (measurement.name.value, of[0] if of else derivation)
        assert key not in figures
        figures[key] = measurement.value
        for item in measurement.referenced_coordinates:
            points[item.name.value] = np.asarray(item.value)
    return figures, points


@pytest.mark.parametrize("name", TABLES)
def test_every_field_is_told_exactly_or_named_as_not_told(written, name):
    thing, table = things(written.plan)[name], TABLES[name]
    fields = dict(leaves(thing))
    assert set(fields) == set(table)
    figures, points = told(written.group(name))
    for path, code in table.items():
        if isinstance(code, str):
            continue
        code, of = (code, None) if isinstance(code, Code) else code
        if path.endswith("_lps"):
            assert np.array_equal(points[code.value].ravel(), np.float32(fields[path]))
        else:
            assert figures.pop((code.value, of if of is None or not isinstance(of, Code) else of.value)) == fields[path]
    left = {key[0] for key in figures}
    assert left <= {codes.NEEDLE_GAUGE.value, own("order").value}


@pytest.mark.parametrize("name", ["gap-2", "breach-2", "stem-right", "unknown-1"])
def test_what_was_not_measured_is_not_told(written, name):
    assert told(written.group(name)) == ({}, {})


def test_a_needle_without_figures_tells_none(written):
    figures, points = told(written.group("trajectory-2"))
    there = {own("depth-bone"), codes.DIAMETER, codes.LENGTH, codes.PRIMARY_ANGLE, codes.SECONDARY_ANGLE, own("rank"),
             own("score"), own("console-primary"), own("console-secondary")}  # fmt: skip
    assert {key[0] for key in figures} == {code.value for code in there}
    assert set(points) == {codes.PATH.value, *(own(name).value for name in ("entry-bone", "aim", "target"))}
    assert figures[own("score").value, None] == 0.0  # a measured zero is one


def test_a_depth_in_bone_is_not_called_a_depth_from_the_skin(written):
    """Beside a path that begins at the skin, a bare "Depth" would read as one from there."""
    names = {m.value: m.name.meaning for m in written.group("trajectory-1").get_measurements()}
    way = written.plan.trajectories[0]
    assert names[way.depth_in_bone_mm].startswith("Depth in bone")
    assert names[way.depth_from_skin_mm].startswith("Depth from the skin")


def test_a_needles_path_is_a_line_in_the_cts_frame_of_reference(written):
    depth = next(m for m in written.group("trajectory-1").get_measurements() if m.name == own("depth-bone"))
    line = next(item for item in depth.referenced_coordinates if item.name == codes.PATH)
    assert line.graphic_type.value == "POLYLINE"
    assert np.array_equal(line.value, np.float32(written.plan.trajectories[0].path_lps))
    assert {item.frame_of_reference_uid for item in depth.referenced_coordinates} == {
        written.labels.FrameOfReferenceUID
    }


def test_a_volume_has_its_interval_in_its_own_unit(written):
    volume = next(m for m in written.group("gap-1").get_measurements() if m.name == codes.VOLUME)
    around = written.plan.gaps[0].volume_ml
    ends = [item for item in volume[0].ContentSequence if item.ValueType == "NUM"]
    assert {item.name.value: item.value for item in ends} == {
        "371886008": around.high - around.estimate, "371885007": around.estimate - around.low
    }  # fmt: skip
    assert {item.unit.value for item in ends} == {"ml"}


def test_units_are_told(written):
    units = {m.name.meaning: m.unit.value for m in written.group("gap-1").get_measurements()}
    assert (units["Volume"], units["Width"], units["Share of the bone interface that is lucent"]) == ("ml", "mm", "1")
    assert {m.unit.value for m in written.group("breach-1").get_measurements() if m.name == codes.AREA} == {"mm2"}


def test_the_sum_of_the_procedure_is_told(written, report_of):
    figures, _ = told(written.group("procedure"))
    assert figures == {("N61", None): 1.6, ("N62", None): 0.2, ("N63", None): 1.0}
    unknown = written.plan.procedure.model_copy(update={"cement_ml": None, "in_needles_ml": None})
    figures, _ = told(report_of("sum.dcm", procedure=unknown).group("procedure"))
    assert figures == {("N63", None): 1.0}
    without = report_of("none.dcm", procedure=None)
    with pytest.raises(StopIteration):
        without.group("procedure")
    assert ("N13", None) not in told(without.group("trajectory-1"))[0]


def test_a_patient_who_is_no_candidate_is_proposed_no_needle(written, report_of):
    def proposed(report, name):
        items = report.group(name).get_qualitative_evaluations()
        return next(item.value for item in items if item.name == own("proposed")).meaning

    assert [proposed(written, f"trajectory-{k}") for k in (1, 2)] == ["Yes", "No"]
    assert told(written.group("trajectory-1"))[0][own("order").value, None] == 1.0
    grave = Finding(code="no-candidate", severity="warning", message="no candidate: open surgery")
    refused = report_of("refused.dcm", findings=(*written.plan.findings, grave))
    assert refused.plan.procedure is not None
    assert [proposed(refused, f"trajectory-{k}") for k in (1, 2)] == ["No", "No"]
    assert (own("order").value, None) not in told(refused.group("trajectory-1"))[0]
    with pytest.raises(StopIteration):
        refused.group("procedure")
