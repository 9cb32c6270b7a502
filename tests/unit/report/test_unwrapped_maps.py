"""Pictures of unwrapped maps: the right side in the right place, told apart by colour."""

import functools
import io

import matplotlib.image
import numpy as np
import pytest

from planner.model.unwrapped import UnwrappedMap
from planner.report.html import render_report
from planner.report.unwrapped_maps import direction_names, draw_map, edges_mm, map_pictures

ROWS, COLUMNS = 40, 48


def _map(*, kind="pedicle_screw", side="left", name="screw-1", width=None, in_bone=None) -> UnwrappedMap:
    along, turn = np.arange(ROWS) + 1.25, np.arange(COLUMNS) * 7.5 + 2.5
    lies = kind == "pedicle_screw"
    width = np.zeros((ROWS, COLUMNS)) if width is None else width(along[:, None], turn[None])
    return UnwrappedMap(
        implant_id=name, kind=kind, side=side, length_mm=42.0, along_mm=along, is_tip=along > 37.0, round_deg=turn,
        zero_lps=(0.0, 0.0, 1.0) if lies else (0.0, -1.0, 0.0), quarter_lps=(-1.0, 0.0, 0.0), width_mm=width,
        width_sd_mm=np.where(width > 0.0, 0.2, np.nan),
        in_bone=np.ones((ROWS, COLUMNS), bool) if in_bone is None else in_bone(along[:, None], turn[None]),
        zone=np.repeat((along > 20.0).astype(np.int64)[:, None], COLUMNS, axis=1), zones=("gruen-1", "gruen-2"),
    )  # fmt: skip


def _image(unwrapped):
    return matplotlib.image.imread(io.BytesIO(draw_map(unwrapped)))[..., :3]


@functools.cache
def _place():
    """Where the map's own part of its picture lies, without axes and colour bar: what is grey where no bone is."""
    plain = _image(_map(in_bone=lambda along, turn: along * turn < 0))
    grey = np.abs(plain - np.array([0xB3, 0xB8, 0xBD]) / 255.0).max(axis=2) < 0.02
    rows, columns = (np.flatnonzero(grey.sum(axis=axis) > 150) for axis in (1, 0))
    columns = columns[: int(np.argmax(np.append(np.diff(columns), 9) > 1)) + 1]
    return slice(rows[0] + 2, rows[-1] - 2), slice(columns[0] + 2, columns[-1] - 2)


def _field(unwrapped):
    return _image(unwrapped)[_place()]


def _is_coloured(field):
    return np.ptp(field, axis=2) > 0.15


def test_a_gap_lies_where_it_looks_and_where_it_is_along_the_shaft():
    field = _field(_map(width=lambda a, t: np.where((t > 200) & (t < 340) & (a > 30), 2.0, 0.0)))
    rows, columns = np.nonzero(_is_coloured(field))
    tall, wide = field.shape[:2]
    assert rows.min() / tall == pytest.approx(29.5 / 41.5, abs=0.03)
    assert rows.max() / tall > 0.97
    assert columns.min() / wide == pytest.approx(200 / 360, abs=0.03)
    assert columns.max() / wide == pytest.approx(340 / 360, abs=0.03)
    assert field[tall // 4, wide // 2].min() > 0.98, "no gap is white"


def test_a_wider_gap_is_darker_and_the_scale_is_that_of_every_map():
    def shade(width):
        return float(np.median(_field(_map(width=lambda a, t: np.full((ROWS, COLUMNS), width))).mean(axis=2)))

    shades = [shade(width) for width in (0.5, 1.5, 3.0, 4.8)]
    assert shades == sorted(shades, reverse=True)


def test_what_was_not_read_is_hatched_and_where_no_bone_is_is_grey():
    unread = _field(_map(width=lambda a, t: np.where(a < 20, np.nan, 0.0) + 0.0 * t))
    top, bottom = unread[: len(unread) // 3], unread[2 * len(unread) // 3 :]
    assert top.std() > 0.05, "stripes"
    assert bottom.std() < 0.01, "plain white"
    bare = _field(
        _map(width=lambda a, t: np.where(a < 20, np.nan, 0.0) + 0.0 * t, in_bone=lambda a, t: (a >= 20) | (t < 0))
    )
    assert bare[: len(bare) // 3].mean() == pytest.approx(0.72, abs=0.03)
    assert bare[: len(bare) // 3].std() < 0.03


def test_columns_that_do_not_begin_at_0_fill_the_edge_from_the_other_side():
    field = _field(_map(width=lambda a, t: np.where(t > 352.0, 2.0, 0.0) + 0.0 * a))
    coloured = _is_coloured(field).mean(axis=0)
    assert coloured[-3:].mean() > 0.9
    assert coloured[len(coloured) // 2] == 0.0


def test_directions_are_the_patients_and_a_stems_are_medial_and_lateral():
    assert direction_names(_map()) == ("head", "right", "feet", "left")
    stem = _map(kind="femoral_stem", side="left")
    assert direction_names(stem) == ("front", "medial", "back", "lateral")
    assert direction_names(_map(kind="femoral_stem", side="right")) == ("front", "lateral", "back", "medial")
    assert direction_names(_map(kind="femoral_stem", side=None)) == ("front", "right", "back", "left")


def test_rows_end_at_the_tip():
    edges = edges_mm(_map())
    assert (edges[0], edges[-1], len(edges)) == (0.75, 42.0, ROWS + 1)


def test_only_implants_with_a_gap_are_drawn_and_alike_each_time():
    maps = (_map(), _map(name="screw-2"), _map(kind="femoral_stem", name="stem"))
    drawn = map_pictures(maps, ["screw-2", "screw-2", "stem"])
    assert list(drawn) == ["unwrapped/screw-2", "unwrapped/stem"]
    assert drawn["unwrapped/screw-2"] == draw_map(maps[1])
    assert map_pictures(maps, []) == {}


def test_the_report_shows_them_with_their_implants_place(plan):
    page = render_report(plan, {"unwrapped/screw-1": b"png", "unwrapped/screw-9": b"no such implant"})
    assert "Width of the gaps, unwrapped" in page
    assert "screw-1 · pedicle screw · L4 · left" in page
    assert "screw-9" not in page
    assert "Gruen" not in page
    assert "unwrapped" not in render_report(plan, {})
