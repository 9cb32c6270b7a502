"""Who lies in the scanner for a spine phantom: an old slim woman, unless the settings say otherwise."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from planner.config.phantoms.spine.altered import (
    Alteration,
    BasivertebralVein,
    CollapsedFracture,
    Decoy,
    DiscGas,
    FusionMass,
    JunctionalFracture,
    Laminectomy,
    MarrowFat,
    SegmentalVessels,
)
from planner.config.phantoms.spine.morphometry import FIGURE_SD, LEVELS, Level, VertebraFigures, mean_figures
from planner.config.settings import Settings

Region = Literal["lumbar", "thoracic"]

_LUMBAR: tuple[Level, ...] = ("L2", "L3", "L4", "L5", "S1")
_THORACIC: tuple[Level, ...] = ("T5", "T6", "T7", "T8", "T9", "T10", "T11")
_SEGMENT_DEG: dict[str, float] = {
    "L5": 16.0, "L4": 9.4, "L3": 6.7, "L2": 4.4, "L1": 0.9, "T12": -1.5, "T11": -3.0, "T10": -4.5, "T9": -5.0,
}  # fmt: skip
_KYPHOSIS_DEG = -5.0
_ANGLE_SD_DEG = 2.5


class Scoliosis(Settings):
    """A sideways curve with rotation."""

    cobb_deg: float = Field(gt=0, le=70, description="Between the end vertebrae of the curve; over 10 is scoliosis.")
    apex: Level = Field(description="The vertebra that lies furthest out.")
    convex: Literal["left", "right"] = Field(description="To which side.")
    rotation_deg: float = Field(
        default=10.0, ge=0, le=40, description="Of the apex: the front turns to the convex side (no source for size)."
    )
    reach: float = Field(
        default=2.0, ge=0.5, le=6, description="Vertebrae from the apex to the end of the curve; as many swing back."
    )


class SpinePatient(Settings):
    """A patient of a spine phantom: shown levels, shape, density, what was altered, what may fool a reader."""

    region: Region = "lumbar"
    levels: tuple[Level, ...] = Field(
        default=(),
        max_length=16,
        description="Shown vertebrae, neighbours from the top down; empty for L2-S1 or T5-T11, by the region.",
    )
    size: float = Field(default=0.97, ge=0.75, le=1.3, description="Of all lengths of bone, over the mean woman's.")
    age_years: float = Field(default=80.0, ge=18, le=105, description="Sets the density where none is given.")
    figures: tuple[VertebraFigures, ...] = Field(
        default=(), description="Vertebrae that differ from the published means; before `size` is applied."
    )
    cortex_mm: float = Field(
        default=1.1,
        ge=0.6,
        le=3.0,
        description="Shell as a CT shows it; histology finds 0.24-0.29 mm (Ritzel 1997, JBMR 12:89), too thin to scan.",
    )
    endplate_mm: float = Field(default=0.9, ge=0.5, le=3.0, description="Endplates as a CT shows them. By eye.")
    cortical_hu: float = Field(default=1000.0, ge=400, le=1800, description="Of arch, ribs, ilia. Range 250-2000.")
    wall_hu: float = Field(
        default=600.0,
        ge=200,
        le=1800,
        description="Of the bodies' shell and the sacrum's: so that `cortex_mm` of it weaken a beam about as 0.3 mm "
        "of compact bone at 1700 HU do (thickness: Ritzel 1997; the HU by eye).",
    )
    cancellous_hu: float = Field(
        default=110.0,
        ge=-20,
        le=400,
        description="Of the bodies: 226 (SD 44) below 30 years, 2.5 less a year, 89 (SD 38) at 90 and over (Jang 2019, "
        "doi 10.1148/radiol.2019181648).",
    )
    texture_hu: float = Field(default=38.0, ge=0, le=120, description="Of the trabeculae, standard deviation. By eye.")
    texture_mm: float = Field(default=3.0, ge=0.8, le=12, description="Of the trabeculae, wavelength. By eye.")
    segments_deg: tuple[float, ...] = Field(
        default=(),
        description="Lordosis from each body to the next below, from the top down, kyphosis negative; empty for the "
        "mean: L1-S1 from Sci Rep 2022, doi 10.1038/s41598-022-21840-x, times 0.74 for lying (PMC6680033: 36.8 against "
        "49.8 degrees), thoracic 41.9 degrees over T4-T12 (PMC8148834).",
    )
    turns_deg: tuple[float, ...] = Field(
        default=(), description="Turn of each vertebra about its long axis, front to the left positive; empty: small."
    )
    leans_deg: tuple[float, ...] = Field(
        default=(), description="Lean of each vertebra to the patient's left; empty: small."
    )
    scoliosis: Scoliosis | None = Field(default=None, description="A curve, added to turns and leans.")
    altered: tuple[Alteration, ...] = Field(default=(), description="Surgery and fractures.")
    decoys: tuple[Decoy, ...] = Field(default=(), description="What may fool a reader.")
    fat_mm: float = Field(default=14.0, ge=2, le=60, description="Fat beneath the skin of the back. By eye.")
    muscle_fat_share: float = Field(
        default=0.25, ge=0, le=0.7, description="Of the back muscles, in streaks; old multifidus is fatty. By eye."
    )
    seed: int = Field(default=0, ge=0, description="Of small irregularities that no field names.")

    @model_validator(mode="before")
    @classmethod
    def _fill_levels(cls, values: Any) -> Any:
        if isinstance(values, dict) and not values.get("levels"):
            return {**values, "levels": _THORACIC if values.get("region") == "thoracic" else _LUMBAR}
        return values

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.levels) < 2:
            raise ValueError("a spine has at least two levels")
        places = [LEVELS.index(name) for name in self.levels]
        if any(b != a + 1 for a, b in pairwise(places)):
            raise ValueError(f"levels must be neighbours from the top down, not {', '.join(self.levels)}")
        if self.levels[0] == "S1" or places[0] < LEVELS.index("T3"):
            raise ValueError("levels run from T3 to S1, and begin with a vertebra")
        for name, values, count in (
            ("segments_deg", self.segments_deg, len(self.levels) - 1),
            ("turns_deg", self.turns_deg, len(self.levels)),
            ("leans_deg", self.leans_deg, len(self.levels)),
        ):
            if values and len(values) != count:
                raise ValueError(f"{name} must have {count} values for these levels, not {len(values)}")
        self._check_names()
        self._check_changes()
        return self

    def _check_names(self) -> None:
        asked: list[tuple[str, str]] = [("figures", f.level) for f in self.figures]
        if self.scoliosis is not None:
            asked.append(("scoliosis", self.scoliosis.apex))
        for change in (*self.altered, *self.decoys):
            if isinstance(change, Laminectomy | FusionMass):
                asked += [(change.kind, name) for name in change.levels]
            elif hasattr(change, "level"):
                asked.append((change.kind, change.level))
        for what, name in asked:
            if name not in self.levels or (name == "S1" and what != "fusion_mass"):
                raise ValueError(f"{what} names {name}, which is no shown vertebra: {', '.join(self.levels)}")

    def _check_changes(self) -> None:
        broken = [c.level for c in self.altered if isinstance(c, CollapsedFracture | JunctionalFracture)]
        if len(set(broken)) < len(broken):
            raise ValueError("a level can collapse once only: name it in one fracture")
        for decoy in self.decoys:
            if isinstance(decoy, DiscGas) and decoy.level == self.levels[-1]:
                raise ValueError(f"disc_gas names {decoy.level}, but no vertebra below it is shown")

    def figures_of(self, level: Level) -> VertebraFigures:
        """Give a vertebra's figures: the patient's own, or the published mean; before `size` is applied."""
        return next((f for f in self.figures if f.level == level), None) or mean_figures(level)

    @property
    def lordosis_deg(self) -> tuple[float, ...]:
        """Lordosis of each segment, from the top down."""
        return self.segments_deg or tuple(_SEGMENT_DEG.get(name, _KYPHOSIS_DEG) for name in self.levels[:-1])


def draw_patient(
    region: Region, *, seed: int, levels: tuple[Level, ...] | None = None, deformed: bool = False, decoys: bool = True
) -> SpinePatient:
    """Draw a patient from the population.

    Parameters
    ----------
    region : "lumbar" or "thoracic"
        What is scanned.
    seed : int
        The same patient for the same seed and choices.
    levels : tuple of Level or None
        Shown vertebrae from the top down; None for the region's own.
    deformed : bool
        Whether the spine has a scoliosis.
    decoys : bool
        Whether vessels and fat lobules lie in some vertebrae; every other decoy is for the caller to add.

    Returns
    -------
    SpinePatient
        Nothing in it is altered by surgery or fracture.
    """
    random = np.random.default_rng([seed, 0 if region == "lumbar" else 1, 61])
    shown = levels or (_LUMBAR if region == "lumbar" else _THORACIC)
    bony = [name for name in shown if name != "S1"]
    age = float(np.clip(random.normal(78.0, 8.0), 60.0, 95.0))
    cancellous = float(np.clip(226.0 - 2.5 * (age - 30.0) + random.normal(0.0, 32.0), 35.0, 210.0))
    base = np.array([_SEGMENT_DEG.get(name, _KYPHOSIS_DEG) for name in shown[:-1]])
    bend = random.normal(1.0, 0.2)
    segments = base * np.clip(bend, 0.5, 1.6) + random.normal(0.0, _ANGLE_SD_DEG * 0.5, len(base))
    patient = SpinePatient(
        region=region,
        levels=shown,
        size=_rounded(np.clip(random.normal(0.98, 0.05), 0.86, 1.12)),
        age_years=_rounded(age),
        figures=_draw_figures(bony, random),
        cortex_mm=_rounded(np.clip(random.normal(1.1, 0.12), 0.9, 1.5)),
        endplate_mm=_rounded(np.clip(random.normal(0.95, 0.1), 0.8, 1.3)),
        cortical_hu=_rounded(np.clip(random.normal(1000.0, 110.0), 700.0, 1300.0)),
        wall_hu=_rounded(np.clip(cancellous + random.normal(480.0, 70.0), 350.0, 900.0)),
        cancellous_hu=_rounded(cancellous),
        texture_hu=_rounded(random.uniform(26.0, 48.0)),
        texture_mm=_rounded(random.uniform(2.2, 4.2)),
        segments_deg=tuple(_rounded(v) for v in segments),
        turns_deg=tuple(_rounded(v) for v in random.normal(0.0, 2.2, len(shown))),
        leans_deg=tuple(_rounded(v) for v in random.normal(0.0, 1.5, len(shown))),
        scoliosis=_draw_scoliosis(bony, random) if deformed else None,
        decoys=_draw_decoys(bony, random) if decoys else (),
        fat_mm=_rounded(random.uniform(8.0, 26.0)),
        muscle_fat_share=_rounded(random.uniform(0.1, 0.45)),
        seed=int(random.integers(0, 2**31)),
    )
    return patient


def _rounded(value: float | np.floating) -> float:
    # Recipes are read by people: three decimals are finer than any scan.
    return round(float(value), 3)


def _draw_figures(names: Sequence[Level], random: np.random.Generator) -> tuple[VertebraFigures, ...]:
    # What a patient has of a figure runs through all her vertebrae; a little is each vertebra's own.
    share = {name: random.normal(0.0, 0.7 * sd) for name, sd in FIGURE_SD.items()}
    out = []
    for name in names:
        mean = mean_figures(name).model_dump()
        own = {key: 1.0 + np.clip(share[key] + random.normal(0.0, 0.5 * sd), -2.2 * sd, 2.2 * sd)
               for key, sd in FIGURE_SD.items()}  # fmt: skip
        uneven = random.normal(0.0, 0.04)
        mean["pedicle_right_mm"] *= own["pedicle_mm"] * (1.0 + uneven)
        mean["pedicle_left_mm"] *= own["pedicle_mm"] * (1.0 - uneven)
        for key in FIGURE_SD:
            if key in mean:
                mean[key] *= own[key]
        mean["pedicle_inward_deg"] += random.normal(0.0, 2.0)
        rounded = {k: _rounded(v) if isinstance(v, float) else v for k, v in mean.items()}
        out.append(VertebraFigures.model_validate(rounded))
    return tuple(out)


def _draw_scoliosis(names: Sequence[Level], random: np.random.Generator) -> Scoliosis:
    cobb = random.uniform(14.0, 32.0)
    # A lumbar curve is over before the sacrum, which lies level.
    low = names[-1] == "L5"
    return Scoliosis(
        cobb_deg=_rounded(cobb),
        apex=names[max(len(names) - 3, 0)] if low else names[len(names) // 2],
        reach=1.5 if low else 2.0,
        convex="left" if random.random() < 0.5 else "right",
        rotation_deg=_rounded(cobb * random.uniform(0.25, 0.5)),
    )


def _draw_decoys(names: Sequence[Level], random: np.random.Generator) -> tuple[Decoy, ...]:
    out: list[Decoy] = []
    for name in names:
        if random.random() < 0.6:
            out.append(BasivertebralVein(level=name, width_mm=_rounded(random.uniform(1.6, 3.4))))
        if random.random() < 0.5:
            out.append(SegmentalVessels(level=name))
        if random.random() < 0.35:
            count, seed = int(random.integers(3, 9)), int(random.integers(0, 1000))
            out.append(MarrowFat(level=name, count=count, diameter_mm=_rounded(random.uniform(3.0, 6.5)), seed=seed))
    return tuple(out)
