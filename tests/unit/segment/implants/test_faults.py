"""Faults of the hardware: each is told, and whole hardware is silent."""

import numpy as np
import pytest

from planner.config.fault_config import FaultConfig
from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple, points_lps
from planner.geometry.grid import Grid
from planner.model.implant import Implant, ImplantAxis, ImplantSphere
from planner.model.volume import Mask, Volume
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, ThreadedShaft, tube
from planner.phantoms.solids.raster import rasterise
from planner.phantoms.tissues import COBALT_CHROME, MUSCLE, TITANIUM
from planner.segment.anatomy.canal import Canal
from planner.segment.implants.faults import Faults, find_faults
from planner.segment.implants.metal import Metal, find_metal

CONFIG = FaultConfig()
EMPTY = Grid((2, 2, 2), np.diag([1.0, 1.0, 1.0, 1.0]))


def an_implant(kind: str, name: str, **more: object) -> Implant:
    fields = {"volume_ml": 1.0, "centroid_lps": (0.0, 0.0, 0.0), "axis": None, "side": None, "material": "titanium"}
    fields |= {"bulls_eye": None, "level": None, "loosening": None}
    return Implant(id=name, kind=kind, **(fields | more))


def a_shaft(kind: str, name: str, head, tip, diameter_mm=6.0, **more: object) -> Implant:
    head, tip = np.asarray(head, dtype=float), np.asarray(tip, dtype=float)
    axis = ImplantAxis(
        head_lps=point_tuple(head), tip_lps=point_tuple(tip), diameter_mm=diameter_mm, core_diameter_mm=None,
        length_mm=float(np.linalg.norm(tip - head)),
    )  # fmt: skip
    return an_implant(kind, name, axis=axis, centroid_lps=point_tuple((head + tip) / 2), **more)


def seen_metal(volume: Volume, *, clipped_at_hu: float | None = None) -> Metal:
    shown = np.asarray(volume.hu) > 2500.0
    return Metal(Mask(volume.grid, shown), shown.astype(np.uint32), (), 2500.0, 6500.0, clipped_at_hu)


def faults_of(implants, volume: Volume | None = None, *, bone=None, canal=None, clipped_at_hu=None) -> Faults:
    volume = volume or Volume(EMPTY, np.zeros(EMPTY.shape, dtype=np.int16))
    metal = seen_metal(volume, clipped_at_hu=clipped_at_hu)
    return find_faults(implants, metal=metal, volume=volume, bone=bone, canal=canal, config=CONFIG)


def two_metals(*solids, low, high) -> tuple[Volume, Metal]:
    """Titanium beside more cobalt-chrome, whose level lies above all titanium."""
    matrix, edge_mm, beside_mm = np.eye(4), 0.9, 22.0
    matrix[:3, :3] = np.eye(3)[:, ::-1] * edge_mm
    matrix[:3, 3] = low
    size = np.subtract(high, low) + np.array([beside_mm, 0.0, 0.0])
    middle = (np.array(low) + high) / 2
    stem = Cylinder(*((high[0] + 10.0, middle[1], z) for z in (low[2] + 2.0, high[2] - 2.0)), 8.0)
    parts = [Part(f"part {k}", s, TITANIUM) for k, s in enumerate(solids)]
    grid = Grid(tuple(int(n) for n in np.ceil(size / edge_mm)[::-1]), matrix)
    volume = ideal_scan(
        Scene((*parts, Part("stem", stem, COBALT_CHROME)), MUSCLE), grid, IdealScan(seed=3, subsamples=2)
    )
    metal = find_metal(volume, ImplantConfig())
    assert metal.level_hu > 8500.0
    return volume, metal


def codes_of(faults: Faults) -> list[str]:
    return [f.code for f in faults.findings]


def a_scan(*solids, low, high, edge_mm=0.8) -> Volume:
    counts = [int(n) for n in np.ceil((np.subtract(high, low)) / edge_mm)[::-1]]
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * edge_mm
    matrix[:3, 3] = low
    parts = tuple(Part(f"part {k}", s, TITANIUM) for k, s in enumerate(solids))
    return ideal_scan(Scene(parts, MUSCLE), Grid(tuple(counts), matrix), IdealScan(seed=3, subsamples=2))


# --- screws in two pieces ---

