"""Train a learned reader: ``python benchmarks/reader_training.py --samples DIR --cases 0:40 --out FILE``.

``--reader hip`` trains the one of gaps round stems and cups in place of that of halos. Samples that are not there yet
are drawn, scanned and measured first. It needs JAX and optax (``pip install '.[train]'``), which reading with what was
trained does not.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from reader_losses import SPREAD, inner_mm, outputs
from reader_recipes import RECIPES, SCREWS, Recipe
from reader_samples import add_arguments, make_missing
from reader_weights import Layers, fresh_layers, read_weights, write_weights

from planner.segment.reading.network import Network, Single

FASTEST, SLOWEST = 2e-3, 2e-5
"""Learning rates: the first is reached after a slow start, the other at the end (a cosine between them)."""
START_STEPS = 100
DECAY = 3e-3
"""Of the weights (AdamW, Loshchilov 2019)."""
AVERAGED = 0.3
"""Last share of the run, over which weights are averaged: each step moves the mean by a hundredth."""
_KEPT = 0.99
EMPTY_ROWS = 12
"""That `Network.read` adds to a multiple of 4."""
AGREES_WITHIN = 1e-3
"""Between the readings of JAX and of the program, of a chance and in mm."""


def disagreement(layers: Layers, features: Single) -> float:
    """Say how far the program's reading of an implant is from JAX's, with the same weights.

    Parameters
    ----------
    layers : mapping of str to (ndarray, ndarray)
        Weights and offsets.
    features : ndarray of float32, shape (rows, angles, kinds)
        What is shown of it.

    Returns
    -------
    float
        Greatest difference of a chance, or of a width, its spread or an inner edge in mm.
    """
    shown = features[: len(features) // 4 * 4]
    batch = np.concatenate([shown, np.zeros((EMPTY_ROWS, *shown.shape[1:]), dtype=np.float32)])
    told = outputs(layers, jnp.asarray(batch[None]))[0, : len(shown)]
    spread = jnp.exp(jnp.clip(told[..., 2], *SPREAD))
    own = (jax.nn.sigmoid(told[..., 0]), jax.nn.softplus(told[..., 1]), spread, inner_mm(told))
    read = Network(layers).read(shown)
    theirs = (read.chance, read.width_mm, read.spread_mm, read.inner_mm)
    return max(float(np.abs(np.asarray(a) - b).max()) for a, b in zip(own, theirs, strict=True))


# --- the run ---


def train(
    samples: Sequence[Any], *, epochs: int, seed: int, start: Layers | None = None, recipe: Recipe = SCREWS
) -> Iterator[tuple[Layers, Single]]:
    """Train one network, epoch by epoch.

    Parameters
    ----------
    samples : sequence of Sample, or of HipSample
        A batch or more of them.
    epochs : int
        How often each is shown.
    seed : int
        Of the first weights, the order and the variations.
    start : mapping or None
        Weights to train on; None begins with fresh ones.
    recipe : Recipe
        What is trained.

    Yields
    ------
    layers : mapping of str to (ndarray, ndarray)
        After each epoch.
    parts : ndarray, shape (1 + len(recipe.parts),)
        The epoch's mean loss, and its parts.
    """
    rng = np.random.default_rng(seed)
    first = fresh_layers(rng, kinds=recipe.kinds, at_first=recipe.at_first) if start is None else start
    layers = jax.tree.map(jnp.asarray, {name: tuple(both) for name, both in first.items()})
    steps = epochs * recipe.steps(samples)
    fastest, slow = (FASTEST, START_STEPS) if start is None else (recipe.fastest_again, 2 * START_STEPS)
    rate = optax.warmup_cosine_decay_schedule(0.0, fastest, min(slow, steps // 2), steps, SLOWEST)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=DECAY))
    state = optimiser.init(layers)

    @jax.jit
    def step(layers: Any, state: Any, features: Single, targets: Single) -> tuple[Any, Any, jax.Array]:
        (total, parts), slope = jax.value_and_grad(recipe.loss, has_aux=True)(layers, features, targets)
        change, state = optimiser.update(slope, state, layers)
        return optax.apply_updates(layers, change), state, jnp.append(total, parts)

    mean = layers
    for epoch in range(epochs):
        told = []
        for features, targets in recipe.batches(samples, rng):
            layers, state, parts = step(layers, state, features, targets)
            told.append(np.asarray(parts))
            kept = _KEPT if epoch > (1.0 - AVERAGED) * epochs else 0.0
            mean = jax.tree.map(lambda a, b, kept=kept: kept * a + (1.0 - kept) * b, mean, layers)
        yield jax.tree.map(np.asarray, mean), np.mean(told, axis=0)


def main() -> None:
    """Make what samples are missing, train, and write the weights after every epoch of the last network."""
    arguments = _arguments()
    recipe = RECIPES[arguments.reader]
    paths = make_missing(recipe.cases(arguments), arguments.samples, make=recipe.make)
    samples = [sample for path in paths for sample in recipe.read(path)]
    if not recipe.steps(samples):
        raise SystemExit(f"{len(samples)} {recipe.called} in {len(paths)} cases make no batch: name more --cases")
    print(f"{len(samples)} {recipe.called} of {len(paths)} cases")
    starts: Sequence[Layers | None] = (None,) if arguments.start is None else read_weights(arguments.start)
    done: list[Layers] = []
    for k in range(arguments.networks):
        begun, layers = time.perf_counter(), None
        start = starts[k % len(starts)]
        run = train(samples, epochs=arguments.epochs, seed=arguments.seed + k, start=start, recipe=recipe)
        for epoch, (layers, parts) in enumerate(run, start=1):
            named = zip(recipe.parts, parts[1:], strict=True)
            said = f"loss {parts[0]:.3f}: " + ", ".join(f"{name} {part:.3f}" for name, part in named)
            taken = time.perf_counter() - begun
            print(f"network {k + 1}, epoch {epoch}/{arguments.epochs}, {said} ({taken:.0f} s)", file=sys.stderr)
            write_weights(arguments.out, [*done, layers])
        done.append(layers)
    print(f"{len(done)} networks in {arguments.out}")
    off = max(disagreement(layers, recipe.features(samples[0])) for layers in read_weights(arguments.out))
    print(f"read by the program as by JAX within {off:.1e} (a chance, or mm)")
    if off > AGREES_WITHIN:
        raise SystemExit("the program reads these weights otherwise than they were trained: do not use them")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--reader", choices=list(RECIPES), default="screw", help="of screws, or of stems and cups")
    parser.add_argument("--epochs", type=int, default=90, help="how often each sample is shown (90)")
    parser.add_argument("--networks", type=int, default=2, help="trained one after the other, each from a seed (2)")
    parser.add_argument("--seed", type=int, default=1, help="of the first network, the next one's is one more (1)")
    parser.add_argument("--start", type=Path, metavar="FILE.npz", help="weights to train on")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz", help="where to write the weights")
    arguments = parser.parse_args()
    for name in ("epochs", "networks"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} {getattr(arguments, name)}: at least 1")
    if arguments.start is not None and not arguments.start.is_file():
        parser.error(f"--start {arguments.start}: no such file")
    return arguments


if __name__ == "__main__":
    main()
