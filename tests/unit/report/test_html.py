"""The report: whole, well-formed, quiet on the network, and honest about what was not measured."""

import base64
import re
from html.parser import HTMLParser

import pytest

from planner.model.finding import Finding
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
        "LAO 160 CRAN 4°", "−20° / +4°", "15G", "into the spinal canal", "watch LAO 88 CRAN 2°", "0.65\u202fmL",
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
    assert row.count("not measured") == 5 and not re.search(r"\b0[.\s]", row)
    assert "gap-2: volume, expected fill, width, lucent share of the interface, trust" in text
    assert "gap-1: volume in screw-tip" in unmeasured(plan)
    assert not [line for line in unmeasured(plan) if line.startswith("screw-1")]


def test_a_fill_that_never_leaks_is_not_called_unmeasured(plan):
    breach = plan.breaches[0].model_copy(update={"reached": False, "leak_after_ml": None})
    text = Page(render_report(plan.model_copy(update={"breaches": (breach,)}), {})).text
    assert "never" in text[text.index("Leaks after") : text.index("Risk factors")]


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
