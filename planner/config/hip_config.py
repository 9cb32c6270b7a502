"""Settings of the search for hip implants and of the gaps round them."""

from pydantic import Field

from planner.config.settings import Settings


class HipImplantConfig(Settings):
    """What counts as a hip prosthesis or a femoral nail.

    "Tuned on two hips" means: on two real CTs of the pelvis with hip replacements, and checked on the phantom.
    """

    metal_hu: float = Field(
        default=2000.0, gt=0, description="Metal, where no mask of it is given: above cortical bone."
    )
    ceiling_hu: float = Field(
        default=3000.0,
        gt=0,
        description="What lies above is one to the search: scans clip at 3071, extended ones do not.",
    )
    titanium_hu: float = Field(
        default=7000.0,
        gt=0,
        description="Plateau presumed of clipped titanium: 8500 at 80 keV by the attenuation tables, less beam "
        "hardening; bulky titanium reads 5400-7500 in two real and several simulated scans.",
    )
    stem_hu: float = Field(
        default=10000.0,
        gt=0,
        description="Plateau presumed of a clipped stem, titanium or cobalt-chrome or steel: between them, for a "
        "clipped scan does not tell which.",
    )
    heavy_hu: float = Field(
        default=18000.0,
        gt=0,
        description="Plateau presumed of a clipped metal head: cobalt-chrome or steel, beam-hardened; the project's "
        "simulated heads read 18000-33000.",
    )
    ceramic_hu: float = Field(
        default=2000.0, gt=0, description="A ball of ceramic reads more: alumina 3300 HU by the attenuation tables."
    )
    clipped_ceramic_hu: float = Field(
        default=3600.0,
        gt=0,
        description="Plateau presumed of a clipped ceramic head: alumina 3300 HU by the attenuation tables, and a "
        "little more where it is dense.",
    )
    dense_bone_hu: float = Field(
        default=1300.0, gt=0, description="HU below are one to the fits: no cortex reads much more."
    )
    blur_mm: float = Field(
        default=0.4, gt=0, description="Blur within the slice, standard deviation, until a head shows it."
    )
    edge_mm: float = Field(default=1.0, gt=0, description="Edge of the working voxels.")
    least_ml: float = Field(
        default=6.0, gt=0, description="Least metal of a hip implant: a small stem alone has 15 mL."
    )
    thinnest_stem_ml: float = Field(default=3.0, gt=0, description="Less metal below the head is a neck, not a stem.")
    least_head_radius_mm: float = Field(default=10.8, gt=0, description="Heads are made from 22 mm across.")
    greatest_head_radius_mm: float = Field(default=31.0, gt=0, description="Monopolar and bipolar heads reach 60 mm.")
    greatest_cup_radius_mm: float = Field(default=38.0, gt=0, description="Revision cups reach 76 mm across.")
    least_cover: float = Field(
        default=0.22, gt=0, lt=1, description="Share of a sphere that must show as edge; tuned on two hips."
    )
    cup_cover: float = Field(
        default=0.4, gt=0, lt=1, description="The same of the cup's outside, a hemisphere at most; tuned on two hips."
    )
    lone_cover: float = Field(
        default=0.6,
        gt=0,
        lt=1,
        description="The same of a head without a cup: more than a nail's end; tuned on two hips.",
    )
    greatest_wear_mm: float = Field(
        default=10.0, gt=0, description="A head's centre lies no farther from its cup's, ours: then it is dislocated."
    )
    bipolar_rim: float = Field(
        default=0.35,
        gt=0,
        lt=1,
        description="A shell whose rim stands this share of its radius beyond its equator is a bipolar head, ours; "
        "cups end at theirs.",
    )
    cup_wall_mm: float = Field(default=7.0, gt=0, description="Thickest metal shell, with its bloom.")
    wire_hu: float = Field(
        default=2400.0,
        gt=0,
        description="A cemented cup's wire marker: above opacified cement (1000-2500 HU with its noise).",
    )
    thinnest_nail_mm: float = Field(
        default=7.5, gt=0, description="Nails begin at 8 mm across (children's apart), spinal rods end at 6.4."
    )
    bulk_radius_mm: float = Field(
        default=3.4,
        gt=0,
        description="A nail or stem holds a ball of this radius: rods reach 3.2 mm, nails begin at 4.",
    )
    least_bulk_length_mm: float = Field(
        default=40.0, gt=0, description="Over this length without a break; tulips of pedicle screws reach 16 mm."
    )
    least_cut_length_mm: float = Field(
        default=25.0,
        gt=0,
        description="The same where the metal runs out of the scan; a nail of which 35 mm were scanned.",
    )
    greatest_tilt_deg: float = Field(
        default=45.0,
        gt=0,
        le=90,
        description="A nail's greatest angle to the body's axis; a lying patient's femur, ours.",
    )


