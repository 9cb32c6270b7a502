"""The choice at a stem or a cup: tips in zones of their own, and holes that do not lie side by side."""

from collections.abc import Sequence

import numpy as np

from planner.config.needle_config import NeedleConfig
from planner.model.needle import Trajectory


def zone_leaders(order: Sequence[tuple[str, float, Trajectory]], *, config: NeedleConfig) -> list[int]:
    """Pick needles to a hip's gap: first the best one of each zone where the gap is sure, then the best of the rest.

    Parameters
    ----------
    order : sequence of (family, score, trajectory)
        All that were worked out.
    config : NeedleConfig
        How many, from when a place is sure, and what a new family and a hole apart from others are worth.

    Returns
    -------
    list of int
        Index into `order`, in the order of picking; empty where the needles are not to a hip, or know no zones.
    """
    if not order or any(t.approach != "femoral" or not t.zones for _, _, t in order):
        return []
    hip = config.hip
    zones = np.array([t.zones[0] for _, _, t in order])
    told = np.array([t.score_terms.get("sureness", 1.0) for _, _, t in order])
    score = np.array([value for _, value, _ in order])
    entries = np.array([t.entry_bone_lps for _, _, t in order])
    picked: list[int] = []
    while len(picked) < min(config.per_gap, len(order)):
        families = {order[k][0] for k in picked}
        gain = score + hip.new_family * told * np.array([family not in families for family, _, _ in order])
        if picked:
            away = np.linalg.norm(entries[:, None] - entries[picked], axis=2).min(axis=1)
            gain -= hip.close_hole * (away < config.sets.femur_holes_mm)
        gain[picked] = -np.inf
        new = (told >= hip.zone_sure) & ~np.isin(zones, zones[picked])
        picked.append(int(np.argmax(np.where(new, gain, -np.inf) if new.any() else gain)))
    return picked
