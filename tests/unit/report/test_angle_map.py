"""Pictures of angle maps: shares, reach and marks stand where the angles say."""

import functools
import io
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest

from planner.fluoro.console import console_angles_deg
from planner.model.view_sight import AngleMap
from planner.report.angle_map import AngleMark, draw_angle_map

PRIMARY, SECONDARY = np.arange(-60.0, 91.0, 5.0), np.arange(-45.0, 46.0, 5.0)


def angle_map(share=lambda p, s: 0.0 * p * s, *, reach=None, position="HFS", primary=PRIMARY) -> AngleMap:
    grid = primary[None, :], SECONDARY[:, None]
    console = np.array([[console_angles_deg(float(p), float(s), position) for p in primary] for s in SECONDARY])
    reached = np.ones((len(SECONDARY), len(primary)), bool) if reach is None else reach(*grid)
    return AngleMap(
        "gap-1", primary, SECONDARY, console, reached, np.where(reached, share(*grid) + 0.0 * grid[0], np.nan)
    )


def image(angles, marks=()):
    return matplotlib.image.imread(io.BytesIO(draw_angle_map(angles, marks)))[..., :3]


DARK = np.array(matplotlib.colormaps["viridis"](0.0)[:3])


@functools.cache
def place():
    """Where the map itself lies in its picture: all dark where nothing is seen."""
    found = np.abs(image(angle_map()) - DARK).max(axis=2) < 0.02
    rows, columns = (np.flatnonzero(found.sum(axis=axis) > 150) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def share_of(colour):
    """The share that a colour stands for; None for one that is not of the scale."""
    off = np.abs(colour - matplotlib.colormaps["viridis"](np.linspace(0, 1, 256))[:, :3]).max(axis=1)
    return float(off.argmin() / 255.0) if off.min() < 0.02 else None


def at(field, primary, secondary, *, axis=PRIMARY):
    """The pixel of a view: primary to the right, secondary upwards."""
    rows, columns = field.shape[:2]
    low, wide = axis[0] - 2.5, axis[-1] - axis[0] + 5.0
    row = rows * (1.0 - (secondary - SECONDARY[0] + 2.5) / 95.0)
    return field[int(row), int(columns * ((primary - low) / wide))]


def test_a_share_stands_at_its_angles_lao_to_the_right_and_cranial_up():
    field = image(angle_map(lambda p, s: np.where((p > 42) & (s > 22), 1.0, 0.2)))[place()]
    assert share_of(at(field, 60.0, 35.0)) == pytest.approx(1.0, abs=0.01)
    for elsewhere in ((60.0, -35.0), (-40.0, 35.0), (-40.0, -35.0), (40.0, 35.0), (60.0, 20.0)):
        assert share_of(at(field, *elsewhere)) == pytest.approx(0.2, abs=0.01)


def test_more_is_lighter():
    def lightness(share):
        return image(angle_map(lambda p, s: share + 0.0 * p))[place()].mean()

    assert lightness(0.1) < lightness(0.5) < lightness(0.9)


def test_out_of_reach_is_hatched_and_what_is_not_known_is_grey():
    angles = angle_map(lambda p, s: np.where(s > 12, np.nan, 0.5), reach=lambda p, s: (p > -30) & (s < 1e9))
    picture = image(angles)[place()]
    left = picture[:, : picture.shape[1] // 8]
    assert left.std() > 0.05 and left.mean() > 0.75, "stripes on white"
    grey = at(picture, 50.0, 30.0)
    np.testing.assert_allclose(grey, np.array([0xB3, 0xB8, 0xBD]) / 255.0, atol=0.01)
    assert share_of(at(picture, 50.0, 30.0)) is None
    assert share_of(at(picture, 50.0, -30.0)) == pytest.approx(0.5, abs=0.01)


def test_a_mark_stands_at_its_angles_whole_turns_aside_and_one_beside_the_map_is_left_out():
    def changed(*marks):
        return np.argwhere(np.abs(image(angle_map(), marks)[place()] - image(angle_map())[place()]).max(axis=2) > 0.1)

    rows, columns = (s.stop - s.start for s in place())
    for turn in (0.0, 360.0, -360.0):
        where = changed(AngleMark("bull's-eye", "first", 30.0 + turn, 20.0)).mean(axis=0)
        wanted = rows * (1.0 - (20.0 + 47.5) / 95.0), columns * (30.0 + 62.5) / 155.0
        np.testing.assert_allclose(where, wanted, atol=2.5)
    assert not len(changed(AngleMark("lateral", "lateral", -100.0, 0.0)))
    assert not len(changed(AngleMark("lateral", "lateral", 0.0, 60.0)))


def test_every_kind_of_mark_and_its_better_view_are_told_apart():
    kinds = ("frontal", "lateral", "endplate frontal", "true lateral", "bull's-eye")
    pictures = {
        (kind, better): draw_angle_map(angle_map(), [AngleMark(kind, "x", 0.0, 0.0, is_better=better)])
        for kind in kinds
        for better in (False, True)
    }
    assert len(set(pictures.values())) == len(pictures)


def test_the_legend_names_only_what_is_there():
    right = slice(place()[1].stop + 20, None)

    def legend(*args, **kwargs):
        return image(*args, **kwargs)[:, right]

    plain = legend(angle_map())
    assert not np.array_equal(plain, legend(angle_map(), [AngleMark("frontal", "AP", 0.0, 0.0)]))
    assert not np.array_equal(plain, legend(angle_map(reach=lambda p, s: (p > 0) & (s < 1e9))))
    assert not np.array_equal(plain, legend(angle_map(lambda p, s: np.where(p > 0, np.nan, 0.5) + 0.0 * s)))
    beside = [AngleMark("frontal", "AP", 180.0, 0.0)]
    assert np.array_equal(plain, legend(angle_map(), beside))


@pytest.mark.parametrize(("position", "differs"), [("HFS", ""), ("HFP", "above"), ("HFDL", "above"), ("FFS", "both")])
def test_the_patients_own_angles_stand_above_and_beside_where_the_console_has_others(position, differs):
    primary = PRIMARY + 165.0
    picture = image(angle_map(lambda p, s: 0.0 * p * s, position=position, primary=primary))
    dark = np.abs(picture - DARK).max(axis=2) < 0.02
    rows, columns = (np.flatnonzero(dark.sum(axis=axis) > 150) for axis in (1, 0))
    assert (rows[0] > 60) == (differs != "")
    own_right = image(angle_map(position="HFS", primary=primary))
    beside = np.flatnonzero((np.abs(own_right - DARK).max(axis=2) < 0.02).sum(axis=0) > 150)
    assert (beside[-1] - columns[-1] > 60) == (differs == "both")


def test_the_same_map_gives_the_same_bytes_75_mm_high():
    angles = angle_map(lambda p, s: np.abs(p) / 100.0 + 0.0 * s)
    marks = [AngleMark("frontal", "AP", 0.0, 0.0)]
    assert draw_angle_map(angles, marks) == draw_angle_map(replace(angles), marks)
    assert image(angles).shape[0] / 230 * 25.4 == pytest.approx(75.0, abs=0.5)
