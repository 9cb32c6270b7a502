"""Cement round a plain stem in a plain femur, and stems without any."""

import numpy as np
import pytest

from planner.config.hardware_config import MantleConfig
from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.grid import Grid
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Mask
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, Difference, RoundCone
from planner.phantoms.tissues import CORTICAL, MARROW, MUSCLE, PMMA, SCLEROTIC, TITANIUM
from planner.segment.implants.mantles import cement_hu, find_mantles, unroll
from planner.segment.implants.metal import find_metal
from planner.segment.implants.parts import ImplantPart

CONFIG = MantleConfig()
HEAD, TIP = (2.0, 1.0, 40.0), (2.0, 1.0, -20.0)
FEMUR = [
    Part("bone", Cylinder((2, 1, -50), (2, 1, 60), 15.5), CORTICAL),
    Part("marrow", Cylinder((2, 1, -52), (2, 1, 62), 10.5), MARROW),
]
STEM = RoundCone((2.0, 1.0, 45.0), (2.0, 1.0, -16.0), 5.5, 4.0)
MANTLE = Part("cement", Cylinder((2, 1, -34), (2, 1, 44), 8.0), PMMA)
METAL = Part("stem", STEM, TITANIUM)


def grid(*, low_mm=-46.0):
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, 0.8], [0, 0.8, 0], [1.5, 0, 0]]
    matrix[:3, 3] = (-20.0, -21.0, low_mm)
    return Grid((round((54.0 - low_mm) / 1.5), 55, 55), matrix)


def scanned(*parts, low_mm=-46.0):
    return ideal_scan(Scene((*FEMUR, *parts), MUSCLE), grid(low_mm=low_mm), IdealScan(seed=3))


def stem_part(volume, *, with_axis=True):
    axis = ImplantAxis(head_lps=HEAD, tip_lps=TIP, diameter_mm=9, core_diameter_mm=None, length_mm=60)
    record = Implant(
        id="stem-left", kind="femoral_stem", volume_ml=4.0, centroid_lps=(2, 1, 10), axis=axis if with_axis else None,
        bulls_eye=None, side="left", level=None, material="unknown", loosening=None,
    )  # fmt: skip
    return ImplantPart(record, Mask(volume.grid, np.zeros(volume.grid.shape, dtype=bool)))


def found(volume, **told):
    metal = find_metal(volume, ImplantConfig())
    return find_mantles(volume, metal, (stem_part(volume, **told),), CONFIG)


def test_the_mantle_and_the_column_below_the_tip():
    (cement,) = found(scanned(MANTLE, METAL))
    record = cement.record
    assert (record.id, record.kind, record.side, record.material) == ("cement-stem-left", "cement", "left", "pmma")
    # from the shoulder, where the stem's axis begins, to the column's end
    along = np.linspace(-34, 40, 2000)
    radius = np.where(along < -20, 0.0, np.interp(along, [-20, -18, -16, 45], [0.0, 3.4, 4.0, 5.5]))
    true_ml = float(np.mean(np.pi * (8.0**2 - radius**2))) * 74.0 / 1000.0
    assert record.volume_ml == pytest.approx(true_ml, rel=0.12)
    points = cement.mask.grid.to_lps(np.argwhere(cement.mask.voxels))
    assert np.percentile(np.hypot(points[:, 0] - 2, points[:, 1] - 1), 99) == pytest.approx(8.0, abs=0.6)
    assert points[:, 2].min() == pytest.approx(-34.0, abs=2.0)


@pytest.mark.parametrize(
    "parts",
    [
        (METAL,),
        (Part("pedestal", Cylinder((2, 1, -34), (2, 1, -18), 10.5), SCLEROTIC), METAL),
        (Difference(Cylinder((2, 1, -52), (2, 1, 62), 10.5), Cylinder((2, 1, -60), (2, 1, 70), 5.6)), METAL),
    ],
    ids=["marrow", "pedestal", "cortex all round, as if it were a mantle"],
)
def test_a_stem_without_cement(parts):
    parts = tuple(Part("inner cortex", p, CORTICAL) if isinstance(p, Difference) else p for p in parts)
    assert found(scanned(*parts)) == ()


def test_a_tip_that_runs_into_the_cortex_has_no_cement():
    wall = Part("wall", Cylinder((-1, 1, -52), (-1, 1, -10), 6.0), CORTICAL)
    outside = Part("muscle", Cylinder((-16, 1, -60), (-16, 1, -10), 13.0), MUSCLE)
    assert found(scanned(wall, outside, METAL)) == ()


def test_a_tip_beyond_the_scan_says_nothing():
    volume = scanned(MANTLE, METAL, low_mm=-24.0)
    metal = find_metal(volume, ImplantConfig())
    assert unroll(volume, metal, stem_part(volume).record, CONFIG) is None
    assert found(volume) == ()


def test_a_stem_without_an_axis_says_nothing():
    assert found(scanned(MANTLE, METAL), with_axis=False) == ()


def test_the_hu_of_cement_is_read_below_the_tip():
    volume = scanned(MANTLE, METAL)
    metal = find_metal(volume, ImplantConfig())
    seen = unroll(volume, metal, stem_part(volume).record, CONFIG)
    assert cement_hu(seen, CONFIG) == pytest.approx(PMMA.hu, abs=80)
    bare = scanned(METAL)
    seen = unroll(bare, find_metal(bare, ImplantConfig()), stem_part(bare).record, CONFIG)
    assert cement_hu(seen, CONFIG) is None
