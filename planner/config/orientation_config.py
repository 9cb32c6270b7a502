"""Settings of the check of the header's patient orientation against the anatomy."""

from pydantic import Field

from planner.config.settings import Settings


class OrientationConfig(Settings):
    """When anatomy contradicts the header. Between the limits nothing is said."""

    body_ratio: float = Field(
        default=1.4,
        gt=1,
        description="Bone behind the canal over bone before it, in a box as large as a body, from which front and back "
        "are taken for swapped. The spine phantoms gave 0.1 to 0.6; the inverse holds for swapped ones. Ours.",
    )
    least_bone_share: float = Field(
        default=0.3, gt=0, lt=1, description="Share of that box that must be bone on the fuller side. Ours."
    )
    pedicle_place: float = Field(
        default=0.42,
        gt=0,
        lt=0.5,
        description="Pedicles stand on the upper half of a body, at some 0.6 to 0.75 of its height; where their mean "
        "lies below this, head and foot are taken for swapped. Ours, tuned on the spine phantoms' tuning half.",
    )
    least_pedicles: int = Field(default=4, ge=2, description="Of fewer nothing is told. Ours.")
    least_table_ml: float = Field(
        default=20.0, gt=0, description="Matter outside of the body on one side that is a table, not clothing. Ours."
    )
    table_share: float = Field(
        default=0.85, gt=0.5, le=1, description="Share of it that must lie on one side of the body. Ours."
    )
