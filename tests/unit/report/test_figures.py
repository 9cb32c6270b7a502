"""Pictures: the patient's left on the viewer's right, head up, the plan's colours in them."""

import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from planner.errors import CancelledError, GeometryError
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.model.finding import Finding
from planner.model.implant import LooseningCriterion
from planner.model.labels import LabelMap, Structure
from planner.model.needle import Procedure, ProposedSet
from planner.model.volume import Mask, Volume
from planner.report.canvas import draw_frame, open_sheet
from planner.report.figures import PictureInput, draw_cut, gap_cuts, gap_pictures, shown_needles
from planner.report.overview import _name, _number, _Room, overview_pictures
from planner.report.reslice import axial, coronal, needles_eye

STRUCTURES = (
    Structure(code=1, kind="implant", id="screw-1"),
    Structure(code=2, kind="gap", id="gap-1"),
    Structure(code=3, kind="canal", id="canal"),
)
AXIAL = np.eye(3)[:, ::-1]


def inputs_of(plan, *, directions=AXIAL, labelled=True):
    """Soft tissue with one bright bead at left, front, head: (12, -9, 8)."""
    shape = (48, 52, 56)
    matrix = np.eye(4)
    matrix[:3, :3] = directions * 1.0
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    grid = Grid(shape, matrix)
    at = grid.to_lps(np.moveaxis(np.indices(shape), 0, -1))
    hu = np.full(shape, -500, np.int16)
    hu[np.linalg.norm(at - (12.0, -9.0, 8.0), axis=-1) < 4.0] = 2500
    codes = np.zeros(shape, np.uint8)
    if labelled:
        shaft = np.hypot(at[..., 0] - 10.0, at[..., 2])
        codes[(shaft < 5.0) & (np.abs(at[..., 1]) < 12.0)] = 2
        codes[(shaft < 3.0) & (np.abs(at[..., 1]) < 15.0)] = 1
        codes[np.hypot(at[..., 0], at[..., 1] - 18.0) < 5.0] = 3
    return PictureInput(Volume(grid, hu), LabelMap(grid, codes, STRUCTURES), plan)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.mark.parametrize(
    "directions",
    [AXIAL, AXIAL * np.array([-1.0, 1.0, 1.0]), rotation_about((0.2, 0.3, 1.0), 20.0) @ AXIAL],
    ids=["axial", "left-handed", "oblique"],
)
@pytest.mark.parametrize(("view", "up_mm"), [("axial", 9.0), ("coronal", 8.0)])
def test_the_patients_left_is_on_the_viewers_right_and_up_is_up(plan, directions, view, up_mm):
    inputs = inputs_of(plan, directions=directions, labelled=False)
    cut = axial((0.0, 0.0, 8.0), 24.0) if view == "axial" else coronal((0.0, -9.0, 0.0), 24.0)
    seen = pixels(draw_cut(inputs, cut, title=view))
    size = len(seen)
    # The letters and the scale lie at the rim.
    rim = size // 9
    bright = np.argwhere(seen[rim:-rim, rim:-rim].min(axis=-1) > 240) + rim
    row, column = bright.mean(axis=0)
    assert (column / size - 0.5) * 48.0 == pytest.approx(12.0, abs=0.6)
    assert (0.5 - row / size) * 48.0 == pytest.approx(up_mm, abs=0.6)


def has_colour(picture, colour, tolerance=40):
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return bool((np.abs(picture - wanted).max(axis=-1) < tolerance).any())


def test_every_cut_of_a_gap_with_its_colours(plan):
    pictures = gap_pictures(inputs_of(plan))
    mine = [name for name in pictures if name.startswith("gap-1/")]
    assert mine == [
        f"gap-1/{v}" for v in ("axial", "coronal", "sagittal", "across-implant", "along-implant", "along-needle")
    ]
    assert [n for n in pictures if n.startswith("gap-2/")] == ["gap-2/axial", "gap-2/coronal", "gap-2/sagittal"]
    seen = pixels(pictures["gap-1/axial"])
    assert has_colour(seen, "#F0E442") and has_colour(seen, "#56B4E9") and has_colour(seen, "#D55E00")
    without = pixels(pictures["gap-2/axial"])
    assert not has_colour(without, "#F0E442") and not has_colour(without, "#D55E00")


