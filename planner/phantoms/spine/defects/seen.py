"""Which of a patient's decoys are to be seen in what is stored of her."""

import numpy as np

from planner.config.phantoms.spine.altered import Decoy, DiscGas, EcgLead
from planner.config.phantoms.spine.phantom import SpinePhantom
from planner.geometry.frames import PointsLps
from planner.phantoms.design import Design
from planner.phantoms.scene import Part
from planner.phantoms.solids.raster import grid_over, rasterise
from planner.phantoms.spine.design import design_spine

_LATTICE_MM = 0.8
_LEAST_SHARE = 0.5


def seen_decoys(recipe: SpinePhantom) -> tuple[Decoy, ...]:
    """Give the patient's decoys that are to be seen.

    Parameters
    ----------
    recipe : SpinePhantom
        The whole phantom: gaps and hardware may cover a decoy, and the stored field may end before it.

    Returns
    -------
    tuple of Decoy
        Of those with a body of their own, the ones of which more than half is stored and uncovered; every other one.
    """
    asked = [decoy for decoy in recipe.patient.decoys if part_name(decoy) is not None]
    if not asked:
        return recipe.patient.decoys
    made = design_spine(recipe)
    hidden = {name for decoy in asked if (name := part_name(decoy)) and seen_share(name, made) <= _LEAST_SHARE}
    return tuple(d for d in recipe.patient.decoys if part_name(d) not in hidden)


def part_name(decoy: Decoy) -> str | None:
    """Give the name of a decoy's part; None where it has none of its own (gas, contrast)."""
    if isinstance(decoy, EcgLead):
        return f"ECG lead {decoy.side}"
    level = getattr(decoy, "level", None)
    word = "disc gas" if isinstance(decoy, DiscGas) else decoy.kind.replace("_", " ")
    return None if level is None else f"{word} {level}"


def seen_share(name: str, made: Design) -> float:
    """Give the share of a part that lies in the stored field and under nothing else.

    Parameters
    ----------
    name : str
        Of the part.
    made : Design
        The phantom.

    Returns
    -------
    float
        0 to 1; 0 where there is no such part, or it is empty.
    """
    whole = [p for p in (*made.truth.host.parts, *made.scene.parts) if p.name == name]
    points = _points(whole[0]) if whole else PointsLps(np.zeros((0, 3)))
    if not len(points):
        return 0.0
    index = made.grid.to_index(points)
    stored = np.all((index >= -0.5) & (index <= np.array(made.grid.shape) - 0.5), axis=1)
    own = np.array([p.name == name for p in made.scene.parts] + [False])
    return float((stored & own[made.scene.part_index_at(points)]).mean())


def _points(part: Part) -> PointsLps:
    grid = grid_over(part.solid.bounds_lps, _LATTICE_MM)
    return PointsLps(grid.to_lps(np.argwhere(rasterise(part.solid, grid)).astype(np.float64)))
