"""The best CT is chosen by rules that say themselves, and what was chosen against whom."""

import numpy as np
import pytest

from planner.errors import SeriesError
from planner.io.dicom.choice import choose
from planner.io.dicom.metal import Metal
from planner.io.dicom.series import find_stacks


def no_look(headers):
    raise AssertionError("there was nothing to look for")


@pytest.fixture
def series(slice_at):
    """A series of axial slices, at the same place as any other unless it says otherwise."""

    def make(uid, *, count=40, step=1.0, start=0.0, thick=None, **tags):
        tags |= {"series_instance_uid": uid, "slice_thickness_mm": thick or step}
        return [slice_at(start + k * step, **tags) for k in range(count)]

    return make


def pick(*runs, look=no_look, named=None, **more):
    stacks = find_stacks(header for run in runs for header in run)
    return choose(stacks, name="study", series=named, look=look, **more)


def test_the_only_one_needs_no_word(series):
    choice = pick(series("1"))
    assert (choice.because, choice.findings, choice.alternative) == ("the only CT", (), None)
    assert [(r.rank, r.lost_by) for r in choice.ranking] == [(1, None)]


# The worse one of each pair would win by its UID, "1" before "2".
BETTER = [
    ({"count": 5}, {}, "at least 10 slices: 40 against 5", "fewer than 10 slices: 5 against 40"),
    (
        {"image_type": ("DERIVED", "SECONDARY", "AXIAL")},
        {},
        "original, the other derived",
        "derived, the other original",
    ),
    ({"metal_reduced": True}, {}, "without metal artefact reduction", "with metal artefact reduction"),
    ({"step": 3.0, "count": 13}, {}, "thinner slices: 1 mm against 3 mm", "thicker slices: 3 mm against 1 mm"),
    ({"thick": 3.0}, {}, "thinner slices: 1 mm against 3 mm", "thicker slices: 3 mm against 1 mm"),
    (
        {"kernel": "B30f"},
        {"kernel": "B70f"},
        "sharper kernel: B70f (sharp) against B30f (soft)",
        "softer kernel: B30f (soft) against B70f (sharp)",
    ),
    ({"kernel": "B30f"}, {"kernel": "?"}, "sharper kernel: unnamed (medium) against B30f (soft)", None),
    ({"kernel": "?"}, {"kernel": "BONE"}, "sharper kernel: BONE (sharp) against unnamed (medium)", None),
    ({"thick": 2.0, "step": 2.0, "count": 20}, {"thick": 2.0}, "closer slices: 1 mm against 2 mm", None),
    ({"count": 38}, {}, "more slices: 40 against 38", "fewer slices: 38 against 40"),
    ({"row_spacing_mm": 1.02, "column_spacing_mm": 1.02}, {}, "finer pixels: 1 mm against 1.02 mm", None),
]


@pytest.mark.parametrize(("worse", "better", "won", "lost"), BETTER)
def test_each_rule_decides_and_says_so(series, worse, better, won, lost):
    choice = pick(series("1", **worse), series("2", **better))
    assert choice.stack.series_instance_uid == "2"
    assert choice.because == won
    if lost is not None:
        assert [r.lost_by for r in choice.ranking] == [None, lost]
    (finding,) = [f for f in choice.findings if f.code == "series-chosen"]
    assert won in finding.message and "series 2" in finding.message and finding.measured == 2


def test_axial_comes_before_a_thinner_coronal(series, slice_at):
    coronal = [
        slice_at(0.0, series_instance_uid="1", position_lps=(-100.0, y / 2 - 100, 39.0), along_column_lps=(0, 0, -1))
        for y in range(400)
    ]
    coronal = [type(h)(**{n: getattr(h, n) for n in h.__slots__} | {"rows": 40}) for h in coronal]
    choice = pick(coronal, series("2"))
    assert choice.because == "axial: axial against coronal"


def test_thickness_within_a_tenth_is_equal(series):
    choice = pick(series("1", step=0.6, count=66, kernel="B30f"), series("2", step=0.625, count=64, kernel="B70f"))
    assert choice.because.startswith("sharper kernel")


def test_of_two_alike_the_first_by_uid(series):
    choice = pick(series("2"), series("1"))
    assert choice.stack.series_instance_uid == "1"
    assert choice.because == "alike by every rule, the first by UID was taken"


