"""Settings of the measurement of halos round screws."""

from pydantic import Field

from planner.config.settings import Settings


class HaloConfig(Settings):
    """What counts as a halo, and how its wall is read.

    "Tuned on the thoracic case" means: on one simulated scan of a real thoracic spine with six screws, three of them
    loose. "Mended on the phantoms" means: changed after the project's own phantoms showed a fault.
    """

    greatest_width_mm: float = Field(default=5.0, gt=0, description="Wider spaces are osteolysis, another step's.")
    bloom_mm: float = Field(
        default=1.0, gt=0, description="This near to the crest the profile is the metal's own fall; thoracic case."
    )
    least_chance: float = Field(
        default=0.5, gt=0, lt=1, description="A cell is lucent that the learned reader takes for likelier so than not."
    )
    painted_chance: float = Field(
        default=0.8,
        gt=0,
        lt=1,
        description="A cell is painted, and needles aim at it, from this chance on: at a halo's ends, where it fades, "
        "a needle ended 0.7 mm beside the true one (oblique lumbar phantom); ours.",
    )
    least_patch_mm2: float = Field(
        default=20.0, ge=0, description="A smaller lucent patch of the wall is noise: some turns' depth of a thread "
        "square; ours.",
    )  # fmt: skip
    own_wall_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Weight of a wall at half the height of the profiles' own rise, against the learned reader's. On "
        "82 halos of tuning and development scans, read by networks that were not trained on them, widths err by 0.27 "
        "mm with the reader's alone, 0.26 with a quarter or a half of their own, 0.31 with all of it; on real bone the "
        "reader draws walls too near: three halos of the thoracic case come out 18 % too small with a quarter, 12 % "
        "with a half.",
    )
    fibrous_hu: float = Field(default=40.0, description="Interface tissue in a gap (0..100 HU, no source).")
    cancellous_hu: float = Field(
        default=150.0, description="Cancellous bone where none can be measured round the screws (50..300 HU)."
    )
    rim_mm: float = Field(
        default=1.0, gt=0, description="Thickness of a sclerotic rim, a weak prior of the edge's fit; ours."
    )
    artefact_share: float = Field(
        default=0.4,
        ge=0,
        le=1.5,
        description="Share of the foretold artefact that is taken off the profiles. Its slope on true error is 0.34 "
        "to 1.34 (16 tuning scans, median 0.95), but in even bone all of it makes firm screws look loose. On 32 tuning "
        "and development scans: none 81 halos, median error 39 %, 62 of 115 firm screws with a gap; 0.4: 73, 27 %, 39; "
        "0.8: 67, 32 %, 29; 0.4, refused where all of it leaves too little (`least_staying_share`): 69, 30 %, 30.",
    )
    root_share: float = Field(
        default=0.75,
        gt=0,
        lt=1,
        description="Radius of a round bar with the metal of core and thread, as share of the crest's, where the scan "
        "does not show it: cores have 0.56 to 0.72 (doi 10.1038/s41598-022-11824-2, table 2) and threads fill about a "
        "third of what is left, which gives 0.74 to 0.82; the phantoms' screws 0.70 to 0.80.",
    )
    least_root_share: float = Field(
        default=0.66, gt=0, lt=1, description="Less than this was read in a hollow screw, or in noise; ours."
    )
    most_root_share: float = Field(
        default=0.86, gt=0, lt=1, description="More than this is bloom: 0.96 to 1.3 in clipped steel (phantoms); ours."
    )
    edge_sd_mm: float = Field(
        default=0.2,
        gt=0,
        description="Standard deviation of the mean width's error. Judged, not fitted: six gaps of two phantoms "
        "scanned anew came out 0.1 to 0.2 mm too narrow.",
    )
    least_lucent_share: float = Field(
        default=0.16,
        ge=0,
        lt=1,
        description="A seam along less of the wall is named, but no gap is measured: such showed a fourth to a "
        "fourteenth of the true volume, or lay at no gap (tuning and development scans). At 0.2 20 of 115 firm screws "
        "had a gap for 30 here, but a true halo of a small phantom was no longer measured.",
    )
    least_sureness: float = Field(
        default=0.78,
        ge=0,
        lt=1,
        description="A gap whose cells have a smaller mean chance of being lucent is named, but not measured: on 32 "
        "tuning and development scans 12 of 14 gaps round firm screws had less, and 7 of 85 true ones.",
    )
    volume_factor: float = Field(
        default=1.06,
        gt=0,
        description="True volumes are so many times those between thread root and wall over the lucent cells: what "
        "fills the thread beyond their ends; median of 78 halos on the same scans.",
    )
    low_at_best: float = Field(
        default=0.13,
        ge=0,
        description="Natural logarithm from the estimate down to the lower end of the 90 % interval where every cell "
        "is sure; with the next three read off the same scans, where 69 of 78 halos lay within.",
    )
    low_per_doubt: float = Field(
        default=2.2, ge=0, description="What that grows by for a mean chance of 0 in place of 1."
    )
    high_at_best: float = Field(default=0.13, ge=0, description="The same up to the upper end.")
    high_per_doubt: float = Field(default=3.5, ge=0, description="The same up to the upper end.")
    fine_slice_mm: float = Field(
        default=1.25,
        gt=0,
        description="Thicker slices widen the interval: a 1.2 mm gap came out a third too small at 1.5 mm (simulated).",
    )
    slice_sd: float = Field(
        default=0.15, ge=0, description="What they add, as a share of the slice spacing where slices cross the wall."
    )
    most_added_blur_mm: float = Field(
        default=0.22,
        ge=0,
        description="Most that the look-up between thick slices is taken to add to the scan's own blur. It adds more "
        "across the slices and nothing along them; with the plain mean, the metal's tail was overrated and firm screws "
        "looked loose from 1.25 x 0.5 mm on (lumbar phantom at five spacings; none does with this limit).",
    )
    thickest_firm_mm: float = Field(
        default=2.0,
        gt=0,
        description="With thicker slices no screw is called firm: at 3 mm a loose one showed no gap (lumbar phantom).",
    )
    loose_rim_mm: float = Field(
        default=1.0, gt=0, description="A screw is loose with a rim wider than this: PMC3940783."
    )
    loose_share: float = Field(
        default=1 / 3, gt=0, le=1, description="Share of the shaft from which loosening is probable: this tool's rule."
    )
    noise_share: float = Field(
        default=0.01, ge=0, lt=1, description="A smaller share of the shaft is less than one cell's noise; ours."
    )
    least_firm_bone_hu: float = Field(
        default=130.0,
        ge=0,
        description="In lighter cancellous bone no screw is called firm: of screws without a visible gap in slices of "
        "1.5 mm and finer 70 were firm and 2 loose in bone from here on, 21 and 11 in lighter bone (tuning and "
        "development scans).",
    )
    least_trust: float = Field(default=0.25, ge=0, le=1, description="Below it a screw is not graded at all; ours.")
    least_trust_firm: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Below it a screw without a gap is not called firm: gaps of 1.2 mm were missed at a trust of 0.43 "
        "(24 simulated screws), firm screws of the thoracic case and the phantoms show 0.67 to 0.92.",
    )
