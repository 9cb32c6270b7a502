"""The settings of a whole plan."""

import tomllib
from pathlib import Path

from pydantic import Field, ValidationError

from planner.config.settings import Settings
from planner.errors import ConfigError


class PlanConfig(Settings):
    """Settings of the main job."""

    series_instance_uid: str | None = Field(
        default=None, description="DICOM series to plan on where an input holds several; None takes the best CT."
    )


def load_settings(path: Path) -> PlanConfig:
    """Read settings from a TOML file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    PlanConfig

    Raises
    ------
    ConfigError
        If the file cannot be read, is not TOML, or names a setting that does not exist or a value out of range.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"settings {path.name} cannot be read: {reason}") from error
    try:
        return PlanConfig.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"settings {path.name} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"settings {path.name}: {where or 'file'}: {first['msg']}") from error
