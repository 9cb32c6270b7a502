import pytest

from planner.io.labels.names import standard_name
from planner.model.anatomy_labels import kind_of, level_of, side_of


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("vertebrae_L4", "vertebra L4"),
        ("L4", "vertebra L4"),
        ("T05 vertebra", "vertebra T5"),
        ("Fourth lumbar vertebra", "vertebra L4"),
        ("Lumbar vertebra 4", "vertebra L4"),
        ("vertebrae_S1", "vertebra S1"),
        ("Left femur", "femur left"),
        ("hip_right", "hip right"),
        ("Hip bone - right", "hip right"),
        ("rib_left_3", "rib left 3"),
        ("Spinal canal", "canal"),
        ("spinal_cord", "spinal cord"),
        ("iliac_vena_left", "iliac vein left"),
        ("lung_upper_lobe_right", "lung right"),
    ],
)
def test_many_spellings_are_one_name(text, wanted):
    assert standard_name(text) == wanted
    assert kind_of(wanted) is not None


@pytest.mark.parametrize(
    "text", ["", "L9", "vertebrae", "femur", "left right femur", "autochthon_left", "Segment_1", "L4 screw", "L" * 500]
)
def test_what_is_not_known_has_no_name(text):
    assert standard_name(text) is None


def test_a_side_beside_the_name_counts_and_may_not_contradict_it():
    assert standard_name("Femur", side="Right") == "femur right"
    assert standard_name("Left femur", side="right") is None


def test_names_tell_level_and_side():
    assert (level_of("vertebra T12"), level_of("sacrum"), level_of("vertebra L9")) == ("T12", None, None)
    assert (side_of("rib left 3"), side_of("femur right"), side_of("canal")) == ("left", "right", None)
    assert kind_of("nothing") is None
