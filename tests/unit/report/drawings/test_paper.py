"""The paper that is drawn on: places, shades, words that stay words."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from planner.report.drawings.paper import Lens, Paper, shade, zone_words

FRONT = Lens(right_lps=(1.0, 0.0, 0.0), up_lps=(0.0, 0.0, 1.0))


def test_what_is_to_be_shown_fits_with_free_paper_all_round():
    points = [(0.0, 9.0, 0.0), (100.0, -9.0, 300.0)]
    lens, size = FRONT.fitted(points, room_mm=(80.0, 70.0), edge_mm=5.0, most_scale=0.8)
    assert lens.scale == pytest.approx(0.2) and size == pytest.approx((30.0, 70.0))
    assert lens.at(points[0]) == pytest.approx((5.0, 65.0)) and lens.at(points[1]) == pytest.approx((25.0, 5.0))
    small, _ = FRONT.fitted([(0.0, 0.0, 0.0), (9.0, 0.0, 9.0)], room_mm=(80.0, 70.0), edge_mm=5.0, most_scale=0.8)
    assert small.scale == 0.8
    one, size = FRONT.fitted([(1.0, 2.0, 3.0)], room_mm=(80.0, 70.0), edge_mm=5.0, most_scale=0.8)
    assert np.isfinite(one.at((1.0, 2.0, 3.0))).all() and min(size) > 0.0


def test_the_more_is_lucent_the_darker_and_what_was_not_measured_is_no_white_zero():
    def light(ml):
        return int(shade(ml, 2.0)[0][5:7], 16)

    assert light(0.0) == 255 and light(0.2) > light(1.0) > light(2.0)
    assert shade(0.0, 2.0)[1] == "" and shade(None, 2.0)[1] != ""
    assert (zone_words(None), zone_words(0.0), zone_words(0.004), zone_words(0.6)) == ("?", "", "", "0.60")


def test_hostile_words_stay_words():
    evil = "</svg><script>x</script>\"'"
    paper = Paper(10.0, 10.0, evil)
    paper.words((5.0, 5.0), evil)

    seen = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            seen.append(tag)

    page = Tags()
    page.feed(str(paper.markup()))
    assert seen == ["svg", "text"]


def test_numbers_stand_clear_of_each_other_and_on_the_paper():
    paper = Paper(40.0, 40.0, "x")
    for number in range(4):
        paper.number((20.0, 20.0), str(number), (1.5, 0.0))
    paper.number((99.0, 20.0), "9", (1.5, 0.0))
    discs = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', str(paper.markup()))
    at = np.array(discs, dtype=float)
    apart = np.linalg.norm(at[:, None] - at[None], axis=-1)[np.triu_indices(4, 1)]
    assert apart.min() >= 4.0 and at.max() < 40.0


def test_a_number_stands_clear_of_what_is_to_be_kept_clear():
    paper = Paper(60.0, 60.0, "numbers")
    paper.keep_clear((30.0, 30.0))
    paper.number((30.5, 30.0), "1", (1.4, 0.0))
    x, y = (float(v) for v in re.search(r'cx="([\d.]+)" cy="([\d.]+)"', paper.markup()).groups())
    assert x >= 34.2 and y == 30.0
