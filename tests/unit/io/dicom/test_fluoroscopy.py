"""Pictures as DICOM: what is written is what was simulated, and who else reads it sees the same."""

import dataclasses
import logging
import subprocess

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from planner.errors import GeometryError, InputError, OutputError, UsageError
from planner.fluoro.carm import orientation_letters, project
from planner.io.dicom import fluoroscopy
from planner.io.dicom.fluoroscopy import FluoroscopyFrame, write_fluoroscopy
from planner.io.dicom.overlay_planes import OverlayPlane
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.io.loading import load_scan
from planner.model.carm import CArm
from planner.model.plan import Review
from tests.dicom3tools import needs_dciodvfy

SINGLE, BYTES, WORDS = (f"1.2.840.10008.5.1.4.1.1.7{end}" for end in ("", ".2", ".3"))
ISOCENTRE = (1.5, -2.25, -400.125)
PRIVATE = "periprosthetic-cement-planner"


def carm(primary=30.0, secondary=-12.5, **changes):
    told = {
        "isocentre_lps": ISOCENTRE,
        "primary_deg": primary,
        "secondary_deg": secondary,
        "source_detector_mm": 1020.0,
        "source_isocentre_mm": 530.0,
        "pixel_mm": 0.582,
        "rows": 33,
        "columns": 41,
    }
    return CArm(**{**told, **changes})


def frame(
    primary=30.0, secondary=-12.5, *, dtype=np.uint8, console=(-150.0, -12.5), orientation=("LP", "F"), **changes
):
    placed = carm(primary, secondary, **changes)
    rng = np.random.default_rng(round(primary * 7 + secondary) % 1000)
    pixels = rng.integers(0, np.iinfo(dtype).max, (placed.rows, placed.columns), dtype=dtype, endpoint=True)
    return FluoroscopyFrame(placed, pixels, console, orientation)


def turn(primaries, **changes):
    return [frame(p, 0.0, console=(p / 2, 1.0), **changes) for p in primaries]


@pytest.fixture
def ct(tmp_path, hu, grid, write):
    return write(tmp_path / "ct", hu, grid, StudyDate="20240229")


@pytest.fixture
def put(tmp_path, ct):
    """Write frames and read them back."""

    def write_them(*frames, name="a.dcm", **changes):
        told = {
            "source_slice_files": ct,
            "treatment_position": "HFP",
            "kv": 80.0,
            "description": "bull's-eye of trajectory-1",
        }
        write_fluoroscopy(frames, tmp_path / name, **{**told, **changes})
        return pydicom.dcmread(tmp_path / name)

    return write_them


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2"])
def test_one_picture_comes_back_as_it_was(put, dtype):
    one = frame(dtype=np.dtype(dtype).newbyteorder("=").type)
    one = dataclasses.replace(one, pixels=one.pixels.astype(dtype))
    ds = put(one)
    assert ds.SOPClassUID == ds.file_meta.MediaStorageSOPClassUID == SINGLE
    assert np.array_equal(ds.pixel_array, one.pixels) and ds.pixel_array.shape == (33, 41)
    bits = 8 * np.dtype(dtype).itemsize
    assert (ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation) == (bits, bits, bits - 1, 0)
    # PS3.3 C.11.2.1.2: this window shows every value as it stands.
    low, high = ds.WindowCenter - 0.5 - (ds.WindowWidth - 1) / 2, ds.WindowCenter - 0.5 + (ds.WindowWidth - 1) / 2
    assert (low, high) == (0, 2**bits - 1)
    assert "NumberOfFrames" not in ds and "PositionerPrimaryAngleIncrement" not in ds


def test_angles_and_distances(put):
    ds = put(frame(30.0, -12.5))
    assert (ds.PositionerPrimaryAngle, ds.PositionerSecondaryAngle, ds.PositionerMotion) == (30.0, -12.5, "STATIC")
    assert (ds.DistanceSourceToDetector, ds.DistanceSourceToPatient) == (1020.0, 530.0)
    assert ds.EstimatedRadiographicMagnificationFactor == pytest.approx(1020 / 530, rel=1e-12)
    assert ds.ImagerPixelSpacing == [0.582, 0.582]
    assert (ds.PatientPosition, ds.PatientOrientation, ds.KVP) == ("HFP", ["LP", "F"], 80.0)
    block = ds.private_block(0x0021, PRIVATE)
    assert block[0x01].value == list(ISOCENTRE) and block[0x02].value == [-150.0, -12.5]
    assert ds.FrameOfReferenceUID == "1.2.3.4"  # the CT's, in which the isocentre is told
    for words in ("primary 30.0, secondary -12.5", "patient HFP: primary -150.0", "1.5, -2.2, -400.1 mm"):
        assert words in ds.ImageComments, words
    assert ds.ImageComments.splitlines()[0] == "bull's-eye of trajectory-1"


