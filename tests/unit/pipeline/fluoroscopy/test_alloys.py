"""Metal gets the alloy of the implant that it belongs to."""

import numpy as np

from planner.pipeline.fluoroscopy.alloys import alloys_of


def test_each_screw_has_its_own_alloy(scene, plan):
    alloys = alloys_of(scene.metal, plan.implants)
    assert set(alloys) == {"titanium", "cobalt_chrome"}
    left, right = (np.asarray(scene.metal.grid.to_lps(np.argwhere(alloys[name].voxels)))[:, 0] for name in
                   ("titanium", "cobalt_chrome"))  # fmt: skip
    assert left.min() > 0.0 > right.max()
    together = alloys["titanium"].voxels | alloys["cobalt_chrome"].voxels
    np.testing.assert_array_equal(together, scene.metal.voxels)


def test_one_alloy_takes_all_metal_and_none_takes_none(scene, plan):
    (only,) = alloys_of(scene.metal, plan.implants[:1]).items()
    assert only == ("titanium", scene.metal)
    unknown = tuple(i.model_copy(update={"material": "unknown"}) for i in plan.implants)
    assert alloys_of(scene.metal, unknown) == {}
    assert alloys_of(scene.metal, ()) == {}


def test_metal_of_an_implant_without_an_alloy_stays_open(scene, plan):
    implants = (plan.implants[0], plan.implants[1].model_copy(update={"material": "unknown"}))
    alloys = alloys_of(scene.metal, implants)
    assert set(alloys) == {"titanium"}
    assert 0 < np.count_nonzero(alloys["titanium"].voxels) < np.count_nonzero(scene.metal.voxels)


def test_a_head_within_a_cup_keeps_its_own_alloy(scene, plan):
    from planner.model.implant import ImplantSphere

    screw = plan.implants[0]
    centre = (0.0, 0.0, 100.0)
    head = screw.model_copy(update={
        "id": "head-1", "kind": "femoral_head", "axis": None, "material": "cobalt_chrome_or_steel",
        "sphere": ImplantSphere(centre_lps=centre, diameter_mm=28.0, opening_lps=None),
    })  # fmt: skip
    cup = head.model_copy(update={
        "id": "cup-1", "kind": "acetabular_cup", "material": "titanium",
        "sphere": ImplantSphere(centre_lps=centre, diameter_mm=50.0, opening_lps=None),
    })  # fmt: skip
    grid = scene.metal.grid
    radius = np.linalg.norm(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)) - np.array(centre), axis=-1)
    ball, shell = radius < 14.0, (radius > 22.0) & (radius < 25.0)
    alloys = alloys_of(type(scene.metal)(grid, ball | shell), (head, cup))
    np.testing.assert_array_equal(alloys["cobalt_chrome"].voxels, ball)
    np.testing.assert_array_equal(alloys["titanium"].voxels, shell)
