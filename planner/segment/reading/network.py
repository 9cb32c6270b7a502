"""Small convolutional networks on unwrapped maps, run with matrix products alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from planner.geometry.frames import Array

Single = npt.NDArray[np.float32]
ReaderName = Literal["screw", "hip"]
_LAYERS = ("in", "a1", "a2", "b1", "b2", "c1", "c2", "c3", "d1", "e1", "out")
_HALVINGS = 2
_ROWS_AFTER = 12
"""Empty rows after the last, as in training."""
_PLAIN_KINDS, _FARTHEST_MM = 3, 1.5
"""Networks tell lucency, width and its spread, and some where the gap begins: within so much of the metal's edge."""
_SPREAD = (-2.5, 2.0)
"""Natural logarithm of the mean deviation of widths, mm: what training allows."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a network makes of an unwrapped map; every array has shape (rows, angles).

    Parameters
    ----------
    chance : ndarray
        That the cell is lucent, 0..1.
    width_mm : ndarray
        Of the gap, if it is.
    spread_mm : ndarray
        Mean deviation of that width.
    inner_mm : ndarray
        Where the gap begins, from where the metal's edge was read: that errs by some tenths of a millimetre. 0 where
        the network does not tell.
    """

    chance: Array
    width_mm: Array
    spread_mm: Array
    inner_mm: Array


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Two halvings down and up again, with the finer map beside the coarser one each time (a U-Net, Ronneberger 2015).

    Parameters
    ----------
    layers : mapping of str to (ndarray, ndarray)
        Weights, shape (edge, edge, in, out) with an edge of 1 or 3, and offsets, shape (out,), by the layer's name.
    """

    layers: Mapping[str, tuple[Single, Single]]

    def read(self, features: Single) -> Reading:
        """Read a map.

        Parameters
        ----------
        features : ndarray of float32, shape (rows, angles, kinds)
            What is known of each cell; angles are cyclic, and a multiple of 4.

        Returns
        -------
        Reading
        """
        rows = len(features)
        edge = 2**_HALVINGS
        more = -(rows + _ROWS_AFTER) % edge + _ROWS_AFTER
        x = np.concatenate([features, np.zeros((more, *features.shape[1:]), dtype=np.float32)])
        out = self._outputs(x)[:rows].astype(np.float64)
        spread = np.exp(np.clip(out[..., 2], *_SPREAD))
        told = out[..., 3] if out.shape[2] > _PLAIN_KINDS else np.zeros(spread.shape)
        return Reading(
            expit(out[..., 0]), np.logaddexp(0.0, out[..., 1]), spread, _FARTHEST_MM * np.tanh(told / _FARTHEST_MM)
        )

    def _outputs(self, x: Single) -> Single:
        x = self._layer("in", x)
        fine = self._layer("a2", self._layer("a1", x)) + x
        middle = self._layer("b2", self._layer("b1", _halved(fine)))
        coarse = self._layer("c1", _halved(middle))
        coarse = self._layer("c3", self._layer("c2", coarse)) + coarse
        middle = self._layer("d1", np.concatenate([_doubled(coarse), middle], axis=2))
        fine = self._layer("e1", np.concatenate([_doubled(middle), fine], axis=2)) + fine
        weight, offset = self.layers["out"]
        return np.asarray(fine @ weight[0, 0] + offset)

    def _layer(self, name: str, x: Single) -> Single:
        weight, offset = self.layers[name]
        if len(weight) == 1:
            return np.asarray(np.maximum(x @ weight[0, 0] + offset, 0.0))
        rows, angles, _ = x.shape
        # round the implant the map goes on, along it its ends do
        wide = np.concatenate([x[:, -1:], x, x[:, :1]], axis=1)
        wide = np.concatenate([wide[:1], wide, wide[-1:]], axis=0)
        out = np.broadcast_to(offset, (rows, angles, len(offset))).copy()
        for i in range(3):
            for j in range(3):
                out += wide[i : i + rows, j : j + angles] @ weight[i, j]
        return np.asarray(np.maximum(out, 0.0))


def _halved(x: Single) -> Single:
    rows, angles, kinds = x.shape
    return np.asarray(x.reshape(rows // 2, 2, angles // 2, 2, kinds).mean(axis=(1, 3)))


def _doubled(x: Single) -> Single:
    return np.repeat(np.repeat(x, 2, axis=0), 2, axis=1)


@cache
def networks(name: ReaderName) -> tuple[Network, ...]:
    """Load the networks that read one kind of interface.

    Parameters
    ----------
    name : "screw" or "hip"
        Which.

    Returns
    -------
    tuple of Network
        Trained alike from different starts; their readings are averaged.
    """
    stored = (files("planner.segment.reading") / f"{name}.npz").read_bytes()
    with np.load(BytesIO(stored)) as arrays:
        count = int(arrays["count"])
        return tuple(
            Network({
                layer: (
                    arrays[f"{k}-{layer}-weight"].astype(np.float32),
                    arrays[f"{k}-{layer}-offset"].astype(np.float32),
                )
                for layer in _LAYERS
            })
            for k in range(count)
        )  # fmt: skip


def read_map(name: ReaderName, features: Single) -> Reading:
    """Read a map with all networks of one kind, each way round.

    Parameters
    ----------
    name : "screw" or "hip"
        Which networks.
    features : ndarray of float32, shape (rows, angles, kinds)
        As they were trained.

    Returns
    -------
    Reading
        Their means. A mirrored map is as good as the map, and so are maps that begin at another angle: the mean over
        both is steadier than one.
    """
    readings = []
    for network in networks(name):
        for turn, mirrored in ((0, False), (1, True), (2, False), (3, True)):
            shown = np.roll(features, turn, axis=1)
            seen = network.read(np.ascontiguousarray(shown[:, ::-1] if mirrored else shown))
            maps = np.stack([seen.chance, seen.width_mm, seen.spread_mm, seen.inner_mm])
            readings.append(np.roll(maps[..., ::-1] if mirrored else maps, -turn, axis=2))
    return Reading(*np.mean(readings, axis=0))