SCREW_LOW, SCREW_HIGH = (-14.0, -42.0, -14.0), (14.0, 24.0, 14.0)
TULIP = Cylinder((0.0, 6.0, 0.0), (0.0, 20.0, 0.0), 6.5)
OUTER = ThreadedShaft((0.0, 6.0, 0.0), (0.0, -6.0, 0.0), 6.0, 4.4)
INNER = ThreadedShaft((1.6, -7.2, 0.6), (1.6, -36.0, 0.6), 6.0, 4.4)
WHOLE = ThreadedShaft((0.0, 6.0, 0.0), (0.0, -36.0, 0.0), 6.0, 4.4)


def test_a_screw_told_as_two_is_broken_and_no_candidate():
    outer = a_shaft("pedicle_screw", "screw-1", (0, 6, 0), (0, -6, 0))
    inner = a_shaft("pedicle_screw", "screw-2", (1.6, -7.2, 0.6), (1.6, -36, 0.6))
    found = faults_of([inner, outer], a_scan(TULIP, OUTER, INNER, low=SCREW_LOW, high=SCREW_HIGH))
    assert codes_of(found) == ["screw-broken", "no-candidate"]
    assert found.broken_off == ("screw-2",)
    assert [f.implant_id for f in found.findings] == ["screw-1", None]
    assert found.findings[0].where_lps == pytest.approx((0.8, -6.6, 0.3), abs=0.5)
    assert found.findings[0].measured == pytest.approx(1.7, abs=0.3)
    assert "open surgery" in found.findings[1].message


@pytest.mark.parametrize("told", ["inner", "outer"])
def test_a_broken_screw_is_told_from_either_piece_alone(told):
    ends = {"inner": ((1.6, -7.2, 0.6), (1.6, -36, 0.6)), "outer": ((0, 6, 0), (0, -6, 0))}
    screw = a_shaft("pedicle_screw", "screw-1", *ends[told])
    found = faults_of([screw], a_scan(TULIP, OUTER, INNER, low=SCREW_LOW, high=SCREW_HIGH))
    assert codes_of(found) == ["screw-broken", "no-candidate"]
    assert found.broken_off == (("screw-1",) if told == "inner" else ())
    assert found.findings[0].where_lps == pytest.approx((0.8, -6.0, 0.3), abs=1.6)  # noses taper


def test_a_broken_screw_told_as_one_shows_its_step():
    # The pieces touch, so that nothing but the step shows.
    shifted = ThreadedShaft((1.8, -6.0, 0.0), (1.8, -36.0, 0.0), 6.0, 4.4)
    screw = a_shaft("pedicle_screw", "screw-1", (0.3, 6, 0), (1.5, -36, 0))
    found = faults_of([screw], a_scan(TULIP, OUTER, shifted, low=SCREW_LOW, high=SCREW_HIGH))
    assert codes_of(found) == ["screw-broken", "no-candidate"]


@pytest.mark.parametrize("length_mm", [42.0, 25.0])
def test_a_whole_screw_is_not_broken_even_where_it_was_told_too_short(length_mm):
    screw = a_shaft("pedicle_screw", "screw-1", (0, 6, 0), (0, 6 - length_mm, 0))
    assert codes_of(faults_of([screw], a_scan(TULIP, WHOLE, low=SCREW_LOW, high=SCREW_HIGH))) == []


def test_screws_whose_tips_meet_are_not_one_broken_screw():
    left = a_shaft("pedicle_screw", "screw-1", (12, 25, 0), (2, -5, 0))
    right = a_shaft("pedicle_screw", "screw-2", (-12, 25, 0), (-2, -5, 0))
    assert codes_of(faults_of([left, right])) == []


# --- rods ---

ROD_LOW, ROD_HIGH = (-14.0, -14.0, -52.0), (14.0, 14.0, 52.0)


def a_rod(points) -> tube:
    return tube([point_tuple(p) for p in points], [2.75] * len(points))


BENT = [(0.0, 4.0 * np.cos(z / 30.0) - 4.0, z) for z in np.arange(-40.0, 41.0, 5.0)]


