"""Who lies in the scanner for a hip phantom: an old frail woman, unless the settings say otherwise.

Sources, each named where it is used:
[C19] Carmona 2019, HAL hal-03553324: CT of 628 healthy people, mean age 61.5. [M16] medicalalgorithms.com, cortical
thickness index and canal-to-calcar ratio by Dorr type. [S19] PMC6177158: bow of 1232 femora on CT. [P17] Pierrepont
2017, doi 10.1302/0301-620X.99B2.BJJ-2016-0098.R1: supine pelvic tilt of 1517 patients before hip replacement on CT.
[K08] Karakas 2008, Diagn Interv Radiol 14:29: transverse diameter at mid shaft, 25.6 mm in women. [D86] limits of dry
femoral heads by sex, medicalalgorithms.com (women below 43 mm; cartilage adds about 2). [L13] PMC3674935: HU of regions
of the proximal femur in old women. [P13] Pickhardt 2013, doi 10.7326/0003-4819-158-8-201304160-00003. What no source
could be found for is set by eye, on pictures, and says so.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from planner.config.phantoms.hip.decoys import HipDecoy
from planner.config.phantoms.hip.fractures import HipFracture
from planner.config.settings import Settings

Side = Literal["left", "right"]
DorrType = Literal["A", "B", "C"]

_DORR_INDEX: dict[DorrType, float] = {"A": 0.58, "B": 0.50, "C": 0.42}
"""Mean cortical thickness index 10 cm below the lesser trochanter, by Dorr type [M16]."""
_DORR_FLARE: dict[DorrType, float] = {"A": 3.9, "B": 3.4, "C": 2.9}
"""Mean canal flare index: 3.4 for all [C19], half a unit (its standard deviation) to either side for A and C."""


class HipPatient(Settings):
    """A patient of a hip phantom: side, shape of femur and pelvis, density, soft tissue, what may fool a reader."""

    side: Side = "left"
    size: float = Field(
        default=0.96, ge=0.8, le=1.25, description="Of pelvis, muscles and trochanters, over a mean woman's (by eye)."
    )
    head_diameter_mm: float = Field(
        default=42.0, ge=34, le=58, description="Bone of the femoral head; women < 43 [D86]."
    )
    neck_shaft_deg: float = Field(default=125.0, ge=105, le=150, description="Mean 124.7, SD 6.2 [C19].")
    anteversion_deg: float = Field(default=14.5, ge=-15, le=40, description="Of the neck; mean 14.5, SD 8.1 [C19].")
    offset_mm: float = Field(
        default=41.0, ge=25, le=60, description="Head's centre to the axis of the upper shaft; mean 42.9, SD 6.8 [C19]."
    )
    isthmus_mm: float = Field(default=13.5, ge=7, le=22, description="Canal's width 10 cm below the lesser trochanter.")
    canal_flare_index: float = Field(
        default=3.0,
        ge=1.8,
        le=5.5,
        description="Canal 2 cm above the lesser trochanter over isthmus; 3.4, SD 0.5 [C19].",
    )
    cortex_shaft_mm: float = Field(
        default=6.0, ge=2.0, le=11, description="Cortex 8 cm below the lesser trochanter and further; [K08] with [M16]."
    )
    cortex_lesser_trochanter_mm: float = Field(
        default=3.6, ge=1.2, le=8, description="Cortex of the shaft at the lesser trochanter (by eye)."
    )
    cortex_metaphysis_mm: float = Field(
        default=1.6, ge=0.8, le=4, description="Cortex of neck, greater trochanter and upper metaphysis (by eye)."
    )
    cortex_pelvis_mm: float = Field(default=1.6, ge=0.7, le=4, description="Shell of the pelvis (by eye).")
    bow_radius_mm: float = Field(default=943.0, ge=500, le=2500, description="Of the shaft's forward bow; [S19].")
    adduction_deg: float = Field(default=6.0, ge=-8, le=15, description="Of the shaft from the body's axis (by eye).")
    external_rotation_deg: float = Field(default=8.0, ge=-25, le=45, description="Of the leg as it lies (by eye).")
    pelvic_tilt_deg: float = Field(
        default=4.2, ge=-20, le=25, description="Forwards, lying; mean 4.2, range -20.5 to 24.5 [P17]."
    )
    neck_resection_mm: float = Field(
        default=14.0, ge=0, le=30, description="Height of the cut at the calcar, over the lesser trochanter (by eye)."
    )
    cancellous_hu: float = Field(default=110.0, ge=-60, le=400, description="Of cancellous bone; frail: <= 135 [P13].")
    cortical_hu: float = Field(default=1150.0, ge=600, le=1800, description="Of cortical bone (no source).")
    fat_mm: float = Field(default=16.0, ge=3, le=70, description="Fat under the skin of thigh and buttock (no source).")
    muscle_bulk: float = Field(
        default=0.92, ge=0.6, le=1.25, description="Muscles' thickness over a mean one (no source)."
    )
    fatty_share: float = Field(default=0.15, ge=0, le=0.7, description="Fat within the muscles, by volume (no source).")
    decoys: tuple[HipDecoy, ...] = Field(default=(), description="What may fool a reader.")
    fractures: tuple[HipFracture, ...] = Field(default=(), description="Fracture lines, old or new.")

    @property
    def cortical_thickness_index(self) -> float:
        """Share of the shaft's width that is cortex, 10 cm below the lesser trochanter."""
        return 2.0 * self.cortex_shaft_mm / (self.isthmus_mm + 2.0 * self.cortex_shaft_mm)

    @property
    def dorr_type(self) -> DorrType:
        """The Dorr type whose mean cortical thickness index is nearest."""
        kinds: tuple[DorrType, ...] = ("A", "B", "C")
        return min(kinds, key=lambda k: abs(_DORR_INDEX[k] - self.cortical_thickness_index))


