import numpy as np
import pytest

from napari_cement._layers import AXES, METADATA, Origin, scan_layers
from napari_cement.drawn.needle_layers import LOCKED, needle_sizes
from napari_cement.drawn.plan_layers import plan_layers
from planner.geometry.grid import Grid
from planner.model.volume import Mask
from planner.report.palette import BREACH, GAP, NEEDLE, UNREADABLE
from tests.napari_cement.conftest import MARKER_LPS


def by_name(layers):
    return {arguments["name"]: (data, arguments, kind) for data, arguments, kind in layers}


def in_world(arguments, index):
    return (arguments["affine"] @ np.append(index, 1.0))[:3]


def test_a_ct_lies_in_the_viewer_where_it_lies_in_the_patient(marked_scan):
    ((hu, arguments, kind),) = scan_layers(marked_scan, name="CT")
    assert kind == "image"
    middle = np.argwhere(hu > 1000).mean(axis=0)
    assert in_world(arguments, middle) == pytest.approx(MARKER_LPS[::-1], abs=0.5)
    # Along the patient's axes: napari cuts other arrays only roughly.
    linear = arguments["affine"][:3, :3]
    assert np.count_nonzero(np.abs(linear) > 1e-9) == 3
    assert np.all(np.diag(linear) > 0)
    assert arguments["axis_labels"] == AXES
    assert arguments["contrast_limits"] == (-600.0, 1400.0)
    assert arguments["metadata"][METADATA].scan is marked_scan


def test_each_kind_of_structure_has_its_layer_in_its_place(plan, labels):
    layers = by_name(plan_layers(plan, labels))
    assert set(layers) == {
        "spinal canal", "implants", "gaps", "breaches", "breach sites", "needles", "needle ends", "trajectories",
    }  # fmt: skip
    codes, arguments, kind = layers["gaps"]
    assert kind == "labels"
    assert set(np.unique(codes)) <= {0, 2}
    assert np.count_nonzero(codes) == np.count_nonzero(labels.codes == 2)
    assert arguments["colormap"][2] == GAP
    assert arguments["features"]["id"] == ["", "gap-1"]
    middle = labels.grid.to_lps(np.argwhere(labels.codes == 2).mean(axis=0))
    assert in_world(arguments, np.argwhere(codes == 2).mean(axis=0)) == pytest.approx(middle[::-1])


def test_bone_is_shown_only_where_it_is_asked_for(plan, labels):
    assert "bone" in by_name(plan_layers(plan, labels, with_bone=True))


def test_unreadable_tissue_lies_below_all_else_in_its_place(plan, labels, marked_scan):
    own = marked_scan.volume.grid
    coarse = Grid((9, 10, 11), own.lps_from_index @ np.diag([5.0, 5.0, 5.0, 1.0]))
    blind = np.zeros(coarse.shape, dtype=bool)
    blind[4:6, 3:5, 6:9] = True
    made = plan_layers(plan, labels, unreadable=Mask(coarse, blind))
    voxels, arguments, kind = made[0]
    assert (kind, arguments["name"]) == ("labels", "unreadable by metal artefacts")
    assert arguments["colormap"][1] == UNREADABLE
    middle = coarse.to_lps(np.argwhere(blind).mean(axis=0))
    assert in_world(arguments, np.argwhere(voxels).mean(axis=0)) == pytest.approx(middle[::-1], abs=2.5)


def test_where_all_is_readable_there_is_no_such_layer(plan, labels):
    none = Mask(labels.grid, np.zeros(labels.grid.shape, dtype=bool))
    assert "unreadable by metal artefacts" not in by_name(plan_layers(plan, labels, unreadable=none))
    assert "unreadable by metal artefacts" not in by_name(plan_layers(plan, labels))


def test_a_structure_without_voxels_has_no_layer(plan, labels):
    empty = type(labels)(labels.grid, np.where(labels.codes == 3, 0, labels.codes), labels.structures)
    assert "breaches" not in by_name(plan_layers(plan, empty))