@pytest.mark.parametrize(("primary", "written"), [(180.0, 180.0), (190.0, -170.0), (-270.0, 90.0), (1 / 3, 1 / 3)])
def test_primary_angles_are_those_of_the_standard(put, primary, written):
    ds = put(frame(primary, 90.0))
    assert ds.PositionerPrimaryAngle == pytest.approx(written, abs=1e-9)
    assert f"axes: primary {written:.1f}, secondary 90.0" in ds.ImageComments


def test_what_a_viewer_measures_is_right_at_the_isocentre(put):
    placed = carm(0.0, 0.0)
    ends = np.array(ISOCENTRE) + np.array([[-3.0, 0.0, 2.0], [4.0, 0.0, -1.0]])  # 7 mm and 3 mm apart, at its depth
    (row_a, column_a), (row_b, column_b) = project(placed, ends)
    ds = put(frame(0.0, 0.0))
    assert abs(column_b - column_a) * ds.PixelSpacing[1] == pytest.approx(7.0, abs=1e-9)
    assert abs(row_b - row_a) * ds.PixelSpacing[0] == pytest.approx(3.0, abs=1e-9)
    assert ds.PixelSpacingCalibrationType == "GEOMETRY"


@pytest.mark.parametrize("primary", [0.0, 180.0, 90.0])
def test_left_stays_left(tmp_path, put, primary):
    """A dot at the patient's left shoulder lies where the letters say, for another reader too."""
    placed = carm(primary, 0.0)
    letters = orientation_letters(placed)
    pixels = np.zeros((33, 41), dtype=np.uint8)
    dot = np.array(ISOCENTRE) + np.array([4.0, 0.0, 3.0])  # left and towards the head
    row, column = np.rint(project(placed, dot)).astype(int)
    pixels[row, column] = 255
    ds = put(FluoroscopyFrame(placed, pixels, None, (letters["right"], letters["bottom"])))
    image = sitk.ReadImage(str(tmp_path / "a.dcm"))
    found = np.argwhere(sitk.GetArrayFromImage(image)[0])
    assert found.tolist() == np.argwhere(ds.pixel_array).tolist() == [[row, column]]
    assert row < 16 and ds.PatientOrientation[1] == "F"
    expected = {0.0: ("L", True), 180.0: ("R", False), 90.0: ("P", None)}[primary]
    assert ds.PatientOrientation[0] == expected[0]
    assert expected[1] is None or bool(column > 20) is expected[1]


def test_it_says_that_it_is_a_simulation_and_of_what(put, ct):
    ds = put(frame())
    assert (ds.ImageType, ds.ConversionType, ds.Modality) == (["DERIVED", "SECONDARY", "DRR"], "SYN", "OT")
    assert "Simulated" in ds.DerivationDescription and "not for diagnosis" in ds.DerivationDescription
    assert (ds.LossyImageCompression, ds.Manufacturer, ds.PhotometricInterpretation) == ("00", PRIVATE, "MONOCHROME2")
    referenced = {item.ReferencedSOPInstanceUID for item in ds.SourceImageSequence}
    assert referenced == {pydicom.dcmread(path).SOPInstanceUID for path in ct}


def test_the_patient_is_the_ct_s(put):
    ds = put(frame())
    assert (str(ds.PatientName), ds.PatientID, ds.StudyInstanceUID, ds.StudyDate) == (
        "Roe^Jane", "4711", "1.2.3.5", "20240229"
    )  # fmt: skip
    assert ds.SeriesInstanceUID not in ("1.2.3.100", "")


def test_drawings_in_the_pixels_are_told(put):
    drawn, plain = put(frame(), burned_in=True), put(frame())
    assert "Drawings" in drawn.DerivationDescription and "Drawings" not in plain.DerivationDescription
    assert drawn.BurnedInAnnotation == plain.BurnedInAnnotation == "NO"  # no name, no date


