"""What labels tell of screws, gaps, bones and the canal."""

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.bones import Bone
from planner.model.gap import Gap
from planner.model.implant import Implant, ImplantAxis
from planner.model.labels import LabelMap, Structure
from planner.model.volume import Mask
from planner.segment.anatomy.labelled import apply_labels, name_bones, name_levels

SHAPE = (60, 30, 40)
GRID = Grid(SHAPE, np.array([[0, 0, 2.0, -40], [0, 2.0, 0, -20], [2.0, 0, 0, 0], [0, 0, 0, 1]]))
PLACES = {"vertebra L4": (34, 50), "vertebra L5": (16, 32), "sacrum": (2, 14)}


def box(low, high, rows=(4, 18), columns=(8, 32)):
    out = np.zeros(SHAPE, bool)
    out[low:high, rows[0] : rows[1], columns[0] : columns[1]] = True
    return out


def labels_of(**more):
    codes = np.zeros(SHAPE, np.uint8)
    structures = []
    for code, (name, (low, high)) in enumerate(PLACES.items(), 1):
        codes[box(low, high)] = code
        structures.append(Structure(code=code, kind="bone", id=name))
    for code, (name, (kind, mask)) in enumerate(more.items(), len(PLACES) + 1):
        codes[mask] = code
        structures.append(Structure(code=code, kind=kind, id=name))
    return AnatomyLabels(LabelMap(GRID, codes, tuple(structures)), "3D Slicer segmentation", "mine.seg.nrrd")


def screw(head_idx, tip_idx, level=None, kind="pedicle_screw"):
    head, tip = (tuple(float(v) for v in GRID.to_lps(p)) for p in (head_idx, tip_idx))
    axis = ImplantAxis(head_lps=head, tip_lps=tip, diameter_mm=6, core_diameter_mm=4, length_mm=40)
    middle = tuple((a + b) / 2 for a, b in zip(head, tip, strict=True))
    return Implant(
        id="screw-1", kind=kind, volume_ml=1, centroid_lps=middle, axis=axis, bulls_eye=None, side="left", level=level,
        material="titanium", loosening=None,
    )  # fmt: skip


def gap(centroid_idx, implant_id):
    place = tuple(float(v) for v in GRID.to_lps(centroid_idx))
    return Gap(
        id="gap-1", implant_id=implant_id, level=None, kind="screw_halo" if implant_id else "fracture_level", zones=(),
        volume_ml=None, expected_fill_ml=None, width_mm=None, interface_fraction=None, centroid_lps=place, trust=None,
    )  # fmt: skip


def test_a_screw_and_its_gap_have_the_level_that_they_lie_in():
    implants, gaps, findings = name_levels(
        labels_of(), [screw((42, 28, 20), (42, 6, 20))], [gap((42, 10, 20), "screw-1"), gap((24, 10, 20), None)]
    )
    assert implants[0].level == "L4"
    assert [g.level for g in gaps] == ["L4", "L5"]
    assert findings == ()


def test_a_hole_in_the_labels_at_the_metal_does_not_matter():
    labels = labels_of()
    codes = labels.labels.codes.copy()
    codes[41:44, :, 19:22] = 0
    holed = AnatomyLabels(LabelMap(GRID, codes, labels.labels.structures), labels.kind, labels.name)
    assert name_levels(holed, [screw((42, 28, 20), (42, 6, 20))], ())[0][0].level == "L4"


@pytest.mark.parametrize(
    ("head", "tip", "level", "code"),
    [
        ((20, 17, 20), (38, 6, 20), None, "label-level-disagrees"),
        ((42, 28, 20), (42, 6, 20), "L3", "label-level-disagrees"),
        ((8, 28, 20), (8, 6, 20), None, "label-level-disagrees"),
        ((56, 28, 20), (57, 6, 20), None, "label-level-missing"),
    ],
    ids=["through a disc", "found at another level", "in the sacrum as a whole", "above all labels"],
)
def test_a_level_that_cannot_be_told_stays_open_and_is_told_of(head, tip, level, code):
    implants, gaps, findings = name_levels(labels_of(), [screw(head, tip, level)], [gap(head, "screw-1")])
    assert implants[0].level is None and gaps[0].level is None
    assert [f.code for f in findings] == [code]


def test_a_gap_keeps_its_level_where_its_implant_has_none():
    cage = screw((33, 20, 20), (33, 6, 20), kind="cage")
    known = [
        gap((36, 10, 20), "screw-1").model_copy(update={"level": "L4"}),
        gap((57, 28, 20), None).model_copy(update={"level": "L3"}),
    ]
    implants, gaps, _ = name_levels(labels_of(), [cage], known)
    assert implants[0].level is None and [g.level for g in gaps] == ["L4", "L3"]


