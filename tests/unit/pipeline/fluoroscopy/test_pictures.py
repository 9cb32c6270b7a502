"""Which views of a needle are worth a picture."""

import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.views import view_at
from planner.pipeline.fluoroscopy.pictures import _same_way


@pytest.mark.parametrize(
    ("primary_deg", "secondary_deg", "same"), [(89.0, -2.0, True), (90.0, 9.0, False), (-90.0, 0.0, False)]
)
def test_a_view_beside_the_lateral_one_is_that_view(primary_deg: float, secondary_deg: float, same: bool) -> None:
    lateral, other = (
        view_at((0.0, 0.0, 0.0), primary_deg=primary, secondary_deg=secondary, config=FluoroConfig())
        for primary, secondary in ((90.0, 0.0), (primary_deg, secondary_deg))
    )
    assert _same_way(lateral, other) is same
