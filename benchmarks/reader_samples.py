"""Samples to train the learned reader of halos on: simulated screws, unwrapped, and the truth of each cell.

``python benchmarks/reader_samples.py --samples DIR --cases 0:40`` draws, scans and measures patients that no other part
of the project uses: their seeds begin at 20000. Each makes one file; what is there is not made again, so that two
processes may work side by side on cases of their own. `reader_training.py` calls it for what is missing.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from accuracy_cases import AccuracyCase, load_cases
from reader_files import write_arrays

from planner.config.phantoms.scan import ScanSettings
from planner.config.plan_config import PlanConfig
from planner.errors import PlannerError
from planner.geometry.frames import Array, PointsLps
from planner.model.volume import Volume
from planner.phantoms.ct_scanner import scan
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.raster import contains
from planner.phantoms.truth.facts import Truth
from planner.pipeline.told_implants import tell_implants
from planner.progress import SILENT
from planner.segment.anatomy.survey import survey
from planner.segment.gaps.halo_look import Look, own_cancellous_hu, unwrap_screw
from planner.segment.reading.network import Single
from planner.segment.reading.pairs import paired
from planner.segment.reading.screws import ScrewView
from planner.segment.trust import trust_map
from planner.segment.unwrap import Cells, Fan, Floats, make_fan

FIRST_SEED = 20000
"""Of the training patients; those of the accuracy table end at 3129."""
DEFECTS = ("even", "even", "one_sided", "tip", "wiper", "thin", "even", "wiper", "one_sided", "hole")
"""Names stand here as often as they shall be drawn."""
FIELD = {"width_mm": 150.0, "front_mm": 44.0, "margin_mm": 14.0, "truth_mm": 0.7, "truth_margin_mm": 14.0}
SLICES_MM = (0.75, 1.0, 1.0, 1.25, 1.5, 2.0)
TARGETS = ("lucent", "width_mm", "volume_mm3", "metal_mm", "is_tip", "weight", "in_bone", "radius_mm")
"""What a network is held against, cell by cell: shares, means and, of volumes and weights, sums over a pair's cells."""
THINNEST_MM = 0.1
"""A cell is lucent where the true gap reaches so far beyond the crest."""
SHOWN_HU = (-600.0, 2000.0)
"""What of the profiles is kept: the reader cuts them there itself."""
_NEAR_MM = 5.0
"""A screw that was told is the true one whose middle lies so near."""
_TRUTH_STEP_MM, _REACH_MM = 0.2, 8.1
_NUMBERS = ("radius_mm", "blur_mm", "bloom_hu", "cancellous_hu", "slice_mm", "is_hidden")
_SINGLES, _HALVES = ("metal_mm", "limit_mm"), ("profiles", "pattern_hu")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One screw as the reader sees it, and what is true of it; maps have shape (rows, angles) of the view's fan.

    Parameters
    ----------
    screw : str
        Its name in the phantom.
    view : ScrewView
        What the program itself made of the scan; the profiles cut to ``SHOWN_HU``.
    lucent : ndarray of bool
        Where there is a gap.
    outer_mm : ndarray
        Where it ends, from the axis; 0 where no part of it lies on the ray.
    volume_mm3 : ndarray
        Of the gap within the cell.
    """

    screw: str
    view: ScrewView
    lucent: Cells
    outer_mm: Array
    volume_mm3: Array


# --- the patients ---


def training_case(number: int) -> AccuracyCase:
    """Draw a patient to train on, and how he is scanned.

    Parameters
    ----------
    number : int
        From 0 up; the same one gives the same patient.

    Returns
    -------
    AccuracyCase
        A lumbar or thoracic spine: one in seven without any defect, one scan in ten without artefacts.
    """
    seed = FIRST_SEED + number
    rng = np.random.default_rng(seed)
    site: Literal["lumbar", "thoracic"] = "lumbar" if rng.random() < 0.5 else "thoracic"
    told: dict[str, Any] = {"loose": bool(rng.random() < 0.85)}
    if told["loose"]:
        count = int(rng.integers(2, 6))
        told["defects"] = [DEFECTS[i] for i in rng.choice(len(DEFECTS), size=count, replace=False)]
    alloy = rng.random()
    told["metal"] = "titanium" if alloy < 0.8 else "cobalt-chrome" if alloy < 0.92 else "steel"
    if rng.random() < 0.2:
        told["rod_metal"] = "cobalt-chrome"
    if rng.random() < 0.12:
        told["altered"] = ["laminectomy"]
    elif rng.random() < 0.1:
        told["altered"] = ["deformity"]
    with_artefacts = bool(rng.random() > 0.1)
    how = ScanSettings.quick(
        kvp=float(rng.choice([100, 120, 120, 130, 140])),
        tube_mas=float(rng.uniform(120, 420)),
        row_mm=2.0,
        artefacts=with_artefacts,
        kernel="soft" if rng.random() < 0.25 else "bone",
        hu_clipped_at=3071.0 if rng.random() < 0.5 else None,
        seed=seed,
    )
    return AccuracyCase(
        name=f"n{number:04d}",
        group="tuning",
        site=site,
        seed=seed,
        draw=told,
        field={**FIELD, "slice_mm": float(rng.choice(SLICES_MM))},
        artefacts="usual" if with_artefacts else "none",
        scan=how,
    )


def table_cases(tables: Iterable[Path]) -> tuple[AccuracyCase, ...]:
    """Take the spines that tables of cases have to tune on, never those that they hold out."""
    return tuple(c for path in tables for c in load_cases(path) if c.group == "tuning" and c.site != "hip")


# --- what is made of a scan, and what is true ---


def samples_of(case: AccuracyCase) -> tuple[Sample, ...]:
    """Draw, scan and measure a case.

    Parameters
    ----------
    case : AccuracyCase
        A spine.

    Returns
    -------
    tuple of Sample
        One for each screw that was told and is there.
    """
    design = case.design()
    return measured_samples(scan(design.scene, design.grid, case.scan), design.truth)


def measured_samples(volume: Volume, truth: Truth) -> tuple[Sample, ...]:
    """Measure a scan as the program does before it reads halos, and set the truth beside it.

    Parameters
    ----------
    volume : Volume
        The scan, its axes along the patient's.
    truth : Truth
        Of the same phantom.

    Returns
    -------
    tuple of Sample
    """
    config = PlanConfig()
    told = tell_implants(volume, config, monitor=SILENT)
    known = tuple(part.record for part in told.known)
    bone = survey(volume, metal=told.metal.mask, implants=known, config=config.anatomy).bone
    trust = trust_map(volume, told.metal, config.trust)
    screws = [shaft for shaft in told.shafts if shaft.kind == "pedicle_screw"]
    looks = [unwrap_screw(volume, shaft, bone, config.halos, trust=trust) for shaft in screws]
    cancellous = own_cancellous_hu(looks, config.halos)
    made = (_sample(look, truth, cancellous, max(volume.grid.spacing_mm)) for look in looks)
    return tuple(sample for sample in made if sample is not None)


def _sample(look: Look, truth: Truth, cancellous_hu: float, slice_mm: float) -> Sample | None:
    middle = (np.asarray(look.shaft.head_lps) + np.asarray(look.shaft.tip_lps)) / 2
    ends = {
        i.id: np.array([i.head_lps, i.tip_lps])
        for i in truth.implants
        if i.kind == "pedicle_screw" and i.head_lps is not None and i.tip_lps is not None
    }
    off = {name: float(np.linalg.norm(both.mean(axis=0) - middle)) for name, both in ends.items()}
    screw = min(off, key=lambda name: off[name], default=None)
    if screw is None or off[screw] > _NEAR_MM:
        return None
    own = [gap.solid for gap in truth.gaps if gap.implant_id == screw and gap.kind == "screw_halo"]
    outer, volume_mm3 = true_on_rays(look.fan, look.radius_mm, own)
    view = ScrewView(
        fan=look.fan, profiles=np.clip(look.scanned, *SHOWN_HU), pattern_hu=look.pattern_hu, radius_mm=look.radius_mm,
        metal_mm=look.metal_mm, limit_mm=look.limit_mm, in_bone=look.in_bone, blur_mm=look.bloom.sigma_mm,
        bloom_hu=look.bloom_scanned_hu, cancellous_hu=cancellous_hu, slice_mm=slice_mm, is_hidden=look.shaft.is_hidden,
    )  # fmt: skip
    return Sample(screw, view, (outer - look.radius_mm > THINNEST_MM) & look.in_bone, outer, volume_mm3)


def true_on_rays(fan: Fan, radius_mm: float, solids: Sequence[Solid]) -> tuple[Array, Array]:
    """Say how far a true gap reaches along each ray, and how much of it lies in each cell.

    Parameters
    ----------
    fan : Fan
        The rays.
    radius_mm : float
        Of the shaft over its thread.
    solids : sequence of Solid
        The gap's parts; none round a firm screw.

    Returns
    -------
    outer_mm, volume_mm3 : ndarray, shape (rows, angles)
        0 where there is none; in steps of 0.2 mm, up to 8 mm off the crest.
    """
    rho = np.arange(0.0, radius_mm + _REACH_MM, _TRUTH_STEP_MM) + _TRUTH_STEP_MM / 2
    origins = fan.head_lps + fan.along_mm[:, None] * fan.axis
    points = origins[:, None, None] + fan.directions()[:, :, None] * rho[:, None]
    inside = np.zeros(points.shape[:3], dtype=bool)
    for solid in solids:
        inside |= contains(solid, PointsLps(points.reshape(-1, 3))).reshape(inside.shape)
    volume = np.where(fan.is_tip[:, None, None], rho**2, rho) * _TRUTH_STEP_MM * fan.weight[:, None, None]
    last = rho[len(rho) - 1 - np.argmax(inside[..., ::-1], axis=2)] + _TRUTH_STEP_MM / 2
    return np.where(inside.any(axis=2), last, 0.0), np.asarray((inside * volume).sum(axis=2))


def targets_of(sample: Sample, *, radius_mm: float) -> Single:
    """Give what a network shall read, on the pairs of cells that it is shown.

    Parameters
    ----------
    sample : Sample
        The screw.
    radius_mm : float
        The radius that it is shown with, from which widths count.

    Returns
    -------
    ndarray of float32, shape (half the rows, half the angles, len(TARGETS))
    """
    view, one = sample.view, np.ones(sample.outer_mm.shape)
    lucent = paired(sample.lucent.astype(np.float64))
    outer = paired(sample.outer_mm * sample.lucent) / np.maximum(lucent, 1e-6)
    planes = (
        lucent,
        np.where(lucent > 0, np.clip(outer - radius_mm, 0.0, 8.0), 0.0),
        summed(sample.volume_mm3),
        np.sqrt(paired(view.metal_mm**2)),
        paired(view.fan.is_tip[:, None] * one),
        summed(view.fan.weight[:, None] * one),
        paired(view.in_bone.astype(np.float64)),
        np.full(lucent.shape, radius_mm),
    )
    return np.stack(planes, axis=-1).astype(np.float32)


def summed(values: Floats) -> Array:
    """Add two by two cells; a last row without a second one stands alone."""
    even = np.concatenate([values, np.zeros_like(values[: len(values) % 2])])
    return 4.0 * paired(even)


# --- files ---


def write_samples(path: Path, samples: Sequence[Sample]) -> None:
    """Write a case's samples as one npz file, whole or not at all; profiles in half precision (1 HU)."""
    arrays: dict[str, Any] = {"screws": np.array([sample.screw for sample in samples], dtype=np.str_)}
    for n, sample in enumerate(samples):
        view = sample.view
        axis_end = view.fan.along_mm[-1] + view.radius_mm
        kept = {
            "ends_lps": np.stack([view.fan.head_lps, view.fan.head_lps + axis_end * view.fan.axis]),
            "numbers": np.array([float(getattr(view, name)) for name in _NUMBERS]),
            "in_bone": view.in_bone,
            "lucent": sample.lucent,
            "outer_mm": sample.outer_mm.astype(np.float32),
            "volume_mm3": sample.volume_mm3.astype(np.float32),
            **{name: getattr(view, name).astype(np.float32) for name in _SINGLES},
            **{name: getattr(view, name).astype(np.float16) for name in _HALVES},
        }
        arrays.update({f"{n}-{name}": values for name, values in kept.items()})
    write_arrays(path, arrays)