def _flares(isthmus_mm: float, offset_mm: float) -> tuple[float, float]:
    """Give the least and greatest canal flare index that leave a canal and a neck."""
    return 0.78 * offset_mm / isthmus_mm, min(0.97 * offset_mm, 45.0) / isthmus_mm


def draw_patient(
    *,
    seed: int,
    side: Side | None = None,
    dorr: DorrType | None = None,
    decoys: tuple[HipDecoy, ...] = (),
    fractures: tuple[HipFracture, ...] = (),
) -> HipPatient:
    """Draw a patient from the population of old women.

    Parameters
    ----------
    seed : int
        The same seed gives the same patient.
    side : "left", "right" or None
        None: drawn.
    dorr : "A", "B", "C" or None
        Shape of the canal. None: drawn, B and C twice as often as A (no source for the old and frail).
    decoys, fractures : tuple
        Taken over as they are.

    Returns
    -------
    HipPatient
    """
    random = np.random.default_rng([seed, 0x41B])
    drawn_side: Side = "left" if random.random() < 0.5 else "right"
    kinds: tuple[DorrType, ...] = ("A", "B", "B", "C", "C")
    drawn_dorr: DorrType = kinds[int(random.integers(len(kinds)))]
    kind: DorrType = dorr or drawn_dorr

    def normal(mean: float, sd: float, low: float, high: float, digits: int = 2) -> float:
        return round(float(np.clip(random.normal(mean, sd), low, high)), digits)

    size = normal(0.96, 0.045, 0.85, 1.1, 3)
    width = normal(26.0 * size, 1.2, 21.0, 31.0)
    index = normal(_DORR_INDEX[kind], 0.03, 0.34, 0.66, 4)
    shaft = round(width * index / 2.0, 2)
    isthmus = round(width - 2.0 * shaft, 2)
    offset = normal(42.9 * size, 4.5, 35.0, 54.0)
    return HipPatient(
        side=side or drawn_side,
        size=size,
        head_diameter_mm=normal(43.0 * size, 1.2, 37.0, 50.0),
        neck_shaft_deg=normal(124.7, 6.2, 116.0, 140.0),
        anteversion_deg=normal(14.5, 8.1, -4.0, 32.0),
        offset_mm=offset,
        isthmus_mm=isthmus,
        # The metaphysis must be as wide as the offset lets it be, or it would swallow the neck (by eye).
        canal_flare_index=round(float(np.clip(random.normal(_DORR_FLARE[kind], 0.3), *_flares(isthmus, offset))), 3),
        cortex_shaft_mm=shaft,
        cortex_lesser_trochanter_mm=round(shaft * normal(0.6, 0.06, 0.45, 0.75), 2),
        cortex_metaphysis_mm=normal(1.6, 0.25, 1.1, 2.4),
        cortex_pelvis_mm=normal(1.6, 0.2, 1.1, 2.4),
        bow_radius_mm=normal(943.0, 130.0, 650.0, 1500.0, 0),
        adduction_deg=normal(6.0, 2.0, 0.0, 11.0),
        external_rotation_deg=normal(8.0, 8.0, -10.0, 28.0),
        pelvic_tilt_deg=normal(4.2, 6.0, -7.0, 16.0),
        neck_resection_mm=normal(14.0, 3.0, 7.0, 22.0),
        cancellous_hu=normal({"A": 150.0, "B": 120.0, "C": 90.0}[kind], 25.0, 20.0, 260.0, 1),
        cortical_hu=normal({"A": 1250.0, "B": 1180.0, "C": 1080.0}[kind], 60.0, 850.0, 1450.0, 0),
        fat_mm=normal(20.0, 9.0, 6.0, 50.0),
        muscle_bulk=normal(0.93, 0.06, 0.78, 1.1, 3),
        fatty_share=normal(0.17, 0.08, 0.02, 0.45, 3),
        decoys=decoys,
        fractures=fractures,
    )
