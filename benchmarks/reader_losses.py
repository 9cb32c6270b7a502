"""The learned reader's network in JAX, and how wrong it is: of screws, and of stems and cups."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from hip_reader_maps import STEEPEST
from hip_reader_samples import TARGETS as HIP_TARGETS
from reader_samples import TARGETS

WIDTH_SHARE, VOLUME_SHARE, EDGE_SHARE = 0.3, 0.15, 0.5
"""Of the loss: of widths, of volumes and of inner edges, where 1 is that of lucent cells."""
SPREAD = (-2.5, 2.0)
"""As `Network.read` takes it."""
SURE_BONE = 0.3
"""Cells count where so much of them lies in bone."""
LEAST_ML = 0.15
"""Added to volumes before they are compared: below it a firm screw's and a thin gap's are alike."""
HALF_IN_BONE = 0.5
"""The same of a stem's or a cup's cells."""
LEAST_HIP_ML = 0.2
"""And of their volumes."""
PLAIN_KINDS, FARTHEST_MM = 3, 1.5
"""As `Network.read` takes a fourth output, if there is one."""


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
    array, shape (screws, rows, angles, 3 or 4)
        Of the chance the logit, of the width the inverse of softplus, of its spread the natural logarithm, and where
        the gap begins.
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


def hip_loss(layers: Any, features: jax.Array, targets: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Say how wrong a network is on a batch of stems or cups.

    Parameters
    ----------
    layers : mapping of str to (array, array)
        Weights and offsets.
    features : array, shape (implants, rows, angles, kinds)
        What it is shown.
    targets : array, shape (implants, rows, angles, len(hip_reader_samples.TARGETS))
        What is true.

    Returns
    -------
    array, shape ()
        The sum that is made small.
    array, shape (4,)
        Its parts: as `loss` gives them, and how far the gap's inner edge is off, mm.
    """
    told = outputs(layers, features)
    true = {name: targets[..., n] for n, name in enumerate(HIP_TARGETS)}
    logit, outer, spread = told[..., 0], jax.nn.softplus(told[..., 1]), jnp.clip(told[..., 2], *SPREAD)
    inner = inner_mm(told)
    metal, is_tip = true["metal_mm"], true["is_tip"] > 0.5
    area = true["weight"] * jnp.where(is_tip, metal**2, metal) * (true["in_bone"] > HALF_IN_BONE)
    entropy = optax.sigmoid_binary_cross_entropy(logit, true["lucent"])
    of_cells = (entropy * area).sum() / (area.sum() + 1e-6)

    gap = true["lucent"] * area / (area.sum() + 1e-6)
    unlikely = jnp.abs(outer - true["outer_mm"]) * jnp.exp(-spread) + spread
    of_widths = (unlikely * gap).sum() / (gap.sum() + 1e-3)
    of_edges = (jnp.abs(inner - true["inner_mm"]) * gap).sum() / (gap.sum() + 1e-3)

    cosine = jnp.maximum(true["cosine"], STEEPEST)
    begin = jnp.maximum(metal + inner / cosine, 0.0)
    end = jnp.maximum(metal + outer / cosine, begin)
    volume = jnp.where(is_tip, (end**3 - begin**3) / 3, (end**2 - begin**2) / 2) * true["weight"]
    expected_ml = (jax.nn.sigmoid(logit) * volume * true["in_bone"]).sum(axis=(1, 2)) / 1000
    true_ml = (true["volume_mm3"] * true["in_bone"]).sum(axis=(1, 2)) / 1000
    of_volumes = jnp.abs(jnp.log((expected_ml + LEAST_HIP_ML) / (true_ml + LEAST_HIP_ML))).mean()
    parts = jnp.array([of_cells, of_widths, of_volumes, of_edges])
    return of_cells + WIDTH_SHARE * of_widths + VOLUME_SHARE * of_volumes + EDGE_SHARE * of_edges, parts


def inner_mm(told: jax.Array) -> jax.Array:
    """Give where gaps begin, of a network's outputs, as `Network.read` does; 0 where it does not tell."""
    if told.shape[-1] <= PLAIN_KINDS:
        return jnp.zeros(told.shape[:-1])
    return FARTHEST_MM * jnp.tanh(told[..., PLAIN_KINDS] / FARTHEST_MM)