class HipGapConfig(Settings):
    """What counts as a gap round a stem or a cup.

    "Ours" means: set by what fits the geometry, then checked on the project's hip phantom and on two real hips.
    """

    titanium_hu: float = Field(
        default=8500.0, gt=0, description="Plateau of titanium at 80 keV, by the attenuation tables: the metal's edge."
    )
    clipped_edge_share: float = Field(
        default=0.63,
        gt=0,
        lt=1,
        description="Where the metal's edge is read in a clipped scan, as share of the ceiling: interpolation between "
        "clipped voxels moves a higher level inwards (by 0.5-0.7 mm at 0.85); tuned on four clipped hips of the "
        "accuracy table's tuning cases.",
    )
    clipped_edge_mm: float = Field(
        default=0.15, ge=0, description="The metal ends so far inside of that level; the same scans."
    )
    least_chance: float = Field(
        default=0.5, gt=0, lt=1, description="A cell is lucent that the learned reader takes for likelier so than not."
    )
    dark_run_chance: float = Field(
        default=0.95,
        gt=0,
        lt=1,
        description="Chance that a cell is lucent along whose ray it is dark, and no fat, from 1.5 to 3 mm off "
        "readable metal: 276 of 290 on fifteen training hips without artefacts.",
    )
    least_dark_run_bone_hu: float = Field(
        default=70.0,
        ge=0,
        description="In lighter bone such rays tell nothing: at 41 HU 446 cells were dark round a firm stem, "
        "at 56 HU and more none was, on the same hips.",
    )
    linking_chance: float = Field(
        default=0.25, gt=0, lt=1, description="Lucent patches are one gap if cells of this chance join them; ours."
    )
    least_sureness: float = Field(
        default=0.725,
        ge=0,
        lt=1,
        description="A gap whose cells have a smaller mean chance of being lucent is named, but not measured: on eleven"
        " tuning and development hips all five false gaps had less, and eight of twelve true ones, of which the worst "
        "came out twice as large; of two real hips nothing is measured then.",
    )
    low_at_best: float = Field(
        default=0.15,
        ge=0,
        description="Natural logarithm from the estimate down to the lower end of the 90 % interval where every cell "
        "is sure; with the next three read off the gaps of these hips: few.",
    )
    low_per_doubt: float = Field(
        default=1.8, ge=0, description="What that grows by for a mean chance of 0 in place of 1."
    )
    high_at_best: float = Field(default=0.15, ge=0, description="The same up to the upper end.")
    high_per_doubt: float = Field(default=2.0, ge=0, description="The same up to the upper end.")
    least_firm_bone_hu: float = Field(
        default=130.0, ge=0, description="In lighter cancellous bone no stem or cup is called firm; as screws."
    )
    least_bony_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="A cup of which less lies in bone is not read: its rays start on a wire ring or the head. Ten cups "
        "of tuning and development hips and two real ones have 0.81 and more, a cemented one 0.15.",
    )
    cavity_from_mm: float = Field(
        default=7.0, gt=0, description="Gaps so wide are followed in 3D beyond their rays; ours."
    )
    blur_sigma_mm: float = Field(
        default=0.45, gt=0, description="Blur of the scan, where its metal is clipped: point spread 0.9-1.1 mm wide."
    )
    bone_reach_mm: float = Field(default=15.0, gt=0, description="Farthest lucent space that counts, from the metal.")
    fibrous_hu: float = Field(default=40.0, description="Interface tissue (0..100 HU, no source).")
    fat_hu: float = Field(
        default=-30.0, description="Below it lies marrow fat (-100..-50 HU), blurred; no interface tissue."
    )
    cancellous_hu: float = Field(default=150.0, description="Where none can be measured round the implant (50-300 HU).")
    lumen_share: float = Field(
        default=0.55,
        gt=0,
        lt=1,
        description="Lucent is what lies below this share of the way from interface tissue to the patient's cancellous "
        "bone; ours.",
    )
    least_patch_mm2: float = Field(default=60.0, gt=0, description="Smallest lucent patch of an interface; ours.")
    least_gap_ml: float = Field(
        default=0.15, gt=0, description="Smallest gap that is told; ours, below one mL of cement."
    )
    osteolysis_mm: float = Field(
        default=5.0, gt=0, description="A space that holds a ball of this diameter is a cavity, no line; ours."
    )
    possible_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of the interface that is lucent in possible loosening (cemented stems; "
        "Harris and O'Neill, from secondary sources).",
    )
    zone_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="A zone behind a cup counts as lucent from this share of its interface; the zones are DeLee and "
        "Charnley's, the share is ours.",
    )
    probable_share: float = Field(default=0.99, gt=0, le=1, description="A complete line: probable (same source).")
    probable_width_mm: float = Field(default=2.0, gt=0, description="Or a line wider than this (same source).")
    line_share: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="A line covers this share of the interface at least; two real, firm hips show 3 "
        "to 13 % of lucent cells in small patches.",
    )
    greatest_lumen_hu: float = Field(
        default=110.0, description="Fibrous interface reaches 100 HU (no source), and noise."
    )
    least_trust: float = Field(default=0.25, ge=0, le=1, description="Below it nothing is graded; ours.")
