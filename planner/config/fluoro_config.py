"""Settings of the simulated fluoroscopy."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from planner.config.gantry import GantryLimits
from planner.config.gantry_profiles import GANTRY_PROFILES, GantryName, with_profile
from planner.config.settings import Settings

ImplantMaterial = Literal["titanium", "cobalt_chrome", "steel"]


class SpectrumLine(Settings):
    """One energy of the beam, and its share of the detector's signal in the open beam."""

    energy_kev: float = Field(ge=15.0, le=150.0, description="Photon energy.")
    share: float = Field(gt=0.0, description="Share of the signal; the shares are scaled to a sum of 1.")


class FluoroConfig(Settings):
    """Settings of simulated fluoroscopy views."""

    gantry_profile: GantryName | None = Field(
        default=None,
        description="Kind of C-arm, which gives angles, distances and detector where they are not set beside it. None: "
        "the detector and the distances of a mobile C-arm, the angles of a floor stand.",
    )
    source_detector_mm: float = Field(
        default=1020.0, gt=0.0, description="Source to detector; a mobile C-arm with a flat panel."
    )
    source_isocentre_mm: float = Field(default=530.0, gt=0.0, description="Source to isocentre; same C-arm.")
    pixel_mm: float = Field(
        default=0.582,
        gt=0.0,
        description="Pixel pitch on the detector; a panel of 1536 x 0.194 mm binned three to one.",
    )
    rows: int = Field(default=512, ge=1, le=4096, description="Detector rows; same panel, binned three to one.")
    columns: int = Field(default=512, ge=1, le=4096, description="Detector columns; same panel, binned three to one.")
    gantry: GantryLimits = Field(
        default=GantryLimits(),
        description="How far the C-arm turns. A plan has one C-arm: needles and watch views are held to this, too.",
    )

    tube_kv: float = Field(
        default=75.0,
        ge=60.0,
        le=125.0,
        description="Tube voltage, kV. Usual for a trunk under automatic exposure control; no source.",
    )
    filter_al_mm: float = Field(
        default=3.0, ge=1.0, le=20.0, description="Aluminium, the tube's own included. Usual figure, no source."
    )
    filter_cu_mm: float = Field(
        default=0.2, ge=0.0, le=1.0, description="Copper added, as interventional C-arms do. Usual figure, no source."
    )
    scintillator_mm: float = Field(
        default=0.45,
        gt=0.0,
        le=2.0,
        description="The panel's caesium iodide as solid crystal: needles of 0.6 mm that fill three quarters. Usual "
        "figures, no source.",
    )
    spectrum: tuple[SpectrumLine, ...] | None = Field(
        default=None, min_length=1, description="Energies to use instead of the tube's spectrum; None: the tube's."
    )
    soft_tissue_hu: float = Field(
        default=100.0, ge=0.0, le=500.0, description="HU above which a voxel holds bone mineral. No source: ours."
    )
    cortical_hu: float = Field(
        default=1560.0,
        ge=600.0,
        le=3000.0,
        description="HU of whole cortical bone (ICRU-44, 1.92 g/cm3): 2.56 times water at 70 keV, near the effective "
        "energy of a 120 kV CT (NIST tables).",
    )
    metal_material: ImplantMaterial = Field(
        default="titanium", description="What metal is taken to be: a CT clipped at 3071 HU does not tell."
    )

    cement_barium_share: float = Field(
        default=0.19,
        ge=0.0,
        le=0.5,
        description="Share of barium sulphate in set cement, by weight; the rest is PMMA. Vertebroplasty cement with "
        "30 % in its powder: 11 % barium (J Biomed Mater Res A 2007, the iodine-containing cement's control).",
    )

    detector_blur_mm: float = Field(
        default=0.25, ge=0.0, le=5.0, description="Standard deviation of the detector's blur. No source: ours; 0: none."
    )
    scatter_to_primary: float = Field(
        default=0.0,
        ge=0.0,
        le=10.0,
        description="Mean scatter over mean primary signal behind the patient; 0: none.",
    )
    scatter_reach_mm: float = Field(
        default=30.0,
        gt=0.0,
        description="Standard deviation of the scatter's spread on the detector. No source: ours.",
    )
    photons_per_pixel: float | None = Field(
        default=None,
        gt=0.0,
        description="Photons a pixel behind the patient, on average: exposure control keeps them. About 250 a frame at "
        "25 nGy (30 000 a mm2 and microgray), four times as many where four frames are averaged; usual figures, no "
        "source. None: no noise.",
    )
    noise_seed: int = Field(default=0, ge=0, description="Seed of the noise.")

    collimation_mm: tuple[Annotated[float, Field(gt=0.0)], Annotated[float, Field(gt=0.0)]] | None = Field(
        default=None, description="Width and height that the shutters leave open, at the isocentre; None: all open."
    )
    round_field: bool = Field(
        default=False,
        description="A round field that fills the image, as an image intensifier's; a flat panel's is square.",
    )
    image_rotation_deg: float = Field(
        default=0.0, ge=-180.0, le=180.0, description="How far the console turns the image, clockwise."
    )
    image_flip: Literal["none", "left_right", "top_bottom"] = Field(
        default="none", description="How the console mirrors the image, after turning it."
    )

    polarity: Literal["dark_metal", "bright_metal"] = Field(
        default="dark_metal", description="Fluoroscopes show bone and metal dark; bright_metal is a radiograph's way."
    )
    local_contrast: float = Field(
        default=0.7,
        ge=0.0,
        le=1.0,
        description="Share of the slow brightness changes that is taken out, as fluoroscopes do. Tuned by eye on a "
        "trunk CT with a femoral nail and on a thoracic spine.",
    )
    local_scale_mm: float = Field(
        default=22.0, gt=0.0, description="What counts as slow, on the detector. Tuned by eye on the same two."
    )
    open_beam: float = Field(
        default=0.15, ge=0.0, description="Attenuation below which a pixel sees only air, kept out of the windowing."
    )
    window_percent: tuple[float, float] = Field(
        default=(1.0, 99.0), description="Percentiles of the anatomy's attenuation shown as white and as black."
    )

    @model_validator(mode="before")
    @classmethod
    def _take_profile(cls, settings: Any) -> Any:
        return with_profile(settings)

    @model_validator(mode="after")
    def _fits_its_profile(self) -> Self:
        profile = GANTRY_PROFILES[self.gantry_profile] if self.gantry_profile else None
        if profile and not profile.allows(self.source_detector_mm):
            raise ValueError(
                f"source_detector_mm {self.source_detector_mm:g} lies beyond the C-arm named {self.gantry_profile} "
                f"({profile.source_detector_min_mm:g} to {profile.source_detector_max_mm:g}); name none, or change it"
            )
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.source_isocentre_mm >= self.source_detector_mm:
            raise ValueError("the isocentre must lie between source and detector")
        if self.soft_tissue_hu >= self.cortical_hu:
            raise ValueError("soft tissue must lie below cortical bone in HU")
        if not 0.0 <= self.window_percent[0] < self.window_percent[1] <= 100.0:
            raise ValueError("the window's percentiles must rise within 0 to 100")
        return self
