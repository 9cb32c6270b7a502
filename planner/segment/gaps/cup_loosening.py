"""How loose one CT shows a cup to be."""

from collections.abc import Sequence

from planner.config.hip_config import HipGapConfig
from planner.model.implant import Loosening


def cup_loosening(
    zone_shares: Sequence[float | None], *, lucent_share: float | None, trust: float, config: HipGapConfig
) -> Loosening | None:
    """Grade a cup by the DeLee-Charnley zones that are lucent.

    Parameters
    ----------
    zone_shares : sequence of float or None
        Lucent share of the interface in zones 1 to 3; None where too little of a zone is in the scan.
    lucent_share : float or None
        Lucent share of the whole interface.
    trust : float
        How far streaks leave the scan readable.
    config : HipGapConfig
        The limits.

    Returns
    -------
    "none", "possible", "probable" or None
        Probable: lines over all zones. Possible: half of the interface, or two zones. None where the scan cannot tell,
        or a zone is missing that would decide.
    """
    if trust < config.least_trust or lucent_share is None:
        return None
    lucent = [share is not None and share >= config.zone_share for share in zone_shares]
    if all(lucent):
        return "probable"
    if sum(lucent) >= 2 or lucent_share >= config.possible_share:
        return "possible"
    return None if any(share is None for share in zone_shares) else "none"