def test_unreadable_tissue_is_hatched_where_it_lies_and_metal_is_not(plan):
    plain = inputs_of(plan)
    grid = Grid(
        (30, 30, 30), np.diag([2.0, 2.0, 2.0, 1.0])[[2, 1, 0, 3]] + np.array([[0, 0, 0, -30.0]] * 3 + [[0] * 4])
    )
    at = grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))
    blind = PictureInput(plain.volume, plain.labels, plan, Mask(grid, at[..., 0] > 5.0))
    cut = axial((0.0, 0.0, 0.0), 24.0)
    seen, before = (pixels(draw_cut(inputs, cut, title="axial")) for inputs in (blind, plain))
    changed = np.abs(seen - before).max(axis=-1) > 20
    size = len(changed)
    assert not changed[:, : size // 2].any(), "the patient's right is readable"
    left = changed[:, int(0.65 * size) :].mean()
    assert 0.15 < left < 0.45, "stripes, with the CT between them"
    screw = (int((0.5 + 10.0 / 48.0) * size), size // 2)
    assert not changed[screw[1] - 15 : screw[1] + 15, screw[0] - 15 : screw[0] + 15].any()


def test_where_all_is_readable_nothing_is_hatched(plan):
    plain = inputs_of(plan)
    none = Mask(plain.volume.grid, np.zeros(plain.volume.grid.shape, dtype=bool))
    clear = PictureInput(plain.volume, plain.labels, plan, none)
    cut = axial((0.0, 0.0, 0.0), 24.0)
    assert draw_cut(clear, cut, title="axial") == draw_cut(plain, cut, title="axial")


def test_the_needle_lies_in_its_own_cut(plan):
    _, cut = gap_cuts(inputs_of(plan), plan.gaps[0])["along-needle"]
    _, off = cut.project(plan.trajectories[0].path_lps)
    assert np.abs(off).max() < 1e-9
    seen = pixels(gap_pictures(inputs_of(plan))["gap-1/along-needle"])
    assert (np.abs(seen - (204, 121, 167)).max(axis=-1) < 70).sum() > 200


def test_same_plan_same_bytes(plan):
    inputs = inputs_of(plan)
    assert overview_pictures(inputs) == overview_pictures(inputs)


def test_overview(plan):
    pictures = overview_pictures(inputs_of(plan))
    assert list(pictures) == ["overview/front", "overview/side"]
    assert has_colour(pixels(pictures["overview/front"]), "#F0E442")
    assert overview_pictures(inputs_of(plan, labelled=False)) == {}


def _numbers(plan):
    cut = coronal((0.0, 0.0, 0.0), 40.0)
    _, axes = open_sheet(cut)
    _number(axes, cut, inputs_of(plan), _Room(cut))
    return {text.get_text(): text.get_position() for text in axes.texts}


def test_implants_carry_their_numbers_no_two_over_each_other(plan):
    screw = plan.implants[0]
    row = LooseningCriterion(name="broken, pieces apart by", measured=1.0, limit=0.0, unit="mm")
    more = (
        screw.model_copy(update={"id": "screw-2", "loosening_criteria": (row,)}),
        screw.model_copy(update={"id": "rod-1", "kind": "rod", "axis": None, "centroid_lps": (0.0, 0.0, -20.0)}),
        screw.model_copy(update={"id": "rod-9", "kind": "rod", "axis": None, "centroid_lps": (0.0, 0.0, -90.0)}),
    )
    seen = _numbers(plan.model_copy(update={"implants": (screw, *more)}))
    assert set(seen) == {"1", "2 broken", "rod-1"}
    # its head lies at left 14 and head 2 of a picture of 80 mm
    assert seen["1"] == pytest.approx((0.5 + 14 / 80, 0.5 + 2 / 80))
    assert seen["1"][1] - seen["2 broken"][1] > 0.05


@pytest.mark.parametrize("half_mm", [40.0, 150.0])
def test_names_of_gaps_and_implants_stand_clear_of_each_other(plan, half_mm):
    cut = coronal((0.0, 0.0, 0.0), half_mm)
    figure, axes = open_sheet(cut)
    side = {40.0: 30.0, 150.0: 120.0}[half_mm]
    implant = plan.implants[0].model_copy(update={"kind": "femoral_stem", "axis": None})
    implants = tuple(
        implant.model_copy(update={"id": name, "centroid_lps": (side, 0.0, height)})
        for name, height in (("cup-screw-left-1", 12.0), ("cup-left", 10.0), ("head-left", 8.0), ("stem-left", -2.0))
    )
    gaps = tuple(
        plan.gaps[0].model_copy(
            update={"id": f"gap-{n}", "implant_id": "cup-left", "centroid_lps": (side, 0.0, height)}
        )
        for n, height in enumerate((11.0, 9.0, 0.0), 1)
    )
    inputs, room = inputs_of(plan.model_copy(update={"implants": implants, "gaps": gaps})), _Room(cut)
    _number(axes, cut, inputs, room)
    _name(axes, cut, inputs, room)
    draw_frame(axes, cut, title="from the front", corner="parallel sum of the CT")
    boxes = {text.get_text(): text.get_window_extent(figure.canvas.get_renderer()) for text in axes.texts}
    assert {"cup-left", "gap-1 (cup-left)", "gap-3 (cup-left)"} <= set(boxes)
    over = [(a, b) for a, b in combinations(boxes, 2) if boxes[a].overlaps(boxes[b].padded(-2.0))]
    assert over == []


def test_refuses_labels_of_another_grid_and_stops_when_asked(plan):
    inputs = inputs_of(plan)
    moved = inputs.volume.grid.lps_from_index.copy()
    moved[0, 3] += 5.0
    other = LabelMap(Grid(inputs.volume.grid.shape, moved), inputs.labels.codes, STRUCTURES)
    with pytest.raises(GeometryError, match="apart"):
        PictureInput(inputs.volume, other, plan)

    class Stop:
        def report(self, progress):
            pass

        def cancelled(self):
            return True

    with pytest.raises(CancelledError):
        gap_pictures(inputs, monitor=Stop())


def proposal(*names):
    one = ProposedSet(implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=names, reason="why", cement_ml=None)
    return Procedure(sets=(one,), needles=len(names), cement_ml=None, in_needles_ml=None)


def test_the_proposed_needles_are_drawn_and_not_the_best_one_beside_them(plan):
    first = plan.trajectories[0]
    others = tuple(first.model_copy(update={"id": f"trajectory-{k}", "rank": k}) for k in (2, 3, 4))
    ways = {"trajectories": (first, *others)}
    told = plan.model_copy(update={**ways, "procedure": proposal("trajectory-3", "trajectory-2")})
    assert [way.id for way in shown_needles(told, told.gaps[0])] == ["trajectory-3", "trajectory-2"]
    assert shown_needles(told, told.gaps[1]) == ()
    elsewhere = plan.model_copy(update={**ways, "procedure": None})
    assert [way.id for way in shown_needles(elsewhere, plan.gaps[0])] == ["trajectory-1"]


@pytest.mark.parametrize("procedure", [proposal("trajectory-1"), None])
def test_no_needle_is_drawn_for_who_is_no_candidate(plan, procedure):
    grave = Finding(code="no-candidate", severity="warning", message="no candidate: open surgery")
    refused = plan.model_copy(update={"procedure": procedure, "findings": (grave,)})
    assert shown_needles(refused, refused.gaps[0]) == ()


@pytest.mark.parametrize("title", ["needle's eye, trajectory-12", "across the implant"])
def test_a_title_keeps_clear_of_the_letters(title):
    for cut in (axial(np.zeros(3), 35.0), coronal(np.zeros(3), 60.0)):
        figure, axes = open_sheet(cut)
        draw_frame(axes, cut, title=title, corner="W 2000 L 400 HU")
        boxes = {text.get_text(): text.get_window_extent() for text in axes.texts}
        letters = [boxes[letter] for letter in cut.edge_letters().values()]
        assert not any(boxes[title].overlaps(letter) for letter in letters)
        assert boxes[title].x1 <= figure.bbox.x1


def test_the_needles_eye_has_the_needle_as_a_ring_in_its_middle(plan):
    inputs = inputs_of(plan, labelled=False)
    pictures = gap_pictures(inputs)
    assert [name for name in pictures if name.endswith("/needles-eye")] == ["trajectory-1/needles-eye"]
    seen = pixels(pictures["trajectory-1/needles-eye"])
    pink = np.argwhere(np.abs(seen - (204, 121, 167)).max(axis=-1) < 40)
    assert len(pink) > 20
    assert np.abs(pink.mean(axis=0) / len(seen) - 0.5).max() < 0.01
    assert np.ptp(pink, axis=0).max() < 0.1 * len(seen), "a ring, and no line across the picture"


def test_a_needle_that_does_not_reach_a_cut_has_no_ring_in_it(plan):
    way = plan.trajectories[0]
    start, end = np.array(way.path_lps[0]), np.array(way.path_lps[-1])
    for place, there in ((start + 0.5 * (end - start), True), (end + 0.5 * (end - start), False)):
        cut = needles_eye(place, end - start, 24.0)
        picture = pixels(draw_cut(inputs_of(plan, labelled=False), cut, title="eye", needles=[way]))
        middle = picture[
            len(picture) // 2 - 20 : len(picture) // 2 + 20, len(picture) // 2 - 20 : len(picture) // 2 + 20
        ]
        ring = (np.abs(middle - (204, 121, 167)).max(axis=-1) < 40).sum()
        assert (ring > 20) == there