def test_words_know_no_negative_zero(put):
    said = put(frame(-0.01, -0.0, isocentre_lps=(-0.04, 0.0, 5.0), console=None)).ImageComments
    assert "primary 0.0, secondary 0.0" in said and "0.0, 0.0, 5.0 mm" in said and "-" not in said.split("axes")[1]


def test_what_is_not_known_is_not_there(put):
    ds = put(frame(console=None), treatment_position=None, kv=None, description="")
    assert "PatientPosition" not in ds and "KVP" not in ds
    assert 0x02 not in ds.private_block(0x0021, PRIVATE)
    assert "onsole" not in ds.ImageComments and ds.ImageComments.startswith("Simulated")


def test_a_turn_tells_the_angles_of_each_frame(tmp_path, put):
    frames = [
        dataclasses.replace(frame(p, s, console=(p / 2, s)), orientation=o)
        for p, s, o in ((170.0, 0.0, ("R", "F")), (179.5, 5.0, ("R", "F")), (-171.0, 10.0, ("RP", "F")))
    ]
    ds = put(*frames)
    assert (ds.SOPClassUID, ds.NumberOfFrames, ds.PositionerMotion) == (BYTES, 3, "DYNAMIC")
    assert np.array_equal(ds.pixel_array, np.stack([f.pixels for f in frames]))
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.dcm"))), ds.pixel_array)
    # PS3.3 C.8.7.5.1.3: offsets from the first, one a frame; past 180 degrees they run on.
    assert (ds.PositionerPrimaryAngle, ds.PositionerSecondaryAngle) == (170.0, 0.0)
    assert ds.PositionerPrimaryAngleIncrement == [0.0, 9.5, 19.0]
    assert ds.PositionerSecondaryAngleIncrement == [0.0, 5.0, 10.0]
    assert ds.FramePrimaryAngleVector == [170.0, 179.5, -171.0]
    assert ds.FrameSecondaryAngleVector == [0.0, 5.0, 10.0]
    assert [ds[tag].keyword for tag in ds.FrameIncrementPointer] == [
        "FrameTime", "FramePrimaryAngleVector", "FrameSecondaryAngleVector"
    ]  # fmt: skip
    assert (ds.FrameTime, ds.RecommendedDisplayFrameRate) == (100.0, 10)
    assert ds.private_block(0x0021, PRIVATE)[0x02].value == [85.0, 0.0, 89.75, 5.0, -85.5, 10.0]
    assert "primary 170.0, secondary 0.0 degrees to primary -171.0, secondary 10.0" in ds.ImageComments
    assert "WindowCenter" not in ds and ds.PresentationLUTShape == "IDENTITY"


def test_letters_that_change_in_a_turn_are_left_away(put):
    same = put(*turn((0.0, 5.0), orientation=("L", "F")))
    assert same.PatientOrientation == ["L", "F"]
    frames = [*turn((0.0,), orientation=("L", "F")), *turn((40.0,), orientation=("LP", "F"))]
    assert "PatientOrientation" in (ds := put(*frames)) and not ds.PatientOrientation


def test_frames_of_a_c_arm_at_rest(put):
    ds = put(frame(), frame())
    assert ds.PositionerMotion == "STATIC" and "PositionerPrimaryAngleIncrement" not in ds
    assert ds.FramePrimaryAngleVector == [30.0, 30.0]


def test_console_angles_of_some_frames_are_none(put):
    ds = put(frame(), frame(35.0, console=None))
    assert 0x02 not in ds.private_block(0x0021, PRIVATE) and "onsole" not in ds.ImageComments


def test_a_turn_of_words_and_its_pace(put):
    frames = turn((10.0, 20.0), dtype=np.uint16)
    ds = put(*frames, frame_time_ms=2500.0)
    assert ds.SOPClassUID == WORDS and np.array_equal(ds.pixel_array, np.stack([f.pixels for f in frames]))
    assert (ds.FrameTime, ds.RecommendedDisplayFrameRate) == (2500.0, 1)


