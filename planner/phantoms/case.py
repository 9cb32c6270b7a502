"""Phantoms by name: designed, scanned, with their truth."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from planner.config.phantoms.hip import HipPhantom
from planner.config.phantoms.scan import IdealScan, ScanSettings
from planner.config.phantoms.spine import SpinePhantom
from planner.errors import UsageError
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.phantoms.ct_scanner import scan
from planner.phantoms.design import Design
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Scene
from planner.phantoms.truth.facts import Truth
from planner.progress import SILENT, Monitor

PhantomKind = Literal["hip", "lumbar", "thoracic"]
KINDS: tuple[PhantomKind, ...] = get_args(PhantomKind)
Recipe = SpinePhantom | HipPhantom
"""What a phantom is made from, where it is none of the standard ones."""


@dataclass(frozen=True)
class Phantom:
    """A synthetic patient, scanned.

    Parameters
    ----------
    kind : PhantomKind
        Which one.
    volume : Volume
        The scan, int16 HU.
    scene : Scene
        What was scanned.
    truth : Truth
        What is true of it.
    settings : ScanSettings or IdealScan
        How it was scanned.
    """

    kind: PhantomKind
    volume: Volume
    scene: Scene
    truth: Truth
    settings: ScanSettings | IdealScan


def design(kind: PhantomKind | Recipe, *, seed: int = 0) -> Design:
    """Design a phantom without scanning it.

    Parameters
    ----------
    kind : "hip", "lumbar", "thoracic", SpinePhantom or HipPhantom
        Which of the standard ones, or a recipe.
    seed : int
        Turns the textures; a recipe brings its own.

    Returns
    -------
    Design

    Raises
    ------
    UsageError
        If there is no such phantom, or the seed is no whole number of 0 or more.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UsageError(f"a seed is a whole number of 0 or more, not {seed!r}")
    if isinstance(kind, Recipe):
        if seed:
            raise UsageError("a recipe has a seed of its own; change that one")
        return _design_recipe(kind)
    # Imported here: each anatomy loads only where it is wanted.
    if kind == "hip":
        from planner.phantoms.hip.standard import design_standard_hip

        return design_standard_hip(seed=seed)
    if kind == "lumbar":
        from planner.phantoms.spine.design import design_lumbar

        return design_lumbar(seed=seed)
    if kind == "thoracic":
        from planner.phantoms.spine.design import design_thoracic

        return design_thoracic(seed=seed)
    raise UsageError(f"there is no phantom {kind!r}; choose one of {', '.join(KINDS)}")


def _design_recipe(recipe: Recipe) -> Design:
    if isinstance(recipe, SpinePhantom):
        from planner.phantoms.spine.design import design_spine

        return design_spine(recipe)
    from planner.phantoms.hip.design import design_hip

    return design_hip(recipe)


def draw(kind: PhantomKind, *, seed: int, **choices: Any) -> Recipe:
    """Draw a random recipe: a patient from the population, hardware that fits, chosen defects.

    Parameters
    ----------
    kind : "hip", "lumbar" or "thoracic"
        Which part of the body.
    seed : int
        The same recipe for the same seed and choices.
    **choices
        As `planner.phantoms.spine.draw.draw_spine` or `planner.phantoms.hip.draw.draw_hip` takes them: `loose`,
        `defects`, `metal`, `clipped`, `decoys` and others.

    Returns
    -------
    SpinePhantom or HipPhantom
        To be changed as one likes, and made.

    Raises
    ------
    UsageError
        If there is no such phantom, or choices do not fit together.
    """
    if kind == "hip":
        from planner.phantoms.hip.draw import draw_hip

        hip: Recipe = draw_hip(seed=seed, **choices)
        return hip
    if kind in KINDS:
        from planner.phantoms.spine.draw import draw_spine

        return draw_spine(kind, seed=seed, **choices)
    raise UsageError(f"there is no phantom {kind!r}; choose one of {', '.join(KINDS)}")


def make(
    kind: PhantomKind | Recipe,
    *,
    grid: Grid | None = None,
    settings: ScanSettings | IdealScan | None = None,
    seed: int = 0,
    monitor: Monitor = SILENT,
) -> Phantom:
    """Make a phantom.

    Parameters
    ----------
    kind : "hip", "lumbar", "thoracic", SpinePhantom or HipPhantom
        Which of the standard ones, or a recipe.
    grid : Grid or None
        Voxels to store the scan in, of any orientation and spacing; None for the phantom's own.
    settings : ScanSettings, IdealScan or None
        How it is scanned; None for the phantom's own, with the physics of a CT. `design(kind).ideal` is the same scan
        without physics, and quicker.
    seed : int
        Turns the textures, and the noise where no settings are given; the shapes stay. A recipe brings its own.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    Phantom
        The same, bit for bit, for the same arguments.

    Raises
    ------
    UsageError
        If there is no such phantom.
    CancelledError
        If the monitor stops the work.
    """
    made = design(kind, seed=seed)
    if settings is None:
        settings = made.settings
    voxels = made.grid if grid is None else grid
    if isinstance(settings, IdealScan):
        volume = ideal_scan(made.scene, voxels, settings, monitor=monitor)
    else:
        volume = scan(made.scene, voxels, settings, monitor=monitor)
    name: PhantomKind = kind.kind if isinstance(kind, Recipe) else kind
    return Phantom(name, volume, made.scene, made.truth, settings)