def test_a_gap_loses_its_level_with_a_screw_whose_level_is_disputed():
    known = gap((42, 10, 20), "screw-1").model_copy(update={"level": "L3"})
    _, gaps, findings = name_levels(labels_of(), [screw((42, 28, 20), (42, 6, 20), "L3")], [known])
    assert gaps[0].level is None and [f.code for f in findings] == ["label-level-disagrees"]


def test_rods_have_no_level_and_without_vertebrae_nothing_is_named():
    rod = screw((42, 28, 20), (42, 6, 20), kind="rod")
    assert name_levels(labels_of(), [rod], ())[0][0].level is None
    only = AnatomyLabels(
        LabelMap(GRID, box(2, 14).astype(np.uint8), (Structure(code=1, kind="bone", id="sacrum"),)), "k", "n"
    )
    given = (screw((42, 28, 20), (42, 6, 20), "L4"),)
    assert name_levels(only, given, ()) == (given, (), ())


def vertebra(name, low, high, level=None):
    return Bone(name, "vertebra", Mask(GRID, box(low, high)), level)


def test_found_vertebrae_are_named_one_by_one():
    femur = Bone("femur-left", "femur", Mask(GRID, box(0, 1)), None, "left")
    bones, findings = name_bones(labels_of(), [vertebra("vertebra-1", 35, 51), vertebra("vertebra-2", 15, 31), femur])
    assert [b.level for b in bones] == ["L4", "L5", None]
    assert findings == ()


@pytest.mark.parametrize(
    "bones",
    [
        [vertebra("vertebra-1", 25, 42)],
        [vertebra("vertebra-1", 42, 50), vertebra("vertebra-2", 34, 42)],
        [vertebra("vertebra-1", 34, 50, "L3")],
    ],
    ids=["over two labels", "two in one label", "known as another"],
)
def test_a_vertebra_that_disagrees_with_the_labels_is_not_named(bones):
    named, findings = name_bones(labels_of(), bones)
    assert all(bone.level is None for bone in named)
    assert [f.code for f in findings] == ["label-level-disagrees"] * len(bones)


def none():
    return Mask(GRID, np.zeros(SHAPE, bool))


def test_canal_missing_bones_and_organs_are_taken():
    tube = box(0, 60, (20, 24), (18, 22))
    aorta = box(0, 60, (0, 3), (18, 22))
    labels = labels_of(canal=("canal", tube), aorta=("other", aorta))
    own = Mask(GRID, box(34, 50) | box(16, 32))
    taken = apply_labels(
        labels, bone=own, canal=None, forbidden=none(), metal=none(), bones=[vertebra("vertebra-1", 34, 50)]
    )
    assert np.array_equal(taken.canal.voxels, tube)
    assert np.array_equal(taken.forbidden.voxels, aorta)
    assert np.array_equal(taken.bone.voxels, own.voxels | box(*PLACES["sacrum"]))
    assert [(b.name, b.level) for b in taken.bones] == [("vertebra-1", "L4"), ("sacrum", None)]
    assert [f.code for f in taken.findings] == ["labels-taken"]
    message = taken.findings[0].message
    assert "mine.seg.nrrd (3D Slicer segmentation)" in message and "sacrum" in message and "the canal" in message


def test_both_canals_are_kept_and_a_contradiction_is_told_of():
    tube, other = box(0, 60, (20, 24), (18, 22)), box(20, 40, (20, 24), (26, 30))
    labels = labels_of(canal=("canal", tube))
    own = Mask(GRID, box(0, 60))
    taken = apply_labels(labels, bone=own, canal=Mask(GRID, other), forbidden=none(), metal=none())
    assert np.array_equal(taken.canal.voxels, tube | other)
    assert "label-canal-disagrees" in [f.code for f in taken.findings]
    near = Mask(GRID, box(0, 60, (20, 25), (18, 22)))
    taken = apply_labels(labels, bone=own, canal=near, forbidden=none(), metal=none())
    assert "label-canal-disagrees" not in [f.code for f in taken.findings]


def test_what_is_known_is_never_made_smaller():
    own, canal, zone = (
        Mask(GRID, box(0, 60)),
        Mask(GRID, box(0, 60, (20, 24), (18, 22))),
        Mask(GRID, box(0, 5, (26, 30))),
    )
    taken = apply_labels(labels_of(), bone=own, canal=canal, forbidden=zone, metal=none())
    assert taken.canal is canal
    assert np.array_equal(taken.bone.voxels, own.voxels) and np.array_equal(taken.forbidden.voxels, zone.voxels)
    assert taken.bones == () or all(b.name.startswith(("vertebra", "sacrum")) for b in taken.bones)
