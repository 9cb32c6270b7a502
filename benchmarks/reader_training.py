"""Train the learned reader of halos: ``python benchmarks/reader_training.py --samples DIR --cases 0:40 --out FILE``.

Samples that are not there yet are drawn, scanned and measured first. It needs JAX and optax (``pip install
'.[train]'``), which reading with what was trained does not.
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
from reader_samples import TARGETS, Sample, add_arguments, chosen_cases, make_missing, read_samples
from reader_variation import padded, varied
from reader_weights import Layers, fresh_layers, read_weights, write_weights

from planner.segment.reading.network import Network, Single
from planner.segment.reading.screws import features_of

BATCH = 6
FASTEST, SLOWEST = 2e-3, 2e-5
"""Learning rates: the first is reached after a slow start, the other at the end (a cosine between them)."""
FASTEST_AGAIN = 1.5e-3
"""The first where weights are trained on."""
START_STEPS = 100
DECAY = 3e-3
"""Of the weights (AdamW, Loshchilov 2019)."""
AVERAGED = 0.3
"""Last share of the run, over which weights are averaged: each step moves the mean by a hundredth."""
_KEPT = 0.99
WIDTH_SHARE, VOLUME_SHARE = 0.3, 0.15
"""Of the loss: of widths and of volumes, where 1 is that of lucent cells."""
SPREAD = (-2.5, 2.0)
"""As `Network.read` takes it."""
SURE_BONE = 0.3
"""Cells count where so much of them lies in bone."""
LEAST_ML = 0.15
"""Added to volumes before they are compared: below it a firm screw's and a thin gap's are alike."""
EMPTY_ROWS = 12
"""That `Network.read` adds to a multiple of 4."""
AGREES_WITHIN = 1e-3
"""Between the readings of JAX and of the program, of a chance and in mm."""


# --- the network in JAX ---


def outputs(layers: Any, features: jax.Array) -> jax.Array:
    """Run a network as `Network` does, on a batch.

    Parameters
    ----------
    layers : mapping of str to (array, array)
        Weights and offsets.
    features : array, shape (screws, rows, angles, kinds)
        Rows and angles multiples of 4; angles are cyclic.

    Returns
    -------
    array, shape (screws, rows, angles, 3)
        Of the chance the logit, of the width the inverse of softplus, of its spread the natural logarithm.
    """

    def plain(x: jax.Array, name: str) -> jax.Array:
        weight, offset = layers[name]
        if len(weight) > 1:
            x = jnp.concatenate([x[:, :, -1:], x, x[:, :, :1]], axis=2)
            x = jnp.concatenate([x[:, :1], x, x[:, -1:]], axis=1)
        form = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x, weight, (1, 1), "VALID", dimension_numbers=form) + offset

    def layer(x: jax.Array, *names: str) -> jax.Array:
        for name in names:
            x = jax.nn.relu(plain(x, name))
        return x

    x = layer(features, "in")
    fine = layer(x, "a1", "a2") + x
    middle = layer(_halved(fine), "b1", "b2")
    coarse = layer(_halved(middle), "c1")
    coarse = layer(coarse, "c2", "c3") + coarse
    middle = layer(jnp.concatenate([_doubled(coarse), middle], axis=-1), "d1")
    fine = layer(jnp.concatenate([_doubled(middle), fine], axis=-1), "e1") + fine
    return plain(fine, "out")


def _halved(x: jax.Array) -> jax.Array:
    screws, rows, angles, kinds = x.shape
    return x.reshape(screws, rows // 2, 2, angles // 2, 2, kinds).mean(axis=(2, 4))


def _doubled(x: jax.Array) -> jax.Array:
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


def loss(layers: Any, features: jax.Array, targets: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Say how wrong a network is on a batch.

    Parameters
    ----------
    layers : mapping of str to (array, array)
        Weights and offsets.
    features : array, shape (screws, rows, angles, kinds)
        What it is shown.
    targets : array, shape (screws, rows, angles, len(TARGETS))
        What is true.

    Returns
    -------
    array, shape ()
        The sum that is made small.
    array, shape (3,)
        Its parts: the cross entropy of lucent cells, the negative logarithm of the likelihood of their widths
        (Laplace's law) and how far the logarithm of each screw's expected volume is off.
    """
    told = outputs(layers, features)
    true = {name: targets[..., n] for n, name in enumerate(TARGETS)}
    logit, width, spread = told[..., 0], jax.nn.softplus(told[..., 1]), jnp.clip(told[..., 2], *SPREAD)
    counts = true["weight"] * (true["in_bone"] > SURE_BONE)
    entropy = optax.sigmoid_binary_cross_entropy(logit, true["lucent"])
    of_cells = (entropy * counts).sum() / counts.sum()

    gap = true["lucent"] * counts
    unlikely = jnp.abs(width - true["width_mm"]) * jnp.exp(-spread) + spread
    of_widths = (unlikely * gap).sum() / (gap.sum() + 1e-3)

    metal, wall = true["metal_mm"], jnp.maximum(true["radius_mm"] + width, true["metal_mm"])
    volume = jnp.where(true["is_tip"] > 0.5, (wall**3 - metal**3) / 3, (wall**2 - metal**2) / 2) * true["weight"]
    expected_ml = (jax.nn.sigmoid(logit) * volume * true["in_bone"]).sum(axis=(1, 2)) / 1000
    true_ml = true["volume_mm3"].sum(axis=(1, 2)) / 1000
    of_volumes = jnp.abs(jnp.log((expected_ml + LEAST_ML) / (true_ml + LEAST_ML))).mean()
    parts = jnp.array([of_cells, of_widths, of_volumes])
    return of_cells + WIDTH_SHARE * of_widths + VOLUME_SHARE * of_volumes, parts


