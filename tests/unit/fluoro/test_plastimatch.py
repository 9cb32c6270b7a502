"""The projector against an independent one: plastimatch's exact ray tracing (Siddon, Med Phys 1985) of the same CT.

Ours gives lengths of water and of whole cortical bone. Between them HU is split in a straight line, so that for every
HU from air to the ceiling `water + (1 + cortical_hu / 1000) * bone` is 1 + HU / 1000, and the same holds for the
lengths: that sum is compared, mm of water, with plastimatch's integral over 1 + HU / 1000.

Which way plastimatch's picture lies is not tried out: the matrix that it writes beside the picture says where a point
falls, and which way its rows and columns run in the patient. The directions it is asked for are worked out here from
the angles' definition in DICOM PS3.3 C.8.7.5.1.2, by turning the C-arm, and not by the code under test.
"""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial.transform import Rotation

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.projectable import make_projectable
from planner.fluoro.projector import project_mask, project_volume
from planner.fluoro.views import view_at
from planner.geometry.grid import Grid
from planner.io import load_ct
from planner.model.volume import Mask, Volume
from planner.phantoms.solids.basic import Ball, Cylinder, Ellipsoid, RoundedBox

pytestmark = pytest.mark.skipif(
    shutil.which("plastimatch") is None, reason="plastimatch (Debian's package) is not installed"
)

LEAST_CORRELATION = 0.999
CONFIG = FluoroConfig(rows=88, columns=72, pixel_mm=3.1)
ISOCENTRE = np.array([17.0, -52.0, 231.0])
POSES = {
    "AP": (0.0, 0.0),
    "PA": (180.0, 0.0),
    "left lateral": (90.0, 0.0),
    "right lateral": (-90.0, 0.0),
    "LAO 30 cranial 25": (30.0, 25.0),
    "LAO 70 caudal 35": (70.0, -35.0),
    "RAO 45 cranial 40": (-45.0, 40.0),
    "from behind, RAO 140 caudal 15": (-140.0, -15.0),
    "from behind, LAO 155 cranial 20": (155.0, 20.0),
}


class Judged(NamedTuple):
    """Plastimatch's picture, and what it says of its geometry."""

    sums: np.ndarray  # (rows, columns) as in the file; mm times the voxels' values
    matrix: np.ndarray  # (3, 4), from LPS to (column, row, 1) off `centre`, times a factor
    centre: np.ndarray  # (column, row)

    def pixel(self, point_lps):
        column, row, scale = self.matrix @ np.append(point_lps, 1.0)
        return np.array([row / scale + self.centre[1], column / scale + self.centre[0]])

    def as_seen_along(self, right_lps, down_lps):
        """Give the picture with columns along one direction and rows along another, where its own allow that."""
        columns, rows = (axis @ to for axis, to in zip(self._axes(), (right_lps, down_lps), strict=True))
        assert abs(columns) == pytest.approx(1.0, abs=1e-6) and abs(rows) == pytest.approx(1.0, abs=1e-6)
        return self.sums[:: int(np.sign(rows)), :: int(np.sign(columns))]

    def _axes(self):
        return self.matrix[:2, :3] / np.linalg.norm(self.matrix[:2, :3], axis=1, keepdims=True)


