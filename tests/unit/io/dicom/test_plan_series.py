"""What lists of series show of a plan's objects."""

from typing import get_args

from planner.io.dicom.plan_series import DESCRIPTIONS, SeriesKind, series_description
from planner.model.plan import Review


def test_descriptions_fit_and_are_known_again():
    reviews = [None, *(Review(state=state) for state in ("unreviewed", "edited", "approved"))]
    given = {series_description(kind, review) for kind in get_args(SeriesKind) for review in reviews}
    assert given == DESCRIPTIONS
    assert max(len(text) for text in given) <= 64
    assert series_description("labels", Review(state="approved")) == series_description("labels", None)