def test_the_choice_does_not_hang_on_the_order_of_files(series):
    runs = [series("1", step=2.0, count=20), series("2", kernel="B70f"), series("3"), series("4", count=5)]
    rng = np.random.default_rng(1)
    for _ in range(5):
        headers = [header for run in runs for header in run]
        rng.shuffle(headers)
        assert [r.stack.series_instance_uid for r in pick(headers).ranking] == ["2", "3", "1", "4"]


def test_a_better_one_that_cannot_be_read_is_named(series):
    gap = [h for k, h in enumerate(series("1", step=0.5, count=80)) if k not in (30, 31, 32, 33)]
    choice = pick(gap, series("2"))
    assert choice.stack.series_instance_uid == "2"
    (refused,) = [f for f in choice.findings if f.code == "series-refused"]
    assert refused.severity == "caution" and "series 1 would be the better choice" in refused.message


def test_a_snippet_never_stands_in_for_a_series_that_cannot_be_read(series):
    gap = [h for k, h in enumerate(series("1")) if k not in (20, 21, 22, 23)]
    choice = pick(gap, series("2", count=3))
    assert choice.stack.series_instance_uid == "1", "which the loading then refuses by name"


class Eye:
    """Shows as much metal as it is told per series."""

    def __init__(self, **amounts):
        self.amounts = {uid.removeprefix("of_"): amount for uid, amount in amounts.items()}
        self.asked = []

    def __call__(self, headers):
        uid = headers[0].series_instance_uid
        self.asked.append(uid)
        amount = self.amounts[uid]
        return None if amount is None else Metal(amount, "mL")


def test_metal_outweighs_thin_slices(series):
    eye = Eye(of_1=2.0, of_2=30.0)
    choice = pick(series("1", step=0.5), series("2", count=200, step=2.0), look=eye)
    assert choice.stack.series_instance_uid == "2"
    assert choice.because == "covers more of the metal: 30.0 mL against 2.0 mL"


def test_a_scan_of_somewhere_else_loses_even_to_a_derived_one(series):
    eye = Eye(of_1=0.0, of_2=8.0)
    elsewhere = series("1", start=500.0)
    choice = pick(elsewhere, series("2", image_type=("DERIVED", "SECONDARY", "AXIAL")), look=eye)
    assert choice.because == "shows metal"
    assert choice.ranking[1].lost_by == "shows no metal"


def test_nearly_as_much_metal_is_the_same(series):
    eye = Eye(of_1=25.0, of_2=30.0)
    choice = pick(series("1", count=100), series("2", count=200, step=2.0), look=eye)
    assert choice.stack.series_instance_uid == "1" and choice.because.startswith("thinner slices")


def test_nobody_looks_where_the_extent_is_the_same(series):
    assert pick(series("1"), series("2", count=20, step=2.0), look=no_look).stack.series_instance_uid == "1"


def test_only_what_reaches_beyond_the_best_is_looked_at(series):
    eye = Eye(of_1=5.0, of_3=5.0)
    pick(series("1"), series("2", count=12, step=3.0), series("3", count=60, step=3.0), look=eye)
    assert sorted(eye.asked) == ["1", "3"]


def test_another_frame_of_reference_is_looked_at(series):
    eye = Eye(of_1=0.0, of_2=5.0)
    choice = pick(series("1"), series("2", frame_of_reference_uid="9", step=2.0), look=eye)
    assert choice.stack.series_instance_uid == "2"


def test_unknown_metal_decides_nothing_and_is_said(series):
    runs = series("1"), series("2", count=200, step=2.0)
    eye = Eye(of_1=None, of_2=5.0)
    assert pick(*runs, look=eye).stack.series_instance_uid == "1"
    assert "planning looks at the pixels too" in pick(*runs, look=eye, looks_later=True).because
    assert "planning" not in pick(*runs, look=eye).because


def test_a_stack_of_a_series_is_named_by_its_number(series):
    mixed = [*series("1"), *series("1", count=30, temporal_position="2")]
    choice = pick(mixed)
    assert choice.stack.name == "1#1" and "series 1#1" in choice.findings[0].message
    second = pick(mixed, named="1#2")
    assert (second.stack.name, len(second.stack.headers), second.findings) == ("1#2", 30, ())
    assert pick(mixed, named="1").stack.name == "1#1"
    with pytest.raises(SeriesError, match=r"series 1 holds 2 stack\(s\), no #3"):
        pick(mixed, named="1#3")
    with pytest.raises(SeriesError, match="holds no series 7"):
        pick(mixed, named="7#1")


