"""Samples to train the learned reader of stems and cups on: simulated hips, unwrapped, and the truth of each cell.

``python benchmarks/hip_reader_samples.py --samples DIR --cases 0:40`` draws, scans and measures patients that no other
part of the project uses: their seeds begin at 30000. As `reader_samples.py` does for screws, it makes one file a case,
and `reader_training.py --reader hip` calls it for what is missing.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from accuracy_cases import AccuracyCase
from hip_reader_cases import table_hips, training_hip
from reader_files import write_arrays
from reader_samples import add_arguments, chosen_numbers, make_missing, summed

from planner.config.plan_config import PlanConfig
from planner.geometry.frames import Array, PointsLps
from planner.model.volume import Mask, Volume
from planner.phantoms.ct_scanner import scan
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.raster import contains
from planner.phantoms.truth.facts import TrueImplant, Truth
from planner.pipeline.told_implants import tell_implants
from planner.progress import SILENT
from planner.segment.anatomy.survey import survey
from planner.segment.gaps.hip_look import mantle_of
from planner.segment.gaps.interface_edge import interface_of, view_of
from planner.segment.gaps.interface_rays import Interface
from planner.segment.implants.hips import HipPart
from planner.segment.implants.parts import ImplantPart
from planner.segment.reading.hips import SHOWN_MM, HipView
from planner.segment.reading.network import Single
from planner.segment.reading.pairs import paired
from planner.segment.trust import TrustMap, trust_map
from planner.segment.unwrap import Cells, Fan

STEP_MM = 0.25
DEPTHS_MM: Array = np.arange(-2.0, 12.01, STEP_MM)
"""Where profiles are kept and the truth is asked, from the metal and square to it."""
SHOWN_AT = np.rint((SHOWN_MM - DEPTHS_MM[0]) / STEP_MM).astype(np.intp)
"""Which of them the networks are shown."""
KEPT_HU = (-800.0, 4000.0)
"""What of the profiles is kept: the reader cuts them there itself."""
TARGETS = ("lucent", "outer_mm", "inner_mm", "volume_mm3", "metal_mm", "cosine", "is_tip", "weight", "in_bone")
"""What a network is held against, cell by cell: shares, means and, of volumes and weights, sums over a pair's cells."""
THINNEST_MM = 0.35
"""A cell is lucent where the true gap reaches so far from the metal."""
BEGINS_WITHIN_MM = 2.0
"""A gap that begins farther away is none of the implant's."""
LEAST_IN_BONE = 0.1
"""Implants of which a smaller share lies in bone are not trained on."""
KINDS = ("femoral_stem", "acetabular_cup")
_NEAR_MM = 40.0
"""A part that was told is the true one of its kind whose middle lies so near: the other hip's is farther."""
_MAPS = ("metal_mm", "cosine", "sigma_mm", "in_bone")
_SHARES = ("bone", "pattern_hu")
_NUMBERS = ("cancellous_hu", "slice_mm", "is_cup", "is_in_cement", "is_clipped")
_FAN = tuple(f.name for f in fields(Fan))


@dataclass(frozen=True, slots=True, eq=False)
class HipSample:
    """A stem or a cup as the reader sees it, and what is true of it.

    Parameters
    ----------
    implant : str
        Its name in the phantom.
    view : HipView
        What the program itself made of the scan.
    profiles : ndarray of float32, shape (half the rows, half the angles, len(DEPTHS_MM))
        HU of pairs of cells, cut to ``KEPT_HU``: those of the view, and those between.
    targets : ndarray of float32, shape (half the rows, half the angles, len(TARGETS))
        What is true of pairs of cells.
    """

    implant: str
    view: HipView
    profiles: Single
    targets: Single

    def true(self, name: str) -> Single:
        """Give one plane of the targets, by its name in ``TARGETS``."""
        return np.asarray(self.targets[..., TARGETS.index(name)])


# --- what is made of a scan, and what is true ---


def samples_of(case: AccuracyCase) -> tuple[HipSample, ...]:
    """Draw, scan and measure a case.

    Parameters
    ----------
    case : AccuracyCase
        A hip.

    Returns
    -------
    tuple of HipSample
        One for each stem and cup that was told and is there.
    """
    design = case.design()
    return measured_samples(scan(design.scene, design.grid, case.scan), design.truth)


