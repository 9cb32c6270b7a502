"""What a view says of itself."""

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.overlay import draw_apart
from planner.fluoro.state_overlay import simulated_layer
from planner.fluoro.views import ap_view


def test_it_says_that_it_is_simulated_at_the_lower_right():
    view = ap_view((0.0, 0.0, 0.0), config=FluoroConfig())
    layer = simulated_layer(view)
    assert [word.text for word in layer.shapes] == ["SIMULATED"]
    drawn = draw_apart([layer], (view.rows, view.columns))[..., 3] > 0
    assert drawn.any()
    assert not drawn[: view.rows // 2].any()
    assert not drawn[:, : view.columns // 2].any()
    assert not drawn[:, -1].any(), "no letter is cut off"
