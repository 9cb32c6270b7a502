"""Settings of the search for metal, screws and rods."""

from pydantic import Field

from planner.config.aside_config import AsideConfig
from planner.config.metal_config import MetalConfig
from planner.config.settings import Settings


class ImplantConfig(Settings):
    """What counts as metal, and which metal as a screw or a rod.

    "Tuned on the thoracic case" means: on one simulated scan of a real thoracic spine with six screws.
    """

    metal: MetalConfig = Field(default_factory=MetalConfig, description="Where the metal is.")
    asides: AsideConfig = Field(default_factory=AsideConfig, description="What is as bright and is no implant.")
    heavy_metal_hu: float = Field(
        default=11000.0,
        gt=0,
        description="Plateau above which unclipped metal is cobalt-chrome or steel: between titanium (8500) and CoCr "
        "(about 7 x 3071 HU), by the attenuation tables.",
    )
    heavy_plateau_hu: float = Field(
        default=20000.0,
        gt=0,
        description="Plateau to be expected of cobalt-chrome or steel where the scan is clipped: about 7 x 3071 HU by "
        "the attenuation tables, less beam hardening.",
    )
    thickest_mm: float = Field(
        default=9.0,
        gt=0,
        description="A piece that holds a ball of this radius is no spinal hardware (tulips reach 7 mm): left unknown.",
    )
    stray_share: float = Field(
        default=0.3,
        gt=0,
        lt=1,
        description="A piece with more than this share of its metal off its straight shafts and their tulips is a cup "
        "or another shell, and left unknown; spinal constructs show up to 0.1 (thoracic case).",
    )
    shortest_mm: float = Field(default=12.0, gt=0, description="Shortest shaft: the shortest pedicle screws are 20 mm.")
    shortest_stump_mm: float = Field(
        default=9.0,
        gt=0,
        description="Shortest piece of a broken screw beneath its tulip that is looked for. Tuned on one broken screw.",
    )
    stump_thread_mm: float = Field(
        default=0.15,
        gt=0,
        description="Least waver of its radius: 0.18 there, up to 0.10 in tulips. Three tuning cases.",
    )
    stump_roundness: float = Field(
        default=0.1, gt=0, description="Greatest relative waver of its radius round it: 0.03 there. Ours."
    )
    longest_screw_mm: float = Field(default=130.0, gt=0, description="Iliac screws reach 120 mm (makers' catalogues).")
    least_screw_radius_mm: float = Field(
        default=0.9, gt=0, description="Screws of 4 mm over the thread show 1.17 mm where starved. Tuning cases."
    )
    greatest_screw_radius_mm: float = Field(
        default=5.2, gt=0, description="Iliac screws reach 10.5 mm over the thread (makers' catalogues)."
    )
    greatest_rod_radius_mm: float = Field(
        default=3.9, gt=0, description="Rods are made from 3.2 to 6.35 mm across; room for blooming CoCr."
    )
    default_sigma_mm: float = Field(
        default=0.45,
        gt=0,
        description="Blur of a bone kernel, where no smooth rod shows the scan's own; thoracic case.",
    )
    joint_reach_mm: float = Field(
        default=14.0, gt=0, description="A screw's head lies this near to its rod: tulips are 12-16 mm high."
    )
    joint_apart_mm: float = Field(
        default=12.0, gt=0, description="Two screws on one rod sit at least this far apart: a tulip's width."
    )
    taper_mm: float = Field(
        default=0.35, gt=0, description="A shaft whose radius falls by this much towards an end tapers; one half voxel."
    )
    thread_mm: float = Field(
        default=0.12,
        gt=0,
        description="A shaft whose radius wavers by this standard deviation along its length carries a thread: twice "
        "what smooth rods show in the thoracic case.",
    )
    roundness: float = Field(
        default=0.3, gt=0, description="Greatest relative waver of the radius round a shaft; screws show up to 0.15."
    )


class ShaftSearchConfig(Settings):
    """How straight runs of metal are looked for. Tuned on the thoracic case."""

    lattice_mm: float = Field(default=1.2, gt=0, description="Metal is thinned out to one point a cell of this edge.")
    ball_mm: float = Field(default=6.0, gt=0, description="Radius in which the local direction is told.")
    widest_mm: float = Field(default=5.0, gt=0, description="Greatest distance of a run's points from its line.")
    anisotropy: float = Field(default=0.45, gt=0, lt=1, description="How much longer than wide metal must run locally.")
    agreement_deg: float = Field(default=25.0, gt=0, lt=90, description="How far local directions may differ in a run.")
    hole_mm: float = Field(default=4.0, gt=0, description="A hole this long ends a run.")
    seeds: int = Field(default=40, ge=1, description="Seeds tried for each run; their order comes from a fixed seed.")
    runs: int = Field(default=160, ge=1, description="Most runs looked for in one piece: 28 screws, rods and tulips.")