def read_samples(path: Path) -> tuple[Sample, ...]:
    """Read what `write_samples` wrote."""
    with np.load(path) as arrays:
        return tuple(
            _read_sample(str(screw), {name: arrays[f"{n}-{name}"] for name in _STORED})
            for n, screw in enumerate(arrays["screws"])
        )


_STORED = ("ends_lps", "numbers", "in_bone", "lucent", "outer_mm", "volume_mm3", *_SINGLES, *_HALVES)


def _read_sample(screw: str, kept: dict[str, Any]) -> Sample:
    numbers = dict(zip(_NUMBERS, kept["numbers"].tolist(), strict=True))
    maps = {name: kept[name] for name in (*_SINGLES, *_HALVES, "in_bone")}
    head, tip = kept["ends_lps"]
    fan = make_fan(head, tip, numbers["radius_mm"])
    view = ScrewView(fan=fan, **{**numbers, **maps, "is_hidden": bool(numbers["is_hidden"])})
    return Sample(screw, view, kept["lucent"], kept["outer_mm"], kept["volume_mm3"])


def make_spine(path: Path, case: AccuracyCase) -> None:
    """Make a spine's file of samples."""
    write_samples(path, samples_of(case))


def make_missing(
    cases: Sequence[AccuracyCase], folder: Path, *, make: Callable[[Path, AccuracyCase], None] = make_spine
) -> tuple[Path, ...]:
    """Make the samples that are not there yet, and say on stderr how far it is.

    Parameters
    ----------
    cases : sequence of AccuracyCase
        What the samples are of.
    folder : Path
        Where samples are kept, one file a case.
    make : callable
        Makes the file of a case.

    Returns
    -------
    tuple of Path
        The files, in the order of the cases; not of those that could not be drawn or show no implant.
    """
    made = []
    for number, case in enumerate(cases, start=1):
        path, start = folder / f"{case.name}.npz", time.perf_counter()
        said = "is there"
        if not path.exists():
            try:
                make(path, case)
                said = f"made in {time.perf_counter() - start:.0f} s"
            except PlannerError as error:
                said = f"left out: {error}"
            print(f"{number}/{len(cases)} {case.name} {said}", file=sys.stderr)
        if path.exists():
            made.append(path)
    return tuple(made)


