"""Who approves reads what speaks against the plan and what is planned; nothing is confirmed that is not known."""

import pytest
from qtpy.QtWidgets import QGroupBox, QLabel

from napari_cement.widgets.saving.review_dialog import ReviewDialog
from planner.station.review import PlaceToConfirm, places_to_confirm

KNOWN = PlaceToConfirm(
    "screw-1", "screw-1: left, L4", "You confirm: this.", ("gap-1: 0.78 mL",), "left", "L4", lacks=False
)
UNKNOWN = PlaceToConfirm(
    "screw-2", "screw-2: left, level not known", "The level is NOT known here", (), "left", None, lacks=True
)
LONG = tuple(f"caution {number} " + "of which there is much to be said " * 6 for number in range(30))


@pytest.fixture
def shown(qtbot):
    def make(places, must_know=()):
        dialog = ReviewDialog(None, places, (), must_know)
        qtbot.addWidget(dialog)
        dialog.show()
        qtbot.waitExposed(dialog)
        qtbot.wait(50)
        return dialog

    return make


def titles(dialog):
    return [box.title() for box in dialog.findChildren(QGroupBox)]


def words(dialog):
    return [label.text() for label in dialog.findChildren(QLabel)]


def test_what_is_planned_stands_below_the_box_that_confirms_it(shown, plan):
    dialog = shown(places_to_confirm(plan))
    assert any(text.startswith("gap-1: ") and "stop" in text and "trajectory-1" in text for text in words(dialog))


@pytest.mark.parametrize(("places", "claims"), [((KNOWN,), True), ((KNOWN, UNKNOWN), False)])
def test_the_title_claims_level_and_side_only_where_all_are_known(shown, places, claims):
    dialog = shown(places)
    assert ("Level and side are right, compared with the CT" in titles(dialog)) is claims
    assert ("What is known of each place is right, compared with the CT" in titles(dialog)) is not claims


def test_what_is_not_known_stands_in_the_colour_of_cautions(shown):
    dialog = shown((KNOWN, UNKNOWN))
    loud = [label.text() for label in dialog.findChildren(QLabel) if "bold" in label.styleSheet()]
    assert loud == [UNKNOWN.confirms]


def test_much_to_know_is_scrolled_and_the_buttons_stay_on_a_low_screen(shown):
    dialog = shown((KNOWN,), LONG)
    assert "To know first (30)" in titles(dialog) and set(LONG) <= set(words(dialog))
    assert dialog.height() <= 740
    assert dialog.scrolled.verticalScrollBar().maximum() > 0
    assert all(
        label.height() >= label.heightForWidth(label.width()) for label in dialog.findChildren(QLabel) if label.text()
    ), "no line is cut off"
