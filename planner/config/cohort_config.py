"""Settings of how many studies are planned side by side, and how they are summed up."""

from pydantic import Field

from planner.config.settings import Settings


class CohortConfig(Settings):
    """How often a study is tried, what a worker may take, and what counts as an outlier. All but the last are ours."""

    most_starts: int = Field(
        default=3, ge=1, description="How often a study is begun in one run before it is given up: its worker died."
    )
    usual_memory_gib: float = Field(
        default=3.0,
        gt=0.0,
        description="A worker is wanted for each core, as long as each has so much memory: what the plan of a hip in "
        "400 slices of 512 x 512 takes with pictures, 2.6, and something over. A long spine with 28 screws takes 6.",
    )
    least_memory_gib: float = Field(
        default=1.0, gt=0.0, description="A worker with less could plan nothing: what our smallest sample's plan takes."
    )
    memory_share: float = Field(default=0.9, gt=0.0, le=1.0, description="Of the free memory, for all workers.")
    connect_s: float = Field(default=30.0, gt=0.0, description="How long a scheduler and its workers are waited for.")
    look_s: float = Field(
        default=2.0, ge=0.0, description="How often a study that is being planned looks whether its run was ended."
    )
    outlier_z: float = Field(
        default=3.5,
        gt=0.0,
        description="A robust z beyond this is an outlier (Iglewicz and Hoaglin 1993, How to Detect and Handle "
        "Outliers).",
    )
    least_for_outliers: int = Field(
        default=8, ge=4, description="Among fewer values none is called an outlier: their spread says too little."
    )
