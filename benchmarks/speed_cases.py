"""CTs for the benchmarks: a phantom in a field as large as a scanner's, and spines with few or many screws."""

from pathlib import Path

import numpy as np
import pydicom

from planner.config.phantoms.spine.morphometry import LEVELS, Level
from planner.config.phantoms.spine.patient import draw_patient
from planner.config.phantoms.spine.phantom import SpinePhantom
from planner.geometry.grid import Grid
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.model.volume import Volume
from planner.phantoms import design, make
from planner.phantoms.case import Recipe
from planner.phantoms.spine.hardware.construct import Construct

_LONG_SPINE: tuple[Level, ...] = LEVELS[LEVELS.index("T3") :]
_ONE_LOOSE_IN = 4
MOST_SCREWS = 28
"""Both sides of T4 to L5."""


def phantom_in_field(kind: str | Recipe, shape: tuple[int, int, int]) -> Volume:
    """Lay a phantom's ideal scan into the middle of a larger field, with soft tissue about it and air beyond."""
    seed = 3 if isinstance(kind, str) else 0
    own = make(kind, seed=seed, settings=design(kind, seed=seed).ideal).volume
    return in_field(own, shape)


def in_field(own: Volume, shape: tuple[int, int, int]) -> Volume:
    """Lay a CT into the middle of a field that is at least as large, with soft tissue about it and air beyond."""
    shape = tuple(max(n, m) for n, m in zip(shape, own.grid.shape, strict=True))
    first = [(n - m) // 2 for n, m in zip(shape, own.grid.shape, strict=True)]
    row, column = np.mgrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    body = (row / 0.72) ** 2 + (column / 0.9) ** 2 < 1
    noise = np.random.default_rng(5).normal(0.0, 20.0, (8, *shape[1:]))
    hu = np.empty(shape, dtype=np.int16)
    for number in range(shape[0]):
        hu[number] = np.where(body, 40, -1000) + noise[number % 8]
    block = tuple(slice(f, f + n) for f, n in zip(first, own.grid.shape, strict=True))
    hu[block] = np.where((own.hu < -900) & (hu[block] > -900), hu[block], own.hu)
    matrix = own.grid.lps_from_index.copy()
    matrix[:3, 3] = own.grid.to_lps([-f for f in first])
    return Volume(Grid(shape, matrix), hu)


def long_spine(screws: int) -> SpinePhantom:
    """Give T3 to S1 of one patient with so many screws, of which the first and each fourth after it are loose."""
    if not 1 <= screws <= MOST_SCREWS:
        raise ValueError(f"1 to {MOST_SCREWS} screws, not {screws}")
    patient = draw_patient("lumbar", seed=3, levels=_LONG_SPINE, decoys=False)
    construct = Construct(patient, _LONG_SPINE[1:-1], "titanium", np.random.default_rng(3), loose=False)
    construct.place(pelvis=False)
    for _ in range(MOST_SCREWS // _ONE_LOOSE_IN):
        construct.inflict("even")
    loose = [screw for screw in construct.screws if screw.halo is not None]
    firm = [screw for screw in construct.screws if screw.halo is None]
    for number, screw in enumerate(loose):
        firm.insert(number * _ONE_LOOSE_IN, screw)
    return SpinePhantom(kind="lumbar", patient=patient, screws=tuple(firm[:screws]))


def write_case(volume: Volume, folder: Path) -> Path:
    """Write a CT as an uncompressed DICOM series, as most archives send it, and give its folder."""
    identity = SeriesIdentity(
        seed=f"benchmark/{folder.name}", patient_name="Benchmark", series_description="Synthetic CT", body_part="BODY"
    )
    for file in write_ct_series(volume, folder, identity=identity):
        dataset = pydicom.dcmread(file)
        dataset.decompress(generate_instance_uid=False)
        dataset.save_as(file)
    return folder
