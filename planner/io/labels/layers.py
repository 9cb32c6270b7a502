"""Layers of labels, laid over each other to one label map."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from planner.errors import LabelError
from planner.geometry.grid import Grid
from planner.model.anatomy_labels import kind_of
from planner.model.labels import LabelMap, Structure

Codes = npt.NDArray[np.generic]
MOST_VOXELS = 1 << 30
"""Labels of a CT of a thousand slices of 1024 x 1024. Ours."""
_MOST_OVERLAP = 0.05
"""Share of bone voxels that two bones may both claim, by smoothing at the borders. Ours."""


def require_size(shape: Iterable[int], name: str) -> None:
    """Refuse labels of a size that no CT has.

    Parameters
    ----------
    shape : iterable of int
        Voxels along each axis, layers too.
    name : str
        The file's name.

    Raises
    ------
    LabelError
        If there are too many voxels.
    """
    total = 1
    for count in shape:
        total *= int(count)
    if total > MOST_VOXELS or total < 1:
        raise LabelError(f"{name} claims {total} voxels of labels, which no CT has; export the labels again")


@dataclass(slots=True)
class Sheet:
    """Labels on a grid, laid on one layer after the other.

    Parameters
    ----------
    grid : Grid
        Where the voxels are.
    names : tuple of str
        Standard names of what will be laid on.
    name : str
        The file's name, for messages.
    """

    grid: Grid
    names: tuple[str, ...]
    name: str
    codes: npt.NDArray[np.uint8] = field(init=False)
    _code_of: dict[str, int] = field(init=False)
    _bones: int = field(init=False)
    _contested: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        require_size(self.grid.shape, self.name)
        # The code is the precedence too: the greater one keeps a voxel that two claim.
        ordered = sorted(set(self.names), key=_rank)
        self._code_of = {name: number for number, name in enumerate(ordered, start=1)}
        self._bones = sum(kind_of(name) == "bone" for name in ordered)
        self.codes = np.zeros(self.grid.shape, dtype=np.uint8)

    def lay(self, values: Codes, named: Mapping[int, str], at: int | None = None) -> None:
        """Lay a layer on.

        Parameters
        ----------
        values : ndarray of uint8 or uint16
            The layer as the file has it, of the grid's shape, or one slice of it.
        named : mapping of int to str
            Standard names of its values; others are left out.
        at : int or None
            Which slice; None for all.
        """
        table = np.zeros(1 << 16, dtype=np.uint8)
        for value, name in named.items():
            table[value] = self._code_of[name]
        new = table[values]
        under = self.codes if at is None else self.codes[at]
        both = (under > 0) & (new > 0) & (under != new)
        both &= (under <= self._bones) & (new <= self._bones)
        self._contested += int(np.count_nonzero(both))
        np.maximum(under, new, out=under)

    def label_map(self) -> LabelMap:
        """Give what was laid on.

        Returns
        -------
        LabelMap

        Raises
        ------
        LabelError
            If nothing has a voxel, or bones lie over each other.
        """
        counts = np.bincount(self.codes.ravel(), minlength=len(self._code_of) + 1)
        bone = int(counts[1 : self._bones + 1].sum())
        if self._contested > _MOST_OVERLAP * max(1, bone):
            raise LabelError(
                f"{self.name} has bones that lie over each other ({self._contested} voxels); one of them is misnamed"
            )
        structures = tuple(
            Structure(code=code, kind=kind_of(name) or "other", id=name)
            for name, code in self._code_of.items()
            if counts[code]
        )
        if not structures:
            raise LabelError(f"{self.name} holds no label of a bone, the canal or an organ that is known here")
        return LabelMap(self.grid, self.codes, structures)


def _rank(name: str) -> tuple[int, str]:
    kind = kind_of(name)
    if kind == "canal":
        return (3 if name == "canal" else 4), name
    return {"bone": 0, "other": 1, "disc": 2}.get(kind or "other", 1), name
