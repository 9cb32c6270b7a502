"""Settings of the measurement of halos round screws."""

from pydantic import Field

from planner.config.settings import Settings


class HaloConfig(Settings):
    """What counts as a halo, and how its wall is read.

    "Tuned on the thoracic case" means: on one simulated scan of a real thoracic spine with six screws, three of them
    loose. "Mended on the phantoms" means: changed after the project's own phantoms showed a fault.
    """

    width_step_mm: float = Field(default=0.15, gt=0, description="Step of the widths tried: a quarter of a fine voxel.")
    least_width_mm: float = Field(default=0.8, gt=0, description="A narrower gap hides in the metal's bloom.")
    greatest_width_mm: float = Field(default=5.0, gt=0, description="Wider spaces are osteolysis, another step's.")
    bloom_mm: float = Field(
        default=1.0, gt=0, description="This near to the crest the profile is the metal's own fall; thoracic case."
    )
    rise_hu: float = Field(
        default=100.0, gt=0, description="Unit of the wall's price; loose screws rise 150-400 HU to the rim (thoracic)."
    )
    no_gap_price: float = Field(default=-0.45, description="Price of 'no gap' in a cell, in such rises; thoracic case.")
    other_metal_hu: float = Field(
        default=1200.0, gt=0, description="Above streaks and most cortex, below a neighbour's bloom; thoracic case."
    )
    cover_core: float = Field(
        default=0.5, gt=0, le=1, description="A halo wraps the shaft: lucent over half of its turn somewhere; ours."
    )
    cover_rest: float = Field(default=0.35, gt=0, le=1, description="The same at its ends; ours, thoracic case.")
    shortest_mm: float = Field(default=3.0, gt=0, description="Least length of the wrapped part; one thread's turn.")
    fibrous_hu: float = Field(default=40.0, description="Interface tissue in a gap (0..100 HU, no source).")
    cancellous_hu: float = Field(
        default=150.0, description="Cancellous bone where none can be measured round the screws (50..300 HU)."
    )
    lumen_share: float = Field(
        default=0.6,
        gt=0,
        lt=1,
        description="An open gap's floor lies below this share of the way from interface tissue to the patient's own "
        "cancellous bone; mended on the phantoms, where pedicle cortex was taken for the rim of a halo.",
    )
    lumen_share_narrow: float = Field(
        default=0.75,
        gt=0,
        le=1,
        description="The same in a narrow gap, which blur fills; mended on 24 simulated screws.",
    )
    lumen_share_side: float = Field(
        default=0.35,
        gt=0,
        lt=1,
        description="The same where a gap wraps less than half of the turn, as round a screw that swings: its floor "
        "must be nearly that of interface tissue. Ours; one wiper-shaped halo of a small phantom was missed without.",
    )
    lumen_share_rest: float = Field(
        default=1.3,
        gt=0,
        le=2,
        description="The same where a gap runs on from there; up the pedicle the blur of metal and cortex fills it. At "
        "0.85 gaps ended some millimetres too low (lumbar phantom, a small phantom; no difference on the case).",
    )
    narrow_mm: float = Field(default=1.3, gt=0, description="Width of a narrow gap: three times a usual blur.")
    open_mm: float = Field(default=2.2, gt=0, description="Width of an open gap: five times a usual blur.")
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
    low_factor: float = Field(
        default=0.6,
        gt=0,
        le=1,
        description="Lower end of the 90 % interval as share of the estimate, beside the wall's own error: the truth "
        "lay over 0.6 to 0.7 of it in 19 of 20 halos (25 tuning and development scans).",
    )
    high_factor: float = Field(
        default=1.6, ge=1, description="Upper end of a halo that shows along much of the wall; from the same scans."
    )
    high_factor_partial: float = Field(
        default=4.0, ge=1, description="Upper end of one that shows along as little as is measured; the same scans."
    )
    whole_lucent_share: float = Field(
        default=0.5, gt=0, le=1, description="Along so much of the wall a halo shows as a whole; the same scans."
    )
    fine_slice_mm: float = Field(
        default=1.25,
        gt=0,
        description="Thicker slices add to that error: a 1.2 mm gap came out a third too small at 1.5 mm (simulated).",
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
    least_trust: float = Field(default=0.25, ge=0, le=1, description="Below it a screw is not graded at all; ours.")
    least_trust_firm: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Below it a screw without a gap is not called firm: gaps of 1.2 mm were missed at a trust of 0.43 "
        "(24 simulated screws), firm screws of the thoracic case and the phantoms show 0.67 to 0.92.",
    )
    hidden_mm: float = Field(
        default=8.0,
        ge=0,
        description="How far up a gap too narrow to be read may go on; the phantoms' do so over 7 to 10 mm.",
    )
    fill_share: float = Field(
        default=0.518, ge=0, le=1, description="Median share of a gap that cement filled: HipRFX, five cadaver legs."
    )
    fill_share_low: float = Field(default=0.176, ge=0, le=1, description="Least of them (Malan 2016).")
    fill_share_high: float = Field(default=0.554, ge=0, le=1, description="Greatest of them (Malan 2016).")
