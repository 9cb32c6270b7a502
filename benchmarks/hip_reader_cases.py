"""The hips that the learned reader of stems and cups is trained on: who they are, and how they are scanned."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from accuracy_cases import AccuracyCase, load_cases

from planner.config.phantoms.scan import ScanSettings

FIRST_SEED = 30000
"""Of the training patients; those of the accuracy table end at 3129, the training spines' begin at 20000."""
FIELD = {"width_mm": 176.0, "depth_mm": 164.0, "margin_mm": 14.0, "pixel_mm": 0.9, "truth_mm": 0.9}
SLICES_MM = (1.5, 2.0, 2.0, 2.5)
STEM_DEFECTS = ("line", "line", "whole line", "toggle", "none")
"""Names stand here as often as they shall be drawn."""
SCANNER = {"views": 360, "raster_mm": 0.8, "metal_raster_mm": 0.4, "energy_bins": 6, "rays_per_detector": 2}
"""Coarser than the table's scans, and three times as fast."""


def training_hip(number: int) -> AccuracyCase:
    """Draw a hip to train on, and how it is scanned.

    Parameters
    ----------
    number : int
        From 0 up; the same one gives the same patient.

    Returns
    -------
    AccuracyCase
        One in seven without any defect, one in four cemented, one scan in seven without artefacts.
    """
    seed = FIRST_SEED + number
    rng = np.random.default_rng(seed)
    told: dict[str, Any] = {"loose": False} if rng.random() < 0.15 else {"defects": _defects(rng)}
    if rng.random() < 0.25:
        told["cemented"] = True
    how = ScanSettings.quick(
        **SCANNER,
        kvp=float(rng.choice([120, 120, 130, 140, 140])),
        tube_mas=float(rng.uniform(150, 450)),
        row_mm=2.0,
        artefacts=bool(rng.random() > 0.15),
        kernel="soft" if rng.random() < 0.3 else "bone",
        hu_clipped_at=3071.0 if rng.random() < 0.5 else None,
        seed=seed,
    )
    return AccuracyCase(
        name=f"h{number:04d}",
        group="tuning",
        site="hip",
        seed=seed,
        draw=told,
        field={**FIELD, "slice_mm": float(rng.choice(SLICES_MM))},
        artefacts="usual" if how.artefacts else "none",
        scan=how,
    )


def _defects(rng: np.random.Generator) -> list[str]:
    drawn = [str(rng.choice(STEM_DEFECTS))]
    if rng.random() < 0.45:
        drawn.append("osteolysis")
    cup = rng.random()
    if cup < 0.7:
        drawn.append("cup line" if cup < 0.4 else "cup osteolysis")
    drawn += [more for more, share in (("hole", 0.1), ("worn calcar", 0.1), ("rim", 0.15)) if rng.random() < share]
    return [name for name in drawn if name != "none"]


def table_hips(tables: Iterable[Path]) -> tuple[AccuracyCase, ...]:
    """Take the hips that tables of cases have to tune on, never those that they hold out."""
    return tuple(c for path in tables for c in load_cases(path) if c.group == "tuning" and c.site == "hip")