@pytest.mark.parametrize(("rows", "columns"), [(33, 41), (1, 1), (7, 3), (16, 24)])
def test_layers_over_a_picture(put, rows, columns):
    layers = [
        OverlayPlane(name, np.random.default_rng(k).random((rows, columns)) > 0.5)
        for k, name in enumerate(("needle trajectory-1", "gap-1", "breach-2"))
    ]
    one = frame(rows=rows, columns=columns)
    ds = put(one, overlays=layers)
    assert np.array_equal(ds.pixel_array, one.pixels)
    for group, layer in zip((0x6000, 0x6002, 0x6004), layers, strict=True):
        assert np.array_equal(ds.overlay_array(group), layer.bitmap)
        assert ds[group, 0x1500].value == layer.label
    assert (0x6006, 0x3000) not in ds


def test_the_same_picture_gives_the_same_file(tmp_path, put):
    put(frame())
    first = (tmp_path / "a.dcm").read_bytes()
    put(frame(), name="b.dcm")
    assert (tmp_path / "b.dcm").read_bytes() == first


def test_another_picture_is_another_instance_of_one_series(put):
    layer = OverlayPlane("gap-1", np.zeros((33, 41), dtype=bool))
    same_series = [
        put(frame()),
        put(frame(31.0)),
        put(frame(), description="AP"),
        put(frame(), overlays=[layer]),
        put(frame(), kv=70.0),
        put(*turn((0.0, 3.0))),
        put(frame(), instance_number=2),
    ]
    assert len({ds.SOPInstanceUID for ds in same_series}) == len(same_series)
    assert len({ds.SeriesInstanceUID for ds in same_series}) == 1
    assert same_series[-1].InstanceNumber == 2
    assert put(frame(), treatment_position="HFS").SeriesInstanceUID != same_series[0].SeriesInstanceUID


def test_drafts_and_approved_pictures_and_those_of_other_plans_are_series_apart(put, full_plan):
    changes = [
        {}, {"settings_sha256": "0" * 64}, {"review": Review(state="edited")}, {"review": Review(state="approved")}
    ]  # fmt: skip
    written = [put(frame(), plan=full_plan.model_copy(update=one)) for one in changes]
    written.append(put(frame()))
    assert len({ds.SeriesInstanceUID for ds in written}) == len({ds.SOPInstanceUID for ds in written}) == len(written)
    told = "cement plan: simulated fluoroscopy"
    assert [ds.SeriesDescription for ds in written] == [
        f"UNREVIEWED {told}", f"UNREVIEWED {told}", f"EDITED, NOT APPROVED: {told}", told, told
    ]  # fmt: skip
    named = full_plan.model_copy(update={"review": Review(state="approved", by="Lee", at="2026-11-22T10:05:30+01:00")})
    timed = full_plan.model_copy(update={"timings_s": {"reading": 4.0}})
    assert put(frame(), plan=named).SOPInstanceUID == written[3].SOPInstanceUID  # who approved is not in the picture
    assert put(frame(31.0), plan=timed).SeriesInstanceUID == written[0].SeriesInstanceUID


def test_another_ct_gives_another_series(tmp_path, put, hu, grid, write):
    other = write(tmp_path / "other", hu, grid, series="1.2.3.200")
    assert put(frame(), source_slice_files=other).SeriesInstanceUID != put(frame()).SeriesInstanceUID


@pytest.mark.parametrize(
    ("frames", "error", "told"),
    [
        ([], UsageError, "no picture"),
        ([frame(), frame(pixel_mm=0.5)], GeometryError, "frame 2 is of another C-arm"),
        ([frame(), frame(isocentre_lps=(0.0, 0.0, 0.0))], GeometryError, "frame 2 is of another C-arm"),
        ([frame(), frame(rows=34)], GeometryError, "frame 2 is of another C-arm"),
        ([frame(), frame(image_flip="left_right")], GeometryError, "frame 2 is of another C-arm"),
        ([dataclasses.replace(frame(), pixels=np.zeros((41, 33), np.uint8))], GeometryError, "frame 1 is of"),
        ([frame(), dataclasses.replace(frame(), pixels=np.zeros((41, 33), np.uint8))], GeometryError, "frame 2 is of"),
        ([frame(secondary=90.5)], GeometryError, "secondary angle of 90.5"),
        ([frame(source_isocentre_mm=1020.0)], GeometryError, "cannot be"),
        ([frame(source_isocentre_mm=0.0)], GeometryError, "cannot be"),
        ([frame(pixel_mm=0.0)], GeometryError, "cannot be"),
        ([dataclasses.replace(frame(), pixels=np.zeros((33, 41)))], OutputError, "8 or 16 bits"),
        ([dataclasses.replace(frame(), pixels=np.zeros((33, 41), np.int16))], OutputError, "8 or 16 bits"),
        ([frame(), frame(dtype=np.uint16)], OutputError, "all of a turn alike"),
        ([frame(rows=1, columns=1)] * 3801, OutputError, "3801 frames"),
    ],
)
def test_refused_pictures(tmp_path, put, frames, error, told):
    with pytest.raises(error, match=told):
        put(*frames)
    assert not (tmp_path / "a.dcm").exists()


