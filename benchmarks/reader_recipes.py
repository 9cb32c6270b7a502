"""What differs between training the readers of screws and of hips: cases, samples, batches and the loss."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hip_reader_samples as hips
import hip_reader_variation
import numpy as np
import reader_samples as screws
import reader_variation
from accuracy_cases import AccuracyCase
from hip_reader_samples import LEAST_IN_BONE, HipSample
from hip_reader_variation import CUP_ROWS, STEM_ROWS
from reader_losses import hip_loss, loss
from reader_samples import Sample
from reader_variation import padded
from reader_weights import AT_FIRST, HIP_AT_FIRST, HIP_KINDS, KINDS

from planner.segment.reading import hips as hip_reading
from planner.segment.reading import screws as screw_reading
from planner.segment.reading.network import ReaderName, Single

Batches = Iterator[tuple[Single, Single]]
BATCH, STEMS, CUPS = 6, 2, 3
"""Screws, stems and cups of a batch: of about as many cells."""
DONOR_CELLS = {False: 20, True: 10}
"""Whose gap has more pairs of cells, of stems and of cups, may lend it to another."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one reader is trained.

    Parameters
    ----------
    name : str
        The reader, as `planner.segment.reading.network.networks` names it.
    called : str
        What its samples are, in words.
    cases : callable
        Gives the cases that the command line names.
    make : callable
        Makes the file of a case.
    read : callable
        Reads such a file.
    features : callable
        Gives what the networks are shown of a sample.
    steps : callable
        How many batches a pass over the samples has.
    batches : callable
        Gives a pass over the samples: features and targets, varied.
    loss : callable
        As `reader_losses.loss`.
    parts : tuple of str
        What the loss has parts of.
    kinds : int
        What is shown of a cell.
    at_first : tuple of float
        As `fresh_layers` takes it.
    fastest_again : float
        The first learning rate where weights are trained on.
    """

    name: ReaderName
    called: str
    cases: Callable[[argparse.Namespace], tuple[AccuracyCase, ...]]
    make: Callable[[Path, AccuracyCase], None]
    read: Callable[[Path], Sequence[Any]]
    features: Callable[[Any], Single]
    steps: Callable[[Sequence[Any]], int]
    batches: Callable[[Sequence[Any], np.random.Generator], Batches]
    loss: Callable[..., Any]
    parts: tuple[str, ...]
    kinds: int
    at_first: tuple[float, ...]
    fastest_again: float


# --- screws ---


def screw_batches(samples: Sequence[Sample], rng: np.random.Generator) -> Batches:
    """Give a pass over all screws, in a new order; those left over wait for the next one."""
    order = rng.permutation(len(samples))
    for n in range(len(samples) // BATCH):
        batch = [reader_variation.varied(samples[i], rng) for i in order[n * BATCH : (n + 1) * BATCH]]
        features, targets = (np.stack([padded(m) for m in maps]) for maps in zip(*batch, strict=True))
        yield features, targets


# --- stems and cups ---


def read_hips(path: Path) -> tuple[HipSample, ...]:
    """Read a file's stems and cups, those that lie in bone."""
    return tuple(s for s in hips.read_samples(path) if s.view.in_bone.mean() > LEAST_IN_BONE)


def hip_steps(samples: Sequence[HipSample]) -> int:
    """Say how many batches a pass has: stems and cups never share one, since their maps have other sizes."""
    cups = sum(sample.view.is_cup for sample in samples)
    return (len(samples) - cups) // STEMS + cups // CUPS


def hip_batches(samples: Sequence[HipSample], rng: np.random.Generator) -> Batches:
    """Give a pass over all stems and cups, in a new order; those left over wait for the next one."""
    kinds = {is_cup: [s for s in samples if s.view.is_cup == is_cup] for is_cup in (False, True)}
    donors = {
        is_cup: [s for s in own if np.count_nonzero(s.true("lucent")) > DONOR_CELLS[is_cup]]
        for is_cup, own in kinds.items()
    }
    jobs: list[tuple[bool, np.ndarray]] = []
    for is_cup, own in kinds.items():
        size = CUPS if is_cup else STEMS
        order = rng.permutation(len(own))
        jobs += [(is_cup, order[n : n + size]) for n in range(0, len(own) // size * size, size)]
    for job in rng.permutation(len(jobs)):
        is_cup, chosen = jobs[job]
        batch = [hip_reader_variation.varied(kinds[is_cup][i], donors[is_cup], rng) for i in chosen]
        rows = CUP_ROWS if is_cup else STEM_ROWS
        features, targets = (np.stack([padded(m, rows) for m in maps]) for maps in zip(*batch, strict=True))
        yield features, targets


SCREWS = Recipe(
    name="screw",
    called="screws",
    cases=screws.chosen_cases,
    make=screws.make_spine,
    read=screws.read_samples,
    features=lambda sample: screw_reading.features_of(sample.view),
    steps=lambda samples: len(samples) // BATCH,
    batches=screw_batches,
    loss=loss,
    parts=("cells", "widths", "volumes"),
    kinds=KINDS,
    at_first=AT_FIRST,
    fastest_again=1.5e-3,
)
HIPS = Recipe(
    name="hip",
    called="stems and cups",
    cases=hips.chosen_hips,
    make=hips.make_hip,
    read=read_hips,
    features=lambda sample: hip_reading.features_of(sample.view),
    steps=hip_steps,
    batches=hip_batches,
    loss=hip_loss,
    parts=("cells", "widths", "volumes", "edges"),
    kinds=HIP_KINDS,
    at_first=HIP_AT_FIRST,
    fastest_again=1e-3,
)
RECIPES = {recipe.name: recipe for recipe in (SCREWS, HIPS)}
