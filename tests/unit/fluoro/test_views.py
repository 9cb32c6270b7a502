"""Views of the patient and the picture on the screen."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig, SpectrumLine
from planner.errors import GeometryError
from planner.fluoro.carm import project
from planner.fluoro.display import display_image
from planner.fluoro.projectable import make_projectable
from planner.fluoro.radiograph import render_view, take_picture
from planner.fluoro.views import ap_view, axis_view, lateral_view, trajectory_view, view_at, watch_view
from planner.geometry.grid import Grid
from planner.model.breach import Breach
from planner.model.carm import NeedleView, WatchView
from planner.model.needle import Clearances, Needle, Trajectory
from planner.model.volume import Mask, Volume
from planner.xray.attenuation import CORTICAL_BONE, WATER, attenuation_per_mm

CONFIG = FluoroConfig(rows=64, columns=72, pixel_mm=3.0, detector_blur_mm=0.0)
CENTRE = np.array([0.0, 0.0, 100.0])


def block(*, shape=(40, 40, 40), spacing_mm=2.0):
    """A trunk: water with a bar of bone along the body's axis and a metal ball at the patient's left and top."""
    matrix = np.eye(4)
    matrix[:3, :3] = spacing_mm * np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    grid = Grid(shape, matrix)
    x, y, z = np.moveaxis(grid.to_lps(np.moveaxis(np.indices(shape), 0, -1)), -1, 0)
    hu = np.full(shape, -1000, dtype=np.int16)
    trunk = (np.abs(x) < 34) & (np.abs(y) < 30) & (np.abs(z - 100) < 34)
    hu[trunk] = 30
    hu[trunk & (np.hypot(x, y) < 8)] = 900
    ball = (x - 20) ** 2 + y**2 + (z - 120) ** 2 < 49
    hu[ball] = 3071
    return Volume(grid, hu), Mask(grid, ball)


def trajectory(skin, aim, target):
    view = NeedleView(
        primary_deg=0, secondary_deg=0, console_primary_deg=0, console_secondary_deg=0, within_gantry_limits=True
    )
    return Trajectory(
        id="trajectory-1",
        approach="transpedicular",
        gap_id="gap-1",
        implant_id=None,
        rank=1,
        entry_skin_lps=skin,
        entry_bone_lps=tuple(np.add(skin, aim) / 2),
        aim_lps=aim,
        target_lps=target,
        path_lps=(skin, tuple(np.add(skin, aim) / 2), aim, target),
        slides_along_implant=True,
        depth_from_skin_mm=None,
        depth_in_bone_mm=10.0,
        needle=Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=150.0),
        clearance_mm=Clearances(metal=None, canal=None, nearest_breach=None),
        crosses=(),
        cortical_crossings=1,
        entry_angle_deg=None,
        reachable_ml=None,
        skin_landmark=None,
        bulls_eye=view,
        score=0.5,
        score_terms={},
    )


@pytest.mark.parametrize(
    ("hub", "tip"),
    [
        ((10.0, 80.0, 140.0), (-5.0, 12.0, 118.0)),
        ((-70.0, 30.0, 60.0), (0.0, 0.0, 100.0)),
        ((0.0, 0.0, 160.0), (0.0, 0.0, 100.0)),
        ((60.0, -60.0, 20.0), (5.0, 5.0, 90.0)),
    ],
)
def test_hub_and_tip_fall_on_one_pixel_in_the_bulls_eye_view(hub, tip):
    carm = axis_view(hub, tip, config=FluoroConfig())
    on_hub, on_tip = project(carm, np.array([hub, tip]))
    assert np.linalg.norm(on_hub - on_tip) < 1e-6
    np.testing.assert_allclose(on_tip, [255.5, 255.5], atol=1e-6)
    other = carm.model_copy(update={"primary_deg": carm.primary_deg + 5.0, "secondary_deg": carm.secondary_deg - 5.0})
    on_hub, on_tip = project(other, np.array([hub, tip]))
    assert np.linalg.norm(on_hub - on_tip) > 1.0


def test_a_needles_view_looks_along_its_straight_part():
    needle = trajectory((30.0, 90.0, 130.0), (10.0, 20.0, 110.0), (0.0, 0.0, 90.0))
    skin, aim, target = project(
        trajectory_view(needle, config=FluoroConfig()), [needle.path_lps[0], needle.aim_lps, needle.target_lps]
    )
    assert np.linalg.norm(skin - aim) < 1e-6
    assert np.linalg.norm(target - aim) > 5.0


def test_an_axis_without_length_has_no_view():
    with pytest.raises(GeometryError):
        axis_view([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], config=CONFIG)


@pytest.mark.parametrize("angles", [None, WatchView(primary_deg=40.0, secondary_deg=-10.0)])
def test_watch_view(angles):
    breach = Breach(
        id="breach-1",
        gap_id="gap-1",
        leak_type=None,
        severity="open",
        barrier_mm=None,
        area_mm2=None,
        centroid_lps=(1.0, 2.0, 3.0),
        outward_lps=None,
        reached=None,
        leak_after_ml=None,
        watch_view=angles,
    )
    carm = watch_view(breach, config=CONFIG)
    if angles is None:
        assert carm is None
    else:
        assert carm is not None
        assert (carm.primary_deg, carm.secondary_deg, carm.isocentre_lps) == (40.0, -10.0, (1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    ("carm", "column_side", "is_left_right"),
    [
        (ap_view(CENTRE, config=CONFIG), 1, True),
        (ap_view(CENTRE, config=CONFIG, detector_side="posterior"), -1, True),
        (lateral_view(CENTRE, config=CONFIG), 0, False),
        (lateral_view(CENTRE, config=CONFIG, detector_side="right"), 0, False),
    ],
)
def test_metal_at_the_left_and_top_is_where_a_radiologist_expects_it(carm, column_side, is_left_right):
    volume, metal = block()
    picture = render_view(volume, carm, metal=metal, config=CONFIG)
    row, column = (float(np.average(a, weights=picture.shadows.metal_mm)) for a in np.indices((64, 72)))
    assert row < 31.5 - 8.0
    if is_left_right:
        assert (column - 35.5) * column_side > 8.0
    else:
        assert abs(column - 35.5) < 1.0
    np.testing.assert_allclose((row, column), project(carm, np.add(CENTRE, [20.0, 0.0, 20.0])), atol=0.5)


@pytest.mark.parametrize(("polarity", "metal_is_dark"), [("dark_metal", True), ("bright_metal", False)])
def test_polarity(polarity, metal_is_dark):
    config = CONFIG.model_copy(update={"polarity": polarity, "local_scale_mm": 40.0})
    volume, metal = block()
    picture = render_view(volume, ap_view(CENTRE, config=config), metal=metal, config=config)
    shown = display_image(picture, config=config).astype(int)
    assert shown.dtype != np.uint8
    ball, bone = shown[picture.shadows.metal_mm > 10.0].mean(), shown[40:48, 34:38].mean()
    water = shown[40:48, 20:26].mean()
    order = [ball, bone, water]
    assert order == sorted(order, reverse=not metal_is_dark)
    assert abs(bone - water) > 40.0
    assert shown[31, 59] == shown[0, 0] == (255 if metal_is_dark else 0)


def test_air_alone_is_an_empty_bright_picture():
    volume, _ = block()
    air = Volume(volume.grid, np.full(volume.grid.shape, -1000, dtype=np.int16))
    picture = render_view(air, ap_view(CENTRE, config=CONFIG), config=CONFIG)
    assert not picture.attenuation.any()
    assert not picture.cut.any()
    assert np.all(display_image(picture, config=CONFIG) == 255)


def test_one_energy_gives_attenuation_times_length_and_transmission():
    config = CONFIG.model_copy(update={"spectrum": (SpectrumLine(energy_kev=60.0, share=1.0),)})
    volume, _ = block()
    picture = render_view(volume, ap_view(CENTRE, config=config), config=config)
    water, bone = (float(attenuation_per_mm(m, [60.0])[0]) for m in (WATER, CORTICAL_BONE))
    expected = water * picture.shadows.water_mm + bone * picture.shadows.bone_mm
    np.testing.assert_allclose(picture.attenuation, expected, atol=1e-5)
    np.testing.assert_allclose(picture.transmission, np.exp(-expected), atol=1e-5)


def test_noise_comes_from_its_seed_and_scatter_lowers_contrast():
    volume, metal = block()
    ready = make_projectable(volume, metal=metal, config=CONFIG)
    carm = view_at(CENTRE, primary_deg=20.0, secondary_deg=5.0, config=CONFIG)
    changes = [{}, {"photons_per_pixel": 500.0}, {"photons_per_pixel": 500.0}]
    changes += [{"photons_per_pixel": 500.0, "noise_seed": 7}, {"scatter_to_primary": 1.0}, {"detector_blur_mm": 5.0}]
    clean, first, again, other, scattered, blurred = (
        take_picture(ready, carm, config=CONFIG.model_copy(update=change)).attenuation for change in changes
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    assert 0.01 < np.std(first - clean) < 0.5
    assert np.ptp(scattered) < 0.9 * np.ptp(clean)
    assert np.abs(np.diff(blurred, axis=0)).max() < 0.8 * np.abs(np.diff(clean, axis=0)).max()


def test_rays_past_the_ends_of_a_cut_body_are_marked():
    volume, _ = block()
    carm = ap_view(CENTRE, config=CONFIG)
    whole = render_view(volume, carm, config=CONFIG)
    assert not whole.cut.any()
    across = render_view(volume.crop((12, 0, 0), (28, 40, 40)), carm, config=CONFIG)
    assert across.cut[:16, 10:62].all()
    assert across.cut[-16:, 10:62].all()
    assert not across.cut[27:37, 10:62].any()
    # Beside the CT, where its sides end in air, the beam is open; past its cut ends the body may go on.
    assert not across.cut[31, [0, -1]].any()
    assert np.all(display_image(across, config=CONFIG)[:16, 10:62] == 0)


def test_a_ct_cut_at_its_sides_is_not_taken_for_a_narrow_body():
    volume, _ = block()
    carm = ap_view(CENTRE, config=CONFIG)
    whole = render_view(volume, carm, config=CONFIG)
    assert not whole.shortened
    narrow = render_view(volume.crop((0, 0, 10), (40, 40, 30)), carm, config=CONFIG)
    # Beams that pass only a corner of the block, before they leave it through the cut side, and those beside it.
    assert narrow.cut[20:44, :24].all()
    assert narrow.cut[20:44, -24:].all()
    assert not narrow.cut[30:34, 33:39].any()
    assert not narrow.shortened
    lateral = lateral_view(CENTRE, config=CONFIG)
    assert render_view(volume.crop((0, 0, 10), (40, 40, 30)), lateral, config=CONFIG).shortened


def test_scatter_does_not_brighten_the_beams_past_a_cut_end():
    volume, _ = block()
    config = CONFIG.model_copy(update={"scatter_to_primary": 1.0, "scatter_reach_mm": 8.0})
    carm = ap_view(CENTRE, config=config)
    # Without the air before and behind it, so that a share of the way is that share of the tissue.
    cut = volume.crop((12, 5, 0), (28, 35, 40))
    picture = render_view(cut, carm, config=config)
    depth = picture.attenuation / np.maximum(picture.scanned_share, 0.25)
    past = np.flatnonzero(picture.cut[:, 24] & (picture.scanned_share[:, 24] > 0.3))
    assert len(past) >= 2
    np.testing.assert_allclose(depth[past, 24], depth[32, 24], rtol=0.15)