def measured_samples(volume: Volume, truth: Truth) -> tuple[HipSample, ...]:
    """Measure a scan as the program does before it reads gaps, and set the truth beside it.

    Parameters
    ----------
    volume : Volume
        The scan, its axes along the patient's.
    truth : Truth
        Of the same phantom.

    Returns
    -------
    tuple of HipSample
    """
    config = PlanConfig()
    told = tell_implants(volume, config, monitor=SILENT)
    known = tuple(part.record for part in told.known)
    bone = survey(volume, metal=told.metal.mask, implants=known, config=config.anatomy).bone
    trust = trust_map(volume, told.metal, config.trust)
    parts = [part for part in told.hips if part.record.kind in KINDS]
    pairs = [(part, true_part(part, truth)) for part in parts]
    return tuple(
        sample_of(volume, part, bone, trust, mantles=told.parts, implant=true.id, gaps=gaps_of(true, truth))
        for part, true in pairs
        if true is not None
    )


def true_part(part: HipPart, truth: Truth) -> TrueImplant | None:
    """Find the stem or cup that a part was told for; None where there is none near it."""
    axis, centre = part.record.axis, part.centre_lps
    middle = np.asarray(centre) if axis is None else (np.array(axis.head_lps) + np.array(axis.tip_lps)) / 2
    off = {}
    for true in truth.implants:
        own = _middle(true)
        if true.kind == part.record.kind and own is not None:
            off[true.id] = float(np.linalg.norm(own - middle))
    name = min(off, key=lambda n: off[n], default=None)
    if name is None or off[name] > _NEAR_MM:
        return None
    return next(true for true in truth.implants if true.id == name)


def _middle(true: TrueImplant) -> Array | None:
    if true.centre_lps is not None:
        return np.array(true.centre_lps)
    if true.head_lps is None or true.tip_lps is None:
        return None
    return (np.array(true.head_lps) + np.array(true.tip_lps)) / 2


def gaps_of(true: TrueImplant, truth: Truth) -> tuple[Solid, ...]:
    """Give the true gaps of an implant; none round a firm one."""
    return tuple(gap.solid for gap in truth.gaps if gap.implant_id == true.id)


def sample_of(
    volume: Volume, part: HipPart, bone: Mask, trust: TrustMap | None, *, mantles: Sequence[ImplantPart],
    implant: str, gaps: Sequence[Solid],
) -> HipSample:  # fmt: skip
    """Look at a stem or a cup as the program does, and ask the truth.

    Parameters
    ----------
    volume : Volume
        The scan.
    part : HipPart
        The implant as it was told.
    bone : Mask
        The bone's envelope.
    trust : TrustMap or None
        What artefacts are foretold to add.
    mantles : sequence of ImplantPart
        As `look_at` takes them.
    implant : str
        Its name in the phantom.
    gaps : sequence of Solid
        Its true gaps.

    Returns
    -------
    HipSample
    """
    config = PlanConfig().hip_gaps
    mantle = mantle_of(part.record, mantles)
    interface = interface_of(volume, part, bone, config, mantle)
    is_cup = part.record.kind == "acetabular_cup"
    view = view_of(volume, interface, bone, trust, is_cup=is_cup, is_in_cement=mantle is not None, config=config)
    profiles = paired(np.clip(interface.along_rays(volume.hu, volume, DEPTHS_MM), *KEPT_HU)).astype(np.float32)
    return HipSample(implant, view, profiles, targets_of(interface, *true_on_rays(interface, gaps)))


def true_on_rays(interface: Interface, solids: Sequence[Solid]) -> tuple[Cells, Array, Array, Array]:
    """Say where a true gap lies on each ray, and how much of it in each cell.

    Parameters
    ----------
    interface : Interface
        The rays.
    solids : sequence of Solid
        The gap's parts; none round a firm implant.

    Returns
    -------
    lucent : ndarray of bool, shape (rows, angles)
        Where there is a gap, in bone.
    inner_mm, outer_mm, volume_mm3 : ndarray, shape (rows, angles)
        Of the first stretch of gap on the ray, in steps of 0.25 mm, up to 12 mm off the metal; 0 where there is none.
    """
    shape = interface.metal_mm.shape
    points = np.stack([interface.points_lps(np.full(shape, depth)) for depth in DEPTHS_MM], axis=2)
    inside = np.zeros(points.shape[:3], dtype=bool)
    for solid in solids:
        inside |= contains(solid, PointsLps(points.reshape(-1, 3))).reshape(inside.shape)
    step = np.arange(len(DEPTHS_MM))
    first = np.argmax(inside, axis=2)
    over = ~inside & (step > first[..., None])
    last = np.where(over.any(axis=2), np.argmax(over, axis=2) - 1, step[-1])
    near = inside.any(axis=2) & (DEPTHS_MM[first] < BEGINS_WITHIN_MM)
    stretch = near[..., None] & (step >= first[..., None]) & (step <= last[..., None])
    inner = np.where(near, DEPTHS_MM[first] - STEP_MM / 2, 0.0)
    outer = np.where(near, DEPTHS_MM[last] + STEP_MM / 2, 0.0)
    fan, cosine = interface.fan, interface.cosine[..., None]
    rho = np.maximum(interface.metal_mm[..., None] + DEPTHS_MM / cosine, 0.0)
    of_step = np.where(fan.is_tip[:, None, None], rho**2, rho) * STEP_MM / cosine * fan.weight[:, None, None]
    lucent = (outer > THINNEST_MM) & interface.in_bone
    return lucent, inner, outer, np.asarray((stretch * of_step).sum(axis=2))


