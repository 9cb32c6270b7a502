"""Phantoms by name: designed, scanned, with their truth."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Any, Literal, get_args

import numpy as np
from pydantic import ValidationError

from planner.config.phantoms.hip.phantom import HipPhantom
from planner.config.phantoms.scan import IdealScan, ScanSettings
from planner.config.phantoms.spine.phantom import SpinePhantom
from planner.config.settings import Settings
from planner.errors import UsageError
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.phantoms.ct_scanner import scan
from planner.phantoms.design import Design
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Solid
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
    _require_seed(seed)
    if isinstance(kind, Recipe):
        if seed:
            raise UsageError("a recipe has a seed of its own; change that one")
        return _design_recipe(_checked(kind))
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
    raise _no_such(kind)


def _no_such(kind: object) -> UsageError:
    said = repr(kind) if isinstance(kind, str) else f"a {type(kind).__name__}"
    return UsageError(f"there is no phantom {said}; choose one of {', '.join(KINDS)}, or give a recipe")


def _checked(recipe: Recipe) -> Recipe:
    """Check a recipe's fields again: `model_copy` takes any value for a changed one."""
    if strange := next(_strangers(recipe), None):
        raise UsageError(f"this {recipe.kind} cannot be built: a recipe has no field {strange!r}")
    with _in_plain_words(f"this {recipe.kind} cannot be built"):
        # Without warnings: a field of a wrong type is what is looked for here.
        return type(recipe).model_validate(recipe.model_dump(warnings=False))


def _strangers(value: object) -> Iterator[str]:
    """Name what was put into settings, or into settings within them, and is no field of theirs."""
    if isinstance(value, tuple):
        for one in value:
            yield from _strangers(one)
    elif isinstance(value, Settings):
        for name, inner in vars(value).items():
            if name not in type(value).model_fields:
                yield name
            yield from _strangers(inner)


@contextmanager
def _in_plain_words(what: str) -> Iterator[None]:
    """Turn a settings model's many-lined complaint into one line."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise UsageError(f"{what}: {where + ': ' if where else ''}{first['msg']}") from error


def _require_seed(seed: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UsageError(f"a seed is a whole number of 0 or more, not {seed!r}")


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
    _require_seed(seed)
    if kind not in KINDS:
        raise _no_such(kind)
    for name in ("defects", "altered"):
        if isinstance(choices.get(name), str):
            raise UsageError(f"`{name}` is a tuple of names: write ({choices[name]!r},)")
    draw_one = _artist(kind)
    if strange := sorted(set(choices) - set(signature(draw_one).parameters)):
        known = ", ".join(name for name in signature(draw_one).parameters if name not in ("kind", "seed"))
        raise UsageError(f"a {kind} is not drawn by {strange[0]!r}; there are {known}")
    with _in_plain_words(f"what was asked of this {kind} does not fit"):
        return draw_one(seed=seed, **choices)


def _artist(kind: PhantomKind) -> Callable[..., Recipe]:
    if kind == "hip":
        from planner.phantoms.hip.draw import draw_hip

        return draw_hip
    from planner.phantoms.spine.draw import draw_spine

    return partial(draw_spine, kind)


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
        If there is no such phantom, a recipe's field does not fit, the settings are none, or the grid lies beside the
        patient.
    CancelledError
        If the monitor stops the work.
    """
    if settings is not None and not isinstance(settings, ScanSettings | IdealScan):
        raise UsageError(f"a phantom is scanned by ScanSettings or IdealScan, not by {type(settings).__name__}")
    made = design(kind, seed=seed)
    if settings is None:
        settings = made.settings
    voxels = made.grid if grid is None else grid
    _require_in_sight(voxels, made.truth.body)
    if isinstance(settings, IdealScan):
        volume = ideal_scan(made.scene, voxels, settings, monitor=monitor)
    else:
        volume = scan(made.scene, voxels, settings, monitor=monitor)
    name: PhantomKind = kind.kind if isinstance(kind, Recipe) else kind
    return Phantom(name, volume, made.scene, made.truth, settings)


def _require_in_sight(grid: Grid, body: Solid) -> None:
    low, high = body.bounds_lps
    if np.any(grid.corners_lps.max(axis=0) < low) or np.any(grid.corners_lps.min(axis=0) > high):
        raise UsageError(
            "the grid lies beside the patient, who reaches from "
            f"({', '.join(f'{v:.0f}' for v in low)}) to ({', '.join(f'{v:.0f}' for v in high)}) LPS mm"
        )
