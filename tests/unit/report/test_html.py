"""The report: whole, well-formed, quiet on the network, and honest about what was not measured."""

import base64
import re
from html.parser import HTMLParser

import pytest

from planner.model.finding import Finding
from planner.model.implant import ImplantSphere, LooseningCriterion
from planner.model.plan import Review
from planner.report.html import render_report, unmeasured

VOID = {"meta", "br", "img"}


class Page(HTMLParser):
    """Follows the nesting of tags and gathers what can be read."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.sources, self.words = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"[ \n]+", " ", " ".join(self.words))


def test_well_formed_and_loads_nothing(plan):
    html = render_report(plan, {"gap-1/axial": b"png", "overview/front": b"x", "trajectory-1/ap": b"y"})
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>") and {"script", "link", "iframe"}.isdisjoint(page.tags)
    assert len(page.sources) == 3 and all(s.startswith("data:image/png;base64,") for s in page.sources)
    assert base64.b64encode(b"png").decode() in html
    assert "default-src 'none'" in html
    assert not re.search(r"https?:|//[a-z]|url\(|@import", html)


@pytest.mark.parametrize(
    "words",
    [
        "Research and planning support; not a certified medical device",
        "UNREVIEWED", "head first, face down (HFP)", "They differ", "screw-1", "pedicle screw", "L4 left",
        "1.23\u202fmL", "1.01–1.50", "probable", "widest rim: 1.75\u202fmm", "62\u202f%", "1.4 · 2.1 · 2.6\u202fmm",
        "LAO 160 CRAN 4°", "−20° / +4°", "15G", "spinal canal", "watch LAO 88 CRAN 2°", "0.6\u202fmL",
        "cut off at 3071\u202fHU", "9.8.7", "c0ffee", "total 7.5\u202fs", "88\u202fHU", "73\u202f%",
    ],
)  # fmt: skip
def test_says_it_in_plain_words_with_units(plan, words):
    assert re.sub(r"[ \n]+", " ", words) in re.sub(r"[ \n]+", " ", "".join(Page(render_report(plan, {})).words))


def test_every_finding_is_shown_by_severity(plan):
    text = Page(render_report(plan, {})).text
    places = [text.index(f"the {n} thing") for n in ("first", "second", "third")]
    assert places == sorted(places)
    assert "Source: a book" in text and "At L\u202f1.0 · A\u202f2.0 · H\u202f3.0 mm" in text


def test_not_measured_is_said_and_never_zero(plan):
    gap = plan.gaps[1]
    text = Page(render_report(plan.model_copy(update={"gaps": (gap,), "trajectories": (), "breaches": ()}), {})).text
    row = text[text.index("Trust in the measurement") : text.index("Volumes include")]
    assert row.count("not measured") == 4 and row.count("not simulated") == 1 and not re.search(r"\b0[.\s]", row)
    assert "gap-2: volume, expected fill (not simulated), width, lucent share of the interface, trust" in text
    assert "gap-1: volume in screw-tip" in unmeasured(plan)
    assert not [line for line in unmeasured(plan) if line.startswith("screw-1")]


def test_a_fill_that_never_leaks_is_not_called_unmeasured(plan):
    breach = plan.breaches[0].model_copy(update={"reached": False, "leak_after_ml": None})
    text = Page(render_report(plan.model_copy(update={"breaches": (breach,)}), {})).text
    row = text[text.index("View to watch") : text.index("Zones , lucent")]
    assert "never" in row and "not simulated" not in row
    assert "no open wall is reached" in text


def test_hostile_names_stay_text(plan_with):
    evil = '</style><script>alert("1")</script><img src=http://evil.example/x onerror=x>'
    plan = plan_with(findings=(Finding(code="x", severity="info", message=evil, source=evil),))
    gap = plan.gaps[0].model_copy(update={"id": evil, "level": evil})
    plan = plan.model_copy(
        update={"gaps": (gap,), "trajectories": (), "breaches": (), "review": Review(state="edited", by=evil)}
    )
    page = Page(render_report(plan, {f"{evil}/{evil}": b"a", f"{evil}/axial": b"b"}))
    assert "script" not in page.tags and page.tags.count("img") == 1
    assert all(source.startswith("data:") for source in page.sources)
    assert 'alert("1")' in page.text


def test_watermark_until_a_person_approves(plan_with):
    assert 'class="watermark"' in render_report(plan_with(), {})
    assert 'class="watermark"' in render_report(plan_with(review=Review(state="edited")), {})
    approved = render_report(plan_with(review=Review(state="approved", by="A. Reader", at="2026-01-02")), {})
    assert "UNREVIEWED PLAN" in render_report(plan_with(), {}) and "PLAN" not in approved.replace("PLAN_", "")
    assert 'class="watermark"' not in approved and "A. Reader, 2026-01-02" in Page(approved).text


def test_positions_that_agree_or_are_unknown(plan_with):
    assert "They are the same" in Page(render_report(plan_with(treatment_position="HFS"), {})).text
    assert "not known" in Page(render_report(plan_with(treatment_position=None), {})).text


def test_an_empty_plan(plan_with):
    nothing = {"implants": (), "gaps": (), "breaches": (), "trajectories": (), "needle_sets": (), "findings": ()}
    text = Page(render_report(plan_with(**nothing), {"gap-1/axial": b"of nothing"})).text
    assert "No implant was found" in text and "No gap was found" in text and "does not exclude loosening" in text


def test_pictures_of_strangers_are_left_out(plan):
    assert Page(render_report(plan, {"gap-9/axial": b"a", "axial": b"b"})).sources == []


def test_breaches_that_were_not_looked_for_are_not_called_none(plan):
    silent = plan.model_copy(update={"breaches": ()})
    assert "No breach was found" in Page(render_report(silent, {})).text
    finding = Finding(code="gaps-not-measured", severity="warning", message="gaps were not measured: a nail")
    unsearched = silent.model_copy(update={"gaps": (), "findings": (finding,)})
    text = Page(render_report(unsearched, {})).text
    assert "No breach was found" not in text and "Breaches were not looked for" in text


def _in_short(plan):
    text = Page(render_report(plan, {})).text
    return text[: text.index("Findings and figures")]


def test_who_is_no_candidate_is_told_first_and_no_needle_is_praised(plan, plan_with):
    grave = Finding(code="no-candidate", severity="warning", message="no candidate: open surgery")
    short = _in_short(plan_with(findings=(grave,)))
    assert short.index("No candidate: open surgery.") < short.index("gap-1") and short.count("No candidate") == 3
    assert "none is proposed" in short and "Best single needle" not in short and "trajectory-1" not in short
    assert "work together" not in short and "1.23" in short
    whole = _in_short(plan)
    assert "candidate" not in whole and "Best single needle trajectory-1" in whole and "work together" in whole


def test_a_doubtful_gap_says_so_before_its_figure(plan, plan_with):
    doubt = Finding(
        code="gap-not-reliable", severity="warning", gap_id="gap-1",
        message="gap-1: not to be relied on: 99% of its wall",
    )  # fmt: skip
    short = _in_short(plan_with(findings=(doubt,)))
    assert short.index("Not to be relied on: 99% of its wall.") < short.index("1.23")
    assert "Best single needle trajectory-1" not in short and "doubtful: gap-1" in short
    assert "Not to be relied on" not in _in_short(plan) and "Trust 80\u202f%" in _in_short(plan)


def _row(plan, implant, **more):
    text = Page(render_report(plan.model_copy(update={"implants": (implant, *plan.implants), **more}), {})).text
    return text[text.index("Criteria") : text.index("screw-1 pedicle screw", text.index("Criteria"))]


def test_a_cup_shows_its_sphere_and_how_it_stands(plan):
    sphere = ImplantSphere(centre_lps=(0.0, 0.0, 0.0), diameter_mm=52.0, opening_lps=(0.5**0.5, 0.0, -(0.5**0.5)))
    cup = plan.implants[0].model_copy(
        update={"id": "cup-left", "kind": "acetabular_cup", "axis": None, "sphere": sphere, "level": None}
    )
    row = _row(plan, cup)
    assert "52.0\u202fmm" in row and "inclination 45°" in row and "anteversion 0°" in row and "1.50\u202fmL" in row
    assert "level" not in row and "LAO" not in row
    assert (
        unmeasured(plan.model_copy(update={"implants": (cup,), "gaps": (), "breaches": (), "trajectories": ()})) == ()
    )
    blind = cup.model_copy(update={"sphere": sphere.model_copy(update={"opening_lps": None})})
    assert "opening not measured" in _row(plan, blind)


def test_a_broken_screw_is_marked_and_no_view_runs_down_a_stem(plan):
    row = LooseningCriterion(name="broken, pieces apart by", measured=1.4, limit=0.0, unit="mm")
    screw = plan.implants[0].model_copy(update={"id": "screw-2", "loosening_criteria": (row,), "is_cut": True})
    shown = _row(plan, screw)
    assert "pedicle screw broken runs out of the scan" in shown and "console −12° / +6°" in shown
    stem = plan.implants[0].model_copy(update={"id": "stem-left", "kind": "femoral_stem"})
    assert "LAO" not in _row(plan, stem) and "broken" not in _row(plan, stem)


def test_a_screw_that_the_gantry_cannot_look_along(plan):
    high = plan.implants[0].bulls_eye.model_copy(update={"secondary_deg": 84.0})
    screw = plan.implants[0].model_copy(update={"id": "screw-2", "bulls_eye": high})
    assert "out of the gantry's reach" in _row(plan, screw) and "reach" not in _row(plan, plan.implants[0])


def test_where_nothing_was_looked_for_no_breach_is_not_said(plan, plan_with):
    def said(**more):
        text = Page(render_report(plan_with(**({"breaches": ()} | more)), {})).text
        return text[text.index("Where cement will leak") : text.index("Risk factors")]

    nail = plan.implants[0].model_copy(update={"id": "nail-left", "kind": "nail"})
    none = {"gaps": (), "trajectories": (), "needle_sets": ()}
    unsearched = Finding(code="gaps-not-measured", severity="warning", message="gaps were not measured")
    assert "No breach was found" in said()
    assert "not looked for: no gap was found" in said(**none)
    alone = said(implants=(nail,), findings=(unsearched,), **none)
    assert "not looked for: gaps were not measured" in alone and "No breach" not in alone
    assert "Round nail-left breaches were not looked for" in said(implants=(nail, *plan.implants))


def test_fluoroscopy_has_its_own_legend_and_says_where_two_views_are_one(plan):
    views = {"trajectory-1/bulls-eye": b"a", "trajectory-1/ap": b"b"}
    one = render_report(plan, views)
    assert "bull&#39;s-eye; the lateral view is the same" in one and "#40DCFF" in one
    two = render_report(plan, {**views, "trajectory-1/lateral": b"c"})
    assert "is the same" not in two and "#40DCFF" not in render_report(plan, {})


def test_no_breach_found_is_said_with_what_may_be_missed(plan):
    calm = plan.model_copy(update={"breaches": ()})
    html = render_report(calm, {})
    assert "not told: no breach found" in html
    assert html.count("That no breach was found does not exclude a leak") == len(calm.gaps)
    thickest = max(plan.series.spacing_mm)
    assert f"thinner than a voxel ({thickest:.1f}\u202fmm) may be missed" in html
    assert "That no breach was found does not exclude a leak" not in render_report(
        plan.model_copy(update={"gaps": tuple(g for g in plan.gaps if g.id == plan.breaches[0].gap_id)}), {}
    )


def test_a_needle_to_a_hip_is_not_called_femoral(plan):
    needle = plan.trajectories[0].model_copy(update={"approach": "femoral"})
    html = render_report(plan.model_copy(update={"trajectories": (needle,)}), {})
    assert "to the hip" in html and "femoral" not in html.replace("femoral_", "")


def test_a_count_of_refused_needles_has_its_unit(plan):
    finding = Finding(
        code="no-trajectory", severity="warning", message="gap-1: no safe needle", measured=88923.0,
        unit="needles tried", gap_id="gap-1",
    )  # fmt: skip
    html = render_report(plan.model_copy(update={"findings": (finding,)}), {})
    assert "88923\u202fneedles tried" in html


def test_what_a_person_made_is_called_edited_and_the_programs_own_is_not(plan):
    def count(**parts):
        text = Page(render_report(plan.model_copy(update=parts), {})).text
        return len(re.findall(r"\bedited\b", text))

    gap, needle = plan.gaps[0], plan.trajectories[0]
    assert count() == 0
    # on the sheet, on its page, and in its row
    assert count(gaps=(gap.model_copy(update={"made": "edited"}), *plan.gaps[1:])) == 3
    assert count(trajectories=(needle.model_copy(update={"made": "edited"}), *plan.trajectories[1:])) == 1


def test_the_first_needles_eye_names_its_needle(plan):
    page = render_report(plan, {"trajectory-1/needles-eye": b"eye", "gap-1/axial": b"cut"})
    assert "Needle&#39;s eye of trajectory-1: across it at its target, seen from its hub</figcaption>" in page
