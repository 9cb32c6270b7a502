"""The operator's wishes as settings text, as `planner.config.plan_config.load_settings` reads it."""

from typing import Any

import tomli_w

from planner.config.wishes_config import WishesConfig

_HEAD = "# Wishes of the operator. Positions in the CT, DICOM LPS, mm.\n"


def wishes_text(wishes: WishesConfig) -> str:
    """Write wishes as the text of a settings file, without any other setting.

    Parameters
    ----------
    wishes : WishesConfig
        The wishes.

    Returns
    -------
    str
        TOML; read back, it gives the same wishes to the last digit.
    """
    # TOML knows no None: what is not set is left out, and read back as not set.
    fields: dict[str, Any] = wishes.model_dump(mode="json", exclude_none=True)
    said = {name: value for name, value in fields.items() if value}
    return _HEAD + tomli_w.dumps({"needles": {"wishes": said}})
