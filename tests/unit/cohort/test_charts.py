"""The drawings of a cohort's page."""

import math
import re
from xml.etree import ElementTree

import pytest

from planner.cohort.charts import BLUE, VERMILION, Dot, DotRow, Part, bar_chart, dot_chart


def row(name: str, *values: float, out: float | None = None) -> DotRow:
    return DotRow(name, tuple(Dot(v, f"{v} <mL>", f"studies/{v}/report.html", v == out) for v in values))


def circles(svg: object) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(str(svg)).iter("circle"))


def texts(svg: object) -> list[str]:
    return [one.text or "" for one in ElementTree.fromstring(str(svg)).iter("text")]


def test_each_value_is_a_dot_that_leads_to_its_report() -> None:
    svg = dot_chart([row("screws & rods", 0.5, 1.0, 8.0, out=8.0)], title="t", unit="mL")
    found = circles(svg)
    assert [one.get("fill") for one in sorted(found, key=lambda c: float(c.get("cx", "0")))] == [BLUE, BLUE, VERMILION]
    links = [one.get("href") for one in ElementTree.fromstring(str(svg)).iter("a")]
    assert sorted(links) == ["studies/0.5/report.html", "studies/1.0/report.html", "studies/8.0/report.html"]
    assert "1.00 mL" in texts(svg) and "n = 3" in texts(svg) and "screws & rods" in texts(svg)
    assert "<mL>" not in str(svg) and "&lt;mL&gt;" in str(svg)


@pytest.mark.parametrize("by_ratio", [False, True])
@pytest.mark.parametrize(
    "values", [(1.0,), (0.0, 0.0), (0.0, 5.0), (-2.0, 3.0), (1e-9, 1e9), (3.0,) * 500, (0.3, 0.3001)]
)
def test_whatever_the_values_all_is_on_the_paper_and_in_order(values: tuple[float, ...], by_ratio: bool) -> None:
    svg = dot_chart([row("a", *values), row("b")], title="t", unit="mm", by_ratio=by_ratio)
    wide, tall = (float(v) for v in re.search(r'viewBox="0 0 (\S+) (\S+)"', str(svg)).groups())  # type: ignore[union-attr]
    found = circles(svg)
    assert len(found) == len(values)
    for one in found:
        x, y = float(one.get("cx", "nan")), float(one.get("cy", "nan"))
        assert 0.0 <= x <= wide and 0.0 <= y <= tall and math.isfinite(x)
    assert "none measured" in texts(svg)


def test_nothing_measured_is_no_drawing() -> None:
    assert dot_chart([row("a"), row("b")], title="t", unit="mL") is None
    assert bar_chart([("a", [Part("x", 0, BLUE)])], title="t") is None


def test_bars_are_parted_by_their_counts() -> None:
    svg = bar_chart(
        [("screws", [Part("open", 3, VERMILION), Part("closed", 1, BLUE), Part("thin", 0, "#fff")])], title="t"
    )
    shapes = list(ElementTree.fromstring(str(svg)).iter("polygon"))
    spans = []
    for one in shapes:
        xs = [float(point.split(",")[0]) for point in one.get("points", "").split()]
        spans.append(max(xs) - min(xs))
    assert len(spans) == 2 and spans[0] == pytest.approx(3.0 * spans[1], rel=1e-3)
    assert {"n = 4", "3", "1", "screws"} <= set(texts(svg))