def test_pictures_too_large_for_a_file_are_refused(put, monkeypatch):
    placed = carm(rows=65536, columns=1)
    tall = FluoroscopyFrame(placed, np.zeros((65536, 1), np.uint8), None, ("L", "F"))
    with pytest.raises(OutputError, match="do not fit"):
        put(tall)
    # The true limit of 4 GiB is not for a test: a fault would take the machine's memory.
    monkeypatch.setattr(fluoroscopy, "_MOST_BYTES", 3 * 33 * 41)
    assert put(*turn((0.0, 1.0, 2.0))).NumberOfFrames == 3
    with pytest.raises(OutputError, match=r"4 frames .* do not fit"):
        put(*turn((0.0, 1.0, 2.0, 3.0)))


def test_the_most_frames(put):
    angles = np.linspace(-179.9, 179.9, 3800)
    ds = put(*[frame(float(angle), 1 / 3, rows=1, columns=1) for angle in angles])
    assert ds["FramePrimaryAngleVector"].VR == "DS"  # would be UN where it did not fit
    assert np.abs(np.array(ds.FramePrimaryAngleVector, dtype=float) - angles).max() < 1e-9


@pytest.mark.parametrize(
    ("right", "bottom", "possible"),
    [
        ("L", "F", True),
        ("LP", "F", True),
        ("RAH", "FA", True),
        ("LF", "RF", True),  # a picture turned by 45 degrees
        ("L", "R", False),  # one direction along both edges
        ("LA", "AL", False),
        ("LA", "PR", False),
        ("LR", "F", False),
        ("PA", "F", False),
        ("", "F", False),
        ("L", "f", False),
        ("left", "F", False),
        ("L", "S", False),
        ("LAHP", "F", False),
        ("LL", "F", False),
    ],
)
def test_orientation_letters(put, right, bottom, possible):
    one = dataclasses.replace(frame(), orientation=(right, bottom))
    if possible:
        assert put(one).PatientOrientation == [right, bottom]
    else:
        with pytest.raises(GeometryError, match="frame 1 cannot lie"):
            put(one)


def test_letters_of_any_view_are_taken(put):
    rng = np.random.default_rng(4)
    views = [(0.0, 0.0, 45.0), *(rng.uniform((-180, -90, -180), (180, 90, 180), (60, 3)))]
    for primary, secondary, rotation in views:
        one = frame(float(primary), float(secondary), rows=1, columns=1, image_rotation_deg=float(rotation))
        letters = orientation_letters(one.carm)
        pair = (letters["right"], letters["bottom"])
        ds = put(dataclasses.replace(one, orientation=pair))
        assert tuple(ds.PatientOrientation) == pair


@pytest.mark.parametrize(
    ("rotation", "flip", "said"),
    [
        (0.0, "none", ""),
        (30.0, "none", "Image turned 30 degrees clockwise."),
        (0.0, "left_right", "Image mirrored left to right."),
        (-12.5, "top_bottom", "Image turned -12.5 degrees clockwise and mirrored top to bottom."),
    ],
)
def test_how_the_console_turned_the_image_is_told(put, rotation, flip, said):
    ds = put(frame(image_rotation_deg=rotation, image_flip=flip))
    block = ds.private_block(0x0021, PRIVATE)
    assert (block[0x03].value, block[0x04].value) == (rotation, flip.upper())
    assert said in ds.ImageComments.splitlines() if said else "Image" not in ds.ImageComments