def disagreement(layers: Layers, features: Single) -> float:
    """Say how far the program's reading of a screw is from JAX's, with the same weights.

    Parameters
    ----------
    layers : mapping of str to (ndarray, ndarray)
        Weights and offsets.
    features : ndarray of float32, shape (rows, angles, kinds)
        A screw.

    Returns
    -------
    float
        Greatest difference of a chance, or of a width or its spread in mm.
    """
    shown = features[: len(features) // 4 * 4]
    batch = np.concatenate([shown, np.zeros((EMPTY_ROWS, *shown.shape[1:]), dtype=np.float32)])
    told = outputs(layers, jnp.asarray(batch[None]))[0, : len(shown)]
    own = (jax.nn.sigmoid(told[..., 0]), jax.nn.softplus(told[..., 1]), jnp.exp(jnp.clip(told[..., 2], *SPREAD)))
    read = Network(layers).read(shown)
    theirs = (read.chance, read.width_mm, read.spread_mm)
    return max(float(np.abs(np.asarray(a) - b).max()) for a, b in zip(own, theirs, strict=True))


# --- the run ---


def train(
    samples: Sequence[Sample], *, epochs: int, seed: int, start: Layers | None = None
) -> Iterator[tuple[Layers, Single]]:
    """Train one network, epoch by epoch.

    Parameters
    ----------
    samples : sequence of Sample
        Screws, a batch or more of them.
    epochs : int
        How often each is shown.
    seed : int
        Of the first weights, the order and the variations.
    start : mapping or None
        Weights to train on; None begins with fresh ones.

    Yields
    ------
    layers : mapping of str to (ndarray, ndarray)
        After each epoch.
    parts : ndarray, shape (4,)
        The epoch's mean loss, and its parts as `loss` gives them.
    """
    rng = np.random.default_rng(seed)
    first = fresh_layers(rng) if start is None else start
    layers = jax.tree.map(jnp.asarray, {name: tuple(both) for name, both in first.items()})
    a_pass = len(samples) // BATCH
    steps = epochs * a_pass
    fastest, slow = (FASTEST, START_STEPS) if start is None else (FASTEST_AGAIN, 2 * START_STEPS)
    rate = optax.warmup_cosine_decay_schedule(0.0, fastest, min(slow, steps // 2), steps, SLOWEST)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=DECAY))
    state = optimiser.init(layers)

    @jax.jit
    def step(layers: Any, state: Any, features: Single, targets: Single) -> tuple[Any, Any, jax.Array]:
        (total, parts), slope = jax.value_and_grad(loss, has_aux=True)(layers, features, targets)
        change, state = optimiser.update(slope, state, layers)
        return optax.apply_updates(layers, change), state, jnp.append(total, parts)

    mean = layers
    for epoch in range(epochs):
        order, told = rng.permutation(len(samples)), []
        for n in range(a_pass):
            batch = [varied(samples[i], rng) for i in order[n * BATCH : (n + 1) * BATCH]]
            features, targets = (np.stack([padded(m) for m in maps]) for maps in zip(*batch, strict=True))
            layers, state, parts = step(layers, state, features, targets)
            told.append(np.asarray(parts))
            kept = _KEPT if epoch > (1.0 - AVERAGED) * epochs else 0.0
            mean = jax.tree.map(lambda a, b, kept=kept: kept * a + (1.0 - kept) * b, mean, layers)
        yield jax.tree.map(np.asarray, mean), np.mean(told, axis=0)


def main() -> None:
    """Make what samples are missing, train, and write the weights after every epoch of the last network."""
    arguments = _arguments()
    paths = make_missing(chosen_cases(arguments), arguments.samples)
    samples = [sample for path in paths for sample in read_samples(path)]
    if len(samples) < BATCH:
        raise SystemExit(f"{len(samples)} screws in {len(paths)} cases: a batch takes {BATCH}; name more --cases")
    print(f"{len(samples)} screws of {len(paths)} cases")
    starts: Sequence[Layers | None] = (None,) if arguments.start is None else read_weights(arguments.start)
    done: list[Layers] = []
    for k in range(arguments.networks):
        begun, layers = time.perf_counter(), None
        run = train(samples, epochs=arguments.epochs, seed=arguments.seed + k, start=starts[k % len(starts)])
        for epoch, (layers, parts) in enumerate(run, start=1):
            total, cells, widths, volumes = parts
            said = f"loss {total:.3f}: cells {cells:.3f}, widths {widths:.3f}, volumes {volumes:.3f}"
            taken = time.perf_counter() - begun
            print(f"network {k + 1}, epoch {epoch}/{arguments.epochs}, {said} ({taken:.0f} s)", file=sys.stderr)
            write_weights(arguments.out, [*done, layers])
        done.append(layers)
    print(f"{len(done)} networks in {arguments.out}")
    off = max(disagreement(layers, features_of(samples[0].view)) for layers in read_weights(arguments.out))
    print(f"read by the program as by JAX within {off:.1e} (a chance, or mm)")
    if off > AGREES_WITHIN:
        raise SystemExit("the program reads these weights otherwise than they were trained: do not use them")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--epochs", type=int, default=90, help="how often each screw is shown (90)")
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
