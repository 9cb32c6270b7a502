"""What the views of one viewer share."""

from napari_cement._focus import Aim, Chosen, Focus, Shown, aim_of, focus_of
from napari_cement._session import session_of


def heard(signal):
    calls = []
    signal.connect(lambda: calls.append(1))
    return calls


def test_what_is_there_already_is_told_to_nobody(qtbot):
    focus = Focus()
    moved, chosen = heard(focus.cursorChanged), heard(focus.chosenChanged)
    for _ in range(2):
        focus.set_cursor((1, 2, 3))
        focus.set_chosen(Chosen("gap", "gap-1"))
    assert focus.cursor_lps == (1.0, 2.0, 3.0)
    assert (len(moved), len(chosen)) == (1, 1)


def test_another_case_lets_go_of_what_was_chosen_in_the_one_before(qtbot, scan, plan):
    focus = Focus()
    focus.set_chosen(Chosen("needle", "trajectory-1"))
    focus.set_aim(aim_of(plan.trajectories[0]))
    focus.set_hidden(frozenset({"gap-1"}))
    focus.set_shown(Shown(scan=scan))
    assert (focus.chosen, focus.aim, focus.cement, focus.hidden) == (None, None, None, frozenset())
    assert focus.shown.scan is scan and focus.shown.plan is None


def test_a_needle_is_looked_along_by_its_course(plan):
    way = plan.trajectories[0]
    assert aim_of(way) == Aim(way.path_lps, 1.83, "trajectory-1")


def test_every_viewer_has_one_of_its_own(make_napari_viewer):
    one, other = make_napari_viewer(), make_napari_viewer()
    assert focus_of(one) is focus_of(one) and focus_of(one) is not focus_of(other)
    assert session_of(one) is session_of(one) and session_of(one) is not session_of(other)
