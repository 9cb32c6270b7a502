"""How loose one CT shows a stem to be."""

from planner.config.hip_config import HipGapConfig
from planner.model.implant import Loosening


def stem_loosening(
    lucent_share: float | None, widest_mm: float, *, trust: float, config: HipGapConfig
) -> Loosening | None:
    """Grade a stem by one CT.

    Parameters
    ----------
    lucent_share : float or None
        Share of its interface that is lucent.
    widest_mm : float
        Width of its widest line, mm.
    trust : float
        How far streaks leave the scan readable.
    config : HipGapConfig
        The limits, those of cemented stems.

    Returns
    -------
    "none", "possible", "probable" or None
        None where the scan cannot tell.
    """
    if lucent_share is None or trust < config.least_trust:
        return None
    if lucent_share >= config.probable_share or widest_mm > config.probable_width_mm:
        return "probable"
    return "possible" if lucent_share >= config.possible_share else "none"
