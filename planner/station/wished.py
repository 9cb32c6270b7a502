"""Whether two sets of wishes ask the same of a plan."""

from collections import Counter

from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import WishesConfig


def with_wishes(config: PlanConfig, wishes: WishesConfig) -> PlanConfig:
    """Give settings with other wishes.

    Parameters
    ----------
    config : PlanConfig
        The settings.
    wishes : WishesConfig
        The wishes.

    Returns
    -------
    PlanConfig
    """
    return config.model_copy(update={"needles": config.needles.model_copy(update={"wishes": wishes})})


def is_same_wished(one: WishesConfig, other: WishesConfig) -> bool:
    """Say whether two sets of wishes ask the same.

    Parameters
    ----------
    one, other : WishesConfig
        The wishes.

    Returns
    -------
    bool
        Regions count in any order: drawing puts balls before boxes. Targets and locked needles are named by their
        order in a plan, so that it counts.
    """
    regions = all(
        Counter(getattr(one, wish)) == Counter(getattr(other, wish)) for wish in ("keep_out", "enter_through")
    )
    return regions and one.targets == other.targets and one.locked == other.locked
