"""The texture of a tissue: plane waves of about one length and many directions, a function of the place alone."""

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.phantoms.tissues import Tissue

WAVES = 16
"""Enough to look random, few enough to be quick."""
_LENGTHS = (0.7, 1.6)
"""Shortest and longest wave, in lengths of the tissue's texture; set by eye."""


@dataclass(frozen=True, eq=False)
class Texture:
    """A texture as a sum of cosines: ``gain_hu * sum(cos(points @ per_mm.T + phases))``.

    Parameters
    ----------
    per_mm : ndarray, shape (waves, 3)
        Radians per mm along L, P and S.
    phases : ndarray, shape (waves,)
        Radians at the origin.
    gain_hu : float
        Height of each wave.
    """

    per_mm: Array
    phases: Array
    gain_hu: float

    def hu_at(self, points_lps: Array) -> npt.NDArray[np.float32]:
        """Give the texture at points, shape (N, 3) to (N,), HU."""
        points = points_lps.astype(np.float32)
        total = np.zeros(len(points), dtype=np.float32)
        for wave, phase in zip(self.per_mm.astype(np.float32), self.phases.astype(np.float32), strict=True):
            total += np.cos(points @ wave + phase)
        return np.asarray(total * np.float32(self.gain_hu))


def texture_of(tissue: Tissue, *, seed: int) -> Texture:
    """Give a tissue's texture.

    Parameters
    ----------
    tissue : Tissue
        Its name and the seed turn the waves, its numbers scale them.
    seed : int
        The scene's.

    Returns
    -------
    Texture
    """
    random = np.random.default_rng([seed, zlib.crc32(tissue.name.encode())])
    directions = random.normal(size=(WAVES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lengths_mm = tissue.texture_mm * random.uniform(*_LENGTHS, WAVES)
    phases = random.uniform(0.0, 2.0 * np.pi, WAVES)
    return Texture(2.0 * np.pi * directions / lengths_mm[:, None], phases, tissue.texture_hu * np.sqrt(2.0 / WAVES))