def test_refused_layers_and_settings(tmp_path, put):
    layer = OverlayPlane("gap-1", np.zeros((33, 41), dtype=bool))
    with pytest.raises(UsageError, match="no layers over a turn"):
        put(*turn((0.0, 5.0)), overlays=[layer])
    with pytest.raises(OutputError, match="17 layers"):
        put(frame(), overlays=[layer] * 17)
    with pytest.raises(GeometryError, match="layer 1"):
        put(frame(), overlays=[OverlayPlane("gap-1", np.zeros((41, 33), dtype=bool))])
    for changes in ({"kv": 0.0}, {"kv": float("nan")}, {"frame_time_ms": 0.0}, {"frame_time_ms": float("nan")}):
        with pytest.raises(UsageError, match="above 0"):
            put(frame(), **changes)
    assert not (tmp_path / "a.dcm").exists()


def test_a_ct_without_dicom_headers_is_refused(put):
    with pytest.raises(UsageError, match=r"no DICOM headers .* \.png"):
        put(frame(), source_slice_files=())


def test_a_failed_write_leaves_the_older_file(tmp_path, put, ct):
    put(frame())
    before = (tmp_path / "a.dcm").read_bytes()
    ct[0].write_bytes(ct[0].read_bytes()[:300])
    with pytest.raises(InputError):
        put(frame(99.0))
    with pytest.raises(OutputError, match="cannot be written"):
        put(frame(99.0), name="no/a.dcm", source_slice_files=ct[1:])
    assert (tmp_path / "a.dcm").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dcm", "ct"]


def test_nobody_hears_the_name(put, caplog, capsys, recwarn):
    caplog.set_level(logging.DEBUG)
    put(frame())
    with pytest.raises(GeometryError) as refused:
        put(frame(secondary=100.0))
    said = capsys.readouterr()
    everything = f"{refused.value} {caplog.text} {said.out} {said.err}" + " ".join(str(w.message) for w in recwarn)
    assert not any(word in everything for word in ("Roe", "Jane", "4711"))


def test_it_is_never_taken_for_the_ct(tmp_path, put, ct):
    before = load_scan(tmp_path / "ct").volume.hu
    put(frame(), name="ct/a.dcm")
    put(*turn((0.0, 5.0)), name="ct/b.dcm")
    assert np.array_equal(load_scan(tmp_path / "ct").volume.hu, before)


@needs_dciodvfy
@pytest.mark.parametrize(
    ("frames", "name"),
    [
        ([frame()], "SCImage"),
        ([frame(dtype=np.uint16)], "SCImage"),
        (turn((170.0, -170.0)), "MultiframeGrayscaleByteSCImage"),
        ([frame(), frame()], "MultiframeGrayscaleByteSCImage"),
        (turn((10.0, 20.0), dtype=np.uint16), "MultiframeGrayscaleWordSCImage"),
    ],
)
@pytest.mark.parametrize("body_part", ["HIP", "LSPINE", None])
def test_dciodvfy_finds_no_error(tmp_path, volume, put, ct, frames, name, body_part):
    """Of our own CTs, and (None) of one whose headers lack what the standard wants at least empty."""
    if body_part is not None:
        identity = SeriesIdentity(seed="fluoroscopy", body_part=body_part)
        ct = write_ct_series(volume, tmp_path / "own", identity=identity)
    layers = [OverlayPlane("needle", np.eye(33, 41, dtype=bool))] if len(frames) == 1 else []
    put(*frames, source_slice_files=ct, overlays=layers)
    command = ["dciodvfy", str(tmp_path / "a.dcm")]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    words = (said.stderr + said.stdout).splitlines()
    assert name in words
    assert [line for line in words if "Error" in line] == []
    # What is warned of is what we add on purpose (the C-arm's attributes, the private block) and what is not known.
    expected = ("not present in standard DICOM IOD", "Unrecognized tag", "Standard Extended SOP Class")
    expected += ("only permitted to be empty when actually unknown", "needed to build DICOMDIR")
    assert [line for line in words if "Warning" in line and not any(reason in line for reason in expected)] == []


def test_notes_come_first_in_the_comments(put):
    assert put(frame(), notes=("UNREVIEWED PLAN.",)).ImageComments.startswith("UNREVIEWED PLAN.")
    assert "PLAN" not in put(frame()).ImageComments
