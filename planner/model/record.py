"""The base of every type that is written into ``plan.json``."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

PointLps = tuple[float, float, float]
"""One position in DICOM LPS, mm."""
VectorLps = tuple[float, float, float]
"""One direction of length 1 in DICOM LPS."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]
"""A share of a whole, 0 to 1."""
NotNegative = Annotated[float, Field(ge=0.0)]
"""A length, area or volume."""
Made = Literal["automatic", "edited"]
"""Who made a thing: the program, or a person who drew, moved or changed it."""


class Record(BaseModel):
    """A frozen piece of a plan.

    Fields that can be unmeasured allow None and have no default: whoever builds a record must say so. Numbers that are
    not finite are refused, for JSON has no word for them.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, protected_namespaces=()
    )
