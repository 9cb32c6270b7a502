"""One C-arm for a whole plan: where its limits are set in one place, they hold in all."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from planner.config.gantry import GantryLimits
from planner.config.gantry_profiles import with_profile

_PLACES = ("fluoroscopy", "needles", "watch")


def share_gantry(settings: object) -> object:
    """Give the limits of the C-arm, set in whichever place, to all that ask for them.

    Parameters
    ----------
    settings : object
        Settings of a plan as they came in, with a `gantry` in `fluoroscopy`, `needles` or `watch`, or a
        `gantry_profile` in `fluoroscopy`. A single limit set beside a profile holds in its stead.

    Returns
    -------
    object
        The settings with the same `gantry` in the three places; as they were where none is set, or where they are
        wrong in themselves, which their own place then says.

    Raises
    ------
    ValueError
        If a limit is set twice and differently, or the limits of two places do not fit together.
    """
    if not isinstance(settings, Mapping):
        return settings
    own = {place: _limits_set(settings.get(place)) for place in _PLACES}
    if not any(own.values()) and not _names_profile(settings.get("fluoroscopy")):
        return settings
    together = _joined(own)
    filled: Any = with_profile({**_mapping(settings.get("fluoroscopy")), "gantry": together})
    try:
        limits = GantryLimits.model_validate(filled["gantry"])
    except ValidationError as error:
        if any(_is_wrong(part) for part in own.values()):
            return settings
        raise ValueError(f"the gantry of {', '.join(_PLACES)}: {error.errors()[0]['msg']}") from error
    return {**settings, **{place: _with_gantry(settings.get(place, {}), limits) for place in _PLACES}}


def _limits_set(part: object) -> dict[str, Any]:
    """Give the limits that one place sets itself."""
    if isinstance(part, BaseModel):
        return part.gantry.model_dump() if "gantry" in part.model_fields_set else {}  # type: ignore[attr-defined]
    gantry = _mapping(part).get("gantry", {})
    if isinstance(gantry, GantryLimits):
        return gantry.model_dump()
    # What is no table of limits is wrong, and found to be so like a misspelt limit.
    return dict(gantry) if isinstance(gantry, Mapping) else {"gantry": gantry}


def _mapping(part: object) -> Mapping[str, Any]:
    return part if isinstance(part, Mapping) else {}


def _names_profile(part: object) -> bool:
    return _mapping(part).get("gantry_profile") is not None


def _joined(own: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Put the limits of all places together."""
    together: dict[str, Any] = {}
    set_by: dict[str, str] = {}
    for place, limits in own.items():
        for name, value in limits.items():
            if name in together and together[name] != value:
                first, second = f"{set_by[name]}.gantry.{name}", f"{place}.gantry.{name}"
                raise ValueError(
                    f"{first} is {together[name]} and {second} is {value}: a plan has one C-arm; set its limits in "
                    "fluoroscopy.gantry alone"
                )
            together[name], set_by[name] = value, place
    return together


def _is_wrong(limits: dict[str, Any]) -> bool:
    try:
        GantryLimits.model_validate(limits)
    except ValidationError:
        return True
    return False


def _with_gantry(part: object, limits: GantryLimits) -> object:
    if isinstance(part, BaseModel):
        return part.model_copy(update={"gantry": limits})
    return {**part, "gantry": limits} if isinstance(part, Mapping) else part
