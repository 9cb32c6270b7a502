"""The chain of discs along a spine: likely places whose distances change little from level to level."""

import numpy as np
from scipy import ndimage as ndi

from planner.config.vertebra_config import LevelConfig
from planner.geometry.frames import Array

_HELD_STEP = 4
"""Every so many mm a disc may be set without evidence of its own, where its neighbours call for one."""
_UNSEEN_PRICE = 0.15
_FAINT = 0.05
_MOST_UNEVEN, _MOST_UNUSUAL = 0.25, 0.5
"""Price of a gross change of distance, and of a gross distance: below the worth of an open disc, above that of a dip in
a body. A collapsed body keeps both its discs, a row of bodies is not halved."""
_ONE_BODY = 1.3
"""A body at the end of the scan measures up to so many usual distances. Ours."""


def choose_discs(evidence: Array, usual_mm: Array, config: LevelConfig) -> list[tuple[int, float]]:
    """Choose discs by the evidence along a spine.

    Parameters
    ----------
    evidence : ndarray, shape (N,)
        Evidence of a disc at each mm, 0 to 1; NaN where it is not known.
    usual_mm : ndarray, shape (N,)
        How far from the next a disc is likely to be there.
    config : LevelConfig
        Limits.

    Returns
    -------
    list of (int, float)
        Positions from below to above, and the evidence there; empty where there is no disc.
    """
    known = np.flatnonzero(np.isfinite(evidence))
    if len(known) < config.shortest_mm:
        return []
    start = int(known[0])
    filled = np.interp(np.arange(start, int(known[-1]) + 1), known, evidence[known])
    smooth = ndi.gaussian_filter1d(filled, 1.0, mode="nearest")
    chain = _best_chain(_gains(smooth, config), usual_mm[start : int(known[-1]) + 1], config)
    found = [(start + k, float(smooth[k])) for k in chain]
    # discs are put where their neighbours call for them, so that there must be one that is seen
    return found if any(sure >= config.least_evidence for _, sure in found) else []


def _gains(smooth: Array, config: LevelConfig) -> dict[int, float]:
    higher = np.concatenate([[True], smooth[1:] >= smooth[:-1]])
    higher &= np.concatenate([smooth[:-1] > smooth[1:], [True]])
    gains = {}
    for k in range(len(smooth)):
        found = float(smooth[k])
        if higher[k] and found > _FAINT:
            gains[k] = found - config.least_evidence
        elif k % _HELD_STEP == 0:
            gains[k] = min(found, _UNSEEN_PRICE) - _UNSEEN_PRICE - config.least_evidence
    return gains


def _best_chain(gains: dict[int, float], usual_mm: Array, config: LevelConfig) -> list[int]:
    """Find the chain with the greatest sum of gains, less the price of uneven distances."""
    places = list(gains)
    best: dict[tuple[int, int], float] = {}
    back: dict[tuple[int, int], int] = {}
    alone = max(places, key=lambda k: gains[k])
    end = _open_end(len(usual_mm) - 1 - alone, float(usual_mm[alone]))
    top: tuple[float, tuple[int, int] | None] = (gains[alone] - end, None)
    before: dict[int, list[int]] = {k: [] for k in places}
    for k in places:
        for i in places:
            if not config.shortest_mm <= k - i <= config.longest_mm:
                continue
            ways = [(gains[i], -1)]
            ways += [(best[h, i] - _price(k - i, i - h, config.uneven, _MOST_UNEVEN, config), h) for h in before[i]]
            value, came = max(ways)
            odd = _price(k - i, float(usual_mm[(i + k) // 2]), config.unusual, _MOST_UNUSUAL, config)
            best[i, k], back[i, k] = value + gains[k] - odd, came
            before[k].append(i)
            whole = best[i, k] - _open_end(len(usual_mm) - 1 - k, float(usual_mm[k]))
            if whole > top[0]:
                top = (whole, (i, k))
    if top[1] is None:
        return [alone] if gains[alone] > 0 else []
    chain = [top[1][1], top[1][0]]
    while back[chain[-1], chain[-2]] >= 0:
        chain.append(back[chain[-1], chain[-2]])
    return chain[::-1]


def _open_end(left_mm: float, usual_mm: float) -> float:
    """Price what is left above the uppermost disc: two bodies are not one. Below the lowest may be the sacrum."""
    return _MOST_UNUSUAL * float(np.clip((left_mm / usual_mm - _ONE_BODY) / (2.0 - _ONE_BODY), 0.0, 1.0))


def _price(step: float, wanted: float, width: float, most: float, config: LevelConfig) -> float:
    """Price a distance by how far it is from the wanted one, as a ratio; all gross ones alike."""
    return min(config.least_evidence * (float(np.log(step / wanted)) / width) ** 2, most)
