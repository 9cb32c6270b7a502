"""The report on paper, A4 and Letter, as Chromium prints it: the sheet on one page, nothing cut off, nothing loaded."""

import io
from pathlib import Path

import pytest
from PIL import Image

from planner.config.plan_config import PlanConfig
from planner.io.dicom.patient import PatientIdentity
from planner.model.plan import Plan, Review
from planner.report.figures import shown_needles
from planner.report.html import render_report
from tests.unit.report.printing import (
    IS_THERE,
    MAY_SKIP,
    PAPERS_MM,
    asked_for,
    layout_faults,
    lost_words,
    outside,
    print_report,
)
from tests.unit.report.printing import _chromium as chromium

pytestmark = pytest.mark.skipif(
    not IS_THERE and MAY_SKIP, reason="Chromium and pdftotext (Debian's chromium, poppler-utils) are not installed"
)
PLANS = Path(__file__).parent / "plans"
SIDES = {"lumbar": ("LEFT", "RIGHT"), "thoracic": ("LEFT", "RIGHT"), "hip": ("LEFT HIP",)}


def plan_of(kind: str) -> Plan:
    """A plan of a sample series, as it was once made."""
    return Plan.model_validate_json((PLANS / f"{kind}.json").read_text())


def blank(wide: int, tall: int) -> bytes:
    packed = io.BytesIO()
    Image.new("L", (wide, tall), 40).save(packed, format="PNG")
    return packed.getvalue()


def pictures_of(plan: Plan) -> dict[str, bytes]:
    """Empty pictures, of the sizes and names that the pipeline gives them."""
    square, frontal = blank(56, 56), "pa" if (plan.treatment_position or "").endswith("P") else "ap"
    names = [f"overview/{view}" for view in ("front", "side")]
    for gap in plan.gaps:
        views = ("axial", "coronal", "sagittal", "across-implant", "along-implant", "along-needle")
        names += [f"{gap.id}/{view}" for view in views]
        for needle in shown_needles(plan, gap):
            names += [f"{needle.id}/{v}" for v in ("needles-eye", "bulls-eye", frontal, "lateral", "watch")]
    pictures = dict.fromkeys(names, square)
    stems = {one.id for one in plan.implants if one.kind == "femoral_stem"}
    for gap in plan.gaps:
        pictures[f"unwrapped/{gap.implant_id}"] = blank(58, 78) if gap.implant_id in stems else blank(47, 58)
        pictures[f"angles/{gap.id}"], pictures[f"fill/{gap.id}"] = blank(90, 60), blank(80, 50)
    return pictures


@pytest.fixture(scope="module", params=["lumbar", "thoracic", "hip"])
def kind(request):
    return request.param


@pytest.fixture(scope="module", params=list(PAPERS_MM))
def paper(request):
    return request.param


@pytest.fixture(scope="module")
def plan(kind):
    return plan_of(kind)


@pytest.fixture(scope="module")
def html(plan):
    return render_report(plan, pictures_of(plan), config=PlanConfig(), plan_sha256="ab" * 32)


@pytest.fixture(scope="module")
def printed(html, paper, tmp_path_factory):
    return print_report(html, tmp_path_factory.mktemp("print"), paper)


def test_the_sheet_is_the_first_page_and_each_gap_has_its_own(printed, plan, kind):
    first = printed.text(1)
    assert "Cement injection plan." in first and "positions" in first and "whatever is written here" in first
    assert all(needle in first for one in plan.procedure.sets for needle in one.trajectory_ids)
    assert all(side in printed.head(1) for side in SIDES[kind])
    heads = [printed.head(page) for page in range(2, len(printed.pages) + 1)]
    starts = [next(k for k, head in enumerate(heads) if f"{gap.id} ·" in head) for gap in plan.gaps]
    rest = next(k for k, head in enumerate(heads) if "Findings and figures" in head)
    assert starts[0] == 0, "the sheet takes one page"
    lengths = [after - start for start, after in zip(starts, [*starts[1:], rest], strict=True)]
    assert max(lengths) <= 2, "a gap takes one page, or two"


def test_every_page_says_whose_side_it_is_and_that_nobody_approved_it(printed, plan):
    count = len(printed.pages)
    for page in range(1, count + 1):
        head = printed.head(page)
        assert "UNREVIEWED" in head and ("LEFT" in head or "RIGHT" in head), page
        assert f"{page} / {count}" in printed.text(page)
    for gap in plan.gaps:
        side = next(one.side for one in plan.implants if one.id == gap.implant_id)
        own = [printed.head(page) for page in range(1, count + 1) if f"{gap.id} ·" in printed.head(page)]
        assert own and all(head.startswith(side.upper()) for head in own)


def test_nothing_is_cut_off(printed, paper):
    assert outside(printed, paper) == []
    assert lost_words(printed) == {}


def test_nothing_is_wider_than_its_room(html, paper, tmp_path):
    assert layout_faults(html, tmp_path, paper) == []


def test_no_script_fails_and_nothing_is_asked_of_the_network(printed):
    assert printed.asked == () and "CONSOLE" not in printed.said


