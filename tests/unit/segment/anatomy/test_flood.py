import numpy as np

from planner.segment.anatomy.flood import Ground, flood, way_cost

OUTSIDER = 3


def ground(cost, **changes):
    shape = cost.shape
    parts = {
        "seeds": np.zeros(shape, dtype=np.int16),
        "first": np.ones(shape, dtype=np.int16),
        "last": np.full(shape, OUTSIDER - 1, dtype=np.int16),
        "open_to": np.zeros(shape, dtype=bool),
    }
    return Ground(cost.astype(np.float32), **(parts | changes), outsider=OUTSIDER)


def bar(length=21):
    """A bar with a dear voxel at 12, seeds at either end."""
    cost = np.full((1, 1, length), 1.0)
    cost[0, 0, 12] = 40.0
    seeds = np.zeros(cost.shape, dtype=np.int16)
    seeds[0, 0, 0], seeds[0, 0, -1] = 1, 2
    return cost, seeds


def test_labels_meet_where_the_way_is_dear_not_half_way():
    cost, seeds = bar()
    labels = flood(ground(cost, seeds=seeds))[0, 0]
    assert labels[:12].tolist() == [1] * 12
    assert labels[13:].tolist() == [2] * 8


def test_without_a_dear_place_they_meet_half_way():
    cost, seeds = bar()
    cost[:] = 1.0
    labels = flood(ground(cost, seeds=seeds))[0, 0]
    assert labels[:10].tolist() == [1] * 10
    assert labels[11:].tolist() == [2] * 10


def test_a_label_does_not_leave_its_range_and_nothing_crosses_no_way():
    cost, seeds = bar()
    last = np.full(cost.shape, 2, dtype=np.int16)
    first = np.ones(cost.shape, dtype=np.int16)
    first[0, 0, 5:8] = 2
    cost[0, 0, 16] = -1.0
    labels = flood(ground(cost, seeds=seeds, first=first, last=last))[0, 0]
    assert labels[:5].tolist() == [1] * 5
    assert labels[5:17].tolist() == [0] * 12
    assert labels[17:].tolist() == [2] * 4


def test_the_outsider_grows_only_where_it_is_let():
    cost, seeds = bar()
    seeds[0, 0, -1] = OUTSIDER
    shut = flood(ground(cost, seeds=seeds))[0, 0]
    assert shut[:20].tolist() == [1] * 20
    let = flood(ground(cost, seeds=seeds, open_to=np.ones(cost.shape, dtype=bool)))[0, 0]
    assert let[13:].tolist() == [OUTSIDER] * 8


def test_shortest_ways_agree_with_a_plain_search():
    random = np.random.default_rng(3)
    cost = random.uniform(1.0, 30.0, (5, 6, 7)).astype(np.float32)
    seeds = np.zeros(cost.shape, dtype=np.int16)
    seeds[0, 0, 0], seeds[4, 5, 6] = 1, 2
    labels = flood(ground(cost, seeds=seeds))
    away = [_relaxed(cost, start) for start in ((0, 0, 0), (4, 5, 6))]
    clear = np.abs(away[0] - away[1]) > 3.0
    assert np.array_equal(labels[clear], np.where(away[0] < away[1], 1, 2)[clear])


def _relaxed(cost, start):
    """Bellman's iteration on the 26-neighbourhood."""
    away = np.full(cost.shape, np.inf)
    away[start] = 0.0
    steps = [(a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1) if a or b or c]
    for _ in range(40):
        wide, price = np.pad(away, 1, constant_values=np.inf), np.pad(cost, 1)
        for step in steps:
            cut = tuple(slice(1 + s, 1 + s + n) for s, n in zip(step, cost.shape, strict=True))
            away = np.minimum(away, wide[cut] + np.linalg.norm(step) * (price[cut] + cost) / 2)
    return away


def test_a_joint_and_a_neck_cost_more_than_solid_bone():
    bone = np.zeros((9, 9, 30), dtype=bool)
    bone[1:8, 1:8, 1:29] = True
    bone[:, :, 20] = False
    bone[4, 4, 20] = True
    hu = np.full(bone.shape, 600.0, dtype=np.float32)
    hu[:, :, 10] = 60.0
    depth = np.where(bone, 4.0, 0.0).astype(np.float32)
    depth[4, 4, 20] = 1.0
    prices = {"joint_hu": 180.0, "joint_price": 60.0, "neck_price": 40.0}
    cost = way_cost(hu, np.zeros(bone.shape, dtype=bool), bone, depth, **prices)
    assert cost[4, 4, 10] > 50
    assert cost[4, 4, 20] > 20
    assert cost[4, 4, 5] < 2
    assert (cost[~bone] < 0).all()
    blind = way_cost(hu, np.ones(bone.shape, dtype=bool), bone, depth, **prices)
    assert blind[4, 4, 10] < 10


def test_wide_marrow_is_no_joint():
    bone = np.ones((9, 9, 30), dtype=bool)
    hu = np.full(bone.shape, 60.0, dtype=np.float32)
    hu[:, :, 0] = 600.0
    depth = np.full(bone.shape, 4.0, dtype=np.float32)
    cost = way_cost(
        hu, np.zeros(bone.shape, dtype=bool), bone, depth, joint_hu=180.0, joint_price=60.0, neck_price=40.0
    )
    assert cost[4, 4, 15] < 10