def test_a_series_is_named_by_the_number_that_viewers_show(series):
    both = [*series("1.2", series_number=4), *series("1.3", series_number=5, count=30)]
    assert pick(both, named="5").stack.series_instance_uid == "1.3"
    with pytest.raises(SeriesError, match="holds no series 6"):
        pick(both, named="6")
    with pytest.raises(SeriesError, match="several series 5"):
        pick([*both, *series("1.4", series_number=5)], named="5")


def test_the_rest_of_a_series_in_parts_is_told_of(series):
    eye = Eye(of_1=1.0)
    parts = [*series("1", count=30), *series("1", start=400.0, acquisition_number="2")]
    (finding,) = [f for f in pick(parts, look=eye).findings if f.code == "series-in-parts"]
    assert finding.severity == "caution" and finding.measured == 30 and "(1#2)" in finding.message
    over = [*series("1"), *series("1", count=30, acquisition_number="2")]
    assert [f.code for f in pick(over).findings] == ["series-chosen"], "another pass over the same places"


def test_a_named_scout_is_refused_by_name(series):
    scout = series("1", count=1, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"))
    with pytest.raises(SeriesError, match=r"holds localizer \(1 image\(s\)\), not CT"):
        pick([*series("1"), *scout], named="1#2")


def test_the_artefact_reduced_is_offered_beside_the_original(series):
    choice = pick(series("1", metal_reduced=True), series("2"))
    assert choice.stack.series_instance_uid == "2"
    assert choice.alternative is not None and choice.alternative.name == "1"
    (finding,) = [f for f in choice.findings if f.code == "artefact-reduction-beside"]
    assert finding.severity == "info" and "series 1" in finding.message
    assert pick(series("1", metal_reduced=True), series("2"), named="2").alternative.name == "1"


@pytest.mark.parametrize("tags", [{"frame_of_reference_uid": "9"}, {"start": 500.0}, {"slope": None}])
def test_what_cannot_lie_over_the_original_is_not_offered(series, tags):
    eye = Eye(of_1=0.0, of_2=1.0)
    assert pick(series("1", metal_reduced=True, **tags), series("2"), look=eye).alternative is None


def test_the_artefact_reduced_alone_is_measured_with_a_caution(series):
    choice = pick(series("1", metal_reduced=True))
    assert [(f.code, f.severity) for f in choice.findings] == [("metal-artefact-reduced", "caution")]


def test_rules_compare_with_the_best_left_and_not_in_a_chain(series):
    runs = [series(str(n), thick=1.0 + 0.08 * n, kernel="B70f" if n == 2 else "B30f") for n in range(3)]
    choice = pick(*runs)
    assert [r.stack.series_instance_uid for r in choice.ranking] == ["0", "1", "2"], "2 is 0.16 mm from the best"
    assert choice.ranking[2].lost_by == "thicker slices: 1.16 mm against 1 mm"


def test_many_stacks_are_no_burden(series):
    runs = [series(str(n), count=2, kernel=str(n), start=5.0 * n) for n in range(600)]
    assert len(pick(*runs, look=lambda headers: None).ranking) == 600


def test_many_parts_are_not_all_named(series):
    parts = [h for n in range(9) for h in series("1", count=12, start=300.0 * n, acquisition_number=str(n))]
    (finding,) = [f for f in pick(parts, look=lambda headers: None).findings if f.code == "series-in-parts"]
    assert len(finding.message) < 300 and "and 5 more" in finding.message


def test_a_newer_examination_comes_before_a_thinner_older_one(series):
    older = series("1", study_instance_uid="1.8", study_date="20190101", frame_of_reference_uid="8")
    newer = series("2", step=3.0, count=20, study_instance_uid="1.9", study_date="20200101")
    choice = pick(older, newer, look=lambda headers: Metal(5.0, "mL"))
    assert choice.because == "newer study" and choice.ranking[1].lost_by == "older study"
    choice = pick(older, newer, look=Eye(of_1=5.0, of_2=0.0))
    assert choice.because == "shows metal"
