"""Settings of fractured vertebrae: lost height and clefts; and of what gapes at sunken cages."""

from pydantic import Field

from planner.config.settings import Settings


class FractureConfig(Settings):
    """When a vertebral body has lost height.

    "Tuned on the spines" means: looked at on the accuracy table's tuning half of the thoracic and lumbar spines.
    """

    mild_loss: float = Field(
        default=0.20, gt=0, lt=1, description="Genant's grade 1: 20-25 % of a height, doi 10.21037/qims.2019.02.04."
    )
    moderate_loss: float = Field(default=0.25, gt=0, lt=1, description="Grade 2: 25-40 %, the same.")
    severe_loss: float = Field(default=0.40, gt=0, lt=1, description="Grade 3: over 40 %, the same.")
    growth_per_level: float = Field(
        default=0.03,
        ge=0,
        lt=0.2,
        description="How much higher the next body below is, as a share: 2-4 % from T5 to L4. Ours.",
    )
    levels_away: int = Field(default=2, ge=1, le=4, description="So far away a body still tells what was. Ours.")
    roughest_mm: float = Field(
        default=1.5,
        gt=0,
        description="A neighbour's endplate that is bumpier tells no height: a cage or a fracture is there. Tuned on "
        "the spines: whole endplates showed 0.2 to 1.0, those at cages 2.2 and 2.8.",
    )
    flattest: float = Field(
        default=0.45,
        gt=0,
        description="Least median height of a spine's bodies over their median depth. Where they all seem flatter they "
        "were told apart wrongly. Ours; 0.6 to 0.9 is usual, wrongly told ones gave 0.3.",
    )
    shortest_mm: float = Field(default=4.0, gt=0, description="Less is no body's height. Ours.")


class CleftConfig(Settings):
    """What counts as a cleft in a fractured body, and how its walls are read."""

    lucent_share: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="A cleft reads less than this share of the way from fluid to the body's own marrow. Ours.",
    )
    fluid_hu: float = Field(default=20.0, description="What fills a cleft: serous fluid, 0 to 30 HU. No source.")
    gas_hu: float = Field(default=-150.0, description="Fat reads more, gas less. Ours.")
    wall_mm: float = Field(
        default=1.6, ge=0, description="So near to the surface cortex and what is outside mix. Ours."
    )
    metal_mm: float = Field(default=2.5, ge=0, description="So near to metal a dark spot is its artefact. Ours.")
    least_ml: float = Field(default=0.15, gt=0, description="Smaller spots are noise. Tuned on the spines.")
    flattest: float = Field(
        default=0.45,
        gt=0,
        lt=1,
        description="A cleft is at most so thick for its depth; lobules of fat are rounder. Tuned on the spines: two "
        "clefts showed 0.23 and 0.24, spots 0.3 to 0.9.",
    )
    steepest_deg: float = Field(default=40.0, gt=0, lt=90, description="Of a cleft to its body's endplates. Ours.")
    least_rise_hu: float = Field(
        default=60.0,
        description="A cleft without gas has a wall so much denser than the marrow: broken trabeculae are condensed. "
        "Tuned on the spines: two clefts showed 84 and 216, spots of streaks and veins 10 to 80.",
    )
    least_contrast_hu: float = Field(
        default=120.0, gt=0, description="From a cleft's inside to its wall. Tuned on the spines: 231 and 261."
    )
    reach_mm: float = Field(default=4.0, gt=0, description="So far from a cleft's middle its wall is looked for. Ours.")
    beyond_mm: float = Field(default=3.0, ge=0, description="A cleft's thin rim goes on so far at most. Ours.")
    least_width_mm: float = Field(default=0.5, gt=0, description="What is narrower is not read. Ours.")
    edge_sd_mm: float = Field(
        default=0.35, gt=0, description="Standard deviation of the mean width's error. Judged, on two clefts."
    )
    slice_sd: float = Field(
        default=0.15, ge=0, description="What slices add to it, as a share of their spacing; as `HaloConfig.slice_sd`."
    )


class CageInterfaceConfig(Settings):
    """What counts as a lucent interface at a sunken cage."""

    least_sunk_mm: float = Field(
        default=1.5,
        gt=0,
        description="A cage that stands less deep in an endplate has not sunk. Ours: endplates are dished.",
    )
    dish_mm: float = Field(
        default=1.2,
        ge=0,
        description="An endplate under a cage stands so much deeper than the rim round it, by which its plane is laid: "
        "dishes of 1.2 to 2 mm in the middle, less beside it. Ours, tuned on one sunken cage.",
    )
    most_sunk_mm: float = Field(default=15.0, gt=0, description="What seems deeper was told wrongly. Ours.")
    greatest_tilt_deg: float = Field(default=25.0, gt=0, lt=90, description="Of the disc. Ours.")
    ring_mm: tuple[float, float] = Field(
        default=(2.0, 8.0), description="The endplate is looked for so far round the cage. Ours."
    )
    grown_mm: float = Field(
        default=6.0, ge=0, description="So far beyond its marker pins a plastic cage may go on. Ours."
    )
    least_dip_hu: float = Field(
        default=10.0,
        gt=0,
        description="So much darker than the bone beyond it is the median profile of an interface. Tuned on one sunken "
        "and one firm cage.",
    )
    least_width_mm: float = Field(default=0.7, gt=0, description="A narrower interface hides in the blur. Ours.")
    greatest_width_mm: float = Field(default=4.0, gt=0, description="A wider one is no interface. Ours.")
    edge_sd_mm: float = Field(default=0.35, gt=0, description="Of the mean width's error. Judged, not fitted.")
    shape_sd: float = Field(
        default=0.2,
        ge=0,
        description="Of the volume's error, as a share: the form of a cage is only partly seen. Judged.",
    )


class SpineTargetConfig(Settings):
    """Fractures of the spine, and targets there besides halos."""

    fractures: FractureConfig = FractureConfig()
    clefts: CleftConfig = CleftConfig()
    cage_interfaces: CageInterfaceConfig = CageInterfaceConfig()
    prophylactic_levels: bool = Field(
        default=False,
        description="Offer intact levels next to the construct as prophylactic targets, as Cianfoni 2018 did where a "
        "focal kyphosis threatened them.",
    )
