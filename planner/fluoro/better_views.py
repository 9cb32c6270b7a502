"""The best view near a wanted one: that which hides least of the target and shows the landmarks that are asked for."""

from collections.abc import Sequence

import numpy as np

from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.visibility import TargetScene, landmark_sight, target_sight, turn_deg, view_sight, visible_shares
from planner.geometry.frames import detector_direction, positioner_angles_deg
from planner.model.carm import CArm
from planner.model.view_landmark import ViewLandmark
from planner.model.view_sight import ViewSight

_SHOWS = ("visible", "partly")


def best_view_near(
    scene: TargetScene, wanted: CArm, *, must_show: Sequence[ViewLandmark] = (), config: VisibilityConfig
) -> ViewSight | None:
    """Find the view near a wanted one that hides least of the target.

    Parameters
    ----------
    scene : TargetScene
        What is looked at.
    wanted : CArm
        The view that is wanted for what it shows, an AP say; its isocentre and distances are kept.
    must_show : sequence of ViewLandmark
        Landmarks that must be visible, partly at least.
    config : VisibilityConfig
        How far views are sought, and what counts as visible.

    Returns
    -------
    ViewSight or None
        In whole degrees, within the gantry's reach: the one that shows most of the target; of those that show as much,
        the nearest. None where the wanted view is as good, where none shows the target, and where it is not known what
        they show (metal goes on beyond the CT).

    Raises
    ------
    GeometryError
        If the C-arm's distances cannot be.
    """
    found = _best(scene, _near(scene, wanted, config), wanted, must_show, config)
    if found is None:
        return None
    carm, visible = found
    now = target_sight(scene, wanted, config=config)
    if (
        now.visible_share is not None
        and scene.is_reached(wanted)
        and visible - now.visible_share < config.least_gain_share
        and _all_shown(scene, wanted, must_show, config)
    ):
        return None
    return view_sight(scene, carm, config=config, asked=wanted)


def _best(
    scene: TargetScene,
    views: Sequence[CArm],
    wanted: CArm,
    must_show: Sequence[ViewLandmark],
    config: VisibilityConfig,
) -> tuple[CArm, float] | None:
    """Give the best of some views with what it shows of the target; None where none will do."""
    if not views:
        return None
    shares = visible_shares(
        scene, scene.points_lps, np.array([detector_direction(one.primary_deg, one.secondary_deg) for one in views]),
        isocentre_lps=wanted.isocentre_lps, distances_mm=(wanted.source_isocentre_mm, wanted.source_detector_mm),
        config=config,
    )  # fmt: skip
    turns = [turn_deg(wanted, one) for one in views]
    known = [k for k in range(len(views)) if np.isfinite(shares[k])]
    most, best = 0.0, -1
    for k in sorted(known, key=lambda k: (-shares[k], turns[k])):
        if best >= 0 and shares[k] < most - config.tie_share:
            break
        if (best < 0 or turns[k] < turns[best]) and _shows(scene, views[k], must_show, config):
            most, best = (float(shares[k]) if best < 0 else most), k
    return None if best < 0 else (views[best], float(shares[best]))


def _shows(scene: TargetScene, carm: CArm, must_show: Sequence[ViewLandmark], config: VisibilityConfig) -> bool:
    seen = target_sight(scene, carm, config=config).verdict in _SHOWS
    return seen and _all_shown(scene, carm, must_show, config)


def _all_shown(scene: TargetScene, carm: CArm, must_show: Sequence[ViewLandmark], config: VisibilityConfig) -> bool:
    return all(landmark_sight(one, scene, carm, config=config).verdict in _SHOWS for one in must_show)


def _near(scene: TargetScene, wanted: CArm, config: VisibilityConfig) -> list[CArm]:
    """Give the views round a wanted one that the gantry reaches, in whole degrees, the wanted direction among them.

    They stand in rows along the two turns of a C-arm, so that those are there that turn it about one axis alone.
    """
    towards = detector_direction(wanted.primary_deg, wanted.secondary_deg)
    primary, secondary = np.radians(wanted.primary_deg), np.radians(wanted.secondary_deg)
    aside = np.array([np.cos(primary), np.sin(primary), 0.0])
    up = np.array([-np.sin(primary) * np.sin(secondary), np.cos(primary) * np.sin(secondary), np.cos(secondary)])
    count = int(config.near_deg / config.near_step_deg + 1e-9)
    steps = config.near_step_deg * np.arange(-count, count + 1)
    angles: dict[tuple[float, float], None] = {}
    for across in steps:
        for along in steps:
            away = float(np.hypot(across, along))
            if away > config.near_deg + 1e-9:
                continue
            way = (across * aside + along * up) / max(away, 1e-9)
            turned = np.cos(np.radians(away)) * towards + np.sin(np.radians(away)) * way
            at = positioner_angles_deg(turned)
            angles[float(round(at[0])), float(round(at[1]))] = None
    views = [wanted.model_copy(update={"primary_deg": p, "secondary_deg": s}) for p, s in angles]
    return [carm for carm in views if scene.is_reached(carm)]
