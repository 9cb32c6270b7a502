"""Settings of the search for cages, plates, cables and bone cement."""

from pydantic import Field

from planner.config.settings import Settings


class CageConfig(Settings):
    """What counts as an interbody cage: a frame of metal, or the marker pins of a plastic one.

    Sizes are those that makers print of cervical to lumbar cages; "ours" means chosen by us and checked on the tuning
    cases of the accuracy table and on two real scans of other hardware.
    """

    least_height_mm: float = Field(default=3.5, gt=0, description="Lowest cages are 5 mm, less the clipped rim; ours.")
    greatest_height_mm: float = Field(default=22.0, gt=0, description="Lumbar cages reach 18 mm; with bloom.")
    least_width_mm: float = Field(default=7.0, gt=0, description="Cages for one side of a disc are 8-11 mm wide.")
    greatest_width_mm: float = Field(default=66.0, gt=0, description="Lateral cages span 60 mm from rim to rim.")
    greatest_tilt_deg: float = Field(
        default=45.0, gt=0, lt=90, description="Of a disc's axis from the body's: L5/S1 reaches 40 degrees; ours."
    )
    least_window_share: float = Field(
        default=0.12,
        gt=0,
        lt=1,
        description="Share of a frame's outline, seen along the disc's axis, that holds graft and no metal; no screw "
        "and no rod closes a ring. Ours.",
    )
    solid_share: float = Field(
        default=0.55, gt=0, le=1, description="A cage without such a window fills this share of its outline box; ours."
    )
    endplate_hu: float = Field(
        default=200.0, description="An endplate reads more in its blur; disc and muscle do not. Ours."
    )
    endplate_reach_mm: float = Field(default=8.0, gt=0, description="Farthest endplate that a firm cage faces; ours.")
    body_reach_mm: float = Field(
        default=32.0, gt=0, description="A cage that sank meets the body's other endplate within its height; ours."
    )
    endplate_share: float = Field(
        default=0.5, gt=0, le=1, description="Share of a cage's outline that must face an endplate; ours."
    )
    tissue_clear_mm: float = Field(default=1.0, gt=0, description="This near to metal HU are its own fall.")
    pin_hu: float = Field(default=2600.0, gt=0, description="Pins outshine cement and cortex (up to 2500 HU).")
    clip_share: float = Field(
        default=0.98, gt=0, lt=1, description="Where HU are clipped, pins stand at this share of the ceiling; ours."
    )
    least_pin_mm: float = Field(default=3.0, gt=0, description="Shortest pin, clipped by its blur.")
    greatest_pin_mm: float = Field(default=17.0, gt=0, description="No longer than a cage is high.")
    greatest_pin_mm2: float = Field(
        default=12.0,
        gt=0,
        description="A pin of 1 mm blooms to 2-3 mm across; streaks are broader. Tuned on two cages.",
    )
    least_pin_mm3: float = Field(default=4.0, gt=0, description="Smallest pin: 0.8 x 5 mm with bloom.")
    level_mm: float = Field(default=4.0, gt=0, description="Pins of one cage end at one height, this nearly; ours.")
    least_apart_mm: float = Field(default=4.5, gt=0, description="Pins of one cage are this far apart at least.")
    greatest_apart_mm: float = Field(default=60.0, gt=0, description="And no farther than a cage is wide.")
    near_spine_mm: float = Field(
        default=50.0, gt=0, description="Pins count this near to screws or rods: one segment next to them; ours."
    )
    least_titanium_hu: float = Field(
        default=4000.0, gt=0, description="Walls of 2 mm read less than titanium's 8500 HU; steel reads far more."
    )
    greatest_titanium_hu: float = Field(default=10500.0, gt=0, description="Above it lies tantalum; ours.")


