"""The base of every step's settings."""

import hashlib

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen set of settings; an unknown or misspelt name is refused, and so is a number that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def sha256(self) -> str:
        """Give the fingerprint of these settings, 64 hexadecimal digits."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
