"""What a view of the planning station says of itself: that no fluoroscope took it."""

from planner.fluoro.overlay import LETTERING, Layer, Words, letters_px
from planner.model.carm import CArm

_ABOVE_SCALE = 2.2
"""Heights of letters that the scale at the lower left takes: words at the right stand above it."""


def simulated_layer(carm: CArm) -> Layer:
    """Write into a view that it is simulated.

    Parameters
    ----------
    carm : CArm
        The view.

    Returns
    -------
    Layer
        Words at the lower right.
    """
    place = carm.rows - 1.0 - _ABOVE_SCALE * letters_px(carm.rows), carm.columns - 7.0
    return Layer("simulated", (Words(place, "SIMULATED", LETTERING, "rb"),))
