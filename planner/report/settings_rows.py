"""What a plan was set to: what differs from the defaults, and all of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from planner.config.plan_config import PlanConfig


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting that differs from its default.

    Parameters
    ----------
    name : str
        With the tables that it lies in: "needles.gantry.primary_max_deg".
    value, default : str
        As JSON.
    """

    name: str
    value: str
    default: str


def changed_settings(config: PlanConfig) -> tuple[SettingRow, ...]:
    """List the settings that differ from the defaults.

    Parameters
    ----------
    config : PlanConfig
        The settings.

    Returns
    -------
    tuple of SettingRow
        In the order of the settings, without the series' UID; empty where all are the defaults.
    """
    return tuple(_changed("", _told(config), _told(PlanConfig())))


def all_settings(config: PlanConfig) -> str:
    """Write all settings.

    Parameters
    ----------
    config : PlanConfig
        The settings.

    Returns
    -------
    str
        JSON.
    """
    return json.dumps(_told(config), indent=1, ensure_ascii=False)


def _told(config: PlanConfig) -> dict[str, Any]:
    """Give the settings without the series' UID: the plan says it, or keeps it to itself."""
    return config.model_dump(mode="json", exclude={"series_instance_uid"})


def _changed(name: str, value: Any, default: Any) -> Iterator[SettingRow]:
    if isinstance(value, dict) and isinstance(default, dict):
        for key in value:
            yield from _changed(f"{name}.{key}" if name else key, value[key], default.get(key))
    elif value != default:
        yield SettingRow(name, json.dumps(value, ensure_ascii=False), json.dumps(default, ensure_ascii=False))
