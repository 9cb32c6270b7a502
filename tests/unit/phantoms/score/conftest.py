"""A small case whose truth is plain, and the perfect plan for it.

Two screws run from behind to the front, the left one twice as wide a halo as the right one; nothing is symmetric.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from planner.model.breach import Breach
from planner.model.carm import NeedleView
from planner.model.gap import Gap, GapWidth, Interval, ZoneVolume
from planner.model.implant import Implant, ImplantAxis
from planner.model.labels import LabelMap, Structure
from planner.model.needle import Clearances, Needle, Trajectory
from planner.model.plan import Plan, Review, Series, Software
from planner.phantoms.score.known_case import KnownCase, known_case
from planner.phantoms.truth.document import TruthDocument

X, Y, Z = np.arange(-30.0, 30.0), np.arange(-10.0, 60.0), np.arange(0.0, 30.0)
SCREWS = {"right": (-9.0, 14.0), "left": (12.0, 17.0)}
"""x and z of the two screws; both run from y = 40 to y = 10."""
REACH_MM = {"right": 5.0, "left": 7.0}
PATCH_LPS = (-9.0, 20.0, 9.0)


def _arrays() -> dict[str, np.ndarray]:
    z, y, x = np.meshgrid(Z, Y, X, indexing="ij")
    shape = z.shape
    label, breach = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    metal = np.zeros(shape, bool)
    for code, side in enumerate(SCREWS, start=1):
        radius = np.hypot(x - SCREWS[side][0], z - SCREWS[side][1])
        metal |= (radius <= 3.0) & (y >= 10) & (y <= 40)
        label[(radius <= REACH_MM[side]) & (y >= 10) & (y <= 28)] = code
    label[metal] = 0
    near = np.linalg.norm(np.stack([x, y, z], -1) - PATCH_LPS, axis=-1) <= 2.0
    breach[near & (label == 1)] = 1
    structures = np.zeros(shape, np.uint8)
    structures[(y < 0) & (x < 0)], structures[(y < 0) & (x >= 0)] = 1, 2
    return {
        "x": X,
        "y": Y,
        "z": Z,
        "label": label,
        "breach": breach,
        "metal": metal,
        "env": (y >= 5) & (y <= 36),
        "body": y <= 50,
        "forbidden": structures > 0,
        "structures": structures,
    }


def _document(arrays: dict[str, np.ndarray]) -> TruthDocument:
    implants, gaps = [], []
    for code, (side, (x, z)) in enumerate(SCREWS.items(), start=1):
        implants.append({
            "id": f"l4-{side}", "kind": "pedicle_screw", "head": (x, 40.0, z), "tip": (x, 10.0, z), "diameter_mm": 6.0,
            "length_mm": 30.0, "side": side, "level": "L4", "loose": side == "left", "loosening": "probable",
        })  # fmt: skip
        voxels = np.argwhere(arrays["label"] == code)
        gaps.append({
            "id": f"gap-{side}", "implant_id": f"l4-{side}", "kind": "screw_halo", "label": code,
            "volume_ml": len(voxels) / 1000.0, "width_mm": 9.0,
            "widths_mm": {"median": 2.0 * code, "p95": 2.2 * code, "max": 2.5 * code},
            "zones": [
                {"zone": "screw-middle", "volume_ml": 0.1, "volume_sd_ml": 0.0},
                {"zone": "screw-distal", "volume_ml": len(voxels) / 1000.0 - 0.1, "volume_sd_ml": 0.0},
            ],
            "interface_fraction": 0.5, "centroid": np.array([X[0], Y[0], Z[0]]) + voxels.mean(axis=0)[::-1],
        })  # fmt: skip
    return TruthDocument.model_validate({
        "implants": implants,
        "gaps": gaps,
        "breaches": [{
            "id": "breach-1", "gap_id": "gap-right", "label": 1, "severity": "open", "leak_type": "disc",
            "area_mm2": 12.0, "centroid": PATCH_LPS,
        }],
        "structures": {
            "canal": {"points": [(1.0, 42.0, 0.0), (1.0, 42.0, 29.0)], "radius_mm": 4.0},
            "forbidden": [{"name": "great vessels", "code": 1}, {"name": "lungs", "code": 2}],
        },
    })  # fmt: skip


@pytest.fixture(scope="session")
def known() -> KnownCase:
    """The case."""
    arrays = _arrays()
    return known_case(_document(arrays), arrays)


@pytest.fixture(scope="session")
def labels(known: KnownCase) -> LabelMap:
    """The perfect label map: gaps 1 and 2, then metal, canal, bone."""
    codes = known.label.copy()
    _, y, x = np.meshgrid(Z, Y, X, indexing="ij")
    canal = np.hypot(x - 1.0, y - 42.0) <= 5.0
    codes[known.metal] = 3
    codes[(codes == 0) & canal] = 4
    codes[(codes == 0) & known.env] = 5
    names = (("gap", "gap-1"), ("gap", "gap-2"), ("implant", "metal"), ("canal", "canal"), ("bone", "bone"))
    structures = tuple(Structure(code=k, kind=kind, id=name) for k, (kind, name) in enumerate(names, start=1))
    return LabelMap(known.grid, codes, structures)


def _trajectory(number: int, gap: str, target: tuple[float, float, float], **changes: Any) -> Trajectory:
    x, y, z = target
    skin, bone = (x, 50.0, z), (x, 36.0, z)
    told = {
        "id": f"trajectory-{number}",
        "approach": "transpedicular",
        "gap_id": gap,
        "implant_id": None,
        "rank": 1,
        "entry_skin_lps": skin,
        "entry_bone_lps": bone,
        "aim_lps": target,
        "target_lps": target,
        "path_lps": (skin, bone, target),
        "slides_along_implant": False,
        "depth_from_skin_mm": 50.0 - y,
        "depth_in_bone_mm": 36.0 - y,
        "needle": Needle(gauge="15G", outer_diameter_mm=1.8, length_mm=150.0),
        "clearance_mm": Clearances(metal=None, canal=None, nearest_breach=None),
        "crosses": (),
        "cortical_crossings": 1,
        "entry_angle_deg": None,
        "reachable_ml": None,
        "skin_landmark": None,
        "bulls_eye": NeedleView(
            primary_deg=180.0, secondary_deg=0.0, console_primary_deg=0.0, console_secondary_deg=0.0,
            within_gantry_limits=True,
        ),
        "score": 0.5,
        "score_terms": {},
    }  # fmt: skip
    return Trajectory(**{**told, **changes})


@pytest.fixture(scope="session")
def needle() -> Callable[..., Trajectory]:
    """Make a needle straight from behind."""
    return _trajectory


def _implant(true: Any) -> Implant:
    axis = ImplantAxis(
        head_lps=true.head, tip_lps=true.tip, diameter_mm=true.diameter_mm, core_diameter_mm=None, length_mm=30.0
    )
    middle = tuple((np.array(true.head) + np.array(true.tip)) / 2.0)
    return Implant(
        id=f"screw-{true.side}", kind=true.kind, volume_ml=None, centroid_lps=middle, axis=axis, bulls_eye=None,
        side=true.side, level=true.level, material="titanium", loosening="probable" if true.loose else "none",
    )  # fmt: skip


def _gap(number: int, true: Any) -> Gap:
    v = true.volume_ml
    return Gap(
        id=f"gap-{number}", implant_id=f"screw-{true.id.removeprefix('gap-')}", level="L4", kind=true.kind,
        zones=tuple(ZoneVolume(zone=z.zone, volume_ml=z.volume_ml) for z in true.zones),
        volume_ml=Interval(estimate=v, low=0.8 * v, high=1.2 * v), expected_fill_ml=None,
        width_mm=GapWidth(**true.widths_mm.model_dump()), interface_fraction=0.5, centroid_lps=true.centroid, trust=1.0,
    )  # fmt: skip


@pytest.fixture(scope="session")
def perfect(known: KnownCase, labels: LabelMap) -> Plan:
    """The plan that is right in everything."""
    truth = known.document
    breach = truth.breaches[0]
    return Plan(
        software=Software(name="none", version="0"),
        review=Review(),
        series=Series(
            series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=known.grid.shape,
            spacing_mm=known.grid.spacing_mm, patient_position=None, hu_min=0, hu_max=1, hu_clipped_at=None,
        ),
        treatment_position=None,
        settings_sha256="",
        implants=tuple(_implant(i) for i in truth.implants),
        gaps=tuple(_gap(number, gap) for number, gap in enumerate(truth.gaps, start=1)),
        breaches=(
            Breach(
                id="breach-1", gap_id="gap-1", leak_type=breach.leak_type, severity="open", barrier_mm=0.0,
                area_mm2=12.0, centroid_lps=breach.centroid, outward_lps=None, reached=None, leak_after_ml=None,
                watch_view=None,
            ),
        ),
        trajectories=(
            _trajectory(1, "gap-1", (-13.5, 22.0, 14.0)),
            _trajectory(2, "gap-2", (18.0, 22.0, 17.0)),
        ),
        labels=labels.structures,
    )  # fmt: skip