def targets_of(interface: Interface, lucent: Cells, inner_mm: Array, outer_mm: Array, volume_mm3: Array) -> Single:
    """Give what a network shall read, on the pairs of cells that it is shown.

    Parameters
    ----------
    interface : Interface
        The rays.
    lucent, inner_mm, outer_mm, volume_mm3 : ndarray, shape (rows, angles)
        As `true_on_rays` gives them.

    Returns
    -------
    ndarray of float32, shape (half the rows, half the angles, len(TARGETS))
    """
    share, one = paired(lucent.astype(np.float64)), np.ones(lucent.shape)
    planes = (
        share,
        paired(outer_mm * lucent) / np.maximum(share, 1e-6),
        paired(inner_mm * lucent) / np.maximum(share, 1e-6),
        summed(volume_mm3),
        np.sqrt(paired(interface.metal_mm**2)),
        paired(interface.cosine),
        paired(interface.fan.is_tip[:, None] * one),
        summed(interface.fan.weight[:, None] * one),
        paired(interface.in_bone.astype(np.float64)),
    )
    return np.stack(planes, axis=-1).astype(np.float32)


def on_cells(pairs: Single, rows: int) -> Single:
    """Give every cell of a map its pair's values, so that pairs of them are those of the map again."""
    return np.repeat(np.repeat(pairs, 2, axis=0), 2, axis=1)[:rows]


# --- files ---


def write_samples(path: Path, samples: Sequence[HipSample]) -> None:
    """Write a case's samples as one npz file, whole or not at all; profiles in half precision (2 HU)."""
    arrays: dict[str, Any] = {"implants": np.array([sample.implant for sample in samples], dtype=np.str_)}
    for n, sample in enumerate(samples):
        view = sample.view
        kept = {
            "profiles": sample.profiles.astype(np.float16),
            "targets": sample.targets,
            "numbers": np.array([float(getattr(view, name)) for name in _NUMBERS]),
            "in_bone": view.in_bone,
            **{name: getattr(view, name).astype(np.float32) for name in _MAPS if name != "in_bone"},
            **{name: getattr(view, name).astype(np.float16) for name in _SHARES},
            **{f"fan-{name}": getattr(view.fan, name) for name in _FAN},
        }
        arrays.update({f"{n}-{name}": values for name, values in kept.items()})
    write_arrays(path, arrays)


def read_samples(path: Path) -> tuple[HipSample, ...]:
    """Read what `write_samples` wrote; the views' profiles are their pairs' from then on."""
    with np.load(path) as arrays:
        return tuple(
            _read_sample(str(implant), {name: arrays[f"{n}-{name}"] for name in _STORED})
            for n, implant in enumerate(arrays["implants"])
        )


_STORED = ("profiles", "targets", "numbers", *_MAPS, *_SHARES, *(f"fan-{name}" for name in _FAN))


def _read_sample(implant: str, kept: dict[str, Any]) -> HipSample:
    numbers = {
        name: bool(value) if name.startswith("is_") else float(value)
        for name, value in zip(_NUMBERS, kept["numbers"], strict=True)
    }
    profiles = kept["profiles"].astype(np.float32)
    shown = on_cells(profiles[..., SHOWN_AT], len(kept["in_bone"]))
    fan = Fan(**{name: kept[f"fan-{name}"] for name in _FAN})
    view = HipView(fan=fan, profiles=shown, **{name: kept[name] for name in (*_MAPS, *_SHARES)}, **numbers)
    return HipSample(implant, view, profiles, kept["targets"])


def make_hip(path: Path, case: AccuracyCase) -> None:
    """Make a hip's file of samples."""
    write_samples(path, samples_of(case))


def chosen_hips(arguments: argparse.Namespace) -> tuple[AccuracyCase, ...]:
    """Give the hips that the arguments of `add_arguments` name."""
    return (*(training_hip(number) for number in chosen_numbers(arguments)), *table_hips(arguments.tables))


def main() -> None:
    """Make the samples that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    arguments = parser.parse_args()
    paths = make_missing(chosen_hips(arguments), arguments.samples, make=make_hip)
    print(f"{len(paths)} cases in {arguments.samples}")


if __name__ == "__main__":
    main()