def test_a_broken_rod_told_as_one_is_broken():
    lower, upper = [p for p in BENT if p[2] <= -5.0], [(x, y + 1.5, z) for x, y, z in BENT if z >= 5.0]
    rod = a_shaft("rod", "rod-1", BENT[-1], BENT[0], 5.5)
    found = faults_of([rod], a_scan(a_rod(lower), a_rod(upper), low=ROD_LOW, high=ROD_HIGH))
    assert codes_of(found) == ["rod-broken", "no-candidate"]
    assert found.findings[0].where_lps == pytest.approx((0.0, 0.7, 0.0), abs=1.5)
    assert found.findings[0].measured == pytest.approx(4.5, abs=1.5)


def test_a_broken_rod_told_as_two_is_broken_once():
    lower, upper = [p for p in BENT if p[2] <= -5.0], [p for p in BENT if p[2] >= 5.0]
    rods = [a_shaft("rod", f"rod-{k}", p[-1], p[0], 5.5) for k, p in enumerate((upper, lower), start=1)]
    found = faults_of(rods, a_scan(a_rod(lower), a_rod(upper), low=ROD_LOW, high=ROD_HIGH))
    assert codes_of(found) == ["rod-broken", "no-candidate"]
    assert "rod-1 and rod-2" in found.findings[0].message


def test_a_bent_rod_is_whole():
    rod = a_shaft("rod", "rod-1", BENT[-1], BENT[0], 5.5)
    assert codes_of(faults_of([rod], a_scan(a_rod(BENT), low=ROD_LOW, high=ROD_HIGH))) == []


# --- two metals ---


def test_a_broken_titanium_screw_is_told_beside_more_cobalt_chrome():
    screw = a_shaft("pedicle_screw", "screw-1", (0, 6, 0), (0, -6, 0))
    volume, metal = two_metals(TULIP, OUTER, INNER, low=SCREW_LOW, high=SCREW_HIGH)
    found = find_faults([screw], metal=metal, volume=volume, bone=None, canal=None, config=CONFIG)
    assert codes_of(found) == ["screw-broken", "no-candidate"]


@pytest.mark.parametrize(("is_broken", "codes"), [(True, ["rod-broken", "no-candidate"]), (False, [])])
def test_a_titanium_rod_beside_more_cobalt_chrome(is_broken, codes):
    lower, upper = [p for p in BENT if p[2] <= -5.0], [(x, y + 1.5, z) for x, y, z in BENT if z >= 5.0]
    solids = (a_rod(lower), a_rod(upper)) if is_broken else (a_rod(BENT),)
    screws = [a_shaft("pedicle_screw", f"screw-{z}", (0, -8, z), (0, -12, z)) for z in (-20, 0, 20)]
    rod = a_shaft("rod", "rod-1", BENT[-1], BENT[0], 5.5)
    volume, metal = two_metals(*solids, low=ROD_LOW, high=ROD_HIGH)
    found = find_faults([rod, *screws], metal=metal, volume=volume, bone=None, canal=None, config=CONFIG)
    assert codes_of(found) == codes


def test_a_rod_that_streaks_hide_lies_in_no_tulip_and_out_of_none():
    implants, _ = a_construct(out_at=None)
    volume, metal = two_metals(low=(-14.0, -36.0, -46.0), high=(14.0, 30.0, 46.0))
    assert codes_of(find_faults(implants, metal=metal, volume=volume, bone=None, canal=None, config=CONFIG)) == []


# --- tulips ---


def a_construct(*, out_at: float | None, cap: bool = False) -> tuple[list[Implant], Volume]:
    """Three screws on a rod that may have left one of their tulips; its slot may hold metal nonetheless."""
    screws, solids = [], []
    for k, z in enumerate((30.0, 0.0, -30.0), start=1):
        screws.append(a_shaft("pedicle_screw", f"screw-{k}", (0, 0, z), (0, -30, z)))
        solids.append(ThreadedShaft((0.0, 0.0, z), (0.0, -30.0, z), 6.0, 4.4))
        if out_at == z and cap:
            solids.append(Cylinder((0.0, 3.0, z), (0.0, 14.0, z), 4.0))
    rise = 0.0 if out_at is None else 7.0
    line = [(0.0, 8.0 + rise * (max(0.0, z) / 30.0) ** 2, z) for z in np.arange(-38.0, 39.0, 4.0)]
    rod = a_shaft("rod", "rod-1", line[-1], line[0], 5.5)
    volume = a_scan(*solids, a_rod(line), low=(-14.0, -36.0, -46.0), high=(14.0, 30.0, 46.0), edge_mm=1.0)
    return [*screws, rod], volume


