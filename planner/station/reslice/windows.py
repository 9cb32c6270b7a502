"""Windows on the CT's grey values: what is black, what is white."""

from dataclasses import dataclass, replace

from planner.report.palette import BONE_LEVEL_HU, BONE_WIDTH_HU

LEAST_WIDTH_HU = 1.0
HU_PER_PIXEL = 4.0
"""A drag over one pixel of the screen changes level or width by so much. Ours."""
_LEVELS_HU = (-1024.0, 30710.0)
"""From air to the top of the extended CT scale (16-bit reconstructions of metal)."""
_MOST_WIDTH_HU = 32000.0


@dataclass(frozen=True, slots=True)
class Window:
    """How HU become greys.

    Parameters
    ----------
    level_hu : float
        What becomes the middle grey.
    width_hu : float
        From black to white.
    """

    level_hu: float
    width_hu: float

    @property
    def low_hu(self) -> float:
        """What is black, and all below."""
        return self.level_hu - self.width_hu / 2.0

    @property
    def high_hu(self) -> float:
        """What is white, and all above."""
        return self.level_hu + self.width_hu / 2.0

    @property
    def in_words(self) -> str:
        """Such as "L 400 W 2000"."""
        return f"L {self.level_hu:.0f} W {self.width_hu:.0f}"

    def dragged(self, right_px: float, down_px: float) -> "Window":
        """Change as a drag does: to the right wider, downwards darker (the level rises).

        Parameters
        ----------
        right_px, down_px : float
            Way of the mouse, pixels.

        Returns
        -------
        Window
            Within the scales that CTs have.
        """
        low, high = _LEVELS_HU
        level = min(max(self.level_hu + HU_PER_PIXEL * down_px, low), high)
        width = min(max(self.width_hu + HU_PER_PIXEL * right_px, LEAST_WIDTH_HU), _MOST_WIDTH_HU)
        return replace(self, level_hu=level, width_hu=width)


WINDOWS: dict[str, Window] = {
    "bone": Window(BONE_LEVEL_HU, BONE_WIDTH_HU),
    "soft tissue": Window(40.0, 400.0),
    "metal": Window(1000.0, 4000.0),
}
"""Bone: the report's, common practice. Soft tissue: level 40, width 400, common practice in abdomen and pelvis. Metal:
ours, nearly the whole 12-bit CT scale (-1024 to 3071 HU), so that thread, edge and streaks are all told apart."""


def name_of(window: Window) -> str | None:
    """Name a preset.

    Parameters
    ----------
    window : Window
        Any window.

    Returns
    -------
    str or None
        None where a person set it by hand.
    """
    return next((name for name, preset in WINDOWS.items() if preset == window), None)