def test_the_judges_say_no(tmp_path):
    """A page with a script that fails, a picture from afar, words and boxes beyond the page."""
    evil = """<html><head><title>x</title><style>body { margin: 0; }</style></head><body><p>here</p>
    <img src="http://far.example/a.png"><div style="width: 900mm">wide</div>
    <p style="position: absolute; left: 205mm; white-space: nowrap">beyond the edge</p>
    <div style="width: 9mm; height: 3mm; overflow: hidden">aa <span style="margin-left: 40mm">vanished</span></div>
    <script>nothing.of_the_kind()</script></body></html>"""
    printed = print_report(evil, tmp_path, "A4")
    assert printed.asked == ("http://far.example/a.png",) and "CONSOLE" in printed.said
    assert outside(printed, "A4") and "vanished" in lost_words(printed)
    assert {row[0] for row in layout_faults(evil, tmp_path, "A4")} >= {"beyond the page", "wider than its box"}


def many(plan: Plan, times: int) -> Plan:
    """The same plan with each gap, its implant and its needles so many times over."""
    implants, gaps, ways, sets = [], [], [], []
    for k in range(times):
        names = {one.id: f"{one.id}{k}" for one in (*plan.implants, *plan.gaps, *plan.trajectories)}
        implants += [one.model_copy(update={"id": names[one.id]}) for one in plan.implants]
        gaps += [g.model_copy(update={"id": names[g.id], "implant_id": names[g.implant_id]}) for g in plan.gaps]
        for one in plan.procedure.sets:
            ids = tuple(names[name] for name in one.trajectory_ids)
            update = {"gap_ids": tuple(names[g] for g in one.gap_ids), "trajectory_ids": ids}
            sets.append(one.model_copy(update={**update, "implant_id": names[one.implant_id]}))
            for way in (one_way for one_way in plan.trajectories if one_way.id in one.trajectory_ids):
                goal = {"gap_id": names[way.gap_id], "implant_id": names[way.implant_id]}
                ways.append(way.model_copy(update={"id": names[way.id], **goal}))
    procedure = plan.procedure.model_copy(update={"sets": tuple(sets), "needles": len(ways), "in_turn": ()})
    update = {"implants": tuple(implants), "gaps": tuple(gaps), "trajectories": tuple(ways), "procedure": procedure}
    empty = {"breaches": (), "fills": (), "needle_sets": (), "views": (), "needle_searches": (), "needle_holes": ()}
    return plan.model_copy(update=update | empty)


def test_more_targets_than_one_page_holds_go_on_with_the_head_repeated(tmp_path):
    plan = many(plan_of("lumbar"), 5)
    printed = print_report(render_report(plan, {}), tmp_path, "letter")
    heads = [printed.head(page) for page in range(1, len(printed.pages) + 1)]
    sheet = next(k for k, head in enumerate(heads) if "gap-10 ·" in head)
    assert sheet >= 2 and all(head.startswith("SPINE LEFT screw-20") for head in heads[:sheet])
    rows = [page for page in range(1, sheet + 1) if "trajectory-" in printed.text(page)]
    assert len(rows) >= 2 and all("Skin entry" in printed.text(page) for page in rows), "the table's head is repeated"
    assert len(printed.text(1).split()) > 150, "the first page is not left empty for a drawing that is too tall"
    assert all(way.id in " ".join(printed.text(page) for page in range(1, sheet + 1)) for way in plan.trajectories)
    assert outside(printed, "letter") == [] and lost_words(printed) == {}


def test_an_approved_sheet_says_by_whom_and_when_and_has_no_watermark(tmp_path):
    review = Review(state="approved", by="A. Reader", at="2026-11-22T10:05:00+01:00")
    plan = plan_of("hip").model_copy(update={"review": review})
    patient = PatientIdentity("Phantom, Petra", "P-4711", "1951-02-03")
    printed = print_report(render_report(plan, {}, patient=patient), tmp_path, "A4")
    first = printed.text(1)
    assert "approved by A. Reader, 2026-11-22 10:05 UTC+01:00" in first and "APPROVED" in printed.head(2)
    assert "Phantom, Petra" in first and "P-4711" in first and "1951-02-03" in first
    assert "Phantom, Petra" in printed.head(2) and "UNREVIEWED" not in printed.squeezed


def test_the_log_of_the_network_is_read(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<img src="http://far.example/b.png">')
    chromium(tmp_path, f"--log-net-log={tmp_path / 'log.json'}", "--dump-dom", page.as_uri())
    assert asked_for(tmp_path / "log.json") == ("http://far.example/b.png",)


def test_two_needles_of_one_gap_have_their_pictures_on_its_pages(tmp_path):
    plan = plan_of("lumbar")
    first, other = (plan.procedure.sets[0].trajectory_ids[0], "trajectory-4")
    assert next(way for way in plan.trajectories if way.id == other).gap_id == "gap-1"
    both = plan.procedure.sets[0].model_copy(update={"trajectory_ids": (first, other)})
    procedure = plan.procedure.model_copy(update={"sets": (both, *plan.procedure.sets[1:]), "needles": 4})
    plan = plan.model_copy(update={"procedure": procedure})
    printed = print_report(render_report(plan, pictures_of(plan)), tmp_path, "letter")
    pages = [page for page in range(1, len(printed.pages) + 1) if "gap-1 ·" in printed.head(page)]
    own = " ".join(printed.text(page) for page in pages)
    assert pages[0] == 2, "four needles fit onto the sheet"
    assert len(pages) <= 2 and own.count("bull's-eye") == 2 and own.count("Needle's eye") == 2
    assert f"{other}, proposed, injects 2 of 2" in own and outside(printed, "letter") == []