def test_a_tulip_without_its_rod_has_come_apart():
    found = faults_of(*a_construct(out_at=30.0))
    assert codes_of(found) == ["tulip-disassembled", "no-candidate"]
    assert found.findings[0].where_lps == (0.0, 0.0, 30.0)
    assert found.findings[0].measured > found.findings[0].limit


def test_rods_in_their_tulips_are_silent():
    assert codes_of(faults_of(*a_construct(out_at=None))) == []


def test_a_filled_slot_holds_a_rod_that_was_not_told():
    assert codes_of(faults_of(*a_construct(out_at=30.0, cap=True))) == []


def test_two_screws_do_not_tell_how_far_off_a_rod_runs():
    implants, volume = a_construct(out_at=30.0)
    assert codes_of(faults_of([implants[0], implants[1], implants[3]], volume)) == []


# --- screws and bone ---


def a_canal(*, left_mm: float = 8.0) -> Canal:
    z = np.arange(-50.0, 51.0, 1.0)
    line = points_lps(np.stack([np.zeros_like(z), np.zeros_like(z), z], axis=1))
    angle = np.arange(48) * 2 * np.pi / 48
    radii = np.tile(np.where(np.cos(angle) > 0.1, left_mm, 8.0), (len(z), 1))
    return Canal(line, radii, np.ones(radii.shape, dtype=bool), 1.0)


def pedicle_screws(*, out_mm: float = 0.0, aside_mm: float = 0.0, longer_mm: float = 0.0) -> list[Implant]:
    """Six screws beside the canal; the first is moved."""
    screws = []
    for k, (side, z) in enumerate([(s, z) for z in (30.0, 0.0, -30.0) for s in ("left", "right")], start=1):
        sign, first = (1.0 if side == "left" else -1.0), k == 1
        x = sign * (14.0 - (aside_mm if first else 0.0))
        back, more = (out_mm, longer_mm) if first else (0.0, 0.0)
        head, tip = (x, 16.0 + back, z), (x, -28.0 + back - more, z)
        screws.append(a_shaft("pedicle_screw", f"screw-{k}", head, tip, 5.0, side=side))
    return screws


def a_body() -> Mask:
    """Bone all round the canal, to 34 mm before it."""
    grid = Grid((110, 80, 60), np.array([[0, 0, 1, -29.5], [0, 1, 0, -55.0], [1, 0, 0, -54.5], [0, 0, 0, 1.0]]))
    x, y, z = np.moveaxis(grid.to_lps(np.argwhere(np.ones(grid.shape))), -1, 0)
    del z
    inside = (np.abs(x) < 25) & (y > -34) & (y < 18) & (np.hypot(x, y) > 8.0)
    return Mask(grid, inside.reshape(grid.shape))


def test_a_screw_that_stands_out_is_told_and_gives_a_criterion():
    found = faults_of(pedicle_screws(out_mm=7.0), canal=a_canal())
    assert codes_of(found) == ["screw-backed-out"]
    assert found.findings[0].measured == pytest.approx(7.0, abs=0.3)
    (criterion,) = found.criteria("screw-1")
    assert (criterion.limit, criterion.unit) == (CONFIG.proud_mm, "mm")
    assert criterion.measured == pytest.approx(7.0, abs=0.3)
    assert found.criteria("screw-2") == ()


def test_screws_alike_do_not_stand_out():
    assert codes_of(faults_of(pedicle_screws(out_mm=3.0), canal=a_canal())) == []


def test_without_a_canal_nothing_has_backed_out():
    assert codes_of(faults_of(pedicle_screws(out_mm=7.0))) == []


def test_a_screw_in_the_canal_is_told():
    found = faults_of(pedicle_screws(aside_mm=6.0), canal=a_canal())
    assert codes_of(found) == ["screw-in-canal"]
    assert found.findings[0].severity == "caution"
    # crest at 14 - 6 - 2.5 mm from the midline, wall at 8
    assert found.findings[0].measured == pytest.approx(2.5, abs=0.3)


def test_a_screw_deep_in_the_canal_is_a_warning():
    (finding,) = faults_of(pedicle_screws(aside_mm=8.0), canal=a_canal()).findings
    assert (finding.code, finding.severity) == ("screw-in-canal", "warning")


