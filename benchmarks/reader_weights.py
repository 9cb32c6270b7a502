"""Weights of the learned reader: fresh ones, and the files that `planner.segment.reading.network` loads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from reader_files import write_arrays

from planner.segment.reading.hips import BONE_MM, SHOWN_MM
from planner.segment.reading.hips import PATTERN_MM as HIP_PATTERN_MM
from planner.segment.reading.network import Single
from planner.segment.reading.screws import COUNT, PATTERN_MM

Layers = Mapping[str, tuple[Single, Single]]
"""Weights, shape (edge, edge, in, out), and offsets, shape (out,), by the layer's name, as `Network` takes them."""
KINDS = COUNT + len(PATTERN_MM) + 11
"""What a screw's networks are shown of a cell (`features_of`)."""
HIP_KINDS = len(SHOWN_MM) + len(BONE_MM) + len(HIP_PATTERN_MM) + 12
"""What a stem's or a cup's networks are shown of a cell."""
CHANNELS = (28, 36, 48)
"""Of the map as it is shown, halved once and twice."""
AT_FIRST = (-1.5, 0.5, -0.5)
"""What fresh networks say of every cell, about: few are lucent, widths near 1 mm, give or take 0.6 mm."""
HIP_AT_FIRST = (-1.5, 1.5, -0.5, 0.0)
"""The same of stems and cups, and that gaps begin at the metal."""
_FAINT = np.float32(0.1)
"""Factor of the last layer's first weights."""


def fresh_layers(
    rng: np.random.Generator, *, kinds: int = KINDS, at_first: tuple[float, ...] = AT_FIRST
) -> dict[str, tuple[Single, Single]]:
    """Draw a network's first weights: normal, their variance 2 over the inputs (He 2015).

    Parameters
    ----------
    rng : Generator
        Draws them.
    kinds : int
        What is shown of a cell.
    at_first : tuple of float
        What they say of every cell, about, as the last layer puts it out.

    Returns
    -------
    dict of str to (ndarray, ndarray)
        Layers by the names that `Network` gives them.
    """
    fine, middle, coarse = CHANNELS
    sizes = {
        "in": (1, kinds, fine),
        "a1": (3, fine, fine),
        "a2": (3, fine, fine),
        "b1": (3, fine, middle),
        "b2": (3, middle, middle),
        "c1": (3, middle, coarse),
        "c2": (3, coarse, coarse),
        "c3": (3, coarse, coarse),
        "d1": (3, coarse + middle, middle),
        "e1": (3, middle + fine, fine),
        "out": (1, fine, len(at_first)),
    }
    layers: dict[str, tuple[Single, Single]] = {}
    for name, (edge, inputs, outputs) in sizes.items():
        drawn = rng.normal(0.0, np.sqrt(2.0 / (edge * edge * inputs)), (edge, edge, inputs, outputs))
        layers[name] = (drawn.astype(np.float32), np.zeros(outputs, dtype=np.float32))
    layers["out"] = (_FAINT * layers["out"][0], np.array(at_first, dtype=np.float32))
    return layers


def write_weights(path: Path, networks: Sequence[Layers]) -> None:
    """Write networks in half precision, as `planner.segment.reading.network.networks` loads them; whole or not at all.

    Parameters
    ----------
    path : Path
        An npz file.
    networks : sequence of mapping
        Their layers.
    """
    arrays: dict[str, Any] = {"count": np.array(len(networks))}
    for k, layers in enumerate(networks):
        for name, (weight, offset) in layers.items():
            arrays[f"{k}-{name}-weight"] = np.asarray(weight).astype(np.float16)
            arrays[f"{k}-{name}-offset"] = np.asarray(offset).astype(np.float16)
    write_arrays(path, arrays)


def read_weights(path: Path) -> tuple[dict[str, tuple[Single, Single]], ...]:
    """Read what `write_weights` wrote, to train it on.

    Parameters
    ----------
    path : Path
        An npz file.

    Returns
    -------
    tuple of dict
        Layers of each network.
    """
    with np.load(path) as arrays:
        names = [name.split("-")[1] for name in arrays.files if name.startswith("0-") and name.endswith("-weight")]
        return tuple(
            {
                name: (
                    arrays[f"{k}-{name}-weight"].astype(np.float32),
                    arrays[f"{k}-{name}-offset"].astype(np.float32),
                )
                for name in names
            }
            for k in range(int(arrays["count"]))
        )
