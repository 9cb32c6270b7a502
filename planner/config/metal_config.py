"""Settings of the search for metal, and of what is as bright and is no implant."""

from pydantic import Field

from planner.config.settings import Settings


class MetalConfig(Settings):
    """What counts as metal.

    "Thoracic case" is one simulated scan of a real thoracic spine with six screws; "tuning cases" are the simulated
    scans of spines and hips on which the accuracy table is tuned (titanium, cobalt-chrome and steel, clipped and not).
    """

    titanium_hu: float = Field(
        default=6500.0,
        gt=0,
        description="Plateau of titanium in screws and rods as scanners show it at 140 kVp (8500 HU by the attenuation "
        "tables, less beam hardening); stands in where the scan is clipped. Tuned on the thoracic case.",
    )
    least_level_hu: float = Field(default=2000.0, gt=0, description="Metal lies above cortical bone (250-2000 HU).")
    least_seed_hu: float = Field(
        default=2800.0,
        gt=0,
        description="A piece is somewhere as bright as this, or as the clipping level less its margin: above dense "
        "cement (2500 HU), below alumina (3300 HU).",
    )
    bone_hu: float = Field(default=200.0, description="Bone round the metal, for the half maximum; cancellous, 50-300.")
    clipped_level_share: float = Field(
        default=0.4,
        gt=0,
        lt=1,
        description="Level of metal on a clipped scan, of titanium's plateau. Read linearly between voxels, 2600 HU "
        "gave the true volume within 4 % on six of eight tuning cases with clipped titanium, 11 % off on two.",
    )
    ceiling_share: float = Field(
        default=0.85,
        gt=0,
        lt=1,
        description="The same, at most this share of the clipping level; our margin for noise.",
    )
    least_piece_mm3: float = Field(
        default=60.0, gt=0, description="Smallest piece of metal: a pin of 3.5 x 6 mm. Clips and streaks are smaller."
    )
    least_pile: int = Field(
        default=30, ge=1, description="Voxels on the maximum that make a clipped scan; thousands in a clipped screw."
    )
    core_reach_mm: float = Field(
        default=1.6, gt=0, description="A core voxel is nearly the brightest within this distance: the blur's."
    )
    core_share: float = Field(default=0.85, gt=0, lt=1, description="How nearly: metal wavers by 10 % (tuning cases).")
    joint_reach_mm: float = Field(
        default=2.0,
        gt=0,
        description="Cores this near to a voxel may be its own: keeps titanium where it touches cobalt-chrome. Ours.",
    )
    support_share: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="A core dimmer than this share of the brightest metal round it is its streak: titanium beside "
        "cobalt-chrome reads 0.3 of it (tuning cases).",
    )
    starved_support_share: float = Field(
        default=0.35, gt=0, lt=1, description="The same where metal starved the scan of quanta; tuning cases."
    )
    support_mm: float = Field(default=6.0, gt=0, description="How far round; ours.")
    web_mm: float = Field(
        default=0.75,
        gt=0,
        description="A piece near others that holds no ball of this radius is a streak; one voxel's half diagonal.",
    )
    streak_reach_mm: float = Field(default=25.0, gt=0, description="How near: streaks are that long. Tuning cases.")
    clipped_mask_share: float = Field(
        default=0.97,
        gt=0,
        lt=1,
        description="Whole voxels count as metal above this share of the clipping level, higher than the level: "
        "between voxels rays are read linearly, which cuts the corner under a clipped plateau. Tuning cases.",
    )
    starved_fringe: float = Field(
        default=0.09,
        gt=0,
        description="Voxels between 2400 and 3000 HU for each face of the metal. Blur alone leaves 0.05 to 0.07, "
        "starved cobalt-chrome and steel 0.12 to 0.19 (tuning cases).",
    )
    starved_dark_hu: float = Field(
        default=-700.0,
        description="And a twentieth of what lies next to the metal is darker than this: it reads -1024 beside starved "
        "metal, -550 and more beside titanium and round cement (tuning cases).",
    )
    thread_mm: float = Field(
        default=0.8, gt=0, description="Starved metal that holds no ball of this radius is a streak; a core has 1.7 mm."
    )
    heavy_share: float = Field(
        default=0.15,
        gt=0,
        lt=1,
        description="Clipping level over the plateau of cobalt-chrome: 3071 of 21000 HU (tuning cases); at another "
        "clipping level in proportion.",
    )
    sheet_mm: float = Field(
        default=2.2, gt=0, description="Half the thickness of the bright bands that starved metals draw between them."
    )
    sheet_length_mm: float = Field(default=8.0, gt=0, description="Their least length in a slice; tuning cases.")
    sheet_height: float = Field(
        default=2.5, gt=1, description="They are this many times as high as thick; a cross-link is round. Ours."
    )