def test_a_screw_beside_the_canal_is_not():
    assert codes_of(faults_of(pedicle_screws(aside_mm=3.0), canal=a_canal())) == []


def test_the_opposite_wall_alone_puts_no_screw_in_an_uneven_canal():
    assert codes_of(faults_of(pedicle_screws(aside_mm=6.0), canal=a_canal(left_mm=6.0))) == []


def test_a_screw_through_the_front_is_told():
    found = faults_of(pedicle_screws(longer_mm=11.0), bone=a_body(), canal=a_canal())
    (finding,) = found.findings
    assert (finding.code, finding.severity) == ("screw-tip-outside-bone", "warning")
    assert "front wall" in finding.message
    assert finding.measured == pytest.approx(5.0, abs=1.2)


def test_screws_in_bone_are_silent():
    assert codes_of(faults_of(pedicle_screws(), bone=a_body(), canal=a_canal())) == []


def test_where_most_screws_stand_out_the_outline_of_bone_is_not_believed():
    bone = a_body()
    y = bone.grid.to_lps(np.argwhere(np.ones(bone.grid.shape)))[:, 1].reshape(bone.grid.shape)
    shrunk = Mask(bone.grid, bone.voxels & (y > -20.0))
    assert codes_of(faults_of(pedicle_screws(), bone=shrunk, canal=a_canal())) == []


def test_a_screw_in_no_bone_is_told():
    lost = a_shaft("pedicle_screw", "screw-7", (20, 40, 15), (20, 22, 15), 5.0, side="left")
    found = faults_of([*pedicle_screws(), lost], bone=a_body(), canal=a_canal())
    assert codes_of(found) == ["screw-not-in-bone"]


# --- pieces of one rod, and what the report's table is told ---


def two_rods(*, gap_mm=7.0, aside_mm=1.5, turned=False):
    upper = [(0.0, 0.0, z) for z in (40.0, 20.0, 2.0)]
    lower = [(aside_mm, 0.0, z) for z in (2.0 - gap_mm, -20.0, -40.0)]
    if turned:
        lower = [(aside_mm + 1.5 * k, 0.0, 2.0 - gap_mm - k) for k in (0.0, 10.0, 20.0)]
    return [
        a_shaft("rod", name, c[0], c[-1], 5.5, course_lps=tuple(c)) for name, c in (("rod-1", upper), ("rod-2", lower))
    ]


def test_rods_that_end_at_each_other_are_one_that_broke():
    found = faults_of(two_rods())
    assert codes_of(found) == ["rod-broken", "no-candidate"]
    # 7 mm between whole sections, less two rounded ends
    assert "1.5 mm apart and 1.5 mm out of line" in found.findings[0].message
    assert [c.name for c in found.criteria("rod-2")] == ["broken, pieces apart by"]


@pytest.mark.parametrize("rods", [two_rods(gap_mm=25.0), two_rods(aside_mm=9.0), two_rods(turned=True)])
def test_rods_apart_beside_or_across_are_two(rods):
    found = faults_of(rods)
    assert codes_of(found) == []
    assert found.criteria("rod-1") == ()


def test_a_head_in_its_cup_says_how_far_off_its_middle_it_stands():
    head, cup = a_hip(1.2)
    (criterion,) = faults_of([head, cup]).criteria(head.id)
    assert (criterion.measured, criterion.limit, criterion.unit) == (1.2, CONFIG.eccentric_mm, "mm")
    assert faults_of([head, cup]).criteria(cup.id) == ()
    assert faults_of([head]).criteria(head.id) == ()


# --- hips ---


def a_hip(off_mm: float, *, cup: bool = True) -> list[Implant]:
    head = ImplantSphere(centre_lps=(40.0, 0.0, off_mm), diameter_mm=32.0, opening_lps=None)
    shell = ImplantSphere(centre_lps=(40.0, 0.0, 0.0), diameter_mm=54.0, opening_lps=(0.6, 0.0, -0.8))
    return [
        an_implant("femoral_head", "head-left", side="left", sphere=head),
        an_implant("acetabular_cup", "cup-left", side="left", sphere=shell if cup else None),
    ]


