"""Files of arrays, of samples and of weights alike."""

from pathlib import Path
from typing import Any

import numpy as np


def write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Write arrays as one npz file, whole or not at all.

    Parameters
    ----------
    path : Path
        Where to; its folder is made.
    arrays : dict of str to ndarray
        By their names.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(file, **arrays)
    part.replace(path)