class PlateConfig(Settings):
    """What counts as a plate, and what as a wire or cable round a bone. Sizes are makers'; the rest is ours."""

    ball_mm: float = Field(default=6.0, gt=0, description="Radius in which flatness is told: half a plate's width.")
    lattice_mm: float = Field(default=1.2, gt=0, description="Metal is thinned out to one point a cell of this edge.")
    flat_ratio: float = Field(
        default=0.45, gt=0, lt=1, description="Thickness over length (root of the variances) of a flat place."
    )
    broad_ratio: float = Field(
        default=0.4, gt=0, lt=1, description="Width over length of a flat place; rods have less."
    )
    least_flat_share: float = Field(
        default=0.4, gt=0, lt=1, description="Share of a plate's metal in flat places; its screws make up the rest."
    )
    least_length_mm: float = Field(default=22.0, gt=0, description="Shortest plate: one cervical level.")
    greatest_thickness_mm: float = Field(default=8.0, gt=0, description="Broad femoral plates are 6 mm thick; bloom.")
    least_slenderness: float = Field(
        default=1.35, gt=1, description="Length over width; a cup's shell is as wide as it is long."
    )
    greatest_bend: float = Field(
        default=0.25, gt=0, description="Depth of a plate's own curve over its length; a cup's shell has 0.3 and more."
    )
    greatest_wire_mm: float = Field(default=4.2, gt=0, description="Cables are 1-2 mm thick; with their bloom.")
    least_loop_mm: float = Field(default=9.0, gt=0, description="Radius of the smallest loop round a bone.")
    greatest_loop_mm: float = Field(default=40.0, gt=0, description="Radius of the largest: the trochanters.")
    loop_turn_deg: float = Field(default=250.0, gt=0, le=360, description="How far a loop must run round.")
    loop_bone_hu: float = Field(default=250.0, description="What a loop holds: bone reads more somewhere within.")


class CementConfig(Settings):
    """What counts as bone cement. "Ours" as above; PMMA with opacifier reads 1000-2500 HU (the procedure's table)."""

    least_hu: float = Field(default=900.0, gt=0, description="Opacified PMMA reads 1000-2500 HU; noise and blur.")
    greatest_hu: float = Field(default=2500.0, gt=0, description="The same range's upper end.")
    edge_mm: float = Field(default=0.8, gt=0, description="Edge of the working voxels.")
    near_spine_mm: float = Field(
        default=45.0, gt=0, description="Cement counts this near to spinal hardware: one body further."
    )
    metal_reach_mm: float = Field(
        default=2.0, gt=0, description="This near to metal HU are its own fall; 4 sigma of a usual kernel's blur."
    )
    least_depth_mm: float = Field(
        default=2.2, gt=0, description="Cement in a body holds a ball of this radius; cortex there is 1-2 mm thick."
    )
    least_lobe_mm: float = Field(
        default=1.3, gt=0, description="Half the width of the thinnest lobe; the cortex of a body is thinner. Ours."
    )
    least_ml: float = Field(
        default=0.6,
        gt=0,
        description="Dense islands of bone are under 1 cm (0.5 mL) and read 1190 HU (SD 239; Ulano 2016): smaller "
        "blobs cannot be told from them.",
    )
    surround_mm: float = Field(default=4.0, gt=0, description="How thick a layer of what surrounds a blob is read.")
    greatest_surround_hu: float = Field(
        default=700.0, description="Round a blob in a body lies cancellous bone (50-300 HU), cortex at most in places."
    )
    least_step_hu: float = Field(
        default=450.0, gt=0, description="Cement stands out from what surrounds it; sclerosis fades. Ours."
    )
    bone_hu: float = Field(default=300.0, description="The shell of the body round it reads more.")
    shell_mm: float = Field(default=22.0, gt=0, description="Farthest shell that may enclose a blob: a body's width.")
    least_shell_rays: int = Field(
        default=9, ge=1, le=16, description="Of 16 axial rays that meet the shell; in front of a spine half do. Ours."
    )
    least_steepness_per_mm: float = Field(
        default=0.37,
        gt=0,
        description="Slope of the blob's edge over its whole step, at all but a quarter of the edge, where it shares "
        "slices with metal: a blur of 0.6 mm gives 0.5-0.6, streaks gave 0.3 at most. Tuned on two blobs of cement and "
        "eleven of streak.",
    )
    least_clear_steepness_per_mm: float = Field(
        default=0.2, gt=0, description="The same in slices without metal, where no streak runs; smooth kernels. Ours."
    )
    streak_slices_share: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="From this share of its slices with metal on, a blob may be a streak; ours.",
    )
    greatest_spread: float = Field(
        default=0.3, gt=0, description="Standard deviation over mean HU inside: cement is even, streaks are not. Ours."
    )