def test_needles_are_reversed_once(plan):
    layers = by_name(plan_layers(plan, None))
    lines, arguments, kind = layers["trajectories"]
    assert kind == "shapes"
    assert np.allclose(lines[0], np.array(plan.trajectories[0].path_lps)[:, ::-1])
    assert arguments["features"]["clear_of_metal_mm"] == [1.0, 1.0]
    assert np.isnan(arguments["features"]["clear_of_canal_mm"]).all(), "not measured is no number"
    assert np.isnan(arguments["features"]["depth_from_skin_mm"][1])
    ends, arguments, _ = layers["needle ends"]
    assert arguments["features"]["point"] == ["skin entry", "bone entry", "target", "bone entry", "target"]
    assert tuple(ends[2]) == plan.trajectories[0].target_lps[::-1]
    sites, arguments, _ = layers["breach sites"]
    assert tuple(sites[0]) == plan.breaches[0].centroid_lps[::-1]
    assert arguments["face_color"] == BREACH
    assert arguments["features"]["barrier_mm"] == [0.6]
    assert np.isnan(arguments["features"]["leak_after_ml"][0])
    assert arguments["features"]["reached"] == ["not simulated"]
    assert arguments["features"]["compartment"] == ["not told"]


def test_breach_sites_carry_what_was_measured_and_simulated(plan):
    known = plan.breaches[0].model_copy(
        update={
            "reached": True, "leak_after_ml": 1.5, "stop_ml": 0.9, "compartment": "spinal canal", "neck_mm": 2.5,
            "barrier_hu": 410.0, "trust": 0.8, "literature_type": "C",
        }
    )  # fmt: skip
    never = plan.breaches[0].model_copy(update={"id": "breach-2", "reached": False})
    layers = by_name(plan_layers(plan.model_copy(update={"breaches": (known, never)}), None))
    features = layers["breach sites"][1]["features"]
    assert [features[name][0] for name in ("leak_after_ml", "stop_ml", "neck_mm", "barrier_hu", "trust")] == [
        1.5, 0.9, 2.5, 410.0, 0.8,
    ]  # fmt: skip
    assert features["compartment"][0] == "spinal canal" and features["literature_type"] == ["C", ""]
    assert features["reached"] == ["yes", "never"] and np.isnan(features["stop_ml"][1])


def test_a_needles_course_has_a_dot_in_each_slice(plan):
    dots, arguments, _ = by_name(plan_layers(plan, None))["needles"]
    first = dots[np.array(arguments["features"]["trajectory"]) == "trajectory-1"]
    assert np.linalg.norm(np.diff(first, axis=0), axis=1).max() <= 0.5 + 1e-9
    assert np.allclose(first[[0, -1]], np.array(plan.trajectories[0].path_lps)[[0, -1], ::-1])
    assert set(arguments["size"]) == {1.83, 0.0}, "the second needle to the gap is not shown"


def test_which_needles_are_shown():
    features = {
        "trajectory": ["a", "b", "c", "d"], "rank": [1, 2, 1, 2], "locked": [False, False, False, True],
        "size_mm": [1.5, 2.0, 3.0, 1.0],
    }  # fmt: skip
    assert needle_sizes(features, None).tolist() == [1.5, 0.0, 3.0, 1.0]
    assert needle_sizes(features, "b").tolist() == [0.0, 2.0, 0.0, 0.0]


def test_a_plan_without_anything_has_no_layers(plan):
    bare = plan.model_copy(update={"trajectories": (), "breaches": ()})
    assert plan_layers(bare, None) == []


def test_napari_takes_all_layers(make_napari_viewer, scan, plan, labels):
    from napari.layers import Layer

    viewer = make_napari_viewer()
    for data, arguments, kind in [*scan_layers(scan, name="CT"), *plan_layers(plan, labels, with_bone=True)]:
        viewer.add_layer(Layer.create(data, arguments, kind))
    assert len(viewer.layers) == 10
    assert isinstance(viewer.layers["gaps"].metadata[METADATA], Origin)
    assert viewer.layers["gaps"].features["id"].tolist() == ["", "gap-1"]
    assert len(viewer.layers["trajectories"].features) == 2


def test_locked_needles_are_drawn_apart_and_always(plan):
    locked = plan.trajectories[1].model_copy(update={"locked": True})
    held = plan.model_copy(update={"trajectories": (plan.trajectories[0], locked)})
    layers = by_name(plan_layers(held, None))
    _, arguments, _ = layers["needles"]
    colours = dict(zip(arguments["features"]["trajectory"], arguments["face_color"], strict=True))
    assert colours == {"trajectory-1": NEEDLE, "trajectory-2": LOCKED}
    assert 0.0 not in arguments["size"]
    assert layers["trajectories"][1]["edge_color"] == [NEEDLE, LOCKED]
    assert layers["trajectories"][1]["features"]["locked"] == [False, True]
