"""A small plan, made up: one gap with a straight needle, a bent one and a breach; one gap of which nothing is known."""

from typing import Any

import pytest

from planner.model.breach import Breach
from planner.model.carm import NeedleView
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.needle import Clearances, Needle, Trajectory
from planner.model.plan import Plan, Review, Series, Software


def needle(number: int, path: tuple[tuple[float, float, float], ...], **changes: Any) -> Trajectory:
    """Make a needle of 2 mm whose path begins at the skin, unless the changes say otherwise."""
    fields: dict[str, Any] = {
        "id": f"trajectory-{number}", "approach": "transpedicular", "gap_id": "gap-1", "implant_id": "screw-1",
        "rank": number, "entry_skin_lps": path[0], "entry_bone_lps": path[1], "aim_lps": path[-1],
        "target_lps": path[-1], "path_lps": path, "slides_along_implant": False, "depth_from_skin_mm": 60.0,
        "depth_in_bone_mm": 30.0, "needle": Needle(gauge="15G", outer_diameter_mm=2.0, length_mm=150.0),
        "clearance_mm": Clearances(metal=1.0, canal=None, nearest_breach=6.0), "crosses": (),
        "cortical_crossings": None, "entry_angle_deg": None, "reachable_ml": None, "skin_landmark": None,
        "bulls_eye": NeedleView(
            primary_deg=160.0, secondary_deg=2.0, console_primary_deg=-20.0, console_secondary_deg=2.0,
            within_gantry_limits=True,
        ),
        "score": 0.8, "score_terms": {},
    }  # fmt: skip
    return Trajectory(**{**fields, **changes})


STRAIGHT = ((100.0, 80.0, 10.0), (100.0, 50.0, 10.0), (100.0, 20.0, 10.0))
BENT = ((140.0, 80.0, 10.0), (140.0, 50.0, 10.0), (140.0, 30.0, 10.0), (150.0, 30.0, 10.0))


@pytest.fixture
def plan() -> Plan:
    breach = Breach(
        id="breach-1", gap_id="gap-1", leak_type="canal", severity="open", barrier_mm=0.0, area_mm2=None,
        centroid_lps=(110.0, 20.0, 10.0), outward_lps=None, reached=None, leak_after_ml=None, watch_view=None,
    )  # fmt: skip
    gaps = tuple(
        Gap(
            id=f"gap-{number}", implant_id="screw-1" if number == 1 else None, level=None, kind="screw_halo", zones=(),
            volume_ml=None, expected_fill_ml=None, width_mm=None, interface_fraction=None,
            centroid_lps=(100.0, 20.0, 10.0 * number), trust=None,
        )
        for number in (1, 12)
    )  # fmt: skip
    screw = Implant(
        id="screw-1", kind="pedicle_screw", volume_ml=None, centroid_lps=(100.0, 40.0, 0.0), axis=None, bulls_eye=None,
        side="left", level=None, material="unknown", loosening=None,
    )  # fmt: skip
    return Plan(
        software=Software(name="cement-planner", version="0"), review=Review(),
        series=Series(
            series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=(3, 4, 5), spacing_mm=(1.0, 1.0, 1.0),
            patient_position="HFS", hu_min=-1024.0, hu_max=3071.0, hu_clipped_at=None,
        ),
        treatment_position="HFP", settings_sha256="0" * 64, implants=(screw,), gaps=gaps, breaches=(breach,),
        trajectories=(needle(1, STRAIGHT), needle(2, BENT, slides_along_implant=True, aim_lps=BENT[2])),
        findings=(
            Finding(code="a", severity="caution", message="gap-12 is small"),
            Finding(code="b", severity="info", message="of gap-1 little is known", where_lps=(1.0, 2.0, 3.0)),
            Finding(code="c", severity="warning", message="gap-1: leaks"),
        ),
    )  # fmt: skip
