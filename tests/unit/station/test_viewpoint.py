import pytest

from planner.station.viewpoint import FROM_THE_FRONT, needles_side, seen_from


def aimed(plan, *outs):
    """Needles from these directions to one place, the first-ranked first."""
    ways = []
    for rank, out in enumerate(outs, start=1):
        path = (tuple(50.0 * v for v in out), (0.0, 0.0, 0.0))
        changes = {"rank": rank, "path_lps": path, "aim_lps": (0.0, 0.0, 0.0)}
        ways.append(plan.trajectories[0].model_copy(update=changes))
    return ways


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ((0.3, 1.0, 0.2), "from behind"),
        ((1.0, -0.3, 0.5), "from the left"),
        ((-1.0, 0.3, -0.2), "from the right"),
        ((0.2, -1.0, 0.0), "from the front"),
    ],
)
def test_the_scene_is_seen_from_where_the_needles_come(plan, out, said):
    view = needles_side(aimed(plan, out))
    assert seen_from(view.to_eye_lps) == said
    assert view.up_lps == (0.0, 0.0, 1.0)


def test_the_first_ranked_decide(plan):
    assert seen_from(needles_side(aimed(plan, (0, 1, 0), (1, 0, 0), (1, 0, 0))).to_eye_lps) == "from behind"


def test_from_the_front_where_no_side_is_told(plan):
    assert needles_side([]) == FROM_THE_FRONT
    assert needles_side(aimed(plan, (0.0, 0.1, 1.0))) == FROM_THE_FRONT
    left, right = aimed(plan, (1, 0, 0))[0], aimed(plan, (-1, 0, 0))[0]
    assert needles_side([left, right]) == FROM_THE_FRONT


@pytest.mark.parametrize(
    ("to_eye", "said"),
    [
        ((0.0, 0.0, 2.0), "from the head"),
        ((0.0, 0.0, -1.0), "from the feet"),
        ((0.5, 0.8, 0.0), "from behind and the left"),
        ((0.1, 0.9, 0.0), "from behind"),
    ],
)
def test_the_eye_is_told_in_words(to_eye, said):
    assert seen_from(to_eye) == said