@pytest.mark.parametrize(
    ("off_mm", "codes"),
    [(1.5, []), (4.0, ["head-off-centre"]), (20.0, ["head-dislocated", "no-candidate"])],
)
def test_a_head_off_its_cups_centre(off_mm, codes):
    assert codes_of(faults_of(a_hip(off_mm))) == codes


def test_a_dislocated_head_is_put_back_first_and_is_no_matter_of_open_surgery():
    finding = faults_of(a_hip(20.0)).findings[1]
    assert finding.code == "no-candidate"
    assert "open surgery" not in finding.message
    assert "put back" in finding.message


def test_a_broken_screw_and_a_dislocated_head_say_both():
    outer = a_shaft("pedicle_screw", "screw-1", (0, 6, 0), (0, -6, 0))
    inner = a_shaft("pedicle_screw", "screw-2", (1.6, -7.2, 0.6), (1.6, -36, 0.6))
    found = faults_of([inner, outer, *a_hip(20.0)], a_scan(TULIP, OUTER, INNER, low=SCREW_LOW, high=SCREW_HIGH))
    assert codes_of(found) == ["screw-broken", "head-dislocated", "no-candidate", "no-candidate"]
    assert "screw-broken" in found.findings[2].message
    assert "head-dislocated" not in found.findings[2].message


def test_a_cup_that_was_not_fitted_tells_nothing():
    assert codes_of(faults_of(a_hip(20.0, cup=False))) == []


@pytest.mark.parametrize(("opened_mm", "codes"), [(1.0, ["implant-broken", "no-candidate"]), (0.0, [])])
def test_a_stem_in_two_pieces(opened_mm, codes):
    upper = Cylinder((0.0, 0.0, 40.0), (0.0, 0.0, opened_mm / 2), 6.0)
    lower = Cylinder((0.0, 0.0, -opened_mm / 2), (0.0, 0.0, -40.0), 5.5)
    stem = a_shaft("femoral_stem", "stem-left", (0, 0, 40), (0, 0, -40), 11.0, side="left")
    volume = a_scan(upper, lower, low=(-22.0, -22.0, -90.0), high=(22.0, 22.0, 45.0), edge_mm=1.0)
    assert codes_of(faults_of([stem], volume)) == codes


# --- the scan ---


def test_what_is_cut_off_and_what_cannot_be_told_is_said():
    cut = an_implant("rod", "rod-1", is_cut=True, material="unknown")
    found = faults_of([cut], clipped_at_hu=3071.0)
    assert codes_of(found) == ["implant-cut-by-scan", "material-not-told"]
    assert found.findings[1].measured == 3071.0


def test_a_diameter_that_rests_on_a_presumed_plateau_is_said():
    screw = a_shaft("pedicle_screw", "screw-1", (0, 6, 0), (0, -36, 0), material="unknown")
    volume = a_scan(TULIP, WHOLE, low=SCREW_LOW, high=SCREW_HIGH)
    found = faults_of([screw], volume, clipped_at_hu=3071.0)
    assert codes_of(found) == ["material-not-told", "diameter-presumed"]
    assert "screw-1" in found.findings[1].message
    assert found.findings[1].severity == "caution"


@pytest.mark.parametrize(
    ("more", "ceiling"),
    [({"material": "unknown", "diameter_mm": None}, 3071.0), ({"material": "titanium"}, 3071.0),
     ({"material": "unknown"}, 12000.0), ({"material": "unknown"}, None)],
)  # fmt: skip
def test_a_diameter_that_is_not_given_or_was_seen_needs_no_words(more, ceiling):
    screw = a_shaft("pedicle_screw", "screw-1", (0, 6, 0), (0, -36, 0), **more)
    found = faults_of([screw], a_scan(TULIP, WHOLE, low=SCREW_LOW, high=SCREW_HIGH), clipped_at_hu=ceiling)
    assert "diameter-presumed" not in codes_of(found)


def test_whole_implants_on_an_unclipped_scan_need_no_words():
    assert codes_of(faults_of([an_implant("rod", "rod-1", is_cut=False, material="unknown")])) == []


def test_bone_of_the_scene_is_as_it_is_meant():
    body = a_body()
    assert not body.voxels[55, 55, 30]  # the canal
    assert rasterise(Cylinder((14.0, -20.0, 0.0), (14.0, 10.0, 0.0), 1.0), body.grid)[body.voxels].any()