def turned_carm(primary, secondary, image_turn_deg=0.0):
    """Give the directions to the detector, to the image's right and up, by turning the C-arm away from AP."""
    # An image that is turned clockwise shows at its top what was at its left: in AP, what is towards -x.
    turn = Rotation.from_euler("y", -image_turn_deg, degrees=True)
    tilt, swing = Rotation.from_euler("x", -secondary, degrees=True), Rotation.from_euler("z", primary, degrees=True)
    return (swing * tilt * turn).apply([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def judge(file, isocentre, primary, secondary, config=CONFIG, conversion="none", image_turn_deg=0.0):
    """Let plastimatch project a file."""
    towards, _, up = turned_carm(primary, secondary, image_turn_deg)
    # Its help says "row col", its pictures are columns x rows. Its normal points from the isocentre to the source.
    options = {
        "-i": "exact",
        "-t": "pfm",
        "-P": conversion,
        "-r": f"{config.columns} {config.rows}",
        "-z": f"{config.columns * config.pixel_mm} {config.rows * config.pixel_mm}",
        "--sad": f"{config.source_isocentre_mm}",
        "--sid": f"{config.source_detector_mm}",
        "-o": " ".join(f"{v:.9f}" for v in isocentre),
        "-n": " ".join(f"{v:.9f}" for v in -towards),
        "--vup": " ".join(f"{v:.9f}" for v in up),
        "-O": str(file.with_name("drr_")),
    }
    command = ["plastimatch", "drr", *(word for pair in options.items() for word in pair), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    kind, size, byte_order, pixels = file.with_name("drr_0000.pfm").read_bytes().split(b"\n", 3)
    assert kind == b"Pf" and float(byte_order) < 0  # grey, little-endian
    columns, rows = (int(n) for n in size.split())
    lines = file.with_name("drr_0000.txt").read_text().splitlines()
    centre, *matrix = (np.array(line.split(), dtype=float) for line in lines[:4])
    # It gives a tenth of the sum, taking mm for cm.
    return Judged(np.frombuffer(pixels, "<f4").reshape(rows, columns) * 10.0, np.stack(matrix), centre)


def write_upright(path, grid, values, around=0.0):
    """Write voxels for plastimatch, which looks at no axes: to the patient's left, posterior and superior."""
    np.testing.assert_allclose(grid.directions_lps, np.eye(3)[:, ::-1], atol=1e-9)
    # For plastimatch a CT ends in the middle of its outermost voxels: with one more all round it counts to the faces.
    image = sitk.GetImageFromArray(np.pad(values.astype(np.float32), 1, constant_values=around))
    image.SetSpacing(grid.spacing_mm[::-1])
    image.SetOrigin([float(v) for v in grid.to_lps([-1, -1, -1])])
    sitk.WriteImage(image, str(path))
    return path


def shares_of_water(volume):
    """Give 1 + HU / 1000 within the range that the projector takes."""
    return 1.0 + np.clip(volume.hu, -1000, 3094) / 1000.0


def our_sums(ready, isocentre, primary, secondary, config=CONFIG):
    carm = view_at(isocentre, primary_deg=primary, secondary_deg=secondary, config=config)
    shadows = project_volume(ready, carm)
    return shadows.water_mm + (1.0 + config.cortical_hu / 1000.0) * shadows.bone_mm


def correlation(ours, theirs):
    """Correlate two pictures where rays cross anything: the empty field beside it would flatter."""
    crossed = (ours > 0.0) | (theirs > 0.0)
    assert np.count_nonzero(crossed) > 0.2 * crossed.size
    return float(np.corrcoef(ours[crossed], theirs[crossed])[0, 1])


def upright_grid():
    spacing_mm, shape = (1.5, 0.8, 1.1), (100, 146, 132)
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * spacing_mm
    matrix[:3, 3] = [-58.0, -115.0, 145.0]
    return Grid(shape, matrix)


def solids_hu(grid, dense_hu):
    """Fill a grid with a body that looks different from every side, with edges two voxels wide."""
    at_lps = grid.to_lps(np.indices(grid.shape).reshape(3, -1).T)
    hu = np.full(len(at_lps), -1000.0)
    inside = [
        (Ellipsoid((13.0, -55.0, 222.0), (62.0, 48.0, 66.0)), -700.0),
        (Ellipsoid((38.0, -70.0, 240.0), (20.0, 16.0, 40.0)), -880.0),
        (Ball((52.0, -50.0, 262.0), 7.0), 60.0),
        (Ball((-30.0, -22.0, 232.0), 8.0), 20.0),
        (Ball((10.0, -95.0, 190.0), 9.0), 80.0),
        (Cylinder((-20.0, -40.0, 180.0), (10.0, -60.0, 265.0), 11.0), dense_hu[0]),
        (RoundedBox((35.0, -30.0, 200.0), (14.0, 9.0, 18.0), 2.0), dense_hu[1]),
        (Ball((-12.0, -78.0, 205.0), 9.0), dense_hu[2]),
    ]
    for solid, own_hu in inside:
        share = np.clip(0.5 - solid.distance_mm(at_lps) / 2.5, 0.0, 1.0)
        hu += share * (own_hu - hu)
    return hu.reshape(grid.shape).astype(np.float32)


@pytest.fixture(scope="module", params=[(95.0, -90.0, 100.0), (700.0, 1800.0, 2900.0)], ids=["soft tissue", "bone"])
def phantom(request, tmp_path_factory):
    grid = upright_grid()
    volume = Volume(grid, solids_hu(grid, request.param))
    file = write_upright(tmp_path_factory.mktemp("drr") / "ct.mha", grid, shares_of_water(volume))
    return volume, file


def stored_otherwise(volume):
    """Give the same CT with its axes in another order and one read backwards."""
    matrix = volume.grid.lps_from_index.copy()
    matrix[:3, 3] += matrix[:3, 1] * (volume.grid.shape[1] - 1)
    matrix[:3, 1] *= -1.0
    order = (2, 0, 1)
    matrix[:3, :3] = matrix[:3, order]
    hu = np.flip(volume.hu, 1).transpose(order)
    return Volume(Grid(hu.shape, matrix), hu)


@pytest.mark.parametrize("angles", POSES.values(), ids=POSES)
def test_its_matrix_says_where_in_its_file_a_point_is(tmp_path, angles):
    grid = upright_grid()
    marker, values = (80, 90, 92), np.zeros(grid.shape)
    values[79:82, 88:93, 90:95] = 1.0  # no single voxel: that may fall between two rays
    seen = judge(write_upright(tmp_path / "marker.mha", grid, values), ISOCENTRE, *angles)
    assert seen.sums.shape == (CONFIG.rows, CONFIG.columns) == (88, 72)
    middle = np.array(ndimage.center_of_mass(seen.sums))
    said = seen.pixel(grid.to_lps(marker))
    assert np.abs(middle - said).max() < 0.5
    # It could have said no: in a mirrored picture the marker would lie elsewhere.
    mirrored = np.array(seen.sums.shape) - 1 - said
    assert np.abs(middle - mirrored).min() > 8.0


@pytest.mark.parametrize("stored", [lambda volume: volume, stored_otherwise], ids=["upright", "stored otherwise"])
@pytest.mark.parametrize("angles", POSES.values(), ids=POSES)
def test_line_integrals_agree(phantom, angles, stored):
    volume, file = phantom
    _, right, up = turned_carm(*angles)
    theirs = judge(file, ISOCENTRE, *angles).as_seen_along(right, -up)
    ours = our_sums(make_projectable(stored(volume), config=CONFIG), ISOCENTRE, *angles)
    assert correlation(ours, theirs) >= LEAST_CORRELATION
    # In size, too: nothing was scaled to fit.
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.005)
    assert np.sqrt(np.mean((ours - theirs) ** 2)) < 0.01 * theirs.max()


@pytest.mark.parametrize("angles", POSES.values(), ids=POSES)
def test_a_mirrored_or_turned_picture_would_fail(phantom, angles):
    volume, file = phantom
    _, right, up = turned_carm(*angles)
    seen = judge(file, ISOCENTRE, *angles)
    ours = our_sums(make_projectable(volume, config=CONFIG), ISOCENTRE, *angles)
    for mirrored in ((-right, -up), (right, up), (-right, up)):
        assert correlation(ours, seen.as_seen_along(*mirrored)) < 0.95
    # Plastimatch looks from the source, we look from the detector: its file as it lies is such a picture.
    assert correlation(ours, seen.sums) < 0.95


@pytest.mark.parametrize(("turn_deg", "flip"), [(25.0, "none"), (90.0, "left_right"), (-140.0, "top_bottom")])
def test_an_image_that_the_console_turned_and_mirrored_agrees(phantom, turn_deg, flip):
    volume, file = phantom
    angles = POSES["LAO 70 caudal 35"]
    _, right, up = turned_carm(*angles, turn_deg)
    shown = (-right if flip == "left_right" else right, up if flip == "top_bottom" else -up)
    theirs = judge(file, ISOCENTRE, *angles, image_turn_deg=turn_deg).as_seen_along(*shown)
    config = CONFIG.model_copy(update={"image_rotation_deg": turn_deg, "image_flip": flip})
    ready = make_projectable(volume, config=config)
    assert correlation(our_sums(ready, ISOCENTRE, *angles, config=config), theirs) >= LEAST_CORRELATION
    other_way = config.model_copy(update={"image_rotation_deg": -turn_deg})
    assert correlation(our_sums(ready, ISOCENTRE, *angles, config=other_way), theirs) < 0.95


@pytest.mark.parametrize(
    ("off_deg", "off_mm"),
    [((3.0, 0.0), (0, 0, 0)), ((0.0, 3.0), (0, 0, 0)), ((0.0, 0.0), (2, -2, 2))],
    ids=["primary", "secondary", "isocentre"],
)
@pytest.mark.parametrize("angles", [(0.0, 0.0), (70.0, -35.0)], ids=["AP", "oblique"])
def test_a_pose_slightly_off_would_fail(phantom, angles, off_deg, off_mm):
    volume, file = phantom
    _, right, up = turned_carm(*angles)
    theirs = judge(file, ISOCENTRE, *angles).as_seen_along(right, -up)
    wrong = our_sums(
        make_projectable(volume, config=CONFIG), ISOCENTRE + off_mm, *np.add(angles, off_deg), config=CONFIG
    )
    assert correlation(wrong, theirs) < LEAST_CORRELATION


@pytest.mark.parametrize("distances", [(890.0, 610.0), (1190.0, 785.0)], ids=["near", "far"])
def test_other_distances_agree_and_are_told_apart(phantom, distances):
    volume, file = phantom
    config = FluoroConfig(
        rows=88, columns=72, pixel_mm=3.1, source_detector_mm=distances[0], source_isocentre_mm=distances[1]
    )
    angles = (30.0, 25.0)
    _, right, up = turned_carm(*angles)
    theirs = judge(file, ISOCENTRE, *angles, config=config).as_seen_along(right, -up)
    ready = make_projectable(volume, config=config)
    assert correlation(our_sums(ready, ISOCENTRE, *angles, config=config), theirs) >= LEAST_CORRELATION
    assert correlation(our_sums(ready, ISOCENTRE, *angles), theirs) < 0.99


def test_its_own_reading_of_hu_agrees(tmp_path):
    # It takes all up to -800 HU for air, and 0.022 per mm for water (NIST, 50 keV).
    grid = upright_grid()
    hu = solids_hu(grid, (95.0, -90.0, 100.0))
    hu = np.where(hu <= -800.0, -1000.0, hu)
    file = write_upright(tmp_path / "hu.mha", grid, hu, around=-1000.0)
    angles = POSES["RAO 45 cranial 40"]
    _, right, up = turned_carm(*angles)
    theirs = judge(file, ISOCENTRE, *angles, conversion="preprocess").as_seen_along(right, -up)
    ours = project_volume(
        make_projectable(Volume(grid, hu), config=CONFIG),
        view_at(ISOCENTRE, primary_deg=angles[0], secondary_deg=angles[1], config=CONFIG),
    )
    assert not ours.bone_mm.any()
    assert correlation(ours.water_mm, theirs) >= LEAST_CORRELATION
    assert (0.022 * ours.water_mm).sum() == pytest.approx(theirs.sum(), rel=0.005)


def test_lengths_within_a_mask_agree(tmp_path):
    grid = upright_grid()
    at_lps = grid.to_lps(np.indices(grid.shape).reshape(3, -1).T)
    solids = (Ellipsoid((20.0, -60.0, 235.0), (40.0, 26.0, 30.0)), Ball((-5.0, -40.0, 200.0), 16.0))
    voxels = np.logical_or(*(solid.distance_mm(at_lps) < 0.0 for solid in solids)).reshape(grid.shape)
    file = write_upright(tmp_path / "mask.mha", grid, voxels)
    for angles in (POSES["left lateral"], POSES["LAO 30 cranial 25"]):
        _, right, up = turned_carm(*angles)
        theirs = judge(file, ISOCENTRE, *angles).as_seen_along(right, -up)
        carm = view_at(ISOCENTRE, primary_deg=angles[0], secondary_deg=angles[1], config=CONFIG)
        ours = project_mask(Mask(grid, voxels), carm)
        assert correlation(ours, theirs) >= 0.998  # a mask's edges are steps, which ours ramps and plastimatch does not
        assert ours.sum() == pytest.approx(theirs.sum(), rel=0.005)


@pytest.mark.parametrize(
    ("name", "pixel_mm"),
    [("cases/thoracic_loose_screws/dicom", 2.0), ("real/lumbar_ct.nii.gz", 3.0), ("real/femoral_nail_ct.nii.gz", 6.0)],
    ids=["thoracic with screws", "lumbar, stored otherwise", "trunk with a nail"],
)
@pytest.mark.parametrize("angles", [(0.0, 0.0), (90.0, 0.0), (33.0, -21.0), (-140.0, 35.0)])
def test_line_integrals_of_real_cts_agree(shared_dir: Path, tmp_path, name, pixel_mm, angles):
    # Pixels, seen at the isocentre, are about as large as voxels. With smaller ones plastimatch shows the edges of the
    # voxels, between which ours interpolates: on the nail's of 3 mm, looked at along their axes, that leaves 0.991.
    config = FluoroConfig(rows=120, columns=108, pixel_mm=pixel_mm)
    volume = load_ct(shared_dir / name)
    isocentre = np.add(volume.grid.centre_lps, [8.0, -12.0, 10.0])
    upright = volume.in_patient_axes()
    file = write_upright(tmp_path / "ct.mha", upright.grid, shares_of_water(upright))
    _, right, up = turned_carm(*angles)
    seen = judge(file, isocentre, *angles, config=config)
    ours = our_sums(make_projectable(volume, config=config), isocentre, *angles, config=config)
    theirs = seen.as_seen_along(right, -up)
    assert correlation(ours, theirs) >= LEAST_CORRELATION
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.005)
    for mirrored in ((-right, -up), (right, up)):
        assert correlation(ours, seen.as_seen_along(*mirrored)) < 0.99
