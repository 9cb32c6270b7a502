"""Settings of the search for breaches."""

from pydantic import Field

from planner.config.settings import Settings


class BreachConfig(Settings):
    """What counts as a hole in a gap's wall."""

    thin_mm: float = Field(
        default=0.7, ge=0, description="A wall of at most this will not hold cement: 0.5 mm, and what CT errs by; ours."
    )
    open_mm: float = Field(
        default=0.2,
        ge=0,
        description="A wall thinner than this is taken as missing: CT of usual voxels cannot tell it; ours.",
    )
    thick_mm: float = Field(
        default=0.9,
        gt=0,
        description="A wall that holds more than so much bone is as thick as the way through it is long; ours.",
    )
    near_mm: float = Field(
        default=1.2, ge=0, description="Where bone ends nearer than this, what bone there is tells the wall; ours."
    )
    far_mm: float = Field(
        default=1.8, gt=0, description="Where bone ends further off than this, its end tells the wall; ours."
    )
    end_mm: float = Field(
        default=0.25, ge=0, description="Bone's end reads so much too far off; tuned on simulated spines."
    )
    reach_mm: float = Field(
        default=4.0, gt=0, description="Walls are measured where the outside is nearer than this; no source."
    )
    before_mm: float = Field(
        default=0.6, ge=0, description="Before the wall, in the gap, bone counts from here: about a usual CT's blur."
    )
    beyond_mm: float = Field(
        default=0.6, ge=0, description="Beyond the outline bone still counts so far: about a usual CT's blur."
    )
    cone_deg: float = Field(
        default=40.0, gt=0, lt=90, description="Half the cone in which ways out are looked for; ours."
    )
    ways: int = Field(default=12, ge=0, description="Ways tried beside the straight one; ours.")
    soft_hu: float = Field(
        default=80.0, description="Brighter than this is bone on a way out: between muscle (40-60) and cancellous bone."
    )
    cortex_hu: float = Field(
        default=1000.0, gt=0, description="What cortex reads without blur (250-2000), where the scan does not tell it."
    )
    most_hu: float = Field(default=1500.0, gt=0, description="Brighter than this counts as this: metal's bloom.")
    bloom_mm: float = Field(
        default=2.0, ge=0, description="So near to metal what falls off from a gap's wall is bloom, no bone; ours."
    )
    min_open_mm2: float = Field(
        default=2.0,
        ge=0,
        description="Least area of an open patch: a hole 2 mm across has 3.1 mm2, of which blur hides the rim.",
    )
    min_thin_mm2: float = Field(default=3.0, ge=0, description="Least area of a thin patch; tuned on simulated spines.")
    rim_mm: float = Field(
        default=2.0, ge=0, description="A thin wall so near to an open patch is its rim, not another breach; ours."
    )
    neighbour_mm: float = Field(
        default=1.5, gt=0, description="A compartment so near to the way out names the leak; tuned on simulated spines."
    )
    towards_canal: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Cosine: a way within 60 degrees of the canal's direction enters it, another the foramen; ours.",
    )
    vessel_height_mm: float = Field(
        default=3.0, ge=0, description="Segmental vessels run so near to a body's mid-height; ours."
    )
    vessel_hu: float = Field(
        default=20.0, description="What lies behind a wall and is brighter is no fat: at a waist, a vessel; ours."
    )
    tract_mm: float = Field(
        default=4.0, ge=0, description="Within this of the shaft's head end, along it, a hole is the screw's own tract."
    )
    include_screw_tract: bool = Field(default=True, description="Whether the screw's own tract is listed too.")
    least_trust: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="Where artefacts leave less readable, a breach is told without the thickness of its wall; on "
        "simulated spines half of those below it were none.",
    )