class MantleConfig(Settings):
    """What counts as the cement of a stem. Tuned on four cemented stems of the tuning cases; the rest is ours."""

    least_hu: float = Field(default=950.0, gt=0, description="Opacified PMMA reads 1000-2500 HU, less by hardening.")
    greatest_hu: float = Field(default=2600.0, gt=0, description="The same range's upper end.")
    tip_clear_mm: float = Field(default=3.0, gt=0, description="This near below the tip HU are the metal's fall.")
    least_column_mm: float = Field(
        default=4.0, gt=0, description="Cement goes on below the tip for so long at least; surgeons leave 10 mm; ours."
    )
    column_radius_mm: float = Field(default=2.4, gt=0, description="Half the width of the narrowest column; ours.")
    column_reach_mm: float = Field(default=45.0, gt=0, description="How far below the tip cement is followed; ours.")
    column_share: float = Field(
        default=0.6, gt=0, lt=1, description="The column ends where its middle falls to this share of its HU; ours."
    )
    evenness: float = Field(
        default=0.75, gt=0, lt=1, description="Its darkest twentieth over its median: bone plugs are uneven; ours."
    )
    soft_hu: float = Field(default=250.0, description="Below it lies soft tissue or marrow.")
    cortex_hu: float = Field(default=500.0, description="A cortex reads more.")
    least_wall_mm: float = Field(
        default=6.5, gt=0, description="Nearer soft tissue without bone behind: the tip is in a cortex, not a canal."
    )
    wall_reach_mm: float = Field(default=15.0, gt=0, description="How far behind marrow the cortex may lie.")
    most_bare_share: float = Field(default=0.1, ge=0, lt=1, description="Share of rays that may meet no bone; ours.")
    bloom_share: float = Field(
        default=1.25,
        gt=1,
        description="The metal's own fall ends where HU come down to this multiple of cement's; ours.",
    )
    least_plateau_mm: float = Field(
        default=0.4,
        gt=0,
        description="Cement holds its HU so far beyond; metal beside a dark layer falls through. Ours.",
    )
    least_steepness_per_mm: float = Field(
        default=0.45,
        gt=0,
        description="Slope of the mantle's edge over its step; flares of metal fade at 0.36. Tuned on four stems.",
    )
    greatest_mantle_mm: float = Field(default=9.0, gt=0, description="Thickest mantle, and half the widest column.")
    least_fall_hu: float = Field(default=300.0, gt=0, description="A dark layer lies this far below the cement; ours.")
    lucent_hu: float = Field(
        default=90.0, description="What lies beyond the mantle at most: fibrous tissue 40, cancellous bone 50-300 HU."
    )
    average_mm: float = Field(default=1.5, gt=0, description="Profiles are averaged with neighbours this near (sigma).")
    neighbour_mm: float = Field(default=3.0, gt=0, description="Untold places take their neighbours' thickness; sigma.")
    least_told_share: float = Field(
        default=0.25, gt=0, lt=1, description="Where this share of the neighbours was told; ours."
    )
    least_told_mantle: float = Field(
        default=0.9, gt=0, le=1, description="Share of the mantle that must be told for a volume; ours."
    )


class CupCementConfig(Settings):
    """What counts as cement behind a plastic cup. No tuning case has one: set by sizes, tried on plain scenes; ours."""

    bloom_mm: float = Field(default=1.5, gt=0, description="This near to the head HU are its own fall.")
    least_plastic_hu: float = Field(default=-500.0, description="Polyethylene reads -90 HU; streaks of the head.")
    greatest_plastic_hu: float = Field(default=350.0, description="The same upwards; bone and cement read more.")
    least_plastic_mm: float = Field(
        default=3.5, gt=0, description="Thinnest liner less the head's fall: cemented cups are 6 mm thick and more."
    )
    greatest_plastic_mm: float = Field(default=18.0, gt=0, description="Thickest: a small head in a large cup.")
    rise_mm: float = Field(default=2.0, gt=0, description="Within so much cement's edge rises, or a wire's.")
    half_hu: float = Field(default=700.0, gt=0, description="Half-way from plastic or marrow to cement.")
    least_hu: float = Field(default=1000.0, gt=0, description="Opacified PMMA reads 1000-2500 HU.")
    greatest_hu: float = Field(default=2600.0, gt=0, description="The same range's upper end.")
    least_mm: float = Field(default=1.8, gt=0, description="Thinnest mantle; a subchondral plate has 1-1.5 mm.")
    greatest_mm: float = Field(default=10.0, gt=0, description="Thicker layers are cement and bone in one.")
    least_share: float = Field(default=0.15, gt=0, lt=1, description="Share of the sphere that the layer covers.")
    least_told_share: float = Field(default=0.5, gt=0, le=1, description="Share of it whose end can be told.")
    most_metal_share: float = Field(
        default=0.35, ge=0, lt=1, description="A plastic cup has a wire; a metal shell meets every ray."
    )
    greatest_wear_mm: float = Field(default=4.0, gt=0, description="Farthest that a head wears into its cup.")
    roundness_mm: float = Field(default=1.0, gt=0, description="How far three quarters lie off a sphere at most.")


class HardwareConfig(Settings):
    """Settings of what is neither screw, rod nor hip implant."""

    cages: CageConfig = CageConfig()
    plates: PlateConfig = PlateConfig()
    cement: CementConfig = CementConfig()
    mantles: MantleConfig = MantleConfig()
    cup_cement: CupCementConfig = CupCementConfig()
