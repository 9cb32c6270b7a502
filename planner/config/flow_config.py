"""Settings of the cement's simulated course."""

from pydantic import Field

from planner.config.settings import Settings
from planner.model.cement_fill import CementViscosity, InterfaceTissue


class ViscosityConfig(Settings):
    """How viscous cement is while it is injected.

    The way that cement takes does not depend on these (docs/methods.md), only the pressure that it needs.
    """

    low_pa_s: float = Field(default=50.0, gt=0, description="A third of the medium one; ours.")
    medium_pa_s: float = Field(
        default=140.0,
        gt=0,
        description="What drives 4 mL/min (doi 10.1007/s00586-004-0822-1) through an 11G cannula of 125 mm at 1.7 MPa, "
        "the mean peak in patients (Krebs 2005, PMID 15738774), by Poiseuille's law.",
    )
    high_pa_s: float = Field(default=1000.0, gt=0, description="Seven times the medium one: dough; ours.")

    def of(self, viscosity: CementViscosity) -> float:
        """Give the viscosity by its name, Pa s."""
        return {"low": self.low_pa_s, "medium": self.medium_pa_s, "high": self.high_pa_s}[viscosity]


class FlowConfig(Settings):
    """How cement runs, and when its injection ends."""

    interface_tissue: InterfaceTissue = Field(
        default="in_place", description="Whether the fibrous tissue in the gap is left there, in the expected course."
    )
    viscosity: CementViscosity = Field(
        default="high", description="Of the cement in the expected course (Cianfoni 2018: high-viscosity PMMA)."
    )
    viscosities: ViscosityConfig = Field(default_factory=ViscosityConfig, description="What the names mean.")
    share_in_place: float = Field(
        default=0.518,
        gt=0,
        le=1,
        description="Share of a gap that cement takes where its tissue is left: median of five cadaver legs "
        "(Malan 2016: 17.6-55.4 %). The tissue is taken to lie in patches from wall to wall: the rest is as wide as "
        "the gap, so neither front nor pressure counts the share again.",
    )
    least_share_in_place: float = Field(
        default=0.176,
        gt=0,
        le=1,
        description="Least of them: for the lower end of what is expected a gap is full at it (Malan 2016).",
    )
    share_removed: float = Field(
        default=1.0, gt=0, le=1, description="The same where the tissue was removed: all of it. No source."
    )
    wall_open_in_place: float = Field(
        default=0.2, ge=0, le=1, description="Share of the gap's wall that is open to bone where its tissue is left: a "
        "membrane lines the bone; ours, no source. 1 where the tissue was removed.",
    )  # fmt: skip
    marrow_hu: float = Field(
        default=-50.0, description="Marrow without trabeculae, between fat (-100..-50) and blood; ours."
    )
    solid_hu: float = Field(
        default=1800.0, description="Bone without pores: within cortical bone's 250..2000, near its top; ours."
    )
    closed_hu: float = Field(
        default=600.0,
        description="Denser bone, cortex and sclerotic rims, takes no cement: twice the densest cancellous bone's 300 "
        "HU; at three fifths of pores and less; ours.",
    )
    least_bone_share: float = Field(
        default=0.07, gt=0, lt=1, description="Bone share of the emptiest cancellous bone: dark streaks read as less. "
        "With it the permeability is at most 0.015 mm2; the greatest of Nauman 1999 is 0.02.",
    )  # fmt: skip
    trabecula_mm: float = Field(
        default=0.12,
        gt=0,
        description="Thickness of trabeculae, for the pores' surface: at porosity 0.9 emptied bone has 0.05 mm2; "
        "Baroud 2004 (doi 10.1016/S0021-9290(03)00246-X) measured 0.034 and 0.045 on the mean in lumbar vertebrae.",
    )
    kozeny: float = Field(
        default=5.0, gt=0, description="Kozeny's constant of beds and fibres: Carman 1937, the usual figure."
    )
    marrow_share: float = Field(
        default=0.125, gt=0, le=1, description="Share of emptied bone's permeability: 0.005 mm2 at 150 HU, the "
        "geometric mean of Baroud 2004 (0.039) and of the middle, in decades, of what Nauman 1999 (doi 10.1114/1.195) "
        "saw in human and bovine cores, 0.00003-0.02 mm2. The choice between the two is ours.",
    )  # fmt: skip
    pore_share: float = Field(
        default=0.8, gt=0, le=1, description="Share of the pores that cement takes, for marrow stays in corners; ours."
    )
    beside_mm: float = Field(
        default=6.0, gt=0, description="Cancellous bone farther from every gap is left out; ours, for speed, not tuned."
    )
    least_width_mm: float = Field(
        default=0.1, ge=0, description="A gap is taken to be at least so wide: beads of PMMA powder are up to 0.1 mm."
    )
    width_window_mm: float = Field(
        default=1.0, gt=0, description="Standard deviation of the window in which a gap's width is taken, little over "
        "a working voxel. A step in width is smeared over twice this on either side; ours, on the analytic cases.",
    )  # fmt: skip
    tip_reach_mm: float = Field(
        default=2.0,
        ge=0,
        description="A tip that lies in no space for cement injects into the nearest one this near; farther there is "
        "no way. The aim's own error (needles.aim_error_mm).",
    )
    rate_ml_s: float = Field(
        default=0.067, gt=0, description="Usual rate of injection: 4 mL/min, doi 10.1007/s00586-004-0822-1."
    )
    slowest_ml_s: float = Field(
        default=0.0067, gt=0, description="At the pressure's limit cement is pressed in more slowly, down to a tenth "
        "of the usual rate: 4 mL in the ten minutes that it works; ours.",
    )  # fmt: skip
    pressure_limit_mpa: float = Field(
        default=3.2, gt=0, description="Greatest pressure of the syringe: the greatest in patients, Krebs 2005."
    )
    cannula_mpa_s_per_ml: float = Field(
        default=24.0, ge=0, description="Pressure that the cannula takes for each mL/s of medium cement: 95 % "
        "(doi 10.1007/s00586-004-0822-1) of 1.7 MPa at 4 mL/min.",
    )  # fmt: skip
    full_share: float = Field(
        default=0.98, gt=0, le=1, description="A gap is full from this share on: its last corners are voxels' edges."
    )
    most_gap_volumes: float = Field(
        default=3.0, gt=0, description="In a plan no more is injected than so many times the target's volume; ours."
    )
    most_ml: float = Field(
        default=20.0, gt=0, description="Nor more than this: targets take 1-4 mL (doi 10.1302/2046-3758.59.2000580, "
        "Malan 2016), large lyses more; ours, for speed.",
    )  # fmt: skip
    most_other_needle_ml: float = Field(
        default=5.0, gt=0, description="Nor, from needles that are not proposed and from moved tips, more than this: "
        "they tell when breaches are reached; ours, for speed.",
    )  # fmt: skip
    thin_walls_give_way: bool = Field(
        default=False, description="Whether cement leaves through thin walls as through open ones."
    )
    leaks_away_share: float = Field(
        default=0.5, gt=0, le=1, description="An injection of which more than this share has left the bone fills "
        "nothing: it ends there; ours.",
    )  # fmt: skip
    levels: int = Field(
        default=20, ge=4, description="Volumes in each tenfold, from 0.02 mL on, at which the front is solved; between "
        "them it is interpolated. The ladder does not depend on the volume that is intended.",
    )  # fmt: skip

    def share_of(self, tissue: InterfaceTissue) -> float:
        """Give the share of a gap that cement takes."""
        return self.share_in_place if tissue == "in_place" else self.share_removed