def case_numbers(text: str) -> range:
    """Read ``7``, ``0:40`` (without 40) or ``41:69:2`` from the command line."""
    try:
        parts = [int(part) for part in text.split(":")]
        return range(parts[0], parts[0] + 1) if len(parts) == 1 else range(*parts)
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number, or FIRST:END, or FIRST:END:STEP") from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says which cases are trained on."""
    parser.add_argument("--samples", type=Path, required=True, metavar="DIR", help="where samples are kept")
    parser.add_argument("--cases", type=case_numbers, nargs="+", default=[], metavar="FIRST:END", help="as 0:40, 7")
    parser.add_argument("--tables", type=Path, nargs="+", default=[], metavar="TOML", help="their tuning cases, too")


def chosen_cases(arguments: argparse.Namespace) -> tuple[AccuracyCase, ...]:
    """Give the spines that the arguments of `add_arguments` name."""
    return (*(training_case(number) for number in chosen_numbers(arguments)), *table_cases(arguments.tables))


def chosen_numbers(arguments: argparse.Namespace) -> tuple[int, ...]:
    """Give the numbers that the arguments of `add_arguments` name, each once."""
    return tuple(dict.fromkeys(number for some in arguments.cases for number in some))


def main() -> None:
    """Make the samples that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    arguments = parser.parse_args()
    paths = make_missing(chosen_cases(arguments), arguments.samples)
    print(f"{len(paths)} cases in {arguments.samples}")


if __name__ == "__main__":
    main()
