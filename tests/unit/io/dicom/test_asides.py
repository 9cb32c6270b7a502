"""What is no CT volume is put aside by name, and a CT is not."""

import pytest

from planner.io.dicom.asides import aside_of


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, "localizer"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER", "CT_SOM5 TOP")}, "localizer"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "SCOUT")}, "localizer"),
        ({"image_type": ("DERIVED", "SECONDARY", "OTHER", "CT_SOM5 PROT")}, "protocol sheet"),
        ({"image_type": ("DERIVED", "SECONDARY", "PATIENT PROTOCOL")}, "protocol sheet"),
        ({"image_type": ("DERIVED", "SECONDARY", "SCREEN SAVE")}, "screen shot"),
        ({"image_type": ("DERIVED", "SECONDARY", "REFORMATTED", "MIP")}, "projection"),
        ({"image_type": ("DERIVED", "SECONDARY", "AXIAL", "MAX_IP")}, "projection"),
        ({"image_type": ("DERIVED", "SECONDARY", "PROJECTION IMAGE")}, "projection"),
        ({"image_type": ("DERIVED", "PRIMARY", "PERFUSION", "RCBF")}, "perfusion map"),
        ({"image_type": ("DERIVED", "PRIMARY", "VOLUME", "EFF_ATOMIC_NUM")}, "dual-energy map"),
        ({"image_type": ("DERIVED", "PRIMARY", "VOLUME", "SUBTRACTION")}, "subtraction"),
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.66"}, "no CT image"),
        ({"modality": "MR"}, "MR"),
        ({"modality": ""}, "without a known modality"),
        ({"modality": "RTSTRUCT", "rows": 0, "columns": 0}, "RTSTRUCT without an image"),
        ({"samples": 3}, "colour picture"),
        ({"frames": 4}, "no Enhanced CT"),
        ({"position_lps": None, "along_row_lps": None}, "without a place"),
    ],
)
def test_what_is_no_volume(slice_at, tags, words):
    assert words in aside_of([slice_at(float(z), **tags) for z in range(12)])


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"image_type": ("DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE")},
        {"image_type": ("DERIVED", "SECONDARY", "MPR")},
        {"image_type": ("ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI")},
        {"image_type": ("ORIGINAL", "PRIMARY", "AXIAL", "LOW DOSE")},
        {"image_type": ()},
        {"sop_class_uid": ""},
    ],
)
def test_a_ct_is_not_put_aside(slice_at, tags):
    assert aside_of([slice_at(float(z), **tags) for z in range(12)]) is None


def test_one_or_two_images_along_the_patient_are_a_localizer(slice_at):
    coronal = {"along_column_lps": (0.0, 0.0, -1.0)}
    places = [(-100.0, float(y), 100.0) for y in range(3)]
    images = [slice_at(0.0, position_lps=place, **coronal) for place in places]
    assert "localizer" in aside_of(images[:1])
    assert "localizer" in aside_of(images[:2])
    assert aside_of(images) is None, "three are a reformat"
    assert aside_of([slice_at(0.0)]) is None, "one axial slice is a snippet of a CT"


def test_one_place_at_several_times_is_bolus_tracking(slice_at):
    assert "bolus" in aside_of([slice_at(5.0, acquisition_number=str(n)) for n in range(15)])
    assert aside_of([slice_at(5.0), slice_at(5.0)]) is None, "a copy of one image"
